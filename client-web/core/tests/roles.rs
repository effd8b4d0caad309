//! Asking to join, roles, moderation: over the real delivery service, in virtual time.

mod world;

use conclave_core::{Door, EndReason, Input, MemberRole, State};
use conclave_protocol::ids::TrackKind;
use world::World;

const SEEDS: [u64; 3] = [1, 2, 3];

#[test]
fn whoever_asks_waits_until_the_host_has_compared_the_code() {
    for seed in SEEDS {
        let mut world = World::with_a_host(seed);
        let host = world.join_as_host("Hope");
        world.until("the host is in", 5_000, |w| w.tabs[0].state == State::InCall);
        let guest = world.join("Grace");
        world.until("the host sees who asks", 3_000, |w| w.tabs[host].lobby.len() == 1);
        world.run(75_000);
        assert_eq!(world.tabs[guest].state, State::Waiting);
        assert!(world.tabs[guest].keys.is_empty(), "a waiting guest has keys");
        let asks = world.tabs[host].lobby.clone();
        assert_eq!(asks.len(), 1, "the knock was forgotten, or counted twice");
        assert_eq!(asks[0].name, "Grace");
        assert_eq!(Some(&asks[0].code), world.tabs[guest].code.as_ref(), "the codes differ");
        world.give(host, Input::Admit(asks[0].member_id));
        world.until("the guest is in", 3_000, |w| w.together(&[host, guest]));
        assert!(world.tabs[host].lobby.is_empty());
    }
}

#[test]
fn roles_show_by_proof_and_everybody_sees_that_a_host_is_here() {
    let mut world = World::with_a_host(4);
    let tabs = world.hosted(&["Grace", "Ada"]);
    for tab in &tabs {
        let seen = world.tabs[*tab].sees("Hope").expect("no host in the list");
        assert!(seen.role == Some(MemberRole::Host));
        assert!(world.tabs[*tab].sees("Grace").is_some_and(|g| g.role.is_none()));
        assert!(world.tabs[*tab].rules.is_some_and(|r| r.host_present && r.lobby));
    }
    assert!(world.tabs[tabs[1]].lobby.is_empty());
}

#[test]
fn without_a_host_nobody_begins_a_call_and_all_come_in_when_one_does() {
    let mut world = World::with_a_host(5);
    let early = [world.join("Grace"), world.join("Ada")];
    world.run(20_000);
    assert!(early.iter().all(|t| world.tabs[*t].state == State::Waiting));
    assert!(early.iter().all(|t| world.tabs[*t].door == Some(Door::NoCall)));
    let host = world.join_as_host("Hope");
    world.until("both ask", 10_000, |w| w.tabs[host].lobby.len() == 2);
    assert!(early.iter().all(|t| world.tabs[*t].door == Some(Door::Asked)));
    world.give(host, Input::AdmitAll);
    world.until("all are in one call", 5_000, |w| {
        w.together(&[host, early[0], early[1]])
    });
}

/// In a quiet call, in which nothing else happens.
#[test]
fn whoever_closes_the_page_while_asking_is_not_asked_about_for_longer_than_half_a_minute() {
    let mut world = World::with_a_host(17);
    let tabs = world.hosted(&["Grace"]);
    let asks = world.join("Mallory");
    world.until("the host sees who asks", 3_000, |w| w.tabs[0].lobby.len() == 1);
    world.run(45_000);
    assert_eq!(world.tabs[0].lobby.len(), 1, "somebody who waits is forgotten");
    world.kill(asks);
    // 30 s from the last knock, seen with the next beacon.
    world.until("their request is over", 35_000, |w| w.tabs[0].lobby.is_empty());
    let again = world.join("Mallory");
    world.until("asks anew", 5_000, |w| w.tabs[0].lobby.len() == 1);
    world.give(0, Input::AdmitAll);
    world.until("in", 5_000, |w| w.together(&[tabs[0], tabs[1], again]));
}

#[test]
fn a_refused_guest_is_told() {
    for seed in SEEDS {
        let mut world = World::with_a_host(seed);
        let tabs = world.hosted(&["Grace"]);
        let third = world.join("Mallory");
        world.until("the host sees who asks", 3_000, |w| w.tabs[0].lobby.len() == 1);
        let member = world.tabs[0].lobby[0].member_id;
        world.give(tabs[0], Input::Refuse(member));
        world.until("they are told", 3_000, |w| {
            w.tabs[third].state == State::Ended(EndReason::Refused)
        });
        assert!(world.tabs[0].lobby.is_empty());
        world.run(5_000);
        assert!(world.together(&tabs));
    }
}

