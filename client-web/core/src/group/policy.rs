//! The rules that a commit must keep beyond RFC 9420, and the proof that it did.
//!
//! Does not merge. Every check is made by every member from the same bytes, so that all agree which commits are void; nothing here
//! may depend on a clock, on the server, or on what only some members know. SPEC: protocol.md §2.

use minicbor::{Decode, Encode};
use openmls::prelude::tls_codec::{DeserializeBytes as _, Serialize as _};
use openmls::prelude::{
    LeafNode, LeafNodeIndex, PreSharedKeyProposal, Proposal, ProposalOrRefType, Sender, StagedCommit,
};
use openmls::schedule::PreSharedKeyId;

use conclave_protocol::ids::{MemberId, TransportId};

use super::commit::Merged;
use super::{Group, LeafData, leaf_data, sorted};
use crate::cbor;
use crate::error::{CoreError, PolicyFault};
use crate::limits::MAX_MEMBERS;

/// What a commit says in its authenticated data. Key 2 (orders) is reserved.
#[derive(Encode, Decode)]
#[cbor(map)]
pub(super) struct CommitData {
    #[n(0)]
    base_seq: u64,
    #[n(1)]
    drop: Vec<TransportId>,
}

impl CommitData {
    /// `drop` must be sorted.
    pub(super) fn new(base_seq: u64, drop: &[TransportId]) -> Self {
        Self {
            base_seq,
            drop: drop.to_vec(),
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, CoreError> {
        cbor::decode(bytes)
    }

    fn says(&self, base_seq: u64, drop: &[TransportId]) -> bool {
        self.base_seq == base_seq && self.drop == drop
    }
}

/// A staged commit of which every rule was checked. Only this module can make one, so a skipped check does not compile.
pub(crate) struct CommitVerified {
    staged: Box<StagedCommit>,
    merged: Merged,
}

impl CommitVerified {
    pub(super) fn into_parts(self) -> (StagedCommit, Merged) {
        (*self.staged, self.merged)
    }
}

impl Group {
    pub(super) fn check_commit(
        &self,
        staged: Box<StagedCommit>,
        sender: &Sender,
        data: &CommitData,
        base_seq: u64,
        shown_drop: &[TransportId],
    ) -> Result<CommitVerified, PolicyFault> {
        // SECURITY: no external commit, whatever the library thinks of it (one without the pre-shared key would stage; facts.md §6).
        let Sender::Member(committer) = sender else {
            return Err(PolicyFault::ForeignSender);
        };
        for queued in staged.queued_proposals() {
            let allowed = matches!(
                queued.proposal(),
                Proposal::Add(_) | Proposal::Remove(_) | Proposal::PreSharedKey(_)
            );
            if !allowed || queued.proposal_or_ref_type() != ProposalOrRefType::Proposal {
                return Err(PolicyFault::ProposalType);
            }
        }
        let removed = self.check_removed(&staged, data, base_seq, shown_drop)?;
        let added = self.check_added(&staged, &removed)?;
        self.check_psk(&staged, added)?;
        self.check_committer(&staged, *committer)?;
        let merged = Merged {
            removed,
            added,
            rotated: staged.update_path_leaf_node().is_some(),
            self_removed: staged.self_removed(),
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
        if !data.says(base_seq, &drop) || shown != drop {
            return Err(PolicyFault::AuthenticatedData);
        }
        Ok(removed)
    }

    /// New leaves say who they are, and take nobody's ids.
    fn check_added(&self, staged: &StagedCommit, removed: &[u32]) -> Result<bool, PolicyFault> {
        let mut newcomers = Newcomers::beside(self, removed);
        for add in staged.add_proposals() {
            newcomers.check(add.add_proposal().key_package().leaf_node())?;
        }
        if newcomers.present.len() > MAX_MEMBERS {
            Err(PolicyFault::DuplicateId)
        } else {
            Ok(!newcomers.added.is_empty())
        }
    }

    /// SECURITY: exactly one external pre-shared key, ours, in each commit with an Add; none in any other.
    fn check_psk(&self, staged: &StagedCommit, added: bool) -> Result<(), PolicyFault> {
        let keys: Vec<PreSharedKeyId> = staged
            .psk_proposals()
            .filter_map(|p| psk_id(p.psk_proposal()))
            .collect();
        let fits = match keys.as_slice() {
            [] => !added,
            [one] => added && self.keyring.is_our_psk(one),
            _ => false,
        };
        if fits && keys.len() == staged.psk_proposals().count() {
            Ok(())
        } else {
            Err(PolicyFault::PreSharedKey)
        }
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
        let same = leaf_data(new)? == leaf_data(old)?
            && new.signature_key() == old.signature_key()
            && new.extensions() == old.extensions();
        if same { Ok(()) } else { Err(PolicyFault::LeafChanged) }
    }
}

/// The leaves of one commit's Adds, checked against the members who stay, those who go, and each other.
pub(super) struct Newcomers {
    present: Vec<LeafData>,
    /// Ids and signature keys of the leaves that the same commit removes.
    leaving: Vec<(MemberId, Vec<u8>)>,
    added: Vec<TransportId>,
}

impl Newcomers {
    pub(super) fn beside(group: &Group, removed: &[u32]) -> Self {
        let (leaving, staying): (Vec<_>, Vec<_>) = group
            .leaves()
            .into_iter()
            .partition(|leaf| removed.contains(&leaf.index));
        let key = |index| group.mls().public_group().leaf(LeafNodeIndex::new(index));
        Self {
            present: staying.into_iter().map(|leaf| leaf.data).collect(),
            leaving: leaving
                .into_iter()
                .filter_map(|l| Some((l.data.member_id, key(l.index)?.signature_key().as_slice().to_vec())))
                .collect(),
            added: Vec::new(),
        }
    }

    /// SECURITY: whoever is removed and added under one member id must hold the same leaf key, or any member could put somebody else in
    /// the place of another without a departure or an arrival being seen.
    pub(super) fn check(&mut self, node: &LeafNode) -> Result<(), PolicyFault> {
        let leaf = leaf_data(node)?;
        let taken = |p: &LeafData| p.member_id == leaf.member_id || p.transport_id == leaf.transport_id;
        let usurped = |(id, key): &(MemberId, Vec<u8>)| *id == leaf.member_id && key != node.signature_key().as_slice();
        if self.present.iter().any(taken) || self.leaving.iter().any(usurped) {
            return Err(PolicyFault::DuplicateId);
        }
        self.added.push(leaf.transport_id);
        self.present.push(leaf);
        Ok(())
    }

    pub(super) fn transports(self) -> Vec<TransportId> {
        self.added
    }
}

/// The library keeps the id inside a proposal private; its encoding does not.
fn psk_id(proposal: &PreSharedKeyProposal) -> Option<PreSharedKeyId> {
    let bytes = proposal.tls_serialize_detached().ok()?;
    let (id, rest) = PreSharedKeyId::tls_deserialize_bytes(&bytes).ok()?;
    rest.is_empty().then_some(id)
}
