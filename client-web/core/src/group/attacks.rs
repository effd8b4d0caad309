//! One attack for each rule of membership, by our own code with its own checks left out; see [`super::checks`].
//!
//! Does not test what the library refuses by itself. Each attack says whether it went through; `stopped_by` runs it with the rule on and off.

use conclave_protocol::ids::{CallId, MemberId, RoomFp, TransportId};
use conclave_protocol::order::{Decision, Order};
use openmls::prelude::{
    CommitBuilder, Initial, LeafNodeIndex, LeafNodeParameters, ProcessedMessageContent, ProposalType, RatchetTreeIn,
};

use super::checks::off::{stopped_by, stopped_by_one_of};
use super::commit::Incoming;
use super::policy::MOST;
use super::tests::{add, call, identity, keyring, plan};
use super::*;

/// Two members, the second of whom is the attacker.
fn pair() -> (Group, Group) {
    let mut a = keyring(1).found(identity(1), call()).unwrap();
    let mallory = add(&mut a, &mut [], 2, 1, 0).unwrap();
    (a, mallory)
}

/// Three members: a victim who is gone, the one who judges, and the attacker.
fn three() -> (Group, Group) {
    let (mut a, mut mallory) = pair();
    drop(add(&mut a, &mut [&mut mallory], 3, 1, 1).unwrap());
    (a, mallory)
}

pub(super) fn ids(n: u8) -> (MemberId, TransportId) {
    let data = identity(n).data;
    (data.member_id, data.transport_id)
}

pub(super) fn leaf_of(group: &Group, n: u8) -> u32 {
    let id = ids(n).0;
    group.leaves().iter().find(|l| l.data.member_id == id).unwrap().index
}

/// A key package of a leaf that says what the attacker likes.
fn package_with(identity: &Identity, extension: &[u8], credential: CredentialWithKey) -> KeyPackage {
    let ring = keyring(1);
    let extension = Extension::Unknown(LEAF_EXTENSION, UnknownExtension(extension.to_vec()));
    let bundle = KeyPackage::builder()
        .key_package_lifetime(lifetime())
        .leaf_node_capabilities(capabilities())
        .leaf_node_extensions(Extensions::single(extension).unwrap())
        .build(SUITE, &ring.provider, &identity.key, credential)
        .unwrap();
    bundle.key_package().clone()
}

pub(super) fn package(identity: &Identity) -> KeyPackage {
    package_with(identity, &identity.data.to_bytes(), credential(identity))
}

pub(crate) type Builder<'a> = CommitBuilder<'a, Initial>;