#[test]
fn a_guest_decides_nothing() {
    let mut world = World::with_a_host(6);
    let tabs = world.hosted(&["Grace", "Ada"]);
    let asks = world.join("Mallory");
    world.until("the host sees who asks", 3_000, |w| w.tabs[0].lobby.len() == 1);
    let waiting = world.tabs[0].lobby[0].member_id;
    let (host, ada) = (world.id(1, "Hope"), world.id(1, "Ada"));
    for input in [
        Input::Admit(waiting),
        Input::AdmitAll,
        Input::Refuse(waiting),
        Input::Remove { member: ada, bar: true },
        Input::Remove {
            member: host,
            bar: false,
        },
        Input::MuteMember {
            member: ada,
            kinds: 1,
            on: true,
        },
        Input::Lobby(false),
        Input::Lock(true),
        Input::Appoint(world.id(1, "Grace")),
        Input::EndForAll,
    ] {
        world.give(tabs[1], input);
    }
    world.run(10_000);
    assert!(world.together(&tabs));
    assert_eq!(world.tabs[asks].state, State::Waiting);
    assert!(
        world.tabs[2]
            .rules
            .is_some_and(|r| r.lobby && !r.locked && r.muted & 1 == 0)
    );
}
#[test]
fn an_appointed_moderator_lets_in_mutes_and_removes_until_dismissed() {
    let mut world = World::with_a_host(7);
    let tabs = world.hosted(&["Grace", "Ada"]);
    let grace = world.id(0, "Grace");
    world.give(tabs[0], Input::Appoint(grace));
    world.until("everybody sees it", 2_000, |w| {
        tabs.iter().all(|t| {
            w.tabs[*t]
                .sees("Grace")
                .is_some_and(|g| g.role == Some(MemberRole::Moderator))
        })
    });
    let edsger = world.join("Edsger");
    world.until("the moderator sees who asks", 3_000, |w| w.tabs[1].lobby.len() == 1);
    world.give(tabs[1], Input::AdmitAll);
    let all = [tabs[0], tabs[1], tabs[2], edsger];
    world.until("let in by the moderator", 5_000, |w| w.together(&all));
    let (host, ada) = (world.id(1, "Hope"), world.id(1, "Ada"));
    world.give(
        tabs[1],
        Input::Remove {
            member: host,
            bar: false,
        },
    );
    world.give(
        tabs[1],
        Input::MuteMember {
            member: host,
            kinds: 1,
            on: true,
        },
    );
    world.run(5_000);
    assert!(world.together(&all), "a moderator removed the host");
    world.give(
        tabs[1],
        Input::Remove {
            member: ada,
            bar: false,
        },
    );
    world.until("removed by the moderator", 2_000, |w| {
        w.tabs[2].state == State::Ended(EndReason::Removed)
    });
    world.give(tabs[0], Input::Dismiss(grace));
    world.until("dismissed", 3_000, |w| {
        w.tabs[edsger].sees("Grace").is_some_and(|g| g.role.is_none())
    });
    let member = world.id(1, "Edsger");
    world.give(tabs[1], Input::Remove { member, bar: false });
    world.run(5_000);
    assert!(
        world.together(&[tabs[0], tabs[1], edsger]),
        "a dismissed moderator removed somebody"
    );
}

#[test]
fn nobody_expects_a_track_of_somebody_who_is_muted() {
    let mut world = World::with_a_host(8);
    let tabs = world.hosted(&["Grace", "Mallory"]);
    let kind = TrackKind::Microphone;
    world.give(tabs[2], Input::Publish { kind, on: true });
    let mallory = world.tabs[0].sees("Mallory").unwrap().transport_id;
    let heard = |w: &World, tab: usize| {
        w.tabs[tab]
            .expects
            .values()
            .any(|track| track.transport == mallory && track.kind == kind)
    };
    world.until("both hear them", 2_000, |w| heard(w, 0) && heard(w, 1));
    let member = world.id(0, "Mallory");
    world.give(
        tabs[0],
        Input::MuteMember {
            member,
            kinds: 1,
            on: true,
        },
    );
    world.until("nobody does", 1_000, |w| !heard(w, 0) && !heard(w, 1));
    // A client of their own that publishes all the same is heard by nobody.
    world.give(tabs[2], Input::Publish { kind, on: false });
    world.give(tabs[2], Input::Publish { kind, on: true });
    world.run(3_000);
    assert!(!heard(&world, 0) && !heard(&world, 1));
    world.give(
        tabs[0],
        Input::MuteMember {
            member,
            kinds: 1,
            on: false,
        },
    );
    world.until("heard again", 2_000, |w| heard(w, 0) && heard(w, 1));
}

#[test]
fn guests_show_no_screen_until_the_host_allows_it() {
    let mut world = World::with_a_host(9);
    let tabs = world.hosted(&["Grace"]);
    let kind = TrackKind::Screen;
    world.give(tabs[1], Input::Publish { kind, on: true });
    let seen = |w: &World| w.tabs[0].expects.values().any(|track| track.kind == kind);
    world.run(3_000);
    assert!(!seen(&world), "a guest shows a screen");
    world.give(tabs[0], Input::Guests(0b1_1111));
    world.until("the screen is seen", 3_000, seen);
}

