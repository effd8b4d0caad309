//! Lists in the rules of a call that are full: over the real delivery service, in virtual time.
//!
//! What every member refuses to read must not be what the one member who wrote it stands alone with.

mod world;

use conclave_core::{Input, MemberRole, NoticeCode, State};
use conclave_protocol::ids::MemberId;
use conclave_protocol::limits::{MAX_APPOINTMENTS, MAX_MEMBERS};
use world::World;

const MICROPHONE: u8 = 1;

/// Decisions at once: fewer than words that the server takes in a row.
const AT_ONCE: usize = 20;

/// The host goes on deciding, and the guest goes on hearing of it.
fn goes_on(world: &mut World, tabs: &[usize]) {
    world.until("they are together", 10_000, |w| w.together(tabs));
    for on in [true, false] {
        world.give(tabs[0], Input::Lock(on));
        world.until("the rules still change", 3_000, |w| {
            tabs.iter().all(|t| w.tabs[*t].rules.is_some_and(|r| r.locked == on))
        });
    }
}

fn decide(world: &mut World, each: impl Fn(MemberId) -> Input<'static>) {
    for n in 0..=MAX_MEMBERS {
        let [high, low] = n.to_be_bytes();
        let mut id = [7; 16];
        (id[0], id[1]) = (high, low);
        world.give(0, each(MemberId::from_bytes(id)));
        if usize::from(n) % AT_ONCE == 0 {
            world.run(3_000);
        }
    }
    world.run(3_000);
}

#[test]
fn mutes_of_more_people_than_ever_fit_forget_those_who_are_gone() {
    let mut world = World::with_a_host(1);
    let tabs = world.hosted(&["Grace"]);
    decide(&mut world, |member| Input::MuteMember {
        member,
        kinds: MICROPHONE,
        on: true,
    });
    goes_on(&mut world, &tabs);
    let member = world.id(0, "Grace");
    world.give(
        0,
        Input::MuteMember {
            member,
            kinds: MICROPHONE,
            on: true,
        },
    );
    world.until("whoever is there can still be muted", 3_000, |w| {
        w.tabs[1].rules.is_some_and(|r| r.muted & MICROPHONE != 0)
    });
}

#[test]
fn whoever_does_not_fit_among_the_barred_is_told_of_to_the_host() {
    let mut world = World::with_a_host(2);
    let tabs = world.hosted(&["Grace"]);
    decide(&mut world, |member| Input::Remove { member, bar: true });
    assert!(world.tabs[0].notices.contains(&NoticeCode::ListFull));
    goes_on(&mut world, &tabs);
}

#[test]
fn one_moderator_more_than_fit_is_not_appointed_and_the_host_is_told() {
    let mut world = World::with_a_host(3);
    let host = world.join_as_host("Hope");
    world.until("the host is in", 5_000, |w| w.tabs[host].state == State::InCall);
    world.give(host, Input::Lobby(false));
    world.run(1_000);
    let mut tabs = vec![host];
    tabs.extend((0..=MAX_APPOINTMENTS).map(|n| world.join(&format!("guest {n}"))));
    world.until("all are in", 30_000, |w| w.together(&tabs));
    let others: Vec<MemberId> = tabs[1..].iter().map(|t| world.id(host, &world.tabs[*t].name)).collect();
    for some in others.chunks(AT_ONCE) {
        some.iter().for_each(|other| world.give(host, Input::Appoint(*other)));
        world.run(3_000);
    }
    goes_on(&mut world, &tabs);
    let seen = |w: &World| {
        let all = w.tabs[1].roster.iter();
        all.filter(|entry| entry.role == Some(MemberRole::Moderator)).count()
    };
    assert_eq!(seen(&world), MAX_APPOINTMENTS);
    assert!(world.tabs[host].notices.contains(&NoticeCode::ListFull));
    // Somebody's leaving makes room for somebody else.
    let gone = tabs.remove(1);
    world.give(gone, Input::Leave);
    world.until("one is gone", 5_000, |w| w.together(&tabs));
    let last = tabs.last().copied().unwrap();
    let member = world.id(host, &world.tabs[last].name);
    world.give(host, Input::Appoint(member));
    world.until("the last one moderates", 3_000, |w| {
        w.tabs[last]
            .rules
            .is_some_and(|r| r.role == Some(MemberRole::Moderator))
    });
}
