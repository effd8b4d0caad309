//! The host who changed the link is gone before the server knows, and there is no other: the members bring what that host signed. Over the real delivery service, in virtual time.

mod world;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use conclave_core::{EndReason, Input, NoticeCode, State};
use conclave_protocol::credential::HostCredential;
use conclave_protocol::link::GuestLink;
use conclave_protocol::manage::RoomChange;
use conclave_protocol::message::{ClientMessage, ServerMessage};
use world::World;

const HOST: usize = 0;

/// The first in the committers' order brings it 20 s after the change; and a moment for the way.
const BROUGHT: u64 = 21_000;
/// The next does so 5 s after the one before.
const BY_THE_NEXT: u64 = 6_000;
/// A host waits so long for the server's record.
const UNSIGNED: u64 = 3_000;

/// Who sent a record that a host had signed, in their order.
type Bearers = Rc<RefCell<Vec<usize>>>;

/// A host who lets everybody in, and guests.
fn open_door(seed: u64, guests: &[&str]) -> (World, Vec<usize>) {
    let mut world = World::with_a_host(seed);
    let tabs = world.hosted(guests);
    world.give(HOST, Input::Lobby(false));
    world.run(2_000);
    (world, tabs)
}

/// Notes who brings a record, and loses what `loses` says.
fn note(world: &mut World, loses: impl Fn(usize, &ClientMessage) -> bool + 'static) -> Bearers {
    let bearers = Bearers::default();
    let seen = Rc::clone(&bearers);
    world.swallow = Some(Box::new(move |from, message| {
        if matches!(message, ClientMessage::Replace { .. }) {
            seen.borrow_mut().push(from);
        }
        loses(from, message)
    }));
    bearers
}

/// A host's own word to the server that the link is another than it is now.
fn tells_link(world: &World) -> impl Fn(usize, &ClientMessage) -> bool + use<> {
    let now = world.admission_pk();
    move |from, message| match message {
        ClientMessage::Manage {
            change: RoomChange::Replace { record, .. },
            ..
        } => from == HOST && record.admission_pk != now,
        _ => false,
    }
}

fn newest(world: &World, tab: usize) -> GuestLink {
    GuestLink::parse(world.tabs[tab].links.last().expect("no new link")).unwrap()
}

/// The link is changed in the call; the host vanishes in that moment, and the server has not heard of it.
fn changed_and_gone(world: &mut World, tabs: &[usize]) -> GuestLink {
    world.give(HOST, Input::ChangeLink);
    world.until("those inside have it", 2_000, |w| {
        tabs.iter().all(|t| !w.tabs[*t].links.is_empty())
    });
    world.kill(HOST);
    let link = newest(world, tabs[1]);
    assert!(!world.admits_by(&link), "the server knows already");
    link
}

#[test]
fn the_members_tell_the_server_when_the_only_host_vanishes_behind_the_change() {
    for seed in 1..=3 {
        let (mut world, tabs) = open_door(seed, &["Grace", "Ada"]);
        let old = world.link.clone();
        let tells = tells_link(&world);
        let bearers = note(&mut world, tells);
        world.link = changed_and_gone(&mut world, &tabs);
        let link = world.link.clone();
        world.until("the server knows", BROUGHT, |w| w.admits_by(&link));
        assert_eq!(bearers.borrow().len(), 1);
        let late = world.join("Edsger");
        world.until("in by the new link", 8_000, |w| w.tabs[late].state == State::InCall);
        world.give(late, Input::Chat { text: "hello".into() });
        world.until("heard", 3_000, |w| {
            w.tabs[tabs[1]].chat.iter().any(|(_, text)| text == "hello")
        });
        let stranger = world.join_with("Mallory", &old, world::CODECS);
        world.until("the old link opens nothing", 5_000, |w| {
            w.tabs[stranger].state == State::Ended(EndReason::NotAllowed)
        });
        // The host comes back by the new link, with the key of before, and gets one that works at the server.
        let back = world.join_as_host("Hope");
        world.until("in as host", 8_000, |w| w.tabs[back].state == State::InCall);
        let key = HostCredential::parse(world.tabs[back].credentials.last().expect("no new key")).unwrap();
        assert!(key.guest == link);
        world.give(back, Input::RevokeInvite(7));
        world.run(3_000);
        assert!(!world.tabs[back].notices.contains(&NoticeCode::RoomNotChanged));
        let guests = [tabs[1], tabs[2], late];
        let told = guests.iter().flat_map(|tab| &world.tabs[*tab].notices);
        let about_it = |n: &&NoticeCode| matches!(n, NoticeCode::LinkInForce | NoticeCode::LinkNotInForce);
        assert_eq!(told.filter(about_it).count(), 0, "guests are told of it");
    }
}

