//! Personal invites as a member of a call deals with them: making, taking back, judging those of who knocks.
//!
//! Does not keep a list of invites: a host's browser makes one and hands it out. What was taken back stands in the rules of the call and in the
//! room's sheet. SPEC: protocol.md §1, "Personal invites".

use conclave_protocol::credential::Role;
use conclave_protocol::ids::MemberId;
use conclave_protocol::invite::InviteLink;
use conclave_protocol::keys::{InviteSeed, Signer};

use super::council::Wish;
use super::inside::Inside;
use super::knock::Waiting;
use super::shared::Shared;
use crate::group::{Seat, Standing, seat};
use crate::io::{Event, InviteView, NoticeCode};
use crate::limits::CARD_REPEAT_MS;

impl Inside {
    /// A host makes an invite that lasts `days` from today, or as long as the host's own mandate.
    pub(super) fn make_invite(&mut self, days: u16, s: &mut Shared) {
        let role = s.role.as_ref().filter(|role| role.mandate.role == Role::Host);
        let (Some(role), Some(Role::Host)) = (role, self.own_role()) else {
            return s.event(Event::Notice(NoticeCode::NotAllowed));
        };
        let until = role.mandate.not_after_day;
        let not_after_day = match role.today {
            0 => until,
            today => today.saturating_add(days).min(until),
        };
        let (mandate, key) = (role.mandate.clone(), Signer::from_seed(role.seed.expose()));
        // A collision with another host's is one in four thousand million, and shows: the second comer is told.
        let serial = u32::from_be_bytes(s.random.bytes());
        let seed = InviteSeed::from_bytes(*s.random.secret());
        let link = InviteLink::grant(&s.link, &mandate, &key, serial, not_after_day, seed);
        s.event(Event::Invite(InviteView {
            serial,
            not_after_day,
            fragment: link.to_fragment(),
        }));
    }

    /// The invite by which a member came in: barring them takes it back.
    pub(super) fn seat_of(&self, member: &MemberId) -> Option<Seat> {
        self.roster.entry(member).and_then(|e| seat(&e.data))
    }

    /// Judges invites of those who wait, once in each epoch, and turns away whose invite opens nothing.
    pub(super) fn judge_invites(&mut self, now: u64, s: &mut Shared) {
        let epoch = self.group.epoch();
        let mut away = Vec::new();
        let mut waiting = std::mem::take(&mut self.lobby.waiting);
        for w in &mut waiting {
            if w.data.invite.is_some() && w.judged_in != Some(epoch) {
                w.standing = self.group.standing(w.leaf_key(), &w.data);
                w.judged_in = Some(epoch);
            }
            if w.standing == Standing::Bad {
                away.push(w.reference);
            }
        }
        self.lobby.waiting = waiting;
        for package in away {
            self.turned_away(now, package, s);
            if self.is_first() {
                // SECURITY: whoever has a spent invite must not make everybody send cards at will.
                self.cards.at = Some(now.max(self.cards.sent_at + CARD_REPEAT_MS));
            }
        }
    }

    /// Whether somebody who waits comes in by an invite.
    pub(super) fn is_invited(&self, waiting: &Waiting) -> bool {
        waiting.standing == Standing::Good && self.group.opens_to_invited()
    }

    /// Whoever moderated before it lost its state writes its new leaf into its appointment.
    pub(super) fn keep_appointment(&mut self, s: &mut Shared) {
        if self.group.inherits() && !self.council.wants(&Wish::Inherit) {
            self.wish(Wish::Inherit, s);
        }
    }
}
