//! Rights follow the group: what whoever is not in it gets, and how whoever is comes back to them. All orders of such things are followed in `gate_model`; here the
//! rooms as a whole act on what the gate decides.

#[allow(dead_code, reason = "each test file uses a part")]
mod common;

use common::{TestRoom, World, call, commit_clear, envelope, gate, room, transport};
use conclave_protocol::{
    envelope::ClearPart,
    ids::TrackKind,
    keys::Signer,
    message::{ClientMessage, RefusalCode, ServerMessage, SlotRequest},
    room::Limits,
};
use conclave_rooms::ConnId;

/// Tabs 1 to `members` in call 1, at sequence 1, on a server that has long forgotten its start.
fn members(members: u8) -> (World, TestRoom, Vec<ConnId>) {
    let mut w = World::new();
    let r = room(1, Limits::default());
    w.add(&r);
    w.pass(61_000);
    let mut all = vec![w.attend(&r, 1, call(1), 0)];
    let add = commit_clear(call(1), 0, Vec::new(), (2..=members).map(transport).collect());
    w.send(all[0], &ClientMessage::submission([envelope(add, 1, 512)]));
    all.extend((2..=members).map(|n| w.attend(&r, n, call(1), 1)));
    assert!(all.iter().all(|conn| w.sockets[conn].rights), "a member has no rights");
    w.forget();
    (w, r, all)
}

fn says(w: &mut World, who: ConnId, n: u32) {
    w.send(
        who,
        &ClientMessage::submission([envelope(ClearPart::message(call(1)), n, 512)]),
    );
}

fn has_rights(w: &World, all: &[ConnId]) -> Vec<bool> {
    all.iter().map(|conn| w.sockets[conn].rights).collect()
}

/// Everything that somebody inside may do, and nothing comes of it.
fn tries_everything(w: &mut World, who: ConnId, refused: RefusalCode) {
    let publish = ClientMessage::Publish {
        mid: "0".into(),
        kind: TrackKind::Camera,
        on: true,
    };
    let slots = ClientMessage::Slots {
        slots: vec![SlotRequest {
            mid: "4".into(),
            track: None,
            layer: 0,
        }],
    };
    let commit = envelope(commit_clear(call(1), 1, Vec::new(), Vec::new()), 66, 512);
    let card = envelope(ClearPart::card(call(1)), 67, 512);
    let media = w.media.len();
    says(w, who, 65);
    assert_eq!(w.refusals(who), [refused]);
    for message in [
        publish,
        slots,
        ClientMessage::submission([commit]),
        ClientMessage::submission([card]),
    ] {
        w.send(who, &message);
        assert_eq!(w.refusals(who), [refused]);
    }
    assert_eq!(w.media.len(), media, "the forwarding plane heard of it");
}

/// B4: the link alone.
#[test]
fn whoever_has_only_the_link_gets_nothing() {
    let (mut w, r, all) = members(3);
    let stranger = w.enter(&r, 9);
    assert_eq!(
        w.received(stranger).len(),
        2,
        "the challenge and what is there to knock at"
    );
    tries_everything(&mut w, stranger, RefusalCode::NotAttached);
    for have_seq in [0, 1, 900] {
        let attach = ClientMessage::Attach {
            call_id: call(1),
            have_seq,
        };
        w.send(stranger, &attach);
        assert_eq!(
            w.refusals(stranger)[..1],
            [RefusalCode::UnknownCall],
            "attaches to a call that it is not in"
        );
    }
    // With the key of a gate, too: it is a member's tab that proves it.
    w.prove(stranger, call(1), 1, &gate(call(1), 1));
    assert_eq!(w.refusals(stranger), [RefusalCode::NotAttached]);
    says(&mut w, all[0], 1);
    w.commit(all[1], call(1), 1, 2);
    assert!(w.received(stranger).is_empty());
    assert_eq!(w.unsequenced(all[2]), [1]);
}

/// A newcomer attaches, and proves the gate a moment later; in a larger call others have to say that they follow the commit. What is said meanwhile is not lost.
#[test]
fn whoever_was_welcomed_hears_everything_until_it_has_rights_and_then_once() {
    let (mut w, r, all) = members(3);
    let newcomer = w.enter(&r, 7);
    w.sockets.get_mut(&newcomer).unwrap().mute = true;
    let add = commit_clear(call(1), 1, Vec::new(), vec![transport(7)]);
    let welcome = ClearPart::welcome(call(1), vec![transport(7)]);
    w.send(
        all[0],
        &ClientMessage::submission([envelope(add, 1, 512), envelope(welcome, 2, 512)]),
    );
    let attach = ClientMessage::Attach {
        call_id: call(1),
        have_seq: 2,
    };
    w.send(newcomer, &attach);
    says(&mut w, all[1], 3);
    assert_eq!(w.unsequenced(newcomer), [3], "deaf between attaching and proving");
    w.prove(newcomer, call(1), 2, &gate(call(1), 2));
    assert!(w.sockets[&newcomer].rights);
    says(&mut w, all[1], 4);
    assert_eq!(w.unsequenced(newcomer), [4], "once");
    // And not any more when it is removed.
    let drop = commit_clear(call(1), 2, vec![transport(7)], Vec::new());
    w.send(all[0], &ClientMessage::submission([envelope(drop, 5, 512)]));
    says(&mut w, all[1], 6);
    assert_eq!(w.unsequenced(newcomer), []);
}

