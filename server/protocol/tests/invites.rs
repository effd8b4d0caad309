//! What a personal invite is bound to, what ends it, and what a deed restores.

#[allow(dead_code, reason = "each test file uses a part")]
mod cases;

use cases::{
    counting,
    invites::{guest, invite, proof},
    roles::{appointment, authority, call, leaf},
};
use conclave_protocol::{
    LinkError,
    credential::{Deed, HostCredential, Role},
    ids::{CallId, MemberId},
    invite::{InviteLink, InviteProof},
    keys::{MandateSeed, RootKeys, RootPk, RootSeed},
    link::{GuestLink, Link, LinkFlags},
    role::{Appointment, Authority, LeafName, resume_bytes},
};

const GENERATION: u16 = 3;

fn counts(shown: &InviteProof, judge: &Authority, generation: u16, call: &CallId, leaf: &LeafName) -> bool {
    shown.verify(judge, generation, call, leaf).is_ok()
}

#[test]
fn an_invite_link_is_read_as_it_was_made_and_is_no_guest_link() {
    let made = invite(Role::Host);
    let url = made.to_url("https://meet.example.org");
    let Ok(Link::Invite(read)) = Link::parse(&url) else {
        panic!("not read as an invite")
    };
    assert!(*read == made);
    assert!(GuestLink::parse(&url).is_err_and(|e| e == LinkError::OtherKind));
    let fragment = made.to_fragment();
    for n in 1..fragment.len() {
        assert!(
            matches!(Link::parse(&fragment[..n]), Err(LinkError::Cut | LinkError::Checksum)),
            "cut at {n}"
        );
    }
    for at in 1..fragment.len() - 1 {
        let flipped = if &fragment[at..=at] == "A" { "B" } else { "A" };
        let text = format!("{}{flipped}{}", &fragment[..at], &fragment[at + 1..]);
        assert!(Link::parse(&text).is_err(), "character {at} can be altered");
    }
    let foreign = InviteLink {
        guest: cases::links::guest_link(),
        ..made
    };
    assert!(
        Link::parse(&foreign.to_fragment()).is_err_and(|e| e == LinkError::Malformed),
        "an invite of another room's host was read"
    );
}

#[test]
fn an_invite_counts_in_its_leaf_and_call_alone() {
    let (mine, _) = leaf(0x10);
    let (_, judge, ..) = authority(Role::Host);
    let shown = proof(Role::Host);
    assert!(counts(&shown, &judge, GENERATION, &call(), &mine));
    assert!(!counts(&shown, &judge, GENERATION, &CallId::from_bytes([1; 16]), &mine));
    let member = MemberId::from_bytes([1; 16]);
    for other in [LeafName { member, ..mine }, LeafName { key: [1; 32], ..mine }] {
        assert!(!counts(&shown, &judge, GENERATION, &call(), &other));
    }
    let bytes = shown.to_bytes();
    assert_eq!(bytes.len(), InviteProof::LEN);
    for i in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[i] ^= 1;
        let read = InviteProof::from_slice(&bad);
        assert!(
            !read.is_ok_and(|p| counts(&p, &judge, GENERATION, &call(), &mine)),
            "byte {i} can be altered"
        );
    }
    assert!(InviteProof::from_slice(&bytes[1..]).is_err());
    assert!(InviteProof::from_slice(&[bytes, vec![0]].concat()).is_err());
}

#[test]
fn an_invite_ends_by_day_by_generation_and_with_its_hosts_mandate() {
    let (mine, _) = leaf(0x10);
    let (_, judge, ..) = authority(Role::Host);
    let shown = proof(Role::Host);
    let with = |change: fn(&mut Authority)| {
        let mut judge = judge.clone();
        change(&mut judge);
        counts(&shown, &judge, GENERATION, &call(), &mine)
    };
    assert!(with(|a| a.day = 20_860), "the last day counts");
    assert!(!with(|a| a.day = 20_861));
    assert!(!with(|a| a.minimum_serial = 8));
    assert!(!with(|a| a.revoked = vec![7]));
    assert!(!with(|a| a.root_pk = RootPk::from_bytes(leaf(9).0.key)));
    for generation in [0, GENERATION - 1, GENERATION + 1] {
        assert!(!counts(&shown, &judge, generation, &call(), &mine), "another link's");
    }
    assert!(
        !counts(
            &proof(Role::Moderator),
            &authority(Role::Moderator).1,
            GENERATION,
            &call(),
            &mine
        ),
        "a moderator invited somebody"
    );
}

#[test]
fn a_deed_makes_a_working_key_for_its_own_room_alone() {
    let deed = Deed(RootSeed::from_bytes(counting(1)));
    let room_fp = conclave_protocol::ids::RoomFp::of(&RootKeys::derive(&deed.0).root_pk());
    let link = GuestLink { room_fp, ..guest() };
    let seed = || MandateSeed::from_bytes(counting(0x41));
    let made = deed.credential(link, 9, 20_900, seed()).unwrap();
    assert!(HostCredential::parse(&made.to_text()).is_ok_and(|read| read == made));
    assert!(made.mandate.verify(&RootKeys::derive(&deed.0).root_pk()).is_ok());
    assert_eq!((made.mandate.serial, made.mandate.role), (9, Role::Host));
    assert!(
        deed.credential(guest(), 9, 20_900, seed()).is_err(),
        "a deed took charge of another room"
    );
    assert!(LinkFlags::new(true).operator_keys());
}

#[test]
fn an_appointment_passes_to_whoever_its_holder_names_and_to_nobody_else() {
    let (_, judge, ..) = authority(Role::Host);
    let ((first, first_key), (second, second_key), (third, _)) = (leaf(0x30), leaf(0x50), leaf(0x60));
    let next = |key| LeafName {
        member: first.member,
        key,
    };
    let resume =
        |by: &conclave_protocol::keys::Signer, key: &[u8; 32]| by.sign(&resume_bytes(&call(), &first.member, key));
    let mut passed: Appointment = appointment(Role::Host);
    let proof = resume(&first_key, &second.key);
    assert!(passed.passes_to(&call(), &next(second.key), &proof));
    assert!(!passed.passes_to(&call(), &second, &proof), "another member");
    assert!(!passed.passes_to(&call(), &next(third.key), &proof), "another key");
    assert!(!passed.passes_to(&CallId::from_bytes([1; 16]), &next(second.key), &proof));
    let before = passed.clone();
    passed.pass_to(second.key, proof);
    passed.pass_to(third.key, resume(&second_key, &third.key));
    assert!(passed.verify(&judge, &call()).is_ok() && passed.holder() == next(third.key));
    assert!(passed.continues(&before) && !before.continues(&passed));
    let mut forged = before.clone();
    forged.pass_to(third.key, resume(&second_key, &third.key));
    assert!(forged.verify(&judge, &call()).is_err(), "a stranger's key passed it on");
    let mut long = before;
    let (mut key, mut n) = (first_key, 0x60);
    for _ in 0..8 {
        let (heir, heir_key) = leaf(n);
        long.pass_to(heir.key, resume(&key, &heir.key));
        (key, n) = (heir_key, n + 1);
    }
    assert!(long.verify(&judge, &call()).is_ok());
    let (heir, _) = leaf(n);
    long.pass_to(heir.key, resume(&key, &heir.key));
    assert!(long.verify(&judge, &call()).is_err(), "a ninth time");
}
