//! One attack for each rule about roles, orders and the rules of a call; see [`super::checks`] and [`super::attacks`].
//!
//! The room asks for a host. The first member is its host and judges; the second is the attacker.

use conclave_protocol::credential::Role;
use conclave_protocol::ids::MemberId;
use conclave_protocol::keys::Psk;
use conclave_protocol::order::{Decision, Order};
use conclave_protocol::role::Appointment;
use conclave_protocol::sheet::Rules;

use super::attacks::{forged_with, ids, leaf_of, package, raw, taken};
use super::checks::off::{stopped_by, stopped_by_one_of};
use super::policy::CommitData;
use super::tests::{binding, call, identity, plan, with_role};
use super::*;
use crate::limits::{ORDER_EPOCHS, SILENT_EPOCHS};
use conclave_protocol::sheet::Found;
use openmls::prelude::KeyPackage;

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
fn three(attacker: Identity, third: Identity) -> (Group, Group) {
    let (mut a, mut mallory) = two(true, attacker);
    drop(let_in(&mut a, &mut [&mut mallory], third));
    (a, mallory)
}

fn moderator() -> Identity {
    with_role(identity(2), Role::Moderator, 2)
}

fn name_of(group: &Group, n: u8) -> LeafName {
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

/// A host's appointment of the third member, with the proof and the key of `by`.
fn appointment(by: &Identity) -> Appointment {
    let (leaf, room) = (identity(3).name(), ring(Found::Host, true).room.room_fp);
    let proof = by.data.proof.as_ref().unwrap();
    let message = Appointment::signed_bytes(&room, &call(), &leaf, &by.name());
    Appointment::new(leaf, by.name(), proof, by.key.sign_labelled(&message))
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
    let appoint = |founder: &Identity, data: &mut GroupData| data.rules.appointments = vec![appointment(founder)];
    assert!(joins(closed, host(), appoint));
    stopped_by(PolicyFault::WelcomeAppointment, || {
        joins(closed, with_role(identity(1), Role::Moderator, 2), appoint)
    });
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
        |d| d.authority.sheet_seq = 2,
        |d| d.authority.revoked_invites = vec![7],
    ] {
        stopped_by(PolicyFault::SheetOfGroup, || {
            joins(open, identity(1), |_, data| change(data))
        });
    }
}

