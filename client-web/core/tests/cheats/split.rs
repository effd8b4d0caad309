//! The server splits people who were together.

use std::cell::RefCell;
use std::rc::Rc;

use conclave_core::{Input, State};
use conclave_protocol::envelope::{Envelope, EnvelopeType};
use conclave_protocol::message::{ClientMessage, ServerMessage};

use super::world::{World, is_commit};

/// Words that an evil server took from a tab.
type Said = (usize, Vec<u8>);

/// Told within this: 20 s of silence, a beacon's interval and the way.
const TOLD: u64 = 26_000;

fn warned(world: &World, tab: usize, of: &[&str], differ: bool) -> bool {
    let alarms = &world.tabs[tab].alarms;
    let told = if differ { &alarms.digests_differ } else { &alarms.silent };
    let mut names: Vec<&str> = told.iter().map(|s| s.name.as_str()).collect();
    names.sort_unstable();
    names == of
}

/// What the order of commits is made of.
fn is_order(message: &ServerMessage) -> bool {
    matches!(
        message,
        ServerMessage::Notice { .. } | ServerMessage::Chunk { .. } | ServerMessage::EnvelopeIn { seq: Some(_), .. }
    )
}

fn number(world: &mut World, tab: usize) -> String {
    world.give(tab, Input::ShowSafetyNumber);
    world.tabs[tab].safety.last().unwrap().clone()
}

/// A7: two halves that hear nothing of each other.
#[test]
fn a7_both_halves_of_a_split_call_are_told_and_their_numbers_differ() {
    for seed in 1..=3 {
        let mut world = World::new(seed);
        let tabs = world.call_of(&["A", "B", "C", "D"]);
        world.run(3_000);
        let same = number(&mut world, tabs[0]);
        assert_eq!(number(&mut world, tabs[3]), same);
        world.withhold = Some(Box::new(|from, to, message| {
            from.is_some_and(|from| (from < 2) != (to < 2)) || is_order(message) && to >= 2
        }));
        // One half goes on, and what the other would change goes nowhere.
        world.swallow = Some(Box::new(|from, message| from >= 2 && is_commit(message)));
        world.until("all four are told", TOLD, |w| {
            [0, 1].iter().all(|t| warned(w, *t, &["C", "D"], false))
                && [2, 3].iter().all(|t| warned(w, *t, &["A", "B"], false))
        });
        // In a while each half thinks the other gone; what they call the call's number is not one any more.
        world.run(120_000);
        let here = number(&mut world, tabs[0]);
        assert_eq!(number(&mut world, tabs[1]), here);
        for tab in &tabs[2..] {
            // Or they have no call at all: nobody carries out what they want.
            if world.tabs[*tab].state == State::InCall {
                assert_ne!(number(&mut world, *tab), here, "two groups with one number");
            }
        }
        assert_ne!(here, same);
    }
}

/// The envelopes of the commit that these frames of one member hold, once all are there.
fn captured(parts: &mut Vec<u8>, message: &ClientMessage) -> Option<Vec<Vec<u8>>> {
    let whole = match message {
        ClientMessage::EnvelopeOut { .. } => message.encode(),
        ClientMessage::Chunk { last, data, .. } => {
            parts.extend_from_slice(data);
            if !last {
                return None;
            }
            std::mem::take(parts)
        }
        _ => return None,
    };
    let Ok(ClientMessage::EnvelopeOut { envelopes }) = ClientMessage::decode(&whole) else {
        return None;
    };
    let all: Vec<Vec<u8>> = envelopes.iter().map(|e| e.to_vec()).collect();
    let first = Envelope::decode(all.first()?).ok()?;
    (first.clear.kind == EnvelopeType::Commit).then_some(all)
}

/// The words in this frame of a member.
fn words(message: &ClientMessage) -> Option<Vec<u8>> {
    let ClientMessage::EnvelopeOut { envelopes } = message else {
        return None;
    };
    let bytes = envelopes.first()?.to_vec();
    let envelope = Envelope::decode(&bytes).ok()?;
    (envelope.clear.kind == EnvelopeType::Message).then_some(bytes)
}

