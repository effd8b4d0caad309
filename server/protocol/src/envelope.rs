//! Envelopes: what members send each other through a server that can order and address it but not read it.
//!
//! The clear part says what the server needs for delivery; the sealed part is padded to few sizes. What is sealed here is only hidden from the
//! *server*: any holder of the link has the key. Names, rosters and chat are inside MLS, inside this.
//!
//! SPEC: `docs/protocol.md`, section 2, "Envelope".

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305,
    aead::{Aead as _, Payload},
};
use minicbor::{
    Decode, Decoder, Encode, Encoder,
    decode::Error as DecodeError,
    encode::{Error as EncodeError, Write},
};
use zeroize::Zeroizing;

use crate::{
    cbor,
    error::Error,
    ids::{CallId, TransportId},
    keys::{EnvelopeKey, GatePk},
    limits::{MAX_CLEAR, MAX_ENVELOPE, MAX_MEMBERS, MAX_PADDED, MAX_SEALED, MIN_PADDED, SEAL_OVERHEAD},
};

const VERSION: u8 = 1;
const AAD: &[u8] = b"conclave v1 env";

/// What an envelope is, to the server.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum EnvelopeType {
    /// A step of the group, ordered by compare-and-swap of the log's sequence.
    #[n(1)]
    Commit,
    /// To all others in the call.
    #[n(2)]
    Message,
    /// To those whom a commit added; only together with that commit.
    #[n(3)]
    Welcome,
    /// From somebody who is not in the call, to all who are.
    #[n(4)]
    Knock,
    /// What newcomers may read about a call; the server keeps the newest.
    #[n(5)]
    Card,
}

/// The part that the server reads.
#[derive(Clone, Eq, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct ClearPart {
    #[n(0)]
    v: u8,
    /// What it is.
    #[n(1)]
    pub kind: EnvelopeType,
    /// The call it belongs to.
    #[n(2)]
    pub call_id: CallId,
    /// Commits only, and always: the sequence that this commit builds on.
    #[n(3)]
    pub base_seq: Option<u64>,
    /// Commits only: connections that this commit removes, which get nothing from it on.
    #[cbor(n(4), skip_if = "Vec::is_empty")]
    pub drop: Vec<TransportId>,
    /// Commits only, and always: the gate of the epoch that this commit makes.
    #[n(5)]
    pub next_gate: Option<GatePk>,
    /// Commits only, and always: by the gate of the epoch that it ends. See [`crate::gate`].
    #[cbor(n(6), with = "minicbor::bytes")]
    pub gate_signature: Option<[u8; 64]>,
    /// Commits: whom it adds. Welcomes, and always: whom to send it to.
    #[cbor(n(7), skip_if = "Vec::is_empty")]
    pub to: Vec<TransportId>,
}

impl ClearPart {
    fn plain(kind: EnvelopeType, call_id: CallId) -> Self {
        Self {
            v: VERSION,
            kind,
            call_id,
            base_seq: None,
            drop: Vec::new(),
            next_gate: None,
            gate_signature: None,
            to: Vec::new(),
        }
    }

    /// Of a commit that builds on `base_seq`, removes `drop`, adds `to` and makes the epoch of `next_gate`. It is no commit before it is
    /// signed: [`crate::gate::sign_commit`], when its body is sealed.
    pub fn commit(
        call_id: CallId,
        base_seq: u64,
        drop: Vec<TransportId>,
        to: Vec<TransportId>,
        next_gate: GatePk,
    ) -> Self {
        Self {
            base_seq: Some(base_seq),
            drop,
            next_gate: Some(next_gate),
            to,
            ..Self::plain(EnvelopeType::Commit, call_id)
        }
    }

    /// Of a message to all others in the call.
    pub fn message(call_id: CallId) -> Self {
        Self::plain(EnvelopeType::Message, call_id)
    }

    /// Of a welcome for `to`, at least one.
    pub fn welcome(call_id: CallId, to: Vec<TransportId>) -> Self {
        Self {
            to,
            ..Self::plain(EnvelopeType::Welcome, call_id)
        }
    }

    /// Of a knock.
    pub fn knock(call_id: CallId) -> Self {
        Self::plain(EnvelopeType::Knock, call_id)
    }

    /// Of a call card.
    pub fn card(call_id: CallId) -> Self {
        Self::plain(EnvelopeType::Card, call_id)
    }

    /// The same without its signature.
    pub(crate) fn unsigned(&self) -> Self {
        Self {
            gate_signature: None,
            ..self.clone()
        }
    }

    /// Its bytes; without a commit's signature they are authenticated with the sealed part.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// Reads one, strictly. Each type has exactly its own fields.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_CLEAR {
            return Err(Error::TooLarge);
        }
        let clear: Self = cbor::decode(bytes)?;
        if clear.v != VERSION {
            return Err(Error::UnknownVersion);
        }
        let is = |kind| clear.kind == kind;
        let commit = is(EnvelopeType::Commit);
        let fields = clear.base_seq.is_some() == commit
            && clear.next_gate.is_some() == commit
            && clear.gate_signature.is_some() == commit
            && (clear.drop.is_empty() || commit)
            && (commit || clear.to.is_empty() != is(EnvelopeType::Welcome));
        let most = usize::from(MAX_MEMBERS);
        if !fields {
            Err(Error::Malformed)
        } else if clear.drop.len() > most || clear.to.len() > most {
            Err(Error::TooLarge)
        } else {
            Ok(clear)
        }
    }
}

