//! One attack for each rule about commits; see [`super::checks`] and [`super::attacks`].
//!
//! Does not test what kinds of proposals a commit may hold (`proposal_attacks`), nor what roles and orders allow (`role_attacks`, `order_attacks`).

use conclave_protocol::ids::CallId;
use conclave_protocol::limits::MAX_NAME;
use openmls::prelude::{KeyPackage, LeafNodeIndex};

use super::attacks::{
    add_is_taken, added_with, foreign_key, forged, ids, leaf_of, package, package_with, pair, raw, say, store_foreign,
    taken, three,
};
use super::checks::off::{stopped_by, stopped_by_one_of};
use super::policy::MOST;
use super::tests::{call, identity, keyring, plan};
use super::*;

#[test]
fn mem_005_a_commit_counts_only_at_its_own_sequence() {
    // The orders are sealed for one sequence, too.
    stopped_by_one_of(PolicyFault::BaseSequence, &[PolicyFault::OrdersSealed], || {
        let (mut a, mut mallory) = pair();
        let commit = forged(&mut mallory, 1, &[], Vec::new(), &[]);
        taken(&mut a, &commit, 2, &[])
    });
}

#[test]
fn mem_006_the_signed_drop_list_is_the_removed_leaves() {
    stopped_by(PolicyFault::DropList, || {
        let (mut a, mut mallory) = three();
        let leaf = leaf_of(&a, 3);
        let commit = forged(&mut mallory, 2, &[], Vec::new(), &[leaf]);
        taken(&mut a, &commit, 2, &[ids(3).1])
    });
    // Nor does it name somebody who stays.
    stopped_by(PolicyFault::DropList, || {
        let (mut a, mut mallory) = pair();
        let commit = forged(&mut mallory, 1, &[ids(1).1], Vec::new(), &[]);
        taken(&mut a, &commit, 1, &[])
    });
}

#[test]
fn mem_007_the_shown_drop_list_is_the_removed_leaves() {
    stopped_by(PolicyFault::ShownDropList, || {
        let (mut a, mut mallory) = pair();
        let commit = forged(&mut mallory, 1, &[], Vec::new(), &[]);
        // Nobody is removed, and the server was told to cut the judge off.
        taken(&mut a, &commit, 1, &[ids(1).1])
    });
    // Somebody is removed, and the server was not told: it goes on passing packets to them.
    stopped_by(PolicyFault::ShownDropList, || {
        let (mut a, mut mallory) = three();
        let leaf = leaf_of(&a, 3);
        let commit = forged(&mut mallory, 2, &[ids(3).1], Vec::new(), &[leaf]);
        taken(&mut a, &commit, 2, &[])
    });
}

#[test]
fn mem_008_an_added_leaf_says_who_it_is() {
    let ghost = identity(9);
    let good = ghost.data.to_bytes();
    let longer = [good.as_slice(), &[0]].concat();
    let mut talker = identity(9).data;
    talker.name = "x".repeat(MAX_NAME + 1);
    // Says that it is a host (key 3), and shows nothing for it.
    let mut boaster = good.clone();
    let role = good.windows(2).position(|pair| pair == [3, 0]).unwrap();
    boaster[role + 1] = 1;
    assert!(add_is_taken(package_with(&ghost, &good, credential(&ghost))));
    for said in [b"nobody".to_vec(), longer, talker.to_bytes(), boaster] {
        stopped_by(PolicyFault::LeafData, || {
            add_is_taken(package_with(&ghost, &said, credential(&ghost)))
        });
    }
    // And says something at all.
    stopped_by(PolicyFault::LeafData, || {
        let bundle = KeyPackage::builder()
            .key_package_lifetime(lifetime())
            .leaf_node_capabilities(capabilities())
            .build(SUITE, &keyring(1).provider, &ghost.key, credential(&ghost));
        add_is_taken(bundle.unwrap().key_package().clone())
    });
}

