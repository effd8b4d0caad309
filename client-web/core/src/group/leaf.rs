//! What stands in a leaf (extension 0xF0C2).
//!
//! Does not decide who may write it. Deterministic CBOR with integer keys; keys that this version does not know are refused,
//! nothing is reserved. SPEC: protocol.md §2, RFC 9420 §13.

use minicbor::{Decode, Encode};

use conclave_protocol::ids::{MemberId, TransportId};
use conclave_protocol::invite::InviteProof;
use conclave_protocol::limits::MAX_NAME;
use conclave_protocol::role::RoleProof;

use crate::cbor;
use crate::error::CoreError;

/// Leaf extension: who this leaf is.
pub(super) const LEAF_EXTENSION: u16 = 0xF0C2;

/// What stands for a leaf without a role; the others are [`conclave_protocol::credential::Role`]'s numbers.
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
    /// What shows a role by mandate. Not verified yet: see `rules`.
    pub(crate) proof: Option<RoleProof>,
    /// What shows a seat by personal invite: see `invites`.
    pub(crate) invite: Option<InviteProof>,
}

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
    #[cbor(n(4), with = "minicbor::bytes")]
    proof: Option<Vec<u8>>,
    #[cbor(n(5), with = "minicbor::bytes")]
    invite: Option<Vec<u8>>,
    #[cbor(n(6), with = "minicbor::bytes")]
    resume: Option<[u8; 64]>,
    #[n(7)]
    codecs: u8,
}

impl LeafData {
    /// A leaf that shows nothing yet: neither a role nor a seat, and no leaf before it.
    pub(crate) fn plain(member_id: MemberId, transport_id: TransportId, name: String, codecs: u8) -> Self {
        Self {
            member_id,
            transport_id,
            name,
            codecs,
            resume: None,
            proof: None,
            invite: None,
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        cbor::encode(&LeafWire {
            member_id: self.member_id,
            transport_id: self.transport_id,
            name: self.name.clone(),
            role: role_number(self.proof.as_ref()),
            proof: self.proof.as_ref().map(RoleProof::to_bytes),
            invite: self.invite.as_ref().map(InviteProof::to_bytes),
            resume: self.resume,
            codecs: self.codecs,
        })
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, CoreError> {
        let wire: LeafWire = cbor::decode(bytes)?;
        let proof = wire.proof.as_deref().map(RoleProof::from_slice).transpose();
        let proof = proof.map_err(|_| CoreError::Malformed)?;
        let invite = wire.invite.as_deref().map(InviteProof::from_slice).transpose();
        let invite = invite.map_err(|_| CoreError::Malformed)?;
        if wire.name.len() > MAX_NAME || wire.role != role_number(proof.as_ref()) {
            return Err(CoreError::Malformed);
        }
        Ok(Self {
            member_id: wire.member_id,
            transport_id: wire.transport_id,
            name: wire.name,
            codecs: wire.codecs,
            resume: wire.resume,
            proof,
            invite,
        })
    }
}

fn role_number(proof: Option<&RoleProof>) -> u8 {
    proof.map_or(ROLE_GUEST, |proof| proof.mandate.role as u8)
}
