//! Orders in commits: what the members decided, and what that allows a committer to do.
//!
//! Does not collect them. Everything here is judged by the roles and leaves of the epoch that the commit ends, from the commit's own bytes, so that all
//! members agree. SECURITY: silence is the one thing that nobody can show: it is vouched for, by several where there are several. SPEC: protocol.md §2.

use std::collections::{BTreeMap, BTreeSet};

use conclave_protocol::credential::Role;
use conclave_protocol::ids::MemberId;
use conclave_protocol::order::{Decision, Order};
use conclave_protocol::role::LeafName;

use super::rules::GroupData;
use super::{Group, Leaf, PolicyFault, demand};
use crate::limits::{ORDER_EPOCHS, SILENT_EPOCHS, VOUCHERS};

/// What the orders of one commit allow.
pub(super) struct Mandated {
    admitted: BTreeSet<[u8; 32]>,
    removed: BTreeSet<LeafName>,
    left: BTreeSet<MemberId>,
    silent: BTreeMap<LeafName, BTreeSet<MemberId>>,
}

impl Group {
    /// An order by this member, in this epoch.
    pub(crate) fn order(&self, decision: Decision) -> Order {
        let by = self.identity.data.member_id;
        let room = &self.keyring.room.room_fp;
        let message = Order::signed_bytes(room, &self.call, &decision, &by, self.epoch());
        Order::new(decision, by, self.epoch(), self.identity.key.sign_labelled(&message))
    }

    /// Whether an order counts in the present epoch.
    pub(crate) fn order_counts(&self, order: &Order) -> Result<(), PolicyFault> {
        let data = self.data().ok_or(PolicyFault::GroupData)?;
        self.check_order(&data, &self.leaves(), order)
    }

    fn check_order(&self, data: &GroupData, leaves: &[Leaf], order: &Order) -> Result<(), PolicyFault> {
        let signer = leaves.iter().find(|l| l.data.member_id == order.by);
        let room = &self.keyring.room.room_fp;
        let signed = signer.is_some_and(|l| order.verify(room, &self.call, &l.key).is_ok());
        demand(PolicyFault::OrderSignature, signed)?; // MEM-045
        let farewell = order.decision == Decision::Leave {};
        let age = self.epoch().checked_sub(order.epoch);
        let most = match order.decision {
            Decision::Silent { .. } => SILENT_EPOCHS,
            _ => ORDER_EPOCHS,
        };
        let young = farewell || age.is_some_and(|age| age <= most);
        demand(PolicyFault::OrderAge, young)?; // MEM-046
        let role = signer.and_then(|l| Self::role_in(data, l));
        match order.decision {
            Decision::Admit { .. } => demand(PolicyFault::AdmitRole, role.is_some()), // MEM-047
            Decision::Remove { leaf } => {
                demand(PolicyFault::RemoveRole, role.is_some())?; // MEM-048
                let target = leaves.iter().find(|l| l.name() == leaf);
                let equal = target.is_some_and(|l| Self::role_in(data, l).is_some());
                demand(PolicyFault::RemoveOfEqual, !equal || role == Some(Role::Host)) // MEM-049
            }
            Decision::Silent { .. } | Decision::Leave {} => Ok(()),
        }
    }

    /// SECURITY: one order that does not count voids its commit: there is no such thing as a harmless forgery.
    pub(super) fn check_orders(&self, data: &GroupData, orders: &[Order]) -> Result<Mandated, PolicyFault> {
        let leaves = self.leaves();
        let mut all = Mandated {
            admitted: BTreeSet::new(),
            removed: BTreeSet::new(),
            left: BTreeSet::new(),
            silent: BTreeMap::new(),
        };
        for order in orders {
            self.check_order(data, &leaves, order)?;
            match order.decision {
                Decision::Admit { package } => {
                    all.admitted.insert(package);
                }
                Decision::Remove { leaf } => {
                    all.removed.insert(leaf);
                }
                Decision::Silent { leaf } => {
                    all.silent.entry(leaf).or_default().insert(order.by);
                }
                Decision::Leave {} => {
                    all.left.insert(order.by);
                }
            }
        }
        Ok(all)
    }
}

impl Mandated {
    pub(super) fn admits(&self, package: &[u8; 32]) -> bool {
        self.admitted.contains(package)
    }

    /// Every removed leaf goes by its own word, by order, for its silence, or to be added anew in the same commit.
    pub(super) fn check_removals(
        &self,
        gone: &[Leaf],
        stay: &[Leaf],
        readded: &BTreeSet<MemberId>,
    ) -> Result<(), PolicyFault> {
        let needed = vouchers_needed(stay.len());
        let staying: BTreeSet<MemberId> = stay.iter().map(|l| l.data.member_id).collect();
        for leaf in gone {
            let id = leaf.data.member_id;
            let ordered = self.removed.contains(&leaf.name()) || self.left.contains(&id) || readded.contains(&id);
            let vouchers = self.silent.get(&leaf.name());
            demand(PolicyFault::RemovalUnordered, ordered || vouchers.is_some())?; // MEM-050
            let vouched = vouchers.map_or(0, |v| v.intersection(&staying).count());
            demand(PolicyFault::SilenceVouched, ordered || vouched >= needed)?; // MEM-051
        }
        Ok(())
    }
}

/// How many of those who stay must vouch that somebody is silent.
pub(crate) fn vouchers_needed(staying: usize) -> usize {
    staying.div_ceil(2).clamp(1, VOUCHERS)
}

impl Leaf {
    /// How orders name it.
    pub(crate) fn name(&self) -> LeafName {
        LeafName {
            member: self.data.member_id,
            key: self.key,
        }
    }
}
