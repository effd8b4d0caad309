//! Roles, moderators' keys, appointments, rules of a call, orders.

use conclave_protocol::{
    credential::{Deed, Mandate, Role},
    ids::{CallId, MemberId},
    keys::{MandatePk, MandateSeed, RootKeys, RootSeed, Signer},
    moderator::{FIRST_MODERATOR_SERIAL, ModeratorKey},
    order::{Decision, Order, seal},
    role::{Appointment, Authority, LeafName, RoleProof},
    rules::{CallRules, Mute},
};
use serde_json::{Value, json};

use super::{counting, hex, invites::guest, rooms::mandate};

pub fn call() -> CallId {
    CallId::from_bytes(counting(0x22))
}

/// A leaf and its key.
pub fn leaf(n: u8) -> (LeafName, Signer) {
    let key = Signer::from_seed(&counting(n));
    let leaf = LeafName {
        member: MemberId::from_bytes(counting(n + 1)),
        key: key.public(),
    };
    (leaf, key)
}

/// The root's keys, what mandates are judged by, and a mandate with its key.
pub fn authority(role: Role) -> (RootKeys, Authority, Mandate, Signer) {
    let (root, other) = mandate();
    let key = Signer::from_seed(&counting(0xb0));
    let pk = MandatePk::from_bytes(key.public());
    let mandate = Mandate::sign(&root.sign(), other.room_fp, role, 7, 20_869, pk);
    let authority = Authority {
        root_pk: root.root_pk(),
        sheet_seq: 3,
        minimum_serial: 2,
        revoked: vec![4, 6],
        day: 20_800,
        revoked_invites: Vec::new(),
    };
    (root, authority, mandate, key)
}

/// The deed of the room of [`authority`].
pub fn deed() -> Deed {
    Deed(RootSeed::from_bytes(counting(0xa0)))
}

/// A moderator's key of that room.
pub fn moderators_key() -> ModeratorKey {
    let seed = MandateSeed::from_bytes(counting(0xc0));
    deed()
        .moderator(guest(), FIRST_MODERATOR_SERIAL | 9, 20_869, seed)
        .unwrap()
}

pub fn proof(role: Role, of: &LeafName) -> RoleProof {
    let (_, _, mandate, key) = authority(role);
    RoleProof::sign(mandate, &key, &call(), of)
}

pub fn appointment(by: Role) -> Appointment {
    let ((host, host_key), (moderator, _)) = (leaf(0x10), leaf(0x30));
    let room = authority(by).1.room();
    let message = Appointment::signed_bytes(&room, &call(), &moderator, &host);
    Appointment::new(moderator, host, &proof(by, &host), host_key.sign(&message))
}

pub fn order(decision: Decision, n: u8) -> Order {
    let (by, key) = leaf(n);
    let room = authority(Role::Host).1.room();
    let message = Order::signed_bytes(&room, &call(), &decision, &by.member, 9);
    Order::new(decision, by.member, 9, key.sign(&message))
}

pub fn orders() -> Vec<(&'static str, Order)> {
    let target = leaf(0x50).0;
    vec![
        (
            "admit",
            order(
                Decision::Admit {
                    package: counting(0x60),
                },
                0x10,
            ),
        ),
        ("remove", order(Decision::Remove { leaf: target }, 0x10)),
        ("silent", order(Decision::Silent { leaf: target }, 0x30)),
        ("leave", order(Decision::Leave {}, 0x50)),
    ]
}

pub fn rules() -> CallRules {
    CallRules {
        lobby: true,
        mutes: vec![Mute {
            member: leaf(0x50).0.member,
            kinds: 0b101,
        }],
        bars: vec![leaf(0x70).0.member],
        appointments: vec![appointment(Role::Host)],
        ..CallRules::open()
    }
}

pub fn roles() -> Value {
    let (host, host_key) = leaf(0x10);
    let (_, authority, mandate, key) = authority(Role::Host);
    let moderator = moderators_key();
    let all: Vec<Order> = orders().into_iter().map(|(_, order)| order).collect();
    let signed = |order: &Order| {
        let room = authority.room();
        Order::signed_bytes(&room, &call(), &order.decision, &order.by, order.epoch)
    };
    json!({
        "call_id": hex(call().as_bytes()),
        "member_id": hex(host.member.as_bytes()),
        "leaf_seed": hex(counting::<32>(0x10)),
        "leaf_key": hex(host_key.public()),
        "authority": hex(minicbor::to_vec(&authority).unwrap()),
        "role_proof": hex(RoleProof::sign(mandate, &key, &call(), &host).to_bytes()),
        "moderators_key": {
            "text": moderator.to_text().as_str(),
            "guest_url": moderator.guest.to_url("https://meet.example.org").as_str(),
            "mandate": hex(moderator.mandate.to_bytes()),
            "mandate_seed": hex(moderator.mandate_seed.expose()),
            "serial": moderator.mandate.serial,
        },
        "appointment": hex(appointment(Role::Host).to_bytes()),
        "rules": hex(minicbor::to_vec(rules()).unwrap()),
        "orders": orders().iter().map(|(name, order)| json!({
            "name": name, "signed": hex(signed(order)), "bytes": hex(minicbor::to_vec(order).unwrap()),
        })).collect::<Vec<_>>(),
        "sealed_orders": { "key": hex(counting::<32>(0x80)), "base_seq": 12, "nonce": hex(counting::<24>(0x90)),
            "none": hex(seal(&counting(0x80), &call(), 12, &[], counting(0x90)).unwrap()),
            "all": hex(seal(&counting(0x80), &call(), 12, &all, counting(0x90)).unwrap()) },
    })
}
