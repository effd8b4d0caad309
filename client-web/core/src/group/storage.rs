//! Where the MLS library keeps keys between its calls: in memory, and only what it reads back.
//!
//! Does not persist and does not store the group's own state: `openmls` keeps that in its `MlsGroup` object and would write the whole tree as
//! JSON here on every merge (facts.md §6); those writes are dropped. Kept, wiped on drop: key packages of open knocks, the epoch's
//! decryption keys, and the room's pre-shared key. Rule of use: a group cannot be loaded from here; it lives as long as its object.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use openmls_traits::storage::{CURRENT_VERSION, Key, StorageProvider, traits};
use serde::Serialize;
use zeroize::Zeroizing;

/// Which kind of thing a slot holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    EncryptionKey,
    EpochKeys,
    KeyPackage,
    Psk,
}

type Shelf = BTreeMap<(Kind, Vec<u8>), Zeroizing<Vec<u8>>>;

/// Keys by kind and name.
#[derive(Default)]
pub(super) struct KeyStore(Mutex<Shelf>);

/// The library handed over something that cannot be encoded, or reads something else than it wrote.
#[derive(Debug, thiserror::Error)]
#[error("a key could not be stored or read")]
pub(super) struct StoreFault;

const VERSION: u16 = CURRENT_VERSION;

fn name<K: Serialize>(key: &K) -> Result<Vec<u8>, StoreFault> {
    serde_json::to_vec(key).map_err(|_| StoreFault)
}

impl KeyStore {
    fn put<V: Serialize + ?Sized>(&self, kind: Kind, key: Vec<u8>, value: &V) -> Result<(), StoreFault> {
        let bytes = Zeroizing::new(serde_json::to_vec(value).map_err(|_| StoreFault)?);
        self.shelf().insert((kind, key), bytes);
        Ok(())
    }

    fn take<V: serde::de::DeserializeOwned>(&self, kind: Kind, key: Vec<u8>) -> Result<Option<V>, StoreFault> {
        let shelf = self.shelf();
        let Some(bytes) = shelf.get(&(kind, key)) else {
            return Ok(None);
        };
        serde_json::from_slice(bytes).map(Some).map_err(|_| StoreFault)
    }

    fn drop_one(&self, kind: Kind, key: Vec<u8>) {
        self.shelf().remove(&(kind, key));
    }

    /// A test plays a member to which nothing opens that is sealed to its place in the tree: its private keys there are others than before.
    #[cfg(test)]
    pub(super) fn spoil_tree_keys(&self) {
        for ((kind, _), bytes) in self.shelf().iter_mut() {
            if matches!(kind, Kind::EncryptionKey | Kind::EpochKeys) {
                let mut value: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
                spoil(&mut value, false);
                *bytes = Zeroizing::new(serde_json::to_vec(&value).unwrap_or_default());
            }
        }
    }

    fn shelf(&self) -> std::sync::MutexGuard<'_, Shelf> {
        // INVARIANT: no code panics while holding the lock; a poisoned map is still a whole map.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn epoch_name<G: Key<VERSION>, E: Key<VERSION>>(group: &G, epoch: &E, leaf: u32) -> Result<Vec<u8>, StoreFault> {
    name(&(group, epoch, leaf))
}

impl StorageProvider<VERSION> for KeyStore {
    type Error = StoreFault;

    fn write_encryption_key_pair<K: traits::EncryptionKey<VERSION>, V: traits::HpkeKeyPair<VERSION>>(
        &self,
        key: &K,
        value: &V,
    ) -> Result<(), StoreFault> {
        self.put(Kind::EncryptionKey, name(key)?, value)
    }

    fn write_encryption_epoch_key_pairs<
        G: traits::GroupId<VERSION>,
        E: traits::EpochKey<VERSION>,
        V: traits::HpkeKeyPair<VERSION>,
    >(
        &self,
        group: &G,
        epoch: &E,
        leaf: u32,
        values: &[V],
    ) -> Result<(), StoreFault> {
        self.put(Kind::EpochKeys, epoch_name(group, epoch, leaf)?, values)
    }

