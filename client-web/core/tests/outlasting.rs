//! What was decided outlasts whoever decided it: over the real delivery service, in virtual time.
//!
//! Whoever decides says it and is gone at once, and no commit of theirs ever reaches the server: it is for the others to carry it out.

mod world;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use conclave_core::{EndReason, Input, MemberRole, NoticeCode, State};
use conclave_protocol::credential::HostCredential;
use conclave_protocol::envelope::{Envelope, EnvelopeType};
use conclave_protocol::ids::{MemberId, TrackKind};
use conclave_protocol::link::{GuestLink, Link};
use conclave_protocol::message::ClientMessage;
use world::{World, is_commit};

const MICROPHONE: u8 = 1 << TrackKind::Microphone as u8;
const SCREEN: u8 = 1 << TrackKind::Screen as u8;
const EVERYTHING: u8 = 0b1_1111;

/// Tabs of the world below: Hope decides, Grace and Ada stay, Mallory is whom most of it is about, Eve asks to come in, Mona moderates when she is appointed.
const HOPE: usize = 0;
const GRACE: usize = 1;
const ADA: usize = 2;
const MALLORY: usize = 3;
const MONA: usize = 4;
const EVE: usize = 5;

/// Long enough for words to leave and to arrive, not for a commit to come back.
const A_MOMENT: u64 = 60;
/// The next in the committers' order acts 750 ms later, and two of them may be away.
const CARRIED_OUT: u64 = 8_000;

/// The first in the committers' order repeats the card 2 s after an epoch began.
const REPEATED: u64 = 3_000;

fn shows_a_card(message: &ClientMessage) -> bool {
    let is_card = |e: &[u8]| Envelope::decode(e).is_ok_and(|e| e.clear.kind == EnvelopeType::Card);
    matches!(message, ClientMessage::EnvelopeOut { envelopes } if envelopes.iter().any(|e| is_card(e)))
}

fn gathered(seed: u64) -> World {
    let mut world = World::with_a_host(seed);
    world.hosted(&["Grace", "Ada", "Mallory", "Mona"]);
    let mona = world.id(HOPE, "Mona");
    world.give(HOPE, Input::Appoint(mona));
    world.until("Mona moderates", 3_000, |w| moderates(w, "Mona"));
    world.join("Eve");
    world.until("Eve asks", 5_000, |w| {
        w.tabs[HOPE].lobby.len() == 1 && w.tabs[MONA].lobby.len() == 1
    });
    world.run(2_000);
    world
}

fn moderates(world: &World, name: &str) -> bool {
    [GRACE, ADA].iter().all(|tab| {
        let entry = world.tabs[*tab].sees(name);
        entry.is_some_and(|entry| entry.role == Some(MemberRole::Moderator))
    })
}

/// Whether these rules are in force for those who stay.
fn ruled(world: &World, rule: impl Fn(&conclave_core::RulesView) -> bool) -> bool {
    [GRACE, ADA]
        .iter()
        .all(|tab| world.tabs[*tab].rules.as_ref().is_some_and(&rule))
}

fn muted(world: &World, name: &str) -> bool {
    [GRACE, ADA].iter().all(|tab| {
        let entry = world.tabs[*tab].sees(name);
        entry.is_some_and(|entry| entry.muted & MICROPHONE != 0)
    })
}

fn shows_a_screen(world: &World) -> bool {
    let all = world.tabs[GRACE].expects.values();
    all.into_iter().any(|track| track.kind == TrackKind::Screen)
}

fn ended(world: &World, tab: usize, reason: EndReason) -> bool {
    world.tabs[tab].state == State::Ended(reason)
}

/// Whom a decision is about.
struct Who {
    grace: MemberId,
    mallory: MemberId,
    mona: MemberId,
    eve: MemberId,
}

/// In words; the decision; what comes of it.
type Decided = (&'static str, fn(&Who) -> Input<'static>, fn(&World) -> bool);

