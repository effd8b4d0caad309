//! Personal invites, deeds and appointments that outlive a tab: over the real delivery service, in virtual time.

mod world;

use conclave_core::{EndReason, Input, MemberRole, NoticeCode, State};
use conclave_protocol::credential::HostCredential;
use conclave_protocol::invite::InviteLink;
use conclave_protocol::link::Link;
use world::World;

const SEEDS: [u64; 3] = [1, 2, 3];

fn host_alone(world: &mut World) -> usize {
    let host = world.join_as_host("Hope");
    world.until("the host is in", 5_000, |w| w.tabs[host].state == State::InCall);
    host
}

fn make_invite(world: &mut World, host: usize) -> InviteLink {
    world.give(host, Input::Invite { days: 7 });
    let made = world.tabs[host].invites.pop().expect("no invite was made");
    let Ok(Link::Invite(link)) = Link::parse(&made.fragment) else {
        panic!("not an invite's link")
    };
    assert_eq!(link.invite.grant.serial, made.serial);
    assert_eq!(made.not_after_day, world::TODAY + 7);
    *link
}

/// A host, and a guest let in by code.
fn host_and_guest(world: &mut World) -> [usize; 2] {
    let host = host_alone(world);
    let guest = world.join("Grace");
    world.until("the host sees who asks", 5_000, |w| w.tabs[host].lobby.len() == 1);
    world.give(host, Input::AdmitAll);
    world.until("let in", 5_000, |w| w.together(&[host, guest]));
    [host, guest]
}

#[test]
fn whoever_is_invited_comes_in_without_asking_and_is_shown_as_such() {
    for seed in SEEDS {
        let mut world = World::with_a_host(seed);
        let [host, guest] = host_and_guest(&mut world);
        let link = make_invite(&mut world, host);
        let ida = world.join_by_invite("Ida", &link, None);
        world.until("the invited is in", 3_000, |w| w.together(&[host, guest, ida]));
        assert!(world.tabs[host].lobby.is_empty());
        for tab in [host, guest, ida] {
            assert_eq!(
                world.tabs[tab].sees("Ida").unwrap().invite,
                Some(link.invite.grant.serial)
            );
            assert_eq!(world.tabs[tab].sees("Grace").unwrap().invite, None);
        }
    }
}

#[test]
fn the_invited_come_in_when_the_host_is_gone_and_ask_where_the_rules_say_so() {
    let mut world = World::with_a_host(4);
    let [host, guest] = host_and_guest(&mut world);
    let (first, second) = (make_invite(&mut world, host), make_invite(&mut world, host));
    world.give(host, Input::InvitedEnter(false));
    world.until("the rules say so", 3_000, |w| {
        w.tabs[guest].rules.is_some_and(|r| !r.invited_enter)
    });
    let ida = world.join_by_invite("Ida", &first, None);
    world.until("the host sees who asks", 5_000, |w| w.tabs[host].lobby.len() == 1);
    assert_eq!(world.tabs[host].lobby[0].invite, Some(first.invite.grant.serial));
    world.give(host, Input::AdmitAll);
    world.until("let in", 5_000, |w| w.together(&[host, guest, ida]));
    world.give(host, Input::InvitedEnter(true));
    world.run(2_000);
    world.give(host, Input::Leave);
    world.until("the host is gone", 3_000, |w| w.together(&[guest, ida]));
    let ada = world.join_by_invite("Ada", &second, None);
    world.until("in without a host", 5_000, |w| w.together(&[guest, ida, ada]));
}

#[test]
fn one_invite_is_one_seat_and_whoever_comes_second_is_told() {
    for seed in SEEDS {
        let mut world = World::with_a_host(seed);
        let [host, guest] = host_and_guest(&mut world);
        let link = make_invite(&mut world, host);
        let ida = world.join_by_invite("Ida", &link, None);
        let copy = world.join_by_invite("Mallory", &link, None);
        let in_call = |w: &World, tab: usize| w.tabs[tab].state == State::InCall;
        let told = |w: &World, tab: usize| w.tabs[tab].state == State::Ended(EndReason::InviteRefused);
        world.until("one is in, the other told", 8_000, |w| {
            (in_call(w, ida) && told(w, copy)) || (in_call(w, copy) && told(w, ida))
        });
        let winner = if in_call(&world, ida) { ida } else { copy };
        world.until("and the call goes on", 3_000, |w| w.together(&[host, guest, winner]));
        // The seat is free again when its holder has left.
        world.give(winner, Input::Leave);
        world.until("left", 3_000, |w| w.together(&[host, guest]));
        let again = world.join_by_invite("Ida", &link, None);
        world.until("in again", 5_000, |w| w.together(&[host, guest, again]));
    }
}

