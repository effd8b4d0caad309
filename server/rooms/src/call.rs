//! One call of a room: who takes part, its log, its card, its floor.

use std::{collections::BTreeMap, sync::Arc};

use conclave_protocol::{
    ids::{CallId, TransportId},
    message::CallHead,
};

use crate::{
    call_log::CallLog,
    floor::Floor,
    gate::Gates,
    io::{ConnId, MediaCallKey},
    outbox::Frames,
};

/// How long a call outlives its last connection. A server restart or a dead access point takes all members away at once; they come back within
/// this time to their own sequence. Longer keeps an id in memory for nobody.
const EMPTY_MS: u64 = 60_000;

/// How long a welcome lets its addressee read without taking part. Clients attach within a round trip and a few seconds of a slow line; longer only
/// feeds connections that chose another call.
const READ_MS: u64 = 20_000;

/// A connection that takes part.
struct Attached {
    transport: TransportId,
    /// The last sequence that it named or was sent.
    sent: u64,
}

/// One call.
pub(crate) struct Call {
    pub(crate) media: MediaCallKey,
    pub(crate) log: CallLog,
    pub(crate) floor: Floor,
    /// The newest card's envelope.
    pub(crate) card: Option<Arc<[u8]>>,
    /// Who has which rights in it.
    pub(crate) gates: Gates,
    attached: BTreeMap<ConnId, Attached>,
    /// Who was welcomed and has no rights yet, and since when: they get messages, so that nothing said after their welcome is lost.
    readers: BTreeMap<ConnId, (TransportId, u64)>,
    empty_since: Option<u64>,
    /// The soonest timer that is set for this call.
    pub(crate) armed: Option<u64>,
}

impl Call {
    /// A call that this server has just heard of, from somebody who names `have_seq`. `asked`: others may remember more of it.
    pub(crate) fn new(media: MediaCallKey, have_seq: u64, now_ms: u64, asked: bool) -> Self {
        Self {
            media,
            log: CallLog::starting_at(have_seq),
            floor: Floor::default(),
            card: None,
            gates: Gates::new(now_ms, have_seq, asked),
            attached: BTreeMap::new(),
            readers: BTreeMap::new(),
            empty_since: Some(now_ms),
            armed: None,
        }
    }

    /// Takes part, from the beginning: tracks of a part before are gone. True if there was one.
    pub(crate) fn attach(&mut self, now_ms: u64, conn: ConnId, transport: TransportId, have_seq: u64) -> bool {
        self.empty_since = None;
        let attached = Attached {
            transport,
            sent: have_seq,
        };
        let before = self.attached.insert(conn, attached).is_some();
        if before {
            self.floor.leave(transport);
        }
        self.gates.attach(now_ms, conn, transport, have_seq);
        before
    }

    /// No longer takes part. Gives the sequence at which the log begins anew, if that decides so.
    pub(crate) fn detach(&mut self, conn: ConnId, now_ms: u64) -> Option<u64> {
        if let Some(attached) = self.attached.remove(&conn) {
            self.floor.leave(attached.transport);
        }
        let begun = self.gates.detach(now_ms, conn);
        if self.attached.is_empty() {
            self.empty_since.get_or_insert(now_ms);
            // Its key is gone with its members, or will be renewed by whoever comes back.
            self.card = None;
        }
        begun
    }

    /// Everybody starts from the sequence that was elected.
    pub(crate) fn begin_anew(&mut self, seq: u64) {
        self.log = CallLog::starting_at(seq);
        for attached in self.attached.values_mut() {
            attached.sent = seq;
        }
    }

    /// A welcome for this connection was taken: the call is open for it, read-only, until it has its rights in it or takes part somewhere else.
    pub(crate) fn let_read(&mut self, conn: ConnId, transport: TransportId, now_ms: u64) {
        self.readers.insert(conn, (transport, now_ms));
    }

    /// It has its rights, was removed again, takes part elsewhere, or is gone.
    pub(crate) fn end_reading(&mut self, conn: ConnId) {
        self.readers.remove(&conn);
    }

    /// Everybody who gets messages: whoever has proven the gate, and whoever was welcomed a moment ago by a commit that is not void.
    pub(crate) fn listeners(&mut self, now_ms: u64) -> Vec<ConnId> {
        let gates = &self.gates;
        self.readers
            .retain(|_, (transport, since)| now_ms.saturating_sub(*since) < READ_MS && gates.is_awaited(*transport));
        self.inside().chain(self.readers.keys().copied()).collect()
    }

    /// Everybody who has proven the gate.
    pub(crate) fn inside(&self) -> impl Iterator<Item = ConnId> + '_ {
        self.attached().filter(|conn| self.gates.has_rights(*conn))
    }

    /// Those who may read the commit of sequence `seq`, and have not been sent it. Whoever was removed and brought in again meanwhile has to attach again, from its
    /// welcome on: behind what it had before there is a hole.
    pub(crate) fn readers_of(&self, seq: u64) -> Vec<ConnId> {
        let reads = |a: &Attached| {
            let span = self.gates.reads(a.transport);
            span.is_some_and(|(from, until)| from <= a.sent && seq > a.sent && until.is_none_or(|until| seq <= until))
        };
        self.attached
            .iter()
            .filter(|(_, a)| reads(a))
            .map(|(conn, _)| *conn)
            .collect()
    }

    /// The commits that each may read and was not sent: what is new, or what became theirs to read. Marks them as sent.
    pub(crate) fn take_unsent(&mut self) -> Vec<(ConnId, Frames)> {
        let mut unsent = Vec::new();
        let head = self.log.head_seq();
        for (conn, attached) in self.attached.iter_mut().filter(|(_, a)| a.sent < head) {
            let Some((from, until)) = self.gates.reads(attached.transport) else {
                continue;
            };
            if from > attached.sent {
                continue;
            }
            for (seq, frames) in self.log.between(attached.sent, until.unwrap_or(head)) {
                attached.sent = seq;
                unsent.push((*conn, Frames::clone(frames)));
            }
        }
        unsent
    }

    pub(crate) fn transport_of(&self, conn: ConnId) -> Option<TransportId> {
        self.attached.get(&conn).map(|a| a.transport)
    }

    /// Everybody who takes part.
    pub(crate) fn attached(&self) -> impl Iterator<Item = ConnId> + '_ {
        self.attached.keys().copied()
    }

    pub(crate) fn has(&self, conn: ConnId) -> bool {
        self.attached.contains_key(&conn)
    }

    /// Since when nobody takes part, if so.
    pub(crate) fn empty_since(&self) -> Option<u64> {
        self.empty_since
    }

    /// Nobody has taken part for so long that it is over.
    pub(crate) fn is_over(&self, now_ms: u64) -> bool {
        self.empty_since
            .is_some_and(|since| now_ms.saturating_sub(since) >= EMPTY_MS)
    }

    pub(crate) fn head(&self, call_id: CallId) -> CallHead {
        CallHead {
            call_id,
            head_seq: self.log.head_seq(),
            card: self.card.as_deref().map(<[u8]>::to_vec),
        }
    }

    /// When it has to be looked at again.
    pub(crate) fn next_deadline(&self, now_ms: u64) -> Option<u64> {
        [
            self.gates.next_deadline(now_ms),
            self.empty_since.map(|since| since + EMPTY_MS),
            self.log.next_expiry(),
            self.floor.next_list(),
        ]
        .into_iter()
        .flatten()
        .min()
    }
}