/// What moderators may decide, too.
const BY_ANY: [Decided; 12] = [
    (
        "letting in",
        |w| Input::Admit(w.eve),
        |w| w.tabs[EVE].state == State::InCall,
    ),
    (
        "letting all in",
        |_| Input::AdmitAll,
        |w| w.tabs[EVE].state == State::InCall,
    ),
    (
        "refusing",
        |w| Input::Refuse(w.eve),
        |w| ended(w, EVE, EndReason::Refused),
    ),
    (
        "removing",
        |w| Input::Remove {
            member: w.mallory,
            bar: false,
        },
        |w| ended(w, MALLORY, EndReason::Removed) && w.tabs[GRACE].sees("Mallory").is_none(),
    ),
    (
        "removing for good",
        |w| Input::Remove {
            member: w.mallory,
            bar: true,
        },
        |w| ended(w, MALLORY, EndReason::Barred) && w.tabs[GRACE].sees("Mallory").is_none(),
    ),
    (
        "muting",
        |w| Input::MuteMember {
            member: w.mallory,
            kinds: MICROPHONE,
            on: true,
        },
        |w| muted(w, "Mallory") && !muted(w, "Ada"),
    ),
    (
        "muting all",
        |_| Input::MuteAll {
            kinds: MICROPHONE,
            on: true,
        },
        |w| muted(w, "Mallory") && muted(w, "Ada") && muted(w, "Grace"),
    ),
    (
        "stopping all sharing",
        |_| Input::Guests(EVERYTHING & !SCREEN),
        |w| ruled(w, |r| r.guests == EVERYTHING & !SCREEN) && !shows_a_screen(w),
    ),
    (
        "who may speak, share and write",
        |_| Input::Guests(0),
        |w| ruled(w, |r| r.guests == 0 && r.muted == EVERYTHING),
    ),
    ("locking", |_| Input::Lock(true), |w| ruled(w, |r| r.locked)),
    ("opening the door", |_| Input::Lobby(false), |w| ruled(w, |r| !r.lobby)),
    (
        "having the invited ask",
        |_| Input::InvitedEnter(false),
        |w| ruled(w, |r| !r.invited_enter),
    ),
];

/// What hosts alone decide.
const BY_HOSTS: [Decided; 4] = [
    (
        "appointing",
        |w| Input::Appoint(w.grace),
        |w| {
            let entry = w.tabs[ADA].sees("Grace");
            entry.is_some_and(|entry| entry.role == Some(MemberRole::Moderator))
        },
    ),
    ("dismissing", |w| Input::Dismiss(w.mona), |w| !moderates(w, "Mona")),
    (
        "the end for all",
        |_| Input::EndForAll,
        |w| {
            [GRACE, ADA, MALLORY, MONA]
                .iter()
                .all(|tab| ended(w, *tab, EndReason::EndedByHost))
        },
    ),
    (
        "changing the link, for those inside",
        |_| Input::ChangeLink,
        |w| {
            let newest = |tab: usize| w.tabs[tab].links.last();
            newest(GRACE).is_some() && newest(GRACE) == newest(ADA) && newest(MONA) == newest(ADA)
        },
    ),
];

fn comes_true_without(by: usize, (what, decide, came_true): &Decided, seed: u64) {
    let mut world = gathered(seed);
    world.give(HOPE, Input::Guests(EVERYTHING));
    world.run(1_000);
    let kind = TrackKind::Screen;
    world.give(MALLORY, Input::Publish { kind, on: true });
    world.until("Mallory shows a screen", 3_000, shows_a_screen);
    assert!(!came_true(&world), "{what}: true before anybody decided it");
    let who = Who {
        grace: world.id(HOPE, "Grace"),
        mallory: world.id(HOPE, "Mallory"),
        mona: world.id(HOPE, "Mona"),
        eve: world.tabs[by].lobby[0].member_id,
    };
    world.swallow = Some(Box::new(move |from, message| from == by && is_commit(message)));
    world.give(by, decide(&who));
    world.run(A_MOMENT);
    world.kill(by);
    world.until(what, CARRIED_OUT, came_true);
}

#[test]
fn whatever_a_host_decides_comes_true_though_the_host_vanishes_with_the_word() {
    for (seed, decided) in (1..).zip(BY_ANY.iter().chain(&BY_HOSTS)) {
        comes_true_without(HOPE, decided, seed);
    }
}

#[test]
fn whatever_a_moderator_decides_comes_true_though_the_moderator_vanishes_with_the_word() {
    for (seed, decided) in (101..).zip(&BY_ANY) {
        comes_true_without(MONA, decided, seed);
    }
}

