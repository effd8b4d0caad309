//! What a member does by the clock: beacons, routine commits, cards again, forgetting.
//!
//! Does not wait for anybody: each duty has its own deadline, and all of them show in [`Inside::timeout`]. SPEC: protocol.md §2.

use std::collections::BTreeSet;

use conclave_protocol::envelope::ClearPart;
use conclave_protocol::ids::{MemberId, TrackKind};
use conclave_protocol::message::ClientMessage;
use conclave_protocol::order::{Decision, Order};

use super::inside::{Inside, Turn};
use super::knock::Waiting;
use super::rights::most_removed;
use super::roster::beacon_interval;
use super::shared::Shared;
use super::takeback::{Admission, admission};
use super::words::{Beacon, Words};
use crate::error::CoreError;
use crate::group::{Plan, seat, vouchers_needed};
use crate::io::{Event, MidRole};
use crate::limits::{ADDS_PER_COMMIT, CARD_INTERVAL_MS, COMMIT_RETRY_MS, MAX_MEMBERS, PROMPT_BEACON_MS, VOUCHERS};
use crate::text::is_reaction;

impl Inside {
    /// Time passed.
    pub(crate) fn tick(&mut self, now: u64, s: &mut Shared) -> Turn {
        self.log.tick(now, &mut s.out);
        self.tell_unsure(now, s);
        if let Some(keep) = self.log.expire_past(now) {
            // What cannot be forgotten now is dropped with the group.
            let _ = self.group.forget_past(keep);
        }
        if self.log.left_behind(now) {
            return Turn::TakeBack;
        }
        let turn = self.stop_asking(now, s);
        if !matches!(turn, Turn::Stay) {
            return turn;
        }
        if !self.attached {
            self.watch(now, s);
            return Turn::Stay;
        }
        if !self.rights.on {
            return self.without_rights(now);
        }
        if self.log.again_due(now) {
            self.resubmit(now, s);
        }
        if self.log.echo_overdue(now) || self.lines.pong_overdue(now) {
            // Neither taken nor refused: this connection does not work; the commit and the lines are sent again on the next one.
            s.connection.open(&mut s.out);
            self.lost(s);
            return Turn::Stay;
        }
        self.say_again(now, s);
        if self.seat_at().is_some_and(|at| now >= at) {
            self.refresh(now, s);
        }
        if self.roster.mark_lost(now) {
            self.refresh(now, s);
        }
        self.watch(now, s);
        if now >= self.own.beacon_at {
            self.beacon(now, s);
            // As often as this is soon enough, and the order is not asked for with everything that comes in.
            self.take_over_card(now);
        }
        if self.cards.at.is_some_and(|at| now >= at) {
            // Again now and then: whoever is alone in another call hears of this one by it.
            self.cards.at = self.is_first().then_some(now + CARD_INTERVAL_MS);
            let _ = self.send_card(now, s);
        }
        self.bring_link_about(now, s);
        self.vouch(now, s);
        self.commit_if_due(now, s);
        self.take_keys(now, s);
        self.give_way(now)
    }

    pub(crate) fn timeout(&mut self, now: u64, s: &Shared) -> Option<u64> {
        let mut all = vec![
            self.log.timeout(),
            self.lines.timeout(),
            self.asking.as_ref().map(|a| a.until),
        ];
        if self.attached && !self.rights.on {
            all.push(self.rights.until());
        }
        if self.attached && self.rights.on {
            all.extend([
                Some(self.own.beacon_at),
                self.seat_at(),
                self.cards.at,
                self.link_at(now, s),
                self.council.taken.iter().map(|(.., at)| *at).min(),
                self.roster.timeout(),
                self.vouch_at(now),
                self.watch_at(now),
                self.lobby.waiting.iter().filter_map(|w| self.add_at(now, w)).min(),
                self.commit_at(now),
            ]);
            if self.log.pending.is_none() {
                all.push(Some(self.committer.rotation_at()));
            }
        }
        // Whatever was due has been done by `tick`; what could not be done waits for an input and must not spin the caller.
        all.into_iter().flatten().filter(|at| *at > now).min()
    }