/// Between what it had and what it was brought in by there is a hole, which no later commit may be sent over.
#[test]
fn whoever_is_removed_and_brought_in_again_reads_on_from_the_welcome() {
    let (mut w, _r, all) = members(3);
    for conn in &all {
        // Nothing is decided: they have yet to say what they think.
        w.sockets.get_mut(conn).unwrap().mute = true;
    }
    let tab = transport(3);
    let drop = commit_clear(call(1), 1, vec![tab], Vec::new());
    w.send(all[0], &ClientMessage::submission([envelope(drop, 1, 512)]));
    let add = commit_clear(call(1), 2, Vec::new(), vec![tab]);
    let welcome = ClearPart::welcome(call(1), vec![tab]);
    w.send(
        all[0],
        &ClientMessage::submission([envelope(add, 2, 512), envelope(welcome, 3, 512)]),
    );
    w.commit(all[0], call(1), 3, 4);
    assert_eq!(
        w.sequenced(all[2]),
        [(2, 1), (3, 3)],
        "the commit that removes it, and its welcome"
    );
    let attach = ClientMessage::Attach {
        call_id: call(1),
        have_seq: 3,
    };
    w.send(all[2], &attach);
    assert_eq!(w.sequenced(all[2]), [(4, 4)]);
}

/// In a server's first minute claims of those it does not know count. Whoever it knows to have been removed has no claim: a refusal would overtake the commit that tells them.
#[test]
fn whoever_is_removed_in_a_servers_first_minute_learns_it_from_the_commit() {
    let mut w = World::new();
    let r = room(1, Limits::default());
    w.add(&r);
    let host = w.attend(&r, 1, call(1), 0);
    let add = commit_clear(call(1), 0, Vec::new(), vec![transport(2)]);
    w.send(host, &ClientMessage::submission([envelope(add, 1, 512)]));
    let guest = w.attend(&r, 2, call(1), 1);
    w.sockets.get_mut(&guest).unwrap().mute = true;
    let drop = commit_clear(call(1), 1, vec![transport(2)], Vec::new());
    w.send(host, &ClientMessage::submission([envelope(drop, 7, 512)]));
    w.prove(guest, call(1), 1, &gate(call(1), 1));
    let got = w.received(guest);
    let refused = |m: &ServerMessage| matches!(m, ServerMessage::Refused { .. });
    assert!(!got.iter().any(refused), "told to attach anew before it has read why");
    assert!(
        got.iter()
            .any(|m| matches!(m, ServerMessage::EnvelopeIn { seq: Some(2), .. }))
    );
}

#[test]
fn whoever_is_removed_gets_the_commit_that_says_so_and_nothing_after() {
    let (mut w, r, all) = members(4);
    let drop = commit_clear(call(1), 1, vec![transport(4)], Vec::new());
    w.send(all[0], &ClientMessage::submission([envelope(drop, 7, 512)]));
    assert_eq!(has_rights(&w, &all), [true, true, true, false]);
    assert_eq!(w.sequenced(all[3]), [(2, 7)]);
    says(&mut w, all[1], 1);
    w.pass(1_000);
    w.commit(all[1], call(1), 2, 8);
    assert!(w.received(all[3]).is_empty(), "hears what was said after its removal");
    tries_everything(&mut w, all[3], RefusalCode::NotAttached);
    // Nor on another connection.
    w.close(all[3]);
    for have_seq in [1, 2, 3] {
        let again = w.enter(&r, 4);
        w.forget();
        let attach = ClientMessage::Attach {
            call_id: call(1),
            have_seq,
        };
        w.send(again, &attach);
        for seq in 1..=3 {
            w.prove(again, call(1), seq, &gate(call(1), 1));
        }
        says(&mut w, all[1], 2);
        w.pass(1_000);
        assert!(w.unsequenced(again).is_empty() && !w.sockets[&again].rights);
        w.close(again);
    }
}

