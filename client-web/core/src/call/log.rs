//! The order of commits as one member keeps it: what it has, what it submitted, what is announced, what came too early.
//!
//! Does not read commits. INVARIANT: `have_seq` only ever goes up by one, for valid and void commits alike; a commit of one's own
//! counts when the very bytes that were submitted come back. SPEC: protocol.md §2, "compares and swaps a log sequence", "Epoch notice".

use std::collections::VecDeque;

use crate::io::Output;
use crate::limits::{COMMIT_ECHO_MS, HOLD_ADD_MS, HOLD_DROP_MS, KEPT_VOIDED, LEFT_BEHIND_MS, MAX_EARLY, PAST_EPOCH_MS};

/// A submission on its way.
pub(crate) struct Pending {
    /// The commit's envelope as it was sent; its echo is recognised by these bytes.
    pub(crate) commit: Vec<u8>,
    /// The welcomes that went with it.
    pub(crate) welcomes: Vec<Vec<u8>>,
    sent_at: u64,
    /// Refused for the moment, to be sent again then.
    again_at: Option<u64>,
}

/// See the module.
pub(crate) struct Log {
    pub(crate) have_seq: u64,
    pub(crate) pending: Option<Pending>,
    /// When to fall silent, because a commit is ordered whose body has not come.
    hold_at: Option<u64>,
    held: bool,
    /// Silent for another reason: a removal that this member ordered does not take effect.
    stopped: bool,
    /// The newest announced sequence, and when it was announced.
    announced: (u64, u64),
    /// Messages of an epoch still to come, with their time of arrival.
    early: VecDeque<(u64, Vec<u8>)>,
    /// When somebody else was last heard in this member's own epoch.
    in_step_at: u64,
    /// When each past epoch ended, oldest first.
    ended: VecDeque<u64>,
    /// Sequences of the newest void commits.
    voided: VecDeque<u64>,
}

/// Where an incoming commit stands.
#[derive(PartialEq, Eq)]
pub(crate) enum Place {
    /// The next one.
    Next,
    /// Seen already.
    Old,
    /// Something between is missing.
    Gap,
}

impl Log {
    pub(crate) fn new(have_seq: u64) -> Self {
        Self {
            have_seq,
            pending: None,
            hold_at: None,
            held: false,
            stopped: false,
            announced: (0, 0),
            early: VecDeque::new(),
            in_step_at: 0,
            ended: VecDeque::new(),
            voided: VecDeque::new(),
        }
    }

    pub(crate) fn place(&self, seq: u64) -> Place {
        match seq.checked_sub(self.have_seq) {
            None | Some(0) => Place::Old,
            Some(1) => Place::Next,
            Some(_) => Place::Gap,
        }
    }

    pub(crate) fn submitted(&mut self, now: u64, commit: Vec<u8>, welcomes: Vec<Vec<u8>>) {
        self.pending = Some(Pending {
            commit,
            welcomes,
            sent_at: now,
            again_at: None,
        });
    }

    /// It is being sent once more; the server takes it at most once, for its base sequence is spent after that.
    pub(crate) fn resubmitted(&mut self, now: u64) {
        if let Some(pending) = &mut self.pending {
            pending.sent_at = now;
            pending.again_at = None;
        }
    }

    /// The server takes no commit just now: the same one again after `wait`.
    pub(crate) fn retry_soon(&mut self, now: u64, wait: u64) {
        if let Some(pending) = &mut self.pending {
            pending.again_at = Some(now + wait);
        }
    }

    pub(crate) fn again_due(&self, now: u64) -> bool {
        self.pending
            .as_ref()
            .and_then(|p| p.again_at)
            .is_some_and(|at| now >= at)
    }

    pub(crate) fn is_own(&self, envelope: &[u8]) -> bool {
        self.pending.as_ref().is_some_and(|p| p.commit == envelope)
    }

    pub(crate) fn echo_overdue(&self, now: u64) -> bool {
        self.pending
            .as_ref()
            .is_some_and(|p| now.saturating_sub(p.sent_at) >= COMMIT_ECHO_MS)
    }

