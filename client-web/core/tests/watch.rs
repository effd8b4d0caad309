//! Alarms and the comparison of the number: what members see when the server keeps things from them.

mod world;

use conclave_core::{EndReason, Input, NoticeCode, State, Suspect};
use conclave_protocol::ids::TrackKind;
use conclave_protocol::message::{ClientMessage, ServerMessage};
use world::{World, is_commit, is_commit_in};

/// Silence is told of within this: 20 s, a beacon's interval and the way.
const SILENCE_SHOWS: u64 = 26_000;

fn names(suspects: &[Suspect]) -> Vec<&str> {
    suspects.iter().map(|s| s.name.as_str()).collect()
}

/// A word of one member to others: no commit, no welcome.
fn is_word(message: &ServerMessage) -> bool {
    matches!(message, ServerMessage::EnvelopeIn { seq: None, .. })
}

/// What the order of commits is made of, in whatever size.
fn is_order(message: &ServerMessage) -> bool {
    matches!(
        message,
        ServerMessage::Notice { .. } | ServerMessage::Chunk { .. } | ServerMessage::EnvelopeIn { seq: Some(_), .. }
    )
}

fn nothing_is_wrong(world: &World, tabs: &[usize]) -> bool {
    tabs.iter().all(|t| {
        let a = &world.tabs[*t].alarms;
        let people = [&a.digests_differ, &a.silent, &a.withheld, &a.removal_stuck];
        people.iter().all(|p| p.is_empty()) && a.server_offers_less.is_none()
    })
}

#[test]
fn in_an_honest_call_no_alarm_ever_shows() {
    for seed in 1..=3 {
        let mut world = World::new(seed);
        let mut tabs = world.call_of(&["A", "B", "C"]);
        for round in 0..60 {
            if round % 10 == 3 {
                tabs.push(world.join(&format!("N{round}")));
            }
            if round % 10 == 8 {
                let gone = tabs.pop().unwrap();
                world.give(gone, Input::Leave);
            }
            for _ in 0..10 {
                world.run(100);
                assert!(
                    nothing_is_wrong(&world, &tabs),
                    "seed {seed}: an alarm in round {round}"
                );
            }
        }
        // Cut off and back: nobody else fell silent for that.
        world.cut(tabs[0]);
        world.run(40_000);
        assert!(nothing_is_wrong(&world, &tabs[..1]), "whoever is cut off blames others");
        assert_eq!(names(&world.tabs[tabs[1]].alarms.silent), ["A"]);
        world.mend(tabs[0]);
        world.until("all is well again", 20_000, |w| {
            w.together(&tabs) && nothing_is_wrong(w, &tabs)
        });
    }
}

#[test]
fn a_hidden_tab_that_hardly_runs_is_neither_lost_nor_suspect() {
    let mut world = World::new(1);
    let tabs = world.call_of(&["A", "B", "C"]);
    world.give(tabs[2], Input::Hidden(true));
    world.run(3_000);
    world.tabs[tabs[2]].asleep = true;
    world.run(60_000);
    for tab in &tabs[..2] {
        assert!(!world.tabs[*tab].sees_lost("C"), "hidden and shown as lost");
        assert!(world.tabs[*tab].sees("C").is_some_and(|c| c.hidden));
    }
    assert!(nothing_is_wrong(&world, &tabs[..2]));
    // A tab that did not say so is.
    world.tabs[tabs[1]].asleep = true;
    world.until("the other is missed", SILENCE_SHOWS, |w| {
        names(&w.tabs[0].alarms.silent) == ["B"]
    });
}

#[test]
fn words_kept_between_two_are_known_from_the_third() {
    let mut world = World::new(2);
    let tabs = world.call_of(&["A", "B", "C"]);
    world.run(3_000);
    let pair = [tabs[0], tabs[2]];
    world.withhold = Some(Box::new(move |from, to, message| {
        is_word(message) && from.is_some_and(|from| from != to && pair.contains(&from) && pair.contains(&to))
    }));
    world.until("both know", SILENCE_SHOWS, |w| {
        names(&w.tabs[0].alarms.withheld) == ["C"] && names(&w.tabs[2].alarms.withheld) == ["A"]
    });
    assert!(nothing_is_wrong(&world, &tabs[1..2]));
    world.withhold = None;
    world.until("it is over", 10_000, |w| nothing_is_wrong(w, &tabs));
}

