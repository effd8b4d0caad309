//! Lines of chat that were given in the moment in which a connection died: the others read them once, or the writer is told.
//!
//! Does not promise a line to somebody who has no connection while it is said.

mod world;

use std::cell::Cell;
use std::rc::Rc;

use conclave_core::{EndReason, Input, NoticeCode, State, limits};
use conclave_protocol::envelope::{Envelope, EnvelopeType};
use conclave_protocol::message::{ClientMessage, ServerMessage};
use conclave_protocol::rules::WRITE;
use world::{World, seeds};

fn write(world: &mut World, tab: usize, text: &str) {
    world.give(tab, Input::Chat { text: text.into() });
}

/// What `tab` read, in order.
fn read(world: &World, tab: usize) -> Vec<&str> {
    world.tabs[tab].chat.iter().map(|(_, text)| text.as_str()).collect()
}

fn is_back(world: &mut World, tab: usize) {
    world.until("notices", 1_000, |w| w.tabs[tab].state == State::Reconnecting);
    world.mend(tab);
    world.until("is back in the call", 15_000, |w| w.tabs[tab].state == State::InCall);
}

/// Three in a call, and the first one's connection is dead without knowing it.
fn cut_off(seed: u64) -> World {
    let mut world = World::new(seed);
    world.call_of(&["A", "B", "C"]);
    let pause = 2_000 + world.below(4_000);
    world.run(pause);
    world.cut(0);
    world
}

#[test]
fn lines_that_died_with_their_connection_are_said_again_and_in_order() {
    for seed in 1..=seeds(8) {
        let mut world = cut_off(seed);
        write(&mut world, 0, "first words");
        world.run(200);
        write(&mut world, 0, "second words");
        world.run(3_000);
        assert!(read(&world, 1).is_empty(), "the connection was not dead");
        is_back(&mut world, 0);
        // What is written now comes behind them.
        write(&mut world, 0, "third words");
        let all = ["first words", "second words", "third words"];
        world.until("the others read all", 4_000, |w| read(w, 1) == all && read(w, 2) == all);
        world.run(20_000);
        for tab in 0..3 {
            assert_eq!(read(&world, tab), all, "seed {seed}");
            assert!(world.tabs[tab].unsure.is_empty() && world.tabs[tab].notices.is_empty());
        }
    }
}

#[test]
fn a_line_that_arrived_without_its_pong_is_shown_once() {
    for seed in 1..=seeds(8) {
        let mut world = World::new(seed);
        world.call_of(&["A", "B", "C"]);
        let pause = 2_000 + world.below(4_000);
        world.run(pause);
        let conn = world.tabs[0].conn;
        world.withhold = Some(Box::new(|_, to, message| {
            to == 0 && matches!(message, ServerMessage::Pong { .. })
        }));
        let said = Rc::new(Cell::new(0));
        write(&mut world, 0, "once and no more");
        world.until("it arrives", 500, |w| read(w, 1).len() == 1 && read(w, 2).len() == 1);
        // Nobody says that the connection is dead: that no pong comes does.
        world.until("another connection", limits::LINE_PONG_MS + 1_000, |w| {
            w.tabs[0].conn != conn
        });
        world.withhold = None;
        let envelopes = Rc::clone(&said);
        world.swallow = Some(Box::new(move |from, message| {
            if from == 0 && matches!(message, ClientMessage::EnvelopeOut { .. }) {
                envelopes.set(envelopes.get() + 1);
            }
            false
        }));
        // Beacons are two seconds apart: what comes in between is the line.
        world.until("is back", 5_000, |w| w.tabs[0].state == State::InCall);
        world.run(500);
        let before = said.get();
        world.run(1_000);
        assert!(
            said.get() > before,
            "seed {seed}: nothing was said again, so nothing was tested"
        );
        world.run(10_000);
        for tab in 0..3 {
            assert_eq!(read(&world, tab), ["once and no more"], "seed {seed}");
            assert!(world.tabs[tab].unsure.is_empty());
        }
    }
}

