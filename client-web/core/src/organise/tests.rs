//! An organiser and an owner against a server that answers, refuses and lies.

use conclave_protocol::{
    credential::HostCredential,
    keys::TicketSecret,
    link::{LinkFlags, TicketLink},
    manage::{ManagedRoom, RoomChange, TicketHash, verify_change, verify_registration},
    message::{ClientMessage, RefusalCode, ServerMessage},
    moderator::ModeratorKey,
    owner::{RESTORE_ENTROPY, ROTATE_ENTROPY, Terms, open_record},
    role::Authority,
    room::{Limits, NEW_ROOM_ENTROPY, RoomRecord},
    server_name::ServerName,
    sheet::{Found, Rules},
};
use zeroize::Zeroizing;

use super::{Errand, Keeping, Opened, Opening, OrganiseFault};

const NONCE: [u8; 32] = [4; 32];
const TODAY: u16 = 20_050;

fn server() -> ServerName {
    ServerName::parse("localhost:8443").expect("a name")
}

fn ticket() -> TicketLink {
    TicketLink {
        flags: LinkFlags::default(),
        server: server(),
        ticket_secret: TicketSecret::from_bytes([3; 32]),
    }
}

fn terms() -> Terms {
    Terms {
        title: "Choir".to_owned(),
        rules: Rules {
            found: Found::Host,
            lobby: true,
        },
        guests: None,
        strict: true,
        day_expires: TODAY + 30,
        limits: Limits::default(),
    }
}

fn challenge() -> Vec<u8> {
    ServerMessage::Challenge { server_nonce: NONCE }.encode()
}

fn managed(record: RoomRecord) -> Vec<u8> {
    let room = ManagedRoom {
        limits: record.limits,
        last_day: record.day_expires,
        latest_day: TODAY + 100,
        record,
    };
    ServerMessage::Managed { room: Some(room) }.encode()
}

fn refused(code: RefusalCode) -> Vec<u8> {
    ServerMessage::Refused {
        re: 48,
        code,
        retry_after_ms: None,
        head_seq: None,
    }
    .encode()
}

fn opening() -> Opening {
    let link = ticket().to_url("http://localhost:8443");
    Opening::new(
        &link,
        &server(),
        &terms(),
        TODAY,
        &[7; NEW_ROOM_ENTROPY],
        &[[1; 36], [2; 36]],
    )
    .expect("an opening")
}

/// The record in a request, judged as a server judges it.
fn registered(request: &[u8]) -> RoomRecord {
    let Ok(ClientMessage::Register {
        ticket: secret,
        record,
        signature,
    }) = ClientMessage::decode_frame(request)
    else {
        panic!("not a registration");
    };
    let registration = verify_registration(&server(), &NONCE, &secret, record, &signature).expect("signed");
    let (hash, record) = registration.into_parts();
    assert!(hash == TicketHash::of(&ticket().ticket_secret));
    record
}

fn made() -> (Opened, RoomRecord) {
    let opening = opening();
    let record = registered(&opening.request(&challenge()).expect("a request"));
    (opening.settle(&managed(record.clone())).expect("a room"), record)
}

/// The change in a request, judged as a server judges it.
fn asked(record: &RoomRecord, request: &[u8]) -> RoomChange {
    let Ok(ClientMessage::Manage {
        room_id,
        change,
        signature,
    }) = ClientMessage::decode_frame(request)
    else {
        panic!("not a request of an owner");
    };
    assert!(room_id == record.room_id);
    let proof = verify_change(&server(), &NONCE, &record.manage_pk, room_id, change, &signature);
    proof.expect("signed").into_parts().1
}

fn keeping(opened: &Opened, record: &RoomRecord) -> Keeping {
    let mut keeping = Keeping::new(&opened.credential, None, &server()).expect("the owner's key");
    let request = keeping.request(&challenge(), Errand::Read).expect("a request");
    assert!(asked(record, &request) == RoomChange::Read {});
    let known = keeping
        .settle(&managed(record.clone()))
        .expect("an answer")
        .expect("a room");
    assert!(known.terms == terms() && known.latest_day == TODAY + 100 && known.credential.is_none());
    assert!(*known.guest_link == *opened.guest_link);
    keeping
}

#[test]
fn a_ticket_becomes_a_room_whose_keys_no_operator_made() {
    let (opened, _) = made();
    let guest = conclave_protocol::link::GuestLink::parse(&opened.guest_link).expect("a guest link");
    assert!(!guest.flags.operator_keys());
    assert!(opened.credential.starts_with("conclave-host1:") && opened.deed.starts_with("conclave-deed1:"));
    assert_eq!(opened.last_day, TODAY + 30);
}

