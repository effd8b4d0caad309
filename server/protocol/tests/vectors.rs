//! The same bytes as everyone: `tests/vectors/*.json` against this crate, in both directions.

#[allow(dead_code, reason = "each test file uses a part")]
mod cases;

use cases::{FILES, counting, file, server};
use conclave_protocol::{
    admission::verify,
    credential::{Deed, HostCredential, Mandate, Role},
    envelope::{ClearPart, Envelope, open, padded_len},
    gate::verify_commit,
    keys::{AdmissionPk, EnvelopeKey, GatePk, LinkKeys, ManagePk, Signer},
    link::{GuestLink, Link, ServerName, TicketLink},
    manage::{Replacement, record_hash, verify_change, verify_registration, verify_replacement},
    message::{ClientMessage, ServerMessage},
    moderator::ModeratorKey,
    room::RoomRecord,
    sheet,
};
use serde_json::Value;

fn stored(name: &str) -> Value {
    let text = match name {
        "link" => include_str!("../../../tests/vectors/link.json"),
        "keys" => include_str!("../../../tests/vectors/keys.json"),
        "credentials" => include_str!("../../../tests/vectors/credentials.json"),
        "admission" => include_str!("../../../tests/vectors/admission.json"),
        "room" => include_str!("../../../tests/vectors/room.json"),
        "envelope" => include_str!("../../../tests/vectors/envelope.json"),
        "messages" => include_str!("../../../tests/vectors/messages.json"),
        "roles" => include_str!("../../../tests/vectors/roles.json"),
        "manage" => include_str!("../../../tests/vectors/manage.json"),
        "invites" => include_str!("../../../tests/vectors/invites.json"),
        other => panic!("no vector file {other}"),
    };
    serde_json::from_str(text).unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no text {key}"))
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().unwrap_or_else(|| panic!("no list {key}"))
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
        .collect()
}

fn bytes(value: &Value, key: &str) -> Vec<u8> {
    unhex(text(value, key))
}

#[test]
fn moderators_keys() {
    let v = &file("roles")["moderators_key"];
    let key = ModeratorKey::parse(text(v, "text")).unwrap();
    assert!(key.guest == GuestLink::parse(text(v, "guest_url")).unwrap());
    assert!(key.mandate.to_bytes() == bytes(v, "mandate"));
    assert!(key.mandate_seed.expose().as_slice() == bytes(v, "mandate_seed"));
    assert_eq!(v["serial"].as_u64(), Some(u64::from(key.mandate.serial)));
    assert_eq!(key.mandate.role, Role::Moderator);
    assert!(
        key.mandate
            .verify(&cases::roles::authority(Role::Host).1.root_pk)
            .is_ok()
    );
    assert!(key.to_text().as_str() == text(v, "text"));
}

#[test]
fn what_the_code_writes_is_what_the_files_say() {
    for name in FILES {
        assert!(
            file(name) == stored(name),
            "{name}.json no longer says what the code writes"
        );
    }
}

#[test]
fn links_read_as_the_file_says() {
    let v = stored("link");
    let guest = GuestLink::parse(text(&v["guest"], "url")).unwrap();
    assert!(guest == cases::links::guest_link());
    assert!(guest.flags.operator_keys());
    // The bare fragment, with and without its sign, and white space from a mail.
    let (_, fragment) = text(&v["guest"], "url").split_once('#').unwrap();
    for spelling in [
        fragment.to_owned(),
        format!("#{fragment}"),
        format!("  #{fragment}\r\n"),
    ] {
        assert!(GuestLink::parse(&spelling).is_ok_and(|link| link == guest));
    }
    let ticket = TicketLink::parse(text(&v["ticket"], "url")).unwrap();
    assert!(ticket.ticket_secret.expose() == &counting::<32>(0x80));
    assert!(
        GuestLink::parse(text(&v["ticket"], "url")).is_err(),
        "a ticket is no guest link"
    );

    for case in list(&v, "refused") {
        let error = Link::parse(text(case, "text"))
            .err()
            .unwrap_or_else(|| panic!("{} was accepted", case["name"]));
        assert_eq!(format!("{error:?}"), text(case, "error"), "{}", case["name"]);
    }
    let with_flag = GuestLink::parse(text(&v, "accepted_with_unknown_flag")).unwrap();
    assert_eq!(with_flag.flags.bits(), 0b0100_0001);
    assert_eq!(
        with_flag.to_fragment().as_str(),
        text(&v, "accepted_with_unknown_flag"),
        "an ignorable flag survives"
    );
}

