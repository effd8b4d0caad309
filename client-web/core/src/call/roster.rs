//! Who is in the call, as the leaves and the beacons say.
//!
//! Does not remove anybody and never believes the server: members come and go with leaves, presence comes from beacons.

use std::collections::BTreeMap;

use conclave_protocol::ids::{CallId, MemberId, TransportId};
use conclave_protocol::role::LeafName;

use super::lines::{LineNumber, Shown};
use super::words::Beacon;
use crate::group::{Leaf, LeafData, PolicyFault, demand, verify_resume};
use crate::io::{DepartReason, Presence};
use crate::limits::{
    BEACON_MS, BEACON_PER_MEMBER_MS, GONE_KEPT_MS, HIDDEN_LOST_AFTER_MS, LOST_AFTER_MS, MAX_REMEMBERED,
    NO_COMPANY_AFTER_MS, READD_AFTER_MS, REMEMBER_MS, REMOVE_AFTER_MS,
};
use crate::text::clean_name;

/// What a name becomes of which nothing is left.
const NAMELESS: &str = "?";

/// One member.
pub(crate) struct Entry {
    pub(crate) leaf: u32,
    /// Its leaf's signature key.
    pub(crate) key: [u8; 32],
    pub(crate) data: LeafData,
    pub(crate) name: String,
    /// Counts up with each arrival: a stable order for the screen and the slots.
    pub(crate) order: u64,
    /// When this leaf came into the tree, as far as this member saw.
    added_at: u64,
    heard_at: u64,
    pub(crate) beacon: Option<Beacon>,
    pub(crate) lost: bool,
    pub(crate) leaving: bool,
    /// The signature of their goodbye, and when it came.
    pub(crate) farewell: Option<[u8; 64]>,
    left_at: Option<u64>,
    lines: Shown,
}

/// Somebody came or went.
pub(crate) enum Change {
    Arrived { name: String },
    Returned { name: String },
    Departed { name: String, reason: DepartReason },
}

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

/// What is kept of somebody who fell silent.
struct Remembered {
    key: [u8; 32],
    order: u64,
    since: u64,
}

