//! Who gets what: commits in one order, welcomes with their commit, messages, knocks, cards.

#[allow(dead_code, reason = "each test file uses a part")]
mod common;

use common::{
    World, call, commit_clear, envelope, number, room,
    talk::{commit, start, submission, welcome},
    transport,
};
use conclave_protocol::{
    envelope::ClearPart,
    message::{ClientMessage, RefusalCode, ServerMessage},
    room::Limits,
};
use conclave_rooms::Priority;

#[test]
fn of_two_commits_on_one_sequence_the_first_is_taken() {
    let (mut w, r) = start();
    let (a, b) = (w.attend(&r, 1, call(1), 0), w.attend(&r, 2, call(1), 0));
    w.forget();
    w.commit(a, call(1), 0, 10);
    w.commit(b, call(1), 0, 20);
    let got = w.received(a);
    assert!(
        got[0]
            == ServerMessage::Notice {
                call_id: call(1),
                seq: 1,
                drop: false
            },
        "the notice goes ahead"
    );
    assert!(
        matches!(&got[1], ServerMessage::EnvelopeIn { seq: Some(1), envelope } if number(envelope) == 10),
        "the sender gets its own"
    );
    let got = w.received(b);
    assert_eq!(got.len(), 3);
    assert!(matches!(
        got[2],
        ServerMessage::Refused {
            re: 35,
            code: RefusalCode::StaleSequence,
            head_seq: Some(1),
            ..
        }
    ));
    w.commit(b, call(1), 1, 21);
    assert_eq!(w.sequenced(a), [(2, 21)]);
}

#[test]
fn the_notice_says_whether_somebody_is_removed_and_overtakes_the_body() {
    let (mut w, r) = start();
    let (a, b) = (w.attend(&r, 1, call(1), 0), w.attend(&r, 2, call(1), 0));
    w.forget();
    w.send(
        a,
        &submission([envelope(
            commit_clear(call(1), 0, vec![transport(2)], Vec::new()),
            1,
            512,
        )]),
    );
    let got = std::mem::take(&mut w.sockets.get_mut(&b).unwrap().received);
    let lost = ServerMessage::Rights {
        call_id: call(1),
        on: false,
    };
    assert!(
        got[0] == (Priority::High, lost),
        "its rights end before anybody hears why"
    );
    assert!(
        got[1]
            == (
                Priority::High,
                ServerMessage::Notice {
                    call_id: call(1),
                    seq: 1,
                    drop: true
                }
            )
    );
    assert_eq!(got[2].0, Priority::Low);
}

#[test]
fn welcomes_go_out_only_with_their_commit_and_to_their_addressees() {
    let (mut w, r) = start();
    let (a, b) = (w.attend(&r, 1, call(1), 0), w.attend(&r, 2, call(1), 0));
    let (waiting, other) = (w.enter(&r, 3), w.enter(&r, 4));
    w.forget();
    w.send(
        a,
        &submission([commit(0, 1), welcome(100, &[3]), welcome(101, &[3, 9])]),
    );
    assert_eq!(w.sequenced(waiting), [(1, 100), (1, 101)]);
    assert_eq!(w.sequenced(other), []);
    assert_eq!(w.sequenced(b), [(1, 1)]);
    w.send(b, &submission([commit(0, 2), welcome(102, &[4])]));
    assert_eq!(w.sequenced(other), [], "its commit was not taken");
    // The sequence of the welcome is where the log opens for the newcomer.
    w.commit(a, call(1), 1, 3);
    w.send(
        waiting,
        &ClientMessage::Attach {
            call_id: call(1),
            have_seq: 1,
        },
    );
    assert_eq!(w.sequenced(waiting), [(2, 3)]);
}