#[test]
fn the_next_brings_it_when_the_first_vanishes_with_it() {
    for seed in 11..=13 {
        let (mut world, tabs) = open_door(seed, &["Grace", "Ada", "Mona"]);
        let first = Rc::new(RefCell::new(None));
        let lost = Rc::clone(&first);
        let tells = tells_link(&world);
        let bearers = note(&mut world, move |from, message| {
            let replaces = matches!(message, ClientMessage::Replace { .. });
            tells(from, message) || replaces && *lost.borrow_mut().get_or_insert(from) == from
        });
        let link = changed_and_gone(&mut world, &tabs);
        world.until("somebody brings it", BROUGHT, |_| !bearers.borrow().is_empty());
        let gone = bearers.borrow()[0];
        world.kill(gone);
        world.run(BY_THE_NEXT - 2_000);
        assert_eq!(bearers.borrow().len(), 1, "the others did not give it time");
        world.until("the next does", 2_000, |w| w.admits_by(&link));
        assert_eq!(bearers.borrow().len(), 2);
        assert_ne!(bearers.borrow()[1], gone);
    }
}

#[test]
fn whoever_brings_it_in_vain_does_so_five_times_and_no_more() {
    let (mut world, tabs) = open_door(14, &["Grace", "Ada", "Mona", "Eve"]);
    let tells = tells_link(&world);
    let bearers = note(&mut world, move |from, message| {
        matches!(message, ClientMessage::Replace { .. }) || tells(from, message)
    });
    changed_and_gone(&mut world, &tabs);
    world.run(400_000);
    let bearers = bearers.borrow();
    for tab in &tabs {
        let times = bearers.iter().filter(|by| *by == tab).count();
        assert!(times <= 5, "{times} times");
    }
    assert!(bearers.len() >= 10);
}

#[test]
fn a_server_that_withholds_its_record_keeps_no_host_from_changing_the_link() {
    for seed in 21..=23 {
        let (mut world, tabs) = open_door(seed, &["Grace"]);
        let bearers = note(&mut world, |_, _| false);
        world.withhold = Some(Box::new(|_, _, message| {
            matches!(message, ServerMessage::Managed { .. })
        }));
        world.give(HOST, Input::ChangeLink);
        world.run(UNSIGNED - 100);
        assert!(
            world.tabs[HOST].links.is_empty(),
            "the host did not wait for the record"
        );
        world.until("changed without it", 1_500, |w| {
            tabs.iter().all(|t| !w.tabs[*t].links.is_empty())
        });
        world.kill(HOST);
        world.run(3 * BROUGHT);
        assert!(bearers.borrow().is_empty(), "there is nothing to bring");
        assert_eq!(world.tabs[tabs[1]].links.len(), 1);
    }
}

#[test]
fn where_the_host_stays_the_others_ask_at_most_three_times_and_nobody_notices() {
    for seed in 31..=33 {
        let (mut world, tabs) = open_door(seed, &["Grace", "Ada", "Mona", "Eve", "Ida"]);
        let bearers = note(&mut world, |_, _| false);
        world.give(HOST, Input::ChangeLink);
        world.until("in force", 12_000, |w| {
            w.tabs[HOST].notices.contains(&NoticeCode::LinkInForce)
        });
        let link = newest(&world, HOST);
        assert!(world.admits_by(&link) && bearers.borrow().is_empty());
        world.run(60_000);
        let asked = bearers.borrow().clone();
        assert!(asked.len() <= 3 && !asked.contains(&HOST), "{asked:?}");
        assert!(world.admits_by(&link) && world.together(&tabs));
    }
}

