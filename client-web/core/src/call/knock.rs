//! Knocks: a newcomer's key package, sealed to the call card's key; and the lobby where members keep those that wait.
//!
//! Does not decide who is let in. The server sees that somebody knocks, and nothing of the package. SPEC: protocol.md §2, "Knocks".

use minicbor::{Decode, Encode};
use openmls::prelude::KeyPackage;
use openmls::prelude::tls_codec::Serialize as _;
use sha2::{Digest as _, Sha256};

use conclave_protocol::ids::{CallId, MemberId};

use crate::cbor;
use crate::error::CoreError;
use crate::group::{Keyring, LeafData, LobbyKey, RoomBinding, Standing, twenty_digits, verify_resume};
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

/// What is sealed. A resume proof stands in the key package's leaf.
#[derive(Encode, Decode)]
#[cbor(map)]
struct Body {
    #[cbor(n(0), with = "minicbor::bytes")]
    key_package: Vec<u8>,
    /// By a member that could not read the commit of this sequence, and stays in the epoch that this is sealed to unless others moved on.
    #[n(1)]
    behind: Option<u64>,
}

/// Where a knock is sealed to: the lobby key of an epoch, from a card or, by a member that fell behind, from its own group.
pub(crate) struct Door<'a> {
    pub(crate) epoch: u64,
    pub(crate) lobby_key: &'a [u8],
    pub(crate) behind: Option<u64>,
}

/// Binds a knock to its room, call and epoch.
fn info(room: &RoomBinding, call: &CallId, epoch: u64) -> Vec<u8> {
    let mut out = b"conclave v1 knock".to_vec();
    out.extend_from_slice(room.room_fp.as_bytes());
    out.extend_from_slice(call.as_bytes());
    out.extend_from_slice(&epoch.to_be_bytes());
    out
}

/// Seals a key package to a lobby.
pub(crate) fn seal(
    keyring: &Keyring,
    room: &RoomBinding,
    call: &CallId,
    door: &Door<'_>,
    key_package: Vec<u8>,
) -> Result<Vec<u8>, CoreError> {
    let behind = door.behind;
    let body = cbor::encode(&Body { key_package, behind });
    let (kem_output, ciphertext) = keyring.seal_to_lobby(door.lobby_key, &info(room, call, door.epoch), &body)?;
    Ok(cbor::encode(&Sealed {
        epoch: door.epoch,
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
    /// When this very key package came first.
    pub(crate) first_at: u64,
    /// The waiting code of the key package.
    pub(crate) code: String,
    /// How orders name the key package.
    pub(crate) reference: [u8; 32],
    /// The leaf key under which the resume proof is good, if there is one.
    pub(crate) proven_by: Option<[u8; 32]>,
    /// What their invite is worth, and the epoch in which that was found out.
    pub(crate) standing: Standing,
    pub(crate) judged_in: Option<u64>,
    /// The epoch in which a member says that it was left behind, and the sequence of the commit that it could not read.
    pub(crate) behind: Option<(u64, u64)>,
}

impl Waiting {
    /// A knock with what its proof is worth: `known` is the leaf key that members know for this member, if any.
    pub(crate) fn new(
        at: u64,
        call: &CallId,
        (package, data): (KeyPackage, LeafData),
        known: Option<[u8; 32]>,
        behind: Option<(u64, u64)>,
    ) -> Self {
        Self {
            proven_by: Self::proven(&package, &data, call, known),
            code: waiting_code(&package.tls_serialize_detached().unwrap_or_default()),
            reference: [0; 32],
            first_at: at,
            standing: Standing::None,
            judged_in: None,
            package,
            data,
            at,
            behind,
        }
    }

    pub(crate) fn leaf_key(&self) -> Option<[u8; 32]> {
        self.package.leaf_node().signature_key().as_slice().try_into().ok()
    }

    /// Whether the key package stands for the holder of this leaf key.
    pub(crate) fn signed_by(&self, key: &[u8; 32]) -> bool {
        self.package.leaf_node().signature_key().as_slice() == key
    }

    /// SECURITY: the proof, if it is good under the key that `known` has for this member.
    fn proven(package: &KeyPackage, data: &LeafData, call: &CallId, known: Option<[u8; 32]>) -> Option<[u8; 32]> {
        let new_key: [u8; 32] = package.leaf_node().signature_key().as_slice().try_into().ok()?;
        let (old_key, proof) = (known?, data.resume?);
        verify_resume(&old_key, call, &data.member_id, &new_key, &proof).then_some(old_key)
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

    /// A knock came. Whoever knocks again replaces their older knock. `known`: the leaf key that members know for somebody, if any.
    pub(crate) fn knock(
        &mut self,
        now: u64,
        keyring: &Keyring,
        room: &RoomBinding,
        call: &CallId,
        bytes: &[u8],
        known: impl Fn(&MemberId) -> Option<[u8; 32]>,
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
        let known = known(&data.member_id);
        let mut new = Waiting::new(
            now,
            call,
            (package, data),
            known,
            body.behind.map(|seq| (sealed.epoch, seq)),
        );
        new.reference = keyring.reference(&new.package).ok_or(CoreError::Library)?;
        if let Some(before) = self.waiting.iter().find(|w| w.reference == new.reference) {
            new.first_at = before.first_at;
        }
        // SECURITY: a knock under somebody else's transport must not push theirs out, nor one without proof a proven one.
        let same = |w: &Waiting| w.data.member_id == new.data.member_id;
        let taken = |w: &Waiting| w.data.transport_id == new.data.transport_id && !same(w);
        let weaker = |w: &Waiting| same(w) && w.proven_by.is_some() && new.proven_by.is_none();
        let others = self.waiting.iter().filter(|w| !same(w)).count();
        if others >= MAX_KNOCKS || self.waiting.iter().any(|w| taken(w) || weaker(w)) {
            return Err(CoreError::Limit);
        }
        self.waiting.retain(|w| w.data.member_id != new.data.member_id);
        self.waiting.push(new);
        Ok(())
    }

    /// Forgets knocks that are settled, and old ones.
    pub(crate) fn settle(&mut self, now: u64, still_waits: impl Fn(&Waiting) -> bool) {
        self.expire(now);
        self.waiting.retain(still_waits);
    }

    /// Forgets what is too old to count: knocks, and keys of past epochs.
    pub(crate) fn expire(&mut self, now: u64) {
        self.keys
            .retain(|k| k.ended_at.is_none_or(|at| now.saturating_sub(at) < LOBBY_KEY_KEPT_MS));
        self.waiting.retain(|w| now.saturating_sub(w.at) < KNOCK_KEPT_MS);
    }
}
