//! One attack for each rule about commits; see [`super::checks`] and [`super::attacks`].
//!
//! Does not test what roles and orders allow (`role_attacks`).

use conclave_protocol::ids::CallId;
use conclave_protocol::order::Decision;
use openmls::prelude::{LeafNodeIndex, LeafNodeParameters, ProcessedMessageContent};

use super::attacks::{
    add_is_taken, built, external_commit, forged, ids, leaf_of, package, package_with, pair, raw, say, taken, three,
};
use super::checks::off::{stopped_by, stopped_by_one_of};
use super::policy::MOST;
use super::tests::{call, identity, plan};
use super::*;
use openmls::prelude::OpenMlsProvider as _;

/// The three locks on the door of external commits.
const EXTERNAL: [PolicyFault; 3] = [
    PolicyFault::PublicMessage,
    PolicyFault::ForeignSender,
    PolicyFault::ProposalType,
];

fn external_commit_is_stopped_by(rule: PolicyFault) {
    let others: Vec<PolicyFault> = EXTERNAL.into_iter().filter(|r| *r != rule).collect();
    stopped_by_one_of(rule, &others, || {
        let (mut a, mallory) = pair();
        let commit = external_commit(&mallory, 1);
        taken(&mut a, &commit, 1, &[])
    });
}

#[test]
fn mem_001_only_private_messages_reach_the_library() {
    external_commit_is_stopped_by(PolicyFault::PublicMessage);
}

#[test]
fn mem_002_whoever_commits_is_a_member() {
    external_commit_is_stopped_by(PolicyFault::ForeignSender);
}

#[test]
fn mem_003_no_other_kind_of_proposal() {
    external_commit_is_stopped_by(PolicyFault::ProposalType);
}

#[test]
fn mem_004_proposals_stand_in_the_commit() {
    stopped_by(PolicyFault::ProposalByReference, || {
        let (mut a, mut mallory) = three();
        let (leaf, drop) = (leaf_of(&a, 3), vec![ids(3).1]);
        let provider = &mallory.keyring.provider;
        let (message, _) = mallory
            .mls
            .propose_remove_member(provider, &mallory.identity.key, LeafNodeIndex::new(leaf))
            .unwrap();
        let message = super::commit::private_message(&message.to_bytes().unwrap()).unwrap();
        let processed = a.mls.process_message(&a.keyring.provider, message).unwrap();
        let ProcessedMessageContent::ProposalMessage(proposal) = processed.into_content() else {
            panic!("not a proposal")
        };
        a.mls
            .store_pending_proposal(a.keyring.provider.storage(), *proposal)
            .unwrap();
        let gone = a.leaves().into_iter().find(|l| l.index == leaf).unwrap().name();
        let silent = mallory.order(Decision::Silent { leaf: gone });
        say(&mut mallory, 2, &drop, &[silent]);
        let builder = mallory.mls.commit_builder().consume_proposal_store(true);
        let commit = built(builder, &mallory.keyring.provider, &mallory.identity.key);
        taken(&mut a, &commit, 2, &drop)
    });
}

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
}

#[test]
fn mem_007_the_shown_drop_list_is_the_removed_leaves() {
    stopped_by(PolicyFault::ShownDropList, || {
        let (mut a, mut mallory) = pair();
        let commit = forged(&mut mallory, 1, &[], Vec::new(), &[]);
        // Nobody is removed, and the server was told to cut the judge off.
        taken(&mut a, &commit, 1, &[ids(1).1])
    });
}

#[test]
fn mem_008_an_added_leaf_says_who_it_is() {
    stopped_by(PolicyFault::LeafData, || {
        let ghost = identity(9);
        add_is_taken(package_with(&ghost, b"nobody", credential(&ghost)))
    });
}

#[test]
fn mem_009_an_added_credential_names_its_leaf() {
    stopped_by(PolicyFault::CredentialId, || {
        let ghost = identity(9);
        add_is_taken(package_with(&ghost, &identity(8).data.to_bytes(), credential(&ghost)))
    });
}

#[test]
fn mem_010_nobody_is_added_under_a_members_id() {
    stopped_by(PolicyFault::MemberIdTaken, || {
        let mut ghost = identity(9);
        ghost.data.member_id = ids(1).0;
        add_is_taken(package(&ghost))
    });
}

#[test]
fn mem_011_nobody_is_added_under_a_members_transport() {
    stopped_by(PolicyFault::TransportIdTaken, || {
        let mut ghost = identity(9);
        ghost.data.transport_id = ids(1).1;
        add_is_taken(package(&ghost))
    });
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
}

#[test]
fn mem_015_no_other_key_is_mixed_in() {
    stopped_by(PolicyFault::ForeignKey, || {
        let (mut a, mut mallory) = pair();
        say(&mut mallory, 1, &[], &[]);
        let commit = mallory.build_with(Vec::new(), &[], true, None).unwrap().0;
        taken(&mut a, &commit, 1, &[])
    });
}

#[test]
fn mem_016_a_committer_keeps_its_leaf() {
    stopped_by(PolicyFault::CommitterLeaf, || {
        let (mut a, mut mallory) = pair();
        let mut renamed = mallory.identity.data.clone();
        renamed.name = "member 1".to_owned();
        let commit = raw(&mut mallory, 1, |builder| {
            let leaf = LeafNodeParameters::builder().with_extensions(leaf_extensions(&renamed).unwrap());
            builder.leaf_node_parameters(leaf.build())
        });
        taken(&mut a, &commit, 1, &[])
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
}
