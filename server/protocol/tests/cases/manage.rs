//! Registrations, changes and what an owner makes of a room, from fixed bytes.

use conclave_protocol::{
    ids::RoomId,
    keys::{ManagePk, Signer, TicketSecret},
    manage::{Replacement, RoomChange, TicketHash, record_hash, sign_change, sign_registration, sign_replacement},
    owner::{ROTATE_ENTROPY, Rotated, Terms, open_record, reissue, rotate},
    room::RoomRecord,
    server_name::ServerName,
};
use serde_json::{Value, json};

use super::{counting, hex, rooms::new_room, server};

/// The ticket of the vectors.
pub fn ticket() -> TicketSecret {
    TicketSecret::from_bytes(counting(0x80))
}

/// The server, and the manage key of [`new_room`] there.
pub fn manager() -> (ServerName, Signer) {
    let server = server("localhost:8443");
    let key = new_room().host_credential.manage_secret.manage(&server);
    (server, key)
}

/// [`new_room`] with another title and one day more.
pub fn changed() -> RoomRecord {
    let room = new_room();
    let (server, _) = manager();
    let sheet = open_record(&room.host_credential, &server, &room.record).unwrap();
    let terms = Terms {
        title: "Wednesday round".into(),
        day_expires: sheet.record.day_expires + 1,
        ..Terms::of(&sheet)
    };
    reissue(&room.host_credential, &server, &room.record, &terms, counting(0x90)).unwrap()
}

/// [`new_room`] with another link.
pub fn rotated() -> Rotated {
    let room = new_room();
    let (server, _) = manager();
    rotate(
        &room.host_credential,
        &server,
        &room.record,
        &counting::<ROTATE_ENTROPY>(0x11),
    )
    .unwrap()
}

/// [`rotated`], signed for whoever may bring it.
pub fn replacement() -> Replacement {
    let (server, key) = manager();
    let base = record_hash(&new_room().record);
    sign_replacement(&key, &server, base, rotated().record)
}

/// One of each change.
pub fn changes() -> Vec<(&'static str, RoomChange)> {
    let base = record_hash(&new_room().record);
    vec![
        ("read", RoomChange::Read {}),
        (
            "replace",
            RoomChange::Replace {
                base,
                record: changed(),
            },
        ),
        ("delete", RoomChange::Delete {}),
    ]
}

/// The contents of the file.
pub fn manage() -> Value {
    let room = new_room();
    let (server, key) = manager();
    let nonce = counting(0x50);
    let id = room.record.room_id;
    let signed = |(name, change): (&str, RoomChange)| json!({ "name": name, "signature": hex(sign_change(&key, &server, &nonce, id, &change)) });
    let rotated = rotated();
    json!({
        "server": server.as_str(),
        "server_nonce": hex(nonce),
        "ticket_secret": hex(ticket().expose()),
        "ticket_hash": hex(TicketHash::of(&ticket()).as_bytes()),
        "room_id": hex(RoomId::as_bytes(&id)),
        "manage_pk": hex(ManagePk::as_bytes(&room.record.manage_pk)),
        "record_hash": hex(record_hash(&room.record)),
        "registration": hex(sign_registration(&key, &server, &nonce, &ticket(), &room.record)),
        "changes": changes().into_iter().map(signed).collect::<Vec<_>>(),
        "reissued_record": hex(changed().encode()),
        "rotated": {
            "record": hex(rotated.record.encode()),
            "host_credential": rotated.credential.to_text().as_str(),
            "guest_url": rotated.credential.guest.to_url("http://localhost:8443").as_str(),
            "replacement_signature": hex(replacement().signature),
        },
    })
}