#[test]
fn an_invite_that_was_taken_back_opens_nothing() {
    let mut world = World::with_a_host(5);
    let [host, guest] = host_and_guest(&mut world);
    let link = make_invite(&mut world, host);
    // Guests take nothing back, and invite nobody.
    world.give(guest, Input::RevokeInvite(link.invite.grant.serial));
    world.give(guest, Input::Invite { days: 7 });
    assert!(world.tabs[guest].invites.is_empty());
    assert!(world.tabs[guest].notices.contains(&NoticeCode::NotAllowed));
    world.run(2_000);
    world.give(host, Input::RevokeInvite(link.invite.grant.serial));
    world.run(2_000);
    let ida = world.join_by_invite("Ida", &link, None);
    world.until("told", 5_000, |w| {
        w.tabs[ida].state == State::Ended(EndReason::InviteRefused)
    });
    world.run(3_000);
    assert!(world.together(&[host, guest]) && world.tabs[host].lobby.is_empty());
}

/// The server is told on the connection on which the host talks: whoever speaks, writes or leaves meanwhile is heard.
#[test]
fn a_host_who_tells_the_server_something_stays_in_the_call() {
    for seed in SEEDS {
        let mut world = World::with_a_host(seed);
        let [host, guest] = host_and_guest(&mut world);
        let link = make_invite(&mut world, host);
        world.run(2_000);
        let (conn, offers, states) = (
            world.tabs[host].conn,
            world.tabs[host].offers,
            world.tabs[host].states.len(),
        );
        world.give(host, Input::RevokeInvite(link.invite.grant.serial));
        for n in 0..10 {
            let wait = world.below(40);
            world.run(wait);
            world.give(guest, Input::Chat { text: n.to_string() });
        }
        world.run(2_000);
        let tab = &world.tabs[host];
        assert!(
            tab.conn == conn && tab.offers == offers && tab.states.len() == states,
            "the host was away"
        );
        assert_eq!(tab.chat.len(), 10);
        assert!(!tab.notices.contains(&NoticeCode::RoomNotChanged));
        // Nobody is left whose rules say so: the server's own record does.
        for tab in [host, guest] {
            world.give(tab, Input::Leave);
        }
        world.run(1_000);
        let ida = world.join_by_invite("Ida", &link, None);
        world.until("told", 5_000, |w| {
            w.tabs[ida].state == State::Ended(EndReason::InviteRefused)
        });
    }
}

#[test]
fn b5_a_banned_member_does_not_come_back_by_the_same_invite() {
    for seed in SEEDS {
        let mut world = World::with_a_host(seed);
        let [host, guest] = host_and_guest(&mut world);
        let link = make_invite(&mut world, host);
        let mallory = world.join_by_invite("Mallory", &link, None);
        world.until("in", 3_000, |w| w.together(&[host, guest, mallory]));
        world.run(2_000);
        let place = world.tabs[mallory].place.clone();
        let member = world.id(host, "Mallory");
        world.give(host, Input::Remove { member, bar: true });
        world.until("out", 3_000, |w| w.together(&[host, guest]));
        world.run(2_000);
        let fresh = world.join_by_invite("Mallory", &link, None);
        let back = world.join_by_invite("Mallory", &link, place.as_deref());
        world.run(20_000);
        for tab in [fresh, back] {
            assert!(world.tabs[tab].state != State::InCall, "a banned member is back");
            assert!(world.tabs[tab].keys.is_empty(), "a banned member has keys");
        }
        assert!(world.together(&[host, guest]));
        assert!(
            world.tabs[host].lobby.is_empty(),
            "the host is asked about a banned invite"
        );
    }
}

