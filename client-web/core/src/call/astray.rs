//! A new link in a small world, with members who lose their place in the call or their line while it comes into force.

use conclave_protocol::credential::HostCredential;
use conclave_protocol::envelope::{ClearPart, seal};
use conclave_protocol::keys::LinkKeys;
use conclave_protocol::link::GuestLink;
use conclave_protocol::manage::RoomChange;
use conclave_protocol::message::{ClientMessage, ServerMessage};

use super::inside::Turn;
use super::relinked::proposed;
use super::stage::Stage;
use crate::io::{Input, NoticeCode};
use crate::limits::LINK_CARRY_MS;
use crate::world::World;

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
