//! From epoch to epoch: commits from the log, and everything that follows a new epoch.
//!
//! Does not decide when to commit (`routine`). INVARIANT: after each commit, valid or void, all members stand at the same sequence.

use std::collections::BTreeSet;

use conclave_protocol::envelope::{ClearPart, Envelope};

use super::inside::{Inside, Turn};
use super::log::Place;
use super::shared::Shared;
use crate::error::CoreError;
use crate::group::{Heard, Incoming, Merged};
use crate::io::{EndReason, EpochKeysOut, Event, NoticeCode, Output};
use crate::limits::{
    BEACONS_AT_ONCE_UP_TO, CARD_INTERVAL_MS, CARD_REPEAT_MS, KNOCK_RETRY_MAX_MS, OLD_EPOCH_ADD_MS, OLD_EPOCH_REMOVE_MS,
    REMOVE_AFTER_MS, SWITCH_AFTER_ADD_MS, SWITCH_AT_ONCE_UP_TO,
};

use super::card::{Card, Door};

impl Inside {
    /// A commit at sequence `seq`.
    pub(super) fn commit_in(&mut self, now: u64, seq: u64, bytes: &[u8], envelope: &Envelope, s: &mut Shared) -> Turn {
        match self.log.place(seq) {
            Place::Old => return Turn::Stay,
            // A hole in the order: only the log can fill it, so ask for it again from where we are.
            Place::Gap => {
                s.connection.open(&mut s.out);
                self.lost(s);
                return Turn::Stay;
            }
            Place::Next => {}
        }
        if self.log.is_own(bytes) {
            self.log.pending = None;
            return match self.group.merge_own() {
                Ok(merged) => self.moved(now, &merged, (true, bytes.len()), s),
                Err(_) => Turn::TakeBack,
            };
        }
        let base_seq = self.log.have_seq;
        let incoming = match s.open(envelope) {
            Ok(body) if envelope.clear.base_seq == Some(base_seq) => {
                self.group.read_envelope(&body, base_seq, envelope)
            }
            _ => Incoming::Void,
        };
        match incoming {
            Incoming::Valid(verified) => {
                self.drop_pending(now, s);
                match self.group.merge(*verified) {
                    Ok(merged) => self.moved(now, &merged, (false, bytes.len()), s),
                    Err(_) => Turn::TakeBack,
                }
            }
            Incoming::Void => {
                self.void(now, s);
                Turn::Stay
            }
            Incoming::OnlyForOthers => {
                // Whoever moved on adds us anew. If all were treated alike nobody did, and the epoch goes on.
                s.event(Event::Notice(NoticeCode::ChangeUnreadable));
                self.ask_to_be_readded(now, seq, s);
                self.void(now, s);
                Turn::Stay
            }
        }
    }

    /// The commit at the next sequence is void: the sequence is spent, the epoch stays.
    pub(super) fn void(&mut self, now: u64, s: &mut Shared) {
        self.drop_pending(now, s);
        self.log.advance(&mut s.out);
        if self.asking.is_some() {
            self.log.welcome_may_follow(now);
        }
        self.prove(now, s);
        // Whoever could not read it was not left behind by it.
        self.settle_lobby(now);
    }

    /// Another commit took the place of ours: it will be made again on top, if it is still wanted. At once, if somebody is to go: of those who try, one succeeds each time.
    fn drop_pending(&mut self, now: u64, s: &mut Shared) {
        if self.log.pending.take().is_some() {
            self.give_precedence(now, s);
        }
        // A pending commit that cannot be cleared would be overwritten by the next one anyway.
        let _ = self.group.discard_own();
    }

