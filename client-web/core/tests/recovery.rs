//! What a call recovers from, where no other file has it: committers that vanish, crowds with removals between, the room's last seat.

mod world;

use std::cell::RefCell;
use std::rc::Rc;

use conclave_core::{EndReason, Input, State};
use world::{World, is_commit, seeds};

#[test]
fn a_committer_that_vanishes_in_mid_commit_is_replaced() {
    for seed in 1..=seeds(4) {
        let mut world = World::new(seed);
        let tabs = world.call_of(&["A", "B", "C"]);
        world.run(3_000);
        // Half of a commit, or all but its last piece, is on its way when its maker is gone.
        let maker: Rc<RefCell<Option<usize>>> = Rc::default();
        let seen = Rc::clone(&maker);
        world.swallow = Some(Box::new(move |from, message| {
            let mut seen = seen.borrow_mut();
            is_commit(message) && *seen.get_or_insert(from) == from
        }));
        let newcomer = world.join("D");
        world.until("somebody begins to commit", 5_000, |_| maker.borrow().is_some());
        let gone = maker.borrow().unwrap();
        world.kill(gone);
        world.swallow = None;
        let rest: Vec<usize> = tabs.iter().copied().filter(|t| *t != gone).chain([newcomer]).collect();
        // The next in the order acts 750 ms later; a knock is repeated after 3.5 s.
        world.until("the next one lets them in", 8_000, |w| {
            w.tabs[newcomer].state == State::InCall
                && rest.iter().all(|t| w.tabs[*t].epoch() == w.tabs[rest[0]].epoch())
        });
        world.until("and who vanished is removed", 120_000, |w| w.together(&rest));
    }
}

#[test]
fn a_crowd_comes_in_while_others_go_and_are_removed() {
    let mut world = World::with_a_host(9);
    let host = world.join_as_host("Hope");
    world.until("the host is in", 5_000, |w| w.tabs[host].state == State::InCall);
    world.give(host, Input::Lobby(false));
    world.run(2_000);
    let first: Vec<usize> = (0..4).map(|n| world.join(&format!("first {n}"))).collect();
    world.until("the first are in", 15_000, |w| {
        first.iter().all(|t| w.tabs[*t].state == State::InCall)
    });
    let mut crowd: Vec<usize> = Vec::new();
    for n in 0..20 {
        crowd.push(world.join(&format!("crowd {n}")));
        world.run(60);
        match n {
            5 => world.give(first[0], Input::Leave),
            9 => {
                let member = world.tabs[host].sees("first 1").unwrap().member_id;
                world.give(host, Input::Remove { member, bar: true });
            }
            13 => world.kill(first[2]),
            _ => {}
        }
    }
    let stay: Vec<usize> = [host, first[3]].into_iter().chain(crowd).collect();
    world.until("all of the crowd are in", 20_000, |w| {
        stay.iter().all(|t| w.tabs[*t].state == State::InCall)
    });
    assert_eq!(world.tabs[first[1]].state, State::Ended(EndReason::Barred));
    world.until("and who crashed is removed", 130_000, |w| w.together(&stay));
    world.give(
        stay[7],
        Input::Chat {
            text: "all here?".into(),
        },
    );
    world.until("everybody hears", 3_000, |w| {
        stay.iter().all(|t| !w.tabs[*t].chat.is_empty())
    });
}