/// Who sends nothing at this moment, as their own clients say.
fn stopped(world: &World, tabs: &[usize]) -> Vec<usize> {
    tabs.iter().copied().filter(|t| world.tabs[*t].alarms.stopped).collect()
}

#[test]
fn in_a_strict_room_everybody_stops_while_a_removal_is_withheld_and_elsewhere_whoever_ordered_it_alone() {
    for (strict, seed) in [(true, 1), (true, 2), (false, 3)] {
        let mut world = if strict {
            World::strict(seed)
        } else {
            World::with_a_host(seed)
        };
        let tabs = world.hosted(&["Grace", "Ada", "Mallory"]);
        world.run(3_000);
        world.swallow = Some(Box::new(|_, message| is_commit(message)));
        let member = world.tabs[0].sees("Mallory").unwrap().member_id;
        for tab in &tabs {
            world.tabs[*tab].holds.clear();
        }
        world.give(tabs[0], Input::Remove { member, bar: false });
        let at = world.now;
        world.until("the remover stops", 1_100, |w| stopped(w, &tabs) == [0]);
        world.until("all are told", 6_000, |w| {
            tabs.iter()
                .all(|t| names(&w.tabs[*t].alarms.removal_stuck) == ["Mallory"])
        });
        let others = &tabs[1..3];
        if !strict {
            world.run(5_000);
            assert_eq!(stopped(&world, &tabs), [0]);
            assert!(
                others.iter().all(|t| world.tabs[*t].holds.is_empty()),
                "told to be silent"
            );
            continue;
        }
        assert!(
            others.iter().all(|t| stopped(&world, &tabs).contains(t)),
            "goes on sending"
        );
        for tab in others {
            let holds = &world.tabs[*tab].holds;
            assert!(
                holds.iter().any(|(t, on)| *on && t - at <= 6_100),
                "the media worker was not told"
            );
            let text = "between us".into();
            world.give(*tab, Input::Chat { text });
            assert!(world.tabs[*tab].notices.contains(&NoticeCode::ChatStopped));
        }
        // The server gives in: those who stay speak again.
        world.swallow = None;
        for tab in &tabs {
            world.cut(*tab);
            world.run(600);
            world.mend(*tab);
        }
        world.until("Mallory is out", 20_000, |w| {
            w.tabs[tabs[3]].state == State::Ended(EndReason::Removed) && w.together(&tabs[..3])
        });
        world.run(1_000);
        assert!(stopped(&world, &tabs[..3]).is_empty() && nothing_is_wrong(&world, &tabs[..3]));
        assert!(
            others
                .iter()
                .all(|t| world.tabs[*t].holds.last().map(|(_, on)| *on) == Some(false))
        );
        assert!(
            world.tabs.iter().all(|t| t.chat.is_empty()),
            "something was written meanwhile"
        );
    }
}

#[test]
fn whoever_is_kept_in_the_past_is_seen_there_by_all() {
    for seed in 1..=3 {
        let mut world = World::new(seed);
        let tabs = world.call_of(&["A", "B", "C"]);
        world.run(3_000);
        // C hears nothing of what the others order or say from here on.
        let victim = tabs[2];
        world.withhold = Some(Box::new(move |from, to, message| {
            // Nor that it has lost its rights for that, as an honest server would have it.
            let lost = matches!(message, ServerMessage::Rights { .. });
            to == victim && (is_order(message) || lost || is_word(message) && from != Some(victim))
        }));
        let newcomer = world.join("D");
        world.until("the others move on", 10_000, |w| {
            w.tabs[newcomer].state == State::InCall
        });
        world.until("they see that C does not", SILENCE_SHOWS, |w| {
            [tabs[0], tabs[1]]
                .iter()
                .all(|t| names(&w.tabs[*t].alarms.digests_differ) == ["C"])
        });
        world.until("C misses them", SILENCE_SHOWS, |w| {
            w.tabs[victim].alarms.silent.len() == 2
        });
    }
}

