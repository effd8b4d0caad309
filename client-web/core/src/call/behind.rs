//! Members that cannot read their own part of a commit, in a small world: they are added anew, or it was void for all.
//!
//! The committer's fault is played by taking a member's tree keys away, which is the same to it: the path secret that was sealed to it does not open.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use conclave_protocol::envelope::{ClearPart, Envelope, EnvelopeType, seal};
use conclave_protocol::keys::EnvelopeKey;
use conclave_protocol::message::{ClientMessage, ServerMessage};

use super::inside::Turn;
use super::{Member, Stage};
use crate::io::{Input, NoticeCode, State};
use crate::limits::LEFT_BEHIND_MS;
use crate::world::{World, is_commit, until_seen};

impl Member {
    /// Nothing that is sealed to this member's place in the tree can be opened by it any more; and once more: it can again.
    fn spoil_tree_keys(&mut self) {
        if let Stage::Inside(inside) = &mut self.stage {
            inside.group.spoil_tree_keys();
        }
    }
}

#[test]
fn whoever_cannot_read_a_commit_is_added_anew_at_once() {
    until_seen(4, "C did not commit itself", |seed| {
        let mut world = World::new(seed);
        let mut tabs = world.call_of(&["A", "B", "C"]);
        world.run(3_000);
        let id = world.tabs[0].sees("C").unwrap().member_id;
        let conn = world.tabs[2].conn;
        world.tabs[2].member.spoil_tree_keys();
        tabs.push(world.join("D"));
        world.until("C has the group again", 4_000, |w| w.together(&tabs));
        if world.tabs[2].notices.is_empty() {
            return false; // It committed itself, and needs nobody's secret for that.
        }
        assert_eq!(
            world.tabs[2].notices,
            [NoticeCode::ChangeUnreadable, NoticeCode::PlaceBack]
        );
        assert!(world.tabs[2].conn == conn, "the connection was given up");
        assert!(world.tabs[0].sees("C").unwrap().member_id == id);
        assert!(tabs.iter().all(|t| world.tabs[*t].departed.is_empty()));
        world.run(20_000);
        assert!(world.together(&tabs));
        true
    });
}

/// C cannot read a commit and asks to be added anew, but something comes between it and the answer: its place is its own all the same.
fn answered_in_vain(comes_between: impl Fn(&mut World)) {
    until_seen(4, "C did not commit itself", |seed| {
        let mut world = World::new(seed);
        let mut tabs = world.call_of(&["A", "B", "C", "D"]);
        world.run(3_000);
        let id = world.id(0, "C");
        world.tabs[2].member.spoil_tree_keys();
        tabs.push(world.join("E"));
        let noticed = |w: &World| !w.tabs[2].notices.is_empty() || w.together(&tabs);
        world.until("C noticed", 4_000, noticed);
        if world.tabs[2].notices.is_empty() {
            return false; // It committed itself.
        }
        comes_between(&mut world);
        world.until("C has the group again", 20_000, |w| w.together(&tabs));
        assert_eq!(
            world.tabs[2].notices,
            [NoticeCode::ChangeUnreadable, NoticeCode::PlaceBack],
            "seed {seed}"
        );
        assert!(world.id(0, "C") == id, "seed {seed}: it is a stranger");
        assert!(tabs.iter().all(|t| world.tabs[*t].departed.is_empty()));
        world.run(20_000);
        assert!(world.together(&tabs), "seed {seed}");
        true
    });
}

#[test]
fn whoever_is_welcomed_late_has_its_place_back() {
    // Later than it waits, and together with the commit that brings it.
    answered_in_vain(|w| w.tabs[2].lag_low = LEFT_BEHIND_MS + 1_000);
}

/// Whatever it is: nobody outside the room can seal one.
fn made_up_welcome(world: &World, tab: usize) -> Vec<u8> {
    let Stage::Inside(inside) = &world.tabs[tab].member.stage else {
        panic!("not in a call")
    };
    let to = vec![inside.group.identity().data.transport_id];
    let clear = ClearPart::welcome(inside.call, to);
    let envelope = seal(&EnvelopeKey::from_bytes([1; 32]), clear, b"welcome", [2; 24]).unwrap();
    let seq = Some(inside.log.have_seq + 1);
    ServerMessage::EnvelopeIn {
        seq,
        envelope: envelope.encode(),
    }
    .encode()
}

#[test]
fn whoever_asked_and_gets_a_made_up_welcome_waits_for_the_true_one() {
    answered_in_vain(|w| {
        let bytes = made_up_welcome(w, 2);
        w.give(2, Input::SocketFrame(&bytes));
    });
}

#[test]
fn whoever_asked_and_lost_the_welcome_has_its_place_back() {
    answered_in_vain(|w| w.tabs[2].deaf_until = w.now + 2_500);
}

fn is_knock(message: &ClientMessage) -> bool {
    let ClientMessage::EnvelopeOut { envelopes } = message else {
        return false;
    };
    envelopes
        .iter()
        .any(|e| Envelope::decode(e).is_ok_and(|e| e.clear.kind == EnvelopeType::Knock))
}

