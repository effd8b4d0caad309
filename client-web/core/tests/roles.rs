//! Asking to join, roles, moderation: over the real delivery service, in virtual time.

mod world;

use conclave_core::{DepartReason, Door, EndReason, Input, MemberRole, State};
use conclave_protocol::ids::{MemberId, TrackKind};
use world::World;

const SEEDS: [u64; 3] = [1, 2, 3];

fn id(world: &World, seen_by: usize, name: &str) -> MemberId {
    world.tabs[seen_by].sees(name).expect("not in the list").member_id
}

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
    let (host, ada) = (id(&world, 1, "Hope"), id(&world, 1, "Ada"));
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
        Input::Appoint(id(&world, 1, "Grace")),
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
fn a_removed_guest_is_out_within_a_second_and_keys_are_new() {
    for seed in SEEDS {
        let mut world = World::with_a_host(seed);
        let tabs = world.hosted(&["Grace", "Mallory"]);
        world.run(2_000);
        let member = id(&world, 0, "Mallory");
        world.give(tabs[0], Input::Remove { member, bar: false });
        let at = world.now;
        world.until("the victim is told", 1_000, |w| {
            w.tabs[2].state == State::Ended(EndReason::Removed)
        });
        world.until("the others have new keys", 1_000, |w| w.together(&tabs[..2]));
        assert!(world.now - at <= 1_000);
        assert!(
            world.tabs[1]
                .departed
                .contains(&("Mallory".into(), DepartReason::Removed))
        );
        let (old, new) = (world.tabs[2].keys.last(), world.tabs[1].keys.last());
        assert!(old.unwrap().base_key != new.unwrap().base_key);
    }
}

#[test]
fn a_removal_happens_though_the_host_vanishes_right_after_asking() {
    for seed in 10..20 {
        let mut world = World::with_a_host(seed);
        let tabs = world.hosted(&["Grace", "Ada", "Mallory"]);
        world.run(2_000);
        let member = id(&world, 0, "Mallory");
        world.give(tabs[0], Input::Remove { member, bar: false });
        // Long enough for the order to leave, not for a commit to come back.
        world.run(60);
        world.kill(tabs[0]);
        world.until("the victim is out all the same", 6_000, |w| {
            w.tabs[3].state == State::Ended(EndReason::Removed)
        });
    }
}

/// Whoever else would be the one to commit, and whether they are there at all.
#[test]
fn a_removal_waits_for_nobody_but_whoever_ordered_it() {
    for seed in 30..40 {
        let mut world = World::with_a_host(seed);
        let tabs = world.hosted(&["Grace", "Ada", "Edsger", "Mallory"]);
        for t in [1, 2, 3] {
            world.kill(tabs[t]);
        }
        let member = id(&world, 0, "Mallory");
        world.give(tabs[0], Input::Remove { member, bar: true });
        world.until("out before the next in the order would have acted", 300, |w| {
            w.tabs[4].state == State::Ended(EndReason::Barred)
        });
    }
}

/// Whoever heard the rules first would commit them, and the removal had to be made again on top.
#[test]
fn somebody_is_removed_and_barred_by_one_commit() {
    for seed in 40..60 {
        let mut world = World::with_a_host(seed);
        let tabs = world.hosted(&["Grace", "Ada", "Edsger", "Mallory"]);
        world.run(2_000);
        let (member, epoch) = (id(&world, 0, "Mallory"), world.tabs[0].epoch().unwrap());
        world.give(tabs[0], Input::Remove { member, bar: true });
        world.until("the victim is out", 300, |w| {
            w.tabs[4].state == State::Ended(EndReason::Barred)
        });
        world.run(2_000);
        assert_eq!(world.tabs[0].epoch(), Some(epoch + 1), "seed {seed}");
    }
}