#[test]
fn a_submission_has_one_form() {
    let (mut w, r) = start();
    let message = || envelope(ClearPart::message(call(1)), 1, 512);
    let elsewhere = envelope(ClearPart::welcome(call(2), vec![transport(3)]), 1, 512);
    let bad: [(&str, Vec<Vec<u8>>); 7] = [
        ("a welcome alone", vec![welcome(1, &[3])]),
        ("two messages", vec![message(), message()]),
        ("two commits", vec![commit(0, 1), commit(1, 2)]),
        ("a commit and a message", vec![commit(0, 1), message()]),
        ("a welcome first", vec![welcome(1, &[3]), commit(0, 1)]),
        ("a welcome to another call", vec![commit(0, 1), elsewhere]),
        ("no envelope", vec![vec![1, 2, 3]]),
    ];
    for (name, envelopes) in bad {
        let conn = w.attend(&r, 1, call(1), 0);
        w.forget();
        w.send(conn, &submission(envelopes));
        assert_eq!(w.refusals(conn), [RefusalCode::Malformed], "{name}");
        assert_eq!(w.closed(conn), Some(4005), "{name}");
    }
}

#[test]
fn messages_go_to_all_others_in_the_call_and_to_nobody_else() {
    let (mut w, r) = start();
    let (a, b, c) = (
        w.attend(&r, 1, call(1), 0),
        w.attend(&r, 2, call(1), 0),
        w.attend(&r, 3, call(1), 0),
    );
    let (elsewhere, waiting) = (w.attend(&r, 4, call(2), 0), w.enter(&r, 5));
    w.forget();
    w.send(a, &submission([envelope(ClearPart::message(call(1)), 7, 512)]));
    let got = [a, b, c, elsewhere, waiting].map(|conn| w.unsequenced(conn).len());
    assert_eq!(got, [0, 1, 1, 0, 0]);
    // Who is not in a call cannot speak in it.
    w.send(waiting, &submission([envelope(ClearPart::message(call(1)), 7, 512)]));
    assert_eq!(w.refusals(waiting), [RefusalCode::NotAttached]);
    w.send(elsewhere, &submission([commit(0, 1)]));
    assert_eq!(w.refusals(elsewhere), [RefusalCode::NotAttached]);
    w.send(waiting, &submission([envelope(ClearPart::message(call(9)), 7, 512)]));
    assert_eq!(w.refusals(waiting), [RefusalCode::UnknownCall]);
    assert_eq!(w.unsequenced(a), []);
}

/// What members conclude from a pong: whatever they sent before its ping has been passed on, or was refused and they know.
#[test]
fn a_pong_comes_behind_everything_that_was_sent_before_its_ping() {
    let (mut w, r) = start();
    let (a, b) = (w.attend(&r, 1, call(1), 0), w.attend(&r, 2, call(1), 0));
    w.forget();
    let message = || submission([envelope(ClearPart::message(call(1)), 7, 512)]);
    w.send(a, &message());
    w.send(a, &ClientMessage::Ping { n: 1 });
    assert!(w.received(a) == [ServerMessage::Pong { n: 1 }]);
    assert_eq!(w.unsequenced(b), [7]);
    // More than the burst, and a pong at the same priority as the refusals.
    for _ in 0..60 {
        w.send(a, &message());
    }
    w.send(a, &ClientMessage::Ping { n: 2 });
    let sent = std::mem::take(&mut w.sockets.get_mut(&a).unwrap().received);
    let passed_on = w.unsequenced(b).len();
    assert!((30..60).contains(&passed_on));
    assert_eq!(sent.len(), 60 - passed_on + 1, "refused without a word");
    assert!(sent.iter().all(|(priority, _)| *priority == Priority::High));
    assert!(matches!(sent.last(), Some((_, ServerMessage::Pong { n: 2 }))));
}

