//! Attacks on roles, and on the rules of a group that one joins; see [`super::checks`] and [`super::attacks`]. Those on changes of the rules stand in
//! [`super::rules_attacks`], those on orders in [`super::order_attacks`].
//!
//! The room asks for a host. The first member is its host and judges; the second is the attacker.

use conclave_protocol::credential::Role;
use conclave_protocol::ids::CallId;
use conclave_protocol::keys::{Psk, RootKeys, RootSeed, Signer};
use conclave_protocol::order::{Decision, Order};
use conclave_protocol::role::{Appointment, LeafName, RoleProof};
use conclave_protocol::sheet::{Found, Rules};
use openmls::prelude::KeyPackage;

use super::attacks::{forged_with, ids, leaf_of, package, taken};
use super::checks::off::stopped_by;
use super::tests::{TODAY, binding, call, identity, mandated, plan, root, with_role};
use super::*;

pub(super) fn ring(found: Found, lobby: bool) -> Keyring {
    Keyring::new(binding(Rules { found, lobby }), &Psk::from_bytes([1; 32])).unwrap()
}

pub(super) fn host() -> Identity {
    with_role(identity(1), Role::Host, 1)
}

/// A host's call.
pub(super) fn hosted(lobby: bool) -> Group {
    ring(Found::Host, lobby).found(host(), call()).unwrap()
}

pub(super) fn read(commit: &commit::OwnCommit, group: &mut Group, seq: u64) {
    let commit::Incoming::Valid(verified) = group.read_commit(&commit.commit, seq, &commit.drop) else {
        panic!("a good commit was void")
    };
    group.merge(*verified).unwrap();
}

/// The host lets somebody in.
pub(super) fn let_in(host: &mut Group, others: &mut [&mut Group], mut newcomer: Identity) -> Group {
    let ring = ring(Found::Host, true);
    let bytes = ring.key_package(&mut newcomer, call()).unwrap();
    let package = host.keyring.read_key_package(&bytes).unwrap().0;
    let reference = host.keyring.reference(&package).unwrap();
    let mut plan = plan(vec![package], Vec::new());
    plan.orders = vec![host.order(Decision::Admit { package: reference })];
    let seq = host.epoch();
    let own = host.commit(plan, seq, [9; 24]).unwrap();
    for other in others {
        read(&own, other, seq);
    }
    host.merge_own().unwrap();
    ring.join(newcomer, call(), &own.welcome.unwrap())
        .unwrap_or_else(|back| panic!("not let in: {}", back.2))
}

/// The host, and the attacker.
pub(super) fn two(lobby: bool, attacker: Identity) -> (Group, Group) {
    let mut a = hosted(lobby);
    let mallory = let_in(&mut a, &mut [], attacker);
    (a, mallory)
}

/// And a third, who does nothing.
pub(super) fn three(attacker: Identity, third: Identity) -> (Group, Group) {
    let (mut a, mut mallory) = two(true, attacker);
    drop(let_in(&mut a, &mut [&mut mallory], third));
    (a, mallory)
}

pub(super) fn moderator() -> Identity {
    with_role(identity(2), Role::Moderator, 2)
}

pub(super) fn name_of(group: &Group, n: u8) -> LeafName {
    let all = group.leaves();
    all.iter().find(|l| l.data.member_id == ids(n).0).unwrap().name()
}

/// A commit by the attacker, as the judge sees it.
pub(super) fn is_taken(
    (a, mallory): (&mut Group, &mut Group),
    adds: Vec<KeyPackage>,
    removed: &[u8],
    orders: &[Order],
    rules: Option<&GroupData>,
) -> bool {
    let seq = a.epoch();
    let leaves: Vec<u32> = removed.iter().map(|n| leaf_of(a, *n)).collect();
    let drop = sorted(removed.iter().map(|n| ids(*n).1).collect());
    let commit = forged_with(mallory, seq, &drop, (adds, &leaves), orders, rules);
    taken(a, &commit, seq, &drop)
}

/// New rules by an attacker who has this identity.
pub(super) fn rules_are_taken(attacker: Identity, change: impl Fn(&Group, &Group, &mut GroupData)) -> bool {
    let (mut a, mut mallory) = two(true, attacker);
    let mut next = a.data().unwrap().changed(&mallory.identity, |_| {});
    change(&a, &mallory, &mut next);
    is_taken((&mut a, &mut mallory), Vec::new(), &[], &[], Some(&next))
}

/// The judge commits new rules of its own.
pub(super) fn rules_are(a: &mut Group, mallory: &mut Group, next: GroupData) {
    let plan = Plan {
        rules: Some(next),
        ..Plan::default()
    };
    let seq = a.epoch();
    let own = a.commit(plan, seq, [9; 24]).unwrap();
    read(&own, mallory, seq);
    assert!(a.merge_own().unwrap().rules);
}