    /// A commit was merged: this member's own or not, of so many bytes.
    fn moved(&mut self, now: u64, merged: &Merged, (mine, bytes): (bool, usize), s: &mut Shared) -> Turn {
        self.log.have_seq += 1;
        self.log.epoch_ended(now);
        // By a host's or moderator's order, which the commit holds; whatever else this member was about.
        let told_to_go = merged.expelled.contains(&self.roster.own());
        if merged.self_removed
            && !told_to_go
            && let Some(asking) = &mut self.asking
        {
            // The answer to what this member asked for; the welcome comes behind it.
            asking.moved(now);
            return Turn::Stay;
        }
        if merged.self_removed {
            // Whoever was slow to show that their Welcome came was added once more, and has no key for that one. Whoever was cut off for long was removed for their silence, and comes back; everybody else was told to go.
            let (returned_at, away) = self.own.returned;
            let was_away = away >= REMOVE_AFTER_MS / 2 && now.saturating_sub(returned_at) < REMOVE_AFTER_MS / 2;
            let silent = now.saturating_sub(self.own.beaconed_at) >= REMOVE_AFTER_MS / 2;
            if merged.self_readded {
                s.knock_retry_ms = (2 * s.knock_retry_ms).min(KNOCK_RETRY_MAX_MS);
            }
            return if merged.self_readded || (!told_to_go && (was_away || silent)) {
                Turn::TakeBack
            } else if self.is_barred() {
                Turn::End(EndReason::Barred)
            } else {
                Turn::End(EndReason::Removed)
            };
        }
        self.committer.epoch(now, merged.rotated, !merged.expelled.is_empty());
        if merged.rules && self.adopt_link(now, s).is_err() {
            return Turn::End(EndReason::Internal);
        }
        if self.new_epoch(now, merged, mine, s).is_err() {
            return Turn::End(EndReason::Internal);
        }
        self.warm_new_epoch(now, bytes);
        if self.rules.ended {
            return Turn::End(EndReason::EndedByHost);
        }
        Turn::Stay
    }

    /// The first epoch of this member: founded or joined.
    pub(super) fn begin(&mut self, now: u64, s: &mut Shared) -> Result<(), CoreError> {
        self.roster.follow(now, &self.call, self.group.leaves(), &[], true);
        self.roster.rank(|id| self.group.committer_rank(id));
        let alone = self.group.size() == 1;
        let first = Merged {
            removed: Vec::new(),
            added: true,
            rotated: true,
            self_removed: false,
            self_readded: false,
            rules: false,
            expelled: Vec::new(),
        };
        self.keys(&first, s)?;
        self.lobby.new_epoch(now, self.group.epoch(), self.group.lobby_key()?);
        self.take_rules(now, false, s);
        self.watch_new_epoch(now, s);
        self.warm_new_epoch(now, 0);
        self.prove(now, s);
        if alone {
            self.cards.at = Some(now);
        } else {
            self.cards.at = self.is_first().then_some(now + CARD_REPEAT_MS);
        }
        self.refresh(now, s);
        Ok(())
    }

    fn new_epoch(&mut self, now: u64, merged: &Merged, mine: bool, s: &mut Shared) -> Result<(), CoreError> {
        let changes = self
            .roster
            .follow(now, &self.call, self.group.leaves(), &merged.removed, false);
        self.roster.rank(|id| self.group.committer_rank(id));
        self.roster.forget_places(&merged.expelled);
        self.keys(merged, s)?;
        self.prove(now, s);
        self.log.release(&mut s.out);
        self.lobby.new_epoch(now, self.group.epoch(), self.group.lobby_key()?);
        self.take_rules(now, merged.rules, s);
        self.settle_lobby(now);
        self.watch_new_epoch(now, s);
        self.judge_invites(now, s);
        self.cards.old = false;
        if mine {
            self.send_card(now, s)?;
        }
        let again = if mine { CARD_INTERVAL_MS } else { CARD_REPEAT_MS };
        self.cards.at = self.is_first().then_some(now + again);
        if merged.added {
            self.lines.others_came();
            if self.roster.len() <= BEACONS_AT_ONCE_UP_TO || self.media.publishes() {
                self.beacon_soon(now);
            }
        }
        self.announce(changes, s);
        self.refresh(now, s);
        self.hear_early(now, s);
        Ok(())
    }

    /// The rules and roles of a new epoch.
    fn take_rules(&mut self, now: u64, changed: bool, s: &mut Shared) {
        if let Some(data) = self.group.data() {
            self.rules = data.rules().clone();
        }
        (self.roles, self.keyed) = (self.group.roles(), self.group.moderators_by_key());
        self.council_in_new_epoch(now, changed, s);
        self.keep_appointment(s);
    }

