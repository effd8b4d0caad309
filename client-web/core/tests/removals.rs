//! Who is sent away, who falls silent, and whoever was: over the real delivery service, in virtual time.

mod world;

use conclave_core::{DepartReason, EndReason, Input, State};
use world::World;

const SEEDS: [u64; 3] = [1, 2, 3];

#[test]
fn a_removed_guest_is_out_within_a_second_and_keys_are_new() {
    for seed in SEEDS {
        let mut world = World::with_a_host(seed);
        let tabs = world.hosted(&["Grace", "Mallory"]);
        world.run(2_000);
        let member = world.id(0, "Mallory");
        world.give(tabs[0], Input::Remove { member, bar: false });
        let at = world.now;
        world.until("the victim is told", 1_000, |w| {
            w.tabs[2].state == State::Ended(EndReason::Removed)
        });
        world.until("the others have new keys", 1_000, |w| w.together(&tabs[..2]));
        assert!(world.now - at <= 1_000);
        assert!(
            world.tabs[1]
                .departed
                .contains(&("Mallory".into(), DepartReason::Removed))
        );
        let (old, new) = (world.tabs[2].keys.last(), world.tabs[1].keys.last());
        assert!(old.unwrap().base_key != new.unwrap().base_key);
    }
}

#[test]
fn a_removal_happens_though_the_host_vanishes_right_after_asking() {
    for seed in 10..20 {
        let mut world = World::with_a_host(seed);
        let tabs = world.hosted(&["Grace", "Ada", "Mallory"]);
        world.run(2_000);
        let member = world.id(0, "Mallory");
        world.give(tabs[0], Input::Remove { member, bar: false });
        // Long enough for the order to leave, not for a commit to come back.
        world.run(60);
        world.kill(tabs[0]);
        world.until("the victim is out all the same", 6_000, |w| {
            w.tabs[3].state == State::Ended(EndReason::Removed)
        });
    }
}

/// Whoever else would be the one to commit, and whether they are there at all.
#[test]
fn a_removal_waits_for_nobody_but_whoever_ordered_it() {
    for seed in 30..40 {
        let mut world = World::with_a_host(seed);
        let tabs = world.hosted(&["Grace", "Ada", "Edsger", "Mallory"]);
        for t in [1, 2, 3] {
            world.kill(tabs[t]);
        }
        let member = world.id(0, "Mallory");
        world.give(tabs[0], Input::Remove { member, bar: true });
        world.until("out before the next in the order would have acted", 300, |w| {
            w.tabs[4].state == State::Ended(EndReason::Barred)
        });
    }
}

/// Whoever heard the rules first would commit them, and the removal had to be made again on top.
#[test]
fn somebody_is_removed_and_barred_by_one_commit() {
    for seed in 40..60 {
        let mut world = World::with_a_host(seed);
        let tabs = world.hosted(&["Grace", "Ada", "Edsger", "Mallory"]);
        world.run(2_000);
        let (member, epoch) = (world.id(0, "Mallory"), world.tabs[0].epoch().unwrap());
        world.give(tabs[0], Input::Remove { member, bar: true });
        world.until("the victim is out", 300, |w| {
            w.tabs[4].state == State::Ended(EndReason::Barred)
        });
        world.run(2_000);
        assert_eq!(world.tabs[0].epoch(), Some(epoch + 1), "seed {seed}");
    }
}

/// Of two commits on one epoch one is refused. A removal is made again on top of the other at once; everything else leaves a moment between.
#[test]
fn a_removal_that_met_another_change_is_made_again_at_once() {
    let mut slowest = 0;
    for seed in 60..90 {
        let mut world = World::with_a_host(seed);
        let tabs = world.hosted(&["Grace", "Ada", "Edsger", "Mallory"]);
        let grace = world.id(0, "Grace");
        world.give(tabs[0], Input::Appoint(grace));
        world.run(2_000);
        let member = world.id(0, "Mallory");
        world.give(tabs[1], Input::InvitedEnter(false));
        // The change is on its way, or its commit.
        let wait = world.below(120);
        world.run(wait);
        world.give(tabs[0], Input::Remove { member, bar: false });
        let at = world.now;
        world.until("the victim is out", 1_000, |w| {
            w.tabs[4].state == State::Ended(EndReason::Removed)
        });
        slowest = slowest.max(world.now - at);
    }
    assert!(slowest < 300, "{slowest} ms");
}

#[test]
fn the_one_who_is_to_go_is_not_asked_to_commit_it() {
    // With two, the other one is always the committer; with the victim first in the order it would have to remove itself.
    for seed in 20..30 {
        let mut world = World::with_a_host(seed);
        let tabs = world.hosted(&["Mallory"]);
        world.run(2_000);
        let member = world.id(0, "Mallory");
        world.give(tabs[0], Input::Remove { member, bar: false });
        world.until("the victim is out", 500, |w| {
            w.tabs[1].state == State::Ended(EndReason::Removed)
        });
    }
}

#[test]
fn two_who_fell_silent_are_removed_by_those_who_noticed() {
    let mut world = World::with_a_host(13);
    let tabs = world.hosted(&["Grace", "Ada", "Edsger", "Barbara"]);
    world.run(3_000);
    for t in [2, 3] {
        world.kill(tabs[t]);
    }
    world.until("both are gone", 105_000, |w| w.together(&[tabs[0], tabs[1], tabs[4]]));
    assert!(
        world.tabs[0]
            .departed
            .contains(&("Ada".into(), DepartReason::LostConnection))
    );
}

#[test]
fn whoever_is_barred_is_told_so_and_has_no_place_to_take_back() {
    for seed in SEEDS {
        let mut world = World::with_a_host(seed);
        let tabs = world.hosted(&["Grace", "Mallory"]);
        world.run(2_000);
        let member = world.id(0, "Mallory");
        world.give(tabs[0], Input::Remove { member, bar: true });
        world.until("the victim is told", 2_000, |w| {
            w.tabs[2].state == State::Ended(EndReason::Barred)
        });
        assert!(world.tabs[2].place.is_none());
    }
}

/// Somebody has a place of which nobody knows any more: they ask like others, instead of waiting for it for ever.
#[test]
fn whoever_was_removed_while_away_asks_anew() {
    let mut world = World::with_a_host(23);
    world.hosted(&["Grace"]);
    world.kill(1);
    let member = world.id(0, "Grace");
    world.give(0, Input::Remove { member, bar: false });
    world.until("they are out", 5_000, |w| w.tabs[0].sees("Grace").is_none());
    let place = world.tabs[1].place.clone().unwrap();
    let back = world.reopen("Grace", &place);
    world.until("the host sees who asks", 90_000, |w| w.tabs[0].lobby.len() == 1);
    world.give(0, Input::AdmitAll);
    world.until("in", 5_000, |w| w.together(&[0, back]));
}