/// A10: of two commits for one epoch one half gets one, and the other half the other; words go on to everybody.
#[test]
fn a10_two_commits_for_one_epoch_are_seen_by_both_halves() {
    for seed in 1..=3 {
        let mut world = World::new(seed);
        let tabs = world.call_of(&["A", "B", "C", "D"]);
        world.run(3_000);
        let epoch = world.tabs[0].epoch();
        let (call, head) = world.head.unwrap();
        let is_knock = |m: &ServerMessage| match m {
            ServerMessage::EnvelopeIn { seq: None, envelope } => {
                Envelope::decode(envelope).is_ok_and(|e| e.clear.kind == EnvelopeType::Knock)
            }
            _ => false,
        };
        // E's knock goes to A and B, F's to C and D. What A or B commit goes to the two of them (and E); what C or D commit is kept.
        let kept: Rc<RefCell<Vec<Vec<u8>>>> = Rc::default();
        let taken = Rc::clone(&kept);
        world.withhold = Some(Box::new(move |from, to, message| {
            let knock = is_knock(message) && from.is_some_and(|f| f >= 4 && (f == 4) != (to < 2));
            // C and D prove a gate that the rooms of this world have not heard of; an evil server lets them speak.
            let lost = matches!(message, ServerMessage::Rights { on: false, .. });
            knock || (is_order(message) || lost) && (to == 2 || to == 3)
        }));
        let parts: RefCell<[Vec<u8>; 2]> = RefCell::default();
        world.swallow = Some(Box::new(move |from, message| {
            if !(2..4).contains(&from) || !is_commit(message) {
                return false;
            }
            if let Some(all) = captured(&mut parts.borrow_mut()[from - 2], message)
                && taken.borrow().is_empty()
            {
                *taken.borrow_mut() = all;
            }
            true
        }));
        let e = world.join("E");
        let f = world.join("F");
        world.until("C or D have committed F", 10_000, |_| !kept.borrow().is_empty());
        world.until("A and B have moved on with E", 10_000, |w| {
            [tabs[0], tabs[1], e]
                .iter()
                .all(|t| w.tabs[*t].epoch() != epoch && w.tabs[*t].epoch().is_some())
        });
        assert!(world.head.unwrap().0 == call);
        let said: Rc<RefCell<Vec<Said>>> = Rc::default();
        let asked: Rc<RefCell<Vec<usize>>> = Rc::default();
        let (heard, asks) = (Rc::clone(&said), Rc::clone(&asked));
        world.swallow = Some(Box::new(move |from, message| {
            // F is with C and D.
            let there = (2..4).contains(&from) || from == f;
            if there && matches!(message, ClientMessage::Attach { .. }) {
                asks.borrow_mut().push(from);
                return true;
            }
            if let Some(words) = words(message) {
                heard.borrow_mut().push((from, words));
                return true;
            }
            there && is_commit(message)
        }));
        for (n, envelope) in kept.borrow().iter().enumerate() {
            for tab in if n == 0 { vec![2, 3] } else { vec![f] } {
                let seq = Some(head + 1);
                let message = ServerMessage::EnvelopeIn {
                    seq,
                    envelope: envelope.clone(),
                };
                world.give(tab, Input::SocketFrame(&message.encode()));
            }
        }
        for tab in [2, 3] {
            assert_ne!(world.tabs[tab].epoch(), epoch, "the evil server's plan did not work");
        }
        assert_ne!(
            number(&mut world, 0),
            number(&mut world, 2),
            "two groups with one number"
        );
        let whole = |w: &World, t: usize, names: &[&str]| warned(w, t, names, true);
        let told = |w: &World| {
            whole(w, 0, &["C", "D"]) && whole(w, 1, &["C", "D"]) && whole(w, 2, &["A", "B"]) && whole(w, 3, &["A", "B"])
        };
        for _ in 0..(TOLD + 10_000) / 100 {
            if told(&world) {
                break;
            }
            world.run(100);
            for tab in asked.take() {
                let rights = ServerMessage::Rights {
                    call_id: call,
                    on: true,
                };
                world.give(tab, Input::SocketFrame(&rights.encode()));
            }
            for (from, envelope) in said.take() {
                let message = ServerMessage::EnvelopeIn { seq: None, envelope }.encode();
                for tab in (0..6).filter(|to| *to != from) {
                    world.give(tab, Input::SocketFrame(&message));
                }
            }
        }
        assert!(told(&world), "seed {seed}: both halves are told");
    }
}
