//! Comparing the number with everybody: one number that stands still for a minute, and what ends it.

mod world;

use conclave_core::{Input, NoticeCode, State};
use world::{World, is_commit_in};

#[test]
fn everybody_compares_one_number_that_stands_still_while_newcomers_wait() {
    for seed in 1..=3 {
        let mut world = World::new(seed);
        let tabs = world.call_of(&["A", "B", "C"]);
        world.run(1_000);
        world.give(tabs[1], Input::CompareNow);
        let at = world.now;
        world.until("all compare", 1_000, |w| {
            tabs.iter().all(|t| w.tabs[*t].compare.is_some())
        });
        let shown = world.tabs[0].compare.clone().unwrap();
        assert!(shown.by == "B" && !shown.mine && world.tabs[1].compare.as_ref().is_some_and(|c| c.mine));
        for tab in &tabs {
            world.give(*tab, Input::ShowSafetyNumber);
            assert_eq!(world.tabs[*tab].compare.as_ref().unwrap().digits, shown.digits);
            assert_eq!(
                world.tabs[*tab].safety.last(),
                Some(&shown.digits),
                "not the call's number"
            );
        }
        let epoch = world.tabs[0].epoch();
        let newcomer = world.join("D");
        world.run(55_000);
        assert_eq!(world.tabs[0].epoch(), epoch, "the number changed while all compared");
        assert_eq!(
            world.tabs[newcomer].state,
            State::Waiting,
            "a newcomer founds a call of its own"
        );
        world.until("it is over", 10_000, |w| {
            tabs.iter().all(|t| w.tabs[*t].compare.is_none())
        });
        assert!((59_900..61_500).contains(&(world.now - at)));
        assert!(tabs.iter().all(|t| world.tabs[*t].compares_over == [false]));
        world.until("the newcomer is in", 25_000, |w| {
            w.together(&[tabs[0], tabs[1], tabs[2], newcomer])
        });
        // And the door stays open for as long.
        world.give(tabs[2], Input::CompareNow);
        world.run(1_000);
        assert!(
            world.tabs[0].compare.is_none(),
            "a second comparison within two minutes"
        );
        assert_eq!(world.tabs[2].notices.last(), Some(&NoticeCode::CompareRefused));
    }
}

#[test]
fn a_departure_ends_the_comparison_in_words() {
    let mut world = World::new(4);
    let tabs = world.call_of(&["A", "B", "C"]);
    world.give(tabs[0], Input::CompareNow);
    world.until("all compare", 1_000, |w| w.tabs[1].compare.is_some());
    world.give(tabs[2], Input::Leave);
    world.until("the two are told", 3_000, |w| {
        w.together(&tabs[..2]) && tabs[..2].iter().all(|t| w.tabs[*t].compares_over == [true])
    });
}

#[test]
fn whoever_takes_their_place_back_is_told_that_the_number_changed() {
    let mut world = World::new(4);
    let tabs = world.call_of(&["A", "B", "C"]);
    world.give(tabs[0], Input::CompareNow);
    world.until("all compare", 1_000, |w| w.tabs[tabs[2]].compare.is_some());
    let victim = tabs[2];
    world.withhold = Some(Box::new(move |_, to, message| to == victim && is_commit_in(message)));
    world.give(tabs[1], Input::Leave);
    world.until("C is where A is", 20_000, |w| w.together(&[tabs[0], victim]));
    let tab = &world.tabs[victim];
    assert!(tab.compare.is_none(), "a number of another group stays on the screen");
    assert_eq!(tab.compares_over, [true]);
}

#[test]
fn where_there_is_a_host_guests_do_not_ask_for_comparisons() {
    let mut world = World::with_a_host(5);
    let tabs = world.hosted(&["Grace"]);
    world.give(tabs[1], Input::CompareNow);
    world.run(1_000);
    assert!(world.tabs.iter().all(|t| t.compare.is_none()));
    assert_eq!(world.tabs[1].notices.last(), Some(&NoticeCode::CompareRefused));
    world.give(tabs[0], Input::CompareNow);
    world.until("both compare", 1_000, |w| w.tabs.iter().all(|t| t.compare.is_some()));
}
