//! Reading a Welcome, and judging the tree that it brings.
//!
//! Does not find out which of several key packages it is for, and does not keep what it refuses. INVARIANT: nobody joins by a Welcome of which a check was skipped: a group is made
//! of a [`WelcomeVerified`], and only this module can make one.

use openmls::prelude::tls_codec::DeserializeBytes as _;
use openmls::prelude::{
    MlsGroup, MlsGroupJoinConfig, MlsMessageBodyIn, MlsMessageIn, PURE_CIPHERTEXT_WIRE_FORMAT_POLICY, ProcessedWelcome,
    StagedWelcome,
};

use conclave_protocol::ids::CallId;
use conclave_protocol::role::LeafName;

use super::leaf::LeafData;
use super::policy::most_members;
use super::rules::GroupData;
use super::{Identity, Keyring, PolicyFault, demand, leaf_data, leaf_key, ratchet};
use crate::error::CoreError;
use crate::limits;

/// The group of a Welcome of which every rule was checked.
pub(super) struct WelcomeVerified(MlsGroup);

impl WelcomeVerified {
    /// Reads a Welcome (an MLS message, as bytes) to the member that `identity` is.
    pub(super) fn read(
        keyring: &Keyring,
        identity: &Identity,
        call: CallId,
        welcome: &[u8],
    ) -> Result<Self, CoreError> {
        let mls = stage(keyring, call, welcome)?;
        check_tree(&mls, keyring, identity)?;
        Ok(Self(mls))
    }

    pub(super) fn into_mls(self) -> MlsGroup {
        self.0
    }
}

fn stage(keyring: &Keyring, call: CallId, welcome: &[u8]) -> Result<MlsGroup, CoreError> {
    let (message, rest) = MlsMessageIn::tls_deserialize_bytes(welcome).map_err(|_| CoreError::Malformed)?;
    if !rest.is_empty() {
        return Err(CoreError::Malformed);
    }
    let MlsMessageBodyIn::Welcome(welcome) = message.extract() else {
        return Err(CoreError::Malformed);
    };
    let config = MlsGroupJoinConfig::builder()
        .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
        .use_ratchet_tree_extension(true)
        .max_past_epochs(limits::PAST_EPOCHS)
        .sender_ratchet_configuration(ratchet())
        .number_of_resumption_psks(0)
        .build();
    let builder =
        StagedWelcome::build_from_welcome(&keyring.provider, &config, welcome).map_err(|_| CoreError::NotAuthentic)?;
    check_welcome(keyring, builder.processed_welcome(), call)?;
    // No security decision by the clock (protocol.md §2): leaves of a long call may be older than any lifetime.
    let staged = builder
        .skip_lifetime_validation()
        .build()
        .map_err(|_| CoreError::NotAuthentic)?;
    staged.into_group(&keyring.provider).map_err(|_| CoreError::Library)
}

/// SECURITY: whoever welcomes us must have mixed in the link's secret, and nothing else; and it must be the call that we knocked at. The library
/// has refused other suites already: our init key is of no other.
fn check_welcome(keyring: &Keyring, welcome: &ProcessedWelcome, call: CallId) -> Result<(), PolicyFault> {
    let ours = matches!(welcome.psks(), [psk] if keyring.is_our_psk(psk));
    demand(PolicyFault::WelcomeLinkKey, ours)?; // MEM-017
    let info = welcome.unverified_group_info();
    let asked = info.group_id().as_slice() == call.as_bytes();
    demand(PolicyFault::WelcomeCall, asked) // MEM-018
}

/// After a Welcome: the group is this room's and this call's, and every leaf says who it is, once.
fn check_tree(mls: &MlsGroup, keyring: &Keyring, identity: &Identity) -> Result<(), PolicyFault> {
    let call = mls.group_id();
    let Some(data) = GroupData::of(mls.extensions()) else {
        return demand(PolicyFault::GroupData, false); // MEM-019
    };
    data.check(&keyring.room, call.as_slice())?;
    let mut leaves: Vec<(LeafName, LeafData)> = Vec::new();
    for (_, node) in mls.treesync().full_leaves() {
        let Ok(leaf) = leaf_data(node) else {
            demand(PolicyFault::WelcomeLeaf, false)?; // MEM-021
            continue;
        };
        let taken = |l: &LeafData| l.member_id == leaf.member_id || l.transport_id == leaf.transport_id;
        let twice = leaves.iter().any(|(_, l)| taken(l));
        demand(PolicyFault::WelcomeIdTwice, !twice)?; // MEM-022
        let key = leaf_key(node).ok_or(PolicyFault::WelcomeLeaf)?;
        let member = leaf.member_id;
        leaves.push((LeafName { member, key }, leaf));
    }
    demand(PolicyFault::WelcomeTooMany, leaves.len() <= most_members())?; // MEM-043
    data.check_seats(leaves.iter().map(|(name, leaf)| (*name, leaf)))?;
    let own = mls.own_leaf_node().and_then(|own| leaf_data(own).ok());
    demand(PolicyFault::OwnLeaf, own.as_ref() == Some(&identity.data)) // MEM-023
}
