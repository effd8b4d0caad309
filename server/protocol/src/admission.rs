//! Proving to a server that one holds a room's link, without showing it.
//!
//! Rule of use: only [`verify`] makes a [`LinkProofVerified`], and a server's states past admission hold one; a skipped check does not compile.
//! Deliberately absent: whether the room exists. The server calls `verify` with a dummy key for rooms it does not know.
//!
//! SPEC: `docs/protocol.md`, section 1, "Admission" and "Transport key".

use crate::{
    error::Error,
    ids::{RoomId, TransportId},
    keys::{AdmissionPk, Signer, TransportPk},
    server_name::ServerName,
};

const ADMISSION: &[u8] = b"conclave v1 admission";
const TRANSPORT: &[u8] = b"conclave v1 transport";

/// What both sides must agree on for an admission. Both nonces are in it, so neither side can replay the other's signature.
#[derive(Clone)]
pub struct AdmissionContext {
    /// The server, as the link names it.
    pub server: ServerName,
    /// The room at this server.
    pub room_id: RoomId,
    /// From the server's challenge.
    pub server_nonce: [u8; 32],
    /// From the client's hello.
    pub client_nonce: [u8; 32],
    /// The tab's key in this call.
    pub transport_pk: TransportPk,
}

impl AdmissionContext {
    fn signed_bytes(&self, label: &[u8]) -> Vec<u8> {
        [
            label,
            &self.server.lp(),
            self.room_id.as_bytes(),
            &self.server_nonce,
            &self.client_nonce,
            self.transport_pk.as_bytes(),
        ]
        .concat()
    }

    /// What the admission key signs.
    pub fn admission_bytes(&self) -> Vec<u8> {
        self.signed_bytes(ADMISSION)
    }

    /// What the transport key signs: the same, under its own label.
    pub fn transport_bytes(&self) -> Vec<u8> {
        self.signed_bytes(TRANSPORT)
    }

    /// The client's two signatures, admission first.
    pub fn sign(&self, admission: &Signer, transport: &Signer) -> ([u8; 64], [u8; 64]) {
        (
            admission.sign(&self.admission_bytes()),
            transport.sign(&self.transport_bytes()),
        )
    }
}

/// Proof that somebody holds the link of a room and the transport key behind a transport id. Only [`verify`] makes one.
pub struct LinkProofVerified {
    room_id: RoomId,
    transport: TransportId,
}

impl LinkProofVerified {
    /// The room whose link was proven.
    pub fn room_id(&self) -> RoomId {
        self.room_id
    }

    /// Who proved it.
    pub fn transport(&self) -> TransportId {
        self.transport
    }
}

/// Checks both signatures.
///
/// SECURITY: C-ADMIT-1 (link) and C-ADMIT-2 (transport key). Both are always computed, so that the time does not tell which failed.
pub fn verify(
    context: &AdmissionContext,
    admission_pk: &AdmissionPk,
    sig_admission: &[u8; 64],
    sig_transport: &[u8; 64],
) -> Result<LinkProofVerified, Error> {
    let link = admission_pk.verify(&context.admission_bytes(), sig_admission);
    let transport = context.transport_pk.verify(&context.transport_bytes(), sig_transport);
    if link.is_ok() & transport.is_ok() {
        Ok(LinkProofVerified {
            room_id: context.room_id,
            transport: TransportId::of(&context.transport_pk),
        })
    } else {
        Err(Error::NotAuthentic)
    }
}
