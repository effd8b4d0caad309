//! Knocks: a newcomer's key package, sealed to the call card's key; and the lobby where members keep those that wait.
//!
//! Does not decide who is let in. The server sees that somebody knocks, and nothing of the package. SPEC: protocol.md §2, "Knocks".

use minicbor::{Decode, Encode};
use openmls::prelude::KeyPackage;
use sha2::{Digest as _, Sha256};

use conclave_protocol::ids::CallId;

use super::card::Card;
use crate::cbor;
use crate::error::CoreError;
use crate::group::{Keyring, LeafData, LobbyKey, RoomBinding, twenty_digits};
use crate::limits::{KNOCK_KEPT_MS, LOBBY_KEY_KEPT_MS, MAX_KNOCKS};

/// What the envelope of a knock holds.
#[derive(Encode, Decode)]
#[cbor(map)]
struct Sealed {
    #[n(0)]
    epoch: u64,
    #[cbor(n(1), with = "minicbor::bytes")]
    kem_output: Vec<u8>,
    #[cbor(n(2), with = "minicbor::bytes")]
    ciphertext: Vec<u8>,
}

/// What is sealed. Key 1 (resume proof) is reserved.
#[derive(Encode, Decode)]
#[cbor(map)]
struct Body {
    #[cbor(n(0), with = "minicbor::bytes")]
    key_package: Vec<u8>,
}

/// Binds a knock to its room, call and epoch.
fn info(room: &RoomBinding, call: &CallId, epoch: u64) -> Vec<u8> {
    let mut out = b"conclave v1 knock".to_vec();
    out.extend_from_slice(room.room_fp.as_bytes());
    out.extend_from_slice(call.as_bytes());
    out.extend_from_slice(&epoch.to_be_bytes());
    out
}

/// Seals a key package to a card.
pub(crate) fn seal(
    keyring: &Keyring,
    room: &RoomBinding,
    call: &CallId,
    card: &Card,
    key_package: Vec<u8>,
) -> Result<Vec<u8>, CoreError> {
    let body = cbor::encode(&Body { key_package });
    let (kem_output, ciphertext) = keyring.seal_to_lobby(&card.lobby_key, &info(room, call, card.epoch), &body)?;
    Ok(cbor::encode(&Sealed {
        epoch: card.epoch,
        kem_output,
        ciphertext,
    }))
}

/// The code on both screens: SHA-256("conclave v1 knock" ‖ key package), first 16 bytes, as twenty digits.
pub(crate) fn waiting_code(key_package: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(b"conclave v1 knock");
    hash.update(key_package);
    let digest: [u8; 32] = hash.finalize().into();
    let mut first = [0; 16];
    for (o, d) in first.iter_mut().zip(digest) {
        *o = d;
    }
    twenty_digits(&first)
}

/// Somebody who waits.
pub(crate) struct Waiting {
    pub(crate) package: KeyPackage,
    pub(crate) data: LeafData,
    pub(crate) at: u64,
}

impl Waiting {
    /// Whether the key package stands for the holder of this leaf key.
    pub(crate) fn signed_by(&self, key: &[u8; 32]) -> bool {
        self.package.leaf_node().signature_key().as_slice() == key
    }
}

/// The lobby of one call as one member keeps it: this and recent epochs' keys, and who waits.
#[derive(Default)]
pub(crate) struct Lobby {
    keys: Vec<KeyOfEpoch>,
    pub(crate) waiting: Vec<Waiting>,
}

struct KeyOfEpoch {
    epoch: u64,
    key: LobbyKey,
    ended_at: Option<u64>,
}

impl Lobby {
    /// A new epoch began.
    pub(crate) fn new_epoch(&mut self, now: u64, epoch: u64, key: LobbyKey) {
        for old in &mut self.keys {
            old.ended_at.get_or_insert(now);
        }
        self.keys.push(KeyOfEpoch {
            epoch,
            key,
            ended_at: None,
        });
        self.expire(now);
    }

    /// The key of the present epoch, for the card.
    pub(crate) fn public(&self) -> Option<&[u8]> {
        self.keys.last().map(|k| k.key.public.as_slice())
    }

    /// A knock came. Whoever knocks again replaces their older knock.
    pub(crate) fn knock(
        &mut self,
        now: u64,
        keyring: &Keyring,
        room: &RoomBinding,
        call: &CallId,
        bytes: &[u8],
    ) -> Result<(), CoreError> {
        self.expire(now);
        let sealed: Sealed = cbor::decode(bytes)?;
        let key = self
            .keys
            .iter()
            .find(|k| k.epoch == sealed.epoch)
            .ok_or(CoreError::NotAuthentic)?;
        let body = keyring.open_at_lobby(
            &key.key,
            &info(room, call, sealed.epoch),
            &sealed.kem_output,
            &sealed.ciphertext,
        )?;
        let body: Body = cbor::decode(&body)?;
        let (package, data) = keyring.read_key_package(&body.key_package)?;
        self.waiting.retain(|w| w.data.member_id != data.member_id);
        // SECURITY: a knock under somebody else's transport must not push theirs out.
        let taken = |w: &Waiting| w.data.transport_id == data.transport_id;
        if self.waiting.len() >= MAX_KNOCKS || self.waiting.iter().any(taken) {
            return Err(CoreError::Limit);
        }
        self.waiting.push(Waiting { package, data, at: now });
        Ok(())
    }

    /// Forgets knocks that are settled, and old ones.
    pub(crate) fn settle(&mut self, now: u64, still_waits: impl Fn(&Waiting) -> bool) {
        self.expire(now);
        self.waiting.retain(still_waits);
    }

    fn expire(&mut self, now: u64) {
        self.keys
            .retain(|k| k.ended_at.is_none_or(|at| now.saturating_sub(at) < LOBBY_KEY_KEPT_MS));
        self.waiting.retain(|w| now.saturating_sub(w.at) < KNOCK_KEPT_MS);
    }
}
