//! Who may make and change a room at a server: each signature is for one server, one connection, one record and one change.

#[allow(dead_code, reason = "each test file uses a part")]
mod cases;

use cases::{
    counting,
    manage::{changed, changes, manager, replacement, rotated, ticket},
    rooms::new_room,
    server,
};
use conclave_protocol::{
    Error,
    credential::{Deed, HostCredential},
    ids::RoomId,
    keys::{LinkKeys, ManagePk, RootKeys, RootSeed, Signer, TicketSecret},
    manage::{
        NotReplaced, Replacement, RoomChange, may_replace, record_hash, sign_change, sign_registration, verify_change,
        verify_registration, verify_replacement,
    },
    owner::{RESTORE_ENTROPY, Terms, open_record, reissue, restore},
    role::Authority,
    room::{Limits, RoomRecord},
    rules::CallRules,
    sheet::{self, Found, Rules},
};

const NONCE: [u8; 32] = [7; 32];

#[test]
fn c_manage_1_a_registration_is_for_one_server_connection_ticket_and_record() {
    let (name, key) = manager();
    let record = new_room().record;
    let signature = sign_registration(&key, &name, &NONCE, &ticket(), &record);
    let verify = |server, nonce, ticket: &TicketSecret, record: &RoomRecord, signature| {
        verify_registration(server, nonce, ticket, record.clone(), signature).is_ok()
    };
    assert!(verify(&name, &NONCE, &ticket(), &record, &signature));

    let elsewhere = server("meet.example.org");
    assert!(!verify(&elsewhere, &NONCE, &ticket(), &record, &signature));
    assert!(!verify(&name, &[8; 32], &ticket(), &record, &signature));
    let other = TicketSecret::from_bytes([1; 32]);
    assert!(!verify(&name, &NONCE, &other, &record, &signature));
    assert!(!verify(&name, &NONCE, &ticket(), &changed(), &signature));
    // Somebody else's manage key in the record, or their signature under it.
    let stranger = Signer::from_seed(&[3; 32]);
    let foreign = RoomRecord {
        manage_pk: ManagePk::from_bytes(stranger.public()),
        ..record.clone()
    };
    assert!(!verify(&name, &NONCE, &ticket(), &foreign, &signature));
    let forged = sign_registration(&stranger, &name, &NONCE, &ticket(), &record);
    assert!(!verify(&name, &NONCE, &ticket(), &record, &forged));
}

#[test]
fn c_manage_2_a_change_is_for_one_server_connection_room_and_change() {
    let (name, key) = manager();
    let pk = ManagePk::from_bytes(key.public());
    let id = new_room().record.room_id;
    let elsewhere = server("meet.example.org");
    for (what, change) in changes() {
        let signature = sign_change(&key, &name, &NONCE, id, &change);
        let verify = |server, nonce: &[u8; 32], pk: &ManagePk, id, change: &RoomChange| {
            verify_change(server, nonce, pk, id, change.clone(), &signature).is_ok()
        };
        assert!(verify(&name, &NONCE, &pk, id, &change), "{what}");
        assert!(!verify(&elsewhere, &NONCE, &pk, id, &change), "{what}");
        assert!(!verify(&name, &[8; 32], &pk, id, &change), "{what}");
        let stranger = ManagePk::from_bytes(Signer::from_seed(&[3; 32]).public());
        assert!(!verify(&name, &NONCE, &stranger, id, &change), "{what}");
        assert!(
            !verify(&name, &NONCE, &pk, RoomId::from_bytes([0; 16]), &change),
            "{what}"
        );
        for (other, another) in changes() {
            assert_eq!(
                verify(&name, &NONCE, &pk, id, &another),
                other == what,
                "{what} as {other}"
            );
        }
    }
}

#[test]
fn c_manage_3_a_record_keeps_its_room_its_manage_key_and_its_first_day() {
    let old = new_room().record;
    let base = record_hash(&old);
    let latest = old.day_expires + 1;
    let judge = |new: &RoomRecord| may_replace(&old, new, &base, latest);
    assert_eq!(judge(&changed()), Ok(()));
    assert_eq!(judge(&rotated().record), Ok(()));
    let with = |change: fn(&mut RoomRecord)| {
        let mut record = changed();
        change(&mut record);
        record
    };
    for other in [
        with(|r| r.room_id = RoomId::from_bytes([0; 16])),
        with(|r| r.manage_pk = ManagePk::from_bytes([1; 32])),
        with(|r| r.day_made -= 1),
    ] {
        assert_eq!(judge(&other), Err(NotReplaced::OtherRoom));
    }
    assert_eq!(judge(&with(|r| r.day_expires += 1)), Err(NotReplaced::TooLong));
    assert_eq!(
        may_replace(&old, &changed(), &record_hash(&changed()), latest),
        Err(NotReplaced::Stale),
        "the second of two changes that were made from one record"
    );
    // An operator who allows less than before shortens nothing.
    let same_day = with(|r| r.day_expires -= 1);
    assert_eq!(may_replace(&old, &same_day, &base, 0), Ok(()));
}