    fn write_key_package<K: traits::HashReference<VERSION>, V: traits::KeyPackage<VERSION>>(
        &self,
        key: &K,
        value: &V,
    ) -> Result<(), StoreFault> {
        self.put(Kind::KeyPackage, name(key)?, value)
    }

    fn write_psk<K: traits::PskId<VERSION>, V: traits::PskBundle<VERSION>>(
        &self,
        key: &K,
        value: &V,
    ) -> Result<(), StoreFault> {
        self.put(Kind::Psk, name(key)?, value)
    }

    fn encryption_key_pair<V: traits::HpkeKeyPair<VERSION>, K: traits::EncryptionKey<VERSION>>(
        &self,
        key: &K,
    ) -> Result<Option<V>, StoreFault> {
        self.take(Kind::EncryptionKey, name(key)?)
    }

    fn encryption_epoch_key_pairs<
        G: traits::GroupId<VERSION>,
        E: traits::EpochKey<VERSION>,
        V: traits::HpkeKeyPair<VERSION>,
    >(
        &self,
        group: &G,
        epoch: &E,
        leaf: u32,
    ) -> Result<Vec<V>, StoreFault> {
        Ok(self
            .take(Kind::EpochKeys, epoch_name(group, epoch, leaf)?)?
            .unwrap_or_default())
    }

    fn key_package<K: traits::HashReference<VERSION>, V: traits::KeyPackage<VERSION>>(
        &self,
        key: &K,
    ) -> Result<Option<V>, StoreFault> {
        self.take(Kind::KeyPackage, name(key)?)
    }

    fn psk<V: traits::PskBundle<VERSION>, K: traits::PskId<VERSION>>(&self, key: &K) -> Result<Option<V>, StoreFault> {
        self.take(Kind::Psk, name(key)?)
    }

    fn delete_encryption_key_pair<K: traits::EncryptionKey<VERSION>>(&self, key: &K) -> Result<(), StoreFault> {
        self.drop_one(Kind::EncryptionKey, name(key)?);
        Ok(())
    }

    fn delete_encryption_epoch_key_pairs<G: traits::GroupId<VERSION>, E: traits::EpochKey<VERSION>>(
        &self,
        group: &G,
        epoch: &E,
        leaf: u32,
    ) -> Result<(), StoreFault> {
        self.drop_one(Kind::EpochKeys, epoch_name(group, epoch, leaf)?);
        Ok(())
    }

    fn delete_key_package<K: traits::HashReference<VERSION>>(&self, key: &K) -> Result<(), StoreFault> {
        self.drop_one(Kind::KeyPackage, name(key)?);
        Ok(())
    }

    fn delete_psk<K: traits::PskId<VERSION>>(&self, key: &K) -> Result<(), StoreFault> {
        self.drop_one(Kind::Psk, name(key)?);
        Ok(())
    }

    // From here on: the group's own state, which lives in its object. Writes are dropped, reads find nothing.

    fn write_mls_join_config<G: traits::GroupId<VERSION>, V: traits::MlsGroupJoinConfig<VERSION>>(
        &self,
        _: &G,
        _: &V,
    ) -> Result<(), StoreFault> {
        Ok(())
    }

    fn append_own_leaf_node<G: traits::GroupId<VERSION>, V: traits::LeafNode<VERSION>>(
        &self,
        _: &G,
        _: &V,
    ) -> Result<(), StoreFault> {
        Ok(())
    }

    fn write_tree<G: traits::GroupId<VERSION>, V: traits::TreeSync<VERSION>>(
        &self,
        _: &G,
        _: &V,
    ) -> Result<(), StoreFault> {
        Ok(())
    }

    fn write_interim_transcript_hash<G: traits::GroupId<VERSION>, V: traits::InterimTranscriptHash<VERSION>>(
        &self,
        _: &G,
        _: &V,
    ) -> Result<(), StoreFault> {
        Ok(())
    }

    fn write_context<G: traits::GroupId<VERSION>, V: traits::GroupContext<VERSION>>(
        &self,
        _: &G,
        _: &V,
    ) -> Result<(), StoreFault> {
        Ok(())
    }

