//! What the members decide: orders and changes of the rules, kept by everybody until somebody has committed them.
//!
//! Does not commit (`routine`) and does not judge (`group`): what is kept here counted when it came, and is judged again in the commit. A wish of one's
//! own is made into a signed change again and again until the rules say so, for another's change may come first. SPEC: protocol.md §2, "Orders".

use std::collections::BTreeSet;

use conclave_protocol::credential::Role;
use conclave_protocol::ids::MemberId;
use conclave_protocol::keys::LinkSecret;
use conclave_protocol::order::{Decision, Order};
use conclave_protocol::role::LeafName;
use conclave_protocol::rules::{ALL, CallRules};
use conclave_protocol::sheet::Sheet;

use super::errand::Errand;
use super::inside::Inside;
use super::knock::Waiting;
use super::shared::Shared;
use super::words::Words;
use crate::group::{GroupData, seat};
use crate::io::{Event, Input, LobbyEntry, RulesView};
use crate::limits::{ADMIT_KEPT_MS, LINK_WAIT_MS, MAX_KEPT_ORDERS, REFUSED_KEPT_MS, VOUCH_STEP_MS, VOUCHERS};
use crate::text::clean_name;

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

/// See the module.
#[derive(Default)]
pub(super) struct Council {
    /// With the time at which each came.
    orders: Vec<(u64, Order)>,
    /// The next rules, signed by a host or moderator.
    pub(super) next: Option<GroupData>,
    wishes: Vec<Wish>,
    /// A link that a host makes, and the generation that it shall have.
    pub(super) link: Option<(u16, LinkSecret)>,
    /// A link that is in force in the call, and when the server is to be told at the latest.
    pub(super) untold: Option<(LinkSecret, u64)>,
    /// A newer sheet, by which mandates are to be judged.
    pub(super) sheet: Option<Sheet>,
    /// Moderators' mandates that the server is to hear of when their holder is out, and when at the latest.
    pub(super) taken: Vec<(u32, MemberId, u64)>,
    /// References of knocks that were refused, and when.
    refused: Vec<(u64, [u8; 32])>,
    /// Who is over 90 seconds silent in this member's own eyes, and was said to be.
    vouched: BTreeSet<LeafName>,
    lobby_shown: Vec<LobbyEntry>,
    rules_shown: Option<RulesView>,
}

impl Council {
    fn keep(&mut self, now: u64, order: Order) {
        let same = |o: &Order| o.decision == order.decision && o.by == order.by;
        if self.orders.len() < MAX_KEPT_ORDERS && !self.orders.iter().any(|(_, o)| same(o)) {
            self.orders.push((now, order));
        }
    }

    /// The link that is still wanted where these rules are in force.
    fn new_link(&self, data: &GroupData) -> Option<&LinkSecret> {
        let (generation, secret) = self.link.as_ref()?;
        (data.generation().checked_add(1) == Some(*generation)).then_some(secret)
    }

    pub(super) fn wants(&self, wish: &Wish) -> bool {
        self.wishes.contains(wish)
    }

    pub(super) fn admits(&self, package: &[u8; 32]) -> bool {
        self.order_of(|d| matches!(d, Decision::Admit { package: p } if p == package))
            .is_some()
    }

    pub(super) fn order_of(&self, what: impl Fn(&Decision) -> bool) -> Option<&Order> {
        self.orders.iter().map(|(_, o)| o).find(|o| what(&o.decision))
    }

    pub(super) fn removes(&self, leaf: &LeafName) -> Option<&Order> {
        self.order_of(|d| matches!(d, Decision::Remove { leaf: l } if l == leaf))
    }