#[test]
fn mem_009_an_added_credential_names_its_leaf() {
    let ghost = identity(9);
    stopped_by(PolicyFault::CredentialId, || {
        add_is_taken(package_with(&ghost, &identity(8).data.to_bytes(), credential(&ghost)))
    });
    // All of it: not an id with something behind.
    stopped_by(PolicyFault::CredentialId, || {
        let longer = CredentialWithKey {
            credential: BasicCredential::new(vec![9; 17]).into(),
            ..credential(&ghost)
        };
        add_is_taken(package_with(&ghost, &ghost.data.to_bytes(), longer))
    });
}

#[test]
fn mem_010_nobody_is_added_under_a_members_id() {
    stopped_by(PolicyFault::MemberIdTaken, || {
        let mut ghost = identity(9);
        ghost.data.member_id = ids(1).0;
        add_is_taken(package(&ghost))
    });
    stopped_by(PolicyFault::MemberIdTaken, || {
        twin_is_taken(|twin| twin.member_id = ids(8).0)
    });
}

#[test]
fn mem_011_nobody_is_added_under_a_members_transport() {
    stopped_by(PolicyFault::TransportIdTaken, || {
        let mut ghost = identity(9);
        ghost.data.transport_id = ids(1).1;
        add_is_taken(package(&ghost))
    });
    stopped_by(PolicyFault::TransportIdTaken, || {
        twin_is_taken(|twin| twin.transport_id = ids(8).1)
    });
}

/// Member 8 and a second leaf, which takes something of theirs, come in one commit.
fn twin_is_taken(take: impl FnOnce(&mut LeafData)) -> bool {
    let mut twin = identity(9);
    take(&mut twin.data);
    let (mut a, mut mallory) = pair();
    let both = vec![package(&identity(8)), package(&twin)];
    let commit = forged(&mut mallory, 1, &[], both, &[]);
    taken(&mut a, &commit, 1, &[])
}

#[test]
fn mem_012_nobody_takes_the_place_of_another_leaf() {
    stopped_by(PolicyFault::LeafTaken, || {
        let (mut a, mut mallory) = three();
        let (leaf, drop) = (leaf_of(&a, 3), vec![ids(3).1]);
        let mut usurper = identity(9);
        usurper.data.member_id = ids(3).0;
        let package = package(&usurper);
        let commit = forged(&mut mallory, 2, &drop, vec![package], &[leaf]);
        taken(&mut a, &commit, 2, &drop)
    });
    let (mut a, mut mallory) = three();
    let leaf = leaf_of(&a, 3);
    let own = mallory
        .commit(plan(vec![package(&identity(3))], vec![leaf]), 2, [9; 24])
        .unwrap();
    assert!(
        taken(&mut a, &own.commit, 2, &own.drop),
        "the holder of the leaf's key was not added anew"
    );
    // With a resume proof: only one by the key of the leaf that goes, for this call and member, and for the very key that comes.
    let (old, call, id) = (identity(3).key, call(), ids(3).0);
    let other_call = CallId::from_bytes([8; 16]);
    let (key, other_key) = (identity(9).key.public(), identity(8).key.public());
    assert!(
        heir_is_taken(prove_resume(&old, &call, &id, &key)),
        "a good proof was refused"
    );
    for proof in [
        prove_resume(&identity(9).key, &call, &id, &key),
        prove_resume(&old, &other_call, &id, &key),
        prove_resume(&old, &call, &ids(2).0, &key),
        prove_resume(&old, &call, &id, &other_key),
    ] {
        stopped_by(PolicyFault::LeafTaken, || heir_is_taken(proof));
    }
}

/// Member 3's leaf goes, and one with another key and this proof comes under its id.
fn heir_is_taken(proof: [u8; 64]) -> bool {
    let (mut a, mut mallory) = three();
    let (leaf, drop) = (leaf_of(&a, 3), vec![ids(3).1]);
    let mut heir = identity(9);
    (heir.data.member_id, heir.data.transport_id) = ids(3);
    heir.data.resume = Some(proof);
    let commit = forged(&mut mallory, 2, &drop, vec![package(&heir)], &[leaf]);
    taken(&mut a, &commit, 2, &drop)
}

