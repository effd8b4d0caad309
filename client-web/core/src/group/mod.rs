//! One MLS group as a member sees it: found, join, commit, process, export.
//!
//! Does not know sockets, time or people's wishes; it applies RFC 9420 (through `openmls`) plus the rules of `docs/protocol.md` §2 on top.
//! Rule of use: commits are made with [`Group::commit`] and take effect only through [`Group::merge_own`], after the server's
//! echo; foreign ones through [`Group::read_envelope`] and then [`Group::merge`], which demands the proof that the checks were made.

mod checks;
mod commit;
mod exports;
#[cfg(conclave_forge)]
mod forged;
mod gate;
mod identity;
mod invites;
mod keyring;
mod keys;
mod leaf;
#[cfg(any(test, feature = "measure"))]
pub mod measure;
mod message;
mod orders;
mod policy;
mod provider;
mod relink;
mod resume;
mod rules;
mod storage;
mod warmth;
mod welcome;

#[cfg(test)]
pub(crate) mod attacks;
#[cfg(test)]
mod commit_attacks;
#[cfg(test)]
mod gate_attacks;
#[cfg(test)]
mod interop;
#[cfg(test)]
mod invite_attacks;
#[cfg(test)]
mod join_attacks;
#[cfg(test)]
mod lists;
#[cfg(test)]
mod order_attacks;
#[cfg(test)]
mod proposal_attacks;
#[cfg(test)]
mod role_attacks;
#[cfg(test)]
mod rules_attacks;
#[cfg(test)]
mod tests;

use openmls::prelude::{
    BasicCredential, Capabilities, Ciphersuite, Credential, CredentialType, CredentialWithKey, Extension,
    ExtensionType, Extensions, GroupContext, GroupId, LeafNode, Lifetime, MlsGroup, ProtocolVersion,
    RequiredCapabilitiesExtension, SenderRatchetConfiguration, UnknownExtension,
};

use conclave_protocol::ids::{CallId, MemberId, RoomFp, TransportId};
use conclave_protocol::keys::psk_id;
use conclave_protocol::sheet::Sheet;

pub use checks::PolicyFault;
pub(crate) use checks::demand;
#[cfg(test)]
pub(crate) use checks::off;
pub(crate) use commit::{Incoming, Merged, OwnCommit, Plan};
pub(crate) use exports::{LobbyKey, safety_digits, twenty_digits};
pub(crate) use identity::{Identity, RoleKey};
pub(crate) use invites::{Seat, Standing, seat};
pub(crate) use keyring::Keyring;
pub(crate) use keys::{LeafKey, verify};
pub(crate) use leaf::LeafData;
pub(crate) use message::Heard;
pub(crate) use orders::vouchers_needed;
pub(crate) use relink::{Adopted, NewLink};
pub(crate) use resume::{prove_resume, verify_resume};
pub(crate) use rules::GroupData;

#[cfg(test)]
pub(crate) use tests::binding as test_binding;

use crate::error::CoreError;
use crate::limits;
use leaf::LEAF_EXTENSION;
use rules::GROUP_EXTENSION;

/// The one cipher suite of link version 1: X25519 with ML-KEM-768, always (protocol.md §4).
pub(crate) const SUITE: Ciphersuite = Ciphersuite::MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519;

/// What ties a group to its room: part of every signature and of the pre-shared key's name.
#[derive(Clone)]
pub(crate) struct RoomBinding {
    pub(crate) room_fp: RoomFp,
    pub(crate) generation: u16,
    /// What the owner says of the room, as soon as the server has shown it and it was verified.
    pub(crate) sheet: Option<Sheet>,
}

impl RoomBinding {
    fn psk_id(&self) -> Vec<u8> {
        psk_id(&self.room_fp, self.generation)
    }
}

/// A leaf of the tree with its checked data.
#[derive(Clone)]
pub(crate) struct Leaf {
    pub(crate) index: u32,
    /// Its signature key.
    pub(crate) key: [u8; 32],
    pub(crate) data: LeafData,
}

/// A group this member is in.
pub(crate) struct Group {
    call: CallId,
    mls: MlsGroup,
    keyring: Keyring,
    identity: Identity,
    /// Whom this member's pending commit removes by order.
    own_expelled: Vec<MemberId>,
}

impl Group {
    pub(crate) fn epoch(&self) -> u64 {
        self.mls.epoch().as_u64()
    }

