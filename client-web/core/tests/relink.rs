//! Changing the link, ending older keys, and which of two calls counts: over the real delivery service, in virtual time.

mod world;

use conclave_core::{EndReason, Input, NoticeCode, State};
use conclave_protocol::credential::HostCredential;
use conclave_protocol::invite::InviteLink;
use conclave_protocol::link::{GuestLink, Link};
use conclave_protocol::message::ClientMessage;
use world::World;

const SEEDS: [u64; 3] = [1, 2, 3];

/// A host and guests, with all that follows a join behind them.
fn hosted(world: &mut World, guests: &[&str]) -> Vec<usize> {
    let tabs = world.hosted(guests);
    world.run(2_000);
    tabs
}

fn new_link(world: &World, tab: usize) -> GuestLink {
    GuestLink::parse(world.tabs[tab].links.last().expect("no new link")).unwrap()
}

fn in_force(world: &World, tab: usize) -> bool {
    world.tabs[tab].notices.contains(&NoticeCode::LinkInForce)
}

#[test]
fn those_inside_have_the_new_link_and_the_old_one_opens_nothing() {
    for seed in SEEDS {
        let mut world = World::with_a_host(seed);
        let mut tabs = hosted(&mut world, &["Grace", "Ada"]);
        world.give(0, Input::Invite { days: 7 });
        let invite = world.tabs[0].invites.pop().unwrap().fragment;
        let Ok(Link::Invite(invite)) = Link::parse(&invite) else {
            panic!("not an invite")
        };
        let invite: InviteLink = *invite;
        let before = world.link.clone();
        // A guest changes nothing.
        world.give(tabs[1], Input::ChangeLink);
        world.run(3_000);
        assert!(
            world.tabs.iter().all(|t| t.links.is_empty()),
            "a guest changed the link"
        );
        world.give(0, Input::ChangeLink);
        world.until("in force", 15_000, |w| in_force(w, 0));
        world.until("all are still together", 5_000, |w| w.together(&tabs));
        for tab in &tabs {
            let link = new_link(&world, *tab);
            assert!(link == new_link(&world, 0) && link.link_secret != before.link_secret);
            assert_eq!((link.generation, world.tabs[*tab].links.len()), (1, 1));
        }
        let old = world.join("Mallory");
        let invited = world.join_by_invite("Ida", &invite, None);
        for tab in [old, invited] {
            world.until("told as of an unknown room", 5_000, |w| {
                w.tabs[tab].state == State::Ended(EndReason::NotAllowed)
            });
        }
        // Whoever is inside and loses the socket comes back by the new link, and hears what is said.
        world.cut(tabs[1]);
        world.run(3_000);
        world.mend(tabs[1]);
        world.until("back", 10_000, |w| {
            w.tabs[1].state == State::InCall && w.together(&tabs)
        });
        world.give(
            tabs[1],
            Input::Chat {
                text: "still here".into(),
            },
        );
        world.until("heard", 3_000, |w| {
            w.tabs[tabs[2]].chat.iter().any(|(_, text)| text == "still here")
        });
        // Newcomers come by the new link, and the host's new key has it.
        world.link = new_link(&world, 0);
        let late = world.join("Edsger");
        world.until("the host sees who asks", 8_000, |w| w.tabs[0].lobby.len() == 1);
        world.give(0, Input::AdmitAll);
        tabs.push(late);
        world.until("in by the new link", 5_000, |w| w.together(&tabs));
        let text = world.tabs[0].credentials.last().expect("no new credential");
        let credential = HostCredential::parse(text).unwrap();
        assert!(credential.guest == world.link);
        world.credential = credential;
        let second = world.join_as_host("Hugo");
        tabs.push(second);
        world.until("in by the new key", 8_000, |w| w.together(&tabs));
        // And once more.
        world.give(second, Input::ChangeLink);
        world.until("in force again", 15_000, |w| in_force(w, second));
        world.until("all are still together", 5_000, |w| w.together(&tabs));
        assert_eq!(new_link(&world, late).generation, 2);
    }
}

