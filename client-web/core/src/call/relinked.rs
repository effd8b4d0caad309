//! A new link in a small world: hosts who are evil or lose a race, and what becomes of the record that they signed.
//!
//! Members who lose their place or line meanwhile are in `astray`; what a host's own vanishing leaves to the others is in `tests/carrying.rs`.

use std::cell::Cell;
use std::rc::Rc;

use conclave_protocol::credential::HostCredential;
use conclave_protocol::ids::{MemberId, RoomId};
use conclave_protocol::keys::{AdmissionPk, LinkKeys, LinkSecret, ManagePk};
use conclave_protocol::limits::SHEET_LEN;
use conclave_protocol::link::GuestLink;
use conclave_protocol::manage::Replacement;
use conclave_protocol::message::ClientMessage;
use conclave_protocol::role::LeafName;
use conclave_protocol::room::{Limits, RoomRecord};

use super::Member;
use super::inside::Inside;
use super::stage::Stage;
use super::words::Words;
use crate::group::{GroupData, LeafKey, prove_resume};
use crate::io::Input;
use crate::limits::{LINK_CARRY_MS, MAX_RULES_SAID};
use crate::world::World;

/// How often members bring a record that a host has spoilt before it was said. Signed by nobody: the server takes it in no case.
fn brought(spoil: fn(&mut RoomRecord)) -> u32 {
    let mut world = World::with_a_host(1);
    let tabs = world.hosted(&["Grace"]);
    let secret = LinkSecret::from_bytes([7; 32]);
    let mut record = RoomRecord {
        room_id: RoomId::of(&world.link.room_fp, &world.server),
        admission_pk: AdmissionPk::from_bytes(LinkKeys::derive(&secret).admission(&world.server).public()),
        manage_pk: ManagePk::from_bytes([3; 32]),
        day_made: 1,
        day_expires: 2,
        limits: Limits::default(),
        sheet: vec![4; SHEET_LEN],
    };
    spoil(&mut record);
    let replacement = Replacement {
        base: [5; 32],
        record,
        signature: [6; 64],
    };
    let Member { stage, shared, .. } = &mut world.tabs[0].member;
    let Stage::Inside(inside) = stage else {
        panic!("not in a call")
    };
    inside.propose_link(secret, replacement, shared);
    world.run(2_000);
    assert_eq!(world.tabs[tabs[1]].links.len(), 1, "the link was not changed");
    let times = Rc::new(Cell::new(0));
    let seen = Rc::clone(&times);
    world.swallow = Some(Box::new(move |_, message| {
        seen.set(seen.get() + u32::from(matches!(message, ClientMessage::Replace { .. })));
        false
    }));
    world.run(2 * LINK_CARRY_MS);
    times.get()
}

pub(super) fn proposed(world: &World, tab: usize) -> Option<(LinkSecret, Replacement)> {
    let (_, link) = world.tabs[tab].member.shared.relinking.link.as_ref()?;
    Some((link.secret.clone(), link.replacement.clone()?))
}

/// Of two hosts' links one does not come into force, and a hostile guest brings the server that very one.
#[test]
fn a_link_that_did_not_come_into_force_is_undone_at_the_server() {
    for seed in 1..=4 {
        let mut world = World::with_a_host(seed);
        let mut tabs = world.hosted(&["Grace"]);
        tabs.push(world.join_as_host("Hugo"));
        world.until("two hosts", 5_000, |w| w.together(&tabs));
        world.run(2_000);
        let hosts = [tabs[0], tabs[2]];
        for host in hosts {
            world.give(host, Input::ChangeLink);
        }
        world.until("both are signed", 500, |w| {
            hosts.iter().all(|host| proposed(w, *host).is_some())
        });
        let both = hosts.map(|host| proposed(&world, host).unwrap());
        world.until("one is in force", 2_000, |w| !w.tabs[tabs[1]].links.is_empty());
        let link = GuestLink::parse(world.tabs[tabs[1]].links.last().unwrap()).unwrap();
        let [lost] = both
            .iter()
            .filter(|(secret, _)| *secret != link.link_secret)
            .collect::<Vec<_>>()[..]
        else {
            panic!("not one of the two")
        };
        let replacement = lost.1.clone();
        let key = replacement.record.admission_pk;
        world.tabs[tabs[1]]
            .member
            .shared
            .send(&ClientMessage::Replace { replacement });
        world.give(tabs[1], Input::Tick);
        world.until("the server has the wrong one", 500, |w| w.admission_pk() == key);
        world.until("the server has the right one", 20_000, |w| w.admits_by(&link));
        world.until("both hosts have a key with it", 20_000, |w| {
            hosts.iter().all(|host| w.tabs[*host].credentials.len() == 1)
        });
        assert!(world.admits_by(&link) && world.together(&tabs));
        for host in hosts {
            let key = HostCredential::parse(&world.tabs[host].credentials[0]).unwrap();
            assert!(key.guest == link, "another link in the key");
        }
    }
}

