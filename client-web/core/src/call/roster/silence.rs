//! Signs of life, and what follows from their absence.
//!
//! Does not remove anybody: it says who is silent, and for how long. SPEC: protocol.md §2, "Beacons".

use conclave_protocol::ids::MemberId;
use conclave_protocol::role::LeafName;

use super::Roster;
use crate::call::words::Beacon;
use crate::limits::{
    BEACON_MS, BEACON_PER_MEMBER_MS, LOST_AFTER_MS, NO_COMPANY_AFTER_MS, READD_AFTER_MS, REMOVE_AFTER_MS,
};

/// Interval of beacons in a group of `n`.
pub(crate) fn beacon_interval(n: usize) -> u64 {
    BEACON_MS.max(BEACON_PER_MEMBER_MS * n as u64)
}

impl Roster {
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

    /// Those silent for too long, and for how much longer.
    pub(crate) fn silent(&self, now: u64) -> impl Iterator<Item = (LeafName, u64)> {
        self.entries
            .iter()
            .filter(|(id, _)| **id != self.own)
            .filter_map(move |(_, e)| Some((e.leaf_name(), e.silent_for(now)?)))
    }

    /// Whether anybody said goodbye or fell silent who still has a leaf.
    pub(crate) fn anybody_goes(&self, now: u64) -> bool {
        self.others()
            .any(|e| e.farewell.is_some() || e.silent_for(now).is_some())
    }

    pub(crate) fn is_silent(&self, now: u64, leaf: &LeafName) -> bool {
        let entry = self.entries.get(&leaf.member).filter(|e| e.leaf_name() == *leaf);
        entry.is_some_and(|e| leaf.member != self.own && e.silent_for(now).is_some())
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
}