#[test]
fn a_removal_that_is_withheld_stops_the_remover_within_a_second_and_all_are_told() {
    for seed in 1..=3 {
        let mut world = World::with_a_host(seed);
        let tabs = world.hosted(&["Grace", "Mallory"]);
        world.run(3_000);
        // The server takes no commit from here on.
        world.swallow = Some(Box::new(|_, message| is_commit(message)));
        let member = world.tabs[0].sees("Mallory").unwrap().member_id;
        world.tabs[0].holds.clear();
        world.give(tabs[0], Input::Remove { member, bar: false });
        let at = world.now;
        world.until("the remover is told", 1_100, |w| {
            names(&w.tabs[0].alarms.removal_stuck) == ["Mallory"]
        });
        assert!(
            world.tabs[0].holds.iter().any(|(t, on)| *on && t - at <= 1_100),
            "and goes on sending"
        );
        world.give(
            tabs[0],
            Input::Chat {
                text: "between us".into(),
            },
        );
        assert!(world.tabs[0].notices.contains(&NoticeCode::ChatStopped));
        world.until("all are told, Mallory too", 6_000, |w| {
            tabs.iter()
                .all(|t| names(&w.tabs[*t].alarms.removal_stuck) == ["Mallory"])
        });
        assert!(world.tabs.iter().all(|t| t.chat.is_empty()));
        // The server gives in: the removal takes effect, and the remover speaks again.
        world.swallow = None;
        for tab in &tabs {
            world.cut(*tab);
            world.run(600);
            world.mend(*tab);
        }
        world.until("Mallory is out", 20_000, |w| {
            w.tabs[2].state == State::Ended(EndReason::Removed) && w.together(&tabs[..2])
        });
        world.run(1_000);
        assert!(nothing_is_wrong(&world, &tabs[..2]));
        assert_eq!(
            world.tabs[0].holds.last().map(|(_, on)| *on),
            Some(false),
            "still silent"
        );
    }
}

/// The server keeps a removal back until the remover has lost its state, and others bring it back who never heard of the order.
#[test]
fn a_removal_outlives_the_removers_place() {
    for seed in 1..=6 {
        let mut world = World::new(seed);
        let mut tabs = vec![world.join_as_host("Hope")];
        world.until("Hope is in", 5_000, |w| w.together(&[0]));
        for name in ["Grace", "Mallory"] {
            tabs.push(world.join(name));
            let so_far = tabs.clone();
            world.until("all so far are in", 5_000, |w| w.together(&so_far));
        }
        world.run(3_000);
        let (host, mallory) = (tabs[0], tabs[2]);
        // Nothing of the decision gets anywhere.
        world.swallow = Some(Box::new(move |from, message| {
            let says = matches!(message, ClientMessage::Chunk { .. } | ClientMessage::EnvelopeOut { .. });
            from == host && says
        }));
        let member = world.id(host, "Mallory");
        world.give(host, Input::Remove { member, bar: true });
        world.run(300);
        // The others go on, and Hope hears of it only what she cannot read.
        world.swallow = Some(Box::new(move |from, message| from == host && is_commit(message)));
        world.withhold = Some(Box::new(move |_, to, message| to == host && is_order(message)));
        tabs.push(world.join("Ada"));
        world.until("Hope has lost her place", 15_000, |w| {
            w.tabs[host].state == State::Reconnecting
        });
        assert!(world.tabs[mallory].state == State::InCall);
        world.withhold = None;
        world.until("Mallory is out all the same", 15_000, |w| {
            w.tabs[mallory].state == State::Ended(EndReason::Barred)
        });
        world.swallow = None;
        let rest = [tabs[0], tabs[1], tabs[3]];
        world.until("the others are together", 15_000, |w| w.together(&rest));
        assert!(world.tabs[host].notices.contains(&NoticeCode::PlaceBack), "seed {seed}");
    }
}

#[test]
fn whoever_takes_their_place_back_sees_no_alarm_of_before() {
    for seed in 1..=3 {
        let mut world = World::with_a_host(seed);
        let tabs = world.hosted(&["Ada", "Bo", "Mallory"]);
        world.run(3_000);
        let victim = tabs[1];
        world.withhold = Some(Box::new(move |_, to, message| to == victim && is_commit_in(message)));
        let member = world.tabs[0].sees("Mallory").unwrap().member_id;
        world.give(tabs[0], Input::Remove { member, bar: false });
        world.until("Ada is told", 6_000, |w| {
            names(&w.tabs[victim].alarms.removal_stuck) == ["Mallory"]
        });
        // Her own server says that a commit was ordered, and the others speak in a later epoch: she asks for her place, and a welcome brings her there.
        world.until("Ada is where the others are", 20_000, |w| w.together(&tabs[..3]));
        world.run(2_000);
        assert!(
            nothing_is_wrong(&world, &tabs[..3]),
            "an alarm outlived what it was about"
        );
    }
}