#[test]
fn an_invited_member_who_loads_the_tab_again_keeps_the_seat() {
    for seed in SEEDS {
        let mut world = World::with_a_host(seed);
        let [host, guest] = host_and_guest(&mut world);
        let link = make_invite(&mut world, host);
        let ida = world.join_by_invite("Ida", &link, None);
        world.until("in", 3_000, |w| w.together(&[host, guest, ida]));
        world.run(2_000);
        let (member, place) = (world.id(host, "Ida"), world.tabs[ida].place.clone().unwrap());
        world.kill(ida);
        let back = world.join_by_invite("Ida", &link, Some(&place));
        world.until("in again", 10_000, |w| w.together(&[host, guest, back]));
        let seen = world.tabs[host].sees("Ida").unwrap();
        assert!(seen.member_id == member && seen.invite == Some(link.invite.grant.serial));
    }
}

#[test]
fn an_appointed_moderator_who_loads_the_tab_again_twice_still_moderates() {
    for seed in SEEDS {
        let mut world = World::with_a_host(seed);
        let [host, grace] = host_and_guest(&mut world);
        world.run(2_000);
        let member = world.id(host, "Grace");
        world.give(host, Input::Appoint(member));
        let moderates = |w: &World, tab: usize| {
            w.tabs[tab]
                .sees("Grace")
                .is_some_and(|g| g.role == Some(MemberRole::Moderator))
        };
        world.until("appointed", 3_000, |w| moderates(w, host) && moderates(w, grace));
        let mut grace = grace;
        for _ in 0..2 {
            world.run(3_000);
            grace = world.reload(grace);
            world.until("back as a moderator", 10_000, |w| {
                w.together(&[host, grace]) && moderates(w, host) && moderates(w, grace)
            });
        }
        world.run(3_000);
        world.give(host, Input::Leave);
        world.until("the host is gone", 3_000, |w| w.together(&[grace]));
        let ada = world.join("Ada");
        world.until("the moderator sees who asks", 5_000, |w| w.tabs[grace].lobby.len() == 1);
        world.give(grace, Input::AdmitAll);
        world.until("let in by the moderator", 5_000, |w| w.together(&[grace, ada]));
        assert!(moderates(&world, ada), "a newcomer does not see it");
    }
}

#[test]
fn the_deed_gives_a_lost_host_a_key_that_works() {
    let mut world = World::with_a_host(6);
    let host = world.join_with_the_deed("Hope");
    world.until("in as host", 5_000, |w| {
        w.tabs[host].rules.is_some_and(|r| r.role == Some(MemberRole::Host))
    });
    let texts = world.tabs[host].credentials.clone();
    let [text] = texts.as_slice() else {
        panic!("not one new credential")
    };
    let made = HostCredential::parse(text).unwrap();
    assert!(made.mandate.serial > world.credential.mandate.serial);
    world.credential = made;
    let second = world.join_as_host("Hugo");
    world.until("the new key opens the room, too", 5_000, |w| {
        w.together(&[host, second])
    });
    assert!(world.tabs[host].sees("Hugo").unwrap().role == Some(MemberRole::Host));
}

#[test]
fn of_two_changes_of_the_rules_at_one_moment_both_come_true() {
    for seed in 20..30 {
        let mut world = World::with_a_host(seed);
        let [host, grace] = host_and_guest(&mut world);
        let second = world.join_as_host("Hugo");
        world.until("both hosts are in", 5_000, |w| w.together(&[host, grace, second]));
        world.run(2_000);
        let member = world.id(host, "Grace");
        world.give(host, Input::Guests(0b1_1111));
        world.give(
            second,
            Input::MuteMember {
                member,
                kinds: 1,
                on: true,
            },
        );
        world.run(world::TODAY as u64 % 40);
        world.give(host, Input::Lobby(false));
        world.until("all three are in force", 6_000, |w| {
            [host, grace, second].iter().all(|t| {
                let rules = w.tabs[*t].rules;
                rules.is_some_and(|r| r.guests == 0b1_1111 && !r.lobby)
                    && w.tabs[*t].sees("Grace").is_some_and(|g| g.muted == 1)
            })
        });
    }
}