/// Nobody is asked about them, so they need not be patient.
#[test]
fn whoever_comes_back_where_newcomers_wait_asks_again_within_seconds() {
    let mut world = World::with_a_host(1);
    let tabs = world.hosted(&["Grace"]);
    world.run(2_000);
    let knocks = Rc::new(Cell::new(0));
    let seen = Rc::clone(&knocks);
    world.swallow = Some(Box::new(move |from, message| {
        seen.set(seen.get() + u32::from(from == 1 && is_knock(message)));
        false
    }));
    let now = world.now;
    world.tabs[1].member.turn(now, Turn::TakeBack);
    world.give(1, Input::Tick);
    world.until("Grace asks", 1_000, |_| knocks.get() == 1);
    world.tabs[1].deaf_until = world.now + 1_500;
    world.until("Grace is back", 8_000, |w| w.together(&tabs));
    assert_eq!(
        (world.tabs[1].notices.as_slice(), knocks.get()),
        (&[NoticeCode::PlaceBack][..], 2)
    );
}

#[test]
fn a_commit_that_nobody_can_read_is_void_and_the_group_goes_on() {
    for seed in 1..=6 {
        let mut world = World::new(seed);
        let tabs = world.call_of(&["A", "B", "C"]);
        world.run(3_000);
        let before = world.tabs[0].epoch();
        for tab in &tabs {
            world.tabs[*tab].member.spoil_tree_keys();
        }
        let newcomer = world.join("D");
        let moved = |w: &World| tabs.iter().copied().find(|t| w.tabs[*t].epoch() != before);
        world.until("one of them committed", 4_000, |w| moved(w).is_some());
        let committer = moved(&world).unwrap();
        world.kill(committer);
        let rest: Vec<usize> = tabs.iter().copied().filter(|t| *t != committer).collect();
        let conns: Vec<_> = rest.iter().map(|t| world.tabs[*t].conn).collect();
        for tab in &rest {
            world.until("it noticed", 1_000, |w| !w.tabs[*tab].notices.is_empty());
            world.tabs[*tab].member.spoil_tree_keys();
            assert_eq!(world.tabs[*tab].epoch(), before);
        }
        // The newcomer was welcomed into an epoch that only the committer was in: the server does not follow it there, and it comes in once more.
        let all: Vec<usize> = rest.iter().copied().chain([newcomer]).collect();
        world.until("the others go on", 120_000, |w| w.together(&all));
        for (tab, conn) in rest.iter().zip(conns) {
            let tab = &world.tabs[*tab];
            assert_eq!(
                tab.notices,
                [NoticeCode::ChangeUnreadable],
                "somebody threw their state away"
            );
            assert!(tab.conn == conn && tab.state == State::InCall);
        }
    }
}

/// Those who could not read it must neither commit in the epoch that the others left nor be waited for by them, nor be added under a key that they gave up.
#[test]
fn paths_that_are_bad_for_half_the_members_cost_them_seconds() {
    for seed in 1..=12 {
        let mut world = World::new(seed);
        let mut tabs = world.call_of(&["A", "B", "C", "D", "E", "F"]);
        world.run(3_000);
        for tab in &tabs[3..] {
            world.tabs[*tab].member.spoil_tree_keys();
        }
        tabs.push(world.join("G"));
        world.until("all have the group again", 3_000, |w| w.together(&tabs));
        assert!(
            tabs.iter().all(|t| world.tabs[*t].departed.is_empty()),
            "somebody is said to have gone"
        );
        world.run(20_000);
        assert!(world.together(&tabs));
    }
}

/// The others are slow to add them anew: they wait, instead of going on by themselves in the epoch that the others left.
#[test]
fn whoever_could_not_read_a_commit_makes_none_before_it_knows_what_the_others_did() {
    until_seen(3, "none of those left behind committed itself", |seed| {
        let mut world = World::new(seed);
        let mut tabs = world.call_of(&["A", "B", "C", "D", "E", "F"]);
        world.run(3_000);
        let left = [tabs[3], tabs[4], tabs[5]];
        for tab in left {
            world.tabs[tab].member.spoil_tree_keys();
        }
        let before = world.tabs[0].epoch();
        tabs.push(world.join("G"));
        world.until("somebody commits", 4_000, |w| {
            tabs.iter().any(|t| w.tabs[*t].epoch() > before)
        });
        world.run(100);
        if left.iter().any(|tab| world.tabs[*tab].notices.is_empty()) {
            return false; // One of them committed itself.
        }
        let made = Rc::new(RefCell::new(Vec::new()));
        let into = Rc::clone(&made);
        world.swallow = Some(Box::new(move |from, message| {
            let commits = is_commit(message);
            if commits && left.contains(&from) {
                into.borrow_mut().push(from);
            }
            commits
        }));
        world.run(LEFT_BEHIND_MS - 500);
        assert!(
            made.borrow().is_empty(),
            "seed {seed}: a commit in an epoch that is over"
        );
        true
    });
}
