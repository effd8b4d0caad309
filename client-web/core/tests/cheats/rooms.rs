//! A server, or somebody who has the link, that cheats: what the member does about it.

use super::world::World;
use conclave_core::{EndReason, Input, State};
use conclave_protocol::room::{Limits, NEW_ROOM_ENTROPY, RoomPlan, make_room};
use conclave_protocol::sheet::{Found, Rules};

fn ends_as_foreign(world: &mut World) {
    let tab = world.join("Grace");
    world.until("the member sees it", 3_000, |w| {
        w.tabs[tab].state == State::Ended(EndReason::ForeignRoom)
    });
    assert!(world.tabs[tab].keys.is_empty());
}

#[test]
fn a13_a_room_that_somebody_else_registered_under_the_id_is_seen() {
    let mut world = World::new(1);
    let plan = RoomPlan {
        server: world.server.clone(),
        title: String::new(),
        day_made: 20_000,
        day_expires: 20_100,
        limits: Limits::default(),
        operator_keys: true,
    };
    let squatter = make_room(&[7; NEW_ROOM_ENTROPY], &plan).unwrap();
    world.serve_record(|record| record.sheet = squatter.record.sheet);
    ends_as_foreign(&mut world);
}

#[test]
fn a13_limits_below_the_signed_ones_are_told() {
    let mut world = World::new(2);
    world.serve_record(|record| record.limits.members = 249);
    let tab = world.join("A");
    world.until("the member says so", 3_000, |w| {
        let less = w.tabs[tab].alarms.server_offers_less;
        less.is_some_and(|less| less.members == Some((249, 250)) && less.seats.is_none())
    });
}

#[test]
fn b5_a_removed_guest_who_opens_the_link_again_has_to_ask_again() {
    let rules = Rules {
        found: Found::Host,
        lobby: true,
    };
    let mut world = World::with_rules(3, rules);
    let host = world.join_as_host("Hope");
    world.until("the host is in", 5_000, |w| w.tabs[host].state == State::InCall);
    let guest = world.join("Mallory");
    world.until("asks", 3_000, |w| w.tabs[host].lobby.len() == 1);
    world.give(host, Input::AdmitAll);
    world.until("in", 3_000, |w| w.together(&[host, guest]));
    let place = world.tabs[guest].place.clone().expect("no record of the place");
    let member = world.tabs[host].sees("Mallory").unwrap().member_id;
    world.give(host, Input::Remove { member, bar: true });
    world.until("out", 3_000, |w| w.tabs[guest].state == State::Ended(EndReason::Barred));
    // By the link, and by the key of the leaf that was removed.
    for again in [world.join("Mallory"), world.reopen("Mallory", &place)] {
        world.run(40_000);
        assert!(world.tabs[again].keys.is_empty(), "a removed guest is in again");
    }
    assert!(world.together(&[host]));
}
