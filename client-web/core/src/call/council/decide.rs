//! What the person decided, as orders, wishes and errands.
//!
//! Does not judge whether they may: an order or a rule that does not count is not said ([`super`], `wishes`), and the server judges its errands itself.

use conclave_protocol::credential::Role;
use conclave_protocol::ids::MemberId;
use conclave_protocol::order::Decision;
use conclave_protocol::rules::ALL;

use super::super::errand::Errand;
use super::super::inside::Inside;
use super::super::roster::Entry;
use super::super::shared::{Shared, Unfinished};
use super::Wish;
use crate::io::Input;
use crate::limits::LINK_WAIT_MS;

impl Inside {
    /// The person decided something. `false` if this is not a decision.
    pub(crate) fn decide(&mut self, now: u64, input: &Input<'_>, s: &mut Shared) -> bool {
        match *input {
            Input::Admit(member) => self.admit(now, |w| w.data.member_id == member, s),
            Input::AdmitAll => self.admit(now, |_| true, s),
            Input::Refuse(member) => self.refuse(now, member, s),
            Input::Remove { member, bar } => self.remove(now, member, bar, s),
            Input::MuteMember { member, kinds, on } => self.wish(Wish::Mute(member, kinds & ALL, on), s),
            Input::MuteAll { kinds, on } => self.wish(Wish::MuteAll(kinds & ALL, on), s),
            Input::Lobby(on) => self.wish(Wish::Lobby(on), s),
            Input::Lock(on) => self.wish(Wish::Lock(on), s),
            Input::Guests(allowed) => self.wish(Wish::Guests(allowed & ALL), s),
            Input::Appoint(member) => {
                if let Some(leaf) = self.roster.entry(&member).map(Entry::leaf_name) {
                    self.wish(Wish::Appoint(leaf), s);
                }
            }
            Input::Dismiss(member) => self.dismiss(member, s),
            Input::Invite { days } => self.make_invite(days, s),
            Input::RevokeInvite(serial) => {
                self.wish(Wish::RevokeInvite(serial), s);
                // A moderator's word holds in this call; the room's sheet is the host's.
                if self.own_role() == Some(Role::Host) {
                    self.tell_server(Errand::RevokeInvite(serial), s);
                }
            }
            Input::ChangeLink => self.change_link(now, s),
            Input::EndOlderKeys => self.end_older_keys(s),
            Input::InvitedEnter(on) => self.wish(Wish::InvitedEnter(on), s),
            Input::EndForAll => self.wish(Wish::End, s),
            _ => return false,
        }
        true
    }

    /// The order goes first: whoever heard the rules before it would commit them at once, and the removal, which is this member's to commit, would have to be made again on top.
    fn remove(&mut self, now: u64, member: MemberId, bar: bool, s: &mut Shared) {
        if let Some(leaf) = self.roster.entry(&member).map(Entry::leaf_name) {
            self.give_order(now, Decision::Remove { leaf }, s);
        }
        // Their invite opens nothing any more, either, nor does their appointment.
        if bar {
            let serial = self.seat_of(&member).map(|seat| seat.1);
            self.wish(Wish::Bar(member, serial), s);
        }
        if self.own_role() == Some(Role::Host) {
            if let Some(serial) = self.key_of(&member).filter(|_| bar) {
                self.council.taken.push((serial, member, now + LINK_WAIT_MS));
            }
            self.wish(Wish::Dismiss(member), s);
        }
    }

    /// This member leaves its group, perhaps to come back to it: whom it ordered out is remembered until then.
    pub(in super::super) fn keep_removals(&self, s: &mut Shared) {
        let own = self.roster.own();
        let open = self.council.removals().filter(|(_, by, _)| *by == own);
        s.unfinished.extend(open.map(|(ordered_at, _, leaf)| Unfinished {
            leaf,
            ordered_at,
            bar: self.is_to_be_barred(&leaf.member),
        }));
    }

    fn is_to_be_barred(&self, member: &MemberId) -> bool {
        let wished = |wish: &Wish| matches!(wish, Wish::Bar(id, _) if id == member);
        self.council.wishes.iter().any(wished)
    }

    /// SECURITY: a server that makes a member take its place back undoes none of its removals. They count from when they were ordered: nothing is sent in between.
    pub(in super::super) fn remove_again(&mut self, now: u64, s: &mut Shared) {
        for Unfinished { leaf, ordered_at, bar } in std::mem::take(&mut s.unfinished) {
            let is_here = self.roster.entry(&leaf.member).is_some_and(|e| e.leaf_name() == leaf);
            if is_here {
                self.remove(now, leaf.member, bar, s);
                self.council.date_back(&self.roster.own(), &leaf, ordered_at);
            }
        }
    }

    /// Whoever moderates is a guest from now on: by appointment with the next rules; by a key of their own when the server has the sheet without it, in this call
    /// and all later ones.
    fn dismiss(&mut self, member: MemberId, s: &mut Shared) {
        self.wish(Wish::Dismiss(member), s);
        if let (Some(serial), Some(Role::Host)) = (self.key_of(&member), self.own_role()) {
            self.tell_server(Errand::RevokeMandate(serial), s);
        }
    }

    /// Takes the keys of barred moderators away. Not before they are out: the change of the rules that follows would come in between.
    pub(in super::super) fn take_keys(&mut self, now: u64, s: &mut Shared) {
        let (taken, roster) = (&mut self.council.taken, &self.roster);
        let due = taken
            .iter()
            .position(|(_, member, at)| now >= *at || !roster.contains(member));
        if let Some(due) = due {
            let (serial, ..) = taken.swap_remove(due);
            self.tell_server(Errand::RevokeMandate(serial), s);
        }
    }
}
