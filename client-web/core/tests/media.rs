//! Slots, floor and switches over the real delivery service, in virtual time.

mod world;

use std::collections::BTreeSet;

use conclave_core::{Input, NoticeCode};
use conclave_protocol::ids::{TrackId, TrackKind};
use world::World;

fn publish(world: &mut World, tab: usize, kind: TrackKind, on: bool) {
    world.give(tab, Input::Publish { kind, on });
}

/// What `tab` expects to receive, as names and kinds.
fn received(world: &World, tab: usize) -> BTreeSet<(String, TrackKind)> {
    let name_of = |track: &TrackId| {
        world.tabs[tab]
            .roster
            .iter()
            .find(|e| e.transport_id == track.transport)
            .map(|e| e.name.clone())
    };
    world.tabs[tab]
        .expects
        .values()
        .filter_map(|t| Some((name_of(t)?, t.kind)))
        .collect()
}

fn all(names: &[&str], kinds: &[TrackKind]) -> BTreeSet<(String, TrackKind)> {
    names
        .iter()
        .flat_map(|n| kinds.iter().map(|k| ((*n).to_owned(), *k)))
        .collect()
}

#[test]
fn three_receive_each_other_and_the_newest_screen() {
    use TrackKind::{Camera, Microphone, Screen, ScreenAudio};
    for seed in 1..=3 {
        let mut world = World::new(seed);
        let tabs = world.call_of(&["Ada", "Bea", "Cleo"]);
        for tab in &tabs {
            publish(&mut world, *tab, Camera, true);
            publish(&mut world, *tab, Microphone, true);
        }
        world.run(1_000);
        assert_eq!(received(&world, 0), all(&["Bea", "Cleo"], &[Camera, Microphone]));
        assert_eq!(received(&world, 2), all(&["Ada", "Bea"], &[Camera, Microphone]));
        assert!(
            world.tabs[0]
                .sees("Bea")
                .is_some_and(|e| e.camera && e.microphone && !e.screen)
        );
        let slots: Vec<_> = world.tabs[0].roster.iter().map(|e| e.slot).collect();
        publish(&mut world, 1, Screen, true);
        publish(&mut world, 1, ScreenAudio, true);
        world.run(1_000);
        publish(&mut world, 2, Screen, true);
        world.run(1_000);
        assert!(
            received(&world, 0).contains(&("Cleo".into(), Screen))
                && !received(&world, 0).contains(&("Bea".into(), ScreenAudio))
        );
        publish(&mut world, 2, Screen, false);
        publish(&mut world, 1, Camera, false);
        world.run(1_000);
        assert!(
            received(&world, 0).contains(&("Bea".into(), Screen))
                && !received(&world, 0).contains(&("Bea".into(), Camera))
        );
        assert_eq!(
            world.tabs[0].roster.iter().map(|e| e.slot).collect::<Vec<_>>(),
            slots,
            "somebody's place moved"
        );
    }
}

#[test]
fn with_ten_all_open_microphones_are_heard_and_a_ninth_is_told() {
    use TrackKind::Microphone;
    let mut world = World::new(1);
    let names = ["Ann", "Bob", "Cat", "Dan", "Eve", "Fay", "Gus", "Hal", "Ida", "Jim"];
    let tabs = world.call_of(&names);
    for tab in tabs.iter().rev().take(8) {
        publish(&mut world, *tab, Microphone, true);
        world.run(300);
    }
    world.run(1_000);
    assert_eq!(received(&world, 0), all(&names[2..], &[Microphone]));
    publish(&mut world, 1, Microphone, true);
    world.run(1_000);
    assert!(world.tabs[1].notices.contains(&NoticeCode::FloorFull));
    assert!(world.tabs[0].sees("Bob").is_some_and(|e| !e.microphone));
    assert!(
        world.tabs[1].roster.iter().any(|e| e.is_self && !e.microphone),
        "a refused microphone is shown as open"
    );
    publish(&mut world, 9, Microphone, false);
    world.run(1_000);
    publish(&mut world, 1, Microphone, true);
    world.run(1_000);
    assert!(
        received(&world, 0).contains(&("Bob".into(), Microphone)),
        "a seat was free and Bob is not heard"
    );
}

