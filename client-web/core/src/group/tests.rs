//! The group layer alone: found, add, join, talk, remove; and what it must refuse.

use conclave_protocol::ids::{CallId, MemberId, RoomFp, TransportId};
use conclave_protocol::keys::Psk;

use super::*;

fn identity(n: u8) -> Identity {
    Identity {
        key: LeafKey::from_seed(&[n; 32]),
        data: LeafData {
            member_id: MemberId::from_bytes([n; 16]),
            transport_id: TransportId::from_bytes([n + 100; 16]),
            name: format!("member {n}"),
            codecs: 0b11,
        },
    }
}

fn keyring(psk: u8) -> Keyring {
    let room = RoomBinding {
        room_fp: RoomFp::from_bytes([9; 16]),
        generation: 0,
    };
    Keyring::new(room, &Psk::from_bytes([psk; 32])).unwrap()
}

fn call() -> CallId {
    CallId::from_bytes([7; 16])
}

/// Adds a member to `group` at sequence `seq`, with every other member processing the commit.
fn add(group: &mut Group, others: &mut [&mut Group], n: u8, psk: u8, seq: u64) -> Result<Group, CoreError> {
    let ring = keyring(psk);
    let newcomer = identity(n);
    let package = ring.key_package(&newcomer).unwrap();
    let (package, _) = group.keyring().read_key_package(&package).unwrap();
    let own = group.commit(vec![package], &[], seq).unwrap();
    for other in others {
        match other.read_commit(&own.commit, seq, &own.drop) {
            Incoming::Valid(v) => assert!(other.merge(*v).unwrap().added),
            _ => panic!("an Add was not accepted"),
        }
    }
    group.merge_own().unwrap();
    ring.join(newcomer, call(), &own.welcome.unwrap())
        .map_err(|back| back.2)
}

#[test]
fn three_share_keys_and_words_and_a_removed_one_does_not() {
    let mut a = keyring(1).found(identity(1), call()).unwrap();
    let mut b = add(&mut a, &mut [], 2, 1, 0).unwrap();
    let mut c = add(&mut b, &mut [&mut a], 3, 1, 1).unwrap();
    assert_eq!(a.epoch(), 2);
    for g in [&b, &c] {
        assert_eq!(*a.media_key().unwrap(), *g.media_key().unwrap());
        assert_eq!(a.lobby_key().unwrap().public, g.lobby_key().unwrap().public);
    }
    let words = c.seal(b"hello").unwrap();
    for g in [&mut a, &mut b] {
        let Heard::Message { from, body } = g.open(&words).unwrap() else {
            panic!("early")
        };
        assert!(from == MemberId::from_bytes([3; 16]) && body.as_slice() == b"hello");
        assert!(g.open(&words).is_err(), "a replay was opened");
    }
    let leaf = a
        .leaves()
        .iter()
        .find(|l| l.data.member_id == MemberId::from_bytes([3; 16]))
        .unwrap()
        .index;
    let own = a.commit(Vec::new(), &[leaf], 2).unwrap();
    assert!(own.drop == vec![TransportId::from_bytes([103; 16])]);
    for g in [&mut b, &mut c] {
        let Incoming::Valid(v) = g.read_commit(&own.commit, 2, &own.drop) else {
            panic!("void")
        };
        g.merge(*v).unwrap();
    }
    a.merge_own().unwrap();
    assert_eq!(*a.media_key().unwrap(), *b.media_key().unwrap());
    assert!(c.media_key().is_err());
    assert_eq!(a.leaves().len(), 2);
}

#[test]
fn a_newcomer_without_the_links_secret_cannot_join() {
    let mut a = keyring(1).found(identity(1), call()).unwrap();
    assert!(add(&mut a, &mut [], 2, 2, 0).is_err());
}

#[test]
fn a_commit_counts_only_with_its_own_sequence_and_drop_list() {
    let mut a = keyring(1).found(identity(1), call()).unwrap();
    let mut b = add(&mut a, &mut [], 2, 1, 0).unwrap();
    let own = a.commit(Vec::new(), &[], 1).unwrap();
    assert!(matches!(b.read_commit(&own.commit, 2, &own.drop), Incoming::Void));
    let own = a.commit(Vec::new(), &[], 1).unwrap();
    assert!(matches!(
        b.read_commit(&own.commit, 1, &[TransportId::from_bytes([1; 16])]),
        Incoming::Void
    ));
    assert!(matches!(b.read_commit(&own.commit[1..], 1, &[]), Incoming::Void));
    let own = a.commit(Vec::new(), &[], 1).unwrap();
    let Incoming::Valid(_) = b.read_commit(&own.commit, 1, &own.drop) else {
        panic!("a good commit after void ones was refused")
    };
}

/// A commit that `mallory` builds past the checks of her own client, as an altered client would.
fn forged(mallory: &mut Group, seq: u64, drop: &[TransportId], adds: Vec<KeyPackage>, removes: &[u32]) -> Vec<u8> {
    mallory.discard_own().unwrap();
    mallory
        .mls
        .set_aad(super::policy::CommitData::new(seq, drop).to_bytes());
    mallory.build(adds, removes).unwrap().0
}

