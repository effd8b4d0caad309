//! Moderators' keys: shown, worthless, taken away. Over the real delivery service, in virtual time.

mod world;

use conclave_core::{Door, EndReason, Input, MemberRole, NoticeCode, State};
use conclave_protocol::credential::{Deed, Mandate, Role};
use conclave_protocol::keys::{MandatePk, MandateSeed, RootKeys, RootSeed, Signer};
use conclave_protocol::moderator::{FIRST_MODERATOR_SERIAL, ModeratorKey};
use world::{TODAY, World};

const SEEDS: [u64; 3] = [1, 2, 3];
const MICROPHONE: u8 = 1;

/// A key of the world's room.
fn key(world: &World, n: u8) -> ModeratorKey {
    let serial = FIRST_MODERATOR_SERIAL | u32::from(n);
    let seed = MandateSeed::from_bytes([n; 32]);
    world.deed.moderator(world.link.clone(), serial, TODAY, seed).unwrap()
}

fn role(world: &World, seen_by: usize, name: &str) -> Option<MemberRole> {
    world.tabs[seen_by].sees(name).and_then(|entry| entry.role)
}

/// A host, and a moderator who came with this key.
fn host_and_moderator(world: &mut World, key: &ModeratorKey) -> [usize; 2] {
    let host = world.join_as_host("Hope");
    world.until("the host is in", 5_000, |w| w.tabs[host].state == State::InCall);
    let moderator = world.join_as_moderator("Mona", key, None);
    world.until("the moderator is in, unasked", 5_000, |w| {
        w.together(&[host, moderator])
    });
    assert!(world.tabs[host].lobby.is_empty());
    [host, moderator]
}

#[test]
fn whoever_shows_a_key_moderates_without_being_appointed_also_when_the_host_has_gone() {
    for seed in SEEDS {
        let mut world = World::with_a_host(seed);
        let key = key(&world, 1);
        let [host, mona] = host_and_moderator(&mut world, &key);
        for tab in [host, mona] {
            assert!(
                role(&world, tab, "Mona") == Some(MemberRole::Moderator),
                "no mark in the list"
            );
            assert!(world.tabs[tab].sees("Mona").unwrap().keyed);
        }
        let grace = world.join("Grace");
        world.until("the moderator sees who asks", 5_000, |w| w.tabs[mona].lobby.len() == 1);
        world.give(mona, Input::AdmitAll);
        world.until("let in", 5_000, |w| w.together(&[host, mona, grace]));
        let member = world.id(mona, "Grace");
        let mute = |on| Input::MuteMember {
            member,
            kinds: MICROPHONE,
            on,
        };
        let muted = |w: &World| w.tabs[grace].rules.is_some_and(|r| r.muted & MICROPHONE != 0);
        world.give(mona, mute(true));
        world.until("muted", 3_000, muted);
        world.give(host, Input::Leave);
        world.until("the host is gone", 3_000, |w| w.together(&[mona, grace]));
        world.give(mona, mute(false));
        world.until("not muted any more", 3_000, |w| !muted(w));
        let ada = world.join("Ada");
        world.until("the moderator sees who asks", 5_000, |w| w.tabs[mona].lobby.len() == 1);
        world.give(mona, Input::AdmitAll);
        world.until("let in without a host", 5_000, |w| w.together(&[mona, grace, ada]));
        assert!(
            role(&world, ada, "Mona") == Some(MemberRole::Moderator),
            "a newcomer does not see it"
        );
        assert!(role(&world, ada, "Grace").is_none());
    }
}

#[test]
fn a_moderator_begins_a_call_and_moderates_again_after_loading_the_tab_anew() {
    let mut world = World::with_a_host(4);
    let key = key(&world, 1);
    let mona = world.join_as_moderator("Mona", &key, None);
    world.until("in", 5_000, |w| w.tabs[mona].state == State::InCall);
    let grace = world.join("Grace");
    world.until("the moderator sees who asks", 5_000, |w| w.tabs[mona].lobby.len() == 1);
    world.give(mona, Input::AdmitAll);
    world.until("let in", 5_000, |w| w.together(&[mona, grace]));
    world.run(2_000);
    let place = world.tabs[mona].place.clone().unwrap();
    world.kill(mona);
    let back = world.join_as_moderator("Mona", &key, Some(&place));
    world.until("back as a moderator", 10_000, |w| {
        w.together(&[grace, back]) && role(w, grace, "Mona") == Some(MemberRole::Moderator)
    });
}

