//! What the members decide: orders and changes of the rules, kept by everybody until somebody has committed them.
//!
//! Does not commit (`routine`) and does not judge (`group`): what is kept here counted when it came, and is judged again in the commit. SPEC: protocol.md §2,
//! "Orders". Parts: `decide` (what the person decided), `wishes` (the next rules), `lobby` (who waits), `vouch` (who is silent), `standing` (who may what).

mod decide;
mod lobby;
mod standing;
mod vouch;
mod wishes;

use std::collections::BTreeSet;

use conclave_protocol::ids::MemberId;
use conclave_protocol::order::{Decision, Order};
use conclave_protocol::role::LeafName;
use conclave_protocol::sheet::Sheet;

use super::inside::Inside;
use super::shared::Shared;
use super::words::Words;
use crate::group::GroupData;
use crate::io::{LobbyEntry, RulesView};
use crate::limits::{ADMIT_KEPT_MS, MAX_KEPT_ORDERS};

pub(crate) use lobby::refusal_mark;
pub(crate) use wishes::Wish;

/// See the module.
#[derive(Default)]
pub(super) struct Council {
    /// With the time at which each came.
    orders: Vec<(u64, Order)>,
    /// The next rules, signed by a host or moderator.
    pub(super) next: Option<GroupData>,
    wishes: Vec<Wish>,
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

    /// A removal was ordered before, by a leaf of this member's that is gone.
    fn date_back(&mut self, by: &MemberId, removed: &LeafName, ordered_at: u64) {
        for (at, order) in &mut self.orders {
            if order.by == *by && matches!(order.decision, Decision::Remove { leaf } if leaf == *removed) {
                *at = ordered_at;
            }
        }
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
}

impl Inside {
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
            self.make_rules(s);
        }
        self.show_rules(s);
        self.show_lobby(now, s);
    }
}
