//! Making commits, reading other people's, and moving to the next epoch.
//!
//! Does not choose what to commit or when. A commit of one's own takes effect only when the server has echoed it ([`Group::merge_own`]);
//! somebody else's only with a [`CommitVerified`], which only the policy can make. SPEC: RFC 9420 §12.4, protocol.md §2.

use openmls::group::{MlsGroup, ProcessMessageError, StageCommitError};
use openmls::prelude::tls_codec::DeserializeBytes as _;
use openmls::prelude::{
    ApplyUpdatePathError, KeyPackage, LeafNodeIndex, MlsMessageIn, OpenMlsProvider as _, PastEpochDeletion,
    PreSharedKeyProposal, PrivateMessageIn, ProcessedMessageContent, Proposal, ProtocolMessage,
};
use openmls::schedule::{ExternalPsk, PreSharedKeyId, Psk};

use conclave_protocol::envelope::Envelope;
use conclave_protocol::ids::{MemberId, TransportId};
use conclave_protocol::keys::GatePk;
use conclave_protocol::order::{self, Decision, Order};

use super::policy::{CommitData, CommitVerified, Newcomers};
use super::{Group, GroupData, PolicyFault, SUITE, demand, group_extensions, sorted};
use crate::error::CoreError;
use crate::limits;

/// A commit ready to be submitted, with its Welcome.
pub(crate) struct OwnCommit {
    pub(crate) commit: Vec<u8>,
    /// One Welcome for all that were added.
    pub(crate) welcome: Option<Vec<u8>>,
    /// Whom the Welcome is for, ascending.
    pub(crate) added: Vec<TransportId>,
    /// Whose forwarding ends with it.
    pub(crate) drop: Vec<TransportId>,
    /// The gate of the epoch that it makes.
    pub(crate) next_gate: GatePk,
}

/// What a commit from the log turned out to be.
pub(crate) enum Incoming {
    /// It may be merged.
    Valid(Box<CommitVerified>),
    /// Void for everyone: skip it, the next one builds on its sequence in the same epoch.
    Void,
    /// The part encrypted to this member alone is bad: others may have moved on.
    OnlyForOthers,
}

/// What merging changed.
pub(crate) struct Merged {
    /// Leaves that are gone.
    pub(crate) removed: Vec<u32>,
    /// Somebody was added.
    pub(crate) added: bool,
    /// The committer renewed its keys.
    pub(crate) rotated: bool,
    /// This member was removed; the group is dead.
    pub(crate) self_removed: bool,
    /// And added anew under the same leaf key in the same commit: its Welcome was taken for lost, and is on its way.
    pub(crate) self_readded: bool,
    /// The rules of the call changed.
    pub(crate) rules: bool,
    /// Members who were removed by order: they have no place to come back to.
    pub(crate) expelled: Vec<MemberId>,
}

/// What a commit is to do. With nothing in it, it is a rotation.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) adds: Vec<KeyPackage>,
    pub(crate) removes: Vec<u32>,
    /// What allows the two.
    pub(crate) orders: Vec<Order>,
    /// New rules, signed by whoever made them.
    pub(crate) rules: Option<GroupData>,
}

impl Group {
    /// Builds a commit. The group stays in its epoch until [`Group::merge_own`]. The nonce is fresh and random.
    pub(crate) fn commit(&mut self, plan: Plan, base_seq: u64, nonce: [u8; 24]) -> Result<OwnCommit, CoreError> {
        let added = self.check_own(&plan)?;
        let Plan {
            adds,
            removes,
            orders,
            rules,
        } = plan;
        let drop = sorted(
            self.leaves()
                .iter()
                .filter(|l| removes.contains(&l.index))
                .map(|l| l.data.transport_id)
                .collect(),
        );
        if self.size() + adds.len() > limits::MAX_MEMBERS + removes.len() {
            return Err(CoreError::Limit);
        }
        self.discard_own()?;
        let data = self.commit_data(base_seq, &drop, &orders, nonce)?;
        self.own_expelled = expelled(&orders);
        self.mls.set_aad(data.to_bytes());
        let with_psk = !adds.is_empty();
        let built = self.build_with(adds, &removes, with_psk, rules.as_ref());
        if built.is_err() {
            self.mls.set_aad(Vec::new());
        }
        let (commit, welcome) = built?;
        Ok(OwnCommit {
            commit,
            welcome,
            added: sorted(added),
            drop,
            next_gate: self.own_next_gate()?,
        })
    }