/// An evil founder's group, as its first newcomer sees it.
pub(super) fn joins(
    ring_of: impl Fn() -> Keyring,
    founder: Identity,
    change: impl Fn(&Identity, &mut GroupData),
) -> bool {
    let (founders, mut founder) = (ring_of(), founder);
    founder.prove(&founders.room, call());
    let mut data = GroupData::founded(&founders.room, founders.room.sheet.as_ref().unwrap(), call(), &founder);
    change(&founder, &mut data);
    data.sign(&founder.key);
    let mut group = founders.found_with(founder, call(), &data).unwrap();
    let (victims, mut victim) = (ring_of(), identity(3));
    let bytes = victims.key_package(&mut victim, call()).unwrap();
    let package = victims.read_key_package(&bytes).unwrap().0;
    let welcome = group.build_with(vec![package], &[], true, None).unwrap().1.unwrap();
    victims.join(victim, call(), &welcome).is_ok()
}

/// Another room's owner.
pub(super) fn stranger() -> RootKeys {
    RootKeys::derive(&RootSeed::from_bytes([0xB0; 32]))
}

/// What a mandate shows in a leaf and call.
fn proof_in(call: &CallId, leaf: &LeafName, mandated: Identity) -> RoleProof {
    let RoleKey { mandate, seed, .. } = mandated.role.unwrap();
    RoleProof::sign(mandate, &Signer::from_seed(seed.expose()), call, leaf)
}

/// The appointment of the third member in some call, by whoever has this proof in the leaf `by`, with the signature of `key`.
fn appointment(call: &CallId, by: &Identity, proof: &RoleProof, key: &LeafKey) -> Appointment {
    let (leaf, room) = (identity(3).name(), ring(Found::Host, true).room.room_fp);
    let message = Appointment::signed_bytes(&room, call, &leaf, &by.name());
    Appointment::new(leaf, by.name(), proof, key.sign_labelled(&message))
}

/// The word of a host, who shows this proof in its leaf; and words that are not a host's of this call.
pub(super) fn appointments(host: &Identity) -> (Appointment, Vec<Appointment>) {
    let proof = host.data.proof.as_ref().unwrap();
    let good = appointment(&call(), host, proof, &host.key);
    let mut passed_on = good.clone();
    passed_on.pass_to(identity(9).key.public(), [7; 64]);
    let in_this_leaf = |mandated| proof_in(&call(), &host.name(), mandated);
    let moderators = in_this_leaf(with_role(identity(1), Role::Moderator, 2));
    let strangers = in_this_leaf(mandated(identity(1), &stranger(), Role::Host, 2, 20_100));
    let bad = vec![
        appointment(&call(), host, proof, &identity(9).key),
        appointment(&CallId::from_bytes([8; 16]), host, proof, &host.key),
        appointment(&call(), host, &moderators, &host.key),
        appointment(&call(), host, &strangers, &host.key),
        passed_on,
    ];
    (good, bad)
}

#[test]
fn mem_028_rules_are_a_hosts_or_moderators_word() {
    let open = || ring(Found::Anyone, false);
    assert!(joins(open, identity(1), |_, _| {}));
    assert!(joins(open, host(), |_, data| data.rules.locked = true));
    stopped_by(PolicyFault::GroupAuthority, || {
        joins(open, identity(1), |_, data| data.rules.guests = 0)
    });
}

#[test]
fn mem_029_appointments_in_a_joined_group_are_hosts() {
    let closed = || ring(Found::Host, true);
    let appoint = |choose: &dyn Fn((Appointment, Vec<Appointment>)) -> Appointment| {
        joins(closed, host(), |founder, data| {
            data.rules.appointments = vec![choose(appointments(founder))];
        })
    };
    assert!(appoint(&|(good, _)| good));
    for n in 0..5 {
        stopped_by(PolicyFault::WelcomeAppointment, || {
            appoint(&|(_, mut bad)| bad.swap_remove(n))
        });
    }
}

#[test]
fn mem_030_where_the_room_asks_for_a_host_nobody_else_begins() {
    stopped_by(PolicyFault::FoundedWithoutHost, || {
        joins(|| ring(Found::Host, true), identity(1), |_, _| {})
    });
}

#[test]
fn mem_031_a_group_judges_mandates_as_the_sheet_does() {
    let open = || ring(Found::Anyone, false);
    for change in [
        (|d: &mut GroupData| d.authority.minimum_serial = 0) as fn(&mut GroupData),
        |d| d.authority.revoked = vec![7],
        |d| d.authority.sheet_seq = 0,
        |d| d.authority.sheet_seq = 2,
        |d| d.authority.revoked_invites = vec![7],
    ] {
        stopped_by(PolicyFault::SheetOfGroup, || {
            joins(open, identity(1), |_, data| change(data))
        });
    }
}