#[test]
fn a_welcome_opens_the_messages_until_its_addressee_takes_part() {
    let (mut w, r) = start();
    let (a, b) = (w.attend(&r, 1, call(1), 0), w.attend(&r, 2, call(1), 0));
    let (newcomer, other, elsewhere) = (w.enter(&r, 3), w.enter(&r, 4), w.attend(&r, 5, call(2), 0));
    let says = |w: &mut World, who, n| w.send(who, &submission([envelope(ClearPart::message(call(1)), n, 512)]));
    says(&mut w, a, 1);
    // A welcome whose commit is not taken opens nothing.
    w.send(b, &submission([commit(7, 1), welcome(99, &[3])]));
    says(&mut w, a, 2);
    assert_eq!(w.unsequenced(newcomer), []);
    w.send(a, &submission([commit(0, 1), welcome(100, &[3]), welcome(101, &[5])]));
    says(&mut w, a, 3);
    says(&mut w, b, 4);
    assert_eq!(
        w.unsequenced(newcomer),
        [3, 4],
        "what was said after the welcome is lost"
    );
    assert_eq!(w.unsequenced(other), []);
    assert_eq!(
        w.unsequenced(elsewhere),
        [],
        "whoever takes part elsewhere reads two calls"
    );
    // It reads, and cannot speak.
    says(&mut w, newcomer, 5);
    assert_eq!(w.refusals(newcomer), [RefusalCode::NotAttached]);
    w.send(
        newcomer,
        &ClientMessage::Attach {
            call_id: call(1),
            have_seq: 1,
        },
    );
    says(&mut w, a, 6);
    assert_eq!(w.unsequenced(newcomer), [6], "once, as everybody");
    // Removed again before taking part; or never taking part.
    let (removed, idle) = (w.enter(&r, 6), w.enter(&r, 7));
    w.pass(1_000);
    w.send(a, &submission([commit(1, 2), welcome(102, &[6, 7])]));
    w.pass(1_000);
    let drop = commit_clear(call(1), 2, vec![transport(6)], Vec::new());
    w.send(a, &submission([envelope(drop, 3, 512)]));
    says(&mut w, a, 7);
    assert_eq!((w.unsequenced(removed), w.unsequenced(idle)), (vec![], vec![7]));
    w.pass(25_000);
    says(&mut w, a, 8);
    assert_eq!(w.unsequenced(idle), [], "a call stays open for who does not come");
}

#[test]
fn rooms_are_worlds_apart() {
    let (mut w, r) = start();
    let other_room = room(2, Limits::default());
    w.add(&other_room);
    let (a, b) = (w.attend(&r, 1, call(1), 0), w.attend(&other_room, 2, call(1), 0));
    w.forget();
    w.commit(a, call(1), 0, 1);
    w.send(a, &submission([envelope(ClearPart::message(call(1)), 7, 512)]));
    w.send(a, &submission([envelope(ClearPart::card(call(1)), 7, 512)]));
    assert!(w.received(b).is_empty());
    w.commit(b, call(1), 0, 2);
    assert_eq!(w.sequenced(b), [(1, 2)], "its own sequence");
    assert_ne!(w.sockets[&a].media, w.sockets[&b].media);
}

#[test]
fn a_knock_reaches_everybody_in_the_call_and_a_card_everybody_outside() {
    let (mut w, r) = start();
    let (a, b) = (w.attend(&r, 1, call(1), 0), w.attend(&r, 2, call(1), 0));
    let (waiting, lone) = (w.enter(&r, 3), w.attend(&r, 4, call(2), 0));
    w.forget();
    w.send(a, &submission([envelope(ClearPart::card(call(1)), 50, 2048)]));
    let got = [a, b, waiting, lone].map(|conn| w.unsequenced(conn).len());
    assert_eq!(got, [0, 0, 1, 1], "a lone founder hears of the other call");
    w.send(waiting, &submission([envelope(ClearPart::knock(call(1)), 51, 4096)]));
    let got = [a, b, waiting, lone].map(|conn| w.unsequenced(conn).len());
    assert_eq!(got, [1, 1, 0, 0]);
    // The newest card is shown to who comes later; a card can only be put up from inside.
    w.send(b, &submission([envelope(ClearPart::card(call(1)), 52, 2048)]));
    w.send(waiting, &submission([envelope(ClearPart::card(call(1)), 53, 2048)]));
    assert_eq!(w.refusals(waiting), [RefusalCode::NotAttached]);
    let late = w.enter(&r, 5);
    let calls = w.calls(late);
    assert_eq!(calls.len(), 2);
    assert_eq!(
        calls
            .iter()
            .find(|c| c.call_id == call(1))
            .and_then(|c| c.card.as_deref())
            .map(number),
        Some(52)
    );
}