    /// INVARIANT: our own commit passes the rules that everybody else applies to it. We merge it on its echo without reading it, so one that
    /// the others void would leave us alone in an epoch.
    fn check_own(&self, plan: &Plan) -> Result<Vec<TransportId>, PolicyFault> {
        let data = self.data().ok_or(PolicyFault::GroupData)?;
        let mandated = self.check_orders(&data, &plan.orders)?;
        let mut newcomers = Newcomers::beside(self, &plan.removes, &data, &mandated);
        for package in &plan.adds {
            newcomers.check(package)?;
        }
        if let Some(rules) = &plan.rules {
            self.check_change(&data, rules)?;
            data.check_alone(Some(rules), plan.adds.len() + plan.removes.len())?;
        }
        newcomers.check_rest()
    }

    /// What a commit's authenticated data say. SECURITY: the orders are sealed to this epoch's members: envelopes alone are sealed against the
    /// server only, and would show link holders who orders.
    pub(super) fn commit_data(
        &self,
        base_seq: u64,
        drop: &[TransportId],
        orders: &[Order],
        nonce: [u8; 24],
    ) -> Result<CommitData, CoreError> {
        let sealed = order::seal(&*self.orders_key()?, &self.call(), base_seq, orders, nonce);
        Ok(CommitData::new(base_seq, drop, sealed.map_err(|_| CoreError::Limit)?))
    }

    /// SECURITY: every Add mixes in the link's secret, so a server that swaps key packages gains nothing.
    pub(super) fn build_with(
        &mut self,
        adds: Vec<KeyPackage>,
        removes: &[u32],
        with_psk: bool,
        rules: Option<&GroupData>,
    ) -> Result<(Vec<u8>, Option<Vec<u8>>), CoreError> {
        let provider = &self.keyring.provider;
        let with_path = adds.is_empty() || self.mls.members().count() <= limits::WARM_ADDS_UP_TO;
        let psk = if !with_psk {
            None
        } else {
            let psk = Psk::External(ExternalPsk::new(self.keyring.room.psk_id()));
            let id = PreSharedKeyId::new(SUITE, provider.rand(), psk).map_err(|_| CoreError::Library)?;
            Some(Proposal::PreSharedKey(Box::new(PreSharedKeyProposal::new(id))))
        };
        let mut builder = self
            .mls
            .commit_builder()
            .consume_proposal_store(false)
            .force_self_update(with_path);
        if let Some(rules) = rules {
            builder = builder
                .propose_group_context_extensions(group_extensions(rules)?)
                .map_err(|_| CoreError::Library)?;
        }
        let bundle = builder
            .propose_removals(removes.iter().map(|i| LeafNodeIndex::new(*i)))
            .propose_adds(adds)
            .add_proposals(psk)
            .load_psks(provider.storage())
            .map_err(|_| CoreError::Library)?
            .build(provider.rand(), provider.crypto(), &self.identity.key, |_| true)
            .map_err(|_| CoreError::Library)?
            .stage_commit(provider)
            .map_err(|_| CoreError::Library)?;
        let commit = bundle.commit().to_bytes().map_err(|_| CoreError::Library)?;
        let welcome = match bundle.to_welcome_msg() {
            Some(message) => Some(message.to_bytes().map_err(|_| CoreError::Library)?),
            None => None,
        };
        Ok((commit, welcome))
    }

    /// The server did not take our commit: forget it.
    pub(crate) fn discard_own(&mut self) -> Result<(), CoreError> {
        self.mls
            .clear_pending_commit(self.keyring.provider.storage())
            .map_err(|_| CoreError::Library)
    }

    /// The server echoed our commit: it is the epoch now.
    pub(crate) fn merge_own(&mut self) -> Result<Merged, CoreError> {
        let staged = self.mls.pending_commit().ok_or(CoreError::NoGroup)?;
        let mut merged = Merged {
            removed: staged
                .remove_proposals()
                .map(|r| r.remove_proposal().removed().u32())
                .collect(),
            added: staged.add_proposals().next().is_some(),
            rotated: staged.update_path_leaf_node().is_some(),
            self_removed: false,
            self_readded: false,
            rules: staged.group_context().extensions() != self.mls.extensions(),
            expelled: std::mem::take(&mut self.own_expelled),
        };
        merged.removed.sort_unstable();
        self.mls
            .merge_pending_commit(&self.keyring.provider)
            .map_err(|_| CoreError::Library)?;
        Ok(merged)
    }

