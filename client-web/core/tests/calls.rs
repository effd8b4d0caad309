//! Calls from beginning to end over the real delivery service, in virtual time.

mod world;

use conclave_core::{DepartReason, EndReason, Input, State};
use world::World;

const SEEDS: [u64; 3] = [1, 2, 3];

#[test]
fn one_founds_and_the_second_joins_and_they_chat() {
    for seed in SEEDS {
        let mut world = World::new(seed);
        let tabs = world.call_of(&["Ada", "Grace"]);
        world.give(tabs[0], Input::Chat { text: "hello".into() });
        world.give(
            tabs[1],
            Input::Chat {
                text: "hi\u{202E}there".into(),
            },
        );
        world.run(200);
        let said = |t: usize| world.tabs[t].chat.clone();
        for tab in [0, 1] {
            assert!(said(tab).contains(&("Ada".into(), "hello".into())));
            assert!(said(tab).contains(&("Grace".into(), "hi\u{FFFD}there".into())));
        }
    }
}

#[test]
fn two_at_once_end_in_one_call_and_stay() {
    for seed in 1..=40 {
        let mut world = World::new(seed);
        let first = world.join("Ada");
        let apart = world.below(150);
        world.run(apart);
        let tabs = [first, world.join("Grace")];
        world.until("both are in one call", 6_000, |w| w.together(&tabs));
        let epoch = world.tabs[0].epoch();
        world.run(40_000);
        assert!(world.together(&tabs), "seed {seed}: they met and parted");
        assert_eq!(world.tabs[0].epoch(), epoch);
        assert!(
            tabs.iter().all(|t| world.tabs[*t].answers == world.tabs[*t].offers),
            "an offer was left without its answer"
        );
    }
}

#[test]
fn three_at_once_end_in_one_call_and_stay() {
    for seed in 200..260 {
        let mut world = World::new(seed);
        let mut tabs = Vec::new();
        for name in ["Ada", "Grace", "Edsger"] {
            tabs.push(world.join(name));
            let (apart, lag_up, lag_low) = (world.below(120), world.below(250), world.below(400));
            let tab = &mut world.tabs[tabs.len() - 1];
            (tab.lag_up, tab.lag_low) = (lag_up, lag_low);
            world.run(apart);
        }
        world.until("the three are in one call", 20_000, |w| w.together(&tabs));
        world.run(20_000);
        assert!(world.together(&tabs), "seed {seed}: they met and parted");
    }
}

#[test]
fn whoever_lost_their_welcome_is_added_anew() {
    for seed in SEEDS {
        let mut world = World::new(seed);
        let mut tabs = world.call_of(&["Ada", "Grace"]);
        let late = world.join("Edsger");
        tabs.push(late);
        world.tabs[late].deaf_until = world.now + 1_500;
        // The second knock comes after 3.5 s; it counts 3 s after the first Add at the earliest.
        world.until("the one without a welcome is in", 9_000, |w| w.together(&tabs));
        assert!(
            world.tabs[0].departed.is_empty(),
            "nobody is told of a departure that was none"
        );
        let epoch = world.tabs[0].epoch();
        world.run(40_000);
        assert!(world.together(&tabs));
        assert_eq!(world.tabs[0].epoch(), epoch, "added once more without need");
    }
}

#[test]
fn five_at_once_end_in_one_call() {
    for seed in SEEDS {
        let mut world = World::new(seed);
        let tabs: Vec<usize> = ["A", "B", "C", "D", "E"].iter().map(|n| world.join(n)).collect();
        world.until("all five are in one call", 15_000, |w| w.together(&tabs));
    }
}

#[test]
fn a_fourth_comes_late_and_sees_all_within_two_seconds() {
    for seed in SEEDS {
        let mut world = World::new(seed);
        let mut tabs = world.call_of(&["A", "B", "C"]);
        world.run(30_000);
        tabs.push(world.join("Late"));
        world.until("the late one sees all", 2_000, |w| w.together(&tabs));
        assert!(
            tabs[..3]
                .iter()
                .all(|t| world.tabs[*t].arrived.contains(&"Late".into()))
        );
    }
}

#[test]
fn whoever_leaves_is_gone_at_once_and_the_number_changes() {
    for seed in SEEDS {
        let mut world = World::new(seed);
        let tabs = world.call_of(&["A", "B", "C"]);
        world.run(1_000);
        for tab in &tabs {
            world.give(*tab, Input::ShowSafetyNumber);
        }
        let before = world.tabs[0].safety.last().cloned().unwrap();
        assert_eq!(before.len(), 23);
        assert!(
            tabs.iter().all(|t| world.tabs[*t].safety.last() == Some(&before)),
            "the numbers differ"
        );
        world.give(tabs[1], Input::Leave);
        assert!(world.tabs[1].state == State::Ended(EndReason::Left));
        world.until("the two others are together", 2_000, |w| {
            w.together(&[tabs[0], tabs[2]])
        });
        for tab in [tabs[0], tabs[2]] {
            assert_eq!(world.tabs[tab].departed, [("B".to_owned(), DepartReason::Left)]);
            world.give(tab, Input::ShowSafetyNumber);
        }
        assert_ne!(world.tabs[0].safety.last(), Some(&before));
        assert_eq!(world.tabs[0].safety.last(), world.tabs[2].safety.last());
    }
}