/// Of two commits on one epoch one is refused. A removal is made again on top of the other at once; everything else leaves a moment between.
#[test]
fn a_removal_that_met_another_change_is_made_again_at_once() {
    let mut slowest = 0;
    for seed in 60..90 {
        let mut world = World::with_a_host(seed);
        let tabs = world.hosted(&["Grace", "Ada", "Edsger", "Mallory"]);
        let grace = id(&world, 0, "Grace");
        world.give(tabs[0], Input::Appoint(grace));
        world.run(2_000);
        let member = id(&world, 0, "Mallory");
        world.give(tabs[1], Input::InvitedEnter(false));
        // The change is on its way, or its commit.
        let wait = world.below(120);
        world.run(wait);
        world.give(tabs[0], Input::Remove { member, bar: false });
        let at = world.now;
        world.until("the victim is out", 1_000, |w| {
            w.tabs[4].state == State::Ended(EndReason::Removed)
        });
        slowest = slowest.max(world.now - at);
    }
    assert!(slowest < 300, "{slowest} ms");
}

#[test]
fn the_one_who_is_to_go_is_not_asked_to_commit_it() {
    // With two, the other one is always the committer; with the victim first in the order it would have to remove itself.
    for seed in 20..30 {
        let mut world = World::with_a_host(seed);
        let tabs = world.hosted(&["Mallory"]);
        world.run(2_000);
        let member = id(&world, 0, "Mallory");
        world.give(tabs[0], Input::Remove { member, bar: false });
        world.until("the victim is out", 500, |w| {
            w.tabs[1].state == State::Ended(EndReason::Removed)
        });
    }
}

#[test]
fn an_appointed_moderator_lets_in_mutes_and_removes_until_dismissed() {
    let mut world = World::with_a_host(7);
    let tabs = world.hosted(&["Grace", "Ada"]);
    let grace = id(&world, 0, "Grace");
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
    let (host, ada) = (id(&world, 1, "Hope"), id(&world, 1, "Ada"));
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
    let member = id(&world, 1, "Edsger");
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
    let member = id(&world, 0, "Mallory");
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
fn two_who_fell_silent_are_removed_by_those_who_noticed() {
    let mut world = World::with_a_host(13);
    let tabs = world.hosted(&["Grace", "Ada", "Edsger", "Barbara"]);
    world.run(3_000);
    for t in [2, 3] {
        world.kill(tabs[t]);
    }
    world.until("both are gone", 105_000, |w| w.together(&[tabs[0], tabs[1], tabs[4]]));
    assert!(
        world.tabs[0]
            .departed
            .contains(&("Ada".into(), DepartReason::LostConnection))
    );
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
fn whoever_is_barred_is_told_so_and_has_no_place_to_take_back() {
    for seed in SEEDS {
        let mut world = World::with_a_host(seed);
        let tabs = world.hosted(&["Grace", "Mallory"]);
        world.run(2_000);
        let member = id(&world, 0, "Mallory");
        world.give(tabs[0], Input::Remove { member, bar: true });
        world.until("the victim is told", 2_000, |w| {
            w.tabs[2].state == State::Ended(EndReason::Barred)
        });
        assert!(world.tabs[2].place.is_none());
    }
}

#[test]
fn everybody_but_those_with_a_role_is_muted_at_once_and_gets_the_word_one_by_one() {
    const MICROPHONE: u8 = 1;
    let mut world = World::with_a_host(16);
    let tabs = world.hosted(&["Grace", "Ada", "Edsger"]);
    let grace = id(&world, 0, "Grace");
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
    let member = id(&world, 0, "Ada");
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

/// Somebody has a place of which nobody knows any more: they ask like others, instead of waiting for it for ever.
#[test]
fn whoever_was_removed_while_away_asks_anew() {
    let mut world = World::with_a_host(23);
    world.hosted(&["Grace"]);
    world.kill(1);
    let member = id(&world, 0, "Grace");
    world.give(0, Input::Remove { member, bar: false });
    world.until("they are out", 5_000, |w| w.tabs[0].sees("Grace").is_none());
    let place = world.tabs[1].place.clone().unwrap();
    let back = world.reopen("Grace", &place);
    world.until("the host sees who asks", 90_000, |w| w.tabs[0].lobby.len() == 1);
    world.give(0, Input::AdmitAll);
    world.until("in", 5_000, |w| w.together(&[0, back]));
}
