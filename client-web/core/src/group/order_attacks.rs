//! Attacks on orders: whoever has no right to one, or no reason. Each ends with its check on, and succeeds with that one check off.

use super::attacks::{ids, package, taken};
use super::checks::off::{stopped_by, stopped_by_one_of};
use super::invite_attacks::{good, invited};
use super::policy::CommitData;
use super::role_attacks::*;
use super::tests::{call, identity, with_role};
use super::*;
use crate::limits::{ORDER_EPOCHS, SILENT_EPOCHS};
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use conclave_protocol::credential::Role;
use conclave_protocol::ids::{CallId, RoomFp};
use conclave_protocol::order::{Decision, Order};
use conclave_protocol::role::LeafName;
use conclave_protocol::sheet::Found;
use zeroize::Zeroizing;

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
    // By a host, of another room or call.
    let (here, there) = (ring(Found::Host, true).room.room_fp, RoomFp::from_bytes([8; 16]));
    let removed_by_order_of = |room: &RoomFp, call: &CallId| {
        let (mut a, mut mallory) = three(identity(2), identity(3));
        let decision = Decision::Remove { leaf: name_of(&a, 3) };
        let message = Order::signed_bytes(room, call, &decision, &ids(1).0, a.epoch());
        let order = Order::new(decision, ids(1).0, a.epoch(), host().key.sign_labelled(&message));
        is_taken((&mut a, &mut mallory), Vec::new(), &[3], &[order], None)
    };
    assert!(removed_by_order_of(&here, &call()));
    stopped_by(PolicyFault::OrderSignature, || removed_by_order_of(&there, &call()));
    stopped_by(PolicyFault::OrderSignature, || {
        removed_by_order_of(&here, &CallId::from_bytes([8; 16]))
    });
    // By somebody who is not there: nor has such a one a role.
    stopped_by_one_of(PolicyFault::OrderSignature, &[PolicyFault::RemoveRole], || {
        let (mut a, mut mallory) = three(identity(2), identity(3));
        let decision = Decision::Remove { leaf: name_of(&a, 3) };
        let order = signed_by(decision, 9, a.epoch(), &identity(9).key);
        is_taken((&mut a, &mut mallory), Vec::new(), &[3], &[order], None)
    });
    // A farewell is an order, too: somebody else's, or of the call before.
    let left_by = |key: &LeafKey, call: &CallId| {
        let (mut a, mut mallory) = three(identity(2), identity(3));
        let message = Order::signed_bytes(&here, call, &Decision::Leave {}, &ids(3).0, 0);
        let order = Order::new(Decision::Leave {}, ids(3).0, 0, key.sign_labelled(&message));
        is_taken((&mut a, &mut mallory), Vec::new(), &[3], &[order], None)
    };
    assert!(left_by(&identity(3).key, &call()));
    stopped_by(PolicyFault::OrderSignature, || left_by(&identity(2).key, &call()));
    stopped_by(PolicyFault::OrderSignature, || {
        left_by(&identity(3).key, &CallId::from_bytes([8; 16]))
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
    // Nor for a reason that is another's: an order about the leaf that they had before, or somebody else's farewell.
    type Reason = fn(&Group, &Group) -> Order;
    let others: [Reason; 2] = [
        |a, _| {
            let leaf = LeafName {
                key: [7; 32],
                ..name_of(a, 3)
            };
            a.order(Decision::Remove { leaf })
        },
        |_, mallory| mallory.order(Decision::Leave {}),
    ];
    for reason in others {
        stopped_by_one_of(PolicyFault::RemovalUnordered, &[PolicyFault::SilenceVouched], || {
            let (mut a, mut mallory) = three(identity(2), identity(3));
            let order = reason(&a, &mallory);
            is_taken((&mut a, &mut mallory), Vec::new(), &[3], &[order], None)
        });
    }
}

#[test]
fn mem_051_one_alone_calls_nobody_silent_in_a_larger_call() {
    let removed_by = |vouchers: &[u8]| {
        let (mut a, mut mallory) = three(identity(2), identity(3));
        for n in [4, 5] {
            drop(let_in(&mut a, &mut [&mut mallory], identity(n)));
        }
        let decision = Decision::Silent { leaf: name_of(&a, 3) };
        let epoch = a.epoch();
        let orders: Vec<Order> = vouchers
            .iter()
            .map(|n| signed_by(decision, *n, epoch, &identity(*n).key))
            .collect();
        let twice = [orders.clone(), orders].concat();
        is_taken((&mut a, &mut mallory), Vec::new(), &[3], &twice, None)
    };
    assert!(removed_by(&[2, 4]), "two of four who stay are enough");
    stopped_by(PolicyFault::SilenceVouched, || removed_by(&[2]));
    // Whoever goes has no say in it.
    stopped_by(PolicyFault::SilenceVouched, || removed_by(&[2, 3]));
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
    // Sealed by the epoch before, or for another sequence: brought up once more.
    let replayed = |key: &dyn Fn(&Group) -> Zeroizing<[u8; 32]>, seq: u64| {
        let (mut a, mut mallory) = two(true, identity(2));
        let key = key(&mallory);
        let sealed = conclave_protocol::order::seal(&key, &call(), seq, &[], [9; 24]).unwrap();
        mallory.discard_own().unwrap();
        mallory.mls.set_aad(CommitData::new(1, &[], sealed).to_bytes());
        let commit = mallory.build_with(Vec::new(), &[], false, None).unwrap().0;
        taken(&mut a, &commit, 1, &[])
    };
    let present = |group: &Group| group.orders_key().unwrap();
    assert!(replayed(&present, 1));
    stopped_by(PolicyFault::OrdersSealed, || replayed(&present, 2));
    let before = |_: &Group| hosted(true).orders_key().unwrap();
    stopped_by(PolicyFault::OrdersSealed, || replayed(&before, 1));
    // Under the right key, and not in the one way in which orders are written: an empty list in two bytes, something behind it, more padding than it needs.
    let written = |plain: &[u8], to: usize| {
        let (mut a, mut mallory) = two(true, identity(2));
        let mut padded = plain.to_vec();
        padded.resize(to, 0);
        let aad = [b"conclave v1 orders".as_slice(), call().as_bytes(), &1u64.to_be_bytes()].concat();
        let (nonce, key) = ([9; 24], present(&mallory));
        let (msg, aad) = (padded.as_slice(), aad.as_slice());
        let sealed = XChaCha20Poly1305::new((&*key).into()).encrypt(&nonce.into(), Payload { msg, aad });
        let sealed = [nonce.as_slice(), &sealed.unwrap()].concat();
        mallory.discard_own().unwrap();
        mallory.mls.set_aad(CommitData::new(1, &[], sealed).to_bytes());
        let commit = mallory.build_with(Vec::new(), &[], false, None).unwrap().0;
        taken(&mut a, &commit, 1, &[])
    };
    assert!(written(&[0, 0, 0, 1, 0x80], 512));
    for (plain, to) in [
        ([0, 0, 0, 2, 0x98, 0].as_slice(), 512),
        (&[0, 0, 0, 1, 0x80, 1], 512),
        (&[0, 0, 0, 2, 0x80, 0], 512),
        (&[0, 0, 2, 0, 0x80], 512),
        (&[0, 0, 0, 1, 0x80], 1_024),
    ] {
        stopped_by(PolicyFault::OrdersSealed, || written(plain, to));
    }
}

#[test]
fn mem_053_where_newcomers_ask_nobody_is_added_unasked() {
    stopped_by(PolicyFault::AddUnadmitted, || {
        let (mut a, mut mallory) = two(true, identity(2));
        is_taken((&mut a, &mut mallory), vec![package(&identity(9))], &[], &[], None)
    });
    // A host's word lets in the one whom it is about, and nobody else.
    let let_in_by_the_word_for = |n: u8| {
        let (mut a, mut mallory) = two(true, identity(2));
        let meant = package(&identity(n));
        let reference = a.keyring.reference(&meant).unwrap();
        let order = a.order(Decision::Admit { package: reference });
        let added = if n == 9 { meant } else { package(&identity(9)) };
        is_taken((&mut a, &mut mallory), vec![added], &[], &[order], None)
    };
    assert!(let_in_by_the_word_for(9));
    stopped_by(PolicyFault::AddUnadmitted, || let_in_by_the_word_for(8));
    // An invite lets in where the rules say so, and not into a locked call.
    let let_in_by_invite = |enter: bool, locked: bool| {
        let (mut a, mut mallory) = two(true, identity(2));
        let next = a.change_rules(&a.data().unwrap(), |rules| {
            (rules.invited_enter, rules.locked, rules.guests) = (enter, locked, 0);
        });
        rules_are(&mut a, &mut mallory, next);
        let ghost = package(&invited(9, &good()));
        is_taken((&mut a, &mut mallory), vec![ghost], &[], &[], None)
    };
    assert!(let_in_by_invite(true, false));
    for (enter, locked) in [(false, false), (true, true)] {
        stopped_by(PolicyFault::AddUnadmitted, || let_in_by_invite(enter, locked));
    }
}

#[test]
fn mem_054_nobody_is_added_who_was_barred() {
    let barred = |group: &Group, n: u8| {
        group.change_rules(&group.data().unwrap(), |rules| {
            rules.bar(ids(n).0);
        })
    };
    stopped_by(PolicyFault::AddBarred, || {
        let (mut a, mut mallory) = two(false, identity(2));
        let next = barred(&a, 9);
        rules_are(&mut a, &mut mallory, next);
        is_taken((&mut a, &mut mallory), vec![package(&identity(9))], &[], &[], None)
    });
    // Not even in the place that they still have.
    stopped_by(PolicyFault::AddBarred, || {
        let (mut a, mut mallory) = three(identity(2), identity(3));
        let next = barred(&a, 3);
        rules_are(&mut a, &mut mallory, next);
        is_taken((&mut a, &mut mallory), vec![package(&identity(3))], &[3], &[], None)
    });
}