#[test]
fn a_moderators_key_does_not_do_what_a_host_does() {
    let mut world = World::with_a_host(5);
    let key = key(&world, 1);
    let [host, mona] = host_and_moderator(&mut world, &key);
    let grace = world.join("Grace");
    world.until("somebody asks", 5_000, |w| w.tabs[host].lobby.len() == 1);
    world.give(host, Input::AdmitAll);
    world.until("let in", 5_000, |w| w.together(&[host, mona, grace]));
    let (guest, owner) = (world.id(mona, "Grace"), world.id(mona, "Hope"));
    for input in [
        Input::Appoint(guest),
        Input::Dismiss(owner),
        Input::Invite { days: 7 },
        Input::ChangeLink,
        Input::EndOlderKeys,
        Input::EndForAll,
        Input::Remove {
            member: owner,
            bar: true,
        },
    ] {
        world.give(mona, input);
    }
    world.run(8_000);
    assert!(world.together(&[host, mona, grace]), "a moderator ended or removed");
    assert!(role(&world, grace, "Grace").is_none() && role(&world, grace, "Hope") == Some(MemberRole::Host));
    let tab = &world.tabs[mona];
    assert!(tab.invites.is_empty() && tab.links.is_empty() && tab.credentials.is_empty());
    assert_eq!(tab.notices.iter().filter(|n| **n == NoticeCode::NotAllowed).count(), 3);
}

/// Whatever is wrong with a key, its holder asks like a guest and is none other when let in.
#[test]
fn a_key_that_is_over_of_another_room_or_made_up_is_worth_nothing() {
    let mut world = World::with_a_host(6);
    let host = world.join_as_host("Hope");
    world.until("the host is in", 5_000, |w| w.tabs[host].state == State::InCall);
    let (good, seed) = (key(&world, 1), MandateSeed::from_bytes([1; 32]));
    let serial = good.mandate.serial;
    let over = world
        .deed
        .moderator(world.link.clone(), serial, TODAY - 1, seed)
        .unwrap();
    let stranger = Deed(RootSeed::from_bytes([9; 32]));
    let pk = MandatePk::from_bytes(Signer::from_seed(good.mandate_seed.expose()).public());
    let forged = |room_fp| ModeratorKey {
        mandate: Mandate::sign(
            &RootKeys::derive(&stranger.0).sign(),
            room_fp,
            Role::Moderator,
            serial,
            TODAY,
            pk,
        ),
        ..good.clone()
    };
    let theirs = conclave_protocol::ids::RoomFp::of(&RootKeys::derive(&stranger.0).root_pk());
    let mut stolen = good.clone();
    stolen.mandate_seed = MandateSeed::from_bytes([2; 32]);
    let mut inside = vec![host];
    for (what, bad) in [
        ("over", over),
        ("another room's", forged(theirs)),
        ("made up", forged(world.link.room_fp)),
        ("without its seed", stolen),
    ] {
        let tab = world.join_as_moderator(what, &bad, None);
        world.until("asks like a guest", 5_000, |w| w.tabs[host].lobby.len() == 1);
        assert_eq!(world.tabs[tab].state, State::Waiting, "{what}");
        world.give(host, Input::AdmitAll);
        inside.push(tab);
        world.until("let in", 5_000, |w| w.together(&inside));
        assert!(role(&world, host, what).is_none(), "{what}: a role");
        assert!(world.tabs[tab].rules.is_some_and(|r| r.role.is_none()), "{what}");
    }
    let mona = world.join_as_moderator("Mona", &good, None);
    inside.push(mona);
    world.until("the honest control", 5_000, |w| w.together(&inside));
}

