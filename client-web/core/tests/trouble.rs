//! Collisions, garbage, late bodies, hostile link holders, and long random runs.

mod world;

use conclave_core::{EndReason, Input, State};
use conclave_protocol::envelope::ClearPart;
use world::{World, seeds};

#[test]
fn commits_that_collide_end_in_one_epoch() {
    // Whoever is first in the order is slow to send, so the next one acts too, and one of the two commits is stale.
    for seed in 1..=seeds(6) {
        let mut world = World::new(seed);
        let mut tabs = world.call_of(&["A", "B", "C"]);
        for tab in &tabs {
            world.tabs[*tab].lag_up = 400 + world.below(900);
        }
        tabs.push(world.join("D"));
        tabs.push(world.join("E"));
        world.until("five are together", 15_000, |w| w.together(&tabs));
        world.run(3_000);
        assert!(world.together(&tabs));
    }
}

#[test]
fn two_founders_on_slow_lines_meet_once_and_stay() {
    for seed in 1..=seeds(25) {
        let mut world = World::new(seed);
        let mut tabs = Vec::new();
        for name in ["Ada", "Grace"] {
            let tab = world.join(name);
            world.tabs[tab].lag_up = world.below(1_500);
            world.tabs[tab].lag_low = world.below(3_000);
            tabs.push(tab);
            let apart = world.below(800);
            world.run(apart);
        }
        // Four seconds there and back on the slowest of these lines: an answer that comes after the next knock costs one more turn.
        world.until("both are in one call", 20_000, |w| w.together(&tabs));
        for _ in 0..300 {
            world.run(100);
            let states: Vec<_> = tabs
                .iter()
                .map(|t| (&world.tabs[*t].states, world.tabs[*t].epoch()))
                .collect();
            assert!(world.together(&tabs), "seed {seed}: they met and parted: {states:?}");
        }
    }
}

#[test]
fn a_commit_replayed_by_a_link_holder_changes_nothing() {
    let mut world = World::new(1);
    let tabs = world.call_of(&["A", "B", "C"]);
    let (call, _) = world.head.unwrap();
    // Bodies that are none of a commit: every envelope type with every other's clear part goes the same way.
    for body in [b"x".as_slice(), &[0x82, 1, 0xA0]] {
        world.forge(tabs[2], ClearPart::message(call), body);
        world.forge(tabs[2], ClearPart::knock(call), body);
        world.forge(tabs[2], ClearPart::card(call), body);
        world.run(1_000);
    }
    assert!(world.together(&tabs));
    // The forged card stands at the server until a member notices that a knock does not open, or a newcomer finds it void.
    let late = world.join("Late");
    world.until("a newcomer gets in all the same", 12_000, |w| {
        w.together(&[tabs[0], tabs[1], tabs[2], late]) || w.together(&[late])
    });
}

#[test]
fn whoever_gets_a_removal_late_falls_silent_and_comes_back() {
    for seed in 1..=3 {
        let mut world = World::new(seed);
        let tabs = world.call_of(&["A", "B", "C", "D"]);
        world.run(1_000);
        world.tabs[tabs[2]].lag_low = 4_000;
        world.give(tabs[3], Input::Leave);
        world.run(3_000);
        let held = world.tabs[tabs[2]].holds.clone();
        if world.tabs[tabs[0]].epoch() != world.tabs[tabs[2]].epoch() {
            assert_eq!(
                held.last().map(|h| h.1),
                Some(true),
                "no silence although a removal is ordered"
            );
        }
        world.run(4_000);
        assert_eq!(world.tabs[tabs[2]].holds.last().map(|h| h.1), Some(false));
        assert!(world.together(&tabs[..3]));
    }
}

#[test]
fn words_that_overtake_their_epoch_are_not_lost() {
    let mut world = World::new(1);
    let mut tabs = world.call_of(&["A", "B", "C"]);
    world.run(1_000);
    world.tabs[tabs[2]].lag_low = 1_500;
    tabs.push(world.join("D"));
    world.until("A has the new epoch", 3_000, |w| w.tabs[0].epoch() == Some(3));
    world.give(
        tabs[0],
        Input::Chat {
            text: "early words".into(),
        },
    );
    world.run(3_000);
    assert!(world.tabs[tabs[2]].chat.contains(&("A".into(), "early words".into())));
    assert!(world.together(&tabs));
}

