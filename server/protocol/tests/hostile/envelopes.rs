//! Envelopes, commits and proofs of the gate count only unchanged and where they belong.

use conclave_protocol::{
    Error,
    envelope::{ClearPart, Envelope, EnvelopeType, open, seal},
    gate::{ProofContext, verify_commit},
    ids::{CallId, TransportId},
    keys::{GatePk, Signer, TransportPk},
};

use super::{
    cases::{self, counting, server},
    gate, mutations, one_spelling,
};

#[test]
fn c_env_1_an_envelope_opens_only_unchanged() {
    let key = cases::envelopes::envelope_key();
    for (name, clear) in cases::envelopes::clear_parts() {
        let valid = cases::envelopes::sealed(&key, clear, b"hello", counting(1)).encode();
        one_spelling(name, &valid, |b| Envelope::decode(b).ok(), Envelope::encode);
        let read = |bytes: &[u8]| {
            let envelope = Envelope::decode(bytes)?;
            // What the sealing does not cover, the gate's signature is.
            if envelope.clear.kind == EnvelopeType::Commit {
                verify_commit(&envelope, &gate())?;
            }
            open(&key, &envelope)
        };
        assert!(read(&valid).is_ok(), "the honest control");
        for bytes in mutations(&valid) {
            let opened = read(&bytes);
            assert!(opened.is_err(), "{name}: a changed envelope opens");
        }
    }
}

#[test]
fn c_env_2_padding_is_zeros_of_the_needed_length() {
    use chacha20poly1305::{
        KeyInit as _, XChaCha20Poly1305,
        aead::{Aead as _, Payload},
    };
    let key = cases::envelopes::envelope_key();
    let clear = ClearPart::message(CallId::from_bytes(counting(1)));
    let aad = [b"conclave v1 env".as_slice(), &clear.encode()].concat();
    let sealed = |plain: &[u8]| {
        let nonce = counting::<24>(9);
        let payload = Payload { msg: plain, aad: &aad };
        let ciphertext = XChaCha20Poly1305::new(key.expose().into())
            .encrypt(&nonce.into(), payload)
            .unwrap();
        Envelope {
            clear: clear.clone(),
            sealed: [nonce.as_slice(), &ciphertext].concat(),
        }
    };
    let mut plain = vec![0; 512];
    plain[3] = 2;
    assert!(open(&key, &sealed(&plain)).is_ok(), "the honest control");
    plain[511] = 1;
    assert!(open(&key, &sealed(&plain)).is_err(), "something behind the body");
    let mut long = vec![0; 1024];
    long[3] = 2;
    assert!(open(&key, &sealed(&long)).is_err(), "a larger size than needed");
    long[2] = 9;
    assert!(open(&key, &sealed(&long)).is_err(), "a length beyond the end");
}

#[test]
fn an_envelope_cannot_be_retyped_or_readdressed() {
    let key = cases::envelopes::envelope_key();
    let call = CallId::from_bytes(counting(1));
    let mut envelope = seal(&key, ClearPart::message(call), b"hello", counting(1)).unwrap();
    assert!(open(&key, &envelope).is_ok());
    envelope.clear = ClearPart::knock(call);
    assert!(matches!(open(&key, &envelope), Err(Error::NotAuthentic)));
    envelope.clear = ClearPart::message(CallId::from_bytes(counting(2)));
    assert!(matches!(open(&key, &envelope), Err(Error::NotAuthentic)));
}

#[test]
fn c_gate_1_a_commit_is_signed_whole_by_the_gate_it_ends() {
    let key = cases::envelopes::envelope_key();
    for (name, clear) in cases::envelopes::clear_parts()
        .into_iter()
        .filter(|(_, c)| c.next_gate.is_some())
    {
        let signed = cases::envelopes::sealed(&key, clear, b"hello", counting(1));
        assert!(verify_commit(&signed, &gate()).is_ok(), "{name}: the honest control");
        let mut of_another_body = cases::envelopes::sealed(&key, signed.clear.clone(), b"other", counting(1));
        of_another_body.clear.gate_signature = signed.clear.gate_signature;
        let next = signed.clear.next_gate.unwrap();
        let changes: [fn(&mut ClearPart); 4] = [
            |c| c.drop.push(TransportId::from_bytes([9; 16])),
            |c| c.to.push(TransportId::from_bytes([9; 16])),
            |c| c.base_seq = Some(40),
            |c| c.next_gate = Some(gate()),
        ];
        let mut forged = vec![of_another_body];
        forged.extend(changes.map(|change| {
            let mut envelope = signed.clone();
            change(&mut envelope.clear);
            envelope
        }));
        for envelope in forged {
            assert!(
                verify_commit(&envelope, &gate()).is_err(),
                "{name}: a changed commit verifies"
            );
        }
        assert!(verify_commit(&signed, &next).is_err(), "{name}: by another gate");
    }
}

#[test]
fn c_gate_2_a_proof_is_for_one_connection_call_sequence_and_gate() {
    let transport = |n: u8| TransportPk::from_bytes(Signer::from_seed(&[n; 32]).public());
    let (call, signer) = (CallId::from_bytes(counting(0x22)), cases::envelopes::gate());
    let (here, elsewhere) = (server("meet.example.org"), server("other.example.org"));
    let context = |server, nonce, transport_pk| ProofContext {
        server,
        server_nonce: nonce,
        transport_pk,
    };
    let (one, two) = (transport(1), transport(2));
    let signature = context(&here, &[1; 32], &one).sign(&call, 42, &signer);
    let verify =
        |c: &ProofContext<'_>, call: &CallId, seq, gate: &GatePk| c.verify(call, seq, gate, &signature).is_ok();
    assert!(
        verify(&context(&here, &[1; 32], &one), &call, 42, &gate()),
        "the honest control"
    );
    let other_gate = GatePk::from_bytes(Signer::from_seed(&[9; 32]).public());
    assert!(
        !verify(&context(&elsewhere, &[1; 32], &one), &call, 42, &gate()),
        "another server"
    );
    assert!(
        !verify(&context(&here, &[2; 32], &one), &call, 42, &gate()),
        "another connection"
    );
    assert!(
        !verify(&context(&here, &[1; 32], &two), &call, 42, &gate()),
        "another tab"
    );
    assert!(
        !verify(
            &context(&here, &[1; 32], &one),
            &CallId::from_bytes([0; 16]),
            42,
            &gate()
        ),
        "another call"
    );
    assert!(
        !verify(&context(&here, &[1; 32], &one), &call, 43, &gate()),
        "another sequence"
    );
    assert!(
        !verify(&context(&here, &[1; 32], &one), &call, 42, &other_gate),
        "another gate"
    );
}