#[test]
fn server_names_have_one_spelling() {
    let v = stored("link");
    for pair in list(&v["server_names"], "normal") {
        let (from, to) = (pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
        assert_eq!(
            ServerName::parse(from).map(|n| n.as_str().to_owned()),
            Ok(to.to_owned()),
            "{from}"
        );
        assert_eq!(ServerName::parse_exact(from.as_bytes()).is_ok(), from == to, "{from}");
    }
    for name in list(&v["server_names"], "refused") {
        assert!(
            ServerName::parse(name.as_str().unwrap()).is_err(),
            "{name} was accepted"
        );
    }
}

#[test]
fn credentials_read_as_the_file_says() {
    let v = stored("credentials");
    let deed = Deed::parse(text(&v["deed"], "text")).unwrap();
    assert!(deed.0.expose().as_slice() == bytes(&v["deed"], "root_seed"));
    let host = HostCredential::parse(text(&v["host_credential"], "text")).unwrap();
    assert!(host.guest == GuestLink::parse(text(&v["host_credential"], "guest_url")).unwrap());
    assert!(host.mandate.to_bytes() == bytes(&v["host_credential"], "mandate"));
    let root = conclave_protocol::keys::RootKeys::derive(&deed.0).root_pk();
    assert!(host.mandate.verify(&root).is_ok());
    assert!(host.to_text().as_str() == text(&v["host_credential"], "text"));

    let mandate = Mandate::from_slice(&bytes(&v["mandate"], "bytes")).unwrap();
    assert!(
        mandate.verify(&root).is_err(),
        "C-MANDATE-2: another root did not sign it"
    );
    assert!(mandate.verify(&cases::rooms::mandate().0.root_pk()).is_ok());
}

#[test]
fn the_admission_verifies_as_the_file_says() {
    let v = stored("admission");
    let (context, ..) = cases::rooms::admission_case();
    let key = AdmissionPk::from_bytes(bytes(&v, "admission_pk").try_into().unwrap());
    let signature = |key| bytes(&v, key).try_into().unwrap();
    assert!(verify(&context, &key, &signature("sig_admission"), &signature("sig_transport")).is_ok());
    assert!(context.admission_bytes() == bytes(&v, "admission_bytes"));
}

#[test]
fn the_room_record_reads_as_the_file_says() {
    let v = stored("room");
    let record = RoomRecord::decode(&bytes(&v, "record")).unwrap();
    let link = GuestLink::parse(text(&v, "guest_url")).unwrap();
    let keys = LinkKeys::derive(&link.link_secret);
    let sheet = sheet::open(
        &keys,
        &link.room_fp,
        &server("localhost:8443"),
        &record.limits,
        &record.sheet,
    )
    .unwrap();
    assert_eq!(sheet.title, text(&v, "title"));
    assert!(sheet.record.admission_pk == record.admission_pk && sheet.record.manage_pk == record.manage_pk);
    assert!(sheet.mandate().is_ok_and(|mandate| mandate.is_none()));
}

#[test]
fn envelopes_open_as_the_file_says() {
    let v = stored("envelope");
    let key = EnvelopeKey::from_bytes(bytes(&v, "key").try_into().unwrap());
    for (case, (name, clear)) in list(&v, "envelopes").iter().zip(cases::envelopes::clear_parts()) {
        let envelope = Envelope::decode(&bytes(case, "envelope")).unwrap();
        let signed = envelope.clear.clone();
        assert!(
            ClearPart::decode(&bytes(case, "clear")).is_ok_and(|c| c == signed),
            "{name}"
        );
        let mut unsigned = signed;
        unsigned.gate_signature = None;
        assert!(unsigned == clear, "{name}");
        if clear.next_gate.is_some() {
            let seed: [u8; 32] = bytes(&v, "gate_seed").try_into().unwrap();
            let gate = GatePk::from_bytes(Signer::from_seed(&seed).public());
            assert!(verify_commit(&envelope, &gate).is_ok(), "{name}");
        }
        assert!(open(&key, &envelope).unwrap() == bytes(case, "body"), "{name}");
    }
    for pair in list(&v, "padded_len") {
        assert_eq!(
            padded_len(pair[0].as_u64().unwrap() as usize).map(|n| n as u64),
            pair[1].as_u64()
        );
    }
}

#[test]
fn messages_read_as_the_file_says() {
    let v = stored("messages");
    for (case, (name, message)) in list(&v, "server").iter().zip(cases::messages::server_messages()) {
        assert!(
            ServerMessage::decode(&bytes(case, "bytes")).is_ok_and(|m| m == message),
            "{name}"
        );
    }
    for (case, (name, message)) in list(&v, "client").iter().zip(cases::messages::client_messages()) {
        let read = ClientMessage::decode(&bytes(case, "bytes")).unwrap_or_else(|_| panic!("{name}"));
        assert!(read == message, "{name}");
        assert_eq!(bytes(case, "bytes")[1..3], [0x18, message.number()], "{name}");
    }
}

#[test]
fn requests_of_owners_verify_as_the_file_says() {
    let v = stored("manage");
    let nonce: [u8; 32] = bytes(&v, "server_nonce").try_into().unwrap();
    let name = server(text(&v, "server"));
    let key = ManagePk::from_bytes(bytes(&v, "manage_pk").try_into().unwrap());
    let signature = |of: &Value, key: &str| bytes(of, key).try_into().unwrap();
    let record = cases::rooms::new_room().record;
    let id = record.room_id;
    let registration = verify_registration(
        &name,
        &nonce,
        &cases::manage::ticket(),
        record,
        &signature(&v, "registration"),
    );
    let (hash, _) = registration.unwrap().into_parts();
    assert!(hash.as_bytes().as_slice() == bytes(&v, "ticket_hash"));
    for (case, (what, change)) in list(&v, "changes").iter().zip(cases::manage::changes()) {
        assert!(
            verify_change(&name, &nonce, &key, id, change, &signature(case, "signature")).is_ok(),
            "{what}"
        );
    }
    let replacement = Replacement {
        base: record_hash(&cases::rooms::new_room().record),
        record: RoomRecord::decode(&bytes(&v["rotated"], "record")).unwrap(),
        signature: signature(&v["rotated"], "replacement_signature"),
    };
    assert!(verify_replacement(&name, &key, replacement).is_ok());
}

#[test]
fn c_cbor_1_a_second_spelling_is_refused() {
    for case in list(&stored("messages"), "refused_from_client") {
        assert!(
            ClientMessage::decode(&bytes(case, "bytes")).is_err(),
            "{} was accepted",
            case["name"]
        );
    }
    // The positive control: the plain ping, of which most of them are variants.
    assert!(ClientMessage::decode(&unhex("821829a10007")).is_ok());
}
