//! Counting: what those who are connected have said about a commit, and what becomes of it by that.
//!
//! Deliberately absent: carrying it out. SPEC: `docs/decisions/0029-the-gate.md`.

use super::{Candidate, Gates};

/// How long the votes on a commit are waited for before those that are in let somebody in. Members answer within a round trip; a removal of 365 kB takes three
/// seconds at 1 Mbit/s. Longer keeps newcomers at the door of a call in which most are asleep; shorter gives rights, for as long as the others are silent, on one member's word.
pub(super) const OPEN_MS: u64 = 5_000;

/// When those votes decide for good, although half of those who are connected have not said anything. What was decided against a member cannot be undone, so this is how long all others
/// may be asleep at once. Longer keeps up to [`super::MAX_PENDING`] commits open in a call in which most never answer.
pub(super) const FINAL_MS: u64 = 60_000;

/// What was said about a candidate.
#[derive(Default)]
struct Votes {
    /// How many are there, whatever they said.
    all: usize,
    /// Stand at it or at what follows from it.
    yes: usize,
    /// Have read it and stand elsewhere.
    no: usize,
    /// One of those is not among whom it drops.
    stays_against: bool,
}

/// What the votes make of a candidate.
pub(super) enum Verdict {
    Live,
    Void { by_most: bool },
    Open,
}

impl Gates {
    pub(super) fn judge(&self, now_ms: u64, c: &Candidate) -> Verdict {
        let votes = self.count(c);
        let last = now_ms >= c.final_at;
        if votes.yes > 0 && 2 * votes.yes >= votes.all {
            Verdict::Live
        } else if 2 * votes.no > votes.all && self.is_believed(&votes) {
            Verdict::Void { by_most: true }
        } else if last && votes.yes > votes.no {
            Verdict::Live
        } else if last && votes.no > votes.yes {
            Verdict::Void { by_most: false }
        } else {
            Verdict::Open
        }
    }

    /// In a call in which half have not said anything, whom this commit brings in need not wait for them. SECURITY: whom it removes has to: two could take back a removal while the others are asleep.
    pub(super) fn opens(&self, now_ms: u64, c: &Candidate) -> bool {
        let votes = self.count(c);
        now_ms >= c.open_at && votes.yes > votes.no
    }

    fn count(&self, c: &Candidate) -> Votes {
        let mut votes = Votes::default();
        for stand in self.stands.values().filter(|s| self.roster.counts(s.transport)) {
            // SECURITY: whoever has not said anything since the last gate, or on a new connection, is one of those who are to say something about this one. Or two commits in
            // quick succession, before the others have read the first, would leave their author among few.
            votes.all += 1;
            match stand.at.filter(|(_, gate)| self.reaches_live(*gate)) {
                Some((_, gate)) if self.follows(gate, c.gate) => votes.yes += 1,
                Some((seq, _)) if seq >= c.seq => {
                    votes.no += 1;
                    votes.stays_against |= !c.drop.contains(&stand.transport);
                }
                _ => {}
            }
        }
        votes
    }

    /// SECURITY: those whom a commit removes call it void in any case. So they are believed if somebody says so who is not removed, or if they are most of all, present or not: then the commit is
    /// more likely to be a lie. Or whoever was removed by somebody who lost the connection a moment later would be the only one to be asked.
    fn is_believed(&self, votes: &Votes) -> bool {
        votes.stays_against || 2 * votes.no > self.roster.len()
    }
}
