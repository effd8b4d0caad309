//! The rules that a commit must keep beyond RFC 9420, and the proof that it did.
//!
//! Does not merge. Every check is made by every member from the same bytes, so that all agree which commits are void; nothing here
//! may depend on a clock, on the server, or on what only some members know. SPEC: protocol.md §2.

use std::collections::BTreeSet;

use minicbor::{Decode, Encode};
use openmls::prelude::tls_codec::{DeserializeBytes as _, Serialize as _};
use openmls::prelude::{
    KeyPackage, LeafNodeIndex, PreSharedKeyProposal, Proposal, ProposalOrRefType, Sender, StagedCommit,
};
use openmls::schedule::PreSharedKeyId;

use conclave_protocol::ids::{MemberId, TransportId};
use conclave_protocol::order::{self, Order};

use super::commit::{Merged, expelled};
use super::orders::Mandated;
use super::{
    Group, GroupData, Leaf, LeafData, PolicyFault, Seat, demand, leaf_data, leaf_key, seat, sorted, verify_resume,
};
use crate::cbor;
use crate::error::CoreError;
use crate::limits::MAX_MEMBERS;

/// What a commit says in its authenticated data.
#[derive(Default, Encode, Decode)]
#[cbor(map)]
pub(super) struct CommitData {
    #[n(0)]
    base_seq: u64,
    #[n(1)]
    drop: Vec<TransportId>,
    /// Sealed to the members of the epoch that the commit ends.
    #[cbor(n(2), with = "minicbor::bytes")]
    orders: Vec<u8>,
}

