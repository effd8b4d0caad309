//! One attack for each rule about the gate; see [`super::checks`] and [`super::attacks`].

use conclave_protocol::envelope::{ClearPart, Envelope, seal};
use conclave_protocol::gate::sign_commit;
use conclave_protocol::keys::{EnvelopeKey, GatePk, Signer};

use super::attacks::package;
use super::checks::off::stopped_by;
use super::commit::{Incoming, OwnCommit};
use super::tests::{add, call, identity, keyring, plan};
use super::*;

/// The judge, and the attacker's commit of an Add.
fn judged() -> (Group, Group, OwnCommit) {
    let mut a = keyring(1).found(identity(1), call()).unwrap();
    let mut mallory = add(&mut a, &mut [], 2, 1, 0).unwrap();
    let own = mallory
        .commit(plan(vec![package(&identity(3))], Vec::new()), 1, [9; 24])
        .unwrap();
    (a, mallory, own)
}

fn shown(own: &OwnCommit) -> ClearPart {
    ClearPart::commit(call(), 1, own.drop.clone(), own.added.clone(), own.next_gate)
}

fn envelope(own: &OwnCommit, clear: ClearPart, gate: &Signer) -> Envelope {
    let mut envelope = seal(&EnvelopeKey::from_bytes([1; 32]), clear, &own.commit, [1; 24]).unwrap();
    sign_commit(&mut envelope, gate);
    envelope
}

fn taken(judge: &mut Group, own: &OwnCommit, envelope: &Envelope) -> bool {
    match judge.read_envelope(&own.commit, 1, envelope) {
        Incoming::Valid(verified) => judge.merge(*verified).is_ok(),
        _ => false,
    }
}

#[test]
fn what_is_shown_as_it_is_counts_and_all_derive_one_gate() {
    let (mut a, mut mallory, own) = judged();
    let gate = mallory.gate().unwrap();
    assert!(gate.public() == a.gate().unwrap().public(), "two gates in one epoch");
    let envelope = envelope(&own, shown(&own), &gate);
    assert!(taken(&mut a, &own, &envelope));
    mallory.merge_own().unwrap();
    let next = a.gate().unwrap();
    assert!(next.public() == mallory.gate().unwrap().public());
    assert!(
        own.next_gate == GatePk::from_bytes(next.public()),
        "not the gate that was announced"
    );
    assert!(next.public() != gate.public(), "two epochs with one gate");
}

#[test]
fn mem_080_a_commit_that_announces_another_gate_is_void() {
    let another = GatePk::from_bytes(Signer::from_seed(&[7; 32]).public());
    for gate in [Some(another), None] {
        stopped_by(PolicyFault::NextGate, || {
            let (mut a, mallory, own) = judged();
            let mut clear = shown(&own);
            clear.next_gate = gate;
            let envelope = envelope(&own, clear, &mallory.gate().unwrap());
            taken(&mut a, &own, &envelope)
        });
    }
}

#[test]
fn mem_081_a_commit_that_shows_the_server_other_newcomers_is_void() {
    let (stranger, newcomer) = (TransportId::from_bytes([7; 16]), identity(3).data.transport_id);
    for friends in [vec![], vec![stranger], sorted(vec![stranger, newcomer])] {
        stopped_by(PolicyFault::ShownAdded, || {
            let (mut a, mallory, own) = judged();
            let mut clear = shown(&own);
            clear.to = friends.clone();
            let envelope = envelope(&own, clear, &mallory.gate().unwrap());
            taken(&mut a, &own, &envelope)
        });
    }
}

#[test]
fn mem_082_a_commit_that_the_epochs_gate_did_not_sign_is_void() {
    stopped_by(PolicyFault::GateSignature, || {
        let (mut a, _, own) = judged();
        let envelope = envelope(&own, shown(&own), &Signer::from_seed(&[7; 32]));
        taken(&mut a, &own, &envelope)
    });
}