#[test]
fn all_are_told_whether_a_host_is_here() {
    let mut world = World::with_a_host(6);
    let tabs = world.hosted(&["Grace", "Ada"]);
    world.run(1_000);
    assert!(tabs.iter().all(|t| !world.tabs[*t].alarms.no_host));
    world.give(tabs[0], Input::Leave);
    world.until("they know", 3_000, |w| {
        tabs[1..].iter().all(|t| w.tabs[*t].alarms.no_host)
    });
    let mut open = World::new(6);
    let tabs = open.call_of(&["A", "B"]);
    open.run(1_000);
    assert!(tabs.iter().all(|t| open.tabs[*t].alarms.no_host));
}

#[test]
fn a_server_that_allows_less_than_was_signed_is_named() {
    let mut world = World::new(7);
    world.serve_record(|record| record.limits.members = 2);
    let tabs = world.call_of(&["A", "B"]);
    world.run(1_000);
    let less = |w: &World, t: usize| w.tabs[t].alarms.server_offers_less;
    assert!(
        tabs.iter()
            .all(|t| less(&world, *t).is_some_and(|l| l.members == Some((2, 250))))
    );
    let third = world.join("C");
    world.until("the third is told", 3_000, |w| {
        w.tabs[third].state == State::Ended(EndReason::RoomFull)
    });
}

fn microphone(world: &mut World, tab: usize, on: bool) {
    let kind = TrackKind::Microphone;
    world.give(tab, Input::Publish { kind, on });
}

fn seats_told(world: &World, tab: usize) -> Option<(u16, u16)> {
    world.tabs[tab].alarms.server_offers_less.and_then(|less| less.seats)
}

#[test]
fn fewer_microphone_seats_than_were_signed_are_told_as_soon_as_they_are_announced() {
    let mut world = World::new(8);
    world.serve_record(|record| record.limits.seats = 2);
    let tabs = world.call_of(&["A", "B", "C"]);
    world.run(1_000);
    assert!(tabs.iter().all(|t| seats_told(&world, *t) == Some((2, 8))));
    for tab in &tabs {
        microphone(&mut world, *tab, true);
    }
    world.run(1_000);
    // The third is told why, too.
    let refused = |t: &usize| world.tabs[*t].notices.contains(&NoticeCode::FloorFull);
    assert_eq!(tabs.iter().filter(|t| refused(t)).count(), 1);
}

#[test]
fn a_seat_refused_though_the_signed_ones_are_not_taken_is_told_and_one_refused_with_reason_is_not() {
    for seed in [9, 10, 11] {
        let mut world = World::new(seed);
        let tabs = world.call_of(&["A", "B", "C"]);
        world.run(1_000);
        // The server announced eight, and gives one.
        world.serve_record(|record| record.limits.seats = 1);
        for tab in &tabs[..2] {
            microphone(&mut world, *tab, true);
            world.run(500);
        }
        assert!(world.tabs[tabs[1]].notices.contains(&NoticeCode::FloorFull));
        world.until("whoever was refused is told", 4_000, |w| {
            seats_told(w, tabs[1]) == Some((1, 8))
        });
        // The others saw no refusal, and take nobody's word for it.
        assert!(seats_told(&world, tabs[0]).is_none() && seats_told(&world, tabs[2]).is_none());
        // It gives the seat after all: the warning is over.
        world.serve_record(|record| record.limits.seats = 8);
        microphone(&mut world, tabs[1], true);
        world.until("and no longer", 4_000, |w| seats_told(w, tabs[1]).is_none());
    }
    // All eight are taken: the ninth is refused by right.
    let mut world = World::new(12);
    let names = ["A", "B", "C", "D", "E", "F", "G", "H", "I"];
    let tabs = world.call_of(&names);
    world.run(1_000);
    for tab in &tabs {
        microphone(&mut world, *tab, true);
        world.run(200);
    }
    let ninth = tabs[8];
    world.until("the ninth is refused", 3_000, |w| {
        w.tabs[ninth].notices.contains(&NoticeCode::FloorFull)
    });
    world.run(6_000);
    assert!(tabs.iter().all(|t| world.tabs[*t].alarms.server_offers_less.is_none()));
}