    fn seat_at(&self) -> Option<u64> {
        self.media.seat_at(self.roster.len().saturating_sub(1))
    }

    pub(super) fn beacon(&mut self, now: u64, s: &mut Shared) {
        let beacon = Beacon {
            digest: self.group.epoch_digest(),
            hand: self.own.hand,
            hidden: self.own.hidden,
            on: self.media.wishes(),
            capture_ms: u32::try_from(now.saturating_sub(self.own.joined_at)).unwrap_or(u32::MAX),
        };
        let echoes = self.echoes(now);
        if self.say_unheard(&Words::Beacon { beacon, echoes }, s).is_ok() {
            self.own.beaconed_at = now;
        }
        self.own.beacon_at = now + beacon_interval(self.roster.len());
    }

    /// Something changed that others should see soon.
    pub(super) fn beacon_soon(&mut self, now: u64) {
        self.own.beacon_at = self
            .own
            .beacon_at
            .min((self.own.beaconed_at + PROMPT_BEACON_MS).max(now));
    }

    fn add_at(&self, now: u64, waiting: &Waiting) -> Option<u64> {
        match admission(now, &self.roster, (self.group.epoch(), &self.log), waiting) {
            Admission::At(at) => Some(at),
            Admission::NotYet | Admission::Never => None,
        }
    }

    /// Forgets knocks of those who are in.
    pub(super) fn settle_lobby(&mut self, now: u64) {
        let mut lobby = std::mem::take(&mut self.lobby);
        lobby.settle(now, |waiting| {
            !matches!(
                admission(now, &self.roster, (self.group.epoch(), &self.log), waiting),
                Admission::Never
            )
        });
        self.lobby = lobby;
    }

    fn may_be_added(&self, now: u64) -> impl Iterator<Item = &Waiting> {
        self.lobby
            .waiting
            .iter()
            .filter(move |w| self.add_at(now, w).is_some_and(|at| now >= at))
            .filter(move |w| !self.watch.comparison.holds() || self.roster.key_of(now, &w.data.member_id).is_some())
            .filter(|w| !self.rules.bars.contains(&w.data.member_id))
            .filter(|w| !self.has_to_ask(w) || self.council.admits(&w.reference))
    }

    /// Leaves that may be removed, and the orders that allow it.
    fn removals(&self, now: u64) -> (Vec<u32>, Vec<Order>) {
        let (mut leaves, mut orders, mut silent) = (Vec::new(), Vec::new(), Vec::new());
        // Asked with everything that comes in, and nearly always nobody.
        if !self.roster.anybody_goes(now) && self.council.removals().next().is_none() {
            return (leaves, orders);
        }
        // Whoever said goodbye or fell silent has no voice at the server; whoever is sent away has.
        let (most, mut sent_away) = (most_removed(self.roster.len()), 0);
        for entry in self.roster.others() {
            let name = entry.leaf_name();
            if let Some(signature) = entry.farewell {
                leaves.push(entry.leaf);
                orders.push(Order::new(Decision::Leave {}, name.member, 0, signature));
            } else if let Some(order) = self.council.removes(&name).filter(|_| sent_away < most) {
                sent_away += 1;
                leaves.push(entry.leaf);
                orders.push(order.clone());
            } else if self.roster.is_silent(now, &name) {
                silent.push((name, entry.leaf));
            }
        }
        let stay = self.roster.len().saturating_sub(leaves.len() + silent.len());
        let needed = vouchers_needed(stay);
        let goes = |member: &MemberId| {
            let leaf = self.roster.entry(member).map(|e| e.leaf);
            leaf.is_none_or(|leaf| leaves.contains(&leaf) || silent.iter().any(|(_, l)| *l == leaf))
        };
        let mut more = Vec::new();
        for (name, leaf) in &silent {
            let vouchers: Vec<Order> = self.council.vouchers(name).filter(|o| !goes(&o.by)).cloned().collect();
            if vouchers.len() >= needed {
                more.push(*leaf);
                orders.extend(vouchers.into_iter().take(VOUCHERS));
            }
        }
        // If some of the silent stay for want of vouchers, more vouchers may be needed for the others than was reckoned.
        let stays = self.roster.len().saturating_sub(leaves.len() + more.len());
        if vouchers_needed(stays) > needed {
            more.clear();
            orders.retain(|o| !matches!(o.decision, Decision::Silent { .. }));
        }
        leaves.extend(more);
        (leaves, orders)
    }

