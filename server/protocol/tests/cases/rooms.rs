//! A room and what belongs to it: derived keys, credentials, an admission, the record.

use conclave_protocol::{
    admission::AdmissionContext,
    credential::{Mandate, Role},
    ids::{RoomFp, RoomId, TransportId},
    keys::{LinkKeys, LinkSecret, MandatePk, RootKeys, RootSeed, Signer, TransportPk, psk_id},
    room::{Limits, NEW_ROOM_ENTROPY, NewRoom, RoomPlan, make_room},
};
use serde_json::{Value, json};

use super::{counting, hex, server};

pub fn keys() -> Value {
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

pub fn credentials() -> Value {
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

pub fn admission() -> Value {
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

pub fn room() -> Value {
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