#[test]
fn a_killed_tab_is_shown_as_lost_and_removed_after_ninety_seconds() {
    let mut world = World::new(1);
    let tabs = world.call_of(&["A", "B", "C"]);
    world.kill(tabs[2]);
    let epoch = world.tabs[0].epoch();
    world.until("C is shown as lost", 13_000, |w| {
        w.tabs[0].sees_lost("C") && w.tabs[1].sees_lost("C")
    });
    world.run(70_000);
    assert_eq!(world.tabs[0].epoch(), epoch, "C was removed too early");
    world.until("C is removed", 12_000, |w| w.together(&tabs[..2]));
    assert!(world.tabs[0].epoch() > epoch);
    assert_eq!(world.tabs[1].departed, [("C".to_owned(), DepartReason::LostConnection)]);
}

#[test]
fn a_socket_lost_for_thirty_seconds_comes_back_to_the_same_call() {
    for seed in SEEDS {
        let mut world = World::new(seed);
        let mut tabs = world.call_of(&["A", "B", "C"]);
        world.cut(tabs[1]);
        world.run(3_000);
        assert!(world.tabs[1].state == State::Reconnecting);
        // The group moves on meanwhile: the backlog has to be replayed.
        tabs.push(world.join("D"));
        world.until("D is in", 5_000, |w| w.tabs[3].state == State::InCall);
        world.run(25_000);
        let epoch = world.tabs[1].epoch();
        world.mend(tabs[1]);
        world.until("B is back with all", 10_000, |w| w.together(&tabs));
        assert!(world.tabs[1].epoch() > epoch && world.tabs[1].notices.is_empty());
        assert!(world.tabs[0].departed.is_empty(), "B was taken for gone");
    }
}

#[test]
fn the_server_gone_for_a_while_changes_nothing() {
    let mut world = World::new(1);
    let tabs = world.call_of(&["A", "B", "C"]);
    let epoch = world.tabs[0].epoch();
    for tab in &tabs {
        world.cut(*tab);
    }
    world.run(40_000);
    for tab in &tabs {
        world.mend(*tab);
    }
    world.until("all are back", 10_000, |w| w.together(&tabs));
    world.run(20_000);
    assert!(world.together(&tabs));
    assert_eq!(
        world.tabs[0].epoch(),
        epoch,
        "somebody was removed for a silence that was everybody's"
    );
}

#[test]
fn a_wrong_secret_gets_nothing() {
    let mut world = World::new(1);
    let tabs = world.call_of(&["A", "B"]);
    let epoch = world.tabs[0].epoch();
    let link = world.wrong_link();
    let intruder = world.join_with("Eve", &link, world::CODECS);
    world.run(30_000);
    assert!(world.tabs[intruder].state == State::Ended(EndReason::NotAllowed));
    assert!(world.tabs[intruder].keys.is_empty() && world.tabs[intruder].roster.is_empty());
    assert!(world.together(&tabs) && world.tabs[0].epoch() == epoch);
}

#[test]
fn whoever_comes_after_all_have_left_is_not_kept_waiting() {
    for seed in SEEDS {
        let mut world = World::new(seed);
        let tabs = world.call_of(&["A", "B"]);
        world.give(tabs[0], Input::Leave);
        world.run(1_500);
        world.give(tabs[1], Input::Leave);
        world.run(200);
        let late = world.join("Late");
        world.until("the late one has a call", 2_000, |w| w.together(&[late]));
    }
}

#[test]
fn equal_names_are_marked_and_codecs_follow_the_weakest() {
    let mut world = World::new(1);
    let tabs = world.call_of(&["Ada", "Ada"]);
    assert!(world.tabs[0].roster.iter().all(|e| e.same_name));
    assert_eq!(world.tabs[0].codec, Some(2));
    let link = world.link.clone();
    let old = world.join_with("Old", &link, 0b001);
    world.until("the third is in", 3_000, |w| w.together(&[tabs[0], tabs[1], old]));
    assert!(
        [tabs[0], tabs[1], old].iter().all(|t| world.tabs[*t].codec == Some(1)),
        "VP9 although one lacks it"
    );
    world.give(old, Input::Leave);
    world.until("the third is gone", 3_000, |w| w.together(&tabs));
    assert_eq!(world.tabs[0].codec, Some(2));
}

#[test]
fn a_quiet_call_renews_its_keys_every_ten_minutes() {
    let mut world = World::new(1);
    let tabs = world.call_of(&["A", "B", "C"]);
    let epoch = world.tabs[0].epoch().unwrap();
    world.run(590_000);
    assert_eq!(world.tabs[0].epoch(), Some(epoch));
    world.run(20_000);
    assert_eq!(world.tabs[0].epoch(), Some(epoch + 1));
    assert!(world.together(&tabs));
}
