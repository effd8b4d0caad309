//! A member whose client cheats with commits, in a small world with the real delivery service: what it makes up is void for the others, who lose nothing by it for longer
//! than it takes to say so.

use conclave_protocol::envelope::{ClearPart, seal};
use conclave_protocol::gate::sign_commit;
use conclave_protocol::ids::TransportId;
use conclave_protocol::keys::{GatePk, Signer};

use super::{Member, Stage};
use crate::io::{EndReason, State};
use crate::world::World;

impl Member {
    /// A commit's envelope that the server takes, around a body that no member reads: it says that it drops `drop` and adds `add`.
    fn void_commit(&mut self, drop: Vec<TransportId>, add: Vec<TransportId>, next: &Signer, body: &[u8]) -> Vec<u8> {
        let Stage::Inside(inside) = &mut self.stage else {
            panic!("not in a call")
        };
        let next = GatePk::from_bytes(next.public());
        let clear = ClearPart::commit(inside.call, inside.log.have_seq, drop, add, next);
        let s = &mut self.shared;
        let mut envelope = seal(&s.envelope_key, clear, body, s.random.bytes()).unwrap();
        sign_commit(&mut envelope, &inside.group.gate().unwrap());
        envelope.encode()
    }

    /// A proof of a gate that only this member has, for the sequence after the newest.
    fn prove_made_up(&mut self, gate: &Signer) -> Vec<u8> {
        let Stage::Inside(inside) = &mut self.stage else {
            panic!("not in a call")
        };
        let proof = self
            .shared
            .connection
            .gate_proof(inside.call, inside.log.have_seq, gate);
        proof.encode()
    }

    fn transport(&self) -> TransportId {
        self.shared.connection.transport_id()
    }
}

fn made_up(n: u8) -> Signer {
    Signer::from_seed(&[n; 32])
}

#[test]
fn garbage_in_the_log_is_skipped_by_all() {
    for seed in 1..=3 {
        let mut world = World::new(seed);
        let mut tabs = world.call_of(&["A", "B", "C"]);
        let epoch = world.tabs[0].epoch();
        for (n, body) in [b"".as_slice(), b"garbage"].into_iter().enumerate() {
            let drop = if n == 1 {
                vec![TransportId::from_bytes([1; 16])]
            } else {
                Vec::new()
            };
            let commit = world.tabs[1]
                .member
                .void_commit(drop, Vec::new(), &made_up(n as u8), body);
            world.submit(tabs[1], commit);
            world.run(700);
        }
        assert_eq!(world.tabs[0].epoch(), epoch);
        assert!(world.together(&tabs));
        let (_, head) = world.head.unwrap();
        tabs.push(world.join("D"));
        world.until("a newcomer is added on top", 5_000, |w| w.together(&tabs));
        assert!(world.head.unwrap().1 > head);
        assert!(
            world
                .tabs
                .iter()
                .all(|t| t.holds.iter().filter(|h| h.1).count() == t.holds.iter().filter(|h| !h.1).count())
        );
    }
}

/// One of five says that the others are gone, and proves the gate that it announced. They say where they stand, and are back.
#[test]
fn whoever_makes_up_a_removal_of_all_others_has_them_back_in_a_moment() {
    for seed in 1..=4 {
        let mut world = World::new(seed);
        let tabs = world.call_of(&["A", "B", "C", "D", "Mallory"]);
        world.run(2_000);
        let epoch = world.tabs[0].epoch();
        let others: Vec<TransportId> = (0..4).map(|t| world.tabs[t].member.transport()).collect();
        let commit = world.tabs[4]
            .member
            .void_commit(others, Vec::new(), &made_up(9), b"garbage");
        world.submit(tabs[4], commit);
        // It says at once that it stands at its own gate, as a client of ours would not.
        world.run(60);
        let proof = world.tabs[4].member.prove_made_up(&made_up(9));
        world.submit_frame(tabs[4], proof);
        world.run(400);
        assert!(
            tabs[..4].iter().all(|t| world.tabs[*t].state == State::InCall),
            "seed {seed}: they are out for longer than it takes to say so"
        );
        assert_eq!(world.tabs[0].epoch(), epoch);
        world.give(
            0,
            crate::io::Input::Chat {
                text: "still here".into(),
            },
        );
        world.run(300);
        for tab in &tabs[1..4] {
            assert!(
                world.tabs[*tab].chat.contains(&("A".into(), "still here".into())),
                "rights that open nothing"
            );
        }
    }
}