#[test]
fn a_locked_call_lets_nobody_in_but_those_who_come_back() {
    let mut world = World::with_a_host(11);
    let tabs = world.hosted(&["Grace", "Ada"]);
    world.give(tabs[0], Input::Lobby(false));
    world.run(1_000);
    world.give(tabs[0], Input::Lock(true));
    world.run(1_000);
    assert!(world.tabs[1].rules.is_some_and(|r| r.locked && !r.lobby));
    let late = world.join("Mallory");
    world.run(10_000);
    assert_eq!(world.tabs[late].state, State::Waiting);
    let back = world.reload(tabs[2]);
    world.until("somebody who was in is in again", 10_000, |w| {
        w.together(&[tabs[0], tabs[1], back])
    });
    world.give(tabs[0], Input::Lock(false));
    world.until("open again", 25_000, |w| w.together(&[tabs[0], tabs[1], back, late]));
}

#[test]
fn the_host_ends_the_call_for_everybody() {
    let mut world = World::with_a_host(12);
    let tabs = world.hosted(&["Grace", "Ada"]);
    world.give(tabs[0], Input::EndForAll);
    world.until("it is over for all", 2_000, |w| {
        tabs.iter()
            .all(|t| w.tabs[*t].state == State::Ended(EndReason::EndedByHost))
    });
}

#[test]
fn a_host_who_comes_to_a_running_call_of_guests_takes_charge() {
    let mut world = World::new(14);
    let tabs = world.call_of(&["Grace", "Ada"]);
    assert!(world.tabs[0].rules.is_some_and(|r| !r.host_present && r.role.is_none()));
    let host = world.join_as_host("Hope");
    world.until("the host is in", 5_000, |w| w.together(&[tabs[0], tabs[1], host]));
    world.give(host, Input::Lobby(true));
    world.until("newcomers ask from now on", 2_000, |w| {
        w.tabs[0].rules.is_some_and(|r| r.lobby && r.host_present)
    });
    let late = world.join("Mallory");
    world.until("the host sees who asks", 5_000, |w| w.tabs[host].lobby.len() == 1);
    assert_eq!(world.tabs[late].state, State::Waiting);
}

#[test]
fn in_a_locked_call_the_host_is_shown_nobody_and_the_newcomer_is_told_why() {
    let mut world = World::with_a_host(15);
    let tabs = world.hosted(&["Grace"]);
    world.give(tabs[0], Input::Lock(true));
    world.until("locked", 2_000, |w| w.tabs[1].rules.is_some_and(|r| r.locked));
    let late = world.join("Mallory");
    world.until("the newcomer is told", 5_000, |w| {
        w.tabs[late].door == Some(Door::Locked)
    });
    world.run(3_000);
    assert!(world.tabs[0].lobby.is_empty(), "a locked host is asked all the same");
    world.give(tabs[0], Input::Lock(false));
    world.until("the newcomer asks", 5_000, |w| {
        w.tabs[late].door == Some(Door::Asked) && w.tabs[0].lobby.len() == 1
    });
}

#[test]
fn everybody_but_those_with_a_role_is_muted_at_once_and_gets_the_word_one_by_one() {
    const MICROPHONE: u8 = 1;
    let mut world = World::with_a_host(16);
    let tabs = world.hosted(&["Grace", "Ada", "Edsger"]);
    let grace = world.id(0, "Grace");
    world.give(tabs[0], Input::Appoint(grace));
    world.until("appointed", 2_000, |w| {
        w.tabs[1].rules.is_some_and(|r| r.role.is_some())
    });
    let muted = |w: &World, tab: usize| w.tabs[tab].rules.is_some_and(|r| r.muted & MICROPHONE != 0);
    let all = Input::MuteAll {
        kinds: MICROPHONE,
        on: true,
    };
    world.give(
        tabs[2],
        Input::MuteAll {
            kinds: MICROPHONE,
            on: true,
        },
    );
    world.run(3_000);
    assert!(tabs.iter().all(|t| !muted(&world, *t)), "a guest muted the others");
    world.give(tabs[1], all);
    world.until("the guests are muted", 2_000, |w| muted(w, 2) && muted(w, 3));
    assert!(!muted(&world, 0) && !muted(&world, 1));
    let late = world.join("Barbara");
    world.until("the host sees who asks", 3_000, |w| w.tabs[0].lobby.len() == 1);
    world.give(tabs[0], Input::AdmitAll);
    world.until("in", 5_000, |w| w.tabs[late].state == State::InCall);
    assert!(!muted(&world, late), "whoever comes later was not meant");
    let member = world.id(0, "Ada");
    let one = Input::MuteMember {
        member,
        kinds: MICROPHONE,
        on: false,
    };
    world.give(tabs[0], one);
    world.until("one may speak", 2_000, |w| !muted(w, 2));
    assert!(muted(&world, 3));
    world.give(
        tabs[1],
        Input::MuteAll {
            kinds: MICROPHONE,
            on: false,
        },
    );
    world.until("all may speak", 2_000, |w| !muted(w, 3));
}
