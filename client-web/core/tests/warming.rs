//! Large calls renew their keys by themselves until removals are small: over the real delivery service, in virtual time.

mod world;

use conclave_core::{EndReason, Input, State};
use conclave_protocol::sheet::{Found, Rules};
use world::World;

/// Six blocks of eight; the first four are of a call small enough for a path in each commit that adds.
const MANY: usize = 48;

/// A host and others, who came together.
fn crowd(seed: u64, many: usize) -> (World, Vec<usize>) {
    let rules = Rules {
        found: Found::Anyone,
        lobby: false,
    };
    let mut world = World::with_rules(seed, rules);
    let mut tabs = vec![world.join_as_host("Hope")];
    world.until("the host is in", 5_000, |w| w.together(&[0]));
    for n in 1..many {
        tabs.push(world.join(&format!("Member {n}")));
    }
    world.until("all are in", 20_000, |w| w.together(&tabs));
    (world, tabs)
}

/// Lets time pass until nobody has renewed their keys for ten seconds. How many did.
fn settle(world: &mut World) -> u64 {
    let before = world.tabs[0].epoch().unwrap();
    for _ in 0..60 {
        let epoch = world.tabs[0].epoch();
        world.run(10_000);
        if world.tabs[0].epoch() == epoch {
            return epoch.unwrap() - before;
        }
    }
    panic!("the call goes on renewing its keys");
}

/// What a member receives of the commit that removes the newest.
fn removal_bytes(world: &mut World, victim: usize) -> usize {
    let (name, before) = (world.tabs[victim].name.clone(), world.tabs[1].low_bytes);
    let member = world.id(0, &name);
    world.give(0, Input::Remove { member, bar: true });
    world.until("the victim is out within a second", 1_000, |w| {
        w.tabs[victim].state == State::Ended(EndReason::Barred)
    });
    world.run(500);
    world.tabs[1].low_bytes - before
}

#[test]
fn a_large_call_warms_itself_and_removals_are_small_then() {
    let (mut world, mut tabs) = crowd(1, MANY);
    let cold = removal_bytes(&mut world, tabs.pop().unwrap());
    let renewed = settle(&mut world);
    // One in each of the blocks that nobody in it had renewed.
    assert!((2..=6).contains(&renewed), "{renewed} times");
    assert!(world.together(&tabs));
    let warm = removal_bytes(&mut world, tabs.pop().unwrap());
    // Both in steps of padding that double.
    assert!(3 * warm < 2 * cold, "{warm} bytes instead of {cold}");
    // It stays warm.
    assert_eq!(settle(&mut world), 0);
    assert!(world.together(&tabs));
}

#[test]
fn a_small_call_has_no_need_of_it() {
    let (mut world, tabs) = crowd(2, 20);
    assert_eq!(settle(&mut world), 0);
    assert!(world.together(&tabs));
}

/// A whole block of them, who are nearest to the turn and do not take it.
#[test]
fn those_who_vanish_hold_nobody_up() {
    let (mut world, tabs) = crowd(3, MANY);
    let gone: Vec<usize> = tabs
        .iter()
        .copied()
        .filter(|t| {
            let leaf = world.tabs[*t].keys.last().unwrap().own_leaf;
            (32..40).contains(&leaf)
        })
        .collect();
    assert_eq!(gone.len(), 8);
    for tab in &gone {
        world.kill(*tab);
    }
    let epoch = world.tabs[0].epoch().unwrap();
    world.run(30_000);
    let renewed = world.tabs[0].epoch().unwrap() - epoch;
    assert!((1..=5).contains(&renewed), "{renewed} times though eight are gone");
}

/// Arrivals and removals go first, and a number that is being compared is kept.
#[test]
fn nothing_waits_for_it() {
    let (mut world, tabs) = crowd(4, MANY);
    let mut left = tabs.clone();
    for _ in 0..8 {
        // Wherever the warming is just then.
        let pause = world.below(1_500);
        world.run(pause);
        removal_bytes(&mut world, left.pop().unwrap());
    }
    world.give(tabs[0], Input::CompareNow);
    world.run(500);
    let epoch = world.tabs[0].epoch();
    world.run(50_000);
    assert_eq!(world.tabs[0].epoch(), epoch, "the number changed while it was compared");
    world.run(10_000);
    assert!(settle(&mut world) > 0, "and the warming went on after it");
    assert!(world.together(&left));
}
