//! What stands in a leaf (extension 0xF0C2) and in the group context (0xF0C1).
//!
//! Does not decide who may write it. Deterministic CBOR with integer keys; keys that this version does not know are refused,
//! reserved ones stay free for roles, invites and policy. SPEC: protocol.md §2, RFC 9420 §13.

use minicbor::{Decode, Encode};
use openmls::prelude::{Extensions, GroupContext};

use conclave_protocol::ids::{CallId, MemberId, RoomFp, TransportId};
use conclave_protocol::limits::MAX_NAME;

use super::{Identity, LeafKey, PolicyFault, RoomBinding, demand, verify};
use crate::cbor;
use crate::error::CoreError;

/// Leaf extension: who this leaf is.
pub(super) const LEAF_EXTENSION: u16 = 0xF0C2;
/// Group context extension: which room and call this is.
pub(super) const GROUP_EXTENSION: u16 = 0xF0C1;

/// The only role before roles exist; 1 host and 2 moderator are reserved.
const ROLE_GUEST: u8 = 0;

/// Who a leaf is. The name is a peer's words: clean it before showing.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct LeafData {
    pub(crate) member_id: MemberId,
    pub(crate) transport_id: TransportId,
    pub(crate) name: String,
    /// Bit 0 VP8, bit 1 VP9, bit 2 AV1.
    pub(crate) codecs: u8,
    /// Signed by the leaf that this member had before, if this one takes its place: see `resume`.
    pub(crate) resume: Option<[u8; 64]>,
}

/// Keys 4 (role proof) and 5 (invite proof) are reserved.
#[derive(Encode, Decode)]
#[cbor(map)]
struct LeafWire {
    #[n(0)]
    member_id: MemberId,
    #[n(1)]
    transport_id: TransportId,
    #[n(2)]
    name: String,
    #[n(3)]
    role: u8,
    #[cbor(n(6), with = "minicbor::bytes")]
    resume: Option<[u8; 64]>,
    #[n(7)]
    codecs: u8,
}

impl LeafData {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        cbor::encode(&LeafWire {
            member_id: self.member_id,
            transport_id: self.transport_id,
            name: self.name.clone(),
            role: ROLE_GUEST,
            resume: self.resume,
            codecs: self.codecs,
        })
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, CoreError> {
        let wire: LeafWire = cbor::decode(bytes)?;
        if wire.name.len() > MAX_NAME || wire.role != ROLE_GUEST {
            return Err(CoreError::Malformed);
        }
        Ok(Self {
            member_id: wire.member_id,
            transport_id: wire.transport_id,
            name: wire.name,
            codecs: wire.codecs,
            resume: wire.resume,
        })
    }
}

/// Which room and call a group belongs to, signed by its founder's leaf. Keys 6 and up are reserved (root key, sheet and policy sequence,
/// rules, seats, mutes, bars, appointments).
#[derive(Encode, Decode)]
#[cbor(map)]
pub(super) struct GroupData {
    #[n(0)]
    pub(super) call_id: CallId,
    #[n(1)]
    pub(super) room_fp: RoomFp,
    #[n(2)]
    pub(super) generation: u16,
    #[n(3)]
    pub(super) founder: MemberId,
    #[cbor(n(4), with = "minicbor::bytes")]
    founder_key: [u8; 32],
    #[cbor(n(5), with = "minicbor::bytes")]
    signature: [u8; 64],
}

impl GroupData {
    pub(super) fn founded(room: &RoomBinding, call: CallId, founder: &Identity) -> Self {
        let mut data = Self {
            call_id: call,
            room_fp: room.room_fp,
            generation: room.generation,
            founder: founder.data.member_id,
            founder_key: founder.key.public(),
            signature: [0; 64],
        };
        data.sign(&founder.key);
        data
    }

    pub(super) fn sign(&mut self, key: &LeafKey) {
        self.signature = key.sign_labelled(&self.signed_bytes());
    }

    pub(super) fn of(extensions: &Extensions<GroupContext>) -> Option<Self> {
        cbor::decode(&extensions.unknown(GROUP_EXTENSION)?.0).ok()
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// SECURITY: the link's room and generation, and the call that was knocked at; the founder's signature keeps the three together.
    pub(super) fn check(&self, room: &RoomBinding, call: &[u8]) -> Result<(), PolicyFault> {
        let fits =
            self.call_id.as_bytes() == call && self.room_fp == room.room_fp && self.generation == room.generation;
        demand(PolicyFault::GroupData, fits)?; // MEM-019
        let signed = verify(&self.founder_key, &self.signed_bytes(), &self.signature);
        demand(PolicyFault::GroupSignature, signed) // MEM-020
    }

    /// Label ‖ room_fp ‖ call_id ‖ generation ‖ founder ‖ founder's key; policy sequence 0 closes it.
    fn signed_bytes(&self) -> Vec<u8> {
        let mut out = b"conclave v1 group".to_vec();
        out.extend_from_slice(self.room_fp.as_bytes());
        out.extend_from_slice(self.call_id.as_bytes());
        out.extend_from_slice(&self.generation.to_be_bytes());
        out.extend_from_slice(self.founder.as_bytes());
        out.extend_from_slice(&self.founder_key);
        out.extend_from_slice(&0u64.to_be_bytes());
        out
    }
}