    pub(crate) fn own_leaf(&self) -> u32 {
        self.mls.own_leaf_index().u32()
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Every leaf with its data, ascending by index. All of them were checked when they came in.
    pub(crate) fn leaves(&self) -> Vec<Leaf> {
        self.mls
            .treesync()
            .full_leaves()
            .filter_map(|(index, node)| {
                Some(Leaf {
                    index: index.u32(),
                    key: leaf_key(node)?,
                    data: leaf_data(node).ok()?,
                })
            })
            .collect()
    }

    pub(crate) fn size(&self) -> usize {
        self.mls.members().count()
    }

    pub(crate) fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Takes the keys of this member's place in the tree away; its messages go on.
    #[cfg(test)]
    pub(crate) fn spoil_tree_keys(&mut self) {
        use openmls::prelude::OpenMlsProvider as _;
        self.keyring.provider.storage().spoil_tree_keys();
    }

    /// The call that this group is: its id, as [`Group`]'s makers checked.
    pub(crate) fn call(&self) -> CallId {
        self.call
    }

    /// Drops the group but keeps the identity: a lone founder gives way and knocks elsewhere under the same member id.
    pub(crate) fn into_identity(self) -> Identity {
        let mut identity = self.identity;
        // A proof counts for one call only.
        identity.data.resume = None;
        identity.data.proof = None;
        identity.data.invite = None;
        identity
    }
}

pub(crate) fn group_id(call: CallId) -> GroupId {
    GroupId::from_slice(call.as_bytes())
}

fn credential(identity: &Identity) -> CredentialWithKey {
    CredentialWithKey {
        credential: BasicCredential::new(identity.data.member_id.as_bytes().to_vec()).into(),
        signature_key: identity.key.public().to_vec().into(),
    }
}

fn ratchet() -> SenderRatchetConfiguration {
    SenderRatchetConfiguration::new(limits::RATCHET_TOLERANCE, limits::RATCHET_FORWARD)
}

/// Now ± 42 days. The library reads the wall clock to make it; nothing of ours depends on it.
fn lifetime() -> Lifetime {
    let until = Lifetime::new(limits::LIFETIME_S).not_after();
    Lifetime::init(until.saturating_sub(2 * limits::LIFETIME_S), until)
}

fn our_extensions() -> [ExtensionType; 2] {
    [
        ExtensionType::Unknown(GROUP_EXTENSION),
        ExtensionType::Unknown(LEAF_EXTENSION),
    ]
}

fn capabilities() -> Capabilities {
    Capabilities::new(
        Some(&[ProtocolVersion::Mls10]),
        Some(&[SUITE]),
        Some(&our_extensions()),
        Some(&[]),
        Some(&[CredentialType::Basic]),
    )
}

fn leaf_extensions(data: &LeafData) -> Result<Extensions<LeafNode>, CoreError> {
    Extensions::single(Extension::Unknown(LEAF_EXTENSION, UnknownExtension(data.to_bytes())))
        .map_err(|_| CoreError::Library)
}

fn group_extensions(data: &GroupData) -> Result<Extensions<GroupContext>, CoreError> {
    let required = RequiredCapabilitiesExtension::new(&our_extensions(), &[], &[CredentialType::Basic]);
    Extensions::from_vec(vec![
        Extension::RequiredCapabilities(required),
        Extension::Unknown(GROUP_EXTENSION, UnknownExtension(data.to_bytes())),
    ])
    .map_err(|_| CoreError::Library)
}

/// The member id in a credential, if it is a basic one of the right length.
fn credential_id(credential: &Credential) -> Option<MemberId> {
    let basic = BasicCredential::try_from(credential.clone()).ok()?;
    let bytes: [u8; 16] = basic.identity().try_into().ok()?;
    Some(MemberId::from_bytes(bytes))
}

/// SECURITY: a leaf counts only if its data decode strictly and its credential names the same member.
fn leaf_data(node: &LeafNode) -> Result<LeafData, PolicyFault> {
    let extension = node.extensions().unknown(LEAF_EXTENSION).ok_or(PolicyFault::LeafData)?;
    let data = LeafData::from_bytes(&extension.0).map_err(|_| PolicyFault::LeafData)?;
    let names = credential_id(node.credential()) == Some(data.member_id);
    demand(PolicyFault::CredentialId, names)?; // MEM-009
    Ok(data)
}

/// The library verified with this key; it has the right length in our one suite.
fn leaf_key(node: &LeafNode) -> Option<[u8; 32]> {
    node.signature_key().as_slice().try_into().ok()
}

/// The transport ids in ascending order: the one form of a commit's drop list.
pub(crate) fn sorted(mut ids: Vec<TransportId>) -> Vec<TransportId> {
    ids.sort_unstable();
    ids.dedup();
    ids
}
