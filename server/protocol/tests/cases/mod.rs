//! The values behind `tests/vectors/*.json`, built from fixed bytes. The vector test compares them with the files; the example prints them.

pub mod invites;
pub mod manage;
pub mod roles;

use conclave_protocol::{
    LinkError,
    admission::AdmissionContext,
    credential::{Mandate, Role},
    envelope::{ClearPart, Envelope, EnvelopeType, seal},
    gate::{ProofContext, sign_commit},
    ids::{CallId, RoomFp, RoomId, TrackId, TrackKind, TransportId},
    keys::{
        EnvelopeKey, GatePk, LinkKeys, LinkSecret, MandatePk, RootKeys, RootSeed, Signer, TicketSecret, TransportPk,
        psk_id,
    },
    link::{GuestLink, LinkFlags, ServerName, TicketLink},
    manage::{ManagedRoom, RoomChange},
    message::{CallHead, ClientMessage, RefusalCode, ServerMessage, SlotRequest, TrackState},
    room::{Limits, NEW_ROOM_ENTROPY, NewRoom, RoomPlan, make_room},
};
use serde_json::{Value, json};

/// The files, by name without `.json`.
pub const FILES: [&str; 10] = [
    "link",
    "keys",
    "credentials",
    "admission",
    "room",
    "envelope",
    "messages",
    "roles",
    "manage",
    "invites",
];

