//! What proofs, appointments and orders are bound to, and that none of them counts elsewhere.

#[allow(dead_code, reason = "each test file uses a part")]
mod cases;

use cases::{
    counting,
    roles::{appointment, authority, call, leaf, order, orders, proof, rules},
};
use conclave_protocol::{
    credential::Role,
    ids::{CallId, MemberId, RoomFp, TrackKind},
    limits::MAX_MEMBERS,
    order::{Decision, Order, open, seal},
    role::{Appointment, Authority, LeafName, RoleProof},
    rules::{ALL, CallRules, GUESTS},
};

#[test]
fn a_role_proof_counts_in_its_leaf_and_call_alone() {
    let (host, _) = leaf(0x10);
    let (_, judge, ..) = authority(Role::Host);
    let shown = proof(Role::Host, &host);
    assert!(
        shown
            .verify(&judge, &call(), &host)
            .is_ok_and(|role| role == Role::Host)
    );
    let elsewhere = CallId::from_bytes([1; 16]);
    assert!(shown.verify(&judge, &elsewhere, &host).is_err());
    for other in [
        LeafName {
            member: MemberId::from_bytes([1; 16]),
            ..host
        },
        LeafName { key: [1; 32], ..host },
    ] {
        assert!(shown.verify(&judge, &call(), &other).is_err());
    }
    let bytes = shown.to_bytes();
    for i in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[i] ^= 1;
        let read = RoleProof::from_slice(&bad);
        assert!(
            !read.is_ok_and(|p| p.verify(&judge, &call(), &host).is_ok()),
            "byte {i} can be altered"
        );
    }
    assert!(RoleProof::from_slice(&bytes[1..]).is_err());
}

#[test]
fn a_mandate_ends_by_day_serial_and_revocation() {
    let (host, _) = leaf(0x10);
    let (_, judge, ..) = authority(Role::Host);
    let shown = proof(Role::Host, &host);
    let with = |change: fn(&mut Authority)| {
        let mut judge = judge.clone();
        change(&mut judge);
        shown.verify(&judge, &call(), &host).is_ok()
    };
    assert!(with(|a| a.day = 20_869), "the last day counts");
    assert!(!with(|a| a.day = 20_870));
    assert!(with(|a| a.minimum_serial = 7));
    assert!(!with(|a| a.minimum_serial = 8));
    assert!(!with(|a| a.revoked = vec![4, 6, 7]));
    assert!(!with(
        |a| a.root_pk = conclave_protocol::keys::RootPk::from_bytes(leaf(9).0.key)
    ));
}

#[test]
fn only_a_host_appoints() {
    let (_, judge, ..) = authority(Role::Host);
    assert!(appointment(Role::Host).verify(&judge, &call()).is_ok());
    assert!(appointment(Role::Moderator).verify(&judge, &call()).is_err());
    assert!(
        appointment(Role::Host)
            .verify(&judge, &CallId::from_bytes([1; 16]))
            .is_err()
    );
    let mut other: Appointment = appointment(Role::Host);
    other.leaf.key = [1; 32];
    assert!(
        other.verify(&judge, &call()).is_err(),
        "an appointment was carried to another leaf"
    );
}

#[test]
fn an_order_says_one_thing_in_one_call() {
    let room = authority(Role::Host).1.room();
    for (name, signed) in orders() {
        let key = (1..=255).map(leaf_key).find(|(member, _)| *member == signed.by);
        let Some((_, key)) = key else {
            panic!("{name}: by nobody")
        };
        assert!(signed.verify(&room, &call(), &key).is_ok(), "{name}");
        assert!(
            signed.verify(&room, &CallId::from_bytes([1; 16]), &key).is_err(),
            "{name}"
        );
        assert!(signed.verify(&room, &call(), &leaf(0x71).0.key).is_err(), "{name}");
        for (_, other) in orders() {
            if other.decision != signed.decision {
                let carried = Order::new(other.decision, signed.by, signed.epoch, signed.signature());
                assert!(
                    carried.verify(&room, &call(), &key).is_err(),
                    "{name} was read as another order"
                );
            }
        }
        if signed.decision != (Decision::Leave {}) {
            assert!(
                signed.verify(&RoomFp::from_bytes([1; 16]), &call(), &key).is_err(),
                "{name}"
            );
            let later = Order::new(signed.decision, signed.by, signed.epoch + 1, signed.signature());
            assert!(later.verify(&room, &call(), &key).is_err(), "{name} was made younger");
        }
    }
}

