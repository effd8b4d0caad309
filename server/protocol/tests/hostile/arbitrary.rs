//! Arbitrary values there and back, and arbitrary bytes and text.

use conclave_protocol::{
    chunk::{Inbox, split},
    credential::HostCredential,
    envelope::{ClearPart, Envelope, open, padded_len, seal},
    ids::{CallId, RoomFp},
    keys::{EnvelopeKey, LinkSecret},
    limits::MAX_FRAME,
    link::{GuestLink, Link, LinkFlags, ServerName},
    message::{ClientMessage, ServerMessage},
    moderator::ModeratorKey,
    room::RoomRecord,
};
use proptest::prelude::*;

use super::cases::server;

fn any_server() -> impl Strategy<Value = String> {
    ("[a-z][a-z0-9]{0,10}(\\.[a-z]{2,8}){0,2}", prop::option::of(1_u16..)).prop_map(|(host, port)| match port {
        Some(port) if port != 443 => format!("{host}:{port}"),
        _ => host,
    })
}

proptest! {
    #[test]
    fn any_guest_link_comes_back(
        flags in any::<bool>(), generation: u16, room: [u8; 16], secret: [u8; 32],
        names in prop::collection::btree_set(any_server(), 1..=4),
    ) {
        let link = GuestLink {
            flags: LinkFlags::new(flags),
            generation,
            room_fp: RoomFp::from_bytes(room),
            link_secret: LinkSecret::from_bytes(secret),
            servers: names.iter().map(|n| server(n)).collect(),
        };
        let read = GuestLink::parse(&link.to_url("https://a.example"));
        prop_assert!(read.is_ok_and(|read| read == link));
    }

    #[test]
    fn any_body_is_sealed_and_opened(body in prop::collection::vec(any::<u8>(), 0..5_000), key: [u8; 32], nonce: [u8; 24]) {
        let key = EnvelopeKey::from_bytes(key);
        let envelope = seal(&key, ClearPart::message(CallId::from_bytes([1; 16])), &body, nonce).unwrap();
        prop_assert_eq!(envelope.sealed.len(), padded_len(body.len()).unwrap() + 40);
        prop_assert!(open(&key, &Envelope::decode(&envelope.encode()).unwrap()).unwrap() == body);
    }

    #[test]
    fn any_long_message_is_joined_again(len in 0_usize..200_000, id: u32) {
        let message = ServerMessage::EnvelopeIn { seq: Some(1), envelope: vec![3; len] };
        let mut inbox = Inbox::new();
        let mut joined = Vec::new();
        for frame in split::<ServerMessage>(message.encode(), id) {
            prop_assert!(frame.len() <= MAX_FRAME);
            joined.extend(inbox.accept::<ServerMessage>(&frame).unwrap());
        }
        prop_assert_eq!(joined.len(), 1);
        prop_assert!(joined[0] == message);
    }

    #[test]
    fn arbitrary_bytes_have_one_spelling_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(m) = ClientMessage::decode(&bytes) { prop_assert!(m.encode() == bytes) }
        if let Ok(m) = ServerMessage::decode(&bytes) { prop_assert!(m.encode() == bytes) }
        if let Ok(e) = Envelope::decode(&bytes) { prop_assert!(e.encode() == bytes) }
        if let Ok(c) = ClearPart::decode(&bytes) { prop_assert!(c.encode() == bytes) }
        prop_assert!(RoomRecord::decode(&bytes).is_err());
    }

    #[test]
    fn arbitrary_text_is_no_link(text in "\\PC{0,80}") {
        prop_assert!(Link::parse(&text).is_err());
        prop_assert!(HostCredential::parse(&text).is_err());
        prop_assert!(ModeratorKey::parse(&text).is_err());
    }

    #[test]
    fn a_server_name_stays_what_it_is(text in "[a-zA-Z0-9.:\\[\\]-]{0,40}") {
        if let Ok(name) = ServerName::parse(&text) {
            prop_assert!(ServerName::parse(name.as_str()).is_ok_and(|again| again == name));
            prop_assert!(ServerName::parse_exact(name.as_str().as_bytes()).is_ok());
        }
    }
}