#[test]
fn c_manage_5_a_replacement_is_for_one_server_room_and_pair_of_records() {
    let (name, key) = manager();
    let pk = ManagePk::from_bytes(key.public());
    let signed = replacement();
    let verify = |server, pk: &ManagePk, replacement: &Replacement| {
        verify_replacement(server, pk, replacement.clone()).map(|proof| proof.into_parts())
    };
    let Replacement { base, record, .. } = signed.clone();
    let id = record.room_id;
    let change = RoomChange::Replace { base, record };
    assert!(verify(&name, &pk, &signed).is_ok_and(|parts| parts == (id, change.clone())));

    let elsewhere = server("meet.example.org");
    assert!(verify(&elsewhere, &pk, &signed).is_err());
    let stranger = ManagePk::from_bytes(Signer::from_seed(&[3; 32]).public());
    assert!(verify(&name, &stranger, &signed).is_err());
    let with = |spoil: fn(&mut Replacement)| {
        let mut other = signed.clone();
        spoil(&mut other);
        other
    };
    for spoilt in [
        with(|r| r.base[0] ^= 1),
        with(|r| r.record = changed()),
        with(|r| r.record.room_id = RoomId::from_bytes([0; 16])),
        with(|r| r.record.sheet[100] ^= 1),
        with(|r| r.record.day_expires += 1),
        with(|r| r.signature[0] ^= 1),
    ] {
        assert!(verify(&name, &pk, &spoilt).is_err());
    }
}

#[test]
fn what_an_owner_signed_for_a_connection_is_no_replacement_and_a_replacement_no_request() {
    let (name, key) = manager();
    let pk = ManagePk::from_bytes(key.public());
    let signed = replacement();
    let id = signed.record.room_id;
    let change = RoomChange::Replace {
        base: signed.base,
        record: signed.record.clone(),
    };
    // Whatever stands in the nonce's place: no byte string is both.
    for nonce in [NONCE, [0; 32]] {
        let request = sign_change(&key, &name, &nonce, id, &change);
        assert!(verify_change(&name, &nonce, &pk, id, change.clone(), &request).is_ok());
        let as_replacement = Replacement {
            signature: request,
            ..signed.clone()
        };
        assert!(verify_replacement(&name, &pk, as_replacement).is_err());
        assert!(verify_change(&name, &nonce, &pk, id, change.clone(), &signed.signature).is_err());
    }
}

#[test]
fn a_replacement_works_once() {
    let old = new_room().record;
    let signed = replacement();
    assert_eq!(may_replace(&old, &signed.record, &signed.base, u16::MAX), Ok(()));
    // The record that it brought is stored now, or another that its owner made of it.
    for stored in [signed.record.clone(), changed()] {
        assert_eq!(
            may_replace(&stored, &signed.record, &signed.base, u16::MAX),
            Err(NotReplaced::Stale)
        );
    }
}

#[test]
fn the_owner_changes_everything_but_the_room() {
    let room = new_room();
    let (name, _) = manager();
    let terms = Terms {
        title: "Choir".into(),
        rules: Rules {
            found: Found::Host,
            lobby: true,
        },
        guests: Some(0b1_0001),
        strict: true,
        day_expires: room.record.day_expires + 30,
        limits: Limits {
            members: 12,
            ..Limits::default()
        },
    };
    let record = reissue(&room.host_credential, &name, &room.record, &terms, counting(0x90)).unwrap();
    // A guest with the same link sees it, signed by the host.
    let keys = LinkKeys::derive(&room.guest_link.link_secret);
    let fp = room.guest_link.room_fp;
    let sheet = sheet::open(&keys, &fp, &name, &record.limits, &record.sheet).unwrap();
    assert!(Terms::of(&sheet) == terms);
    assert_eq!(sheet.seq, 2);
    assert_eq!(CallRules::of(&sheet).guests, 0b1_0001, "a host's call begins with it");
    assert!(
        sheet
            .mandate()
            .unwrap()
            .is_some_and(|m| m == room.host_credential.mandate)
    );
    assert!(record.room_id == room.record.room_id && record.manage_pk == room.record.manage_pk);
    assert_eq!(
        may_replace(&room.record, &record, &record_hash(&room.record), u16::MAX),
        Ok(())
    );
    // And again, from there.
    let third = reissue(&room.host_credential, &name, &record, &terms, counting(0x91)).unwrap();
    assert_eq!(open_record(&room.host_credential, &name, &third).map(|s| s.seq), Ok(3));

    let refused = |terms| reissue(&room.host_credential, &name, &record, &terms, counting(0x92)).err();
    let with = |change: fn(&mut Terms)| {
        let mut other = terms.clone();
        change(&mut other);
        other
    };
    assert_eq!(refused(with(|t| t.title = "a\nb".into())), Some(Error::Title));
    assert_eq!(refused(with(|t| t.guests = Some(0b10_0000))), Some(Error::Malformed));
    assert_eq!(refused(with(|t| t.day_expires = 1)), Some(Error::Days));
    assert_eq!(refused(with(|t| t.limits.seats = 9)), Some(Error::TooLarge));
}

