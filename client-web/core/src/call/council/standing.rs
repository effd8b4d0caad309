//! Where each member stands by the rules in force: role, key, what they may not do.
//!
//! Does not read proofs: the roles here are those that `group` found proven in this epoch.

use conclave_protocol::credential::Role;
use conclave_protocol::ids::MemberId;
use conclave_protocol::rules::ALL;

use super::super::inside::Inside;
use super::super::shared::Shared;
use crate::group::GroupData;
use crate::io::{Event, RulesView};

impl Inside {
    pub(in super::super) fn own_role(&self) -> Option<Role> {
        self.roles_by_member(&self.roster.own())
    }

    pub(in super::super) fn roles_by_member(&self, member: &MemberId) -> Option<Role> {
        self.roles.iter().find(|(id, _)| id == member).map(|(_, role)| *role)
    }

    /// The number of the key by which a member moderates, if it is by one.
    pub(in super::super) fn key_of(&self, member: &MemberId) -> Option<u32> {
        self.keyed
            .iter()
            .find(|(id, _)| id == member)
            .map(|(_, serial)| *serial)
    }

    /// Bit per track kind, and writing: what a member may not.
    pub(in super::super) fn muted(&self, member: &MemberId) -> u8 {
        let by_rule = match self.roles_by_member(member) {
            Some(_) => 0,
            None => ALL & !self.rules.guests,
        };
        by_rule | self.rules.muted(member)
    }

    /// Whether this member's place may not be taken back: by the rules, or by those that are about to count.
    pub(in super::super) fn is_barred(&self) -> bool {
        let own = self.roster.own();
        let next = self.council.next.as_ref().map(GroupData::rules);
        [Some(&self.rules), next]
            .into_iter()
            .flatten()
            .any(|rules| rules.bars.contains(&own))
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
