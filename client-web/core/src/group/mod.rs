//! One MLS group as a member sees it: found, join, commit, process, export.
//!
//! Does not know sockets, time or people's wishes; it applies RFC 9420 (through `openmls`) plus the rules of `docs/protocol.md` §2 on top.
//! Rule of use: commits are made with [`Group::commit`] and take effect only through [`Group::merge_own`], after the server's
//! echo; foreign ones through [`Group::read_envelope`] and then [`Group::merge`], which demands the proof that the checks were made.

mod checks;
mod commit;
mod exports;
mod gate;
mod invites;
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
mod role_attacks;
#[cfg(test)]
mod tests;

use openmls::prelude::tls_codec::{DeserializeBytes as _, Serialize as _};
use openmls::prelude::{
    BasicCredential, Capabilities, Ciphersuite, Credential, CredentialType, CredentialWithKey, Extension,
    ExtensionType, Extensions, GroupContext, GroupId, KeyPackage, KeyPackageIn, LeafNode, Lifetime, MlsGroup,
    MlsGroupCreateConfig, MlsGroupJoinConfig, MlsMessageBodyIn, MlsMessageIn, OpenMlsProvider as _,
    PURE_CIPHERTEXT_WIRE_FORMAT_POLICY, ProcessedWelcome, ProtocolVersion, RequiredCapabilitiesExtension,
    SenderRatchetConfiguration, StagedWelcome, UnknownExtension,
};
use openmls::schedule::{PreSharedKeyId, Psk};

use conclave_protocol::credential::Mandate;
use conclave_protocol::ids::{CallId, MemberId, RoomFp, TransportId};
use conclave_protocol::invite::Invite;
use conclave_protocol::keys::{MandateSeed, Psk as LinkPsk, Signer, psk_id};
use conclave_protocol::role::{Authority, LeafName, RoleProof};
use conclave_protocol::sheet::{Found, Sheet};

pub use checks::PolicyFault;
pub(crate) use checks::demand;
#[cfg(test)]
pub(crate) use checks::off;
pub(crate) use commit::{Incoming, Merged, OwnCommit, Plan};
pub(crate) use exports::{LobbyKey, safety_digits, twenty_digits};
pub(crate) use invites::{Seat, Standing, seat};
pub(crate) use keys::{LeafKey, verify};
pub(crate) use leaf::LeafData;
pub(crate) use message::Heard;
pub(crate) use orders::vouchers_needed;
pub(crate) use resume::{prove_resume, verify_resume};
pub(crate) use rules::GroupData;

#[cfg(test)]
pub(crate) use tests::binding as test_binding;

use crate::error::CoreError;
use crate::limits;
use leaf::LEAF_EXTENSION;
use provider::Provider;
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

/// This member's own leaf as it will stand in a tree.
pub(crate) struct Identity {
    pub(crate) key: LeafKey,
    pub(crate) data: LeafData,
    /// What it can show a role with.
    pub(crate) role: Option<RoleKey>,
    /// What it can show a seat with.
    pub(crate) invite: Option<Invite>,
}

/// A mandate and its key, and the day on which it is used.
#[derive(Clone)]
pub(crate) struct RoleKey {
    pub(crate) mandate: Mandate,
    pub(crate) seed: MandateSeed,
    pub(crate) today: u16,
}

impl Identity {
    /// Of somebody who has nothing to show.
    #[cfg(any(test, feature = "measure"))]
    pub(crate) fn plain(key: LeafKey, data: LeafData) -> Self {
        Self {
            key,
            data,
            role: None,
            invite: None,
        }
    }

    pub(crate) fn name(&self) -> LeafName {
        LeafName {
            member: self.data.member_id,
            key: self.key.public(),
        }
    }

    /// What mandates are judged by where this member signs: the sheet, on this member's day if it has a mandate itself.
    fn authority(&self, sheet: &Sheet) -> Authority {
        let day = self
            .data
            .proof
            .as_ref()
            .and(self.role.as_ref())
            .map_or(0, |role| role.today);
        Authority::of(sheet, day)
    }

