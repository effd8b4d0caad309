//! "Compare now": one number for everybody, that stands still for a minute.
//!
//! Does not stop removals or changes of the rules: those make a new epoch, and with it end the comparison in words. Newcomers wait meanwhile, by the
//! courtesy of every honest committer; one that adds somebody nevertheless ends the comparison for all, who are told. SPEC: protocol.md §2, "Safety number".

use conclave_protocol::ids::MemberId;

use super::super::inside::Inside;
use super::super::shared::Shared;
use super::super::words::Words;
use crate::group::{PolicyFault, demand, safety_digits};
use crate::io::{CompareView, Event, NoticeCode};
use crate::limits::{COMPARE_GAP_MS, COMPARE_MS};

/// The comparison that runs, and when the last one began.
#[derive(Default)]
pub(in super::super) struct Comparison {
    until: Option<u64>,
    began_at: Option<u64>,
}

/// Who asks for a comparison, and when.
struct Ask {
    /// Whoever asks is host or moderator.
    has_role: bool,
    /// Somebody in the call is.
    roles: bool,
    /// The epoch they mean is this one.
    same_epoch: bool,
    since_last: Option<u64>,
}

impl Ask {
    /// SECURITY: a comparison keeps newcomers waiting, so not everybody may ask for it, and not again and again.
    fn counts(&self) -> Result<(), PolicyFault> {
        demand(PolicyFault::CompareRole, self.has_role || !self.roles)?; // MEM-056
        demand(PolicyFault::CompareEpoch, self.same_epoch)?; // MEM-057
        let rested = self.since_last.is_none_or(|ms| ms >= COMPARE_GAP_MS);
        demand(PolicyFault::CompareTooSoon, self.has_role || rested) // MEM-058
    }
}

impl Comparison {
    pub(super) fn until(&self) -> Option<u64> {
        self.until
    }

    /// Newcomers wait, and keys are not renewed.
    pub(in super::super) fn holds(&self) -> bool {
        self.until.is_some()
    }
}

impl Inside {
    /// The person wants everybody to compare.
    pub(in super::super) fn compare_now(&mut self, now: u64, s: &mut Shared) {
        let (own, digest) = (self.roster.own(), self.group.epoch_digest());
        let begun = self.attached
            && self.may_compare(now, &own, digest).is_ok()
            && self.say(&Words::Compare { digest }, s).is_ok()
            && self.begin_comparison(now, own, s);
        if !begun {
            s.event(Event::Notice(NoticeCode::CompareRefused));
        }
    }

    /// Somebody wants it.
    pub(in super::super) fn compare_in(&mut self, now: u64, from: MemberId, digest: [u8; 8], s: &mut Shared) {
        if self.may_compare(now, &from, digest).is_ok() {
            self.begin_comparison(now, from, s);
        }
    }

    fn may_compare(&self, now: u64, by: &MemberId, digest: [u8; 8]) -> Result<(), PolicyFault> {
        let ask = Ask {
            has_role: self.roles_by_member(by).is_some(),
            roles: !self.roles.is_empty(),
            same_epoch: digest == self.group.epoch_digest(),
            since_last: self.watch.comparison.began_at.map(|at| now.saturating_sub(at)),
        };
        ask.counts()
    }

    fn begin_comparison(&mut self, now: u64, by: MemberId, s: &mut Shared) -> bool {
        if self.watch.comparison.holds() {
            return false;
        }
        let digits = self.group.safety_secret().and_then(|secret| safety_digits(&secret));
        let (Ok(digits), Some(entry)) = (digits, self.roster.entry(&by)) else {
            return false;
        };
        let view = CompareView {
            digits,
            at_ms: now,
            until_ms: now + COMPARE_MS,
            by: entry.name.clone(),
            mine: by == self.roster.own(),
        };
        self.watch.comparison = Comparison {
            until: Some(view.until_ms),
            began_at: Some(now),
        };
        s.event(Event::Compare(view));
        self.tell_the_door(now);
        true
    }

    /// The card says that newcomers wait, or no longer.
    fn tell_the_door(&mut self, now: u64) {
        if self.is_first() {
            self.cards.at = Some(now);
        }
    }

    pub(super) fn compare_tick(&mut self, now: u64, s: &mut Shared) {
        if self.watch.comparison.until.take_if(|until| now >= *until).is_some() {
            s.event(Event::CompareOver { changed: false });
            self.tell_the_door(now);
        }
    }

    pub(super) fn compare_new_epoch(&mut self, now: u64, s: &mut Shared) {
        if self.compare_ends(s) {
            self.tell_the_door(now);
        }
    }

    /// The number that is shown is not the call's, or not for this member, any more. `false` if none was.
    pub(super) fn compare_ends(&mut self, s: &mut Shared) -> bool {
        let ended = self.watch.comparison.until.take().is_some();
        if ended {
            s.event(Event::CompareOver { changed: true });
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::off::stopped_by;

    fn fair() -> Ask {
        Ask {
            has_role: false,
            roles: false,
            same_epoch: true,
            since_last: Some(COMPARE_GAP_MS),
        }
    }

    #[test]
    fn mem_056_where_there_are_roles_they_ask_for_comparisons() {
        assert!(fair().counts().is_ok());
        let host = Ask {
            has_role: true,
            roles: true,
            ..fair()
        };
        assert!(host.counts().is_ok());
        stopped_by(PolicyFault::CompareRole, || {
            Ask { roles: true, ..fair() }.counts().is_ok()
        });
    }

    #[test]
    fn mem_057_a_comparison_is_of_the_epoch_that_it_names() {
        stopped_by(PolicyFault::CompareEpoch, || {
            Ask {
                same_epoch: false,
                has_role: true,
                ..fair()
            }
            .counts()
            .is_ok()
        });
    }

    #[test]
    fn mem_058_nobody_holds_the_door_by_comparing_without_end() {
        let soon = || Ask {
            since_last: Some(COMPARE_GAP_MS - 1),
            ..fair()
        };
        assert!(
            Ask {
                has_role: true,
                roles: true,
                ..soon()
            }
            .counts()
            .is_ok()
        );
        stopped_by(PolicyFault::CompareTooSoon, || soon().counts().is_ok());
    }
}