    /// Reads a commit that the log orders at `base_seq` + 1, from the envelope that `body` was in.
    pub(crate) fn read_envelope(&mut self, body: &[u8], base_seq: u64, envelope: &Envelope) -> Incoming {
        if self.check_signed(envelope).is_err() {
            return Incoming::Void;
        }
        match self.read_commit(body, base_seq, &envelope.clear.drop) {
            Incoming::Valid(verified) => match self.check_shown(verified.staged(), &envelope.clear) {
                Ok(()) => Incoming::Valid(verified),
                Err(_) => Incoming::Void,
            },
            other => other,
        }
    }

    /// The same without what its envelope shows of the gate. `drop` is the list that the envelope showed the server.
    pub(super) fn read_commit(&mut self, bytes: &[u8], base_seq: u64, drop: &[TransportId]) -> Incoming {
        let Some(message) = private_message(bytes) else {
            return Incoming::Void;
        };
        let processed = match self.mls.process_message(&self.keyring.provider, message) {
            Ok(processed) => processed,
            Err(e) => return classify(&e),
        };
        let data = CommitData::from_bytes(processed.aad());
        let sender = processed.sender().clone();
        let ProcessedMessageContent::StagedCommitMessage(staged) = processed.into_content() else {
            return Incoming::Void;
        };
        match self.check_commit(staged, &sender, data, base_seq, drop) {
            Ok(verified) => Incoming::Valid(Box::new(verified)),
            Err(_) => Incoming::Void,
        }
    }

    /// Moves to the epoch of a commit that passed every check.
    pub(crate) fn merge(&mut self, verified: CommitVerified) -> Result<Merged, CoreError> {
        let (staged, merged) = verified.into_parts();
        self.mls
            .merge_staged_commit(&self.keyring.provider, staged)
            .map_err(|_| CoreError::Library)?;
        Ok(merged)
    }

    /// Forgets all past epochs' message keys but the `keep` newest.
    pub(crate) fn forget_past(&mut self, keep: usize) -> Result<(), CoreError> {
        let policy = if keep == 0 {
            PastEpochDeletion::delete_all()
        } else {
            PastEpochDeletion::delete_all_without_timestamps().max_past_epochs(keep)
        };
        self.mls
            .delete_past_epoch_secrets(&self.keyring.provider, policy)
            .map_err(|_| CoreError::Library)
    }

    pub(super) fn mls(&self) -> &MlsGroup {
        &self.mls
    }
}

/// Whom orders remove.
pub(super) fn expelled(orders: &[Order]) -> Vec<MemberId> {
    let all = orders.iter().filter_map(|order| match order.decision {
        Decision::Remove { leaf } => Some(leaf.member),
        _ => None,
    });
    all.collect()
}

/// SECURITY: the only wire format that is looked at; public messages and everything else never reach the library's group.
pub(super) fn private_message(bytes: &[u8]) -> Option<ProtocolMessage> {
    let (message, rest) = MlsMessageIn::tls_deserialize_bytes(bytes).ok()?;
    if !rest.is_empty() {
        return None;
    }
    match message.try_into_protocol_message().ok()? {
        ProtocolMessage::PrivateMessage(message) => Some(ProtocolMessage::PrivateMessage(assert_private(message))),
        ProtocolMessage::PublicMessage(message) => {
            demand(PolicyFault::PublicMessage, false).ok()?; // MEM-001
            Some(ProtocolMessage::PublicMessage(message))
        }
    }
}

/// Names the type, so that a change of the library's enum does not go unnoticed.
fn assert_private(message: PrivateMessageIn) -> PrivateMessageIn {
    message
}

/// A path secret that only this member cannot use is the committer's fault against this member alone; everything else is void for all.
fn classify<E>(error: &ProcessMessageError<E>) -> Incoming {
    match error {
        ProcessMessageError::InvalidCommit(
            StageCommitError::UpdatePathError(
                ApplyUpdatePathError::UnableToDecrypt
                | ApplyUpdatePathError::PathMismatch
                | ApplyUpdatePathError::MissingCiphertext,
            )
            | StageCommitError::MissingDecryptionKey,
        ) => Incoming::OnlyForOthers,
        _ => Incoming::Void,
    }
}
