//! What a moderator's key is, what it is not, and what leaves it alone.

#[allow(dead_code, reason = "each test file uses a part")]
mod cases;

use cases::{
    counting,
    invites::guest,
    roles::{authority, call, deed, leaf, moderators_key},
    rooms::new_room,
};
use conclave_protocol::{
    Error, LinkError,
    credential::{Deed, HostCredential, Mandate, Role},
    keys::{LinkKeys, ManageSecret, MandatePk, MandateSeed, RootKeys, Signer},
    link::Link,
    moderator::{FIRST_MODERATOR_SERIAL, MODERATOR_ENTROPY, ModeratorKey},
    owner::{RESTORE_ENTROPY, open_record, restore, revise},
    role::{Authority, RoleProof},
    room::NewRoom,
    sheet::{Sheet, open},
};

fn seed() -> MandateSeed {
    MandateSeed::from_bytes(counting(0xc0))
}

/// A mandate of the room of [`deed`], for the key of [`seed`].
fn mandate(role: Role, serial: u32) -> Mandate {
    let (root, authority, ..) = authority(Role::Host);
    let pk = MandatePk::from_bytes(Signer::from_seed(seed().expose()).public());
    Mandate::sign(&root.sign(), authority.room(), role, serial, 20_869, pk)
}

fn as_host(mandate: Mandate) -> HostCredential {
    HostCredential {
        guest: guest(),
        mandate,
        mandate_seed: seed(),
        manage_secret: ManageSecret::from_bytes(counting(0x20)),
    }
}

fn as_moderator(mandate: Mandate) -> ModeratorKey {
    ModeratorKey {
        guest: guest(),
        mandate,
        mandate_seed: seed(),
    }
}

#[test]
fn a_moderators_text_holds_a_moderators_mandate_and_a_hosts_a_hosts() {
    let serial = FIRST_MODERATOR_SERIAL | 9;
    let good = as_moderator(mandate(Role::Moderator, serial));
    assert!(ModeratorKey::parse(&format!("  {}\n", *good.to_text())).is_ok_and(|read| read == good));
    assert!(HostCredential::parse(&as_host(mandate(Role::Host, 9)).to_text()).is_ok());
    for bad in [
        mandate(Role::Host, serial),
        mandate(Role::Moderator, FIRST_MODERATOR_SERIAL - 1),
    ] {
        let text = as_moderator(bad).to_text();
        assert_eq!(ModeratorKey::parse(&text).err(), Some(LinkError::Malformed));
    }
    let dressed = as_host(mandate(Role::Moderator, serial)).to_text();
    assert_eq!(
        HostCredential::parse(&dressed).err(),
        Some(LinkError::Malformed),
        "a moderator's mandate passed for an owner's key"
    );
    // One text is not the other with another word before it, for the kind is in the checksum, and the lengths differ.
    let host = as_host(mandate(Role::Host, 9)).to_text().replace("host1", "moderator1");
    assert!(ModeratorKey::parse(&host).is_err());
    let moderator = good.to_text().replace("moderator1", "host1");
    assert!(HostCredential::parse(&moderator).is_err());
    assert_eq!(Link::parse(&good.to_text()).err(), Some(LinkError::OwnerKey));
}

#[test]
fn the_parts_of_a_moderators_key_belong_together() {
    let good = moderators_key();
    let mut elsewhere = good.clone();
    elsewhere.guest = cases::links::guest_link();
    let mut keyless = good.clone();
    keyless.mandate_seed = MandateSeed::from_bytes(counting(1));
    for bad in [elsewhere, keyless] {
        assert_eq!(ModeratorKey::parse(&bad.to_text()).err(), Some(LinkError::Malformed));
    }
}

#[test]
fn a_deed_makes_moderators_for_its_own_room_alone_and_in_their_own_range() {
    let made = deed()
        .moderator(guest(), FIRST_MODERATOR_SERIAL, 20_900, seed())
        .unwrap();
    assert_eq!(
        (made.mandate.role, made.mandate.serial),
        (Role::Moderator, FIRST_MODERATOR_SERIAL)
    );
    let refused = |deed: &Deed, guest, serial| deed.moderator(guest, serial, 20_900, seed()).err();
    assert_eq!(
        refused(&new_room().deed, guest(), FIRST_MODERATOR_SERIAL),
        Some(Error::NotAuthentic)
    );
    assert_eq!(
        refused(&deed(), guest(), FIRST_MODERATOR_SERIAL - 1),
        Some(Error::Malformed)
    );
}

