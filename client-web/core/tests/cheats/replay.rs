//! The server brings up again what passed before.

use std::cell::RefCell;
use std::rc::Rc;

use conclave_core::{EndReason, Input, State};
use conclave_protocol::message::ServerMessage;

use super::world::World;

type Passed = Rc<RefCell<Vec<(usize, Vec<u8>)>>>;

/// Writes down every envelope that goes to anybody.
fn record(world: &mut World) -> Passed {
    let passed = Passed::default();
    let into = Rc::clone(&passed);
    world.withhold = Some(Box::new(move |_, to, message| {
        if matches!(message, ServerMessage::EnvelopeIn { .. } | ServerMessage::Notice { .. }) {
            into.borrow_mut().push((to, message.encode()));
        }
        false
    }));
    passed
}

/// A9: welcomes, commits, notices, knocks, cards and words, each to whom it went and to everybody else.
#[test]
fn a9_nothing_that_passed_before_does_anything_again() {
    for seed in 1..=2 {
        let mut world = World::new(seed);
        let passed = record(&mut world);
        let mut tabs = world.call_of(&["A", "B", "C"]);
        for (n, tab) in tabs.clone().into_iter().enumerate() {
            world.give(
                tab,
                Input::Chat {
                    text: format!("word {n} once"),
                },
            );
        }
        world.run(3_000);
        world.give(tabs.pop().unwrap(), Input::Leave);
        world.until("two are left", 5_000, |w| w.together(&tabs));
        world.run(3_000);
        world.withhold = None;
        let (epoch, chat) = (world.tabs[0].epoch(), world.tabs[0].chat.len());
        let events = |w: &World| {
            let t = |t: usize| {
                (
                    w.tabs[t].arrived.len(),
                    w.tabs[t].departed.len(),
                    w.tabs[t].returned.len(),
                )
            };
            [t(0), t(1)]
        };
        let before = events(&world);
        let all = passed.borrow().clone();
        assert!(all.len() > 25, "nothing to replay");
        for (n, (_, frame)) in all.iter().enumerate() {
            for tab in &tabs {
                world.give(*tab, Input::SocketFrame(frame));
            }
            if n % 20 == 0 {
                world.run(50);
            }
        }
        world.run(10_000);
        assert!(world.together(&tabs), "an old word parted them");
        assert_eq!(
            world.tabs[0].epoch(),
            epoch,
            "an old commit, or a knock, made a new epoch"
        );
        assert_eq!(world.tabs[0].chat.len(), chat, "words were shown twice");
        assert!(events(&world) == before);
        assert!(
            world
                .tabs
                .iter()
                .take(2)
                .all(|t| t.holds.last().is_none_or(|(_, on)| !*on))
        );
    }
}

/// B5: by the key of the leaf that was removed, and every welcome and commit that the server kept for them.
#[test]
fn b5_a_barred_guest_does_not_come_back_by_a_welcome_of_before() {
    let mut world = World::with_a_host(3);
    let passed = record(&mut world);
    let tabs = world.hosted(&["Grace", "Mallory"]);
    let place = world.tabs[2].place.clone().unwrap();
    world.run(2_000);
    let member = world.tabs[0].sees("Mallory").unwrap().member_id;
    world.give(0, Input::Remove { member, bar: true });
    world.until("out", 3_000, |w| w.tabs[2].state == State::Ended(EndReason::Barred));
    world.withhold = None;
    let again = world.reopen("Mallory", &place);
    for (to, frame) in passed.borrow().clone() {
        if to == 2 {
            world.give(again, Input::SocketFrame(&frame));
            world.run(20);
        }
    }
    world.run(20_000);
    assert!(world.tabs[again].keys.is_empty(), "a removed guest has keys again");
    assert!(world.together(&tabs[..2]));
}