    fn write_confirmation_tag<G: traits::GroupId<VERSION>, V: traits::ConfirmationTag<VERSION>>(
        &self,
        _: &G,
        _: &V,
    ) -> Result<(), StoreFault> {
        Ok(())
    }

    fn write_message_secrets<G: traits::GroupId<VERSION>, V: traits::MessageSecrets<VERSION>>(
        &self,
        _: &G,
        _: &V,
    ) -> Result<(), StoreFault> {
        Ok(())
    }

    fn write_resumption_psk_store<G: traits::GroupId<VERSION>, V: traits::ResumptionPskStore<VERSION>>(
        &self,
        _: &G,
        _: &V,
    ) -> Result<(), StoreFault> {
        Ok(())
    }

    fn write_own_leaf_index<G: traits::GroupId<VERSION>, V: traits::LeafNodeIndex<VERSION>>(
        &self,
        _: &G,
        _: &V,
    ) -> Result<(), StoreFault> {
        Ok(())
    }

    fn write_group_epoch_secrets<G: traits::GroupId<VERSION>, V: traits::GroupEpochSecrets<VERSION>>(
        &self,
        _: &G,
        _: &V,
    ) -> Result<(), StoreFault> {
        Ok(())
    }

    fn write_group_state<V: traits::GroupState<VERSION>, G: traits::GroupId<VERSION>>(
        &self,
        _: &G,
        _: &V,
    ) -> Result<(), StoreFault> {
        Ok(())
    }

    fn queue_proposal<
        G: traits::GroupId<VERSION>,
        R: traits::ProposalRef<VERSION>,
        V: traits::QueuedProposal<VERSION>,
    >(
        &self,
        _: &G,
        _: &R,
        _: &V,
    ) -> Result<(), StoreFault> {
        Ok(())
    }

    fn write_signature_key_pair<K: traits::SignaturePublicKey<VERSION>, V: traits::SignatureKeyPair<VERSION>>(
        &self,
        _: &K,
        _: &V,
    ) -> Result<(), StoreFault> {
        Ok(())
    }

    fn mls_group_join_config<G: traits::GroupId<VERSION>, V: traits::MlsGroupJoinConfig<VERSION>>(
        &self,
        _: &G,
    ) -> Result<Option<V>, StoreFault> {
        Ok(None)
    }

    fn tree<G: traits::GroupId<VERSION>, V: traits::TreeSync<VERSION>>(&self, _: &G) -> Result<Option<V>, StoreFault> {
        Ok(None)
    }

    fn group_context<G: traits::GroupId<VERSION>, V: traits::GroupContext<VERSION>>(
        &self,
        _: &G,
    ) -> Result<Option<V>, StoreFault> {
        Ok(None)
    }

    fn interim_transcript_hash<G: traits::GroupId<VERSION>, V: traits::InterimTranscriptHash<VERSION>>(
        &self,
        _: &G,
    ) -> Result<Option<V>, StoreFault> {
        Ok(None)
    }

    fn confirmation_tag<G: traits::GroupId<VERSION>, V: traits::ConfirmationTag<VERSION>>(
        &self,
        _: &G,
    ) -> Result<Option<V>, StoreFault> {
        Ok(None)
    }

    fn message_secrets<G: traits::GroupId<VERSION>, V: traits::MessageSecrets<VERSION>>(
        &self,
        _: &G,
    ) -> Result<Option<V>, StoreFault> {
        Ok(None)
    }

    fn resumption_psk_store<G: traits::GroupId<VERSION>, V: traits::ResumptionPskStore<VERSION>>(
        &self,
        _: &G,
    ) -> Result<Option<V>, StoreFault> {
        Ok(None)
    }

    fn own_leaf_index<G: traits::GroupId<VERSION>, V: traits::LeafNodeIndex<VERSION>>(
        &self,
        _: &G,
    ) -> Result<Option<V>, StoreFault> {
        Ok(None)
    }

    fn group_epoch_secrets<G: traits::GroupId<VERSION>, V: traits::GroupEpochSecrets<VERSION>>(
        &self,
        _: &G,
    ) -> Result<Option<V>, StoreFault> {
        Ok(None)
    }

