//! Who is in the call, as the leaves and the beacons say.
//!
//! Does not remove anybody and never believes the server: members come and go with leaves ([`arrivals`]), presence comes from beacons ([`silence`]).

mod arrivals;
mod entry;
mod silence;

use std::collections::BTreeMap;

use conclave_protocol::ids::{MemberId, TransportId};

use super::lines::LineNumber;
use crate::io::DepartReason;
use crate::limits::REMEMBER_MS;

pub(crate) use arrivals::Change;
use arrivals::Remembered;
pub(crate) use entry::Entry;
pub(crate) use silence::beacon_interval;

/// Everybody, this member included.
pub(crate) struct Roster {
    own: MemberId,
    entries: BTreeMap<MemberId, Entry>,
    /// Who was removed for their silence and may come back by a proof.
    remembered: BTreeMap<MemberId, Remembered>,
    /// Leaf keys that were in the tree and went, and when.
    gone: BTreeMap<[u8; 32], u64>,
    next_order: u64,
}

impl Roster {
    pub(crate) fn new(own: MemberId) -> Self {
        Self {
            own,
            entries: BTreeMap::new(),
            remembered: BTreeMap::new(),
            gone: BTreeMap::new(),
            next_order: 0,
        }
    }

    pub(crate) fn own(&self) -> MemberId {
        self.own
    }

    /// Sets the committers' order of a new epoch.
    pub(crate) fn rank(&mut self, of: impl Fn(&MemberId) -> [u8; 32]) {
        for (id, entry) in &mut self.entries {
            entry.rank = of(id);
        }
    }

    /// The name of who wrote a line, the first time that it comes.
    pub(crate) fn first_says(&mut self, member: &MemberId, number: LineNumber) -> Option<String> {
        let entry = self.entries.get_mut(member)?;
        entry.lines.is_new(number).then(|| entry.name.clone())
    }

    /// The leaf key that a resume proof of this member must be good under: of their leaf, or of the one that was removed for their silence.
    pub(crate) fn key_of(&self, now: u64, member: &MemberId) -> Option<[u8; 32]> {
        match self.entries.get(member) {
            Some(entry) => Some(entry.key),
            None => self.remembered_key(now, member),
        }
    }

    /// The key of a leaf that was in the tree not long ago, and is not any more.
    pub(crate) fn was_here(&self, key: &[u8; 32]) -> bool {
        self.gone.contains_key(key)
    }

    /// The key of somebody who was removed for their silence not long ago.
    pub(crate) fn remembered_key(&self, now: u64, member: &MemberId) -> Option<[u8; 32]> {
        let fresh = |r: &&Remembered| now.saturating_sub(r.since) < REMEMBER_MS;
        self.remembered.get(member).filter(fresh).map(|r| r.key)
    }

    /// Somebody said goodbye, by their leaf's signature.
    pub(crate) fn leaves(&mut self, member: &MemberId) -> Option<Change> {
        let entry = self.entries.get_mut(member)?;
        if entry.leaving || *member == self.own {
            return None;
        }
        entry.leaving = true;
        Some(Change::Departed {
            name: entry.name.clone(),
            reason: DepartReason::Left,
        })
    }

    /// SECURITY: whoever was removed by order has no place to take back; they are strangers from here on.
    pub(crate) fn forget_places(&mut self, expelled: &[MemberId]) {
        self.remembered.retain(|id, _| !expelled.contains(id));
    }

    /// Keeps the signature of a goodbye: it goes into the commit that removes the leaf.
    pub(crate) fn keep_farewell(&mut self, now: u64, member: &MemberId, signature: [u8; 64]) {
        if let Some(entry) = self.entries.get_mut(member).filter(|e| e.leaving) {
            entry.farewell = Some(signature);
            entry.left_at = Some(now);
        }
    }

    /// Everybody else.
    pub(crate) fn others(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|(id, _)| **id != self.own).map(|(_, e)| e)
    }

    /// Members whose id begins like this.
    pub(crate) fn beginning_with<'a>(&'a self, start: &'a [u8]) -> impl Iterator<Item = MemberId> + 'a {
        let mut lowest = [0; 16];
        lowest.iter_mut().zip(start).for_each(|(to, from)| *to = *from);
        let from = self.entries.range(MemberId::from_bytes(lowest)..).map(|(id, _)| *id);
        from.take_while(move |id| id.as_bytes().starts_with(start))
    }

    pub(crate) fn entry(&self, member: &MemberId) -> Option<&Entry> {
        self.entries.get(member)
    }

    /// Somebody has this transport, other than `but`.
    pub(crate) fn has_transport(&self, transport: &TransportId, but: Option<&MemberId>) -> bool {
        self.entries
            .iter()
            .any(|(id, e)| e.data.transport_id == *transport && Some(id) != but)
    }

    pub(crate) fn contains(&self, member: &MemberId) -> bool {
        self.entries.contains_key(member)
    }

    /// In order of arrival, this member first; without those who said goodbye.
    pub(crate) fn in_order(&self) -> Vec<&Entry> {
        let mut all: Vec<&Entry> = self.entries.values().filter(|e| !e.leaving).collect();
        all.sort_by_key(|e| (e.data.member_id != self.own, e.order));
        all
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Codecs that everybody can decode.
    pub(crate) fn common_codecs(&self) -> u8 {
        self.entries
            .values()
            .filter(|e| !e.leaving)
            .fold(u8::MAX, |all, e| all & e.data.codecs)
    }
}
