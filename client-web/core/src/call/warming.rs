//! Warming the tree: members renew their keys one after the other until a removal is small.
//!
//! Larger groups add people without an update path, so a path is sealed to each of them: half a megabyte to everybody in a room of 250 that was filled at once, for each removal. Does not
//! build the commit (`routine`) and does not know the tree (`group/warmth`). Nothing hangs on it: whoever has the turn and does not take it makes the others wait for a moment, and the tree stays
//! as cold as it is. SPEC: protocol.md §2, decision 0046.

use std::collections::BTreeMap;

use super::inside::Inside;
use crate::limits::{COMMITTER_STEP_MS, WARM_ADDS_UP_TO, WARM_AFTER_MS, WARM_BYTES_PER_MS};

/// What is cold in this epoch, and since when it may be warmed.
#[derive(Default)]
pub(super) struct Warming {
    cold: Vec<Vec<u32>>,
    from: u64,
}

impl Inside {
    /// A new epoch began with a commit of so many bytes.
    pub(super) fn warm_new_epoch(&mut self, now: u64, commit_bytes: usize) {
        let is_large = self.group.size() > WARM_ADDS_UP_TO;
        let cold = if is_large { self.group.cold_blocks() } else { Vec::new() };
        let pause = WARM_AFTER_MS.max(commit_bytes as u64 / WARM_BYTES_PER_MS);
        let from = self.warming.from.max(now + pause);
        self.warming = Warming { cold, from };
    }

    /// When this member renews its keys if nothing else is to be done, or looks again whether it is the one.
    pub(super) fn warm_at(&self, now: u64) -> Option<u64> {
        let Warming { cold, from } = &self.warming;
        let own = self.group.own_leaf();
        if self.watch.comparison.holds() || !cold.iter().any(|block| block.contains(&own)) {
            return None;
        }
        // The order of all of them is worked out when somebody may be due.
        if now < *from {
            return Some(*from);
        }
        let turn = self.committers().into_iter();
        let of: BTreeMap<u32, usize> = cold
            .iter()
            .enumerate()
            .flat_map(|(n, block)| block.iter().map(move |leaf| (*leaf, n)))
            .collect();
        let mut order: Vec<(bool, usize, usize, u32)> = turn
            .enumerate()
            .filter_map(|(rank, (hidden, leaf))| Some((hidden, *of.get(&leaf)?, rank, leaf)))
            .collect();
        order.sort_unstable();
        let place = order.iter().position(|(.., leaf)| *leaf == own)?;
        Some(self.committer.not_before(from + COMMITTER_STEP_MS * place as u64))
    }
}