#[test]
fn moderators_keys_that_are_made_with_a_room_count_in_it() {
    let (opened, record) = made();
    let owner = HostCredential::parse(&opened.credential).expect("a credential");
    let sheet = open_record(&owner, &server(), &record).expect("a sheet");
    let judge = Authority::of(&sheet, TODAY);
    let keys: Vec<ModeratorKey> = opened
        .moderators
        .iter()
        .map(|text| ModeratorKey::parse(text).expect("a moderator's key"))
        .collect();
    assert_eq!(keys.len(), 2);
    assert!(keys[0].mandate.serial != keys[1].mandate.serial);
    for key in &keys {
        assert!(key.guest.to_fragment() == opened.guest_link);
        assert!(judge.accepts(&key.mandate).is_ok());
        // It manages nothing.
        let text = key.to_text();
        assert!(
            Keeping::new(&text, Some(&opened.guest_link), &server()).is_err_and(|e| e == OrganiseFault::Credential)
        );
    }
}

#[test]
fn a_ticket_of_another_server_and_a_guest_link_open_nothing() {
    let elsewhere = ServerName::parse("meet.example.org").expect("a name");
    let (opened, _) = made();
    for (link, server) in [
        (ticket().to_url("http://localhost:8443"), elsewhere),
        (opened.guest_link, server()),
    ] {
        let opening = Opening::new(&link, &server, &terms(), TODAY, &[7; NEW_ROOM_ENTROPY], &[]);
        assert_eq!(opening.err(), Some(OrganiseFault::Ticket));
    }
}

#[test]
fn what_a_person_typed_is_said_before_the_ticket_is_used() {
    let link = ticket().to_url("http://localhost:8443");
    let opening = |terms: &Terms| Opening::new(&link, &server(), terms, TODAY, &[7; NEW_ROOM_ENTROPY], &[]).err();
    let long = Terms {
        title: "x".repeat(121),
        ..terms()
    };
    let past = Terms {
        day_expires: TODAY - 1,
        ..terms()
    };
    assert_eq!(opening(&long), Some(OrganiseFault::Title));
    assert_eq!(opening(&past), Some(OrganiseFault::Days));
}

#[test]
fn there_are_no_links_until_the_server_has_taken_this_very_room() {
    let opening = opening();
    let record = registered(&opening.request(&challenge()).expect("a request"));
    let other = RoomRecord {
        day_expires: record.day_expires - 1,
        ..record
    };
    for (frame, fault) in [
        (refused(RefusalCode::NotAllowed), OrganiseFault::NotAllowed),
        (refused(RefusalCode::TooLarge), OrganiseFault::TooLong),
        (refused(RefusalCode::ServerFull), OrganiseFault::ServerFull),
        (managed(other), OrganiseFault::Foreign),
        (
            ServerMessage::Managed { room: None }.encode(),
            OrganiseFault::Incompatible,
        ),
        (challenge(), OrganiseFault::Incompatible),
        (vec![0xff], OrganiseFault::Incompatible),
    ] {
        assert_eq!(opening.settle(&frame).err(), Some(fault));
    }
    assert_eq!(opening.request(&[0xff]).err(), Some(OrganiseFault::Incompatible));
}

#[test]
fn an_organiser_whose_answer_was_lost_finds_out_by_the_rooms_key() {
    let opening = opening();
    let record = registered(&opening.request(&challenge()).expect("a request"));
    let inquiry = opening.inquiry(&challenge()).expect("an inquiry");
    assert!(asked(&record, &inquiry) == RoomChange::Read {});
    assert!(opening.settle(&managed(record)).is_ok());
    assert_eq!(
        opening.settle(&refused(RefusalCode::NotAllowed)).err(),
        Some(OrganiseFault::NotAllowed)
    );
}

#[test]
fn an_owner_changes_what_was_read_and_believes_only_what_was_asked() {
    let (opened, record) = made();
    let mut keeping = keeping(&opened, &record);
    let other = Terms {
        title: "Orchestra".to_owned(),
        guests: Some(0b1_0000),
        ..terms()
    };
    let change = |keeping: &mut Keeping, nonce| {
        let request = keeping.request(&challenge(), Errand::Change(other.clone(), nonce));
        match asked(&record, &request.expect("a request")) {
            RoomChange::Replace { record, .. } => record,
            _ => panic!("not a change"),
        }
    };
    let new = change(&mut keeping, [1; 24]);
    // A server that keeps the old one and says that all is well.
    assert_eq!(
        keeping.settle(&managed(record.clone())).err(),
        Some(OrganiseFault::Foreign)
    );
    assert_eq!(
        keeping.settle(&managed(new)).err(),
        Some(OrganiseFault::Incompatible),
        "nothing is asked"
    );
    let new = change(&mut keeping, [2; 24]);
    let known = keeping.settle(&managed(new)).expect("an answer").expect("a room");
    assert!(known.terms == other);

    let fresh = Keeping::new(&opened.credential, None, &server()).expect("the owner's key");
    let mut unread = fresh;
    let early = unread.request(&challenge(), Errand::Change(terms(), [3; 24]));
    assert_eq!(
        early.err(),
        Some(OrganiseFault::Stale),
        "a change is made from something that was read"
    );
}

