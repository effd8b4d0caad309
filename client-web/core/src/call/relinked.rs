//! A new link in a small world: hosts who are evil, lose a race or their place in the call, and what becomes of the record that they signed.
//!
//! What a host's own vanishing leaves to the others is in `tests/carrying.rs`.

use std::cell::Cell;
use std::rc::Rc;

use conclave_protocol::credential::HostCredential;
use conclave_protocol::envelope::{ClearPart, seal};
use conclave_protocol::ids::{MemberId, RoomId};
use conclave_protocol::keys::{AdmissionPk, LinkKeys, LinkSecret, ManagePk};
use conclave_protocol::limits::SHEET_LEN;
use conclave_protocol::link::GuestLink;
use conclave_protocol::manage::{Replacement, RoomChange};
use conclave_protocol::message::{ClientMessage, ServerMessage};
use conclave_protocol::role::LeafName;
use conclave_protocol::room::{Limits, RoomRecord};

use super::Member;
use super::inside::{Inside, Turn};
use super::stage::Stage;
use super::words::Words;
use crate::group::{GroupData, LeafKey, prove_resume};
use crate::io::{Input, NoticeCode};
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

fn proposed(world: &World, tab: usize) -> Option<(LinkSecret, Replacement)> {
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

/// A server can make members lose their place in the group whenever it likes. They take it back.
fn loses_its_place(world: &mut World, tab: usize) {
    let now = world.now;
    world.tabs[tab].member.turn(now, Turn::TakeBack);
    world.give(tab, Input::Tick);
}

#[test]
fn a_host_who_loses_the_place_in_the_call_still_changes_the_link() {
    // Before it is said; when it is said, and comes into force among the others; and when this host knows that it is in force.
    let moments: [fn(&World) -> bool; 3] = [
        |w| proposed(w, 0).is_none(),
        |w| proposed(w, 0).is_some(),
        |w| !w.tabs[0].links.is_empty(),
    ];
    for (seed, moment) in (1..).zip(moments) {
        let mut world = World::with_a_host(seed);
        let tabs = world.hosted(&["Grace", "Ada"]);
        world.run(2_000);
        world.give(0, Input::ChangeLink);
        world.until("the moment has come", 2_000, moment);
        loses_its_place(&mut world, 0);
        world.until("the server knows the link", 15_000, |w| {
            w.tabs[0].notices.contains(&NoticeCode::LinkInForce)
        });
        world.until("all are together", 10_000, |w| w.together(&tabs));
        assert!(
            tabs.iter().all(|tab| world.tabs[*tab].links.len() == 1),
            "not one new link"
        );
    }
}

/// The host's word and commit are lost, then its place.
fn loses_word_and_place(world: &mut World, tabs: &[usize]) {
    world.run(2_000);
    world.swallow = Some(Box::new(|from, message| {
        from == 0 && matches!(message, ClientMessage::EnvelopeOut { .. } | ClientMessage::Chunk { .. })
    }));
    world.give(0, Input::ChangeLink);
    world.until("it is proposed", 2_000, |w| proposed(w, 0).is_some());
    world.run(300);
    let knows = |w: &World, tab: &usize| !w.tabs[*tab].links.is_empty();
    assert!(!tabs.iter().any(|tab| knows(world, tab)), "it was not lost");
    world.swallow = None;
    loses_its_place(world, 0);
}

#[test]
fn a_link_whose_word_was_lost_with_the_place_is_proposed_again() {
    let mut world = World::with_a_host(4);
    let tabs = world.hosted(&["Grace", "Ada"]);
    loses_word_and_place(&mut world, &tabs);
    world.until("the server knows the link", 15_000, |w| {
        w.tabs[0].notices.contains(&NoticeCode::LinkInForce)
    });
    world.until("all are together", 10_000, |w| w.together(&tabs));
}

/// Who was told the secret before it is in force could make one.
#[test]
fn a_card_that_is_shown_under_the_new_link_too_early_misleads_its_host_for_seconds() {
    let mut world = World::with_a_host(8);
    let tabs = world.hosted(&["Grace", "Ada"]);
    loses_word_and_place(&mut world, &tabs);
    world.until(
        "the host knocks",
        2_000,
        |w| matches!(&w.tabs[0].member.stage, Stage::Outside(newcomer) if newcomer.knocks()),
    );
    let call = match &world.tabs[tabs[1]].member.stage {
        Stage::Inside(inside) => inside.call,
        _ => panic!("not in a call"),
    };
    let key = LinkKeys::derive(&proposed(&world, 0).unwrap().0).envelope();
    let envelope = seal(&key, ClearPart::card(call), b"card", [1; 24]).unwrap().encode();
    let frame = ServerMessage::EnvelopeIn { seq: None, envelope }.encode();
    world.give(0, Input::SocketFrame(&frame));
    assert_eq!(world.tabs[0].links.len(), 1, "it does not mislead");
    world.until("the server knows the link", 30_000, |w| {
        w.tabs[0].notices.contains(&NoticeCode::LinkInForce)
    });
    world.until("all are together", 10_000, |w| w.together(&tabs));
    assert_eq!(world.tabs[0].links.last(), world.tabs[tabs[1]].links.last());
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

/// It comes back when the server knows the link already, by the record that it signed itself.
#[test]
fn a_host_whose_line_was_cut_meanwhile_comes_back_by_its_own_link() {
    for (seed, loses_place) in [(6, false), (7, true)] {
        let mut world = World::with_a_host(seed);
        let tabs = world.hosted(&["Grace", "Ada"]);
        world.run(2_000);
        world.give(0, Input::ChangeLink);
        world.until("it is proposed", 2_000, |w| proposed(w, 0).is_some());
        world.cut(0);
        world.until("those inside have it", 5_000, |w| !w.tabs[tabs[1]].links.is_empty());
        let link = GuestLink::parse(world.tabs[tabs[1]].links.last().unwrap()).unwrap();
        world.until("the others bring it", LINK_CARRY_MS + 1_000, |w| w.admits_by(&link));
        if loses_place {
            loses_its_place(&mut world, 0);
        }
        world.mend(0);
        world.until("the host has a key with it", 20_000, |w| {
            !w.tabs[0].credentials.is_empty()
        });
        let key = HostCredential::parse(&world.tabs[0].credentials[0]).unwrap();
        assert!(key.guest == link, "another link in the key");
        world.until("all are together", 10_000, |w| w.together(&tabs));
    }
}

#[test]
fn whoever_loses_the_place_in_the_call_still_brings_the_record() {
    for seed in 1..=3 {
        let mut world = World::with_a_host(seed);
        let tabs = world.hosted(&["Grace", "Ada"]);
        world.run(2_000);
        let (grace, ada) = (tabs[1], tabs[2]);
        let old = world.admission_pk();
        world.swallow = Some(Box::new(move |from, message| match message {
            ClientMessage::Manage { change, .. } => matches!(change, RoomChange::Replace { .. }),
            ClientMessage::Replace { .. } => from == ada,
            _ => false,
        }));
        world.give(0, Input::ChangeLink);
        world.until("those inside have it", 2_000, |w| {
            tabs.iter().all(|tab| !w.tabs[*tab].links.is_empty())
        });
        world.kill(0);
        loses_its_place(&mut world, grace);
        world.until("Grace brings it", 45_000, |w| w.admission_pk() != old);
    }
}

#[test]
fn a_record_that_does_not_fit_the_link_is_brought_by_nobody() {
    assert_eq!(brought(|_| {}), 1, "the control: refused, it is not brought again");
    assert_eq!(brought(|r| r.admission_pk = AdmissionPk::from_bytes([8; 32])), 0);
    assert_eq!(brought(|r| r.room_id = RoomId::from_bytes([8; 16])), 0);
}