#[test]
fn a_proof_by_it_makes_a_moderator_until_it_is_taken_away() {
    let key = moderators_key();
    let (_, mut judge, ..) = authority(Role::Host);
    let signer = Signer::from_seed(key.mandate_seed.expose());
    let proof = RoleProof::sign(key.mandate.clone(), &signer, &call(), &leaf(0x30).0);
    let role = |judge: &Authority| proof.verify(judge, &call(), &leaf(0x30).0).ok();
    assert_eq!(role(&judge), Some(Role::Moderator));
    judge.revoked.push(key.mandate.serial);
    assert_eq!(role(&judge), None);
}

/// The room's sheet, read with its owner's key.
fn sheet_of(room: &NewRoom, credential: &HostCredential, record: &conclave_protocol::room::RoomRecord) -> Sheet {
    open_record(credential, &room.guest_link.servers[0], record).unwrap()
}

#[test]
fn ending_lost_host_keys_leaves_moderators_as_they_are() {
    let room = new_room();
    let server = room.guest_link.servers[0].clone();
    let stays = room.moderator(&counting::<MODERATOR_ENTROPY>(0x11)).unwrap();
    let taken = room.moderator(&counting::<MODERATOR_ENTROPY>(0x71)).unwrap();
    assert!(stays.mandate.serial != taken.mandate.serial);
    assert_eq!(stays.mandate.not_after_day, room.host_credential.mandate.not_after_day);
    let revoked = revise(&room.host_credential, &server, &room.record, counting(0x90), |sheet| {
        assert!(sheet.revoke_mandate(taken.mandate.serial));
    })
    .unwrap();
    let sheet = sheet_of(&room, &room.host_credential, &revoked);
    assert_eq!(sheet.revoked, [taken.mandate.serial]);
    assert_eq!(sheet.next_serial(), 2, "a moderator's number pushed a host's up");

    let entropy = counting::<RESTORE_ENTROPY>(0x21);
    let restored = restore(&room.deed, &room.guest_link, &server, &revoked, &entropy).unwrap();
    assert_eq!(restored.credential.mandate.serial, 2);
    let sheet = sheet_of(&room, &restored.credential, &restored.record);
    let judge = Authority::of(&sheet, room.record.day_made);
    assert!(
        judge.accepts(&stays.mandate).is_ok(),
        "a moderator's key ended with the host's"
    );
    assert!(
        judge.accepts(&taken.mandate).is_err(),
        "a key that was taken away came back"
    );
    assert!(judge.accepts(&room.host_credential.mandate).is_err());
    // Whoever holds only a moderator's key signs no sheet.
    let keys = LinkKeys::derive(&room.guest_link.link_secret);
    let forger = HostCredential {
        guest: stays.guest.clone(),
        mandate: stays.mandate.clone(),
        mandate_seed: stays.mandate_seed.clone(),
        manage_secret: RootKeys::derive(&room.deed.0).manage_secret(),
    };
    let forged = revise(&forger, &server, &room.record, counting(0x91), |_| {}).unwrap();
    let read = open(&keys, &room.guest_link.room_fp, &server, &forged.limits, &forged.sheet);
    assert_eq!(read.err(), Some(Error::NotAuthentic), "a moderator wrote a sheet");
}

#[test]
fn a_sheet_that_is_full_says_so() {
    let room = new_room();
    let mut sheet = sheet_of(&room, &room.host_credential, &room.record);
    for n in 0..500 {
        assert!(sheet.revoke_mandate(FIRST_MODERATOR_SERIAL + n));
    }
    assert!(sheet.revoke_mandate(FIRST_MODERATOR_SERIAL), "it is listed already");
    assert!(!sheet.revoke_mandate(FIRST_MODERATOR_SERIAL + 500));
    assert!(sheet.revoked.is_sorted());
}
