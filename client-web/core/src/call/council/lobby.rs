//! Who waits at the door: whether they have to ask, who sees them, and what becomes of them.
//!
//! Does not let anybody in: that is a commit (`routine`). The knocks themselves are in `knock`.

use conclave_protocol::ids::MemberId;
use conclave_protocol::order::Decision;

use super::super::inside::Inside;
use super::super::knock::Waiting;
use super::super::shared::Shared;
use super::super::words::Words;
use super::Council;
use crate::group::seat;
use crate::io::{Event, LobbyEntry};
use crate::limits::{MAX_KEPT_ORDERS, MAX_MEMBERS, REFUSED_KEPT_MS};
use crate::text::clean_name;

/// How a card names a refused knock: nothing that anybody else could recognise.
pub(crate) fn refusal_mark(reference: &[u8; 32]) -> [u8; 8] {
    let mut mark = [0; 8];
    for (to, from) in mark.iter_mut().zip(reference) {
        *to = *from;
    }
    mark
}

impl Council {
    pub(in super::super) fn admits(&self, package: &[u8; 32]) -> bool {
        self.order_of(|d| matches!(d, Decision::Admit { package: p } if p == package))
            .is_some()
    }

    /// First bytes of what was refused lately, for the card.
    pub(in super::super) fn refused(&self, now: u64) -> Vec<[u8; 8]> {
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

impl Inside {
    /// Those who wait and were neither let in nor may come in by themselves. Nobody, while the call is locked: they wait unseen until it is not.
    fn asking_now(&self) -> impl Iterator<Item = &Waiting> {
        self.lobby
            .waiting
            .iter()
            .filter(|w| !self.rules.locked && self.has_to_ask(w) && !self.council.admits(&w.reference))
    }

    /// Whether somebody who waits needs an order.
    pub(in super::super) fn has_to_ask(&self, waiting: &Waiting) -> bool {
        let back = self.roster.contains(&waiting.data.member_id);
        // Only a proof can make the longer question worth asking.
        let shows_role =
            || waiting.data.proof.is_some() && !self.group.must_be_admitted(waiting.leaf_key(), &waiting.data);
        self.rules.asks() && !back && !self.is_invited(waiting) && !shows_role()
    }

    pub(super) fn admit(&mut self, now: u64, who: impl Fn(&Waiting) -> bool, s: &mut Shared) {
        let packages: Vec<[u8; 32]> = self.asking_now().filter(|w| who(w)).map(|w| w.reference).collect();
        for package in packages {
            self.give_order(now, Decision::Admit { package }, s);
        }
    }

    pub(super) fn refuse(&mut self, now: u64, member: MemberId, s: &mut Shared) {
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

    /// Somebody with a role refused a knock.
    pub(in super::super) fn turned_away(&mut self, now: u64, package: [u8; 32], s: &mut Shared) {
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

    /// Time passed: whoever has not repeated their knock has gone, and nobody is asked about them any more. Seen when this member runs anyway, for its beacons if for nothing else.
    pub(in super::super) fn forget_knocks(&mut self, now: u64, s: &mut Shared) {
        let before = self.lobby.waiting.len();
        self.lobby.expire(now);
        // Nor does anybody wait for a place in a full call: they see on its card that it is full, and whoever is still there when a place is free knocks again. The place
        // would else be taken by somebody who gave up meanwhile.
        if self.roster.len() >= MAX_MEMBERS {
            let roster = &self.roster;
            self.lobby.waiting.retain(|w| roster.contains(&w.data.member_id));
        }
        if self.lobby.waiting.len() != before {
            self.show_lobby(now, s);
        }
    }

    /// Tells those who may let people in who waits.
    pub(in super::super) fn show_lobby(&mut self, now: u64, s: &mut Shared) {
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
}