#[test]
fn switches_outlive_a_lost_socket() {
    use TrackKind::{Camera, Microphone};
    let mut world = World::new(1);
    let tabs = world.call_of(&["Ada", "Bea"]);
    publish(&mut world, 0, Camera, true);
    publish(&mut world, 0, Microphone, true);
    world.give(0, Input::Hand(true));
    world.run(500);
    assert!(world.tabs[1].sees("Ada").is_some_and(|e| e.hand));
    world.cut(tabs[0]);
    world.run(5_000);
    assert!(
        received(&world, 1).is_empty(),
        "tracks of somebody without connection are still asked for"
    );
    world.mend(tabs[0]);
    world.run(10_000);
    assert_eq!(received(&world, 1), all(&["Ada"], &[Camera, Microphone]));
    assert!(world.tabs[1].sees("Ada").is_some_and(|e| e.hand && e.camera));
    assert_eq!(
        (world.tabs[0].offers, world.tabs[0].answers),
        (1, 1),
        "a new attachment needs a new offer"
    );
}

#[test]
fn a_muted_microphone_stays_published_and_others_are_told_by_its_owner_alone() {
    use TrackKind::{Camera, Microphone};
    let mut world = World::new(1);
    world.call_of(&["Ada", "Bea"]);
    publish(&mut world, 0, Microphone, true);
    publish(&mut world, 0, Camera, true);
    world.run(1_000);
    world.give(0, Input::Mute(true));
    world.run(60_000);
    assert!(world.tabs[1].sees("Ada").is_some_and(|e| !e.microphone && e.camera));
    assert!(world.tabs[0].roster.iter().any(|e| e.is_self && !e.microphone));
    assert_eq!(
        received(&world, 1),
        all(&["Ada"], &[Camera, Microphone]),
        "muting was seen by the server"
    );
    world.give(0, Input::Mute(false));
    world.run(1_000);
    assert!(world.tabs[1].sees("Ada").is_some_and(|e| e.microphone));
}

#[test]
fn with_ten_a_seat_goes_back_some_time_after_muting_and_comes_again_with_the_voice() {
    use TrackKind::Microphone;
    let mut world = World::new(2);
    let names = ["Ann", "Bob", "Cat", "Dan", "Eve", "Fay", "Gus", "Hal", "Ida", "Jim"];
    let tabs = world.call_of(&names);
    for tab in tabs.iter().take(8) {
        publish(&mut world, *tab, Microphone, true);
    }
    world.run(1_000);
    world.give(3, Input::Mute(true));
    world.run(20_000);
    assert!(
        received(&world, 0).contains(&("Dan".into(), Microphone)),
        "a seat went back at once"
    );
    publish(&mut world, 8, Microphone, true);
    world.run(1_000);
    assert!(world.tabs[8].notices.contains(&NoticeCode::FloorFull));
    world.run(15_000);
    assert!(
        !received(&world, 0).contains(&("Dan".into(), Microphone)),
        "a seat is kept for ever"
    );
    // The one who was refused unmutes: the seat is theirs, and there is none for Dan until somebody gives one back.
    world.give(8, Input::Mute(true));
    world.give(8, Input::Mute(false));
    world.run(300);
    assert!(
        received(&world, 0).contains(&("Ida".into(), Microphone)),
        "a free seat was not taken within 300 ms"
    );
    world.give(3, Input::Mute(false));
    world.run(1_000);
    assert!(world.tabs[3].notices.contains(&NoticeCode::FloorFull));
    assert!(world.tabs[3].roster.iter().any(|e| e.is_self && !e.microphone));
    publish(&mut world, 0, Microphone, false);
    world.run(1_000);
    world.give(3, Input::Mute(true));
    world.give(3, Input::Mute(false));
    world.run(1_000);
    assert!(received(&world, 0).contains(&("Dan".into(), Microphone)));
}

#[test]
fn a_hidden_tab_asks_for_no_pictures_and_keeps_the_sound() {
    use TrackKind::{Camera, Microphone, Screen, ScreenAudio};
    let mut world = World::new(3);
    world.call_of(&["Ada", "Bea"]);
    for kind in [Camera, Microphone, Screen, ScreenAudio] {
        publish(&mut world, 0, kind, true);
    }
    world.run(1_000);
    world.give(1, Input::Hidden(true));
    world.run(120_000);
    assert_eq!(received(&world, 1), all(&["Ada"], &[Microphone, ScreenAudio]));
    assert!(
        world.tabs[0]
            .sees("Bea")
            .is_some_and(|e| e.hidden && e.presence == conclave_core::Presence::Present)
    );
    world.give(1, Input::Hidden(false));
    world.run(1_000);
    assert_eq!(
        received(&world, 1),
        all(&["Ada"], &[Camera, Microphone, Screen, ScreenAudio])
    );
}