/// A sheet that takes the fifth mandate back.
fn newer(group: &Group) -> Sheet {
    let mut sheet = group.keyring.room.sheet.clone().unwrap();
    (sheet.seq, sheet.revoked) = (2, vec![5]);
    sheet
}

#[test]
fn mem_032_a_proof_gives_a_role_to_its_own_leaf() {
    // With the host's role the ghost needs no order to come in.
    let comes_in_by = |proof: RoleProof| {
        let (mut a, mut mallory) = two(true, identity(2));
        let next = a.change_data(&a.data().unwrap(), None, Some(&newer(&a)), |_| {});
        rules_are(&mut a, &mut mallory, next);
        let mut ghost = identity(9);
        ghost.data.proof = Some(proof);
        is_taken((&mut a, &mut mallory), vec![package(&ghost)], &[], &[], None)
    };
    let (name, here, elsewhere) = (identity(9).name(), call(), CallId::from_bytes([8; 16]));
    let of = |root: &RootKeys, serial, day| mandated(identity(9), root, Role::Host, serial, day);
    assert!(comes_in_by(proof_in(&here, &name, of(&root(), 4, TODAY))));
    for bad in [
        // Somebody else's, copied; and another key of the same member.
        proof_in(&here, &host().name(), of(&root(), 4, TODAY)),
        proof_in(&here, &LeafName { key: [7; 32], ..name }, of(&root(), 4, TODAY)),
        proof_in(&elsewhere, &name, of(&root(), 4, TODAY)),
        proof_in(&here, &name, of(&stranger(), 4, TODAY)),
        proof_in(&here, &name, of(&root(), 4, TODAY - 1)),
        proof_in(&here, &name, of(&root(), 0, TODAY)),
        proof_in(&here, &name, of(&root(), 5, TODAY)),
    ] {
        stopped_by(PolicyFault::RoleProof, || comes_in_by(bad.clone()));
    }
}

#[test]
fn mem_064_who_comes_under_the_id_of_somebody_appointed_does_not_moderate_for_that() {
    // The third member was appointed and is not there; a moderator would need no order to come in.
    let comes_in_with = |key: &LeafKey, proof: Option<[u8; 64]>| {
        let (mut a, mut mallory) = two(true, identity(2));
        let word = a.appoint(identity(3).name()).unwrap();
        let next = a.change_rules(&a.data().unwrap(), |rules| rules.appointments = vec![word.clone()]);
        rules_are(&mut a, &mut mallory, next);
        let mut ghost = identity(3);
        ghost.key = LeafKey::from_seed(&key.seed());
        ghost.data.resume = proof;
        is_taken((&mut a, &mut mallory), vec![package(&ghost)], &[], &[], None)
    };
    let (old, new, other) = (identity(3).key, identity(9).key, identity(8).key);
    let (here, elsewhere) = (call(), CallId::from_bytes([8; 16]));
    let proof = |by: &LeafKey, call: &CallId, n: u8, key: &LeafKey| {
        let proof = prove_resume(by, call, &ids(n).0, &key.public());
        Some(proof)
    };
    assert!(comes_in_with(&old, None), "the leaf that was named");
    assert!(
        comes_in_with(&new, proof(&old, &here, 3, &new)),
        "the one that took its place"
    );
    for bad in [
        None,
        proof(&other, &here, 3, &new),
        proof(&old, &elsewhere, 3, &new),
        proof(&old, &here, 2, &new),
        proof(&old, &here, 3, &other),
    ] {
        stopped_by(PolicyFault::AppointedLeaf, || comes_in_with(&new, bad));
    }
}

/// A host who dismisses somebody must not take a key away that another one holds.
#[test]
fn a_copied_proof_is_nobodys_key() {
    let (mut a, mona) = two(true, moderator());
    let mut ghost = identity(9);
    ghost.data.proof.clone_from(&mona.identity.data.proof);
    let package = package(&ghost);
    let reference = a.keyring.reference(&package).unwrap();
    let mut plan = plan(vec![package], Vec::new());
    plan.orders = vec![a.order(Decision::Admit { package: reference })];
    let seq = a.epoch();
    a.commit(plan, seq, [9; 24]).unwrap();
    a.merge_own().unwrap();
    assert!(a.leaves().iter().any(|leaf| leaf.data.member_id == ids(9).0));
    assert!(a.moderators_by_key() == [(ids(2).0, 2)]);
}