    /// A commit is ordered; senders keep the old epoch for a while, then fall silent.
    pub(crate) fn notice(&mut self, now: u64, seq: u64, drop: bool) {
        if seq > self.have_seq {
            self.announced = (seq, now);
            let at = now + if drop { HOLD_DROP_MS } else { HOLD_ADD_MS };
            self.hold_at = Some(self.hold_at.map_or(at, |old| old.min(at)));
        }
    }

    /// The commit at the next sequence was void.
    pub(crate) fn advance(&mut self, out: &mut VecDeque<Output>) {
        self.have_seq += 1;
        if self.voided.len() == KEPT_VOIDED {
            self.voided.pop_front();
        }
        self.voided.push_back(self.have_seq);
        self.release(out);
    }

    /// This member, too, found the commit of that sequence void.
    pub(crate) fn was_void(&self, seq: u64) -> bool {
        self.voided.contains(&seq)
    }

    /// Called when there are new keys, which end a hold, and when a commit was void: silence ends unless a later commit is announced already.
    pub(crate) fn release(&mut self, out: &mut VecDeque<Output>) {
        if self.announced.0 > self.have_seq {
            if self.held || self.stopped {
                out.push_back(Output::Hold(true));
            }
            return;
        }
        self.forget_notices(out);
        if self.stopped {
            // New keys end a hold; this one goes on.
            out.push_back(Output::Hold(true));
        }
    }

    /// Falls silent, or not any more, for a removal that is not in force.
    pub(crate) fn hold_for_removal(&mut self, on: bool, out: &mut VecDeque<Output>) {
        if std::mem::replace(&mut self.stopped, on) != on && !self.held {
            out.push_back(Output::Hold(on));
        }
    }

    /// This member was told to send nothing for now, chat included.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// No announced commit is outstanding, as far as a fresh admission says.
    pub(crate) fn forget_notices(&mut self, out: &mut VecDeque<Output>) {
        self.announced = (0, 0);
        self.hold_at = None;
        if self.held {
            self.held = false;
            if !self.stopped {
                out.push_back(Output::Hold(false));
            }
        }
    }

    pub(crate) fn tick(&mut self, now: u64, out: &mut VecDeque<Output>) {
        if self.hold_at.is_some_and(|at| now >= at) {
            self.hold_at = None;
            self.held = true;
            if !self.stopped {
                out.push_back(Output::Hold(true));
            }
        }
    }

    /// Keeps a message of a later epoch.
    pub(crate) fn keep_early(&mut self, now: u64, bytes: Vec<u8>) {
        if self.early.len() < MAX_EARLY {
            self.early.push_back((now, bytes));
        }
    }

    pub(crate) fn take_early(&mut self) -> VecDeque<(u64, Vec<u8>)> {
        std::mem::take(&mut self.early)
    }

    pub(crate) fn put_back(&mut self, at: u64, bytes: Vec<u8>) {
        self.early.push_back((at, bytes));
    }

    /// Somebody else stands in this member's epoch: whatever claims a later one for longer is not worth believing.
    ///
    /// SECURITY: a message's epoch is not authenticated before the message can be opened; without this one forged envelope would make
    /// everybody join anew. `true` if there were such words, and no commit is on its way that could be theirs: others may stand in another history.
    pub(crate) fn in_step(&mut self, now: u64) -> bool {
        self.in_step_at = now;
        let before = self.early.len();
        self.early.retain(|(at, _)| now.saturating_sub(*at) < LEFT_BEHIND_MS);
        self.early.len() < before && now >= self.body_until()
    }

    /// A commit of an epoch that this member has not reached, while it waits for a Welcome: that stands right behind the one that brings it.
    /// Somebody who fills the log can put that off no longer than the leaf that was asked for is kept.
    pub(crate) fn welcome_may_follow(&mut self, now: u64) {
        self.in_step_at = now;
    }

    /// Others have been speaking for a while in an epoch that this member has not reached, and no announced commit can still bring it there.
    pub(crate) fn left_behind(&self, now: u64) -> bool {
        self.left_behind_at().is_some_and(|at| now >= at)
    }