/// Three commits that most others call void: the connection is closed. Coming back begins anew.
#[test]
fn whoever_fills_the_log_with_garbage_loses_the_connection() {
    let mut world = World::new(1);
    let tabs = world.call_of(&["A", "B", "C", "D"]);
    world.run(2_000);
    let conn = world.tabs[3].conn;
    for n in 0..3 {
        let commit = world.tabs[3]
            .member
            .void_commit(Vec::new(), Vec::new(), &made_up(n), b"garbage");
        world.submit(tabs[3], commit);
        world.run(700);
    }
    assert!(world.tabs[3].conn != conn, "it goes on filling the log");
    world.run(3_000);
    assert!(world.together(&tabs));
}

/// A member says that somebody who is in no group was added, and welcomes them: they read nothing after the others have called it void.
#[test]
fn a_void_commit_opens_nothing_to_whom_it_welcomes() {
    let mut world = World::with_a_host(3);
    let host = world.join_as_host("Hope");
    world.until("the host is in", 5_000, |w| w.tabs[host].state == State::InCall);
    let mut inside = vec![host];
    for name in ["Ada", "Mallory"] {
        inside.push(world.join(name));
        world.until("asks", 3_000, |w| w.tabs[host].lobby.len() == 1);
        world.give(host, crate::io::Input::AdmitAll);
        world.until("in", 3_000, |w| w.together(&inside));
    }
    let friend = world.join("Friend");
    world.run(2_000);
    let (mallory, to) = (inside[2], world.tabs[friend].member.transport());
    let commit = world.tabs[mallory]
        .member
        .void_commit(Vec::new(), vec![to], &made_up(7), b"garbage");
    world.submit(mallory, commit);
    world.run(1_000);
    let conn = world.tabs[friend].conn.unwrap();
    world.watch(conn);
    world.give(
        host,
        crate::io::Input::Chat {
            text: "not for you".into(),
        },
    );
    world.run(3_000);
    assert_eq!(world.watched, 0, "somebody in no group is sent what members say");
    assert!(world.tabs[friend].keys.is_empty() && world.together(&inside));
}

/// A8: whoever is removed is told, and by the commit itself: it is the last thing that they get.
#[test]
fn whoever_is_removed_hears_it_from_the_commit_and_nothing_after() {
    let mut world = World::with_a_host(4);
    let host = world.join_as_host("Hope");
    world.until("the host is in", 5_000, |w| w.tabs[host].state == State::InCall);
    let guest = world.join("Mallory");
    world.until("asks", 3_000, |w| w.tabs[host].lobby.len() == 1);
    world.give(host, crate::io::Input::AdmitAll);
    world.until("in", 3_000, |w| w.together(&[host, guest]));
    let member = world.tabs[host].sees("Mallory").unwrap().member_id;
    world.give(host, crate::io::Input::Remove { member, bar: false });
    world.until("out", 3_000, |w| {
        w.tabs[guest].state == State::Ended(EndReason::Removed)
    });
}

/// Three and Mallory are in a call; one says goodbye while somebody new comes, and before frame `moment` of that Mallory says that all others are gone.
fn made_up_at(moment: Option<u64>, late: Option<u64>) -> u64 {
    let mut world = World::new(5);
    let tabs = world.call_of(&["A", "B", "C", "Mallory"]);
    world.run(2_000);
    let before = world.frames;
    world.late = (late.iter().map(|n| before + n).collect(), 2_500);
    world.give(tabs[2], crate::io::Input::Leave);
    let new = world.join("D");
    if let Some(moment) = moment {
        let end = world.now + 5_000;
        world.until("the moment", 6_000, |w| w.frames >= before + moment || w.now >= end);
        let others = (0..3).map(|t| world.tabs[t].member.transport()).collect();
        let commit = world.tabs[3]
            .member
            .void_commit(others, Vec::new(), &made_up(9), b"garbage");
        world.submit(tabs[3], commit);
        let proof = world.tabs[3].member.prove_made_up(&made_up(9));
        world.submit_frame(tabs[3], proof);
        // Long enough for it to be told, and one late frame more for the others to say that it is not so.
        world.run(200);
        world.until(
            &format!("in the call again, {moment:?} with {late:?} late"),
            3_500,
            |w| tabs[..2].iter().all(|t| w.tabs[*t].state == State::InCall),
        );
    }
    let rest = [tabs[0], tabs[1], tabs[3], new];
    let what = format!("together, made up before {moment:?} with {late:?} late");
    // A goodbye that comes while the server takes its sender for removed is lost, and made up for by 90 s of silence.
    world.until(&what, 140_000, |w| w.together(&rest));
    world.frames - before
}

/// Beside the delivery service's own search (`gate_model`), with members who read, void, prove and commit by themselves.
#[test]
fn a_removal_made_up_at_any_moment_of_a_change_undoes_nothing() {
    let frames = made_up_at(None, None);
    assert!(frames > 20, "no exchange worth searching: {frames} frames");
    for moment in 0..frames {
        made_up_at(Some(moment), None);
        for late in moment.saturating_sub(3)..moment {
            made_up_at(Some(moment), Some(late));
        }
    }
}
