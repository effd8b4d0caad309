//! Coming back: members that lost their state, or were away for long, take their place back by a proof; or are told why not.

mod world;

use conclave_core::{DepartReason, EndReason, Input, NoticeCode, State};
use conclave_protocol::ids::MemberId;
use world::World;

const SEEDS: [u64; 3] = [1, 2, 3];

/// Whom `tab` sees under this name.
fn id_of(world: &World, tab: usize, name: &str) -> MemberId {
    world.tabs[tab].sees(name).unwrap().member_id
}

/// Nobody on these screens came or went.
fn nobody_came_or_went(world: &World, tabs: &[usize], arrivals: usize) -> bool {
    tabs.iter()
        .all(|t| world.tabs[*t].departed.is_empty() && world.tabs[*t].arrived.len() == arrivals)
}

/// Stops a tab for a while, as a phone or a closed lid does: it neither runs nor has a network.
fn stop(world: &mut World, tab: usize, ms: u64) {
    world.tabs[tab].asleep = true;
    world.cut(tab);
    world.run(ms);
    world.tabs[tab].asleep = false;
    world.mend(tab);
    world.give(tab, Input::Tick);
}

#[test]
fn a_reloaded_tab_takes_its_place_back_within_two_seconds() {
    for seed in SEEDS {
        let mut world = World::new(seed);
        let tabs = world.call_of(&["A", "B", "C"]);
        world.run(3_000);
        let before = id_of(&world, tabs[0], "B");
        let (transport, arrivals) = (
            world.tabs[0].sees("B").unwrap().transport_id,
            world.tabs[0].arrived.len(),
        );
        let again = world.reload(tabs[1]);
        world.until("B has its place back", 2_000, |w| {
            w.together(&[tabs[0], again, tabs[2]])
        });
        assert!(id_of(&world, tabs[0], "B") == before && id_of(&world, again, "B") == before);
        assert!(world.tabs[0].sees("B").unwrap().transport_id == transport);
        assert_eq!(world.tabs[again].notices, [NoticeCode::PlaceBack]);
        assert!(
            nobody_came_or_went(&world, &tabs[..1], arrivals),
            "a reload shows as a departure or arrival"
        );
        world.give(
            again,
            Input::Chat {
                text: "back again".into(),
            },
        );
        world.run(1_000);
        assert!(world.tabs[2].chat.contains(&("B".into(), "back again".into())));
        // And once more, with the record that the new tab was given.
        let third = world.reload(again);
        world.until("B is back again", 2_000, |w| w.together(&[tabs[0], third, tabs[2]]));
        assert!(id_of(&world, tabs[0], "B") == before);
    }
}

#[test]
fn away_for_longer_than_the_backlog_is_back_by_proof() {
    for seed in SEEDS {
        let mut world = World::new(seed);
        let tabs = world.call_of(&["A", "B", "C"]);
        let before = id_of(&world, tabs[0], "B");
        world.cut(tabs[1]);
        world.run(200_000);
        world.until("B was removed", 1_000, |w| w.together(&[tabs[0], tabs[2]]));
        assert_eq!(world.tabs[0].departed, [("B".to_owned(), DepartReason::LostConnection)]);
        let arrivals = world.tabs[0].arrived.len();
        world.mend(tabs[1]);
        world.until("B is back", 12_000, |w| w.together(&tabs));
        assert_eq!(world.tabs[1].notices, [NoticeCode::PlaceBack]);
        assert!(id_of(&world, tabs[0], "B") == before);
        assert_eq!(world.tabs[0].returned, ["B".to_owned()]);
        assert_eq!(world.tabs[0].arrived.len(), arrivals, "B arrived as a stranger");
    }
}

