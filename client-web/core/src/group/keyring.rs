//! What a member has before it is in a group: keys waiting for Welcomes, and the link's pre-shared key. A group is founded or joined with it.
//!
//! Does not judge a Welcome or the tree that it brings (`welcome`); whoever gets one that fails keeps the key ring.

use openmls::prelude::tls_codec::{DeserializeBytes as _, Serialize as _};
use openmls::prelude::{
    KeyPackage, KeyPackageIn, MlsGroup, MlsGroupCreateConfig, OpenMlsProvider as _, PURE_CIPHERTEXT_WIRE_FORMAT_POLICY,
    ProtocolVersion,
};
use openmls::schedule::{PreSharedKeyId, Psk};

use conclave_protocol::ids::CallId;
use conclave_protocol::keys::Psk as LinkPsk;
use conclave_protocol::role::Authority;
use conclave_protocol::sheet::{Found, Sheet};

use super::leaf::LeafData;
use super::provider::Provider;
use super::rules::GroupData;
use super::welcome::WelcomeVerified;
use super::{
    Group, Identity, PolicyFault, RoleKey, RoomBinding, SUITE, capabilities, credential, demand, group_extensions,
    group_id, leaf_data, leaf_extensions, lifetime, ratchet,
};
use crate::error::CoreError;
use crate::limits;

/// The cryptographic context of one member for one room: keys waiting for Welcomes, and the link's pre-shared key.
pub(crate) struct Keyring {
    pub(super) provider: Provider,
    pub(super) room: RoomBinding,
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

    pub(super) fn found_with(self, identity: Identity, call: CallId, data: &GroupData) -> Result<Group, CoreError> {
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
        match WelcomeVerified::read(&self, &identity, call, welcome) {
            Ok(verified) => Ok(Group {
                call,
                mls: verified.into_mls(),
                keyring: self,
                identity,
                own_expelled: Vec::new(),
            }),
            Err(e) => Err(Box::new((self, identity, e))),
        }
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

    pub(super) fn is_our_psk(&self, id: &PreSharedKeyId) -> bool {
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
