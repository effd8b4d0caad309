//! The group layer alone: found, add, join, talk, remove; and what it must refuse.

use conclave_protocol::credential::Role;
use conclave_protocol::ids::{CallId, MemberId, RoomFp, TransportId};
use conclave_protocol::keys::{AdmissionPk, ManagePk, MandatePk, Psk, RootKeys, RootSeed};
use conclave_protocol::order::Decision;
use conclave_protocol::room::Limits;
use conclave_protocol::server_name::ServerName;
use conclave_protocol::sheet::{Rules, SignedRecord};

use super::*;
use conclave_protocol::credential::Mandate;
use conclave_protocol::keys::{MandateSeed, Signer};
use conclave_protocol::sheet::Found;
use openmls::prelude::KeyPackage;

pub(super) fn identity(n: u8) -> Identity {
    let (member, transport) = (MemberId::from_bytes([n; 16]), TransportId::from_bytes([n + 100; 16]));
    let data = LeafData::plain(member, transport, format!("member {n}"), 0b11);
    Identity::plain(LeafKey::from_seed(&[n; 32]), data)
}

pub(super) fn root() -> RootKeys {
    RootKeys::derive(&RootSeed::from_bytes([0xA0; 32]))
}

/// The day of everything here.
pub(super) const TODAY: u16 = 20_050;

/// With a mandate of this room.
pub(super) fn with_role(identity: Identity, role: Role, serial: u32) -> Identity {
    mandated(identity, &root(), role, serial, 20_100)
}

/// With a mandate that names this room, signed by some root.
pub(super) fn mandated(mut identity: Identity, by: &RootKeys, role: Role, serial: u32, not_after_day: u16) -> Identity {
    let seed = MandateSeed::from_bytes([serial as u8; 32]);
    let pk = MandatePk::from_bytes(Signer::from_seed(seed.expose()).public());
    let room = RoomFp::of(&root().root_pk());
    identity.role = Some(RoleKey {
        mandate: Mandate::sign(&by.sign(), room, role, serial, not_after_day, pk),
        seed,
        today: TODAY,
    });
    identity
}

pub(crate) fn binding(rules: Rules) -> RoomBinding {
    let record = SignedRecord {
        server: ServerName::parse("localhost:8443").unwrap(),
        admission_pk: AdmissionPk::from_bytes([1; 32]),
        manage_pk: ManagePk::from_bytes([2; 32]),
        day_made: 20_000,
        day_expires: 20_100,
        limits: Limits::default(),
    };
    RoomBinding {
        room_fp: RoomFp::of(&root().root_pk()),
        generation: 0,
        sheet: Some(Sheet::new(String::new(), rules, root().root_pk(), record).unwrap()),
    }
}

/// Adds and removes; for each of the removed the word of a member (given to `commit`) that they are silent.
pub(super) fn plan(adds: Vec<KeyPackage>, removes: Vec<u32>) -> Plan {
    Plan {
        adds,
        removes,
        ..Plan::default()
    }
}

pub(super) fn keyring(psk: u8) -> Keyring {
    let room = binding(Rules {
        found: Found::Anyone,
        lobby: false,
    });
    Keyring::new(room, &Psk::from_bytes([psk; 32])).unwrap()
}

pub(super) fn call() -> CallId {
    CallId::from_bytes([7; 16])
}

/// Adds a member to `group` at sequence `seq`, with every other member processing the commit.
pub(super) fn add(group: &mut Group, others: &mut [&mut Group], n: u8, psk: u8, seq: u64) -> Result<Group, CoreError> {
    let ring = keyring(psk);
    let mut newcomer = identity(n);
    let package = ring.key_package(&mut newcomer, call()).unwrap();
    let (package, _) = group.keyring().read_key_package(&package).unwrap();
    let own = group.commit(plan(vec![package], Vec::new()), seq, [9; 24]).unwrap();
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
    let gone = b.leaves().into_iter().find(|l| l.index == leaf).unwrap().name();
    let mut ordered = plan(Vec::new(), vec![leaf]);
    assert!(
        a.commit(plan(Vec::new(), vec![leaf]), 2, [9; 24]).is_err(),
        "our own client removes somebody for no reason, and would be alone with it"
    );
    ordered.orders = vec![a.order(Decision::Silent { leaf: gone })];
    let own = a.commit(ordered, 2, [9; 24]).unwrap();
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
    let own = a.commit(Plan::default(), 1, [9; 24]).unwrap();
    assert!(matches!(b.read_commit(&own.commit, 2, &own.drop), Incoming::Void));
    let own = a.commit(Plan::default(), 1, [9; 24]).unwrap();
    assert!(matches!(
        b.read_commit(&own.commit, 1, &[TransportId::from_bytes([1; 16])]),
        Incoming::Void
    ));
    assert!(matches!(b.read_commit(&own.commit[1..], 1, &[]), Incoming::Void));
    let own = a.commit(Plan::default(), 1, [9; 24]).unwrap();
    let Incoming::Valid(_) = b.read_commit(&own.commit, 1, &own.drop) else {
        panic!("a good commit after void ones was refused")
    };
}

#[test]
fn a_message_is_not_a_commit_and_a_commit_not_a_message() {
    let mut a = keyring(1).found(identity(1), call()).unwrap();
    let mut b = add(&mut a, &mut [], 2, 1, 0).unwrap();
    let words = a.seal(b"x").unwrap();
    assert!(matches!(b.read_commit(&words, 1, &[]), Incoming::Void));
    let own = a.commit(Plan::default(), 1, [9; 24]).unwrap();
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
