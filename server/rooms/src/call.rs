//! One call of a room: who takes part, its log, its card, its floor.

use std::{collections::BTreeMap, sync::Arc};

use conclave_protocol::{
    ids::{CallId, TransportId},
    message::CallHead,
};

use crate::{
    call_log::CallLog,
    floor::Floor,
    io::{ConnId, MediaCallKey},
    restart::Restart,
};

/// How long a call outlives its last connection. A server restart or a dead access point takes all members away at once; they come back within
/// this time to their own sequence. Longer keeps an id in memory for nobody.
const EMPTY_MS: u64 = 60_000;

/// How long a welcome lets its addressee read without taking part. Clients attach within a round trip and a few seconds of a slow line; longer only
/// feeds connections that chose another call.
const READ_MS: u64 = 20_000;

/// One call.
pub(crate) struct Call {
    pub(crate) media: MediaCallKey,
    pub(crate) log: CallLog,
    pub(crate) floor: Floor,
    /// The newest card's envelope.
    pub(crate) card: Option<Arc<[u8]>>,
    /// Sequences are still being collected after a restart; no commit is taken.
    pub(crate) restart: Option<Restart>,
    attached: BTreeMap<ConnId, TransportId>,
    /// Who was welcomed and does not take part yet, and since when: they get messages, so that nothing said after their welcome is lost.
    readers: BTreeMap<ConnId, u64>,
    empty_since: Option<u64>,
    /// The soonest timer that is set for this call.
    pub(crate) armed: Option<u64>,
}

impl Call {
    /// A call whose log begins at `head_seq`: a new one at 0, one that comes back at what its first member names.
    pub(crate) fn new(media: MediaCallKey, head_seq: u64, now_ms: u64) -> Self {
        Self {
            media,
            log: CallLog::starting_at(head_seq),
            floor: Floor::default(),
            card: None,
            restart: (head_seq > 0).then(|| Restart::begin(now_ms)),
            attached: BTreeMap::new(),
            readers: BTreeMap::new(),
            empty_since: Some(now_ms),
            armed: None,
        }
    }

    /// Takes part, from the beginning: tracks of a part before are gone. True if there was one.
    pub(crate) fn attach(&mut self, conn: ConnId, transport: TransportId) -> bool {
        self.empty_since = None;
        let before = self.attached.insert(conn, transport).is_some();
        if before {
            self.floor.leave(transport);
        }
        before
    }

    /// No longer takes part.
    pub(crate) fn detach(&mut self, conn: ConnId, now_ms: u64) {
        if let Some(transport) = self.attached.remove(&conn) {
            self.floor.leave(transport);
        }
        if let Some(restart) = &mut self.restart {
            restart.forget(conn);
        }
        if self.attached.is_empty() {
            self.empty_since.get_or_insert(now_ms);
            // Its key is gone with its members, or will be renewed by whoever comes back.
            self.card = None;
        }
    }

    /// A welcome for this connection was taken: the call is open for it, read-only, until it takes part somewhere.
    pub(crate) fn let_read(&mut self, conn: ConnId, now_ms: u64) {
        self.readers.insert(conn, now_ms);
    }

    /// It takes part now, was removed again, or is gone.
    pub(crate) fn end_reading(&mut self, conn: ConnId) {
        self.readers.remove(&conn);
    }

    /// Everybody who gets messages.
    pub(crate) fn listeners(&mut self, now_ms: u64) -> Vec<ConnId> {
        self.readers.retain(|_, since| now_ms.saturating_sub(*since) < READ_MS);
        self.attached.keys().chain(self.readers.keys()).copied().collect()
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
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        [
            self.restart.as_ref().map(|r| r.until_ms),
            self.empty_since.map(|since| since + EMPTY_MS),
            self.log.next_expiry(),
            self.floor.next_list(),
        ]
        .into_iter()
        .flatten()
        .min()
    }
}
