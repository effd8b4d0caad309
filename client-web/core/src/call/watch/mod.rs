//! What may not be as it should: members in another history, silence, removals that do not take effect, a server that offers less than it must.
//!
//! Does not act on any of it, but for one thing: whoever removed somebody, or everybody in a strict room, stops sending while the removal is not in force (`stuck`). Everything here is
//! worked out anew from what is known at the moment, and told when it changes. SPEC: protocol.md §2, "Alarms".

mod apart;
mod compare;
mod offers;
mod stuck;

use conclave_protocol::credential::Role;
use conclave_protocol::ids::MemberId;

use super::inside::Inside;
use super::roster::{Entry, beacon_interval};
use super::shared::Shared;
use crate::io::{AlarmsView, Event, Suspect};
use crate::limits::{SILENT_ALARM_MS, STEP_GRACE_MS, UNREADABLE_KEPT_MS};

use apart::Digests;
use compare::Comparison;
pub(crate) use offers::{Less, less};

/// See the module.
#[derive(Default)]
pub(super) struct Watch {
    digests: Digests,
    /// When words of this epoch, or of one to come, last arrived that this member could not open.
    unreadable_at: Option<u64>,
    pub(super) comparison: Comparison,
    /// When the server last said that no microphone seat is free.
    floor_full_at: Option<u64>,
    shown: AlarmsView,
}

impl Watch {
    /// This member itself was away: what it did not hear meanwhile says nothing of anybody.
    pub(super) fn forgive(&mut self) {
        self.digests.forgive();
        self.unreadable_at = None;
    }

    pub(super) fn floor_full(&mut self, now: u64) {
        self.floor_full_at = Some(now);
    }
}

impl Inside {
    /// An epoch began.
    pub(super) fn watch_new_epoch(&mut self, now: u64, s: &mut Shared) {
        let roster = &self.roster;
        self.watch.digests.new_epoch(now, self.group.epoch_digest());
        self.watch.digests.retain(|member| roster.contains(member));
        self.compare_new_epoch(now, s);
    }

    /// A beacon came, with what its sender heard of others.
    pub(super) fn watch_beacon(&mut self, now: u64, from: &MemberId, digest: [u8; 8], echoes: &[u8]) {
        let within = 2 * beacon_interval(self.roster.len());
        self.watch.digests.heard(now, from, digest);
        let (digests, roster) = (&mut self.watch.digests, &self.roster);
        digests.echoed(now, within, echoes, roster.own(), |mark| roster.beginning_with(mark));
    }

    /// Words came that nobody could open in this member's history. Whoever has just come may still hear words of the epoch before theirs, which say nothing.
    pub(super) fn watch_unreadable(&mut self, now: u64) {
        if now.saturating_sub(self.own.joined_at) >= STEP_GRACE_MS {
            self.watch.unreadable_at = Some(now);
        }
    }

    /// What this member says of others in its next beacon.
    pub(super) fn echoes(&mut self, now: u64) -> Vec<u8> {
        self.watch.digests.echoes(now, beacon_interval(self.roster.len()))
    }

    /// Brings the alarms up to date. Called after everything that comes in, and by the clock.
    pub(super) fn watch(&mut self, now: u64, s: &mut Shared) {
        self.compare_tick(now, s);
        self.stop_for_removals(now, s);
        let view = if self.attached {
            self.alarms(now, s)
        } else {
            // Nothing can be known of anybody without a connection, and the screen says that there is none.
            AlarmsView {
                no_host: self.watch.shown.no_host,
                ..AlarmsView::default()
            }
        };
        if view != self.watch.shown {
            self.watch.shown.clone_from(&view);
            s.event(Event::Alarms(view));
        }
    }

    /// This member leaves its group, perhaps to come back to it: what was told of it says nothing any more, and who comes back begins with nothing shown.
    pub(super) fn watch_ends(&mut self, s: &mut Shared) {
        self.compare_ends(s);
        if self.watch.shown != AlarmsView::default() {
            self.watch.shown = AlarmsView::default();
            s.event(Event::Alarms(AlarmsView::default()));
        }
    }