#[test]
fn a_dismissed_moderator_is_a_guest_at_once_and_in_every_later_call() {
    for seed in SEEDS {
        let mut world = World::with_a_host(seed);
        let (first, second) = (key(&world, 1), key(&world, 2));
        let [host, mona] = host_and_moderator(&mut world, &first);
        let max = world.join_as_moderator("Max", &second, None);
        world.until("both are in", 5_000, |w| w.together(&[host, mona, max]));
        world.run(2_000);
        let member = world.id(max, "Mona");
        // Not by another moderator.
        world.give(max, Input::Dismiss(member));
        world.run(5_000);
        assert!(role(&world, host, "Mona") == Some(MemberRole::Moderator));
        world.give(host, Input::Dismiss(member));
        world.until("a guest for all", 5_000, |w| {
            [host, mona, max].iter().all(|tab| role(w, *tab, "Mona").is_none())
                && w.tabs[mona].rules.is_some_and(|r| r.role.is_none())
                && w.together(&[host, mona, max])
        });
        assert!(
            role(&world, mona, "Max") == Some(MemberRole::Moderator),
            "another key ended, too"
        );
        let grace = world.join("Grace");
        world.until("the others see who asks", 5_000, |w| {
            w.tabs[host].lobby.len() == 1 && w.tabs[max].lobby.len() == 1
        });
        assert!(world.tabs[mona].lobby.is_empty(), "the dismissed one is asked");
        world.give(mona, Input::AdmitAll);
        world.run(3_000);
        assert_eq!(
            world.tabs[grace].state,
            State::Waiting,
            "the dismissed one let somebody in"
        );
        world.give(grace, Input::Leave);

        // The tab anew, with the key: a guest as before.
        let place = world.tabs[mona].place.clone().unwrap();
        world.kill(mona);
        let back = world.join_as_moderator("Mona", &first, Some(&place));
        world.until("back", 10_000, |w| w.together(&[host, back, max]));
        assert!(
            role(&world, max, "Mona").is_none(),
            "a reload gave the key its worth back"
        );
        // And in a later call: without a host or a key that counts nobody begins.
        for tab in [host, back, max] {
            world.give(tab, Input::Leave);
        }
        world.run(3_000);
        let late = world.join_as_moderator("Mona", &first, None);
        world.run(10_000);
        assert_eq!(world.tabs[late].door, Some(Door::NoCall));
        let other = world.join_as_moderator("Max", &second, None);
        world.until("the other key counts", 10_000, |w| w.tabs[other].state == State::InCall);
        world.until("and its holder is asked", 10_000, |w| w.tabs[other].lobby.len() == 1);
    }
}

#[test]
fn a_barred_moderator_is_out_at_once_and_the_key_with_them() {
    for seed in SEEDS {
        let mut world = World::with_a_host(seed);
        let key = key(&world, 1);
        let [host, mona] = host_and_moderator(&mut world, &key);
        world.run(2_000);
        let member = world.id(host, "Mona");
        world.give(host, Input::Remove { member, bar: true });
        world.until("told", 1_500, |w| w.tabs[mona].state == State::Ended(EndReason::Barred));
        world.until("the host goes on", 10_000, |w| w.together(&[host]));
        world.run(5_000);
        let again = world.join_as_moderator("Mona", &key, None);
        world.run(5_000);
        assert_eq!(
            world.tabs[again].state,
            State::Waiting,
            "a barred moderator is back by the same key"
        );
        assert!(world.tabs[again].keys.is_empty());
        assert_eq!(world.tabs[host].lobby.len(), 1);
    }
}

#[test]
fn whoever_was_only_removed_may_come_back_with_the_key() {
    let mut world = World::with_a_host(7);
    let key = key(&world, 1);
    let [host, mona] = host_and_moderator(&mut world, &key);
    world.run(2_000);
    let member = world.id(host, "Mona");
    world.give(host, Input::Remove { member, bar: false });
    world.until("told", 1_500, |w| {
        w.tabs[mona].state == State::Ended(EndReason::Removed)
    });
    world.run(5_000);
    let again = world.join_as_moderator("Mona", &key, None);
    world.until("back", 5_000, |w| w.together(&[host, again]));
    assert!(role(&world, host, "Mona") == Some(MemberRole::Moderator));
}

#[test]
fn a_changed_link_leaves_the_mandate_as_it_is() {
    let mut world = World::with_a_host(8);
    let key = key(&world, 1);
    let [host, mona] = host_and_moderator(&mut world, &key);
    world.run(2_000);
    world.give(host, Input::ChangeLink);
    world.until("in force", 20_000, |w| {
        w.tabs[host].notices.contains(&NoticeCode::LinkInForce)
    });
    world.run(2_000);
    assert!(world.together(&[host, mona]) && role(&world, host, "Mona") == Some(MemberRole::Moderator));
    let link = world.tabs[mona].links.last().expect("no new link").clone();
    world.link = conclave_protocol::link::GuestLink::parse(&link).unwrap();
    world.give(mona, Input::Leave);
    world.until("left", 3_000, |w| w.together(&[host]));
    let again = world.join_as_moderator("Mona", &key, None);
    world.until("in by the new link and the old key", 5_000, |w| {
        w.together(&[host, again])
    });
    assert!(role(&world, host, "Mona") == Some(MemberRole::Moderator));
}
