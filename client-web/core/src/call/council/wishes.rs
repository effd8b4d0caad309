//! What the person wants of the rules, made into a signed change again and again until the rules say so, for another's change may come first.
//!
//! Does not judge a change: `group` does, here as in the commit that carries it.

use conclave_protocol::ids::MemberId;
use conclave_protocol::role::LeafName;
use conclave_protocol::rules::CallRules;

use super::super::inside::Inside;
use super::super::shared::Shared;
use super::super::words::Words;
use super::Council;
use crate::group::{Group, GroupData, NewLink};
use crate::io::{Event, NoticeCode};
use crate::limits::{MAX_KEPT_ORDERS, MAX_RULES_SAID};

/// Something that the person wants of the rules.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    Lobby(bool),
    Lock(bool),
    Guests(u8),
    Mute(MemberId, u8, bool),
    /// Of every guest in the call.
    MuteAll(u8, bool),
    Bar(MemberId, Option<u32>),
    /// This member's own new leaf in its appointment.
    Inherit,
    RevokeInvite(u32),
    /// A new link ([`Shared::relinking`]), or what stands in [`Council::sheet`].
    Data,
    InvitedEnter(bool),
    Appoint(LeafName),
    Dismiss(MemberId),
    End,
}

impl Council {
    pub(in super::super) fn wants(&self, wish: &Wish) -> bool {
        self.wishes.contains(wish)
    }
}

impl Inside {
    pub(in super::super) fn wish(&mut self, wish: Wish, s: &mut Shared) {
        if self.council.wishes.len() < MAX_KEPT_ORDERS {
            self.council.wishes.push(wish);
        }
        self.make_rules(s);
    }

    /// What was wanted while nobody could hear it.
    pub(in super::super) fn say_wishes(&mut self, s: &mut Shared) {
        if self.council.next.is_none() {
            self.make_rules(s);
        }
    }

    /// Signed rules came. Of two with one sequence the first stays: the other's signer will make theirs again.
    pub(in super::super) fn rules_in(&mut self, next: GroupData, s: &mut Shared) {
        let better = self.council.next.is_none();
        let proposed = s
            .errands
            .as_mut()
            .zip(next.new_secret())
            .filter(|_| self.relinks(&next));
        if (better || proposed.is_some()) && self.rules_may_follow(&next) {
            if let Some((errands, secret)) = proposed {
                errands.know(secret);
            }
            if better {
                self.council.next = Some(next);
            }
        }
    }

    pub(super) fn rules_may_follow(&self, next: &GroupData) -> bool {
        self.group
            .data()
            .is_some_and(|data| self.group.check_change(&data, next).is_ok())
    }

    /// Makes the person's wishes into the next rules, signed, and says them.
    pub(super) fn make_rules(&mut self, s: &mut Shared) {
        if self.council.wishes.is_empty() {
            return;
        }
        let (group, wishes) = (&self.group, &self.council.wishes);
        let Some(data) = group.data() else { return };
        let guests = || {
            let others = self.roster.others().map(|entry| entry.data.member_id);
            others.filter(|id| self.roles_by_member(id).is_none())
        };
        let sheet = self.council.sheet.as_ref();
        let is_here = |id: &MemberId| self.roster.contains(id);
        let mut fits = true;
        let mut made = |link: Option<&NewLink>| {
            group.change_data(&data, link, sheet, |rules| {
                for wish in wishes {
                    if let Wish::MuteAll(kinds, on) = *wish {
                        guests().for_each(|guest| fits &= rules.mute(guest, kinds, on, is_here));
                    }
                    fits &= apply(rules, wish, group, is_here);
                }
            })
        };
        let mut next = made(s.relinking.wanted(&data));
        if next.to_bytes().len() > MAX_RULES_SAID && s.relinking.carry_nothing() {
            next = made(s.relinking.wanted(&data));
        }
        if next.says_the_same(&data) || !self.rules_may_follow(&next) {
            // In force already, as far as the lists have room, or not ours to change.
            self.council.wishes.clear();
            s.relinking.give_up();
            self.council.sheet = None;
            if !fits {
                s.event(Event::Notice(NoticeCode::ListFull));
            }
            return;
        }
        if self.say(&Words::Rules { bytes: next.to_bytes() }, s).is_ok() {
            self.council.next = Some(next);
        }
    }
}

/// `false` if a list has no room for it.
fn apply(rules: &mut CallRules, wish: &Wish, group: &Group, is_here: impl Fn(&MemberId) -> bool) -> bool {
    match *wish {
        Wish::Lobby(on) => rules.lobby = on,
        Wish::Lock(on) => rules.locked = on,
        Wish::Guests(allowed) => rules.guests = allowed,
        Wish::Mute(member, kinds, on) => return rules.mute(member, kinds, on, is_here),
        // Who the guests are is known where the roles are.
        Wish::MuteAll(..) => {}
        Wish::Bar(member, serial) => {
            if let Some(serial) = serial {
                rules.revoke_invite(serial);
            }
            return rules.bar(member);
        }
        Wish::Inherit => group.inherit(rules),
        Wish::Data => {}
        Wish::RevokeInvite(serial) => rules.revoke_invite(serial),
        Wish::InvitedEnter(on) => rules.invited_enter = on,
        Wish::Appoint(leaf) => {
            if !rules.appoints(&leaf)
                && let Some(appointment) = group.appoint(leaf)
            {
                return rules.appoint(appointment, is_here);
            }
        }
        Wish::Dismiss(member) => rules.appointments.retain(|a| a.leaf.member != member),
        Wish::End => rules.ended = true,
    }
    true
}
