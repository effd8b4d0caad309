//! One attack for each rule about what a commit is made of: kinds of proposals, what it says of itself, its committer's leaf; see [`super::checks`] and
//! [`super::attacks`].
//!
//! Does not test whom a commit adds and removes (`commit_attacks`, `order_attacks`).

use conclave_protocol::order::Decision;
use openmls::prelude::tls_codec::{DeserializeBytes as _, Serialize as _};
use openmls::prelude::{
    CustomProposal, ExternalInitProposal, KeyPackage, LeafNodeIndex, LeafNodeParameters, NewSignerBundle,
    OpenMlsProvider as _, ProcessedMessageContent, Proposal, ProposalType, ReInitProposal,
};

use super::attacks::{built, external_commit, founded_as, ids, leaf_of, pair, raw, say, taken, three};
use super::checks::off::{stopped_by, stopped_by_one_of};
use super::policy::check_kind;
use super::tests::{add, call, identity, keyring, plan};
use super::*;

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
    // A leaf that another member renews for its owner, who calls itself something else from now on.
    stopped_by_one_of(
        PolicyFault::ProposalType,
        &[PolicyFault::ProposalByReference],
        an_update_is_taken,
    );
    // One that both leaves understand, ours by mistake.
    stopped_by(PolicyFault::ProposalType, || {
        let (mut a, mut mallory) = pair_of_the_future();
        let unknown = CustomProposal::new(FUTURE, b"anything".to_vec());
        let commit = raw(&mut mallory, 1, |builder| {
            builder.add_proposals([Proposal::Custom(Box::new(unknown))])
        });
        taken(&mut a, &commit, 1, &[])
    });
    // The library makes no commits of these, and another one might.
    let id: Vec<u8> = [&[16], call().as_bytes().as_slice()].concat();
    let (version, suite) = (ProtocolVersion::Mls10, u16::from(SUITE));
    let other_suite = [
        id,
        version.tls_serialize_detached().unwrap(),
        suite.to_be_bytes().to_vec(),
        vec![0],
    ]
    .concat();
    let reinit = || Box::new(ReInitProposal::tls_deserialize_exact_bytes(&other_suite).unwrap());
    let external = || Box::new(ExternalInitProposal::tls_deserialize_exact_bytes(&[1, 7]).unwrap());
    for make in [
        &(|| Proposal::ReInit(reinit())) as &dyn Fn() -> Proposal,
        &|| Proposal::ExternalInit(external()),
        &|| Proposal::SelfRemove,
    ] {
        stopped_by(PolicyFault::ProposalType, || check_kind(&make()).is_ok());
    }
}

/// A proposal that no version of this program knows.
const FUTURE: u16 = 0xF0C9;

/// Judge and attacker, whose leaves say that they understand one.
fn pair_of_the_future() -> (Group, Group) {
    let able = || {
        let proposals = [ProposalType::Custom(FUTURE)];
        let credentials = [CredentialType::Basic];
        Capabilities::new(
            Some(&[ProtocolVersion::Mls10]),
            Some(&[SUITE]),
            Some(&our_extensions()),
            Some(&proposals),
            Some(&credentials),
        )
    };
    let (ring, attacker) = (keyring(1), identity(2));
    let data = GroupData::founded(&ring.room, ring.room.sheet.as_ref().unwrap(), call(), &identity(1));
    let mut a = founded_as(able(), group_extensions(&data).unwrap());
    let bundle = KeyPackage::builder()
        .key_package_lifetime(lifetime())
        .leaf_node_capabilities(able())
        .leaf_node_extensions(leaf_extensions(&attacker.data).unwrap())
        .build(SUITE, &ring.provider, &attacker.key, credential(&attacker))
        .unwrap();
    let package = bundle.key_package().clone();
    let own = a.commit(plan(vec![package], Vec::new()), 0, [9; 24]).unwrap();
    a.merge_own().unwrap();
    let mallory = ring.join(attacker, call(), &own.welcome.unwrap());
    (a, mallory.unwrap_or_else(|back| panic!("not let in: {}", back.2)))
}

/// The attacker proposes another leaf of its own, the judge keeps that in mind, and an accomplice commits it.
fn an_update_is_taken() -> bool {
    let (mut a, mut mallory) = pair();
    let mut accomplice = add(&mut a, &mut [&mut mallory], 3, 1, 1).unwrap();
    let mut renamed = mallory.identity.data.clone();
    renamed.name = "member 1".to_owned();
    let leaf = LeafNodeParameters::builder().with_extensions(leaf_extensions(&renamed).unwrap());
    let provider = &mallory.keyring.provider;
    let proposed = mallory
        .mls
        .propose_self_update(provider, &mallory.identity.key, leaf.build());
    let bytes = proposed.unwrap().0.to_bytes().unwrap();
    keep_in_mind(&mut a, &bytes);
    keep_in_mind(&mut accomplice, &bytes);
    say(&mut accomplice, 2, &[], &[]);
    let builder = accomplice.mls.commit_builder().consume_proposal_store(true);
    let commit = built(builder, &accomplice.keyring.provider, &accomplice.identity.key);
    taken(&mut a, &commit, 2, &[])
}