#[test]
fn mem_032_a_proof_gives_a_role_to_its_own_leaf() {
    stopped_by(PolicyFault::RoleProof, || {
        let (mut a, mut mallory) = two(true, identity(2));
        let mut ghost = identity(9);
        ghost.data.proof = a.identity.data.proof.clone();
        // With the host's role it would need no order to come in.
        is_taken((&mut a, &mut mallory), vec![package(&ghost)], &[], &[], None)
    });
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

#[test]
fn mem_033_a_change_of_the_rules_stays_in_its_room_and_call() {
    stopped_by(PolicyFault::RulesOfAnother, || {
        rules_are_taken(with_role(identity(2), Role::Host, 2), |_, mallory, next| {
            next.authority.sheet_seq = 0;
            next.sign(&mallory.identity.key);
        })
    });
}

#[test]
fn mem_034_a_change_of_the_rules_is_the_next() {
    for seq in [0, 2] {
        stopped_by(PolicyFault::RulesSequence, || {
            rules_are_taken(with_role(identity(2), Role::Host, 2), |_, mallory, next| {
                next.seq = seq;
                next.sign(&mallory.identity.key);
            })
        });
    }
}

#[test]
fn mem_035_a_change_of_the_rules_is_signed_by_whom_it_names() {
    stopped_by(PolicyFault::RulesSignature, || {
        rules_are_taken(identity(2), |a, mallory, next| {
            next.rules.lobby = false;
            next.signer = a.identity.name();
            next.proof.clone_from(&a.data().unwrap().proof);
            next.sign(&mallory.identity.key);
        })
    });
}

#[test]
fn mem_036_guests_change_no_rules() {
    let open_up = |_: &Group, mallory: &Group, next: &mut GroupData| {
        next.rules.lobby = false;
        next.sign(&mallory.identity.key);
    };
    assert!(rules_are_taken(moderator(), open_up));
    stopped_by(PolicyFault::RulesSigner, || rules_are_taken(identity(2), open_up));
}

#[test]
fn mem_037_appointments_in_new_rules_are_hosts() {
    let with_key = |key: u8| {
        rules_are_taken(with_role(identity(2), Role::Host, 2), |_, mallory, next| {
            let proof = mallory.identity.data.proof.as_ref().unwrap();
            let (leaf, by) = (identity(3).name(), mallory.identity.name());
            let message = Appointment::signed_bytes(&next.room_fp, &call(), &leaf, &by);
            let signature = LeafKey::from_seed(&[key; 32]).sign_labelled(&message);
            next.rules.appointments = vec![Appointment::new(leaf, by, proof, signature)];
            next.sign(&mallory.identity.key);
        })
    };
    assert!(with_key(2));
    stopped_by(PolicyFault::Appointment, || with_key(9));
}

#[test]
fn mem_038_hosts_alone_end_appoint_and_judge_their_like() {
    let host_id = ids(1).0;
    for change in [
        (|d, _| d.rules.ended = true) as fn(&mut GroupData, MemberId),
        |d, host| d.rules.mute(host, 1, true),
        |d, host| d.rules.bar(host),
        |d, _| d.authority.day += 1,
    ] {
        stopped_by(PolicyFault::HostsAlone, || {
            rules_are_taken(moderator(), |_, mallory, next| {
                change(next, host_id);
                next.sign(&mallory.identity.key);
            })
        });
    }
    stopped_by(PolicyFault::HostsAlone, || {
        let (mut a, mut mallory) = two(true, moderator());
        let next = a.change_rules(&a.data().unwrap(), |rules| rules.revoke_invite(5));
        let plan = Plan {
            rules: Some(next),
            ..Plan::default()
        };
        let own = a.commit(plan, 1, [9; 24]).unwrap();
        read(&own, &mut mallory, 1);
        a.merge_own().unwrap();
        let changed = |d: &mut GroupData| d.rules.revoked_invites.clear();
        let next = a.data().unwrap().changed(&mallory.identity, changed);
        is_taken((&mut a, &mut mallory), Vec::new(), &[], &[], Some(&next))
    });
}

#[test]
fn mem_039_nothing_else_of_the_context_changes() {
    stopped_by(PolicyFault::ContextExtension, || {
        let (mut a, mut mallory) = two(true, moderator());
        let mut next = a.data().unwrap().changed(&mallory.identity, |_| {});
        next.rules.locked = true;
        next.sign(&mallory.identity.key);
        let fewer = RequiredCapabilitiesExtension::new(&our_extensions()[..1], &[], &[CredentialType::Basic]);
        let extensions = Extensions::from_vec(vec![
            Extension::RequiredCapabilities(fewer),
            Extension::Unknown(GROUP_EXTENSION, UnknownExtension(next.to_bytes())),
        ])
        .unwrap();
        let commit = raw(&mut mallory, 1, |builder| {
            builder.propose_group_context_extensions(extensions).unwrap()
        });
        taken(&mut a, &commit, 1, &[])
    });
}

fn signed_by(decision: Decision, by: u8, epoch: u64, key: &LeafKey) -> Order {
    let room = ring(Found::Host, true).room.room_fp;
    let message = Order::signed_bytes(&room, &call(), &decision, &ids(by).0, epoch);
    Order::new(decision, ids(by).0, epoch, key.sign_labelled(&message))
}

#[test]
fn mem_045_an_order_is_signed_by_whom_it_names() {
    stopped_by(PolicyFault::OrderSignature, || {
        let (mut a, mut mallory) = three(identity(2), identity(3));
        let leaf = name_of(&a, 3);
        let order = signed_by(Decision::Remove { leaf }, 1, a.epoch(), &mallory.identity.key);
        is_taken((&mut a, &mut mallory), Vec::new(), &[3], &[order], None)
    });
}

/// What an order says about a leaf.
type About = fn(LeafName) -> Decision;

#[test]
fn mem_046_an_order_grows_old_and_is_of_no_epoch_to_come() {
    let silent = |leaf| Decision::Silent { leaf };
    let remove = |leaf| Decision::Remove { leaf };
    let cases: [(About, u64, u64); 3] = [
        (remove, 1, 0),
        (remove, 0, ORDER_EPOCHS + 1),
        (silent, 0, SILENT_EPOCHS + 1),
    ];
    for (decision, early, later) in cases {
        stopped_by(PolicyFault::OrderAge, || {
            let (mut a, mut mallory) = three(identity(2), identity(3));
            let (leaf, epoch) = (name_of(&a, 3), a.epoch() + early);
            let order = signed_by(decision(leaf), 1, epoch, &host().key);
            for _ in 0..later {
                assert!(is_taken((&mut mallory, &mut a), Vec::new(), &[], &[], None));
                a.merge_own().unwrap();
            }
            is_taken((&mut a, &mut mallory), Vec::new(), &[3], &[order], None)
        });
    }
}

#[test]
fn mem_047_guests_let_nobody_in() {
    stopped_by(PolicyFault::AdmitRole, || {
        let (mut a, mut mallory) = two(true, identity(2));
        let ghost = package(&identity(9));
        let reference = a.keyring.reference(&ghost).unwrap();
        let order = mallory.order(Decision::Admit { package: reference });
        is_taken((&mut a, &mut mallory), vec![ghost], &[], &[order], None)
    });
}

#[test]
fn mem_048_guests_remove_nobody() {
    let removed_by = |attacker: Identity| {
        let (mut a, mut mallory) = three(attacker, identity(3));
        let order = mallory.order(Decision::Remove { leaf: name_of(&a, 3) });
        is_taken((&mut a, &mut mallory), Vec::new(), &[3], &[order], None)
    };
    assert!(removed_by(moderator()));
    stopped_by(PolicyFault::RemoveRole, || removed_by(identity(2)));
}

#[test]
fn mem_049_moderators_remove_neither_hosts_nor_moderators() {
    for third in [Role::Host, Role::Moderator] {
        stopped_by(PolicyFault::RemoveOfEqual, || {
            let (mut a, mut mallory) = three(moderator(), with_role(identity(3), third, 3));
            let order = mallory.order(Decision::Remove { leaf: name_of(&a, 3) });
            is_taken((&mut a, &mut mallory), Vec::new(), &[3], &[order], None)
        });
    }
}

#[test]
fn mem_050_nobody_is_removed_without_a_reason() {
    stopped_by_one_of(PolicyFault::RemovalUnordered, &[PolicyFault::SilenceVouched], || {
        let (mut a, mut mallory) = three(identity(2), identity(3));
        is_taken((&mut a, &mut mallory), Vec::new(), &[3], &[], None)
    });
}

#[test]
fn mem_051_one_alone_calls_nobody_silent_in_a_larger_call() {
    let removed_by = |vouchers: usize| {
        let (mut a, mut mallory) = three(identity(2), identity(3));
        for n in [4, 5] {
            drop(let_in(&mut a, &mut [&mut mallory], identity(n)));
        }
        let decision = Decision::Silent { leaf: name_of(&a, 3) };
        let epoch = a.epoch();
        let orders: Vec<Order> = [2, 4, 5]
            .into_iter()
            .take(vouchers)
            .map(|n| signed_by(decision, n, epoch, &identity(n).key))
            .collect();
        let twice = [orders.clone(), orders].concat();
        is_taken((&mut a, &mut mallory), Vec::new(), &[3], &twice, None)
    };
    assert!(removed_by(2), "two of four who stay are enough");
    stopped_by(PolicyFault::SilenceVouched, || removed_by(1));
}

#[test]
fn mem_052_orders_are_sealed_to_the_epoch() {
    stopped_by(PolicyFault::OrdersSealed, || {
        let (mut a, mut mallory) = two(true, identity(2));
        mallory.discard_own().unwrap();
        mallory.mls.set_aad(CommitData::new(1, &[], vec![0; 552]).to_bytes());
        let commit = mallory.build_with(Vec::new(), &[], false, None).unwrap().0;
        taken(&mut a, &commit, 1, &[])
    });
}

#[test]
fn mem_053_where_newcomers_ask_nobody_is_added_unasked() {
    stopped_by(PolicyFault::AddUnadmitted, || {
        let (mut a, mut mallory) = two(true, identity(2));
        is_taken((&mut a, &mut mallory), vec![package(&identity(9))], &[], &[], None)
    });
}

#[test]
fn mem_054_nobody_is_added_who_was_barred() {
    stopped_by(PolicyFault::AddBarred, || {
        let (mut a, mut mallory) = two(false, identity(2));
        let next = a.change_rules(&a.data().unwrap(), |rules| rules.bar(ids(9).0));
        let plan = Plan {
            rules: Some(next),
            ..Plan::default()
        };
        let own = a.commit(plan, 1, [9; 24]).unwrap();
        read(&own, &mut mallory, 1);
        assert!(a.merge_own().unwrap().rules);
        is_taken((&mut a, &mut mallory), vec![package(&identity(9))], &[], &[], None)
    });
}