#[test]
fn another_link_comes_with_another_key_and_the_owner_goes_on_with_it() {
    let (opened, record) = made();
    let mut keeping = keeping(&opened, &record);
    let entropy = Zeroizing::new([9; ROTATE_ENTROPY]);
    let request = keeping
        .request(&challenge(), Errand::Rotate(entropy))
        .expect("a request");
    let RoomChange::Replace { record: new, .. } = asked(&record, &request) else {
        panic!("not a change");
    };
    assert!(new.admission_pk != record.admission_pk);
    let known = keeping
        .settle(&managed(new.clone()))
        .expect("an answer")
        .expect("a room");
    assert_eq!(known.generation, 1);
    assert!(*known.guest_link != *opened.guest_link);
    let text = known.credential.expect("the owner's new key");
    let mut later = Keeping::new(&text, None, &server()).expect("a credential");
    for keeping in [&mut keeping, &mut later] {
        keeping.request(&challenge(), Errand::Read).expect("a request");
        assert!(keeping.settle(&managed(new.clone())).is_ok());
    }
    // With the old key the new record cannot be opened; that is said and nothing is shown.
    let mut old = Keeping::new(&opened.credential, None, &server()).expect("a credential");
    old.request(&challenge(), Errand::Read).expect("a request");
    assert_eq!(old.settle(&managed(new)).err(), Some(OrganiseFault::Foreign));
}

#[test]
fn a_deleted_room_is_gone_and_a_deed_or_a_key_of_elsewhere_keeps_none() {
    let (opened, record) = made();
    let mut keeping = keeping(&opened, &record);
    let request = keeping.request(&challenge(), Errand::Delete).expect("a request");
    assert!(asked(&record, &request) == RoomChange::Delete {});
    let gone = keeping.settle(&ServerMessage::Managed { room: None }.encode());
    assert!(gone.expect("an answer").is_none());
    let elsewhere = ServerName::parse("meet.example.org").expect("a name");
    assert_eq!(
        Keeping::new(&opened.credential, None, &elsewhere).err(),
        Some(OrganiseFault::Credential)
    );
    assert_eq!(
        Keeping::new(&opened.deed, None, &server()).err(),
        Some(OrganiseFault::Credential)
    );
}

#[test]
fn a_deed_makes_another_credential_and_changes_nothing_else() {
    let (opened, record) = made();
    let mut keeping = Keeping::new(&opened.deed, Some(&opened.guest_link), &server()).expect("the deed");
    let entropy = || Zeroizing::new([9; RESTORE_ENTROPY]);
    let early = keeping.request(&challenge(), Errand::Restore(entropy()));
    assert_eq!(
        early.err(),
        Some(OrganiseFault::Stale),
        "what stands there is read first"
    );
    keeping.request(&challenge(), Errand::Read).expect("a request");
    let known = keeping
        .settle(&managed(record.clone()))
        .expect("an answer")
        .expect("a room");
    assert!(known.by_deed && known.credential.is_none());
    let change = keeping.request(&challenge(), Errand::Change(terms(), [3; 24]));
    assert_eq!(change.err(), Some(OrganiseFault::Credential));
    let request = keeping
        .request(&challenge(), Errand::Restore(entropy()))
        .expect("a request");
    let RoomChange::Replace { record: new, .. } = asked(&record, &request) else {
        panic!("not a change");
    };
    let known = keeping
        .settle(&managed(new.clone()))
        .expect("an answer")
        .expect("a room");
    assert!(!known.by_deed && known.terms == terms() && *known.guest_link == *opened.guest_link);
    // The owner goes on with the new key; the lost one still reads, but counts nowhere.
    let text = known.credential.expect("another credential");
    assert!(*text != *opened.credential);
    let mut later = Keeping::new(&text, None, &server()).expect("a credential");
    for keeping in [&mut keeping, &mut later] {
        keeping.request(&challenge(), Errand::Read).expect("a request");
        assert!(keeping.settle(&managed(new.clone())).is_ok());
        keeping
            .request(&challenge(), Errand::Change(terms(), [4; 24]))
            .expect("a change");
    }
    let by_credential = later.request(&challenge(), Errand::Restore(entropy()));
    assert_eq!(by_credential.err(), Some(OrganiseFault::Credential));
}