/// What the host wants of the server meanwhile would make the signed record one of a record that is not stored any more.
#[test]
fn what_the_host_tells_the_server_besides_comes_behind_the_link() {
    for seed in 41..=43 {
        let (mut world, tabs) = open_door(seed, &["Grace", "Ada"]);
        world.give(HOST, Input::Invite { days: 7 });
        let serial = world.tabs[HOST].invites[0].serial;
        let tells = tells_link(&world);
        let bearers = note(&mut world, tells);
        world.give(HOST, Input::ChangeLink);
        world.give(HOST, Input::RevokeInvite(serial));
        world.until("those inside have it", 2_000, |w| {
            tabs.iter().all(|t| !w.tabs[*t].links.is_empty())
        });
        world.kill(HOST);
        let link = newest(&world, tabs[1]);
        world.until("the server knows", BROUGHT, |w| w.admits_by(&link));
        assert_eq!(bearers.borrow().len(), 1);
    }
}

/// And nothing of that is forgotten.
#[test]
fn a_host_who_stays_tells_the_server_everything() {
    let (mut world, _) = open_door(44, &["Grace"]);
    world.give(HOST, Input::Invite { days: 7 });
    let serial = world.tabs[HOST].invites[0].serial;
    let told = Rc::new(Cell::new(0));
    let times = Rc::clone(&told);
    world.swallow = Some(Box::new(move |_, message| {
        let replaces = matches!(
            message,
            ClientMessage::Manage {
                change: RoomChange::Replace { .. },
                ..
            }
        );
        times.set(times.get() + u32::from(replaces));
        false
    }));
    world.give(HOST, Input::ChangeLink);
    world.give(HOST, Input::RevokeInvite(serial));
    world.until("the server knows the link", 2_000, |w| {
        w.tabs[HOST].notices.contains(&NoticeCode::LinkInForce)
    });
    world.run(3_000);
    assert_eq!(told.get(), 2, "the link, and the invite");
    assert!(!world.tabs[HOST].notices.contains(&NoticeCode::RoomNotChanged));
}

/// With the link in force in the call, whatever else the host tells the server brings it at once, whoever was not heard yet.
#[test]
fn a_host_with_more_to_tell_does_not_wait_for_everybodys_beacon() {
    let (mut world, tabs) = open_door(51, &["Grace", "Ada"]);
    world.give(HOST, Input::Invite { days: 7 });
    let serial = world.tabs[HOST].invites[0].serial;
    world.give(HOST, Input::ChangeLink);
    world.until("those inside have it", 2_000, |w| {
        tabs.iter().all(|t| !w.tabs[*t].links.is_empty())
    });
    world.tabs[tabs[2]].asleep = true;
    world.give(HOST, Input::RevokeInvite(serial));
    world.until("the server knows", 1_000, |w| {
        w.tabs[HOST].notices.contains(&NoticeCode::LinkInForce)
    });
    assert!(world.admits_by(&newest(&world, HOST)));
    world.run(2_000);
    assert!(!world.tabs[HOST].notices.contains(&NoticeCode::RoomNotChanged));
}

#[test]
fn of_two_hosts_who_change_the_link_at_once_one_wins_and_the_server_follows() {
    for seed in 61..=66 {
        let (mut world, mut tabs) = open_door(seed, &["Grace", "Ada"]);
        let second = world.join_as_host("Hugo");
        tabs.push(second);
        world.until("two hosts", 5_000, |w| w.together(&tabs));
        world.run(2_000);
        world.give(HOST, Input::ChangeLink);
        world.give(second, Input::ChangeLink);
        world.until("both have a key with it", 30_000, |w| {
            let has = |tab: usize| w.tabs[tab].notices.contains(&NoticeCode::LinkInForce);
            has(HOST) && has(second)
        });
        world.run(30_000);
        let link = newest(&world, tabs[1]);
        assert!(tabs.iter().all(|tab| newest(&world, *tab) == link) && world.admits_by(&link));
        assert_eq!(link.generation, 1, "one of them was enough");
        assert!(world.together(&tabs));
    }
}
