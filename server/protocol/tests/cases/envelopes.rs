//! Envelopes of each type, sealed and signed, and a proof of the gate.

use conclave_protocol::{
    envelope::{ClearPart, Envelope, EnvelopeType, seal},
    gate::{ProofContext, sign_commit},
    ids::{CallId, TransportId},
    keys::{EnvelopeKey, GatePk, LinkKeys, LinkSecret, Signer, TransportPk},
};
use serde_json::{Value, json};

use super::{counting, hex, server};

/// The gate of the epoch that the commits of the vectors end.
pub fn gate() -> Signer {
    Signer::from_seed(&counting(0x60))
}

/// Seals, and signs what is a commit.
pub fn sealed(key: &EnvelopeKey, clear: ClearPart, body: &[u8], nonce: [u8; 24]) -> Envelope {
    let mut envelope = seal(key, clear, body, nonce).unwrap();
    if envelope.clear.kind == EnvelopeType::Commit {
        sign_commit(&mut envelope, &gate());
    }
    envelope
}

/// The proof of the vectors: its signature and the bytes that it is bound to.
pub fn gate_proof() -> [u8; 64] {
    let context = ProofContext {
        server: &server("meet.example.org"),
        server_nonce: &counting(1),
        transport_pk: &TransportPk::from_bytes(Signer::from_seed(&counting(2)).public()),
    };
    context.sign(&CallId::from_bytes(counting(0x22)), 42, &gate())
}

/// One clear part of each type; commits unsigned.
pub fn clear_parts() -> Vec<(&'static str, ClearPart)> {
    let gate = GatePk::from_bytes(Signer::from_seed(&counting(0x61)).public());
    let call = CallId::from_bytes(counting(0x22));
    let transport = |n| TransportId::from_bytes(counting(n));
    vec![
        ("commit", ClearPart::commit(call, 41, Vec::new(), Vec::new(), gate)),
        (
            "commit that removes two and adds one",
            ClearPart::commit(
                call,
                u64::from(u32::MAX) + 1,
                vec![transport(1), transport(2)],
                vec![transport(3)],
                gate,
            ),
        ),
        ("message", ClearPart::message(call)),
        ("welcome", ClearPart::welcome(call, vec![transport(3)])),
        ("knock", ClearPart::knock(call)),
        ("card", ClearPart::card(call)),
    ]
}

/// The key of the envelope vectors.
pub fn envelope_key() -> EnvelopeKey {
    LinkKeys::derive(&LinkSecret::from_bytes(counting(0x40))).envelope()
}

pub fn envelope() -> Value {
    let key = envelope_key();
    let case = |(name, clear): (&str, ClearPart)| {
        let body = format!("the body of a {name}");
        let envelope = sealed(&key, clear, body.as_bytes(), counting(0x90));
        json!({ "name": name, "clear": hex(envelope.clear.encode()), "body": hex(body), "nonce": hex(counting::<24>(0x90)), "envelope": hex(envelope.encode()) })
    };
    let padded = |body: usize| json!([body, conclave_protocol::envelope::padded_len(body)]);
    json!({
        "key": hex(key.expose()),
        "gate_seed": hex(counting::<32>(0x60)),
        "next_gate_seed": hex(counting::<32>(0x61)),
        "gate_proof": {
            "server": "meet.example.org",
            "server_nonce": hex(counting::<32>(1)),
            "transport_seed": hex(counting::<32>(2)),
            "call_id": hex(counting::<16>(0x22)),
            "seq": 42,
            "signature": hex(gate_proof()),
        },
        "envelopes": clear_parts().into_iter().map(case).collect::<Vec<_>>(),
        "padded_len": [padded(0), padded(508), padded(509), padded(1_020), padded(1_021), padded(1_048_572), padded(1_048_573)],
    })
}
