//! In which history the others stand: by their own beacons, and by what others say that they heard.
//!
//! Does not know names or the screen. A member counts as apart when what was last heard of it is of an epoch that this member was not in for some time;
//! what others say counts only about those whom this member does not hear itself. SPEC: protocol.md §2, "Beacons".

use std::collections::{BTreeMap, VecDeque};

use conclave_protocol::ids::MemberId;

use crate::group::{PolicyFault, demand};
use crate::limits::{APART_AFTER_MS, LOST_AFTER_MS, MAX_ECHOES, STEP_GRACE_MS};

/// The first bytes of a member's id and of a digest: enough to tell members of a call apart, and nothing to rely on.
const MARK: usize = 4;
/// One echo: whom, and which digest.
const ECHO: usize = 2 * MARK;

type Digest = [u8; 8];

/// What is known of one member.
#[derive(Default)]
struct Sight {
    /// By its own beacon.
    direct: Option<(u64, Digest)>,
    /// By somebody else's word.
    echo: Option<(u64, [u8; MARK])>,
    apart_since: Option<u64>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Digests {
    /// This member's own epochs, the present one last, each with the time at which it ended.
    own: VecDeque<(Option<u64>, Digest)>,
    of: BTreeMap<MemberId, Sight>,
    /// Where the next beacon's echoes go on: in large calls not all fit into one.
    next: Option<MemberId>,
}

fn mark(bytes: &[u8]) -> [u8; MARK] {
    let mut out = [0; MARK];
    for (to, from) in out.iter_mut().zip(bytes) {
        *to = *from;
    }
    out
}

impl Digests {
    pub(super) fn new_epoch(&mut self, now: u64, digest: Digest) {
        if let Some((ended, _)) = self.own.back_mut() {
            *ended = Some(now);
        }
        self.own.push_back((None, digest));
        self.own
            .retain(|(ended, _)| ended.is_none_or(|at| now.saturating_sub(at) < STEP_GRACE_MS));
        // Whoever was ahead of this member is not any more.
        for sight in self.of.values_mut().filter(|s| s.stands_in(&digest)) {
            sight.apart_since = None;
        }
    }

    pub(super) fn retain(&mut self, is_member: impl Fn(&MemberId) -> bool) {
        self.of.retain(|member, _| is_member(member));
    }

    pub(super) fn forgive(&mut self) {
        self.of.clear();
    }

    /// This member was in that epoch a moment ago, or is.
    fn in_step(&self, now: u64, begins: &[u8]) -> bool {
        self.own
            .iter()
            .filter(|(ended, _)| ended.is_none_or(|at| now.saturating_sub(at) < STEP_GRACE_MS))
            .any(|(_, digest)| digest.starts_with(begins))
    }

    /// A member's own beacon.
    pub(super) fn heard(&mut self, now: u64, from: &MemberId, digest: Digest) {
        let in_step = self.in_step(now, &digest);
        let sight = self.of.entry(*from).or_default();
        sight.direct = Some((now, digest));
        sight.note(now, in_step);
    }

    /// What the sender of a beacon heard of others. `within`: whoever was heard by this member itself for so long is not judged by others' words. `members`: those whose id begins like this.
    pub(super) fn echoed<'m, I: Iterator<Item = MemberId>>(
        &mut self,
        now: u64,
        within: u64,
        echoes: &'m [u8],
        own: MemberId,
        members: impl Fn(&'m [u8]) -> I,
    ) {
        for echo in echoes.chunks_exact(ECHO).take(MAX_ECHOES) {
            let (of, digest) = echo.split_at(MARK);
            for member in members(of).filter(|m| *m != own) {
                let _ = self.believe(now, within, &member, mark(digest));
            }
        }
    }

    /// SECURITY: anybody can say anything of others; whom this member hears itself it judges by that.
    fn believe(&mut self, now: u64, within: u64, of: &MemberId, digest: [u8; MARK]) -> Result<(), PolicyFault> {
        let in_step = self.in_step(now, &digest);
        let sight = self.of.entry(*of).or_default();
        let heard = sight.direct.is_some_and(|(at, _)| now.saturating_sub(at) < within);
        demand(PolicyFault::EchoOfHeard, !heard)?; // MEM-055
        sight.echo = Some((now, digest));
        sight.note(now, in_step);
        Ok(())
    }

    /// What to say of those heard in the last `interval`.
    pub(super) fn echoes(&mut self, now: u64, interval: u64) -> Vec<u8> {
        let fresh = |sight: &Sight| {
            let at = sight.direct.filter(|(at, _)| now.saturating_sub(*at) <= interval);
            at.map(|(_, digest)| digest)
        };
        let from = self.next;
        let after = self.of.iter().filter(|(m, _)| from.is_none_or(|f| **m >= f));
        let before = self.of.iter().filter(|(m, _)| from.is_some_and(|f| **m < f));
        let mut all = after.chain(before).filter_map(|(m, sight)| Some((*m, fresh(sight)?)));
        let mut out = Vec::new();
        for (member, digest) in all.by_ref().take(MAX_ECHOES) {
            out.extend_from_slice(&mark(member.as_bytes()));
            out.extend_from_slice(&mark(&digest));
        }
        self.next = all.next().map(|(member, _)| member);
        out
    }

