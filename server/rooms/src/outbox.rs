//! What goes out: messages encoded once and shared by everybody who gets the same.

use std::{collections::VecDeque, sync::Arc};

use conclave_protocol::{
    chunk::split,
    message::{RefusalCode, ServerMessage},
};

use crate::io::{ConnId, MediaCommand, Output, Priority};

/// The frames of one message, shared.
pub(crate) type Frames = Arc<[Arc<[u8]>]>;

/// Why a request was not done. The connection lives on unless the code is one of a broken protocol.
pub(crate) struct Refusal {
    pub(crate) code: RefusalCode,
    pub(crate) retry_after_ms: Option<u32>,
    pub(crate) head_seq: Option<u64>,
}

impl From<RefusalCode> for Refusal {
    fn from(code: RefusalCode) -> Self {
        Self {
            code,
            retry_after_ms: None,
            head_seq: None,
        }
    }
}

impl Refusal {
    pub(crate) fn retry(after_ms: u32) -> Self {
        Self {
            retry_after_ms: Some(after_ms),
            ..RefusalCode::RateLimited.into()
        }
    }

    pub(crate) fn backlog_gone(head_seq: u64) -> Self {
        Self {
            head_seq: Some(head_seq),
            ..RefusalCode::BacklogGone.into()
        }
    }

    pub(crate) fn stale(head_seq: u64) -> Self {
        Self {
            head_seq: Some(head_seq),
            ..RefusalCode::StaleSequence.into()
        }
    }
}

/// Outputs in the order in which they were decided.
#[derive(Default)]
pub(crate) struct Outbox {
    queue: VecDeque<Output>,
    /// Numbers long messages; wrapping is harmless, since a connection has at most one unfinished.
    next_long: u32,
}

impl Outbox {
    pub(crate) fn pop(&mut self) -> Option<Output> {
        self.queue.pop_front()
    }

    /// Says that a connection is admitted.
    pub(crate) fn admitted(&mut self, conn: ConnId) {
        self.queue.push_back(Output::Admitted { conn });
    }

    /// One short message at high priority.
    pub(crate) fn send(&mut self, conn: ConnId, message: &ServerMessage) {
        self.send_all([conn], message);
    }

    /// One short message at high priority to many, encoded once. Never in pieces: those would interleave with the low queue's.
    pub(crate) fn send_all(&mut self, conns: impl IntoIterator<Item = ConnId>, message: &ServerMessage) {
        let bytes: Arc<[u8]> = message.encode().into();
        for conn in conns {
            let bytes = Arc::clone(&bytes);
            self.queue.push_back(Output::Send {
                conn,
                priority: Priority::High,
                bytes,
            });
        }
    }

    /// The frames of a message that may be long.
    pub(crate) fn frames(&mut self, message: &ServerMessage) -> Frames {
        self.next_long = self.next_long.wrapping_add(1);
        split::<ServerMessage>(message.encode(), self.next_long)
            .into_iter()
            .map(Into::into)
            .collect()
    }

    /// Prepared frames at low priority.
    pub(crate) fn send_low(&mut self, conn: ConnId, frames: &Frames) {
        for bytes in frames.iter().map(Arc::clone) {
            self.queue.push_back(Output::Send {
                conn,
                priority: Priority::Low,
                bytes,
            });
        }
    }

    pub(crate) fn refuse(&mut self, conn: ConnId, re: u8, refusal: &Refusal) {
        let Refusal {
            code,
            retry_after_ms,
            head_seq,
        } = *refusal;
        self.send(
            conn,
            &ServerMessage::Refused {
                re,
                code,
                retry_after_ms,
                head_seq,
            },
        );
    }

    pub(crate) fn close(&mut self, conn: ConnId, code: u16) {
        self.queue.push_back(Output::Close { conn, code });
    }

    /// Anything else, in its place in the order.
    pub(crate) fn push(&mut self, output: Output) {
        self.queue.push_back(output);
    }

    pub(crate) fn media(&mut self, command: MediaCommand) {
        self.queue.push_back(Output::Media(command));
    }
}