#[test]
fn words_between_the_welcome_and_taking_part_reach_the_newcomer() {
    for seed in 1..=3 {
        let mut world = World::new(seed);
        let mut tabs = world.call_of(&["A", "B"]);
        world.run(1_000);
        let epoch = world.tabs[0].epoch();
        tabs.push(world.join("C"));
        // The welcome is slow, and words overtake it.
        world.tabs[tabs[2]].lag_low = 1_500;
        world.until("A is in the new epoch", 3_000, |w| w.tabs[0].epoch() != epoch);
        for text in ["first", "second"] {
            world.give(tabs[0], Input::Chat { text: text.into() });
            world.run(300);
        }
        assert!(world.tabs[tabs[2]].keys.is_empty(), "the welcome came before the words");
        world.until("C is in", 4_000, |w| w.together(&tabs));
        let heard = [
            ("A".to_owned(), "first".to_owned()),
            ("A".to_owned(), "second".to_owned()),
        ];
        assert_eq!(world.tabs[tabs[2]].chat, heard);
    }
}

#[test]
fn a_sleeping_machine_holds_its_sleep_against_nobody() {
    let mut world = World::new(1);
    let tabs = world.call_of(&["A", "B", "C"]);
    let epoch = world.tabs[0].epoch();
    // All lids are closed at once and opened after two minutes.
    for tab in &tabs {
        world.tabs[*tab].asleep = true;
        world.cut(*tab);
    }
    world.run(120_000);
    for tab in &tabs {
        world.tabs[*tab].asleep = false;
        world.mend(*tab);
        world.give(*tab, Input::Tick);
    }
    world.run(20_000);
    assert!(world.together(&tabs));
    assert_eq!(world.tabs[0].epoch(), epoch);
}

/// Anything may happen to all but one; whatever did, those who are left end in one call. (If nobody at all can be reached for ten seconds, newcomers
/// found another call, and two calls of several people stay two until hosts exist who can prove which one counts.)
#[test]
fn random_comings_and_goings_converge() {
    let mut people = 0;
    for seed in 100..100 + seeds(10) {
        let mut world = World::new(seed);
        world.call_of(&["anchor"]);
        for n in 0..3 {
            world.join(&format!("first {n}"));
        }
        for n in 0..25 {
            let tabs = world.tabs.len();
            let one = 1 + world.below(tabs as u64 - 1) as usize;
            match world.below(8) {
                0 | 1 => {
                    if world
                        .tabs
                        .iter()
                        .filter(|t| !t.killed && t.state == State::InCall)
                        .count()
                        < 10
                    {
                        world.join(&format!("later {n}"));
                    }
                }
                2 => world.give(one, Input::Leave),
                3 => world.kill(one),
                4 => world.cut(one),
                5 => world.mend(one),
                6 => world.tabs[one].lag_up = world.below(600),
                _ => world.give(one, Input::Chat { text: "words".into() }),
            }
            let pause = 200 + world.below(4_000);
            world.run(pause);
        }
        for tab in 0..world.tabs.len() {
            world.mend(tab);
            world.tabs[tab].lag_up = 0;
        }
        world.run(180_000);
        let gone = [State::Ended(EndReason::Left), State::Ended(EndReason::ServerAway)];
        let alive: Vec<usize> = (0..world.tabs.len())
            .filter(|t| !world.tabs[*t].killed && !gone.contains(&world.tabs[*t].state))
            .collect();
        let told: Vec<_> = alive
            .iter()
            .map(|t| {
                (
                    &world.tabs[*t].name,
                    world.tabs[*t].state,
                    world.tabs[*t].epoch(),
                    world.tabs[*t].names(),
                )
            })
            .collect();
        assert!(alive.is_empty() || world.together(&alive), "seed {seed}: {told:#?}");
        people += alive.len();
    }
    assert!(people > 10, "too few were left for this to say anything");
}

/// After each join and each leave all who are there are in one group, for five minutes of ten a minute.
#[test]
fn ten_joins_and_leaves_a_minute_converge_each_time() {
    for seed in 300..300 + seeds(4) {
        let mut world = World::new(seed);
        let mut tabs = world.call_of(&["A", "B"]);
        for n in 0..50 {
            let (lag_up, lag_low) = (world.below(200), world.below(400));
            if tabs.len() > 3 && world.below(2) == 0 {
                let one = tabs.remove(world.below(tabs.len() as u64) as usize);
                world.give(one, Input::Leave);
            } else {
                tabs.push(world.join(&format!("guest {n}")));
                let newest = &mut world.tabs[tabs[tabs.len() - 1]];
                (newest.lag_up, newest.lag_low) = (lag_up, lag_low);
            }
            world.until("they are in one group", 5_500, |w| w.together(&tabs));
            world.run(6_000);
            assert!(world.together(&tabs), "seed {seed}, step {n}: they parted");
        }
    }
}