    /// Who has stood in another history for too long, and was not heard in this one since.
    pub(super) fn apart(&self, now: u64) -> Vec<MemberId> {
        self.of
            .iter()
            .filter(|(_, s)| s.apart_since.is_some_and(|at| now.saturating_sub(at) >= APART_AFTER_MS))
            .map(|(member, _)| *member)
            .collect()
    }

    /// Somebody else said lately that they hear this member.
    pub(super) fn others_hear(&self, now: u64, member: &MemberId, interval: u64) -> bool {
        let echo = self.of.get(member).and_then(|s| s.echo);
        echo.is_some_and(|(at, _)| now.saturating_sub(at) < fresh_for(interval))
    }
}

/// How long a word about a member counts: as long as it takes to be marked as lost.
fn fresh_for(interval: u64) -> u64 {
    LOST_AFTER_MS.max(4 * interval)
}

impl Sight {
    fn note(&mut self, now: u64, in_step: bool) {
        if in_step {
            self.apart_since = None;
        } else {
            self.apart_since.get_or_insert(now);
        }
    }

    /// The newest word is of that epoch.
    fn stands_in(&self, digest: &Digest) -> bool {
        match (self.direct, self.echo) {
            (Some((heard, _)), Some((told, begins))) if told > heard => digest.starts_with(&begins),
            (None, Some((_, begins))) => digest.starts_with(&begins),
            (direct, _) => direct.is_some_and(|(_, d)| d == *digest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::off::stopped_by;

    const STEP: u64 = 2_000;

    fn member(n: u8) -> MemberId {
        MemberId::from_bytes([n; 16])
    }

    fn echo(n: u8, digest: u8) -> Vec<u8> {
        [[n; MARK], [digest; MARK]].concat()
    }

    fn others(mark: &[u8]) -> impl Iterator<Item = MemberId> {
        [member(2), member(3)]
            .into_iter()
            .filter(move |m| m.as_bytes().starts_with(mark))
    }

    fn in_epoch(digest: u8) -> Digests {
        let mut digests = Digests::default();
        digests.new_epoch(0, [digest; 8]);
        digests
    }

    #[test]
    fn whoever_stays_behind_is_apart_after_the_grace_and_not_while_epochs_change() {
        let mut digests = in_epoch(1);
        digests.new_epoch(STEP, [2; 8]);
        for at in (STEP..40_000).step_by(2_000) {
            digests.heard(at, &member(2), [1; 8]);
            digests.heard(at, &member(3), [2; 8]);
            let apart = digests.apart(at);
            assert!(!apart.contains(&member(3)));
            if at < STEP + STEP_GRACE_MS + APART_AFTER_MS {
                assert!(apart.is_empty(), "an epoch that just ended counts as another history");
            }
        }
        assert_eq!(digests.apart(40_000).len(), 1);
        assert_eq!(digests.apart(400_000).len(), 1, "their last word is forgotten");
        digests.heard(40_000, &member(2), [2; 8]);
        assert!(digests.apart(400_000).is_empty(), "back in step and still apart");
    }

    #[test]
    fn whoever_is_ahead_is_not_apart_once_this_member_has_followed() {
        let mut digests = in_epoch(1);
        digests.echoed(1_000, STEP, &echo(2, 5), member(1), others);
        digests.new_epoch(2_000, [5; 8]);
        assert!(digests.apart(60_000).is_empty());
    }

    #[test]
    fn others_tell_of_whom_one_does_not_hear() {
        let mut digests = in_epoch(1);
        for at in (0..30_000).step_by(2_000) {
            digests.echoed(at, 2 * STEP, &echo(2, 1), member(1), others);
            digests.echoed(at, 2 * STEP, &echo(3, 9), member(1), others);
        }
        assert!(digests.others_hear(30_000, &member(2), STEP));
        assert!(
            !digests.others_hear(60_000, &member(2), STEP),
            "an old word counts for ever"
        );
        assert!(digests.apart(29_000) == vec![member(3)]);
        digests.forgive();
        assert!(digests.apart(29_000).is_empty());
    }

    #[test]
    fn mem_055_nobody_is_judged_by_others_words_while_they_are_heard() {
        stopped_by(PolicyFault::EchoOfHeard, || {
            let mut digests = in_epoch(1);
            for at in (0..30_000).step_by(2_000) {
                digests.heard(at, &member(2), [1; 8]);
                digests.echoed(at + 1, 2 * STEP, &echo(2, 9), member(1), others);
                // The liar speaks last.
                digests.echoed(at + 1_900, 2 * STEP, &echo(2, 9), member(1), others);
            }
            digests.of.get(&member(2)).is_some_and(|s| s.apart_since.is_some())
        });
    }

    #[test]
    fn echoes_go_round_in_large_calls() {
        let mut digests = in_epoch(1);
        for n in 0..100 {
            digests.heard(1_000, &member(n), [1; 8]);
        }
        let mut told = std::collections::BTreeSet::new();
        for _ in 0..100usize.div_ceil(MAX_ECHOES) {
            let said = digests.echoes(1_000, STEP);
            assert!(said.len() <= MAX_ECHOES * ECHO);
            told.extend(said.chunks_exact(ECHO).map(|echo| echo[0]));
        }
        assert_eq!(told.len(), 100, "somebody is never told of");
        assert!(
            digests.echoes(60_000, STEP).is_empty(),
            "old words are told as new ones"
        );
    }
}
