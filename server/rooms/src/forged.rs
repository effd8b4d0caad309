//! What must not compile: proofs made by hand, and states entered without one. Each marked line fails with the error that it names, and nothing else in
//! this file does.
//!
//! Compiled by the step `forged` of the tests alone, once for each kind of error. It stands inside the crate, where more is allowed than outside.

use conclave_protocol::{
    admission::{AdmissionContext, LinkProofVerified},
    envelope::ClearPart,
    gate::{CommitSigned, GateProven},
    ids::{RoomId, TransportId},
    keys::GatePk,
    manage::{ChangeProof, Registration, RoomChange, TicketHash},
    room::RoomRecord,
};

use crate::{
    connection::Admitted,
    gate::{Candidate, Gates},
    io::ConnId,
    managing::RegistryRequest,
};

/// Fields that nobody else can fill in.
#[cfg(conclave_forge = "E0451")]
mod private_fields {
    use super::*;

    fn a_link(room_id: RoomId, transport: TransportId) -> LinkProofVerified {
        LinkProofVerified {
            room_id,   //~ E0451
            transport, //~ E0451
        }
    }

    fn a_registration(ticket: TicketHash, record: RoomRecord) -> Registration {
        Registration {
            ticket, //~ E0451
            record, //~ E0451
        }
    }

    fn a_change(room_id: RoomId, change: RoomChange) -> ChangeProof {
        ChangeProof {
            room_id, //~ E0451
            change,  //~ E0451
        }
    }

    fn a_stand(seq: u64, gate: GatePk) -> GateProven {
        GateProven {
            seq,  //~ E0451
            gate, //~ E0451
        }
    }

    fn a_signature(clear: &ClearPart, gate: GatePk) -> CommitSigned<'_> {
        CommitSigned {
            clear, //~ E0451
            gate,  //~ E0451
        }
    }

    fn another_proof(admitted: Admitted, proof: LinkProofVerified) -> Admitted {
        Admitted {
            proof,      //~ E0451
            ..admitted  //~ E0451
        }
    }
}

/// What stands for a proof is none.
#[cfg(conclave_forge = "E0308")]
mod other_types {
    use super::*;

    fn admitted_unproven(room_id: RoomId, context: AdmissionContext) -> Admitted {
        Admitted::new(room_id, context, 0) //~ E0308
    }

    fn votes_unsigned(gates: &mut Gates, conn: ConnId, gate: GatePk) {
        gates.prove(0, conn, (1, gate)); //~ E0308
    }

    fn announces_unsigned(clear: &ClearPart, gate: GatePk, conn: ConnId) -> Candidate {
        Candidate::new(1, gate, clear, conn) //~ E0308
    }

    fn registers_unsigned(record: RoomRecord) -> RegistryRequest {
        RegistryRequest::Register(record) //~ E0308
    }

    fn changes_unsigned(change: RoomChange) -> RegistryRequest {
        RegistryRequest::Change(change) //~ E0308
    }
}

/// Ways past the proof that tests and this crate's own modules have.
#[cfg(conclave_forge = "E0624")]
mod private_methods {
    use super::*;

    fn votes(gates: &mut Gates, conn: ConnId, gate: GatePk) {
        gates.stands_at(0, conn, 1, gate); //~ E0624
    }

    fn announces(gates: (GatePk, GatePk), add: Vec<TransportId>, conn: ConnId) -> Candidate {
        Candidate::announced(1, gates, Vec::new(), add, conn) //~ E0624
    }
}

/// Nor can a proof be had twice.
#[cfg(conclave_forge = "E0277")]
mod no_copies {
    use super::*;

    fn copy<T: Clone>(_: &T) {}

    fn twice(proof: &LinkProofVerified, change: &ChangeProof, stand: &GateProven) {
        copy(proof); //~ E0277
        copy(change); //~ E0277
        copy(stand); //~ E0277
    }
}