    fn keys(&mut self, merged: &Merged, s: &mut Shared) -> Result<(), CoreError> {
        let leaves = self.group.leaves();
        let removes = !merged.removed.is_empty();
        let switch_after_ms = if removes || leaves.len() <= SWITCH_AT_ONCE_UP_TO {
            0
        } else {
            SWITCH_AFTER_ADD_MS
        };
        s.out.push_back(Output::Keys(EpochKeysOut {
            group: self.call,
            epoch: self.group.epoch(),
            base_key: self.group.media_key()?,
            own_leaf: self.group.own_leaf(),
            leaves: leaves.iter().map(|l| (l.index, l.data.transport_id)).collect(),
            removed: merged.removed.clone(),
            drop_old_after_ms: if removes { OLD_EPOCH_REMOVE_MS } else { OLD_EPOCH_ADD_MS },
            switch_after_ms,
        }));
        Ok(())
    }

    /// Messages that came before their epoch.
    fn hear_early(&mut self, now: u64, s: &mut Shared) {
        for (at, body) in self.log.take_early() {
            match self.group.open(&body) {
                Ok(Heard::Early) => self.log.put_back(at, body),
                Ok(heard) => self.heard(now, heard, s),
                Err(_) => {}
            }
        }
    }

    /// The first in the committers' order shows the card, also whoever is that only since the one before fell silent: the committer and the first may have vanished
    /// before anybody saw one of this epoch.
    ///
    /// SECURITY: somebody who hides and shows themselves in turns makes others the first, and each of them send one card of an epoch at once and no more than one in
    /// [`CARD_INTERVAL_MS`] then.
    pub(super) fn take_over_card(&mut self, now: u64) {
        if self.cards.at.is_none() && !self.cards.old && self.is_first() {
            let shown = self.cards.sent_in == Some(self.group.epoch());
            let apart = if shown { CARD_INTERVAL_MS } else { CARD_REPEAT_MS };
            self.cards.at = Some(now.max(self.cards.sent_at + apart));
        }
    }

    pub(super) fn send_card(&mut self, now: u64, s: &mut Shared) -> Result<(), CoreError> {
        if !self.rights.on {
            return Ok(());
        }
        (self.cards.sent_at, self.cards.sent_in) = (now, Some(self.group.epoch()));
        let lobby_key = self.lobby.public().ok_or(CoreError::NoGroup)?.to_vec();
        let card = Card::sign(
            &s.room,
            &self.call,
            self.group.epoch(),
            lobby_key,
            self.group.size(),
            &self.group.identity().key,
            Door {
                asks: self.rules.asks() || self.watch.comparison.holds(),
                locked: self.rules.locked,
                refused: self.council.refused(now),
                shown: self.group.shown_role(),
            },
        );
        s.send_envelope(ClearPart::card(self.call), &card.to_bytes())
    }

    /// Whether this member is the first in the committers' order of this epoch.
    pub(super) fn is_first(&self) -> bool {
        self.place() == Some(0)
    }

    /// This member's place in the committers' order.
    pub(super) fn place(&self) -> Option<usize> {
        let own = self.group.own_leaf();
        self.committers().iter().position(|(_, leaf)| *leaf == own)
    }

    /// Who may commit, in the order of this epoch, and whether their tab is hidden: those heard of and visible first, then by the epoch's hash. Without those who lost their state
    /// and say so: they cannot commit. Nobody at all as long as this member could not read a commit and does not know yet whether the others have moved on by it: a commit in an epoch
    /// that they left would make one that nobody else is in.
    pub(super) fn committers(&self) -> Vec<(bool, u32)> {
        if self.is_undecided() {
            return Vec::new();
        }
        let own = self.roster.own();
        let stateless: BTreeSet<_> = self.stateless().collect();
        let mut order = BTreeSet::new();
        for entry in self.roster.in_order() {
            let id = entry.data.member_id;
            let hidden = if id == own { self.own.hidden } else { entry.hidden() };
            // Whoever is to be removed cannot commit it, and might not want to.
            let ordered_out = self.council.removes(&entry.leaf_name()).is_some();
            if id == own || !(entry.lost || ordered_out || stateless.contains(&id)) {
                order.insert((hidden, entry.rank, entry.leaf));
            }
        }
        order.into_iter().map(|(hidden, _, leaf)| (hidden, leaf)).collect()
    }
}
