//! Every message of both sides, and spellings that a lenient reader would take.

use conclave_protocol::{
    ids::{CallId, RoomId, TrackId, TrackKind, TransportId},
    keys::{GatePk, TransportPk},
    manage::{ManagedRoom, RoomChange},
    message::{CallHead, ClientMessage, RefusalCode, ServerMessage, SlotRequest, TrackState},
    room::Limits,
};
use serde_json::{Value, json};

use super::{
    counting,
    envelopes::{gate, gate_proof},
    hex, manage,
    rooms::new_room,
};

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
            "replace",
            ClientMessage::Replace {
                replacement: manage::replacement(),
            },
        ),
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

pub fn messages() -> Value {
    json!({
        "server": server_messages().iter().map(|(name, m)| json!({ "name": name, "bytes": hex(m.encode()) })).collect::<Vec<_>>(),
        "client": client_messages().iter().map(|(name, m)| json!({ "name": name, "bytes": hex(m.encode()) })).collect::<Vec<_>>(),
        "refused_from_client": not_canonical().iter().map(|(name, bytes)| json!({ "name": name, "bytes": bytes.replace(' ', "") })).collect::<Vec<_>>(),
        "refusal_codes": RefusalCode::ALL.iter().map(|code| json!([format!("{code:?}"), code.number(), code.close_code()])).collect::<Vec<_>>(),
    })
}