    fn group_state<V: traits::GroupState<VERSION>, G: traits::GroupId<VERSION>>(
        &self,
        _: &G,
    ) -> Result<Option<V>, StoreFault> {
        Ok(None)
    }

    fn own_leaf_nodes<G: traits::GroupId<VERSION>, V: traits::LeafNode<VERSION>>(
        &self,
        _: &G,
    ) -> Result<Vec<V>, StoreFault> {
        Ok(Vec::new())
    }

    fn queued_proposal_refs<G: traits::GroupId<VERSION>, R: traits::ProposalRef<VERSION>>(
        &self,
        _: &G,
    ) -> Result<Vec<R>, StoreFault> {
        Ok(Vec::new())
    }

    fn queued_proposals<
        G: traits::GroupId<VERSION>,
        R: traits::ProposalRef<VERSION>,
        V: traits::QueuedProposal<VERSION>,
    >(
        &self,
        _: &G,
    ) -> Result<Vec<(R, V)>, StoreFault> {
        Ok(Vec::new())
    }

    fn signature_key_pair<K: traits::SignaturePublicKey<VERSION>, V: traits::SignatureKeyPair<VERSION>>(
        &self,
        _: &K,
    ) -> Result<Option<V>, StoreFault> {
        Ok(None)
    }

    fn remove_proposal<G: traits::GroupId<VERSION>, R: traits::ProposalRef<VERSION>>(
        &self,
        _: &G,
        _: &R,
    ) -> Result<(), StoreFault> {
        Ok(())
    }

    fn clear_proposal_queue<G: traits::GroupId<VERSION>, R: traits::ProposalRef<VERSION>>(
        &self,
        _: &G,
    ) -> Result<(), StoreFault> {
        Ok(())
    }

    fn delete_signature_key_pair<K: traits::SignaturePublicKey<VERSION>>(&self, _: &K) -> Result<(), StoreFault> {
        Ok(())
    }

    fn delete_own_leaf_nodes<G: traits::GroupId<VERSION>>(&self, _: &G) -> Result<(), StoreFault> {
        Ok(())
    }

    fn delete_group_config<G: traits::GroupId<VERSION>>(&self, _: &G) -> Result<(), StoreFault> {
        Ok(())
    }

    fn delete_tree<G: traits::GroupId<VERSION>>(&self, _: &G) -> Result<(), StoreFault> {
        Ok(())
    }

    fn delete_confirmation_tag<G: traits::GroupId<VERSION>>(&self, _: &G) -> Result<(), StoreFault> {
        Ok(())
    }

    fn delete_group_state<G: traits::GroupId<VERSION>>(&self, _: &G) -> Result<(), StoreFault> {
        Ok(())
    }

    fn delete_context<G: traits::GroupId<VERSION>>(&self, _: &G) -> Result<(), StoreFault> {
        Ok(())
    }

    fn delete_interim_transcript_hash<G: traits::GroupId<VERSION>>(&self, _: &G) -> Result<(), StoreFault> {
        Ok(())
    }

    fn delete_message_secrets<G: traits::GroupId<VERSION>>(&self, _: &G) -> Result<(), StoreFault> {
        Ok(())
    }

    fn delete_all_resumption_psk_secrets<G: traits::GroupId<VERSION>>(&self, _: &G) -> Result<(), StoreFault> {
        Ok(())
    }

    fn delete_own_leaf_index<G: traits::GroupId<VERSION>>(&self, _: &G) -> Result<(), StoreFault> {
        Ok(())
    }

    fn delete_group_epoch_secrets<G: traits::GroupId<VERSION>>(&self, _: &G) -> Result<(), StoreFault> {
        Ok(())
    }
}

/// Changes every number below a private key.
#[cfg(test)]
fn spoil(value: &mut serde_json::Value, private: bool) {
    match value {
        serde_json::Value::Object(map) => {
            for (name, inner) in map {
                spoil(inner, private || name == "private_key");
            }
        }
        serde_json::Value::Array(all) => all.iter_mut().for_each(|inner| spoil(inner, private)),
        serde_json::Value::Number(n) if private => *value = (n.as_u64().unwrap_or(0) ^ 1).into(),
        _ => {}
    }
}