/// What our own client does not do: it decrypts a proposal and waits for a commit that refers to it.
fn keep_in_mind(group: &mut Group, proposal: &[u8]) {
    let message = super::commit::private_message(proposal).unwrap();
    let processed = group.mls.process_message(&group.keyring.provider, message).unwrap();
    let ProcessedMessageContent::ProposalMessage(proposal) = processed.into_content() else {
        panic!("not a proposal")
    };
    let storage = group.keyring.provider.storage();
    group.mls.store_pending_proposal(storage, *proposal).unwrap();
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
        keep_in_mind(&mut a, &message.to_bytes().unwrap());
        let gone = a.leaves().into_iter().find(|l| l.index == leaf).unwrap().name();
        let silent = mallory.order(Decision::Silent { leaf: gone });
        say(&mut mallory, 2, &drop, &[silent]);
        let builder = mallory.mls.commit_builder().consume_proposal_store(true);
        let commit = built(builder, &mallory.keyring.provider, &mallory.identity.key);
        taken(&mut a, &commit, 2, &drop)
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
    stopped_by(PolicyFault::CommitterLeaf, || {
        let (mut a, mut mallory) = pair();
        let more = Capabilities::new(
            Some(&[ProtocolVersion::Mls10]),
            Some(&[SUITE]),
            Some(&our_extensions()),
            Some(&[ProposalType::SelfRemove]),
            Some(&[CredentialType::Basic]),
        );
        let commit = raw(&mut mallory, 1, |builder| {
            builder.leaf_node_parameters(LeafNodeParameters::builder().with_capabilities(more).build())
        });
        taken(&mut a, &commit, 1, &[])
    });
    // Its id, and its signature key.
    stopped_by(PolicyFault::CommitterLeaf, || {
        let (mut a, mut mallory) = pair();
        let other = CredentialWithKey {
            credential: BasicCredential::new(vec![9; 16]).into(),
            ..credential(&mallory.identity)
        };
        let commit = raw(&mut mallory, 1, |builder| {
            builder.leaf_node_parameters(LeafNodeParameters::builder().with_credential_with_key(other).build())
        });
        taken(&mut a, &commit, 1, &[])
    });
    stopped_by(PolicyFault::CommitterLeaf, || {
        let (mut a, mut mallory) = pair();
        let key = LeafKey::from_seed(&[77; 32]);
        let credential_with_key = CredentialWithKey {
            signature_key: key.public().to_vec().into(),
            ..credential(&mallory.identity)
        };
        let signer = NewSignerBundle {
            signer: &key,
            credential_with_key,
        };
        say(&mut mallory, 1, &[], &[]);
        let (mls, provider) = (&mut mallory.mls, &mallory.keyring.provider);
        let builder = mls.commit_builder().load_psks(provider.storage()).unwrap();
        let (rand, crypto) = (provider.rand(), provider.crypto());
        let built = builder.build_with_new_signer(rand, crypto, &mallory.identity.key, signer, |_| true);
        let bundle = built.unwrap().stage_commit(provider).unwrap();
        taken(&mut a, &bundle.commit().to_bytes().unwrap(), 1, &[])
    });
}

#[test]
fn mem_062_what_a_commit_says_of_itself_can_be_read() {
    // What cannot be read names no sequence and has no orders, either.
    let others = [PolicyFault::BaseSequence, PolicyFault::OrdersSealed];
    let says = |data: &dyn Fn(Vec<u8>) -> Vec<u8>| {
        let (mut a, mut mallory) = pair();
        let good = mallory.commit_data(1, &[], &[], [9; 24]).unwrap().to_bytes();
        mallory.mls.set_aad(data(good));
        let commit = mallory.build_with(Vec::new(), &[], false, None).unwrap().0;
        taken(&mut a, &commit, 1, &[])
    };
    assert!(says(&|good| good));
    for data in [
        &(|_| Vec::new()) as &dyn Fn(Vec<u8>) -> Vec<u8>,
        &|_| b"nothing".to_vec(),
        &|good| [good.as_slice(), &[0]].concat(),
    ] {
        stopped_by_one_of(PolicyFault::CommitDataForm, &others, || says(data));
    }
}