/// Interval of beacons in a group of `n`.
pub(crate) fn beacon_interval(n: usize) -> u64 {
    BEACON_MS.max(BEACON_PER_MEMBER_MS * n as u64)
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

    /// Follows the tree. `first` is the picture at joining: nobody of it "arrives". `removed`: leaves that the commit removed; who is still there was added anew.
    pub(crate) fn follow(
        &mut self,
        now: u64,
        call: &CallId,
        leaves: Vec<Leaf>,
        removed: &[u32],
        first: bool,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        let present: BTreeMap<MemberId, Leaf> = leaves.into_iter().map(|l| (l.data.member_id, l)).collect();
        let remembered = &mut self.remembered;
        remembered.retain(|_, r| now.saturating_sub(r.since) < REMEMBER_MS);
        let gone = &mut self.gone;
        gone.retain(|_, since| now.saturating_sub(*since) < GONE_KEPT_MS);
        self.entries.retain(|id, entry| {
            let stays = present.contains_key(id);
            if present.get(id).is_none_or(|leaf| leaf.key != entry.key) {
                gone.insert(entry.key, now);
            }
            if !stays && !entry.leaving {
                // SECURITY: whoever said goodbye is not remembered; their key opens no way back.
                let gone = Remembered {
                    key: entry.key,
                    order: entry.order,
                    since: now,
                };
                remembered.insert(*id, gone);
            }
            if !stays {
                let reason = match (entry.leaving, entry.lost) {
                    (true, _) => DepartReason::Left,
                    (false, true) => DepartReason::LostConnection,
                    (false, false) => DepartReason::Removed,
                };
                // Whoever said goodbye was announced then.
                if !entry.leaving {
                    changes.push(Change::Departed {
                        name: entry.name.clone(),
                        reason,
                    });
                }
            }
            stays
        });
        let mut fresh: Vec<Leaf> = Vec::new();
        for (id, leaf) in present {
            match self.entries.get_mut(&id) {
                Some(entry) if removed.contains(&entry.leaf) => changes.extend(entry.added_anew(now, leaf)),
                Some(entry) => entry.leaf = leaf.index,
                None => fresh.push(leaf),
            }
        }
        fresh.sort_by_key(|l| l.index);
        for leaf in fresh {
            let name = clean_name(&leaf.data.name).unwrap_or_else(|| NAMELESS.to_owned());
            let back = self.remembered.remove(&leaf.data.member_id).filter(|r| {
                let (id, proof) = (&leaf.data.member_id, leaf.data.resume);
                let proven = proof.is_some_and(|proof| verify_resume(&r.key, call, id, &leaf.key, &proof));
                demand(PolicyFault::ShownAsBack, proven).is_ok() // MEM-044
            });
            if !first && leaf.data.member_id != self.own {
                let name = name.clone();
                // SECURITY: without a good proof somebody under an id of before is a stranger.
                changes.push(match &back {
                    Some(_) => Change::Returned { name },
                    None => Change::Arrived { name },
                });
            }
            let order = back.map_or(self.next_order, |r| r.order);
            self.next_order = self.next_order.max(order + 1);
            let entry = Entry {
                leaf: leaf.index,
                key: leaf.key,
                name,
                order,
                added_at: now,
                heard_at: now,
                beacon: None,
                lost: false,
                leaving: false,
                farewell: None,
                left_at: None,
                lines: Shown::default(),
                data: leaf.data,
            };
            self.entries.insert(entry.data.member_id, entry);
        }
        while self.remembered.len() > MAX_REMEMBERED {
            let oldest = self.remembered.iter().min_by_key(|(_, r)| r.since).map(|(id, _)| *id);
            let Some(oldest) = oldest else { break };
            self.remembered.remove(&oldest);
        }
        changes
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

    /// A sign of life. Gives `true` if what the screen shows changed.
    pub(crate) fn beacon(&mut self, now: u64, from: &MemberId, beacon: Beacon) -> bool {
        let Some(entry) = self.entries.get_mut(from) else {
            return false;
        };
        entry.heard_at = now;
        let shown = |b: Beacon| (b.hand, b.hidden, b.on);
        let changed = entry.lost || entry.beacon.map(shown) != Some(shown(beacon));
        entry.beacon = Some(beacon);
        entry.lost = false;
        changed
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

    /// While this member itself was cut off, nobody else fell silent.
    pub(crate) fn forgive(&mut self, now: u64) {
        for entry in self.entries.values_mut() {
            entry.heard_at = now;
        }
    }

    /// Marks those not heard of. Gives `true` if anything changed.
    pub(crate) fn mark_lost(&mut self, now: u64) -> bool {
        let after = self.lost_after();
        let own = self.own;
        let mut changed = false;
        for (id, entry) in &mut self.entries {
            if *id != own && !entry.lost && now.saturating_sub(entry.heard_at) >= entry.lost_after(after) {
                entry.lost = true;
                changed = true;
            }
        }
        changed
    }

    fn lost_after(&self) -> u64 {
        LOST_AFTER_MS.max(4 * beacon_interval(self.entries.len()))
    }

    /// The next time at which somebody could become lost or due for removal.
    pub(crate) fn timeout(&self) -> Option<u64> {
        let after = self.lost_after();
        self.entries
            .iter()
            .filter(|(id, _)| **id != self.own)
            .map(|(_, e)| e.heard_at + if e.lost { REMOVE_AFTER_MS } else { e.lost_after(after) })
            .min()
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

    /// Those silent for too long, and for how much longer.
    pub(crate) fn silent(&self, now: u64) -> impl Iterator<Item = (LeafName, u64)> {
        self.entries
            .iter()
            .filter(|(id, e)| **id != self.own && !e.leaving)
            .filter_map(move |(_, e)| {
                let over = now.saturating_sub(e.heard_at).checked_sub(REMOVE_AFTER_MS)?;
                Some((e.leaf_name(), over))
            })
    }

    pub(crate) fn is_silent(&self, now: u64, leaf: &LeafName) -> bool {
        self.silent(now).any(|(l, _)| l == *leaf)
    }

    /// Everybody else.
    pub(crate) fn others(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|(id, _)| **id != self.own).map(|(_, e)| e)
    }

    /// When somebody who was added and never heard since may be added anew; `None` for everybody else.
    pub(crate) fn readd_at(&self, member: &MemberId) -> Option<u64> {
        let wait = READD_AFTER_MS.max(beacon_interval(self.entries.len()) * 3 / 2);
        self.entries
            .get(member)
            .filter(|e| e.beacon.is_none() && *member != self.own)
            .map(|e| e.added_at + wait)
    }

    /// Whether anybody else is there: heard at some time, or added so lately that the first beacon may be on its way.
    pub(crate) fn has_company(&self, now: u64) -> bool {
        self.entries.iter().any(|(id, e)| {
            *id != self.own
                && !e.leaving
                && (e.beacon.is_some() || now.saturating_sub(e.added_at) < NO_COMPANY_AFTER_MS)
        })
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

impl Entry {
    /// The same member under a new leaf: their Welcome was lost, or they lost their state. Every commit that does this was checked to be by the
    /// holder of the old leaf's key. Gives what the screen has to be told.
    fn added_anew(&mut self, now: u64, leaf: Leaf) -> Vec<Change> {
        let (before, was_lost, was_leaving) = (self.name.clone(), self.lost, self.leaving);
        self.leaf = leaf.index;
        self.key = leaf.key;
        self.name = clean_name(&leaf.data.name).unwrap_or_else(|| NAMELESS.to_owned());
        self.data = leaf.data;
        (self.added_at, self.heard_at) = (now, now);
        self.beacon = None;
        (self.lost, self.leaving, self.farewell) = (false, false, None);
        self.left_at = None;
        let name = self.name.clone();
        if was_leaving {
            vec![Change::Arrived { name }]
        } else if name != before {
            let reason = DepartReason::Left;
            vec![Change::Departed { name: before, reason }, Change::Arrived { name }]
        } else if was_lost {
            vec![Change::Returned { name }]
        } else {
            Vec::new()
        }
    }

    /// How orders name the leaf.
    pub(crate) fn leaf_name(&self) -> LeafName {
        LeafName {
            member: self.data.member_id,
            key: self.key,
        }
    }

    pub(crate) fn added_at(&self) -> u64 {
        self.added_at
    }

    /// When they were last heard, or forgiven for not having been.
    pub(crate) fn heard_at(&self) -> u64 {
        self.heard_at
    }

    /// When they said goodbye.
    pub(crate) fn left_at(&self) -> Option<u64> {
        self.left_at
    }

    pub(crate) fn presence(&self) -> Presence {
        if self.lost {
            Presence::LostConnection
        } else {
            Presence::Present
        }
    }

    /// Browsers run a hidden tab seldom: it said that it is hidden, and is not lost for that.
    fn lost_after(&self, shown: u64) -> u64 {
        if self.hidden() {
            shown.max(HIDDEN_LOST_AFTER_MS)
        } else {
            shown
        }
    }

    pub(crate) fn hidden(&self) -> bool {
        self.beacon.is_some_and(|b| b.hidden)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::off::stopped_by;
    use crate::group::{LeafKey, prove_resume};

    fn leaf(n: u8, key: u8) -> Leaf {
        Leaf {
            index: u32::from(n),
            key: LeafKey::from_seed(&[key; 32]).public(),
            data: LeafData::plain(
                MemberId::from_bytes([n; 16]),
                TransportId::from_bytes([n; 16]),
                "somebody".to_owned(),
                0,
            ),
        }
    }

    /// Member 2 falls silent, is removed, and a leaf with key 9 comes under its id; gives whether it is shown as being back.
    fn shown_as_back(call: &CallId, proof: Option<[u8; 64]>) -> bool {
        let mut roster = Roster::new(MemberId::from_bytes([1; 16]));
        roster.follow(0, call, vec![leaf(1, 1), leaf(2, 2)], &[], true);
        roster.follow(1, call, vec![leaf(1, 1)], &[2], false);
        let mut heir = leaf(2, 9);
        heir.data.resume = proof;
        let changes = roster.follow(2, call, vec![leaf(1, 1), heir], &[], false);
        matches!(changes.as_slice(), [Change::Returned { .. }])
    }

    #[test]
    fn mem_044_only_who_proves_it_is_shown_as_being_back() {
        let call = CallId::from_bytes([7; 16]);
        let (id, new) = (MemberId::from_bytes([2; 16]), leaf(2, 9).key);
        let by = |seed| prove_resume(&LeafKey::from_seed(&[seed; 32]), &call, &id, &new);
        assert!(shown_as_back(&call, Some(by(2))));
        for proof in [None, Some(by(3))] {
            stopped_by(PolicyFault::ShownAsBack, || shown_as_back(&call, proof));
        }
    }
}
