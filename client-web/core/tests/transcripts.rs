//! What the server sees of members' words: neither of what kind they are nor whether a host or a guest says them.
//!
//! Does not hide how long a text is, beyond the padding's steps; nor that rules change, which take one step more (a text of that length looks alike).

mod world;

use std::cell::RefCell;
use std::rc::Rc;

use conclave_core::{Input, State};
use conclave_protocol::envelope::{Envelope, EnvelopeType, padded_len};
use conclave_protocol::message::ClientMessage;
use world::World;

/// Who sent it, the clear part, and the length of the sealed one.
type Seen = Rc<RefCell<Vec<(usize, Vec<u8>, usize)>>>;

fn watch(world: &mut World) -> Seen {
    let seen = Seen::default();
    let into = Rc::clone(&seen);
    world.swallow = Some(Box::new(move |from, message| {
        if let ClientMessage::EnvelopeOut { envelopes } = message {
            for envelope in envelopes.iter().filter_map(|e| Envelope::decode(e).ok()) {
                if envelope.clear.kind == EnvelopeType::Message {
                    into.borrow_mut()
                        .push((from, envelope.clear.encode(), envelope.sealed.len()));
                }
            }
        }
        false
    }));
    seen
}

/// What one input of one tab sends besides beacons that were due anyway.
fn sent(world: &mut World, seen: &Seen, tab: usize, input: Input<'_>) -> Vec<(Vec<u8>, usize)> {
    seen.borrow_mut().clear();
    world.give(tab, input);
    world.run(30);
    let of_tab = seen
        .borrow()
        .iter()
        .filter(|(from, ..)| *from == tab)
        .cloned()
        .collect::<Vec<_>>();
    of_tab.into_iter().map(|(_, clear, length)| (clear, length)).collect()
}

#[test]
fn words_of_all_kinds_and_roles_look_alike() {
    let mut world = World::with_a_host(1);
    let mut tabs = vec![world.join_as_host("Hope")];
    world.until("the host is in", 5_000, |w| w.tabs[0].state == State::InCall);
    for n in 0..6 {
        tabs.push(world.join(&format!("guest {n}")));
        world.until("asks", 5_000, |w| w.tabs[0].lobby.len() == 1);
        world.give(0, Input::AdmitAll);
        let so_far = tabs.clone();
        world.until("in", 5_000, |w| w.together(&so_far));
    }
    let refused = world.join("Eve");
    world.until("asks", 5_000, |w| w.tabs[0].lobby.len() == 1);
    world.run(4_000);
    let seen = watch(&mut world);
    world.run(8_000);
    // Beacons, with what each heard of six others.
    let beacons = seen.borrow().clone();
    assert!(beacons.len() > 15, "no beacons");
    let (_, clear, length) = beacons[0].clone();
    assert!(
        beacons.iter().all(|(_, c, l)| *c == clear && *l == length),
        "beacons differ"
    );
    assert_eq!(
        length,
        24 + 16 + padded_len(1).unwrap(),
        "a beacon is not in the smallest envelope"
    );
    let eve = world.tabs[0].lobby[0].member_id;
    let _ = refused;
    let victim = world.tabs[0].sees("guest 5").unwrap().member_id;
    let short: Vec<(&str, usize, Input<'_>)> = vec![
        ("a guest's hand", 1, Input::Hand(true)),
        ("a guest's text", 2, Input::Chat { text: "yes".into() }),
        ("a guest's reaction", 3, Input::Reaction('👍')),
        ("the host's text", 0, Input::Chat { text: "yes".into() }),
        ("the host's refusal", 0, Input::Refuse(eve)),
        ("the host's comparison", 0, Input::CompareNow),
        (
            "the host's order",
            0,
            Input::Remove {
                member: victim,
                bar: false,
            },
        ),
    ];
    for (what, tab, input) in short {
        world.run(600);
        let all = sent(&mut world, &seen, tab, input);
        assert!(!all.is_empty(), "{what}: nothing was sent");
        for (c, l) in all {
            assert!(
                c == clear && l == length,
                "{what} can be told from a beacon: {l} bytes instead of {length}"
            );
        }
    }
    world.run(2_000);
    let rules = sent(&mut world, &seen, 0, Input::Lock(true));
    let text = sent(&mut world, &seen, 1, Input::Chat { text: "x".repeat(600) });
    assert!(
        !rules.is_empty() && rules.last() == text.last(),
        "a change of the rules can be told from a longer text"
    );
}

/// Pings are how a member learns that its words arrived. They come by the clock, so that nobody can tell from them that something was written.
#[test]
fn pings_tell_nothing_of_what_is_written() {
    let pings = |writes: bool| {
        let mut world = World::new(2);
        world.call_of(&["A", "B"]);
        let from = world.now;
        let seen = Rc::new(RefCell::new(Vec::new()));
        let into = Rc::clone(&seen);
        world.swallow = Some(Box::new(move |tab, message| {
            if tab == 0 && matches!(message, ClientMessage::Ping { .. }) {
                into.borrow_mut().push(());
            }
            false
        }));
        for n in 0..20 {
            // Between two looks, as people write.
            let pause = from + 1_000 * n + 137 - world.now;
            world.run(pause);
            if writes {
                world.give(
                    0,
                    Input::Chat {
                        text: format!("words {n}"),
                    },
                );
            }
        }
        seen.borrow().len()
    };
    let silent = pings(false);
    assert!(silent >= 9, "no pings");
    assert_eq!(pings(true), silent, "whoever writes pings at other times");
}

/// From which tab the next commit comes after this decision.
fn commits(world: &mut World, decision: Input<'_>) -> usize {
    let maker = Rc::new(RefCell::new(None));
    let seen = Rc::clone(&maker);
    world.swallow = Some(Box::new(move |from, message| {
        let is_commit = match message {
            ClientMessage::Chunk { .. } => true,
            ClientMessage::EnvelopeOut { envelopes } => {
                let mut all = envelopes.iter().filter_map(|e| Envelope::decode(e).ok());
                all.any(|e| e.clear.kind == EnvelopeType::Commit)
            }
            _ => false,
        };
        if is_commit {
            seen.borrow_mut().get_or_insert(from);
        }
        false
    }));
    world.give(0, decision);
    world.until("somebody commits it", 3_000, |_| maker.borrow().is_some());
    world.swallow = None;
    maker.borrow().unwrap()
}

/// What shows in spite of all that: docs/threat-model.md says so.
#[test]
fn a_removal_by_order_comes_from_who_gave_it_and_an_admission_from_whose_turn_it_is() {
    let (mut admissions, mut removals) = (Vec::new(), Vec::new());
    for seed in 1..=8 {
        let mut world = World::with_a_host(seed);
        world.hosted(&["Grace", "Ada", "Edsger", "Mallory"]);
        world.join("Eve");
        world.until("asks", 5_000, |w| w.tabs[0].lobby.len() == 1);
        world.run(2_000);
        admissions.push(commits(&mut world, Input::AdmitAll));
        world.run(3_000);
        let member = world.id(0, "Mallory");
        removals.push(commits(&mut world, Input::Remove { member, bar: false }));
    }
    assert!(
        admissions.iter().any(|tab| *tab != 0),
        "who admits shows, too: {admissions:?}"
    );
    assert!(
        removals.iter().all(|tab| *tab == 0),
        "who orders removals does not show: {removals:?}"
    );
}
