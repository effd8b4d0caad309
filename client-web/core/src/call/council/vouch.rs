//! This member's own word that others are silent: given when they were not heard for long, not given again once they are.
//!
//! Does not remove them: enough words of others are needed for that, and a commit (`routine`).

use conclave_protocol::order::{Decision, Order};
use conclave_protocol::role::LeafName;

use super::super::inside::Inside;
use super::super::shared::Shared;
use super::Council;
use crate::limits::{VOUCH_STEP_MS, VOUCHERS};

impl Council {
    /// Everybody's word, this member's included, that a leaf is silent.
    pub(in super::super) fn vouchers(&self, leaf: &LeafName) -> impl Iterator<Item = &Order> {
        self.orders
            .iter()
            .map(|(_, o)| o)
            .filter(move |o| matches!(o.decision, Decision::Silent { leaf: l } if l == *leaf))
    }
}

impl Inside {
    /// Vouches for the silence of those whom this member has not heard for 90 seconds, if it is one of the first in the committers' order; the others
    /// follow later, should those be mistaken or gone.
    pub(in super::super) fn vouch(&mut self, now: u64, s: &mut Shared) {
        if self.council.vouched.is_empty() && self.roster.silent(now).next().is_none() {
            return;
        }
        let late = self.vouch_after();
        let silent: Vec<LeafName> = self
            .roster
            .silent(now)
            .filter(|(_, for_ms)| *for_ms >= late)
            .map(|(leaf, _)| leaf)
            .filter(|leaf| !self.council.vouched.contains(leaf))
            .collect();
        for leaf in silent {
            self.council.vouched.insert(leaf);
            self.give_order(now, Decision::Silent { leaf }, s);
        }
        // Heard again: the word is taken back by not repeating it, and the order grows old.
        let roster = &self.roster;
        self.council.vouched.retain(|leaf| roster.is_silent(now, leaf));
        self.council
            .orders
            .retain(|(_, o)| !matches!(o.decision, Decision::Silent { leaf } if o.by == roster.own() && !roster.is_silent(now, &leaf)));
    }

    /// How much longer than the first ones this member waits before it vouches.
    fn vouch_after(&self) -> u64 {
        let place = self.place().unwrap_or(0).saturating_sub(VOUCHERS);
        VOUCH_STEP_MS.saturating_mul(place as u64)
    }

    /// When this member is to vouch next.
    pub(in super::super) fn vouch_at(&self, now: u64) -> Option<u64> {
        self.roster.silent(now).next()?;
        let late = self.vouch_after();
        self.roster
            .silent(now)
            .filter(|(leaf, _)| !self.council.vouched.contains(leaf))
            .map(|(_, over)| now + late.saturating_sub(over))
            .min()
    }
}
