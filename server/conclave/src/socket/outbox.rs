//! What waits to be written to one socket: two bounded queues, high before low.
//!
//! The control task pushes and never waits; the socket's writer takes. A queue that overflows ends its own connection:
//! a member that reads too slowly must not make the others wait.
//!
//! INVARIANT: after [`Outbox::end`] nothing is queued any more; what stands in the high queue is still written (it may say why),
//! the low queue is dropped. After an overflow both are.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::CloseCode;
use crate::limits;

/// Queue of one connection.
pub(crate) struct Outbox {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    high: Queue,
    low: Queue,
    end: Option<CloseCode>,
}

#[derive(Default)]
struct Queue {
    messages: VecDeque<Arc<[u8]>>,
    bytes: usize,
}

/// Which queue.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Notices, chat, refusals.
    High,
    /// Large bodies in chunks.
    Low,
}

/// What the writer does next.
pub(crate) enum Next {
    /// Write this message.
    Message(Arc<[u8]>),
    /// Write a close frame that repeats this reason, and stop.
    Close(CloseCode),
}

impl Queue {
    fn push(&mut self, message: Arc<[u8]>, max_messages: usize, max_bytes: usize) -> bool {
        let bytes = self.bytes.saturating_add(message.len());
        if self.messages.len() >= max_messages || bytes > max_bytes {
            return false;
        }
        self.bytes = bytes;
        self.messages.push_back(message);
        true
    }

    fn pop(&mut self) -> Option<Arc<[u8]>> {
        let message = self.messages.pop_front()?;
        self.bytes = self.bytes.saturating_sub(message.len());
        Some(message)
    }
}

impl Outbox {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::default(),
            changed: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a message. On overflow everything queued is dropped and the connection ends.
    pub(crate) fn push(&self, lane: Lane, message: Arc<[u8]>) {
        let mut state = self.state();
        if state.end.is_some() {
            return;
        }
        let taken = match lane {
            Lane::High => state
                .high
                .push(message, limits::HIGH_QUEUE_MESSAGES, limits::HIGH_QUEUE_BYTES),
            Lane::Low => state
                .low
                .push(message, limits::LOW_QUEUE_MESSAGES, limits::LOW_QUEUE_BYTES),
        };
        if !taken {
            *state = State {
                end: Some(CloseCode::OVERFLOW),
                ..State::default()
            };
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Ends the connection once the high queue has been written. The first reason stays.
    pub(crate) fn end(&self, code: CloseCode) {
        let mut state = self.state();
        state.end.get_or_insert(code);
        state.low = Queue::default();
        drop(state);
        self.changed.notify_one();
    }

    /// Waits for what to do next. Cancel safe: nothing is taken unless it is returned.
    pub(crate) async fn next(&self) -> Next {
        loop {
            // A permit of `notify_one` is kept until somebody waits, so no change between the look and the wait is lost.
            if let Some(next) = self.try_next() {
                return next;
            }
            self.changed.notified().await;
        }
    }

    fn try_next(&self) -> Option<Next> {
        let mut state = self.state();
        if let Some(message) = state.high.pop().or_else(|| state.low.pop()) {
            return Some(Next::Message(message));
        }
        state.end.map(Next::Close)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(byte: u8, length: usize) -> Arc<[u8]> {
        vec![byte; length].into()
    }

    fn first_bytes(outbox: &Outbox) -> Vec<u8> {
        std::iter::from_fn(|| match outbox.try_next() {
            Some(Next::Message(message)) => message.first().copied(),
            Some(Next::Close(_)) | None => None,
        })
        .collect()
    }

    #[test]
    fn high_goes_before_low_and_order_is_kept_within_each() {
        let outbox = Outbox::new();
        for (lane, byte) in [(Lane::Low, 1), (Lane::Low, 2), (Lane::High, 3), (Lane::High, 4)] {
            outbox.push(lane, message(byte, 1));
        }
        assert_eq!(first_bytes(&outbox), [3, 4, 1, 2]);
    }

    #[test]
    fn at_the_end_the_high_queue_is_still_written_and_the_low_one_is_not() {
        let outbox = Outbox::new();
        outbox.push(Lane::Low, message(9, 1));
        outbox.push(Lane::High, message(1, 1));
        outbox.end(CloseCode(4005));
        outbox.push(Lane::High, message(2, 1));
        outbox.end(CloseCode(4011));
        assert_eq!(first_bytes(&outbox), [1]);
        assert!(matches!(outbox.try_next(), Some(Next::Close(code)) if code == CloseCode(4005)));
    }

    #[test]
    fn an_overflow_by_bytes_or_by_number_ends_the_connection_and_frees_the_queue() {
        let by_bytes = Outbox::new();
        let by_number = Outbox::new();
        for _ in 0..=limits::LOW_QUEUE_BYTES / (1 << 20) {
            by_bytes.push(Lane::Low, message(0, 1 << 20));
        }
        for _ in 0..=limits::HIGH_QUEUE_MESSAGES {
            by_number.push(Lane::High, message(0, 1));
        }
        for outbox in [by_bytes, by_number] {
            assert!(matches!(outbox.try_next(), Some(Next::Close(code)) if code == CloseCode::OVERFLOW));
        }
    }

    #[tokio::test]
    async fn a_waiting_writer_is_woken() {
        let outbox = Arc::new(Outbox::new());
        let waiting = tokio::spawn({
            let outbox = Arc::clone(&outbox);
            async move { matches!(outbox.next().await, Next::Message(_)) }
        });
        tokio::task::yield_now().await;
        outbox.push(Lane::Low, message(1, 1));
        assert!(waiting.await.is_ok_and(|woken| woken));
    }
}