    fn alarms(&self, now: u64, s: &Shared) -> AlarmsView {
        let interval = beacon_interval(self.roster.len());
        let apart = self.watch.digests.apart(now);
        let unreadable = self
            .watch
            .unreadable_at
            .is_some_and(|at| now.saturating_sub(at) < UNREADABLE_KEPT_MS);
        let mut view = AlarmsView {
            removal_stuck: self.suspects(&self.removals_stuck(now)),
            stopped: self.log.is_stopped(),
            no_host: !self.roles.iter().any(|(_, role)| *role == Role::Host),
            server_offers_less: self.offers_less(now, s),
            ..AlarmsView::default()
        };
        let silent = |entry: &Entry| self.is_silent_too_long(now, entry);
        let mut odd: Vec<&Entry> = self
            .roster
            .others()
            .filter(|e| !e.leaving && (silent(e) || apart.contains(&e.data.member_id)))
            .collect();
        odd.sort_by_key(|e| e.order);
        for entry in odd {
            let (member, silent) = (entry.data.member_id, silent(entry));
            let to = if apart.contains(&member) || silent && unreadable {
                // Whoever is not heard while words come that cannot be opened speaks in another group.
                &mut view.digests_differ
            } else if silent && self.watch.digests.others_hear(now, &member, interval) {
                &mut view.withheld
            } else {
                &mut view.silent
            };
            to.push(suspect(entry));
        }
        view
    }

    /// Longer than somebody is shown as lost, and not because their tab is hidden.
    fn is_silent_too_long(&self, now: u64, entry: &Entry) -> bool {
        let after = SILENT_ALARM_MS.max(8 * beacon_interval(self.roster.len()));
        entry.lost && !entry.hidden() && now.saturating_sub(entry.heard_at()) >= after
    }

    fn suspects(&self, members: &[MemberId]) -> Vec<Suspect> {
        members
            .iter()
            .filter_map(|m| self.roster.entry(m))
            .map(suspect)
            .collect()
    }

    /// When an alarm is due that no beacon would bring in time.
    pub(super) fn watch_at(&self, now: u64) -> Option<u64> {
        self.removals_stuck_at(now)
            .into_iter()
            .chain(self.watch.comparison.until())
            .min()
    }
}

fn suspect(entry: &Entry) -> Suspect {
    Suspect {
        member_id: entry.data.member_id,
        name: entry.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Member, stage::Stage};
    use super::STEP_GRACE_MS;
    use crate::world::World;

    impl Member {
        /// Words of an epoch to come, as somebody in a history that is ahead of this one says them.
        fn hears_of_an_epoch_to_come(&mut self, now: u64) {
            if let Stage::Inside(inside) = &mut self.stage {
                inside.log.keep_early(now, vec![0]);
            }
        }

        fn hears_what_it_cannot_open(&mut self, now: u64) {
            if let Stage::Inside(inside) = &mut self.stage {
                inside.hear(now, vec![0], &mut self.shared);
            }
        }
    }

    #[test]
    fn words_of_before_one_came_are_no_sign_of_another_history() {
        for (after, differ) in [(1_000, false), (STEP_GRACE_MS + 1_000, true)] {
            let mut world = World::new(1);
            let tabs = world.call_of(&["A", "B"]);
            world.run(3_000);
            let newcomer = world.join("C");
            world.until("C is in", 5_000, |w| w.together(&[tabs[0], tabs[1], newcomer]));
            world.run(after);
            let now = world.now;
            world.tabs[newcomer].member.hears_what_it_cannot_open(now);
            world.kill(tabs[1]);
            world.run(25_000);
            let alarms = &world.tabs[newcomer].alarms;
            assert_eq!(
                (alarms.digests_differ.len(), alarms.silent.len()),
                if differ { (1, 0) } else { (0, 1) }
            );
        }
    }

    /// Whoever is ahead in another history cannot be read either, though their words look as if their commit were late.
    #[test]
    fn whoever_is_silent_while_words_of_an_epoch_to_come_arrive_stands_in_another_history() {
        for ahead in [true, false] {
            let mut world = World::new(1);
            let tabs = world.call_of(&["A", "B", "C"]);
            world.run(3_000);
            world.kill(tabs[2]);
            for _ in 0..26 {
                let now = world.now;
                if ahead {
                    world.tabs[tabs[0]].member.hears_of_an_epoch_to_come(now);
                }
                world.run(1_000);
            }
            let alarms = &world.tabs[tabs[0]].alarms;
            assert_eq!(
                (alarms.digests_differ.len(), alarms.silent.len()),
                if ahead { (1, 0) } else { (0, 1) }
            );
            assert_eq!(world.tabs[tabs[1]].alarms.silent.len(), 1, "B heard no such words");
        }
    }
}