/// The contents of one file.
pub fn file(name: &str) -> Value {
    match name {
        "link" => link(),
        "keys" => keys(),
        "credentials" => credentials(),
        "admission" => admission(),
        "room" => room(),
        "envelope" => envelope(),
        "messages" => messages(),
        "roles" => roles::roles(),
        "manage" => manage::manage(),
        "invites" => invites::invites(),
        other => panic!("no vector file {other}"),
    }
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

/// `N` bytes counting up from `start`.
pub fn counting<const N: usize>(start: u8) -> [u8; N] {
    std::array::from_fn(|i| start.wrapping_add(i as u8))
}

/// A server name that the test itself wrote.
pub fn server(name: &str) -> ServerName {
    ServerName::parse(name).unwrap()
}

/// A guest link with two servers.
pub fn guest_link() -> GuestLink {
    GuestLink {
        flags: LinkFlags::new(true),
        generation: 3,
        room_fp: RoomFp::from_bytes(counting(0x10)),
        link_secret: LinkSecret::from_bytes(counting(0x40)),
        servers: vec![server("meet.example.org"), server("localhost:8443")],
    }
}

fn link() -> Value {
    let guest = guest_link();
    let url = guest.to_url("https://meet.example.org");
    let ticket = TicketLink {
        flags: LinkFlags::default(),
        server: server("meet.example.org"),
        ticket_secret: TicketSecret::from_bytes(counting(0x80)),
    };
    let fragment = guest.to_fragment();
    let text = fragment.as_str();
    let replaced = |at: usize, with: &str| format!("{}{with}{}", &text[..at], &text[at + with.len()..]);
    let refused = |name: &str, text: String, error: LinkError| json!({ "name": name, "text": text, "error": format!("{error:?}") });
    json!({
        "guest": {
            "url": url.as_str(),
            "flags": guest.flags.bits(),
            "generation": guest.generation,
            "room_fp": hex(guest.room_fp.as_bytes()),
            "link_secret": hex(guest.link_secret.expose()),
            "servers": guest.servers.iter().map(ServerName::as_str).collect::<Vec<_>>(),
        },
        "ticket": {
            "url": ticket.to_url("https://meet.example.org").as_str(),
            "server": ticket.server.as_str(),
            "ticket_secret": hex(ticket.ticket_secret.expose()),
        },
        "refused": [
            refused("empty", String::new(), LinkError::NotALink),
            refused("another page", "https://meet.example.org/about".into(), LinkError::NotALink),
            refused("another page's fragment", "https://meet.example.org/#team".into(), LinkError::Cut),
            refused("final z missing", text[..text.len() - 1].into(), LinkError::Cut),
            refused("cut in the middle", text[..60].into(), LinkError::Cut),
            refused("cut where the text reads z", format!("{}z", &text[..60]), LinkError::Cut),
            refused("one character changed", replaced(40, if &text[40..41] == "A" { "B" } else { "A" }), LinkError::Checksum),
            refused("a character that is none", replaced(40, "*"), LinkError::Checksum),
            refused("unknown version", resummed(text, |b| b[0] = 2), LinkError::UnknownVersion),
            refused("unknown critical flag", resummed(text, |b| b[1] = 0b0000_0100), LinkError::UnknownCriticalFlag),
            refused("no server", resummed(text, |b| { b.truncate(52); b.push(0); }), LinkError::Malformed),
            refused("server not in its one spelling", resummed(text, |b| b[54] = b'M'), LinkError::Malformed),
            refused("bytes behind the last server", resummed(text, |b| b.push(0)), LinkError::Malformed),
            refused("a guest link called a personal invite", format!("i{}", &text[1..]), LinkError::Cut),
            refused("host credential", "conclave-host1:AAAA".into(), LinkError::OwnerKey),
            refused("deed", "conclave-deed1:AAAA".into(), LinkError::OwnerKey),
            refused("moderator's key", "conclave-moderator1:AAAA".into(), LinkError::OwnerKey),
        ],
        // Bits 4 to 7 may be ignored by who does not know them.
        "accepted_with_unknown_flag": resummed(text, |b| b[1] = 0b0100_0001),
        "server_names": {
            "normal": [
                ["Meet.Example.ORG", "meet.example.org"],
                ["meet.example.org:443", "meet.example.org"],
                ["localhost:8443", "localhost:8443"],
                ["192.0.2.7:80", "192.0.2.7:80"],
                ["[2001:DB8:0:0::1]:443", "[2001:db8::1]"],
                ["[2001:db8::1]:8443", "[2001:db8::1]:8443"],
                ["xn--bcher-kva.example", "xn--bcher-kva.example"],
            ],
            "refused": [
                "", ".", "a..b", "example.org.", "-a.example", "a-.example", "exa_mple.org", "bücher.example", "https://example.org", "example.org/",
                "user@example.org", "example.org:", "example.org:0", "example.org:080", "example.org:65536", "example.org:+80", "127.1", "1.2.3.256",
                "01.2.3.4", "0x7f.1", "a.0x7f", "2001:db8::1", "[2001:db8::1", "[fe80::1%eth0]", "[::ffff:192.0.2.7]", "[192.0.2.7]",
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example",
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaa.example.org",
            ],
        },
    })
}

/// A fragment with its bytes changed and the checksum made right again: what a link maker could write, but a slip could not.
fn resummed(fragment: &str, change: impl Fn(&mut Vec<u8>)) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use sha2::{Digest, Sha256};
    let body = fragment[1..].strip_suffix('z').unwrap();
    let mut bytes = URL_SAFE_NO_PAD.decode(body).unwrap();
    bytes.truncate(bytes.len() - 4);
    change(&mut bytes);
    let sum = Sha256::new()
        .chain_update(b"conclave v1 link")
        .chain_update(&fragment.as_bytes()[..1])
        .chain_update(&bytes)
        .finalize();
    bytes.extend(&sum[..4]);
    format!("{}{}z", &fragment[..1], URL_SAFE_NO_PAD.encode(bytes))
}

