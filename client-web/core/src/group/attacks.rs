//! The attacker's tools: our own code with its own checks left out, and a victim who joins or judges.
//!
//! Does not attack: `proposal_attacks`, `commit_attacks`, `join_attacks`, `role_attacks`, `invite_attacks` and `gate_attacks` do, one attack for each rule of [`super::checks`].
//! Each says whether it went through; `stopped_by` runs it with the rule on and off.

use conclave_protocol::ids::{CallId, MemberId, TransportId};
use conclave_protocol::order::{Decision, Order};
use openmls::prelude::{CommitBuilder, Initial, LeafNodeParameters, RatchetTreeIn};

use super::commit::Incoming;
use super::provider::Provider;
use super::tests::{add, call, identity, keyring};
use super::*;
use openmls::prelude::tls_codec::DeserializeBytes as _;
use openmls::prelude::{
    KeyPackage, MlsGroupCreateConfig, MlsGroupJoinConfig, MlsMessageBodyIn, MlsMessageIn, OpenMlsProvider as _,
    PURE_CIPHERTEXT_WIRE_FORMAT_POLICY, PreSharedKeyProposal, Proposal,
};
use openmls::schedule::{ExternalPsk, PreSharedKeyId, Psk};

/// Two members, the second of whom is the attacker.
pub(super) fn pair() -> (Group, Group) {
    let mut a = keyring(1).found(identity(1), call()).unwrap();
    let mallory = add(&mut a, &mut [], 2, 1, 0).unwrap();
    (a, mallory)
}

/// Three members: a victim who is gone, the one who judges, and the attacker.
pub(super) fn three() -> (Group, Group) {
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
pub(super) fn package_with(identity: &Identity, extension: &[u8], credential: CredentialWithKey) -> KeyPackage {
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
    let Group {
        mls, keyring, identity, ..
    } = mallory;
    let builder = shape(mls.commit_builder().force_self_update(true));
    built(builder, &keyring.provider, &identity.key)
}

/// The bytes of a commit, whatever stands in it.
pub(super) fn built(builder: Builder<'_>, provider: &Provider, key: &LeafKey) -> Vec<u8> {
    builder
        .load_psks(provider.storage())
        .unwrap()
        .build(provider.rand(), provider.crypto(), key, |_| true)
        .unwrap()
        .stage_commit(provider)
        .unwrap()
        .commit()
        .to_bytes()
        .unwrap()
}

/// An Add that mixes in the pre-shared keys of these names; a foreign one is in the attacker's store afterwards. Gives the commit and the Welcome.
pub(super) fn added_with(by: &mut Group, package: KeyPackage, keys: &[Vec<u8>]) -> (Vec<u8>, Vec<u8>) {
    store_foreign(&by.keyring, b"another");
    let provider = &by.keyring.provider;
    let psks: Vec<Proposal> = keys
        .iter()
        .map(|name| {
            let psk = Psk::External(ExternalPsk::new(name.clone()));
            let id = PreSharedKeyId::new(SUITE, provider.rand(), psk).unwrap();
            Proposal::PreSharedKey(Box::new(PreSharedKeyProposal::new(id)))
        })
        .collect();
    let bundle = by
        .mls
        .commit_builder()
        .consume_proposal_store(false)
        .force_self_update(true)
        .propose_adds([package])
        .add_proposals(psks)
        .load_psks(provider.storage())
        .unwrap()
        .build(provider.rand(), provider.crypto(), &by.identity.key, |_| true)
        .unwrap()
        .stage_commit(provider)
        .unwrap();
    let welcome = bundle.to_welcome_msg().unwrap().to_bytes().unwrap();
    (bundle.commit().to_bytes().unwrap(), welcome)
}

/// A pre-shared key that is not the link's.
pub(super) fn store_foreign(ring: &Keyring, name: &[u8]) {
    let id = PreSharedKeyId::external(name.to_vec(), Vec::new());
    id.store(&ring.provider, &[7; 32]).unwrap();
}

/// That pre-shared key, as a proposal.
pub(super) fn foreign_key() -> Proposal {
    let psk = Psk::External(ExternalPsk::new(b"another".to_vec()));
    let id = PreSharedKeyId::new(SUITE, keyring(1).provider.rand(), psk).unwrap();
    Proposal::PreSharedKey(Box::new(PreSharedKeyProposal::new(id)))
}

/// What the next commit's authenticated data say.
pub(super) fn say(mallory: &mut Group, seq: u64, drop: &[TransportId], orders: &[Order]) {
    let data = mallory.commit_data(seq, drop, orders, [9; 24]).unwrap();
    mallory.mls.set_aad(data.to_bytes());
}

/// A commit of Adds (with the link's key) and Removes (for silence, of which the attacker says that it is so).
pub(super) fn forged(
    mallory: &mut Group,
    seq: u64,
    drop: &[TransportId],
    adds: Vec<KeyPackage>,
    removes: &[u32],
) -> Vec<u8> {
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
pub(super) fn add_is_taken(package: KeyPackage) -> bool {
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

/// An evil founder's group for one victim, who knocked at `asked`.
pub(super) fn victim_joins(founder: Group, asked: CallId, with_psk: bool) -> bool {
    victim_joins_as(founder, asked, with_psk, identity(3))
}

pub(super) fn victim_joins_as(mut founder: Group, asked: CallId, with_psk: bool, victim: Identity) -> bool {
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

pub(super) fn founded_with(change: impl FnOnce(&mut GroupData), sign_again: bool) -> Group {
    let (ring, founder) = (keyring(1), identity(1));
    let mut data = GroupData::founded(&ring.room, ring.room.sheet.as_ref().unwrap(), call(), &founder);
    change(&mut data);
    if sign_again {
        data.sign(&founder.key);
    }
    ring.found_with(founder, call(), &data).unwrap()
}

/// A group of one that our own client does not make: its founder's leaf can do other things, or its context says other things.
pub(super) fn founded_as(capabilities: Capabilities, context: Extensions<GroupContext>) -> Group {
    let (ring, founder) = (keyring(1), identity(1));
    let config = MlsGroupCreateConfig::builder()
        .ciphersuite(SUITE)
        .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
        .use_ratchet_tree_extension(true)
        .lifetime(lifetime())
        .capabilities(capabilities)
        .with_group_context_extensions(context)
        .with_leaf_node_extensions(leaf_extensions(&founder.data).unwrap())
        .unwrap()
        .build();
    let (id, credential) = (group_id(call()), credential(&founder));
    let mls = MlsGroup::new_with_group_id(&ring.provider, &founder.key, &config, id, credential).unwrap();
    Group {
        call: call(),
        mls,
        keyring: ring,
        identity: founder,
        own_expelled: Vec::new(),
    }
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