#[test]
fn stopped_for_three_and_ten_minutes_is_back_by_proof() {
    for (seed, minutes) in [(1, 3), (2, 3), (3, 10), (4, 10)] {
        let mut world = World::new(seed);
        let mut tabs = world.call_of(&["A", "B", "C"]);
        let before = id_of(&world, tabs[0], "C");
        world.tabs[2].asleep = true;
        world.cut(tabs[2]);
        world.run(80_000);
        assert!(world.tabs[0].sees_lost("C") && world.tabs[0].departed.is_empty());
        world.run(25_000);
        assert_eq!(world.tabs[0].departed, [("C".to_owned(), DepartReason::LostConnection)]);
        // Life goes on: somebody new comes, who never knew the one who is away.
        tabs.push(world.join("D"));
        world.run(minutes * 60_000 - 105_000);
        stop(&mut world, tabs[2], 0);
        world.until("C is back", 15_000, |w| w.together(&tabs));
        assert!(id_of(&world, tabs[0], "C") == before);
        assert_eq!(world.tabs[0].returned, ["C".to_owned()]);
        assert!(world.tabs[2].notices.contains(&NoticeCode::PlaceBack));
    }
}

#[test]
fn away_for_too_long_is_told_and_comes_as_somebody_new() {
    let mut world = World::new(1);
    let tabs = world.call_of(&["A", "B", "C"]);
    let before = id_of(&world, tabs[0], "C");
    // Removed after 90 s, forgotten 15 minutes after that.
    stop(&mut world, tabs[2], 1_020_000);
    world.until("C is in", 40_000, |w| w.together(&tabs));
    assert_eq!(world.tabs[2].notices, [NoticeCode::PlaceLost]);
    assert!(id_of(&world, tabs[0], "C") != before, "a forgotten member kept its id");
    assert!(world.tabs[0].returned.is_empty() && world.tabs[0].arrived.last() == Some(&"C".to_owned()));
}

#[test]
fn a_tab_stopped_while_the_server_is_restarted_finds_its_place() {
    for seed in SEEDS {
        let mut world = World::new(seed);
        let mut tabs = world.call_of(&["A", "B", "C"]);
        let before = id_of(&world, tabs[0], "C");
        world.tabs[2].asleep = true;
        world.cut(tabs[2]);
        world.run(30_000);
        tabs.push(world.join("D"));
        world.until("D is in", 5_000, |w| w.tabs[3].state == State::InCall);
        // The server forgets everything; those who run re-attach.
        world.restart_server();
        world.run(20_000);
        assert!(world.tabs[0].state == State::InCall && world.tabs[3].state == State::InCall);
        stop(&mut world, tabs[2], 150_000);
        world.until("C is back", 15_000, |w| w.together(&tabs));
        assert!(id_of(&world, tabs[0], "C") == before);
        assert!(world.tabs[2].notices.contains(&NoticeCode::PlaceBack));
    }
}

#[test]
fn the_backlog_gone_while_the_leaf_still_stands() {
    for seed in SEEDS {
        let mut world = World::new(seed);
        let tabs = world.call_of(&["A", "B"]);
        world.cut(tabs[1]);
        // More commits than the server keeps, in less time than it takes to remove somebody.
        for n in 0..35 {
            let guest = world.join(&format!("guest {n}"));
            world.run(1_000);
            world.give(guest, Input::Leave);
            world.run(1_000);
        }
        let before = id_of(&world, tabs[0], "B");
        world.mend(tabs[1]);
        world.until("B is back", 12_000, |w| w.together(&tabs));
        assert!(id_of(&world, tabs[0], "B") == before);
        assert_eq!(world.tabs[1].notices, [NoticeCode::PlaceBack]);
        assert!(
            !world.tabs[0].departed.iter().any(|d| d.0 == "B"),
            "B was taken for gone"
        );
        assert_eq!(
            world.tabs[0].returned,
            ["B".to_owned()],
            "B was shown as lost, and is back"
        );
    }
}

#[test]
fn a_welcome_lost_while_being_taken_back_costs_a_few_seconds() {
    for seed in SEEDS {
        let mut world = World::new(seed);
        let tabs = world.call_of(&["A", "B", "C"]);
        world.run(2_000);
        let before = id_of(&world, tabs[0], "B");
        let again = world.reload(tabs[1]);
        world.tabs[again].deaf_until = world.now + 1_500;
        world.until("B is back all the same", 10_000, |w| {
            w.together(&[tabs[0], again, tabs[2]])
        });
        assert!(id_of(&world, tabs[0], "B") == before);
        assert!(world.tabs[0].departed.is_empty());
        let epoch = world.tabs[0].epoch();
        world.run(20_000);
        assert_eq!(world.tabs[0].epoch(), epoch, "added once more without need");
    }
}