impl CommitData {
    /// `drop` must be sorted.
    pub(super) fn new(base_seq: u64, drop: &[TransportId], orders: Vec<u8>) -> Self {
        Self {
            base_seq,
            drop: drop.to_vec(),
            orders,
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, CoreError> {
        cbor::decode(bytes)
    }
}

/// A staged commit of which every rule was checked. Only this module can make one, so a skipped check does not compile.
pub(crate) struct CommitVerified {
    staged: Box<StagedCommit>,
    merged: Merged,
}

impl CommitVerified {
    pub(super) fn staged(&self) -> &StagedCommit {
        &self.staged
    }

    pub(super) fn into_parts(self) -> (StagedCommit, Merged) {
        (*self.staged, self.merged)
    }
}

impl Group {
    pub(super) fn check_commit(
        &self,
        staged: Box<StagedCommit>,
        sender: &Sender,
        data: Result<CommitData, CoreError>,
        base_seq: u64,
        shown_drop: &[TransportId],
    ) -> Result<CommitVerified, PolicyFault> {
        // SECURITY: no external commit, whatever the library thinks of it: one without the pre-shared key would stage.
        let committer = match sender {
            Sender::Member(committer) => Some(*committer),
            _ => None,
        };
        demand(PolicyFault::ForeignSender, committer.is_some())?; // MEM-002
        for queued in staged.queued_proposals() {
            check_kind(queued.proposal())?;
            let inside = queued.proposal_or_ref_type() == ProposalOrRefType::Proposal;
            demand(PolicyFault::ProposalByReference, inside)?; // MEM-004
        }
        demand(PolicyFault::CommitDataForm, data.is_ok())?; // MEM-062
        let data = data.unwrap_or_default();
        let removed = self.check_removed(&staged, &data, base_seq, shown_drop)?;
        let orders = self.open_orders(&data, base_seq);
        demand(PolicyFault::OrdersSealed, orders.is_ok())?; // MEM-052
        let orders = orders.unwrap_or_default();
        let added = self.check_members(&staged, &removed, &orders)?;
        let rules = self.check_context(staged.group_context().extensions())?;
        let before = self.data().ok_or(PolicyFault::GroupData)?;
        before.check_alone(rules.as_ref(), removed.len() + usize::from(added))?;
        let rules = rules.is_some();
        self.check_psk(&staged, added)?;
        if let Some(committer) = committer {
            self.check_committer(&staged, committer)?;
        }
        let merged = Merged {
            removed,
            added,
            rotated: staged.update_path_leaf_node().is_some(),
            self_removed: staged.self_removed(),
            self_readded: staged.add_proposals().any(|add| {
                let key = leaf_key(add.add_proposal().key_package().leaf_node());
                key == Some(self.identity.key.public())
            }),
            rules,
            expelled: expelled(&orders),
        };
        Ok(CommitVerified { staged, merged })
    }

    /// The sequence and drop list that the server acted on are the ones the committer signed, and name exactly the removed leaves.
    fn check_removed(
        &self,
        staged: &StagedCommit,
        data: &CommitData,
        base_seq: u64,
        shown: &[TransportId],
    ) -> Result<Vec<u32>, PolicyFault> {
        let mut removed: Vec<u32> = staged
            .remove_proposals()
            .map(|r| r.remove_proposal().removed().u32())
            .collect();
        removed.sort_unstable();
        let drop = sorted(
            self.leaves()
                .iter()
                .filter(|l| removed.contains(&l.index))
                .map(|l| l.data.transport_id)
                .collect(),
        );
        demand(PolicyFault::BaseSequence, data.base_seq == base_seq)?; // MEM-005
        demand(PolicyFault::DropList, data.drop == drop)?; // MEM-006
        demand(PolicyFault::ShownDropList, shown == drop)?; // MEM-007
        Ok(removed)
    }

    fn open_orders(&self, data: &CommitData, base_seq: u64) -> Result<Vec<Order>, CoreError> {
        order::open(&*self.orders_key()?, &self.call(), base_seq, &data.orders).map_err(|_| CoreError::NotAuthentic)
    }

    /// New leaves say who they are, take nobody's ids and were let in; those that go do so for a reason that counts.
    fn check_members(&self, staged: &StagedCommit, removed: &[u32], orders: &[Order]) -> Result<bool, PolicyFault> {
        let data = self.data().ok_or(PolicyFault::GroupData)?;
        let mandated = self.check_orders(&data, orders)?;
        let mut newcomers = Newcomers::beside(self, removed, &data, &mandated);
        for add in staged.add_proposals() {
            newcomers.check(add.add_proposal().key_package())?;
        }
        let count = newcomers.count;
        newcomers.check_rest()?;
        Ok(count > 0)
    }

    /// SECURITY: exactly one external pre-shared key, ours, in each commit with an Add; none in any other.
    fn check_psk(&self, staged: &StagedCommit, added: bool) -> Result<(), PolicyFault> {
        let ours = |p: &PreSharedKeyProposal| psk_id(p).is_some_and(|id| self.keyring.is_our_psk(&id));
        let (all, own) = staged.psk_proposals().fold((0, 0), |(all, own), p| {
            (all + 1, own + usize::from(ours(p.psk_proposal())))
        });
        demand(PolicyFault::AddWithoutLinkKey, own > 0 || !added)?; // MEM-014
        demand(PolicyFault::ForeignKey, all == usize::from(added) || all == 0) // MEM-015
    }

    /// A committer may renew its encryption key, nothing else of its leaf.
    fn check_committer(&self, staged: &StagedCommit, committer: LeafNodeIndex) -> Result<(), PolicyFault> {
        let Some(new) = staged.update_path_leaf_node() else {
            return Ok(());
        };
        let old = self
            .mls()
            .public_group()
            .leaf(committer)
            .ok_or(PolicyFault::ForeignSender)?;
        let same = new.credential() == old.credential()
            && new.signature_key() == old.signature_key()
            && new.capabilities() == old.capabilities()
            && new.extensions() == old.extensions();
        demand(PolicyFault::CommitterLeaf, same) // MEM-016
    }
}

/// The leaves of one commit's Adds, checked against the members who stay, those who go, and each other.
pub(super) struct Newcomers<'a> {
    group: &'a Group,
    data: &'a GroupData,
    mandated: &'a Mandated,
    stay: Vec<Leaf>,
    /// What the same commit removes.
    gone: Vec<Leaf>,
    added: Vec<LeafData>,
    /// Members who are removed and added.
    readded: BTreeSet<MemberId>,
    count: usize,
}

impl<'a> Newcomers<'a> {
    pub(super) fn beside(group: &'a Group, removed: &[u32], data: &'a GroupData, mandated: &'a Mandated) -> Self {
        let (gone, stay) = group
            .leaves()
            .into_iter()
            .partition(|leaf| removed.contains(&leaf.index));
        Self {
            group,
            data,
            mandated,
            stay,
            gone,
            added: Vec::new(),
            readded: BTreeSet::new(),
            count: 0,
        }
    }