    fn left_behind_at(&self) -> Option<u64> {
        let since = |at: u64| at.max(self.in_step_at) + LEFT_BEHIND_MS;
        self.early.front().map(|(at, _)| since(*at).max(self.body_until()))
    }

    /// Until when the body of an announced commit may still come.
    fn body_until(&self) -> u64 {
        let (seq, announced_at) = self.announced;
        if seq > self.have_seq {
            announced_at + HOLD_ADD_MS
        } else {
            0
        }
    }

    pub(crate) fn epoch_ended(&mut self, now: u64) {
        self.ended.push_back(now);
    }

    /// How many past epochs' message keys are still to be kept, if that has changed.
    pub(crate) fn expire_past(&mut self, now: u64) -> Option<usize> {
        let before = self.ended.len();
        while self
            .ended
            .front()
            .is_some_and(|at| now.saturating_sub(*at) >= PAST_EPOCH_MS)
        {
            self.ended.pop_front();
        }
        (self.ended.len() != before).then_some(self.ended.len())
    }

    pub(crate) fn timeout(&self) -> Option<u64> {
        [
            self.hold_at,
            self.pending
                .as_ref()
                .map(|p| p.again_at.unwrap_or(p.sent_at + COMMIT_ECHO_MS)),
            self.left_behind_at(),
            self.ended.front().map(|at| at + PAST_EPOCH_MS),
        ]
        .into_iter()
        .flatten()
        .min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forged_epoch_is_not_believed_while_others_stand_in_ours() {
        let mut log = Log::new(4);
        log.keep_early(10_000, vec![1]);
        assert!(log.left_behind(10_000 + LEFT_BEHIND_MS), "nobody else was heard");
        for at in (10_000..30_000).step_by(2_000) {
            log.in_step(at);
            log.keep_early(at, vec![2]);
            assert!(
                !log.left_behind(at + 2_000),
                "one envelope a second made this member leave"
            );
        }
        assert!(log.take_early().len() <= 3, "forged messages are kept for ever");
    }

    #[test]
    fn words_of_an_epoch_that_never_comes_are_a_sign_and_those_before_a_slow_commit_are_none() {
        let mut log = Log::new(4);
        log.keep_early(10_000, vec![1]);
        assert!(!log.in_step(11_000), "their commit may be a moment behind them");
        log.notice(12_000, 5, false);
        assert!(!log.in_step(14_000), "their commit is announced");
        log.keep_early(15_000, vec![2]);
        assert!(log.in_step(12_000 + HOLD_ADD_MS), "it never came");
        assert!(!log.in_step(13_000 + HOLD_ADD_MS), "told of twice");
    }

    #[test]
    fn silence_outlasts_a_commit_that_another_one_follows() {
        let (mut log, mut out) = (Log::new(4), VecDeque::new());
        log.notice(1_000, 5, true);
        log.notice(1_100, 6, true);
        log.tick(1_000 + HOLD_DROP_MS, &mut out);
        assert!(matches!(out.pop_front(), Some(Output::Hold(true))));
        log.advance(&mut out);
        assert!(
            matches!(out.pop_front(), Some(Output::Hold(true))),
            "new keys ended the silence, though a later commit is ordered"
        );
        log.advance(&mut out);
        assert!(matches!(out.pop_front(), Some(Output::Hold(false))));
        assert!(out.is_empty());
    }

    #[test]
    fn silence_for_a_removal_outlasts_new_keys_and_other_silence() {
        let (mut log, mut out) = (Log::new(4), VecDeque::new());
        log.hold_for_removal(true, &mut out);
        assert!(matches!(out.pop_front(), Some(Output::Hold(true))));
        log.notice(1_000, 5, true);
        log.tick(1_000 + HOLD_DROP_MS, &mut out);
        log.advance(&mut out);
        assert!(out.iter().all(|o| matches!(o, Output::Hold(true))), "new keys ended it");
        assert!(!out.is_empty(), "new keys end a hold unless it is said again");
        out.clear();
        log.hold_for_removal(false, &mut out);
        assert!(matches!(out.pop_front(), Some(Output::Hold(false))));
        log.hold_for_removal(false, &mut out);
        assert!(out.is_empty());
    }
}