#[test]
fn mem_013_a_group_has_a_largest_size() {
    stopped_by(PolicyFault::TooManyMembers, || {
        MOST.set(Some(2));
        let went_through = add_is_taken(package(&identity(9)));
        MOST.set(None);
        went_through
    });
}

#[test]
fn mem_014_every_add_mixes_in_the_links_secret() {
    stopped_by(PolicyFault::AddWithoutLinkKey, || {
        let (mut a, mut mallory) = pair();
        say(&mut mallory, 1, &[], &[]);
        let commit = mallory
            .build_with(vec![package(&identity(9))], &[], false, None)
            .unwrap()
            .0;
        taken(&mut a, &commit, 1, &[])
    });
    // Another secret is not the link's.
    stopped_by(PolicyFault::AddWithoutLinkKey, || {
        added_by_keys(|_| vec![b"another".to_vec()])
    });
}

/// An Add that mixes in the pre-shared keys of these names; judge and attacker have agreed on one that is not the link's.
fn added_by_keys(names: impl FnOnce(Vec<u8>) -> Vec<Vec<u8>>) -> bool {
    let (mut a, mut mallory) = pair();
    say(&mut mallory, 1, &[], &[]);
    store_foreign(&a.keyring, b"another");
    let names = names(mallory.keyring.room.psk_id());
    let commit = added_with(&mut mallory, package(&identity(9)), &names).0;
    taken(&mut a, &commit, 1, &[])
}

#[test]
fn mem_015_no_other_key_is_mixed_in() {
    stopped_by(PolicyFault::ForeignKey, || {
        let (mut a, mut mallory) = pair();
        say(&mut mallory, 1, &[], &[]);
        let commit = mallory.build_with(Vec::new(), &[], true, None).unwrap().0;
        taken(&mut a, &commit, 1, &[])
    });
    stopped_by(PolicyFault::ForeignKey, || {
        let (mut a, mut mallory) = pair();
        store_foreign(&a.keyring, b"another");
        store_foreign(&mallory.keyring, b"another");
        let commit = raw(&mut mallory, 1, |builder| builder.add_proposals([foreign_key()]));
        taken(&mut a, &commit, 1, &[])
    });
    // Beside the link's: another one that the two have agreed on, or the link's once more.
    assert!(added_by_keys(|ours| vec![ours]));
    stopped_by(PolicyFault::ForeignKey, || {
        added_by_keys(|ours| vec![ours, b"another".to_vec()])
    });
    stopped_by(PolicyFault::ForeignKey, || {
        added_by_keys(|ours| vec![ours.clone(), ours])
    });
}

#[test]
fn mem_025_handshakes_outside_the_log_are_not_decrypted() {
    stopped_by(PolicyFault::HandshakeOutsideLog, || {
        let (mut a, mut mallory) = pair();
        let commit = forged(&mut mallory, 1, &[], Vec::new(), &[]);
        // The server shows the judge the commit as a message first: were it decrypted, the judge alone could not read it in the log.
        assert!(a.open(&commit).is_err());
        !taken(&mut a, &commit, 1, &[])
    });
    // Nor a proposal, which nobody needs at all.
    stopped_by(PolicyFault::HandshakeOutsideLog, || {
        let (mut a, mut mallory) = three();
        let leaf = LeafNodeIndex::new(leaf_of(&a, 3));
        let provider = &mallory.keyring.provider;
        let proposed = mallory.mls.propose_remove_member(provider, &mallory.identity.key, leaf);
        let bytes = proposed.unwrap().0.to_bytes().unwrap();
        // What was decrypted turns out to be no message.
        matches!(a.open(&bytes).err(), Some(CoreError::Malformed))
    });
}