#[test]
fn a_host_who_vanishes_before_the_server_knows_leaves_a_call_that_goes_on() {
    for seed in SEEDS {
        let mut world = World::with_a_host(seed);
        let tabs = hosted(&mut world, &["Grace", "Ada"]);
        world.swallow = Some(Box::new(|_, message| matches!(message, ClientMessage::Manage { .. })));
        world.give(0, Input::ChangeLink);
        world.until("those inside have it", 5_000, |w| {
            tabs.iter().all(|t| !w.tabs[*t].links.is_empty())
        });
        world.kill(0);
        world.cut(tabs[1]);
        world.run(3_000);
        world.mend(tabs[1]);
        world.until("back by the old link", 10_000, |w| {
            w.tabs[tabs[1]].state == State::InCall
        });
        world.give(
            tabs[1],
            Input::Chat {
                text: "still here".into(),
            },
        );
        world.until("heard", 5_000, |w| {
            w.tabs[tabs[2]].chat.iter().any(|(_, text)| text == "still here")
        });
    }
}

#[test]
fn a_server_that_does_not_take_the_new_link_is_told_of() {
    let mut world = World::with_a_host(5);
    let tabs = hosted(&mut world, &["Grace"]);
    // Another key manages the room there.
    world.serve_record(|record| record.manage_pk = conclave_protocol::keys::ManagePk::from_bytes([7; 32]));
    world.give(0, Input::ChangeLink);
    world.until("the host is told", 30_000, |w| {
        w.tabs[0].notices.contains(&NoticeCode::LinkNotInForce)
    });
    world.until("and is in the call as before", 10_000, |w| w.together(&tabs));
}

#[test]
fn what_was_taken_back_and_what_has_ended_stands_in_the_rooms_sheet() {
    let mut world = World::with_a_host(6);
    let lost = world.credential.clone();
    let host = world.join_with_the_deed("Hope");
    world.until("in as host", 5_000, |w| w.tabs[host].state == State::InCall);
    world.give(host, Input::Invite { days: 7 });
    let invite = world.tabs[host].invites.pop().unwrap();
    let Ok(Link::Invite(link)) = Link::parse(&invite.fragment) else {
        panic!("not an invite")
    };
    world.give(host, Input::RevokeInvite(invite.serial));
    world.run(3_000);
    world.give(host, Input::EndOlderKeys);
    world.until("the server knows", 10_000, |w| {
        w.tabs[host].notices.contains(&NoticeCode::OlderKeysEnded)
    });
    world.run(3_000);
    // In this call the lost key gives no role any more.
    world.credential = lost;
    let thief = world.join_as_host("Mallory");
    world.until("asks like everybody", 8_000, |w| w.tabs[host].lobby.len() == 1);
    assert_eq!(world.tabs[thief].state, State::Waiting);
    world.give(thief, Input::Leave);
    world.give(host, Input::EndForAll);
    world.run(3_000);
    // Nor does it begin the next one, and the invite is known to be over before anybody is asked.
    let thief = world.join_as_host("Mallory");
    let invited = world.join_by_invite("Ida", &link, None);
    world.until("told", 5_000, |w| {
        w.tabs[invited].state == State::Ended(EndReason::InviteRefused)
    });
    world.run(5_000);
    assert_eq!(world.tabs[thief].state, State::Waiting, "an ended key began a call");
}

#[test]
fn of_two_calls_begun_at_one_moment_the_hosts_counts() {
    for seed in 0..12 {
        let mut world = World::new(seed);
        let (guest, host) = (world.join("Grace"), world.join_as_host("Hope"));
        world.until("in one call", 15_000, |w| w.together(&[guest, host]));
        let keys = &world.tabs[host].keys;
        assert!(
            keys.iter().all(|k| k.group == keys[0].group) || keys[0].leaves.len() > 1,
            "seed {seed}: the host gave way to a guest"
        );
        assert!(world.tabs[guest].rules.is_some_and(|r| r.host_present));
    }
}