/// A commit past all checks of one's own client.
pub(crate) fn raw(mallory: &mut Group, seq: u64, shape: impl FnOnce(Builder<'_>) -> Builder<'_>) -> Vec<u8> {
    mallory.discard_own().unwrap();
    say(mallory, seq, &[], &[]);
    let provider = &mallory.keyring.provider;
    shape(mallory.mls.commit_builder().force_self_update(true))
        .load_psks(provider.storage())
        .unwrap()
        .build(provider.rand(), provider.crypto(), &mallory.identity.key, |_| true)
        .unwrap()
        .stage_commit(provider)
        .unwrap()
        .commit()
        .to_bytes()
        .unwrap()
}

/// What the next commit's authenticated data say.
fn say(mallory: &mut Group, seq: u64, drop: &[TransportId], orders: &[Order]) {
    let data = mallory.commit_data(seq, drop, orders, [9; 24]).unwrap();
    mallory.mls.set_aad(data.to_bytes());
}

/// A commit of Adds (with the link's key) and Removes (for silence, of which the attacker says that it is so).
fn forged(mallory: &mut Group, seq: u64, drop: &[TransportId], adds: Vec<KeyPackage>, removes: &[u32]) -> Vec<u8> {
    let gone: Vec<Leaf> = mallory
        .leaves()
        .into_iter()
        .filter(|l| removes.contains(&l.index))
        .collect();
    let orders: Vec<Order> = gone
        .iter()
        .map(|l| mallory.order(Decision::Silent { leaf: l.name() }))
        .collect();
    forged_with(mallory, seq, drop, (adds, removes), &orders, None)
}

/// A commit with any orders and rules.
pub(crate) fn forged_with(
    mallory: &mut Group,
    seq: u64,
    drop: &[TransportId],
    (adds, removes): (Vec<KeyPackage>, &[u32]),
    orders: &[Order],
    rules: Option<&GroupData>,
) -> Vec<u8> {
    mallory.discard_own().unwrap();
    say(mallory, seq, drop, orders);
    let with_psk = !adds.is_empty();
    mallory.build_with(adds, removes, with_psk, rules).unwrap().0
}

pub(super) fn taken(judge: &mut Group, commit: &[u8], seq: u64, drop: &[TransportId]) -> bool {
    match judge.read_commit(commit, seq, drop) {
        Incoming::Valid(verified) => judge.merge(*verified).is_ok(),
        _ => false,
    }
}

/// An Add of `package` by the attacker, as the judge sees it.
fn add_is_taken(package: KeyPackage) -> bool {
    let (mut a, mut mallory) = pair();
    let commit = forged(&mut mallory, 1, &[], vec![package], &[]);
    taken(&mut a, &commit, 1, &[])
}

/// A key package of somebody whom nobody knows.
pub(crate) fn ghost() -> KeyPackage {
    package(&identity(9))
}

/// Joins by an external commit, from group state that a member gave away.
pub(crate) fn external_commit(from: &Group, seq: u64) -> Vec<u8> {
    let crypto = from.keyring.provider.crypto();
    let info = from.mls.export_group_info(crypto, &from.identity.key, false).unwrap();
    let info = MlsMessageIn::tls_deserialize_exact_bytes(&info.to_bytes().unwrap()).unwrap();
    let MlsMessageBodyIn::GroupInfo(info) = info.extract() else {
        panic!("not group state")
    };
    let (ghost, ring) = (identity(9), keyring(1));
    let config = MlsGroupJoinConfig::builder()
        .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
        .use_ratchet_tree_extension(true)
        .build();
    let leaf = LeafNodeParameters::builder()
        .with_capabilities(capabilities())
        .with_extensions(leaf_extensions(&ghost.data).unwrap())
        .build();
    let (_, bundle) = MlsGroup::external_commit_builder()
        .with_aad(from.commit_data(seq, &[], &[], [9; 24]).unwrap().to_bytes())
        .with_config(config)
        .with_ratchet_tree(RatchetTreeIn::from(from.mls.export_ratchet_tree()))
        .build_group(&ring.provider, info, credential(&ghost))
        .unwrap()
        .leaf_node_parameters(leaf)
        .load_psks(ring.provider.storage())
        .unwrap()
        .build(ring.provider.rand(), ring.provider.crypto(), &ghost.key, |_| true)
        .unwrap()
        .finalize(&ring.provider)
        .unwrap();
    bundle.commit().to_bytes().unwrap()
}

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
        let provider = &mallory.keyring.provider;
        let commit = mallory
            .mls
            .commit_builder()
            .consume_proposal_store(true)
            .load_psks(provider.storage())
            .unwrap()
            .build(provider.rand(), provider.crypto(), &mallory.identity.key, |_| true)
            .unwrap()
            .stage_commit(provider)
            .unwrap()
            .commit()
            .to_bytes()
            .unwrap();
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

/// An evil founder's group for one victim, who knocked at `asked`.
fn victim_joins(founder: Group, asked: CallId, with_psk: bool) -> bool {
    victim_joins_as(founder, asked, with_psk, identity(3))
}

fn victim_joins_as(mut founder: Group, asked: CallId, with_psk: bool, victim: Identity) -> bool {
    let ring = keyring(1);
    let bytes = ring.key_package(&mut identity(3), call()).unwrap();
    let package = ring.read_key_package(&bytes).unwrap().0;
    let welcome = founder
        .build_with(vec![package], &[], with_psk, None)
        .unwrap()
        .1
        .unwrap();
    ring.join(victim, asked, &welcome).is_ok()
}

fn founded_with(change: impl FnOnce(&mut GroupData), sign_again: bool) -> Group {
    let (ring, founder) = (keyring(1), identity(1));
    let mut data = GroupData::founded(&ring.room, ring.room.sheet.as_ref().unwrap(), call(), &founder);
    change(&mut data);
    if sign_again {
        data.sign(&founder.key);
    }
    ring.found_with(founder, call(), &data).unwrap()
}

#[test]
fn mem_017_a_welcome_mixes_in_the_links_secret() {
    stopped_by(PolicyFault::WelcomeLinkKey, || victim_joins(pair().0, call(), false));
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
    ] {
        stopped_by(PolicyFault::GroupData, || {
            victim_joins(founded_with(change, true), call(), true)
        });
    }
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
    stopped_by(PolicyFault::WelcomeLeaf, || {
        let ghost = identity(9);
        victim_joins(
            haunted(package_with(&ghost, b"nobody", credential(&ghost))),
            call(),
            true,
        )
    });
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

#[test]
fn the_attacks_tools_work_when_nothing_is_wrong() {
    assert!(add_is_taken(package(&identity(9))));
    assert!(victim_joins(pair().0, call(), true));
    assert!(victim_joins(founded_with(|_| {}, true), call(), true));
    let (mut a, mut mallory) = three();
    let (leaf, drop) = (leaf_of(&a, 3), vec![ids(3).1]);
    let commit = forged(&mut mallory, 2, &drop, Vec::new(), &[leaf]);
    assert!(taken(&mut a, &commit, 2, &drop));
}