fn keys() -> Value {
    let secret = LinkSecret::from_bytes(counting(0x40));
    let keys = LinkKeys::derive(&secret);
    let root = RootKeys::derive(&RootSeed::from_bytes(counting(0xa0)));
    let room_fp = RoomFp::of(&root.root_pk());
    let per_server = |name: &str| {
        let server = server(name);
        json!({
            "server": name,
            "admission_seed": hex(keys.admission_seed(&server).as_slice()),
            "admission_pk": hex(keys.admission(&server).public()),
            "manage_pk": hex(root.manage_secret().manage(&server).public()),
            "room_id": hex(RoomId::of(&room_fp, &server).as_bytes()),
        })
    };
    let transport = TransportPk::from_bytes(Signer::from_seed(&counting(0xc0)).public());
    json!({
        "link_secret": hex(secret.expose()),
        "psk": hex(keys.psk().expose()),
        "psk_id_generation_3": hex(psk_id(&room_fp, 3)),
        "envelope": hex(keys.envelope().expose()),
        "sheet": hex(keys.sheet().expose()),
        "root_seed": hex(counting::<32>(0xa0)),
        "root_pk": hex(root.root_pk().as_bytes()),
        "room_fp": hex(room_fp.as_bytes()),
        "manage_secret": hex(root.manage_secret().expose()),
        "servers": [per_server("meet.example.org"), per_server("localhost:8443")],
        "transport_seed": hex(counting::<32>(0xc0)),
        "transport_pk": hex(transport.as_bytes()),
        "transport_id": hex(TransportId::of(&transport).as_bytes()),
    })
}

/// A room made from fixed bytes.
pub fn new_room() -> NewRoom {
    let plan = RoomPlan {
        server: server("localhost:8443"),
        title: "Tuesday round".into(),
        day_made: 20_779,
        day_expires: 20_869,
        limits: Limits::default(),
        operator_keys: true,
    };
    make_room(&counting::<NEW_ROOM_ENTROPY>(0x01), &plan).unwrap()
}

/// A moderator's mandate.
pub fn mandate() -> (RootKeys, Mandate) {
    let root = RootKeys::derive(&RootSeed::from_bytes(counting(0xa0)));
    let pk = MandatePk::from_bytes(Signer::from_seed(&counting(0xb0)).public());
    let room_fp = RoomFp::of(&root.root_pk());
    let mandate = Mandate::sign(&root.sign(), room_fp, Role::Moderator, 7, 20_869, pk);
    (root, mandate)
}

fn credentials() -> Value {
    let room = new_room();
    let (root, mandate) = mandate();
    json!({
        "deed": { "text": room.deed.to_text().as_str(), "root_seed": hex(room.deed.0.expose()) },
        "host_credential": {
            "text": room.host_credential.to_text().as_str(),
            "guest_url": room.guest_link.to_url("http://localhost:8443").as_str(),
            "mandate": hex(room.host_credential.mandate.to_bytes()),
            "mandate_seed": hex(room.host_credential.mandate_seed.expose()),
            "manage_secret": hex(room.host_credential.manage_secret.expose()),
        },
        "mandate": { "root_pk": hex(root.root_pk().as_bytes()), "role": 2, "serial": 7, "not_after_day": 20_869, "bytes": hex(mandate.to_bytes()) },
    })
}

/// An admission to `room` of [`keys`], with its two signers.
pub fn admission_case() -> (AdmissionContext, Signer, Signer) {
    let server = server("meet.example.org");
    let transport = Signer::from_seed(&counting(0xc0));
    let context = AdmissionContext {
        room_id: RoomId::from_bytes(counting(0x33)),
        server_nonce: counting(0x50),
        client_nonce: counting(0x70),
        transport_pk: TransportPk::from_bytes(transport.public()),
        server: server.clone(),
    };
    let admission = LinkKeys::derive(&LinkSecret::from_bytes(counting(0x40))).admission(&server);
    (context, admission, transport)
}

fn admission() -> Value {
    let (context, admission, transport) = admission_case();
    let (sig_admission, sig_transport) = context.sign(&admission, &transport);
    json!({
        "server": context.server.as_str(),
        "room_id": hex(context.room_id.as_bytes()),
        "server_nonce": hex(context.server_nonce),
        "client_nonce": hex(context.client_nonce),
        "transport_pk": hex(context.transport_pk.as_bytes()),
        "admission_pk": hex(admission.public()),
        "admission_bytes": hex(context.admission_bytes()),
        "transport_bytes": hex(context.transport_bytes()),
        "sig_admission": hex(sig_admission),
        "sig_transport": hex(sig_transport),
    })
}