#[test]
fn another_link_leaves_the_old_one_nothing() {
    let room = new_room();
    let (name, _) = manager();
    let rotated = rotated();
    let guest = &rotated.credential.guest;
    assert_eq!(guest.generation, room.guest_link.generation + 1);
    assert!(guest.room_fp == room.guest_link.room_fp && guest.link_secret != room.guest_link.link_secret);
    assert!(rotated.record.admission_pk != room.record.admission_pk);
    // The credential that goes with it reads as one, and opens the sheet; the old one does not.
    let text = rotated.credential.to_text();
    assert!(HostCredential::parse(&text).is_ok_and(|c| c == rotated.credential));
    assert!(open_record(&rotated.credential, &name, &rotated.record).is_ok());
    assert!(open_record(&room.host_credential, &name, &rotated.record).is_err());
    assert!(open_record(&rotated.credential, &name, &room.record).is_err());
}

#[test]
fn c_owner_1_an_owner_believes_no_record_that_the_owners_of_the_room_did_not_sign() {
    let room = new_room();
    let (name, _) = manager();
    let open = |record: &RoomRecord| open_record(&room.host_credential, &name, record).is_ok();
    assert!(open(&room.record) && open(&changed()));
    let with = |change: fn(&mut RoomRecord)| {
        let mut record = new_room().record;
        change(&mut record);
        record
    };
    for invented in [
        with(|r| r.room_id = RoomId::from_bytes([0; 16])),
        with(|r| r.admission_pk = conclave_protocol::keys::AdmissionPk::from_bytes([1; 32])),
        with(|r| r.manage_pk = ManagePk::from_bytes([1; 32])),
        with(|r| r.day_made -= 1),
        with(|r| r.day_expires += 1),
        with(|r| r.limits.members -= 1),
        with(|r| r.sheet[100] ^= 1),
    ] {
        assert!(!open(&invented));
    }
    // A squatter's room under the same link: all its own, but another root.
    let mut squatter = room.host_credential.clone();
    squatter.manage_secret = RootKeys::derive(&cases::rooms::new_room().deed.0).manage_secret();
    squatter.guest.room_fp = conclave_protocol::ids::RoomFp::from_bytes([9; 16]);
    assert!(open_record(&squatter, &name, &room.record).is_err());
}

#[test]
fn a_deed_ends_the_lost_key_and_makes_another() {
    let room = new_room();
    let (name, _) = manager();
    let restored = restore(
        &room.deed,
        &room.guest_link,
        &name,
        &room.record,
        &counting::<RESTORE_ENTROPY>(0x21),
    )
    .unwrap();
    let sheet = open_record(&restored.credential, &name, &restored.record).unwrap();
    assert_eq!(sheet.seq, 2);
    assert!(sheet.mandate().unwrap().is_none(), "the root signed");
    let authority = Authority::of(&sheet, room.record.day_made);
    assert!(authority.accepts(&restored.credential.mandate).is_ok());
    assert!(
        authority.accepts(&room.host_credential.mandate).is_err(),
        "the lost key proves nothing"
    );
    let text = restored.credential.to_text();
    assert!(HostCredential::parse(&text).is_ok_and(|c| c.guest == room.guest_link));
    assert_eq!(
        may_replace(&room.record, &restored.record, &record_hash(&room.record), u16::MAX),
        Ok(())
    );
    // Another room's deed reads and restores nothing.
    let other = Deed(RootSeed::from_bytes([9; 32]));
    let refused = restore(
        &other,
        &room.guest_link,
        &name,
        &room.record,
        &counting::<RESTORE_ENTROPY>(0x21),
    );
    assert_eq!(refused.err(), Some(Error::NotAuthentic));
}
