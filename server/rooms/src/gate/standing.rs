//! What follows for each tab and connection from what is decided, and from what is not: what it may read, and whether it may speak and hear.
//!
//! Deliberately absent: acting on it. The rest of the crate asks, and follows [`Gates::changes`].

use conclave_protocol::ids::TransportId;

use super::{Candidate, Gates, Stand};
use crate::io::ConnId;

impl Gates {
    /// Whether this tab may take part at all: the log brought it in, or the server has yet to learn who is.
    pub(crate) fn may_attach(&self, transport: TransportId) -> bool {
        self.live.is_none() || self.election.is_some() || self.reads(transport).is_some()
    }

    /// Which commits this tab may read: those after the first sequence, up to the second if it was removed there.
    pub(crate) fn reads(&self, transport: TransportId) -> Option<(u64, Option<u64>)> {
        let mut span = self.roster.span(transport);
        for c in &self.pending {
            let (dropped, added) = (c.drop.contains(&transport), c.add.contains(&transport));
            span = match span {
                // Removed and added in one commit: it was a member before and is one after.
                Some((from, None)) if dropped && !added => Some((from, Some(c.seq))),
                Some((_, Some(_))) | None if added => Some((c.seq, None)),
                other => other,
            };
        }
        span
    }

    /// Whether this tab was removed and has read that it was. If that is not decided yet it may come, and say that it is not so.
    pub(crate) fn was_removed(&self, transport: TransportId, have_seq: u64) -> bool {
        let span = self
            .roster
            .span(transport)
            .filter(|_| self.reads(transport) == self.roster.span(transport));
        span.and_then(|(_, until)| until).is_some_and(|until| have_seq >= until)
    }

    /// Whether a tab that was welcomed and does not take part yet still is.
    pub(crate) fn is_awaited(&self, transport: TransportId) -> bool {
        matches!(self.reads(transport), Some((_, None)))
    }

    /// Whether this connection may speak, hear, send and receive.
    pub(crate) fn has_rights(&self, conn: ConnId) -> bool {
        self.stands.get(&conn).is_some_and(|stand| self.rights_of(stand))
    }

    fn rights_of(&self, stand: &Stand) -> bool {
        let is_in = self.roster.counts(stand.transport) || self.is_let_in(stand);
        stand.proven && is_in && !self.is_contested(stand.transport)
    }

    /// Stands at a commit that brought it in, which is not decided, and for which most of those are who spoke.
    fn is_let_in(&self, stand: &Stand) -> bool {
        let Some((_, at)) = stand.at else { return false };
        let brings = |c: &&Candidate| c.opens && c.add.contains(&stand.transport);
        self.pending.iter().filter(brings).any(|c| self.follows(at, c.gate))
    }

    /// Whose rights have changed since this was last asked.
    pub(crate) fn changes(&mut self) -> Vec<(ConnId, bool)> {
        let now: Vec<(ConnId, bool)> = self.stands.iter().map(|(c, s)| (*c, self.rights_of(s))).collect();
        let changed = now.into_iter().filter(|(conn, on)| {
            let stand = self.stands.get_mut(conn);
            stand.is_some_and(|stand| std::mem::replace(&mut stand.told, *on) != *on)
        });
        changed.collect()
    }

    /// Attached connections that have no place here, once it is known who has: removed for good (`true`), or never brought in.
    pub(crate) fn strangers(&self) -> Vec<(ConnId, bool)> {
        if self.live.is_none() || self.election.is_some() {
            return Vec::new();
        }
        let gone = |s: &Stand| !self.is_awaited(s.transport) && !self.is_contested(s.transport);
        let strangers = self.stands.iter().filter(|(_, s)| gone(s));
        strangers
            .map(|(conn, s)| (*conn, self.reads(s.transport).is_some()))
            .collect()
    }

    /// Somebody says that this tab is to go, and it is not decided. Removed and added in one commit it is a member before and after.
    fn is_contested(&self, transport: TransportId) -> bool {
        let goes = |c: &Candidate| c.drop.contains(&transport) && !c.add.contains(&transport);
        self.pending.iter().any(goes)
    }
}