fn room() -> Value {
    let room = new_room();
    json!({
        "entropy": hex(counting::<NEW_ROOM_ENTROPY>(0x01)),
        "server": "localhost:8443",
        "title": "Tuesday round",
        "day_made": room.record.day_made,
        "day_expires": room.record.day_expires,
        "guest_url": room.guest_link.to_url("http://localhost:8443").as_str(),
        "room_id": hex(room.record.room_id.as_bytes()),
        "record": hex(room.record.encode()),
    })
}

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

fn envelope() -> Value {
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

fn track(n: u8, kind: TrackKind) -> TrackId {
    TrackId {
        transport: TransportId::from_bytes(counting(n)),
        kind,
    }
}

/// One of each message of the server, and the variants with optional parts.
pub fn server_messages() -> Vec<(&'static str, ServerMessage)> {
    let call_id = CallId::from_bytes(counting(0x22));
    let refused = |code, retry_after_ms, head_seq| ServerMessage::Refused {
        re: 35,
        code,
        retry_after_ms,
        head_seq,
    };
    vec![
        (
            "challenge",
            ServerMessage::Challenge {
                server_nonce: counting(0x50),
            },
        ),
        (
            "admitted",
            ServerMessage::Admitted {
                limits: Limits::default(),
                sheet: new_room().record.sheet,
                calls: vec![
                    CallHead {
                        call_id,
                        head_seq: 9,
                        card: Some(vec![1, 2, 3]),
                    },
                    CallHead {
                        call_id: CallId::from_bytes(counting(0x23)),
                        head_seq: 0,
                        card: None,
                    },
                ],
            },
        ),
        (
            "admitted to an empty room",
            ServerMessage::Admitted {
                limits: Limits::default(),
                sheet: new_room().record.sheet,
                calls: Vec::new(),
            },
        ),
        (
            "notice",
            ServerMessage::Notice {
                call_id,
                seq: 10,
                drop: true,
            },
        ),
        (
            "envelope with sequence",
            ServerMessage::EnvelopeIn {
                seq: Some(10),
                envelope: vec![4, 5, 6],
            },
        ),
        (
            "envelope",
            ServerMessage::EnvelopeIn {
                seq: None,
                envelope: vec![4, 5, 6],
            },
        ),
        (
            "chunk",
            ServerMessage::Chunk {
                id: 1,
                n: 2,
                last: false,
                data: vec![7; 4],
            },
        ),
        ("answer", ServerMessage::Answer { sdp: "v=0\r\n".into() }),
        (
            "tracks",
            ServerMessage::Tracks {
                tracks: vec![
                    TrackState {
                        track: track(1, TrackKind::Microphone),
                        on: true,
                    },
                    TrackState {
                        track: track(1, TrackKind::Camera),
                        on: false,
                    },
                ],
            },
        ),
        ("no tracks", ServerMessage::Tracks { tracks: Vec::new() }),
        (
            "assigned",
            ServerMessage::Assigned {
                mid: "12".into(),
                track: Some(track(1, TrackKind::Screen)),
            },
        ),
        (
            "assigned nothing",
            ServerMessage::Assigned {
                mid: "12".into(),
                track: None,
            },
        ),
        ("refused", refused(RefusalCode::NotAttached, None, None)),
        ("refused for now", refused(RefusalCode::RateLimited, Some(500), None)),
        ("refused as stale", refused(RefusalCode::StaleSequence, None, Some(11))),
        ("pong", ServerMessage::Pong { n: 7 }),
        (
            "relay",
            ServerMessage::Relay {
                username: "AbCdEfGhIjKlMnOp".into(),
                password: "0123456789abcdefghijklmnopqrstuv".into(),
            },
        ),
        (
            "managed",
            ServerMessage::Managed {
                room: Some(ManagedRoom {
                    record: new_room().record,
                    limits: Limits::default(),
                    last_day: 20_869,
                    latest_day: 24_429,
                }),
            },
        ),
        ("managed: gone", ServerMessage::Managed { room: None }),
        ("rights", ServerMessage::Rights { call_id, on: true }),
    ]
}

/// One of each message of the client, and the variants with optional parts.
pub fn client_messages() -> Vec<(&'static str, ClientMessage)> {
    let slot = |mid: &str, track, layer| SlotRequest {
        mid: mid.into(),
        track,
        layer,
    };
    vec![
        (
            "hello",
            ClientMessage::Hello {
                room_id: RoomId::from_bytes(counting(0x33)),
                client_nonce: counting(0x70),
                transport_pk: TransportPk::from_bytes(counting(0x05)),
            },
        ),
        (
            "admit",
            ClientMessage::Admit {
                sig_admission: counting(0x01),
                sig_transport: counting(0x41),
            },
        ),
        (
            "attach",
            ClientMessage::Attach {
                call_id: CallId::from_bytes(counting(0x22)),
                have_seq: 300,
            },
        ),
        ("submission of one", ClientMessage::submission([vec![1, 2]])),
        ("submission of two", ClientMessage::submission([vec![1, 2], vec![3]])),
        (
            "chunk",
            ClientMessage::Chunk {
                id: 70_000,
                n: 0,
                last: true,
                data: vec![7; 4],
            },
        ),
        ("offer", ClientMessage::Offer { sdp: "v=0\r\n".into() }),
        (
            "publish",
            ClientMessage::Publish {
                mid: "0".into(),
                kind: TrackKind::ScreenAudio,
                on: true,
            },
        ),
        (
            "slots",
            ClientMessage::Slots {
                slots: vec![slot("4", Some(track(9, TrackKind::Camera)), 8), slot("5", None, 0)],
            },
        ),
        ("bye", ClientMessage::Bye {}),
        ("ping", ClientMessage::Ping { n: 7 }),
        (
            "register",
            ClientMessage::Register {
                ticket: manage::ticket(),
                record: new_room().record,
                signature: counting(0x01),
            },
        ),
        ("manage: read", managing(RoomChange::Read {})),
        (
            "manage: replace",
            managing(RoomChange::Replace {
                base: counting(0x60),
                record: new_room().record,
            }),
        ),
        ("manage: delete", managing(RoomChange::Delete {})),
        (
            "prove",
            ClientMessage::Prove {
                call_id: CallId::from_bytes(counting(0x22)),
                seq: 42,
                gate: GatePk::from_bytes(gate().public()),
                signature: gate_proof(),
            },
        ),
    ]
}

fn managing(change: RoomChange) -> ClientMessage {
    ClientMessage::Manage {
        room_id: RoomId::from_bytes(counting(0x33)),
        change,
        signature: counting(0x01),
    }
}

/// Spellings that a lenient reader would take: none is the one encoding of a value.
pub fn not_canonical() -> Vec<(&'static str, &'static str)> {
    vec![
        ("an unknown type", "82182ba0"),
        ("an unknown key", "821829a200070100"),
        ("a key twice", "821829a200070007"),
        ("a missing key", "821829a0"),
        ("a long integer", "821829a1001807"),
        ("a long type number", "82190029a10007"),
        ("an indefinite map", "821829bf0007ff"),
        ("an indefinite array", "9f1829a10007ff"),
        ("a trailing byte", "821829a1000700"),
        ("a third element", "831829a1000700"),
        ("a tag", "c6821829a10007"),
        ("text for a number", "821829a1006137"),
        ("a number for a map", "82182907"),
        ("an empty submission", "821823a10080"),
        ("keys out of order", "821826a302f501000061 30"),
        ("null for an absent value", "82182681f6"),
    ]
}

fn messages() -> Value {
    json!({
        "server": server_messages().iter().map(|(name, m)| json!({ "name": name, "bytes": hex(m.encode()) })).collect::<Vec<_>>(),
        "client": client_messages().iter().map(|(name, m)| json!({ "name": name, "bytes": hex(m.encode()) })).collect::<Vec<_>>(),
        "refused_from_client": not_canonical().iter().map(|(name, bytes)| json!({ "name": name, "bytes": bytes.replace(' ', "") })).collect::<Vec<_>>(),
        "refusal_codes": RefusalCode::ALL.iter().map(|code| json!([format!("{code:?}"), code.number(), code.close_code()])).collect::<Vec<_>>(),
    })
}