/// A member says that all others are gone. One of them has lost the line meanwhile; its word is needed, and it can say it.
#[test]
fn whoever_a_made_up_commit_drops_may_come_anew_to_say_that_it_is_void() {
    let (mut w, r, mut all) = members(4);
    for conn in &all {
        w.sockets.get_mut(conn).unwrap().mute = true;
    }
    let others = (1..=3).map(transport).collect();
    let made_up = envelope(commit_clear(call(1), 1, others, Vec::new()), 7, 512);
    w.send(all[3], &ClientMessage::submission([made_up]));
    w.prove(all[3], call(1), 2, &gate(call(1), 2));
    assert_eq!(has_rights(&w, &all), [false, false, false, true]);
    w.forget();
    tries_everything(&mut w, all[0], RefusalCode::NotAttached);
    w.prove(all[0], call(1), 2, &gate(call(1), 1));
    w.prove(all[2], call(1), 2, &gate(call(1), 1));
    assert_eq!(
        has_rights(&w, &all),
        [false, false, false, true],
        "two of four, both dropped"
    );
    w.close(all[1]);
    all[1] = w.enter(&r, 2);
    w.sockets.get_mut(&all[1]).unwrap().mute = true;
    w.send(
        all[1],
        &ClientMessage::Attach {
            call_id: call(1),
            have_seq: 2,
        },
    );
    w.prove(all[1], call(1), 2, &gate(call(1), 1));
    assert_eq!(has_rights(&w, &all), [true, true, true, false]);
    w.forget();
    says(&mut w, all[0], 3);
    assert_eq!((w.unsequenced(all[1]), w.unsequenced(all[2])), (vec![3], vec![3]));
    assert!(w.unsequenced(all[3]).is_empty(), "stands at a gate that is nobody's");
    // Its author is one of them, and may say so.
    w.prove(all[3], call(1), 2, &gate(call(1), 1));
    assert_eq!(has_rights(&w, &all), [true; 4]);
}

/// In a call in which most do not answer a newcomer is let in after five seconds; and out again if they answer, and say otherwise.
#[test]
fn a_newcomer_to_a_call_that_sleeps_waits_five_seconds() {
    let (mut w, r, all) = members(5);
    for conn in &all[1..] {
        w.sockets.get_mut(conn).unwrap().mute = true;
    }
    let add = commit_clear(call(1), 1, Vec::new(), vec![transport(6)]);
    w.send(all[0], &ClientMessage::submission([envelope(add, 7, 512)]));
    let newcomer = w.attend(&r, 6, call(1), 2);
    w.pass(4_900);
    assert!(!w.sockets[&newcomer].rights, "on one member's word, at once");
    w.pass(200);
    assert!(w.sockets[&newcomer].rights);
    w.forget();
    says(&mut w, newcomer, 3);
    assert_eq!(w.unsequenced(all[0]), [3]);
    w.prove(all[1], call(1), 2, &gate(call(1), 1));
    w.prove(all[2], call(1), 2, &gate(call(1), 1));
    assert!(!w.sockets[&newcomer].rights, "two of three who spoke are against it");
    w.prove(all[3], call(1), 2, &gate(call(1), 1));
    assert_eq!(has_rights(&w, &all), [false, true, true, true, true]);
    w.pass(120_000);
    assert!(!w.sockets[&newcomer].rights);
}

/// Proofs are for one connection: whoever hears one cannot repeat it, and a signature by another key is none.
#[test]
fn a_proof_by_another_key_is_none() {
    let (mut w, _, all) = members(2);
    w.prove(all[1], call(1), 1, &gate(call(2), 1));
    assert!(w.refusals(all[1]).is_empty(), "a gate of elsewhere is no offence");
    assert_eq!(has_rights(&w, &all), [true, true]);
    let forged = ClientMessage::Prove {
        call_id: call(1),
        seq: 1,
        gate: common::gate_pk(call(1), 1),
        signature: Signer::from_seed(&[1; 32]).sign(b"gate"),
    };
    w.send(all[1], &forged);
    assert_eq!(w.refusals(all[1]), [RefusalCode::NotAllowed]);
}

/// A member that lost its state is removed and added in one commit: it is one before and after, whatever becomes of that, also in a call in which most do not answer.
#[test]
fn whoever_is_removed_and_added_at_once_loses_nothing() {
    let (mut w, r, mut all) = members(5);
    for conn in &all[1..] {
        w.sockets.get_mut(conn).unwrap().mute = true;
    }
    let again = commit_clear(call(1), 1, vec![transport(5)], vec![transport(5)]);
    w.send(all[0], &ClientMessage::submission([envelope(again, 7, 512)]));
    assert_eq!(has_rights(&w, &all), [true; 5]);
    w.close(all[4]);
    all[4] = w.attend(&r, 5, call(1), 2);
    assert_eq!(has_rights(&w, &all), [true; 5]);
    w.forget();
    says(&mut w, all[4], 3);
    assert_eq!(w.unsequenced(all[1]), [3]);
}
