//! A removal that does not take effect: the server withholds the commit, or the order itself.
//!
//! Does not remove anybody. Whoever gave the order stops sending after a second, until the leaf is gone: what is said meanwhile would be heard by somebody
//! who was told to go. The others are warned later, and whoever is to go is told as well; where the owner signed the rule `strict`, they stop then, too.

use conclave_protocol::ids::MemberId;

use super::super::inside::Inside;
use super::super::shared::Shared;
use crate::limits::{FAREWELL_STUCK_MS, REMOVAL_STUCK_MS, REMOVAL_STUCK_OTHERS_MS};

/// Why a leaf is to go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    OwnOrder,
    /// Somebody else's.
    Order,
    /// By their own word; whoever left has no ear any more that a silence would keep things from.
    Left,
}

impl Inside {
    /// Leaves that are to go, with the time at which that is late; and whose order it is, if it is one.
    fn due_to_go(&self) -> impl Iterator<Item = (MemberId, u64, Why)> + '_ {
        let own = self.roster.own();
        let ordered = self.council.removals().filter_map(move |(at, by, leaf)| {
            let entry = self.roster.entry(&leaf.member).filter(|e| e.leaf_name() == leaf)?;
            let mine = by == own;
            let wait = if mine {
                REMOVAL_STUCK_MS
            } else {
                REMOVAL_STUCK_OTHERS_MS
            };
            let why = if mine { Why::OwnOrder } else { Why::Order };
            Some((entry.data.member_id, at + wait, why))
        });
        let left = self
            .roster
            .others()
            .filter_map(|e| Some((e.data.member_id, e.left_at()? + FAREWELL_STUCK_MS, Why::Left)));
        ordered.chain(left)
    }

    pub(super) fn removals_stuck(&self, now: u64) -> Vec<MemberId> {
        let mut all: Vec<MemberId> = self
            .due_to_go()
            .filter(|(_, at, _)| now >= *at)
            .map(|(member, ..)| member)
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    pub(super) fn removals_stuck_at(&self, now: u64) -> Option<u64> {
        self.due_to_go().map(|(_, at, _)| at).filter(|at| *at > now).min()
    }

    /// SECURITY: the one whom this member wants to be rid of hears nothing more of it, whatever the server does; in a strict room nothing more of anybody.
    pub(super) fn stop_for_removals(&mut self, now: u64, s: &mut Shared) {
        let strict = s.room.sheet.as_ref().is_some_and(|sheet| sheet.strict);
        let counts = |why| why == Why::OwnOrder || strict && why == Why::Order;
        let stop = self.due_to_go().any(|(_, at, why)| counts(why) && now >= at);
        self.log.hold_for_removal(stop, &mut s.out);
    }
}