#[test]
fn a_line_given_while_the_server_dies_is_read_when_all_are_back() {
    for seed in 1..=seeds(8) {
        let mut world = World::new(seed);
        let tabs = world.call_of(&["A", "B", "C", "D"]);
        world.run(4_000);
        write(&mut world, 0, "into the dark");
        world.restart_server();
        world.run(60);
        assert!(read(&world, 1).is_empty(), "the server was not dead");
        world.until("all read it", 20_000, |w| tabs.iter().all(|t| read(w, *t).len() == 1));
        world.run(10_000);
        assert!(tabs.iter().all(|t| read(&world, *t) == ["into the dark"]));
        assert!(world.tabs[0].unsure.is_empty());
    }
}

/// Whoever came while the line was on its way was not meant by it.
#[test]
fn nobody_who_came_since_reads_a_line_and_the_writer_is_told() {
    for seed in 1..=seeds(6) {
        let mut world = cut_off(seed);
        write(&mut world, 0, "between us three");
        let newcomer = world.join("D");
        world.until("D is in", 10_000, |w| w.tabs[newcomer].state == State::InCall);
        assert!(
            world.tabs[0].unsure.is_empty(),
            "it may still be said again, for all that A knows"
        );
        is_back(&mut world, 0);
        world.until("A is told", 4_000, |w| w.tabs[0].unsure == ["between us three"]);
        write(&mut world, 0, "to all");
        world.run(10_000);
        assert_eq!(read(&world, newcomer), ["to all"], "seed {seed}");
        assert_eq!(read(&world, 1), ["to all"]);
        // The text stays on the writer's screen, and is marked once.
        assert_eq!(read(&world, 0), ["between us three", "to all"]);
        assert_eq!(world.tabs[0].unsure.len(), 1);
    }
}

/// The control of the test before: somebody who goes makes nobody read more.
#[test]
fn that_somebody_left_meanwhile_keeps_no_line_back() {
    let mut world = cut_off(3);
    write(&mut world, 0, "to whoever is there");
    let epoch = world.tabs[1].epoch();
    world.give(2, Input::Leave);
    world.until("C is out", 10_000, |w| w.tabs[1].epoch() != epoch);
    is_back(&mut world, 0);
    world.until("B reads it", 4_000, |w| read(w, 1) == ["to whoever is there"]);
    assert!(world.tabs[0].unsure.is_empty());
}

#[test]
fn an_old_line_is_not_said_any_more() {
    for seed in 1..=seeds(2) {
        let mut world = cut_off(seed);
        write(&mut world, 0, "yes");
        world.run(limits::SAY_AGAIN_UNTIL_MS - 1_000);
        assert!(world.tabs[0].unsure.is_empty());
        world.run(2_000);
        assert_eq!(
            world.tabs[0].unsure,
            ["yes"],
            "the writer has to be told, connection or not"
        );
        is_back(&mut world, 0);
        world.run(10_000);
        assert!(read(&world, 1).is_empty(), "it came out of its time");
    }
}

#[test]
fn whoever_was_removed_meanwhile_is_told_and_says_nothing_more() {
    let mut world = hosted_and_cut(1);
    write(&mut world, 1, "one more thing");
    let guest = world.tabs[0].sees("Guest").unwrap().member_id;
    world.give(
        0,
        Input::Remove {
            member: guest,
            bar: false,
        },
    );
    world.run(4_000);
    world.mend(1);
    world.until("the guest is told to go", 15_000, |w| {
        w.tabs[1].state == State::Ended(EndReason::Removed)
    });
    assert_eq!(world.tabs[1].unsure, ["one more thing"]);
    world.run(5_000);
    assert!(read(&world, 0).is_empty() && read(&world, 2).is_empty());
}

