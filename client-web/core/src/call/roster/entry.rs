//! One member in the list.
//!
//! Does not know the others: what follows from everybody's silence or order stands beside it.

use conclave_protocol::role::LeafName;

use super::Change;
use crate::call::lines::Shown;
use crate::call::words::Beacon;
use crate::group::{Leaf, LeafData};
use crate::io::{DepartReason, Presence};
use crate::limits::{HIDDEN_LOST_AFTER_MS, REMOVE_AFTER_MS};
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
    /// The hash that orders the committers of this epoch: worked out once, it is asked for with everything that comes in.
    pub(crate) rank: [u8; 32],
    /// Counts up with each arrival: a stable order for the screen and the slots.
    pub(crate) order: u64,
    /// When this leaf came into the tree, as far as this member saw.
    pub(super) added_at: u64,
    pub(super) heard_at: u64,
    pub(crate) beacon: Option<Beacon>,
    pub(crate) lost: bool,
    pub(crate) leaving: bool,
    /// The signature of their goodbye, and when it came.
    pub(crate) farewell: Option<[u8; 64]>,
    pub(super) left_at: Option<u64>,
    pub(super) lines: Shown,
}

impl Entry {
    /// Somebody whose leaf has just come.
    pub(super) fn new(now: u64, leaf: Leaf, order: u64) -> Self {
        Self {
            leaf: leaf.index,
            key: leaf.key,
            name: shown_name(&leaf.data),
            rank: [0; 32],
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
        }
    }

    /// The same member under a new leaf: their Welcome was lost, or they lost their state. Every commit that does this was checked to be by the
    /// holder of the old leaf's key. Gives what the screen has to be told.
    pub(super) fn added_anew(&mut self, now: u64, leaf: Leaf) -> Vec<Change> {
        let (before, was_lost, was_leaving) = (self.name.clone(), self.lost, self.leaving);
        self.leaf = leaf.index;
        self.key = leaf.key;
        self.name = shown_name(&leaf.data);
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

    /// Not heard for too long, without a goodbye, and for how much longer.
    pub(super) fn silent_for(&self, now: u64) -> Option<u64> {
        let over = now.saturating_sub(self.heard_at).checked_sub(REMOVE_AFTER_MS);
        over.filter(|_| !self.leaving)
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
    pub(super) fn lost_after(&self, shown: u64) -> u64 {
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

fn shown_name(data: &LeafData) -> String {
    clean_name(&data.name).unwrap_or_else(|| NAMELESS.to_owned())
}