/// An envelope, sealed.
#[derive(Clone, Eq, PartialEq)]
pub struct Envelope {
    /// What the server reads.
    pub clear: ClearPart,
    /// nonce[24] ‖ XChaCha20-Poly1305 over the padded body.
    pub sealed: Vec<u8>,
}

impl Envelope {
    /// On the wire: a CBOR array of two byte strings.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(&Wire {
            clear: self.clear.encode(),
            sealed: self.sealed.clone(),
        })
    }

    /// Reads one, strictly; the sealed part must have one of the padded sizes.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_ENVELOPE {
            return Err(Error::TooLarge);
        }
        let wire: Wire = cbor::decode(bytes)?;
        let clear = ClearPart::decode(&wire.clear)?;
        if wire.sealed.len() > MAX_SEALED {
            return Err(Error::TooLarge);
        }
        let padded = wire.sealed.len().checked_sub(SEAL_OVERHEAD);
        if !padded.is_some_and(|n| n.is_power_of_two() && n >= MIN_PADDED) {
            return Err(Error::Malformed);
        }
        Ok(Self {
            clear,
            sealed: wire.sealed,
        })
    }
}

struct Wire {
    clear: Vec<u8>,
    sealed: Vec<u8>,
}

impl<C> Encode<C> for Wire {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
        e.array(2)?.bytes(&self.clear)?.bytes(&self.sealed)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Wire {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
        if d.array()? != Some(2) {
            return Err(DecodeError::message("not an envelope"));
        }
        Ok(Self {
            clear: d.bytes()?.to_vec(),
            sealed: d.bytes()?.to_vec(),
        })
    }
}

/// The padded size of a body: the smallest 512·2^k that holds it and its length, at most 1 MiB.
pub fn padded_len(body: usize) -> Option<usize> {
    let n = body.checked_add(4)?.checked_next_power_of_two()?.max(MIN_PADDED);
    (n <= MAX_PADDED).then_some(n)
}

/// Pads: u32 length ‖ body ‖ zeros.
pub(crate) fn pad(body: &[u8], to: usize) -> Option<Zeroizing<Vec<u8>>> {
    if body.len().checked_add(4)? > to {
        return None;
    }
    let mut out = Zeroizing::new(Vec::with_capacity(to));
    out.extend(u32::try_from(body.len()).ok()?.to_be_bytes());
    out.extend(body);
    out.resize(to, 0);
    Some(out)
}

/// Undoes [`pad`]; anything but zeros behind the body is refused (C-ENV-2), and so is a size that the body does not need.
pub(crate) fn unpad(padded: &[u8]) -> Result<&[u8], Error> {
    let (len, rest) = padded.split_first_chunk::<4>().ok_or(Error::Malformed)?;
    let len = usize::try_from(u32::from_be_bytes(*len)).map_err(|_| Error::Malformed)?;
    let (body, zeros) = rest.split_at_checked(len).ok_or(Error::Malformed)?;
    if zeros.iter().all(|b| *b == 0) {
        Ok(body)
    } else {
        Err(Error::Malformed)
    }
}

/// Seals a body. The nonce is 24 random bytes, fresh for each call.
pub fn seal(key: &EnvelopeKey, clear: ClearPart, body: &[u8], nonce: [u8; 24]) -> Result<Envelope, Error> {
    let padded = padded_len(body.len())
        .and_then(|to| pad(body, to))
        .ok_or(Error::TooLarge)?;
    let sealed = seal_bytes(key.expose(), &aad(&clear), &padded, nonce)?;
    Ok(Envelope { clear, sealed })
}

/// Opens an envelope and gives its body.
///
/// SECURITY: C-ENV-1: the clear part is authenticated, so a server cannot readdress or retype an envelope.
pub fn open(key: &EnvelopeKey, envelope: &Envelope) -> Result<Vec<u8>, Error> {
    let padded = open_bytes(key.expose(), &aad(&envelope.clear), &envelope.sealed)?;
    let body = unpad(&padded)?;
    if padded_len(body.len()) != Some(padded.len()) {
        return Err(Error::Malformed);
    }
    Ok(body.to_vec())
}

/// The signature is made over the sealed body, so it cannot be under it.
fn aad(clear: &ClearPart) -> Vec<u8> {
    [AAD, &clear.unsigned().encode()].concat()
}

/// nonce ‖ XChaCha20-Poly1305; shared with the room sheet.
pub(crate) fn seal_bytes(key: &[u8; 32], aad: &[u8], plaintext: &[u8], nonce: [u8; 24]) -> Result<Vec<u8>, Error> {
    let sealed = XChaCha20Poly1305::new(key.into())
        .encrypt(&nonce.into(), Payload { msg: plaintext, aad })
        .map_err(|_| Error::TooLarge)?;
    Ok([nonce.as_slice(), &sealed].concat())
}

/// Undoes [`seal_bytes`].
pub(crate) fn open_bytes(key: &[u8; 32], aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let (nonce, ciphertext) = sealed.split_first_chunk::<24>().ok_or(Error::Malformed)?;
    XChaCha20Poly1305::new(key.into())
        .decrypt(&(*nonce).into(), Payload { msg: ciphertext, aad })
        .map(Zeroizing::new)
        .map_err(|_| Error::NotAuthentic)
}
