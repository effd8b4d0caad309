//! One attack for each rule about joining: the Welcome, the tree that comes with it, the key package; see [`super::checks`] and [`super::attacks`].
//!
//! Does not test whom a member may bring in (`commit_attacks`, `role_attacks`).

use conclave_protocol::ids::{CallId, RoomFp};
use conclave_protocol::keys::{RootKeys, RootSeed};
use openmls::prelude::ProposalType;

use super::attacks::{
    added_with, founded_as, founded_with, ids, package, package_with, pair, store_foreign, victim_joins,
    victim_joins_as,
};
use super::checks::off::stopped_by;
use super::policy::MOST;
use super::tests::{call, identity, keyring};
use super::*;
use openmls::prelude::KeyPackage;
use openmls::prelude::tls_codec::Serialize as _;

#[test]
fn mem_017_a_welcome_mixes_in_the_links_secret() {
    stopped_by(PolicyFault::WelcomeLinkKey, || victim_joins(pair().0, call(), false));
    // Nor another secret beside it or in its place, though the victim should have that one, too.
    let with_keys = |names: &dyn Fn(Vec<u8>) -> Vec<Vec<u8>>| {
        let (ring, mut founder) = (keyring(1), pair().0);
        let bytes = ring.key_package(&mut identity(3), call()).unwrap();
        let package = ring.read_key_package(&bytes).unwrap().0;
        let names = names(founder.keyring.room.psk_id());
        store_foreign(&ring, b"another");
        let welcome = added_with(&mut founder, package, &names).1;
        ring.join(identity(3), call(), &welcome).is_ok()
    };
    assert!(with_keys(&|ours| vec![ours]));
    for names in [
        &(|ours| vec![ours, b"another".to_vec()]) as &dyn Fn(Vec<u8>) -> Vec<Vec<u8>>,
        &|_| vec![b"another".to_vec()],
        &|ours| vec![ours.clone(), ours],
    ] {
        stopped_by(PolicyFault::WelcomeLinkKey, || with_keys(names));
    }
}

#[test]
fn mem_018_a_welcome_is_to_the_call_that_was_asked() {
    stopped_by(PolicyFault::WelcomeCall, || {
        victim_joins(pair().0, CallId::from_bytes([8; 16]), true)
    });
}

#[test]
fn mem_019_a_group_names_its_room_generation_and_call() {
    for change in [
        (|d: &mut GroupData| d.room_fp = RoomFp::from_bytes([8; 16])) as fn(&mut GroupData),
        |d| d.generation = 1,
        |d| d.call_id = CallId::from_bytes([8; 16]),
        |d| d.authority.root_pk = RootKeys::derive(&RootSeed::from_bytes([0xB0; 32])).root_pk(),
    ] {
        stopped_by(PolicyFault::GroupData, || {
            victim_joins(founded_with(change, true), call(), true)
        });
    }
    // And names them at all.
    stopped_by(PolicyFault::GroupData, || {
        let required = RequiredCapabilitiesExtension::new(&our_extensions(), &[], &[CredentialType::Basic]);
        let context = Extensions::from_vec(vec![Extension::RequiredCapabilities(required)]).unwrap();
        victim_joins(founded_as(capabilities(), context), call(), true)
    });
}

#[test]
fn mem_063_a_group_is_judged_by_a_sheet_that_was_seen() {
    stopped_by(PolicyFault::SheetUnseen, || {
        let mut ring = keyring(1);
        ring.room.sheet = None;
        let bytes = ring.key_package(&mut identity(3), call()).unwrap();
        let package = ring.read_key_package(&bytes).unwrap().0;
        let welcome = pair().0.build_with(vec![package], &[], true, None).unwrap().1;
        ring.join(identity(3), call(), &welcome.unwrap()).is_ok()
    });
}

#[test]
fn mem_020_a_groups_extension_is_signed() {
    stopped_by(PolicyFault::GroupSignature, || {
        victim_joins(founded_with(|d| d.signer.member = ids(9).0, false), call(), true)
    });
}

/// A group in which the founder, with checks of its own left out, added `ghost` before the victim comes.
fn haunted(ghost: KeyPackage) -> Group {
    let mut a = keyring(1).found(identity(1), call()).unwrap();
    a.build_with(vec![ghost], &[], true, None).unwrap();
    a.merge_own().unwrap();
    a
}

#[test]
fn mem_021_every_leaf_of_a_joined_tree_says_who_it_is() {
    let ghost = identity(9);
    // Who says nothing, and who says to be another than the credential names.
    for said in [b"nobody".to_vec(), identity(8).data.to_bytes()] {
        stopped_by(PolicyFault::WelcomeLeaf, || {
            victim_joins(haunted(package_with(&ghost, &said, credential(&ghost))), call(), true)
        });
    }
}

#[test]
fn mem_022_no_id_stands_twice_in_a_joined_tree() {
    for same in ["member id", "transport id"] {
        stopped_by(PolicyFault::WelcomeIdTwice, || {
            let mut ghost = identity(9);
            match same {
                "member id" => ghost.data.member_id = ids(1).0,
                _ => ghost.data.transport_id = ids(1).1,
            }
            victim_joins(haunted(package(&ghost)), call(), true)
        });
    }
}

#[test]
fn mem_043_a_joined_tree_has_a_largest_size() {
    stopped_by(PolicyFault::WelcomeTooMany, || {
        let founder = keyring(1).found(identity(1), call()).unwrap();
        MOST.set(Some(1));
        let went_through = victim_joins(founder, call(), true);
        MOST.set(None);
        went_through
    });
}

#[test]
fn mem_023_ones_own_leaf_is_the_one_that_was_sent() {
    stopped_by(PolicyFault::OwnLeaf, || {
        let mut renamed = identity(3);
        renamed.data.name = "renamed since the knock".to_owned();
        victim_joins_as(pair().0, call(), true, renamed)
    });
}

#[test]
fn mem_024_a_key_package_is_of_the_one_suite() {
    const CLASSICAL: Ciphersuite = Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;
    stopped_by(PolicyFault::KeyPackageSuite, || {
        let (ring, old) = (keyring(1), identity(9));
        let bundle = KeyPackage::builder()
            .key_package_lifetime(lifetime())
            .leaf_node_capabilities(Capabilities::new(
                None,
                Some(&[CLASSICAL, SUITE]),
                Some(&our_extensions()),
                Some(&[] as &[ProposalType]),
                None,
            ))
            .leaf_node_extensions(leaf_extensions(&old.data).unwrap())
            .build(CLASSICAL, &ring.provider, &old.key, credential(&old))
            .unwrap();
        let bytes = bundle.key_package().tls_serialize_detached().unwrap();
        ring.read_key_package(&bytes).is_ok()
    });
    // Nor one that may be used again.
    stopped_by(PolicyFault::KeyPackageSuite, || {
        let (ring, ghost) = (keyring(1), identity(9));
        let [group, leaf] = our_extensions();
        let extensions = [group, leaf, ExtensionType::LastResort];
        let bundle = KeyPackage::builder()
            .key_package_lifetime(lifetime())
            .leaf_node_capabilities(Capabilities::new(None, Some(&[SUITE]), Some(&extensions), None, None))
            .leaf_node_extensions(leaf_extensions(&ghost.data).unwrap())
            .mark_as_last_resort()
            .build(SUITE, &ring.provider, &ghost.key, credential(&ghost))
            .unwrap();
        let bytes = bundle.key_package().tls_serialize_detached().unwrap();
        ring.read_key_package(&bytes).is_ok()
    });
}
