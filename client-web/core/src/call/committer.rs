//! When this member is the one to commit.
//!
//! Does not build commits. Everybody computes the same order from the epoch's secret; the first acts at once, each next one 750 ms later, so one
//! that vanished is replaced without any vote, and a race costs only a refused submission. SPEC: protocol.md §2, "Routine commits".

use crate::limits::{COMMIT_GAP_MS, COMMITTER_STEP_MS, ROTATION_MS};

/// The clock of the routine committer.
pub(crate) struct Committer {
    work_since: Option<u64>,
    not_before: u64,
    /// When the next routine commit may follow the last one.
    next_at: u64,
    /// The last commit sent somebody away.
    after_removal: bool,
    rotated_at: u64,
}

impl Committer {
    pub(crate) fn new(now: u64) -> Self {
        Self {
            work_since: None,
            not_before: 0,
            next_at: 0,
            after_removal: false,
            rotated_at: now,
        }
    }

    /// A new epoch began; `rotated` if its commit renewed the committer's keys, `sent_away` if it removed somebody by order.
    pub(crate) fn epoch(&mut self, now: u64, rotated: bool, sent_away: bool) {
        self.work_since = None;
        self.next_at = now + COMMIT_GAP_MS;
        self.after_removal = sent_away;
        if rotated {
            self.rotated_at = now;
        }
    }

    /// The last attempt came to nothing; wait a little.
    pub(crate) fn back_off(&mut self, now: u64, wait: u64) {
        self.not_before = self.not_before.max(now + wait);
    }

    /// Not while the last attempt is waited for.
    pub(crate) fn not_before(&self, at: u64) -> u64 {
        at.max(self.not_before)
    }

    pub(crate) fn rotation_due(&self, now: u64) -> bool {
        now.saturating_sub(self.rotated_at) >= ROTATION_MS
    }

    pub(crate) fn rotation_at(&self) -> u64 {
        self.rotated_at + ROTATION_MS
    }

    /// There is nothing to do.
    pub(crate) fn rest(&mut self) {
        self.work_since = None;
    }

    /// When to act, given this member's place in the order. `urgent`: a removal, by whoever ordered it, which does not wait for the distance to the commit
    /// before; but one removal by order after the other does.
    pub(crate) fn due(&mut self, now: u64, place: usize, urgent: bool) -> u64 {
        let since = *self.work_since.get_or_insert(now);
        let next_at = if urgent && !self.after_removal { 0 } else { self.next_at };
        self.not_before(since + COMMITTER_STEP_MS * place as u64).max(next_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_acts_at_once_and_then_twice_a_second() {
        let mut c = Committer::new(0);
        assert_eq!(c.due(1_000, 0, false), 1_000);
        c.epoch(1_010, false, false);
        c.rest();
        assert_eq!(c.due(1_020, 0, false), 1_510);
    }

    #[test]
    fn a_removal_does_not_wait_but_for_another_by_order() {
        let mut c = Committer::new(0);
        c.epoch(1_000, false, false);
        assert_eq!(c.due(1_100, 0, true), 1_100);
        c.epoch(1_200, true, true);
        assert_eq!(c.due(1_300, 0, true), 1_700);
        c.back_off(1_300, 900);
        assert_eq!(c.due(1_400, 0, true), 2_200, "a refusal is heeded");
    }

    #[test]
    fn the_next_waits_for_the_one_before() {
        let mut c = Committer::new(0);
        assert_eq!(c.due(1_000, 2, false), 2_500);
        assert_eq!(c.due(1_400, 1, false), 1_750, "work began at 1,000");
        assert!(!c.rotation_due(ROTATION_MS - 1));
        assert!(c.rotation_due(ROTATION_MS));
    }
}