    /// SECURITY: whoever is removed and added under one member id must hold the same leaf key, or prove with the old one that the new one is
    /// theirs; or any member could put somebody else in the place of another without a departure or an arrival being seen.
    pub(super) fn check(&mut self, package: &KeyPackage) -> Result<(), PolicyFault> {
        self.count += 1;
        let node = package.leaf_node();
        let leaf = match leaf_data(node) {
            Ok(leaf) => leaf,
            Err(fault @ PolicyFault::CredentialId) => return Err(fault),
            Err(_) => return demand(PolicyFault::LeafData, false), // MEM-008
        };
        let present = || self.stay.iter().map(|l| &l.data).chain(&self.added);
        let same_member = present().any(|p| p.member_id == leaf.member_id);
        demand(PolicyFault::MemberIdTaken, !same_member)?; // MEM-010
        let same_transport = present().any(|p| p.transport_id == leaf.transport_id);
        demand(PolicyFault::TransportIdTaken, !same_transport)?; // MEM-011
        let key = leaf_key(node).ok_or(PolicyFault::LeafData)?;
        let before = self.gone.iter().find(|old| old.data.member_id == leaf.member_id);
        let usurped = before.is_some_and(|old| {
            let call = &self.data.call_id;
            let proven = |proof| verify_resume(&old.key, call, &leaf.member_id, &key, &proof);
            old.key != key && !leaf.resume.is_some_and(proven)
        });
        demand(PolicyFault::LeafTaken, !usurped)?; // MEM-012
        if before.is_some() {
            self.readded.insert(leaf.member_id);
        }
        self.check_admitted(package, &leaf, key, before.is_some())?;
        self.added.push(leaf);
        Ok(())
    }

    /// Whoever has no place, no role and no seat was let in, where newcomers have to ask; and nobody comes back who was barred.
    fn check_admitted(
        &self,
        package: &KeyPackage,
        data: &LeafData,
        key: [u8; 32],
        back: bool,
    ) -> Result<(), PolicyFault> {
        let barred = self.data.rules.bars.contains(&data.member_id);
        demand(PolicyFault::AddBarred, !barred)?; // MEM-054
        let leaf = Leaf {
            index: 0,
            key,
            data: data.clone(),
        };
        if let Some(proof) = &leaf.data.invite {
            let present = || self.stay.iter().map(|l| &l.data).chain(&self.added);
            let taken = |wanted: &Seat| present().any(|p| seat(p) == Some(*wanted));
            self.data.check_invite(&leaf.name(), proof, back, taken)?;
        }
        let admitted = !self.data.rules.asks()
            || back
            || (leaf.data.invite.is_some() && self.data.invited_enter())
            || Group::role_in(self.data, &leaf).is_some()
            || self
                .group
                .keyring
                .reference(package)
                .is_some_and(|reference| self.mandated.admits(&reference));
        demand(PolicyFault::AddUnadmitted, admitted) // MEM-053
    }

    /// What can only be said of all together. Gives the transports of those who are added.
    pub(super) fn check_rest(self) -> Result<Vec<TransportId>, PolicyFault> {
        let members = self.stay.len() + self.added.len();
        demand(PolicyFault::TooManyMembers, members <= most_members())?; // MEM-013
        self.mandated.check_removals(&self.gone, &self.stay, &self.readded)?;
        Ok(self.added.into_iter().map(|leaf| leaf.transport_id).collect())
    }
}

/// Of all kinds of proposals four are of use here. Another way out, in, or into another suite would have to be judged, too.
pub(super) fn check_kind(proposal: &Proposal) -> Result<(), PolicyFault> {
    let allowed = matches!(
        proposal,
        Proposal::Add(_) | Proposal::Remove(_) | Proposal::PreSharedKey(_) | Proposal::GroupContextExtensions(_)
    );
    demand(PolicyFault::ProposalType, allowed) // MEM-003
}

/// The library keeps the id inside a proposal private; its encoding does not.
fn psk_id(proposal: &PreSharedKeyProposal) -> Option<PreSharedKeyId> {
    let bytes = proposal.tls_serialize_detached().ok()?;
    let (id, rest) = PreSharedKeyId::tls_deserialize_bytes(&bytes).ok()?;
    rest.is_empty().then_some(id)
}

/// Tests lower it: a group of 251 takes a minute to build.
pub(super) fn most_members() -> usize {
    #[cfg(test)]
    if let Some(most) = MOST.get() {
        return most;
    }
    MAX_MEMBERS
}

#[cfg(test)]
thread_local!(pub(super) static MOST: std::cell::Cell<Option<usize>> = const { std::cell::Cell::new(None) });