#[test]
fn two_lose_their_state_at_the_same_time() {
    for seed in 1..=6 {
        let mut world = World::new(seed);
        let tabs = world.call_of(&["A", "B", "C"]);
        world.run(2_000);
        let ids = [id_of(&world, tabs[0], "B"), id_of(&world, tabs[0], "C")];
        let (b, c) = (world.reload(tabs[1]), world.reload(tabs[2]));
        world.until("both are back", 8_000, |w| w.together(&[tabs[0], b, c]));
        assert!(ids == [id_of(&world, tabs[0], "B"), id_of(&world, tabs[0], "C")]);
        assert!(world.tabs[0].departed.is_empty());
        world.run(20_000);
        assert!(world.together(&[tabs[0], b, c]));
    }
}

#[test]
fn all_lose_their_state_and_meet_again_as_newcomers() {
    for seed in SEEDS {
        let mut world = World::new(seed);
        let tabs = world.call_of(&["A", "B", "C"]);
        world.run(2_000);
        let again: Vec<usize> = tabs.iter().map(|t| world.reload(*t)).collect();
        world.until("they meet", 20_000, |w| w.together(&again));
        assert!(
            again
                .iter()
                .all(|t| world.tabs[*t].notices.contains(&NoticeCode::PlaceLost))
        );
    }
}

#[test]
fn the_last_one_founds_anew_and_is_told() {
    for seed in SEEDS {
        let mut world = World::new(seed);
        let tabs = world.call_of(&["A"]);
        world.run(5_000);
        let call = world.tabs[0].keys.last().unwrap().group;
        let again = world.reload(tabs[0]);
        world.until("A has a call", 5_000, |w| w.together(&[again]));
        assert_eq!(world.tabs[again].notices, [NoticeCode::PlaceLost]);
        assert!(world.tabs[again].keys.last().unwrap().group != call);
        // The new place has a record of its own.
        let late = world.join("B");
        world.until("B is in", 3_000, |w| w.together(&[again, late]));
        let third = world.reload(again);
        world.until("A is back with B", 3_000, |w| w.together(&[third, late]));
    }
}

#[test]
fn whoever_left_has_no_place_to_come_back_to() {
    for seed in SEEDS {
        let mut world = World::new(seed);
        let tabs = world.call_of(&["A", "B", "C"]);
        world.run(2_000);
        let stolen = world.tabs[1].place.clone().unwrap();
        let before = id_of(&world, tabs[0], "B");
        world.give(tabs[1], Input::Leave);
        assert!(world.tabs[1].place.is_none(), "the record outlives the call");
        world.run(100);
        let again = world.reopen("B", &stolen);
        world.until("B is in, as somebody new", 20_000, |w| {
            w.together(&[tabs[0], again, tabs[2]])
        });
        assert_eq!(world.tabs[again].notices, [NoticeCode::PlaceLost]);
        assert!(id_of(&world, tabs[0], "B") != before);
        assert!(world.tabs[0].returned.is_empty() && world.tabs[0].arrived.last() == Some(&"B".to_owned()));
    }
}

#[test]
fn a_record_that_is_none_makes_a_newcomer() {
    let mut world = World::new(1);
    let tabs = world.call_of(&["A", "B"]);
    let mut cut = world.tabs[1].place.clone().unwrap();
    cut.pop();
    let again = world.reopen("Late", &cut);
    world.until("the late one is in", 3_000, |w| w.together(&[tabs[0], tabs[1], again]));
    assert_eq!(world.tabs[again].notices, [NoticeCode::PlaceLost]);
}

#[test]
fn a_record_used_twice_ends_the_older_tab() {
    let mut world = World::new(1);
    let tabs = world.call_of(&["A", "B", "C"]);
    world.run(2_000);
    // A tab was duplicated with its storage: both hold the record.
    let place = world.tabs[1].place.clone().unwrap();
    let copy = world.reopen("B", &place);
    world.until("the copy has the place", 6_000, |w| {
        w.together(&[tabs[0], copy, tabs[2]])
    });
    world.run(30_000);
    assert!(
        world.together(&[tabs[0], copy, tabs[2]]),
        "the two tabs take it from each other for ever"
    );
    assert!(matches!(world.tabs[tabs[1]].state, State::Ended(EndReason::Removed)));
}