    /// Leaves that somebody ordered out: since when, and by whom.
    pub(super) fn removals(&self) -> impl Iterator<Item = (u64, MemberId, LeafName)> + '_ {
        self.orders.iter().filter_map(|(at, o)| match o.decision {
            Decision::Remove { leaf } => Some((*at, o.by, leaf)),
            _ => None,
        })
    }

    /// Everybody's word, this member's included, that a leaf is silent.
    pub(super) fn vouchers(&self, leaf: &LeafName) -> impl Iterator<Item = &Order> {
        self.orders
            .iter()
            .map(|(_, o)| o)
            .filter(move |o| matches!(o.decision, Decision::Silent { leaf: l } if l == *leaf))
    }

    /// First bytes of what was refused lately, for the card.
    pub(super) fn refused(&self, now: u64) -> Vec<[u8; 8]> {
        let mut all: Vec<[u8; 8]> = self
            .refused
            .iter()
            .filter(|(at, _)| now.saturating_sub(*at) < REFUSED_KEPT_MS)
            .map(|(_, reference)| refusal_mark(reference))
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// How a card names a refused knock: nothing that anybody else could recognise.
pub(crate) fn refusal_mark(reference: &[u8; 32]) -> [u8; 8] {
    let mut mark = [0; 8];
    for (to, from) in mark.iter_mut().zip(reference) {
        *to = *from;
    }
    mark
}

impl Inside {
    /// The person decided something. `false` if this is not a decision.
    pub(crate) fn decide(&mut self, now: u64, input: &Input<'_>, s: &mut Shared) -> bool {
        match *input {
            Input::Admit(member) => self.admit(now, |w| w.data.member_id == member, s),
            Input::AdmitAll => self.admit(now, |_| true, s),
            Input::Refuse(member) => self.refuse(now, member, s),
            Input::Remove { member, bar } => self.remove(now, member, bar, s),
            Input::MuteMember { member, kinds, on } => self.wish(now, Wish::Mute(member, kinds & ALL, on), s),
            Input::MuteAll { kinds, on } => self.wish(now, Wish::MuteAll(kinds & ALL, on), s),
            Input::Lobby(on) => self.wish(now, Wish::Lobby(on), s),
            Input::Lock(on) => self.wish(now, Wish::Lock(on), s),
            Input::Guests(allowed) => self.wish(now, Wish::Guests(allowed & ALL), s),
            Input::Appoint(member) => {
                if let Some(leaf) = self.roster.entry(&member).map(super::roster::Entry::leaf_name) {
                    self.wish(now, Wish::Appoint(leaf), s);
                }
            }
            Input::Dismiss(member) => self.dismiss(now, member, s),
            Input::Invite { days } => self.make_invite(days, s),
            Input::RevokeInvite(serial) => {
                self.wish(now, Wish::RevokeInvite(serial), s);
                // A moderator's word holds in this call; the room's sheet is the host's.
                if self.own_role() == Some(Role::Host) {
                    self.tell_server(Errand::RevokeInvite(serial), s);
                }
            }
            Input::ChangeLink => self.change_link(now, s),
            Input::EndOlderKeys => self.end_older_keys(s),
            Input::InvitedEnter(on) => self.wish(now, Wish::InvitedEnter(on), s),
            Input::EndForAll => self.wish(now, Wish::End, s),
            _ => return false,
        }
        true
    }

    /// The order goes first: whoever heard the rules before it would commit them at once, and the removal, which is this member's to commit, would have to be made again on top.
    fn remove(&mut self, now: u64, member: MemberId, bar: bool, s: &mut Shared) {
        if let Some(leaf) = self.roster.entry(&member).map(super::roster::Entry::leaf_name) {
            self.give_order(now, Decision::Remove { leaf }, s);
        }
        // Their invite opens nothing any more, either, nor does their appointment.
        if bar {
            let serial = self.seat_of(&member).map(|seat| seat.1);
            self.wish(now, Wish::Bar(member, serial), s);
        }
        if self.own_role() == Some(Role::Host) {
            if let Some(serial) = self.key_of(&member).filter(|_| bar) {
                self.council.taken.push((serial, member, now + LINK_WAIT_MS));
            }
            self.wish(now, Wish::Dismiss(member), s);
        }
    }

    /// Whoever moderates is a guest from now on: by appointment with the next rules; by a key of their own when the server has the sheet without it, in this call
    /// and all later ones.
    fn dismiss(&mut self, now: u64, member: MemberId, s: &mut Shared) {
        self.wish(now, Wish::Dismiss(member), s);
        if let (Some(serial), Some(Role::Host)) = (self.key_of(&member), self.own_role()) {
            self.tell_server(Errand::RevokeMandate(serial), s);
        }
    }

    /// Takes the keys of barred moderators away. Not before they are out: an errand closes the connection for a moment, and the removal must not wait for it.
    pub(super) fn take_keys(&mut self, now: u64, s: &mut Shared) {
        let (taken, roster) = (&mut self.council.taken, &self.roster);
        let due = taken
            .iter()
            .position(|(_, member, at)| now >= *at || !roster.contains(member));
        if let Some(due) = due {
            let (serial, ..) = taken.swap_remove(due);
            self.tell_server(Errand::RevokeMandate(serial), s);
        }
    }

    /// The number of the key by which a member moderates, if it is by one.
    pub(super) fn key_of(&self, member: &MemberId) -> Option<u32> {
        self.keyed
            .iter()
            .find(|(id, _)| id == member)
            .map(|(_, serial)| *serial)
    }

    fn admit(&mut self, now: u64, who: impl Fn(&Waiting) -> bool, s: &mut Shared) {
        let packages: Vec<[u8; 32]> = self.asking_now().filter(|w| who(w)).map(|w| w.reference).collect();
        for package in packages {
            self.give_order(now, Decision::Admit { package }, s);
        }
    }

    fn refuse(&mut self, now: u64, member: MemberId, s: &mut Shared) {
        // Nobody listens to whoever has no role; their own client must not put it on the call card either, which newcomers read.
        if self.roles_by_member(&self.roster.own()).is_none() {
            return;
        }
        let package = self
            .asking_now()
            .find(|w| w.data.member_id == member)
            .map(|w| w.reference);
        if let Some(package) = package
            && self.say(&Words::Refuse { package }, s).is_ok()
        {
            self.turned_away(now, package, s);
        }
    }

    fn give_order(&mut self, now: u64, decision: Decision, s: &mut Shared) {
        let order = self.group.order(decision);
        if self.group.order_counts(&order).is_ok() && self.say(&Words::Order { order: order.clone() }, s).is_ok() {
            self.council.keep(now, order);
            self.show_lobby(now, s);
        }
    }

    /// An order came.
    pub(super) fn order_in(&mut self, now: u64, order: Order, s: &mut Shared) {
        // SECURITY: what does not count is not even kept; a flood of forgeries takes no place. And anybody may say that somebody is silent: it is kept
        // only about those whom this member has missed for some time, too.
        let missed = match order.decision {
            Decision::Silent { leaf } => self
                .roster
                .entry(&leaf.member)
                .is_some_and(|e| e.lost && e.leaf_name() == leaf),
            _ => true,
        };
        if missed && self.group.order_counts(&order).is_ok() {
            self.council.keep(now, order);
            self.show_lobby(now, s);
        }
    }

    /// Signed rules came. Of two with one sequence the first stays: the other's signer will make theirs again.
    pub(super) fn rules_in(&mut self, next: GroupData) {
        let better = self.council.next.is_none();
        if better && self.rules_may_follow(&next) {
            self.council.next = Some(next);
        }
    }

    fn rules_may_follow(&self, next: &GroupData) -> bool {
        self.group
            .data()
            .is_some_and(|data| self.group.check_change(&data, next).is_ok())
    }

    /// Somebody with a role refused a knock.
    pub(super) fn turned_away(&mut self, now: u64, package: [u8; 32], s: &mut Shared) {
        self.council
            .refused
            .retain(|(at, _)| now.saturating_sub(*at) < REFUSED_KEPT_MS);
        if self.council.refused.len() < MAX_KEPT_ORDERS {
            self.council.refused.push((now, package));
        }
        self.lobby.waiting.retain(|w| w.reference != package);
        if self.is_first() {
            self.cards.at = Some(now);
        }
        self.show_lobby(now, s);
    }

    pub(super) fn wish(&mut self, now: u64, wish: Wish, s: &mut Shared) {
        if self.council.wishes.len() < MAX_KEPT_ORDERS {
            self.council.wishes.push(wish);
        }
        self.make_rules(now, s);
    }

    /// What was wanted while nobody could hear it.
    pub(super) fn say_wishes(&mut self, now: u64, s: &mut Shared) {
        if self.council.next.is_none() {
            self.make_rules(now, s);
        }
    }

    /// Makes the person's wishes into the next rules, signed, and says them.
    fn make_rules(&mut self, _now: u64, s: &mut Shared) {
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

    /// A new epoch: what does not count any more is forgotten; what is still wanted is said again.
    pub(super) fn council_in_new_epoch(&mut self, now: u64, rules_changed: bool, s: &mut Shared) {
        let group = &self.group;
        let waits: BTreeSet<[u8; 32]> = self.lobby.waiting.iter().map(|w| w.reference).collect();
        let roster = &self.roster;
        self.council.orders.retain(|(at, order)| {
            let open = match order.decision {
                Decision::Admit { package } => waits.contains(&package) && now.saturating_sub(*at) < ADMIT_KEPT_MS,
                Decision::Remove { leaf } | Decision::Silent { leaf } => {
                    roster.entry(&leaf.member).is_some_and(|e| e.leaf_name() == leaf)
                }
                Decision::Leave {} => false,
            };
            open && group.order_counts(order).is_ok()
        });
        // What was said in an epoch that is over is said again.
        let own = roster.own();
        let said = |leaf: &LeafName, o: &Order| o.by == own && o.decision == Decision::Silent { leaf: *leaf };
        let orders = &self.council.orders;
        self.council
            .vouched
            .retain(|leaf| orders.iter().any(|(_, o)| said(leaf, o)));
        if self
            .council
            .next
            .as_ref()
            .is_some_and(|next| !self.rules_may_follow(next))
        {
            self.council.next = None;
        }
        if rules_changed || self.council.next.is_none() {
            self.make_rules(now, s);
        }
        self.show_rules(s);
        self.show_lobby(now, s);
    }

    /// Vouches for the silence of those whom this member has not heard for 90 seconds, if it is one of the first in the committers' order; the others
    /// follow later, should those be mistaken or gone.
    pub(super) fn vouch(&mut self, now: u64, s: &mut Shared) {
        let late = self.vouch_after();
        let silent: Vec<LeafName> = self
            .roster
            .silent(now)
            .filter(|(_, for_ms)| *for_ms >= late)
            .map(|(leaf, _)| leaf)
            .filter(|leaf| !self.council.vouched.contains(leaf))
            .collect();
        for leaf in silent {
            self.council.vouched.insert(leaf);
            self.give_order(now, Decision::Silent { leaf }, s);
        }
        // Heard again: the word is taken back by not repeating it, and the order grows old.
        let roster = &self.roster;
        self.council.vouched.retain(|leaf| roster.is_silent(now, leaf));
        self.council
            .orders
            .retain(|(_, o)| !matches!(o.decision, Decision::Silent { leaf } if o.by == roster.own() && !roster.is_silent(now, &leaf)));
    }

    /// How much longer than the first ones this member waits before it vouches.
    pub(super) fn vouch_after(&self) -> u64 {
        let place = self.place().unwrap_or(0).saturating_sub(VOUCHERS);
        VOUCH_STEP_MS.saturating_mul(place as u64)
    }

    /// When this member is to vouch next.
    pub(super) fn vouch_at(&self, now: u64) -> Option<u64> {
        let late = self.vouch_after();
        self.roster
            .silent(now)
            .filter(|(leaf, _)| !self.council.vouched.contains(leaf))
            .map(|(_, over)| now + late.saturating_sub(over))
            .min()
    }

    /// Those who wait and were neither let in nor may come in by themselves. Nobody, while the call is locked: they wait unseen until it is not.
    pub(super) fn asking_now(&self) -> impl Iterator<Item = &Waiting> {
        self.lobby
            .waiting
            .iter()
            .filter(|w| !self.rules.locked && self.has_to_ask(w) && !self.council.admits(&w.reference))
    }

    /// Whether this member's place may not be taken back: by the rules, or by those that are about to count.
    pub(super) fn is_barred(&self) -> bool {
        let own = self.roster.own();
        let next = self.council.next.as_ref().map(GroupData::rules);
        [Some(&self.rules), next]
            .into_iter()
            .flatten()
            .any(|rules| rules.bars.contains(&own))
    }

    /// Whether somebody who waits needs an order.
    pub(super) fn has_to_ask(&self, waiting: &Waiting) -> bool {
        let back = self.roster.contains(&waiting.data.member_id);
        // Only a proof can make the longer question worth asking.
        let shows_role =
            || waiting.data.proof.is_some() && !self.group.must_be_admitted(waiting.leaf_key(), &waiting.data);
        self.rules.asks() && !back && !self.is_invited(waiting) && !shows_role()
    }

    pub(super) fn own_role(&self) -> Option<Role> {
        self.roles_by_member(&self.roster.own())
    }

    pub(super) fn roles_by_member(&self, member: &MemberId) -> Option<Role> {
        self.roles.iter().find(|(id, _)| id == member).map(|(_, role)| *role)
    }

    /// Bit per track kind, and writing: what a member may not.
    pub(super) fn muted(&self, member: &MemberId) -> u8 {
        let by_rule = match self.roles_by_member(member) {
            Some(_) => 0,
            None => ALL & !self.rules.guests,
        };
        by_rule | self.rules.muted(member)
    }

    /// Tells those who may let people in who waits.
    pub(super) fn show_lobby(&mut self, now: u64, s: &mut Shared) {
        let entries: Vec<LobbyEntry> = match self.own_role() {
            None => Vec::new(),
            Some(_) => self
                .asking_now()
                .map(|w| LobbyEntry {
                    member_id: w.data.member_id,
                    name: clean_name(&w.data.name).unwrap_or_else(|| "?".to_owned()),
                    code: w.code.clone(),
                    waits_ms: now.saturating_sub(w.first_at),
                    invite: seat(&w.data).map(|seat| seat.1),
                })
                .collect(),
        };
        let same = entries.len() == self.council.lobby_shown.len()
            && entries
                .iter()
                .zip(&self.council.lobby_shown)
                .all(|(a, b)| a.code == b.code);
        if !same {
            self.council.lobby_shown.clone_from(&entries);
            s.event(Event::Lobby(entries));
        }
    }

    /// Tells the rules, if they changed.
    pub(super) fn show_rules(&mut self, s: &mut Shared) {
        let view = RulesView {
            role: self.own_role(),
            host_present: self.roles.iter().any(|(_, role)| *role == Role::Host),
            lobby: self.rules.lobby,
            locked: self.rules.locked,
            guests: self.rules.guests,
            muted: self.muted(&self.roster.own()),
            invited_enter: self.rules.invited_enter,
        };
        if self.council.rules_shown != Some(view) {
            self.council.rules_shown = Some(view);
            s.event(Event::Rules(view));
        }
    }
}

fn apply(rules: &mut CallRules, wish: &Wish, group: &crate::group::Group) {
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