    fn has_work(&self, now: u64) -> bool {
        self.may_be_added(now).next().is_some()
            || !self.removals(now).0.is_empty()
            || self.council.next.is_some()
            || self.committer.rotation_due(now) && !self.watch.comparison.holds()
    }

    fn commit_at(&mut self, now: u64) -> Option<u64> {
        if self.log.pending.is_some() {
            return None;
        }
        if !self.has_work(now) {
            self.committer.rest();
            return self.warm_at(now);
        }
        let place = self.place()?;
        let (ordered, by_others) = self.orders_to_remove();
        let place = if ordered { 0 } else { place + usize::from(by_others) };
        Some(self.committer.due(now, place, ordered))
    }

    /// After a collision of commits: waits a little, at random, unless somebody is to go by this member's order.
    pub(super) fn give_precedence(&mut self, now: u64, s: &mut Shared) {
        if !self.orders_to_remove().0 {
            self.committer.back_off(now, s.random.below(COMMIT_RETRY_MS));
        }
    }

    /// Whether this member, and whether somebody else who is there, has ordered a removal that is not in force. Whoever gave the order carries it out, and need not wait for
    /// somebody else to be awake; the others act if they do not.
    fn orders_to_remove(&self) -> (bool, bool) {
        let (own, mut ordered, mut by_others) = (self.roster.own(), false, false);
        for (_, by, leaf) in self.council.removals() {
            let is_here = |id: &MemberId| self.roster.entry(id).filter(|e| !e.lost);
            if self.roster.entry(&leaf.member).is_some_and(|e| e.leaf_name() == leaf) {
                ordered |= by == own;
                by_others |= by != own && is_here(&by).is_some();
            }
        }
        (ordered, by_others)
    }

    fn commit_if_due(&mut self, now: u64, s: &mut Shared) {
        if self.commit_at(now).is_some_and(|at| now >= at) && self.commit(now, s).is_err() {
            // One newcomer that cannot be added must not keep the others out: try them one by one, and drop the one that fails.
            // Nor may rules that cannot follow any more.
            self.council.next = None;
            self.lobby.waiting.truncate(self.lobby.waiting.len() / 2);
            self.committer.back_off(now, COMMIT_RETRY_MS);
        }
    }

    /// Adds everybody who waits, removes everybody who is gone, or renews this member's keys.
    fn commit(&mut self, now: u64, s: &mut Shared) -> Result<(), CoreError> {
        let (mut removes, mut orders) = self.removals(now);
        let mut adds = Vec::new();
        let mut seats = BTreeSet::new();
        // A change of the link stands alone in its commit: whoever goes goes before it, whoever comes comes after.
        let relinks = self.council.next.as_ref().is_some_and(|next| self.relinks(next));
        let most = if relinks { 0 } else { ADDS_PER_COMMIT };
        let with_rules = !relinks || removes.is_empty();
        for waiting in self.may_be_added(now).take(most) {
            // Two with one invite: the second is told when the first is in.
            if seat(&waiting.data).is_some_and(|seat| !seats.insert(seat)) {
                continue;
            }
            // For some there may be no place any more.
            let comes_back = self.roster.contains(&waiting.data.member_id);
            if !comes_back && self.roster.len() + adds.len() >= MAX_MEMBERS + removes.len() {
                continue;
            }
            adds.push(waiting.package.clone());
            if self.has_to_ask(waiting) {
                let admits = |d: &Decision| matches!(d, Decision::Admit { package } if *package == waiting.reference);
                orders.extend(self.council.order_of(admits).cloned());
            }
            if let Some(old) = self.roster.entry(&waiting.data.member_id)
                && !removes.contains(&old.leaf)
            {
                removes.push(old.leaf);
            }
        }
        let plan = Plan {
            adds,
            removes,
            orders,
            rules: self.council.next.clone().filter(|_| with_rules),
        };
        let nonce = s.random.bytes();
        let own = self.group.commit(plan, self.log.have_seq, nonce)?;
        let commit = self.seal_commit(&own, s)?;
        let mut welcomes = Vec::new();
        if let Some(welcome) = own.welcome {
            welcomes.push(s.envelope(ClearPart::welcome(self.call, own.added), &welcome)?);
        }
        s.send(&ClientMessage::submission(
            std::iter::once(commit.clone()).chain(welcomes.iter().cloned()),
        ));
        self.log.submitted(now, commit, welcomes);
        Ok(())
    }

