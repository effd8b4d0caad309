//! The gate: how a server that sees no group knows who is in it. Each epoch of a call has a key pair that all its members derive; who signs with it is
//! in that epoch.
//!
//! Rule of use: only [`verify_commit`] makes a [`CommitSigned`] and only [`ProofContext::verify`] a [`GateProven`]; a server's count of votes takes nothing else,
//! so a skipped check does not compile.
//!
//! Deliberately absent: deriving the key (`conclave-core`, from the group's exporter) and what a gate opens (`conclave-rooms`). Nothing here says
//! *which* member signed: all hold the same key, and the server is not to know more.
//!
//! SPEC: `docs/protocol.md`, section 2, "Gate"; `docs/decisions/0029-the-gate.md`.

use sha2::{Digest as _, Sha256};

use crate::{
    envelope::{ClearPart, Envelope},
    error::Error,
    ids::CallId,
    keys::{GatePk, Signer, TransportPk},
    server_name::ServerName,
};

const COMMIT: &[u8] = b"conclave v1 gate commit";
const PROOF: &[u8] = b"conclave v1 gate proof";

fn commit_bytes(envelope: &Envelope) -> Vec<u8> {
    let clear = envelope.clear.unsigned().encode();
    [COMMIT, &clear, &Sha256::digest(&envelope.sealed)].concat()
}

/// Puts the signature of the epoch that a commit ends into its envelope. It covers the clear part, so nobody else can say whom it drops and what
/// comes next, and the body, so that the same promise cannot be put around another.
pub fn sign_commit(envelope: &mut Envelope, gate: &Signer) {
    envelope.clear.gate_signature = Some(gate.sign(&commit_bytes(envelope)));
}

/// What a commit shows, signed by a gate. Only [`verify_commit`] makes one.
pub struct CommitSigned<'a> {
    clear: &'a ClearPart,
    gate: GatePk,
}

impl<'a> CommitSigned<'a> {
    /// What was signed.
    pub fn clear(&self) -> &'a ClearPart {
        self.clear
    }

    /// The gate that signed: of the epoch that the commit ends.
    pub fn gate(&self) -> GatePk {
        self.gate
    }
}

/// Checks it (C-GATE-1).
pub fn verify_commit<'a>(envelope: &'a Envelope, gate: &GatePk) -> Result<CommitSigned<'a>, Error> {
    let signature = envelope.clear.gate_signature.ok_or(Error::Malformed)?;
    gate.verify(&commit_bytes(envelope), &signature)?;
    Ok(CommitSigned {
        clear: &envelope.clear,
        gate: *gate,
    })
}

/// Where somebody stands: in the epoch of a gate, having read the log up to a sequence. Only [`ProofContext::verify`] makes one.
pub struct GateProven {
    seq: u64,
    gate: GatePk,
}

impl GateProven {
    /// The sequence and the gate.
    pub fn into_parts(self) -> (u64, GatePk) {
        (self.seq, self.gate)
    }
}

/// What a proof is bound to: one connection of one tab at one server. SECURITY: without the server's nonce whoever was removed could show again
/// what somebody showed before; without the transport key a server could pass one member's proof on as another's.
pub struct ProofContext<'a> {
    /// The server, as the link names it.
    pub server: &'a ServerName,
    /// From this connection's challenge.
    pub server_nonce: &'a [u8; 32],
    /// Whose connection it is.
    pub transport_pk: &'a TransportPk,
}

impl ProofContext<'_> {
    fn bytes(&self, call: &CallId, seq: u64, gate: &GatePk) -> Vec<u8> {
        [
            PROOF,
            &self.server.lp(),
            self.server_nonce,
            self.transport_pk.as_bytes(),
            call.as_bytes(),
            &seq.to_be_bytes(),
            gate.as_bytes(),
        ]
        .concat()
    }

    /// That who sends it stands in the epoch of `gate`, having read the log of `call` up to `seq`.
    pub fn sign(&self, call: &CallId, seq: u64, gate: &Signer) -> [u8; 64] {
        gate.sign(&self.bytes(call, seq, &GatePk::from_bytes(gate.public())))
    }

    /// Checks it (C-GATE-2).
    pub fn verify(&self, call: &CallId, seq: u64, gate: &GatePk, signature: &[u8; 64]) -> Result<GateProven, Error> {
        gate.verify(&self.bytes(call, seq, gate), signature)?;
        Ok(GateProven { seq, gate: *gate })
    }
}