#[test]
fn whoever_may_not_write_any_more_is_told() {
    let mut world = hosted_and_cut(2);
    write(&mut world, 1, "one more thing");
    let member = world.tabs[0].sees("Guest").unwrap().member_id;
    world.give(
        0,
        Input::MuteMember {
            member,
            kinds: WRITE,
            on: true,
        },
    );
    world.run(3_000);
    is_back(&mut world, 1);
    world.until("the guest is told", 4_000, |w| w.tabs[1].unsure == ["one more thing"]);
    world.run(5_000);
    assert!(read(&world, 0).is_empty() && read(&world, 2).is_empty());
}

/// A host and two guests, the first of whom has a dead connection.
fn hosted_and_cut(seed: u64) -> World {
    let mut world = World::with_a_host(seed);
    let _ = world.hosted(&["Guest", "Other"]);
    world.run(3_000);
    world.cut(1);
    world
}

/// The server takes forty words in a burst; the rest is refused, and said again.
#[test]
fn what_the_server_refuses_for_its_number_comes_later_and_once() {
    let mut world = World::new(5);
    world.call_of(&["A", "B"]);
    world.run(5_000);
    let lines: Vec<String> = (0..limits::MAX_LINES_OPEN + 6).map(|n| format!("line {n}")).collect();
    for line in &lines {
        write(&mut world, 0, line);
    }
    // No more than memory has room for.
    let taken = &lines[..limits::MAX_LINES_OPEN];
    assert_eq!(read(&world, 0), taken);
    assert_eq!(world.tabs[0].notices, [NoticeCode::ChatRefused; 6]);
    world.run(1_000);
    assert!(read(&world, 1).len() < taken.len(), "the server refused nothing");
    world.until("B reads them all", 40_000, |w| read(w, 1).len() == taken.len());
    world.run(20_000);
    assert_eq!(read(&world, 1), taken, "twice, or not in order");
    assert!(world.tabs[0].unsure.is_empty());
}

/// Whoever ordered a removal writes nothing until it is in force; what waits to be said again waits for that, too.
#[test]
fn nothing_is_said_again_to_somebody_who_was_told_to_go() {
    for seed in 1..=seeds(3) {
        let mut world = World::with_a_host(seed);
        let _ = world.hosted(&["Mallory", "Bo"]);
        world.run(3_000);
        let member = world.tabs[0].sees("Mallory").unwrap().member_id;
        world.cut(0);
        world.give(0, Input::Remove { member, bar: false });
        write(&mut world, 0, "not for Mallory");
        // A server that takes no commit.
        world.swallow = Some(Box::new(|_, message| match message {
            ClientMessage::EnvelopeOut { envelopes } => envelopes
                .iter()
                .filter_map(|e| Envelope::decode(e).ok())
                .any(|e| e.clear.kind == EnvelopeType::Commit),
            ClientMessage::Chunk { .. } => true,
            _ => false,
        }));
        is_back(&mut world, 0);
        world.run(7_000);
        assert!(
            !world.tabs[0].alarms.removal_stuck.is_empty(),
            "the removal took effect"
        );
        assert!(read(&world, 1).is_empty() && read(&world, 2).is_empty(), "seed {seed}");
        world.swallow = None;
        world.until("the others read it", 30_000, |w| read(w, 2) == ["not for Mallory"]);
        assert!(read(&world, 1).is_empty());
        assert_eq!(world.tabs[1].state, State::Ended(EndReason::Removed));
        assert!(world.tabs[0].unsure.is_empty());
    }
}

#[test]
fn a_pong_that_waits_for_a_tab_to_wake_ends_no_connection() {
    let mut world = World::new(4);
    world.call_of(&["A", "B"]);
    world.run(3_000);
    let conn = world.tabs[0].conn;
    write(&mut world, 0, "good night");
    world.tabs[0].asleep = true;
    world.run(2 * limits::LINE_PONG_MS);
    world.tabs[0].asleep = false;
    // Its clock may be heard before what came meanwhile.
    world.give(0, Input::Tick);
    world.run(20_000);
    assert!(world.tabs[0].conn == conn, "the connection was given up");
    assert_eq!(read(&world, 1), ["good night"]);
    assert!(world.tabs[0].unsure.is_empty());
}