    /// The same submission again, after a reconnection: the server takes it at most once.
    pub(super) fn resubmit(&mut self, now: u64, s: &mut Shared) {
        if let Some(pending) = &self.log.pending {
            let all = std::iter::once(pending.commit.clone()).chain(pending.welcomes.iter().cloned());
            s.send(&ClientMessage::submission(all));
            self.log.resubmitted(now);
        }
    }

    /// The person leaves: the others hear it signed by this leaf.
    pub(crate) fn leave(&mut self, s: &mut Shared) {
        let words = Words::leave(&self.call, self.roster.own(), &self.group.identity().key);
        let _ = self.say_unheard(&words, s);
        self.bye(s);
    }

    /// Gives the call up for another one: with a word to those who were added and not heard yet, should they be there after all.
    pub(crate) fn give_up_call(&mut self, s: &mut Shared) {
        if self.group.size() > 1 {
            self.leave(s);
        } else {
            self.bye(s);
        }
    }

    fn bye(&self, s: &mut Shared) {
        s.send(&ClientMessage::Bye {});
    }

    pub(crate) fn react(&mut self, char: char, s: &mut Shared) {
        if self.attached && is_reaction(char) && self.say(&Words::Reaction { char }, s).is_ok() {
            s.event(Event::Reaction {
                from: self.roster.own(),
                char,
            });
        }
    }

    pub(crate) fn hand(&mut self, now: u64, up: bool, s: &mut Shared) {
        self.own.hand = up;
        self.beacon_soon(now);
        self.refresh(now, s);
    }

    pub(crate) fn mute(&mut self, now: u64, muted: bool, s: &mut Shared) {
        self.media.mute(now, muted);
        self.beacon_soon(now);
        self.refresh(now, s);
    }

    pub(crate) fn hidden(&mut self, now: u64, hidden: bool, s: &mut Shared) {
        self.own.hidden = hidden;
        self.media.hide(hidden);
        self.beacon_soon(now);
        self.refresh(now, s);
    }

    pub(crate) fn publish(&mut self, now: u64, kind: TrackKind, on: bool, s: &mut Shared) {
        self.media.wish(kind, on);
        self.beacon_soon(now);
        self.refresh(now, s);
    }

    pub(crate) fn media_ready(&mut self, now: u64, mids: Vec<MidRole>, s: &mut Shared) {
        self.media.ready(mids, &mut s.out);
        self.refresh(now, s);
    }

    pub(crate) fn offer(&mut self, sdp: String, s: &mut Shared) {
        if self.attached {
            s.send(&ClientMessage::Offer { sdp });
        }
    }

    pub(crate) fn safety_number(&self, s: &mut Shared) {
        if let Ok(digits) = self
            .group
            .safety_secret()
            .and_then(|secret| crate::group::safety_digits(&secret))
        {
            s.event(Event::SafetyNumber(digits));
        }
    }
}
