//! What the person wants of the rules, made into a signed change again and again until the rules say so, for another's change may come first.
//!
//! Does not judge a change: `group` does, here as in the commit that carries it.

use conclave_protocol::ids::MemberId;
use conclave_protocol::keys::LinkSecret;
use conclave_protocol::role::LeafName;
use conclave_protocol::rules::CallRules;

use super::super::inside::Inside;
use super::super::shared::Shared;
use super::super::words::Words;
use super::Council;
use crate::group::{Group, GroupData};
use crate::limits::MAX_KEPT_ORDERS;

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
    /// What stands in [`Council::link`] or [`Council::sheet`].
    Data,
    InvitedEnter(bool),
    Appoint(LeafName),
    Dismiss(MemberId),
    End,
}

impl Council {
    /// The link that is still wanted where these rules are in force.
    fn new_link(&self, data: &GroupData) -> Option<&LinkSecret> {
        let (generation, secret) = self.link.as_ref()?;
        (data.generation().checked_add(1) == Some(*generation)).then_some(secret)
    }

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
    pub(in super::super) fn rules_in(&mut self, next: GroupData) {
        let better = self.council.next.is_none();
        if better && self.rules_may_follow(&next) {
            self.council.next = Some(next);
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
        let (link, sheet) = (self.council.new_link(&data), self.council.sheet.as_ref());
        let next = group.change_data(&data, link, sheet, |rules| {
            for wish in wishes {
                if let Wish::MuteAll(kinds, on) = *wish {
                    guests().for_each(|guest| rules.mute(guest, kinds, on));
                }
                apply(rules, wish, group);
            }
        });
        if next.says_the_same(&data) || !self.rules_may_follow(&next) {
            // In force already, or not ours to change.
            self.council.wishes.clear();
            (self.council.link, self.council.sheet) = (None, None);
            return;
        }
        if self.say(&Words::Rules { bytes: next.to_bytes() }, s).is_ok() {
            self.council.next = Some(next);
        }
    }
}

fn apply(rules: &mut CallRules, wish: &Wish, group: &Group) {
    match *wish {
        Wish::Lobby(on) => rules.lobby = on,
        Wish::Lock(on) => rules.locked = on,
        Wish::Guests(allowed) => rules.guests = allowed,
        Wish::Mute(member, kinds, on) => rules.mute(member, kinds, on),
        // Who the guests are is known where the roles are.
        Wish::MuteAll(..) => {}
        Wish::Bar(member, serial) => {
            rules.bar(member);
            if let Some(serial) = serial {
                rules.revoke_invite(serial);
            }
        }
        Wish::Inherit => group.inherit(rules),
        Wish::Data => {}
        Wish::RevokeInvite(serial) => rules.revoke_invite(serial),
        Wish::InvitedEnter(on) => rules.invited_enter = on,
        Wish::Appoint(leaf) => {
            if !rules.appoints(&leaf)
                && let Some(appointment) = group.appoint(leaf)
            {
                rules.appointments.push(appointment);
                rules.appointments.sort_by_key(|a| a.leaf);
            }
        }
        Wish::Dismiss(member) => rules.appointments.retain(|a| a.leaf.member != member),
        Wish::End => rules.ended = true,
    }
}