    /// Puts the role's and the invite's proofs for one call into the leaf; no role if the mandate does not count any more.
    fn prove(&mut self, room: &RoomBinding, call: CallId) {
        self.show_invite(room.generation, &call);
        let name = self.name();
        self.data.proof = self.role.as_ref().zip(room.sheet.as_ref()).and_then(|(role, sheet)| {
            let key = Signer::from_seed(role.seed.expose());
            let proof = RoleProof::sign(role.mandate.clone(), &key, &call, &name);
            let counts = proof.verify(&Authority::of(sheet, role.today), &call, &name).is_ok();
            counts.then_some(proof)
        });
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

/// The cryptographic context of one member for one room: keys waiting for Welcomes, and the link's pre-shared key.
pub(crate) struct Keyring {
    provider: Provider,
    room: RoomBinding,
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

impl Keyring {
    /// Stores the pre-shared key first: a Welcome that fails for want of it would consume the key package (facts.md §6).
    pub(crate) fn new(room: RoomBinding, psk: &LinkPsk) -> Result<Self, CoreError> {
        let provider = Provider::default();
        let id = PreSharedKeyId::external(room.psk_id(), Vec::new());
        id.store(&provider, psk.expose()).map_err(|_| CoreError::Library)?;
        Ok(Self { provider, room })
    }

    /// A fresh key package for one knock, as TLS bytes. One per attempt; all of them stay usable until one is welcomed.
    pub(crate) fn key_package(&self, identity: &mut Identity, call: CallId) -> Result<Vec<u8>, CoreError> {
        identity.prove(&self.room, call);
        let bundle = KeyPackage::builder()
            .key_package_lifetime(lifetime())
            .leaf_node_capabilities(capabilities())
            .leaf_node_extensions(leaf_extensions(&identity.data)?)
            .build(SUITE, &self.provider, &identity.key, credential(identity))
            .map_err(|_| CoreError::Library)?;
        bundle
            .key_package()
            .tls_serialize_detached()
            .map_err(|_| CoreError::Library)
    }

    /// Makes a group of one.
    pub(crate) fn found(self, mut identity: Identity, call: CallId) -> Result<Group, CoreError> {
        identity.prove(&self.room, call);
        let sheet = self.room.sheet.as_ref().ok_or(CoreError::NotAuthentic)?;
        let data = GroupData::founded(&self.room, sheet, call, &identity);
        self.found_with(identity, call, &data)
    }

    fn found_with(self, identity: Identity, call: CallId, data: &GroupData) -> Result<Group, CoreError> {
        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(SUITE)
            .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
            .use_ratchet_tree_extension(true)
            .max_past_epochs(limits::PAST_EPOCHS)
            .sender_ratchet_configuration(ratchet())
            .number_of_resumption_psks(0)
            .lifetime(lifetime())
            .capabilities(capabilities())
            .with_group_context_extensions(group_extensions(data)?)
            .with_leaf_node_extensions(leaf_extensions(&identity.data)?)
            .map_err(|_| CoreError::Library)?
            .build();
        let mls = MlsGroup::new_with_group_id(
            &self.provider,
            &identity.key,
            &config,
            group_id(call),
            credential(&identity),
        )
        .map_err(|_| CoreError::Library)?;
        Ok(Group {
            call,
            mls,
            keyring: self,
            identity,
            own_expelled: Vec::new(),
        })
    }

    /// Joins by a Welcome (an MLS message, as bytes). On failure the key ring and identity come back, for the next attempt.
    pub(crate) fn join(
        self,
        mut identity: Identity,
        call: CallId,
        welcome: &[u8],
    ) -> Result<Group, Box<(Self, Identity, CoreError)>> {
        // A proof is for one call; the newest knock may have been at another.
        identity.prove(&self.room, call);
        match self.stage(call, welcome) {
            Ok(mls) => {
                let group = Group {
                    call,
                    mls,
                    keyring: self,
                    identity,
                    own_expelled: Vec::new(),
                };
                match group.check_joined() {
                    Ok(()) => Ok(group),
                    Err(fault) => {
                        let Group { keyring, identity, .. } = group;
                        Err(Box::new((keyring, identity, CoreError::Refused(fault))))
                    }
                }
            }
            Err(e) => Err(Box::new((self, identity, e))),
        }
    }

    fn stage(&self, call: CallId, welcome: &[u8]) -> Result<MlsGroup, CoreError> {
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
            StagedWelcome::build_from_welcome(&self.provider, &config, welcome).map_err(|_| CoreError::NotAuthentic)?;
        self.check_welcome(builder.processed_welcome(), call)?;
        // No security decision by the clock (protocol.md §2): leaves of a long call may be older than any lifetime.
        let staged = builder
            .skip_lifetime_validation()
            .build()
            .map_err(|_| CoreError::NotAuthentic)?;
        staged.into_group(&self.provider).map_err(|_| CoreError::Library)
    }

    /// SECURITY: whoever welcomes us must have mixed in the link's secret, and nothing else; and it must be the call that we knocked at. The library
    /// has refused other suites already: our init key is of no other.
    fn check_welcome(&self, welcome: &ProcessedWelcome, call: CallId) -> Result<(), PolicyFault> {
        let ours = matches!(welcome.psks(), [psk] if self.is_our_psk(psk));
        demand(PolicyFault::WelcomeLinkKey, ours)?; // MEM-017
        let info = welcome.unverified_group_info();
        let asked = info.group_id().as_slice() == call.as_bytes();
        demand(PolicyFault::WelcomeCall, asked) // MEM-018
    }

    /// The room's sheet was shown and verified.
    pub(crate) fn believe(&mut self, sheet: Sheet) {
        self.room.sheet = Some(sheet);
    }

    /// Whether the room's sheet lets this member begin a call.
    pub(crate) fn may_found(&self, identity: &Identity) -> bool {
        let Some(sheet) = &self.room.sheet else { return false };
        let accepted = |role: &RoleKey| Authority::of(sheet, role.today).accepts(&role.mandate).is_ok();
        sheet.rules.found == Found::Anyone || identity.role.as_ref().is_some_and(accepted)
    }

    /// How orders name a key package. SPEC: RFC 9420 §5.2.
    pub(crate) fn reference(&self, package: &KeyPackage) -> Option<[u8; 32]> {
        let reference = package.hash_ref(self.provider.crypto()).ok()?;
        reference.as_slice().try_into().ok()
    }

    fn is_our_psk(&self, id: &PreSharedKeyId) -> bool {
        matches!(id.psk(), Psk::External(external) if external.psk_id() == self.room.psk_id())
    }

    /// Checks a knocker's key package; gives it back with its leaf data.
    pub(crate) fn read_key_package(&self, bytes: &[u8]) -> Result<(KeyPackage, LeafData), CoreError> {
        let (package, rest) = KeyPackageIn::tls_deserialize_bytes(bytes).map_err(|_| CoreError::Malformed)?;
        if !rest.is_empty() {
            return Err(CoreError::Malformed);
        }
        let package = package
            .validate(self.provider.crypto(), ProtocolVersion::Mls10)
            .map_err(|_| CoreError::NotAuthentic)?;
        let fits = package.ciphersuite() == SUITE && !package.last_resort();
        demand(PolicyFault::KeyPackageSuite, fits)?; // MEM-024
        let data = leaf_data(package.leaf_node())?;
        Ok((package, data))
    }
}

impl Group {
    /// After a Welcome: the group is this room's and this call's, and every leaf says who it is, once.
    fn check_joined(&self) -> Result<(), PolicyFault> {
        let call = self.mls.group_id();
        let data = GroupData::of(self.mls.extensions()).ok_or(PolicyFault::GroupData)?;
        data.check(&self.keyring.room, call.as_slice())?;
        let mut leaves: Vec<(LeafName, LeafData)> = Vec::new();
        for (_, node) in self.mls.treesync().full_leaves() {
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
        demand(PolicyFault::WelcomeTooMany, leaves.len() <= policy::most_members())?; // MEM-043
        data.check_seats(leaves.iter().map(|(name, leaf)| (*name, leaf)))?;
        let own = self.mls.own_leaf_node().and_then(|own| leaf_data(own).ok());
        demand(PolicyFault::OwnLeaf, own.as_ref() == Some(&self.identity.data)) // MEM-023
    }

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
