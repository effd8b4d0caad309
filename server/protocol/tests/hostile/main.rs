//! Hostile bytes: every truncation and every single flipped bit of valid values, and arbitrary bytes. Nothing panics, and what is accepted has
//! exactly one spelling. Round trips of arbitrary values the other way.

#[allow(dead_code, reason = "each test file uses a part")]
#[path = "../cases/mod.rs"]
mod cases;

mod arbitrary;
mod envelopes;
mod sheets;
mod sizes;

use cases::{counting, links::guest_link, roles::moderators_key, rooms::new_room, server};
use conclave_protocol::{
    LinkError,
    admission::verify,
    credential::{Deed, HostCredential, Mandate},
    keys::{AdmissionPk, GatePk},
    link::Link,
    message::{ClientMessage, ServerMessage},
    moderator::ModeratorKey,
    room::RoomRecord,
};

/// Every proper prefix, and every copy with one bit flipped.
fn mutations(valid: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let cut = (0..valid.len()).map(|n| valid[..n].to_vec());
    let flipped = (0..valid.len() * 8).map(|bit| {
        let mut bytes = valid.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    });
    cut.chain(flipped)
}

/// Runs `decode` on all mutations; what it accepts must encode to the very bytes it was given.
fn one_spelling<T>(name: &str, valid: &[u8], decode: impl Fn(&[u8]) -> Option<T>, encode: impl Fn(&T) -> Vec<u8>) {
    assert!(decode(valid).is_some(), "{name}: the valid value is refused");
    for bytes in mutations(valid) {
        if let Some(value) = decode(&bytes) {
            assert!(encode(&value) == bytes, "{name}: two spellings of one value");
        }
    }
}

#[test]
fn messages_survive_every_cut_and_flip() {
    for (name, message) in cases::messages::server_messages() {
        one_spelling(
            name,
            &message.encode(),
            |b| ServerMessage::decode(b).ok(),
            ServerMessage::encode,
        );
    }
    for (name, message) in cases::messages::client_messages() {
        one_spelling(
            name,
            &message.encode(),
            |b| ClientMessage::decode(b).ok(),
            ClientMessage::encode,
        );
    }
}

#[test]
fn records_and_mandates_survive_every_cut_and_flip() {
    one_spelling(
        "record",
        &new_room().record.encode(),
        |b| RoomRecord::decode(b).ok(),
        RoomRecord::encode,
    );
    let (root, mandate) = cases::rooms::mandate();
    let valid = mandate.to_bytes();
    one_spelling("mandate", &valid, |b| Mandate::from_slice(b).ok(), Mandate::to_bytes);
    for bytes in mutations(&valid) {
        let verified = Mandate::from_slice(&bytes).is_ok_and(|m| m.verify(&root.root_pk()).is_ok());
        assert!(!verified, "C-MANDATE-2: a changed mandate still verifies");
    }
}

fn gate() -> GatePk {
    GatePk::from_bytes(cases::envelopes::gate().public())
}

#[test]
fn links_survive_every_cut_and_flip() {
    let url = guest_link().to_url("https://meet.example.org");
    let fragment = url.split_once('#').unwrap().1.to_owned();
    for text in mutations(fragment.as_bytes()).filter_map(|bytes| String::from_utf8(bytes).ok()) {
        // A flip may turn a base64 letter into white space at the end, which is trimmed; then what is left was cut.
        match Link::parse(&text) {
            Ok(_) => panic!("a damaged link was accepted"),
            Err(error) => assert!(error != LinkError::OwnerKey),
        }
    }
    for n in 1..fragment.len() {
        assert!(
            matches!(Link::parse(&fragment[..n]), Err(LinkError::Cut | LinkError::Checksum)),
            "cut at {n}"
        );
    }
    let host = new_room().host_credential.to_text();
    for text in mutations(host.as_bytes()).filter_map(|bytes| String::from_utf8(bytes).ok()) {
        assert!(HostCredential::parse(&text).is_err());
    }
    let deed = new_room().deed.to_text();
    for text in mutations(deed.as_bytes()).filter_map(|bytes| String::from_utf8(bytes).ok()) {
        assert!(Deed::parse(&text).is_err());
    }
    let moderator = moderators_key().to_text();
    for text in mutations(moderator.as_bytes()).filter_map(|bytes| String::from_utf8(bytes).ok()) {
        assert!(ModeratorKey::parse(&text).is_err());
    }
}

#[test]
fn c_admit_1_and_2_every_part_of_an_admission_is_bound() {
    let (context, admission, transport) = cases::rooms::admission_case();
    let key = AdmissionPk::from_bytes(admission.public());
    let (a, t) = context.sign(&admission, &transport);
    assert!(verify(&context, &key, &a, &t).is_ok());
    let changed = |change: &dyn Fn(&mut conclave_protocol::admission::AdmissionContext)| {
        let mut other = context.clone();
        change(&mut other);
        verify(&other, &key, &a, &t).is_err()
    };
    assert!(changed(&|c| c.server = server("other.example.org")));
    assert!(changed(&|c| c.server_nonce[0] ^= 1));
    assert!(changed(&|c| c.client_nonce[31] ^= 1));
    assert!(changed(
        &|c| c.room_id = conclave_protocol::ids::RoomId::from_bytes(counting(0))
    ));
    assert!(changed(
        &|c| c.transport_pk = conclave_protocol::keys::TransportPk::from_bytes(admission.public())
    ));
    let other_key = AdmissionPk::from_bytes(transport.public());
    assert!(verify(&context, &other_key, &a, &t).is_err(), "C-ADMIT-1: another link");
    assert!(
        verify(&context, &key, &a, &a).is_err(),
        "C-ADMIT-2: somebody else's transport key"
    );
    for bytes in mutations(&a).filter(|b| b.len() == 64) {
        assert!(verify(&context, &key, &bytes.try_into().unwrap(), &t).is_err());
    }
}

#[test]
fn c_sig_1_a_small_order_key_verifies_nothing() {
    // The identity point as a key, with R the identity and s = 0: the cofactorless equation holds for every message.
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut signature = [0; 64];
    signature[0] = 1;
    assert!(
        AdmissionPk::from_bytes(identity)
            .verify(b"anything", &signature)
            .is_err()
    );
}