fn leaf_key(n: u8) -> (MemberId, [u8; 32]) {
    if n == 255 {
        return (MemberId::from_bytes([0; 16]), [0; 32]);
    }
    let (leaf, _) = leaf(n);
    (leaf.member, leaf.key)
}

#[test]
fn sealed_orders_open_at_their_place_alone_and_sizes_say_little() {
    let key = counting(0x80);
    let all: Vec<Order> = orders().into_iter().map(|(_, order)| order).collect();
    let sealed = seal(&key, &call(), 12, &all, counting(0x90)).unwrap();
    assert!(open(&key, &call(), 12, &sealed).is_ok_and(|read| read == all));
    assert!(open(&key, &call(), 13, &sealed).is_err());
    assert!(open(&key, &CallId::from_bytes([1; 16]), 12, &sealed).is_err());
    assert!(open(&counting(0x81), &call(), 12, &sealed).is_err());
    let len = |n: usize| seal(&key, &call(), 12, &all[..n], counting(0x90)).unwrap().len();
    assert_eq!(len(0), len(3), "up to three orders do not show");
    let one = order(Decision::Leave {}, 0x10);
    assert!(seal(&key, &call(), 12, &vec![one; 751], counting(0x90)).is_err());
}

#[test]
fn rules_have_one_spelling_and_guests_show_no_screen_by_default() {
    assert!(rules().is_canonical() && CallRules::open().is_canonical());
    let with = |change: fn(&mut CallRules)| {
        let mut rules = rules();
        change(&mut rules);
        rules.is_canonical()
    };
    assert!(!with(|r| r.bars.push(MemberId::from_bytes([0; 16]))));
    assert!(!with(|r| r.mutes.push(r.mutes[0])));
    assert!(!with(|r| r.mutes[0].kinds = 0));
    assert!(!with(|r| r.guests = 1 << 5));
    assert_eq!(GUESTS & (1 << TrackKind::Screen as u8), 0);
    let mut rules = CallRules::open();
    let somebody = MemberId::from_bytes([4; 16]);
    let nobody = |_: &MemberId| false;
    rules.mute(somebody, 0b11, true, nobody);
    rules.mute(somebody, 0b01, false, nobody);
    assert_eq!((rules.muted(&somebody), rules.guests), (0b10, ALL));
    rules.mute(somebody, ALL, false, nobody);
    assert!(rules.mutes.is_empty());
}

#[test]
fn what_does_not_fit_into_a_list_is_said_and_leaves_it_as_it_has_to_be() {
    let member = |n: usize| MemberId::from_bytes((n as u128).to_be_bytes());
    let (mut rules, most) = (CallRules::open(), usize::from(MAX_MEMBERS));
    for n in 0..most {
        assert!(rules.bar(member(n)) && rules.mute(member(n), 1, true, |_| true));
    }
    assert!(!rules.bar(member(most)) && rules.bar(member(0)));
    assert!(!rules.mute(member(most), 1, true, |_| true) && rules.mute(member(0), 2, true, |_| true));
    assert!(rules.is_canonical());
    // Those who are not there any more make room.
    assert!(rules.mute(member(most), 1, true, |m| *m != member(5)));
    assert_eq!((rules.muted(&member(5)), rules.muted(&member(most))), (0, 1));
    assert!(rules.is_canonical() && rules.bars.len() == most && rules.mutes.len() == most);
}