/// As many moderators who lost their state again and again that the rules just go into one message.
fn long_rules(inside: &Inside) -> GroupData {
    let (call, data) = (inside.call, inside.group.data().unwrap());
    inside.group.change_rules(&data, |rules| {
        for n in 0..24 {
            let member = MemberId::from_bytes([n; 16]);
            let mut key = LeafKey::from_seed(&[n; 32]);
            let leaf = LeafName {
                member,
                key: key.public(),
            };
            let mut appointment = inside.group.appoint(leaf).unwrap();
            for heir in 1..=8 {
                let next = LeafKey::from_seed(&[100 + heir; 32]);
                let proof = prove_resume(&key, &call, &member, &next.public());
                appointment.pass_to(next.public(), proof);
                key = next;
            }
            assert!(rules.appoint(appointment, |_| true));
        }
    })
}

#[test]
fn rules_that_fill_a_message_are_said_without_the_record() {
    let mut world = World::with_a_host(1);
    let tabs = world.hosted(&["Grace"]);
    let Member { stage, shared, .. } = &mut world.tabs[0].member;
    let Stage::Inside(inside) = stage else {
        panic!("not in a call")
    };
    let next = long_rules(inside);
    let (bytes, record) = (next.to_bytes(), 4_300);
    assert!(
        (MAX_RULES_SAID - record..MAX_RULES_SAID).contains(&bytes.len()),
        "{}",
        bytes.len()
    );
    inside.say(&Words::Rules { bytes }, shared).unwrap();
    world.run(2_000);
    world.give(0, Input::ChangeLink);
    world.until("the link is changed, by a signed record", 2_000, |w| {
        tabs.iter().all(|tab| !w.tabs[*tab].links.is_empty())
    });
    assert!(world.tabs[tabs[1]].member.shared.relinking.carried.is_none());
    let Stage::Inside(inside) = &world.tabs[tabs[1]].member.stage else {
        panic!("not in a call")
    };
    assert_eq!(inside.group.data().unwrap().rules().appointments.len(), 24);
}

#[test]
fn whoever_asks_twice_for_a_new_link_makes_one_whose_record_fits() {
    let mut world = World::with_a_host(5);
    let tabs = world.hosted(&["Grace"]);
    world.run(2_000);
    world.give(0, Input::ChangeLink);
    world.give(0, Input::ChangeLink);
    world.until("those inside have it", 2_000, |w| !w.tabs[tabs[1]].links.is_empty());
    assert!(world.tabs[tabs[1]].member.shared.relinking.carried.is_some());
    world.run(5_000);
    assert!(
        tabs.iter().all(|tab| world.tabs[*tab].links.len() == 1),
        "not one new link"
    );
}

#[test]
fn a_record_that_does_not_fit_the_link_is_brought_by_nobody() {
    assert_eq!(brought(|_| {}), 1, "the control: refused, it is not brought again");
    assert_eq!(brought(|r| r.admission_pk = AdmissionPk::from_bytes([8; 32])), 0);
    assert_eq!(brought(|r| r.room_id = RoomId::from_bytes([8; 16])), 0);
}