fn package_of(identity: &Identity) -> KeyPackage {
    let ring = keyring(1);
    let bytes = ring.key_package(identity).unwrap();
    ring.read_key_package(&bytes).unwrap().0
}

fn member(n: u8) -> (MemberId, TransportId) {
    let data = identity(n).data;
    (data.member_id, data.transport_id)
}

fn leaf_of(group: &Group, n: u8) -> u32 {
    let id = member(n).0;
    group.leaves().iter().find(|l| l.data.member_id == id).unwrap().index
}

#[test]
fn nobody_is_added_under_an_id_that_somebody_has() {
    let mut a = keyring(1).found(identity(1), call()).unwrap();
    let mut b = add(&mut a, &mut [], 2, 1, 0).unwrap();
    for same in ["member id", "transport id"] {
        let mut other = identity(3);
        match same {
            "member id" => other.data.member_id = member(1).0,
            _ => other.data.transport_id = member(1).1,
        }
        let package = package_of(&other);
        assert!(
            b.commit(vec![package.clone()], &[], 1).is_err(),
            "our own client adds a second {same}, and would be alone with it"
        );
        let commit = forged(&mut b, 1, &[], vec![package], &[]);
        assert!(matches!(a.read_commit(&commit, 1, &[]), Incoming::Void), "{same}");
    }
    let twice = vec![package_of(&identity(3)), {
        let mut other = identity(4);
        other.data.transport_id = member(3).1;
        package_of(&other)
    }];
    let commit = forged(&mut b, 1, &[], twice, &[]);
    assert!(
        matches!(a.read_commit(&commit, 1, &[]), Incoming::Void),
        "two of one commit"
    );
}

#[test]
fn a_member_is_added_anew_only_under_their_own_key() {
    let mut a = keyring(1).found(identity(1), call()).unwrap();
    let mut b = add(&mut a, &mut [], 2, 1, 0).unwrap();
    let c = add(&mut b, &mut [&mut a], 3, 1, 1).unwrap();
    drop(c);
    let (leaf, dropped) = (leaf_of(&a, 3), vec![member(3).1]);
    let mut usurper = identity(9);
    usurper.data.member_id = member(3).0;
    let package = package_of(&usurper);
    assert!(b.commit(vec![package.clone()], &[leaf], 2).is_err());
    let commit = forged(&mut b, 2, &dropped, vec![package], &[leaf]);
    assert!(matches!(a.read_commit(&commit, 2, &dropped), Incoming::Void));

    let own = b.commit(vec![package_of(&identity(3))], &[leaf], 2).unwrap();
    assert!(own.drop == dropped);
    let Incoming::Valid(_) = a.read_commit(&own.commit, 2, &own.drop) else {
        panic!("the holder of the old leaf's key was not added anew")
    };
}

#[test]
fn an_add_without_the_links_key_and_the_key_without_an_add_are_void() {
    let mut a = keyring(1).found(identity(1), call()).unwrap();
    let mut b = add(&mut a, &mut [], 2, 1, 0).unwrap();
    for (adds, psk) in [(vec![package_of(&identity(3))], false), (Vec::new(), true)] {
        b.discard_own().unwrap();
        b.mls.set_aad(super::policy::CommitData::new(1, &[]).to_bytes());
        let commit = b.build_with(adds, &[], psk).unwrap().0;
        assert!(matches!(a.read_commit(&commit, 1, &[]), Incoming::Void));
    }
    let commit = forged(&mut b, 1, &[], vec![package_of(&identity(3))], &[]);
    let Incoming::Valid(_) = a.read_commit(&commit, 1, &[]) else {
        panic!("the control, with both, was refused")
    };
}

#[test]
fn a_message_is_not_a_commit_and_a_commit_not_a_message() {
    let mut a = keyring(1).found(identity(1), call()).unwrap();
    let mut b = add(&mut a, &mut [], 2, 1, 0).unwrap();
    let words = a.seal(b"x").unwrap();
    assert!(matches!(b.read_commit(&words, 1, &[]), Incoming::Void));
    let own = a.commit(Vec::new(), &[], 1).unwrap();
    assert!(b.open(&own.commit).is_err());
}

/// Argon2id by the reference implementation (argon2-cffi): secret 32 × 5, group id 16 × 7.
#[test]
fn the_safety_number_is_the_one_of_the_protocol_page() {
    let secret = super::exports::SafetySecret::for_vector([5; 32], &[7; 16]);
    assert_eq!(safety_digits(&secret).unwrap(), "12241 78457 71462 97791");
}

/// X-Wing by kyber-py and cryptography: SHAKE-256 of 32 × 6 gives the seed; SHA-256 of the public key (ML-KEM-768 ‖ X25519).
#[test]
fn the_lobby_key_is_derived_as_the_protocol_page_says() {
    use sha2::{Digest as _, Sha256};
    let key = keyring(1).derive_lobby(&[6; 32]).unwrap();
    assert_eq!(key.public.len(), 1_216);
    let digest: [u8; 32] = Sha256::digest(&key.public).into();
    let hex: String = digest.iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(hex, "3a33e25ae00f783ce979a4aca7a102748c85b7fc079e774707b082d700e16a3b");
}