/// The server has to be told by an owner: whoever else of them is in the call sees to it.
#[test]
fn another_host_tells_the_server_the_new_link_when_the_one_who_made_it_has_gone() {
    for seed in 1..=3 {
        let mut world = World::with_a_host(seed);
        world.hosted(&["Grace"]);
        let second = world.join_as_host("Hugo");
        world.until("two hosts", 5_000, |w| w.together(&[HOPE, GRACE, second]));
        world.run(2_000);
        world.give(second, Input::Invite { days: 7 });
        let invite = world.tabs[second].invites.pop().unwrap();
        world.swallow = Some(Box::new(|from, message| {
            from == HOPE && matches!(message, ClientMessage::Manage { .. })
        }));
        world.give(HOPE, Input::ChangeLink);
        world.until("those inside have it", 5_000, |w| !w.tabs[GRACE].links.is_empty());
        world.kill(HOPE);
        world.until("the server knows", 20_000, |w| {
            w.tabs[second].notices.contains(&NoticeCode::LinkInForce)
        });
        let old = world.join("Mallory");
        world.until("the old link opens nothing", 5_000, |w| {
            ended(w, old, EndReason::NotAllowed)
        });
        world.link = GuestLink::parse(world.tabs[GRACE].links.last().unwrap()).unwrap();
        let late = world.join("Ada");
        world.until("the host sees who asks", 8_000, |w| w.tabs[second].lobby.len() == 1);
        world.give(second, Input::AdmitAll);
        world.until("in by the new link", 5_000, |w| w.tabs[late].state == State::InCall);
        // The second host's key has the new link, and goes on working at the server.
        let text = world.tabs[second].credentials.last().expect("no new credential");
        assert!(HostCredential::parse(text).unwrap().guest == world.link);
        let Ok(Link::Invite(_)) = Link::parse(&invite.fragment) else {
            panic!("not an invite")
        };
        world.give(second, Input::RevokeInvite(invite.serial));
        world.run(3_000);
        assert!(!world.tabs[second].notices.contains(&NoticeCode::RoomNotChanged));
    }
}

/// Whoever made the epoch, and whoever should have repeated its card: both are gone, and no card that the new link opens was ever seen.
#[test]
fn newcomers_find_the_call_though_all_who_would_have_shown_its_card_have_gone() {
    for seed in 11..=13 {
        let mut world = World::with_a_host(seed);
        world.hosted(&[]);
        let mut hosts = vec![HOPE];
        for name in ["Hugo", "Hana", "Hedy"] {
            hosts.push(world.join_as_host(name));
        }
        world.until("four hosts", 10_000, |w| w.together(&hosts));
        world.run(REPEATED);
        let bearers = Rc::new(RefCell::new(BTreeSet::from([HOPE])));
        let seen = Rc::clone(&bearers);
        world.swallow = Some(Box::new(move |from, message| {
            let is_card = shows_a_card(message);
            if is_card {
                seen.borrow_mut().insert(from);
            }
            is_card || matches!(message, ClientMessage::Manage { .. })
        }));
        world.give(HOPE, Input::ChangeLink);
        world.until("those inside have it", 5_000, |w| {
            hosts.iter().all(|tab| !w.tabs[*tab].links.is_empty())
        });
        world.run(REPEATED);
        world.swallow = None;
        for tab in bearers.borrow().iter() {
            world.kill(*tab);
        }
        hosts.retain(|tab| !bearers.borrow().contains(tab));
        assert!(!hosts.is_empty(), "everybody showed a card");
        world.until("the server knows", 20_000, |w| {
            let knows = |tab: &usize| w.tabs[*tab].notices.contains(&NoticeCode::LinkInForce);
            hosts.iter().any(knows)
        });
        world.link = GuestLink::parse(world.tabs[hosts[0]].links.last().unwrap()).unwrap();
        world.join("Ada");
        world.until("the hosts see who asks", 8_000, |w| {
            hosts.iter().all(|tab| w.tabs[*tab].lobby.len() == 1)
        });
    }
}

/// Where the host who changed it stays, every other host has a key with the new link, too, and the server is told once.
#[test]
fn every_host_in_the_call_gets_a_key_with_the_new_link() {
    let mut world = World::with_a_host(4);
    world.hosted(&["Grace"]);
    let second = world.join_as_host("Hugo");
    world.until("two hosts", 5_000, |w| w.together(&[HOPE, GRACE, second]));
    world.run(2_000);
    world.give(HOPE, Input::ChangeLink);
    world.until("both have a new key", 25_000, |w| {
        [HOPE, second].iter().all(|tab| w.tabs[*tab].credentials.len() == 1)
    });
    let key = |tab: usize| HostCredential::parse(world.tabs[tab].credentials.last().unwrap()).unwrap();
    assert!(key(HOPE).guest == key(second).guest && key(second).guest.generation == 1);
    assert!(world.together(&[HOPE, GRACE, second]));
}
