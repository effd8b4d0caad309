//! Who gets what: commits in one order, welcomes with their commit, messages, knocks, cards, tracks.

#[allow(dead_code, reason = "each test file uses a part")]
mod common;

use common::{TestRoom, World, call, commit_clear, envelope, number, room, transport};
use conclave_protocol::{
    envelope::ClearPart,
    ids::{TrackId, TrackKind, TransportId},
    limits::{MAX_CARD, MAX_KNOCK, MAX_MESSAGE},
    message::{ClientMessage, RefusalCode, ServerMessage, SlotRequest},
    room::Limits,
};
use conclave_rooms::{ConnId, Input, MediaCommand, Priority};

fn start() -> (World, TestRoom) {
    let mut w = World::new();
    let r = room(1, Limits::default());
    w.add(&r);
    (w, r)
}

fn submission(envelopes: impl IntoIterator<Item = Vec<u8>>) -> ClientMessage {
    ClientMessage::submission(envelopes)
}

fn welcome(n: u32, to: &[u8]) -> Vec<u8> {
    envelope(
        ClearPart::welcome(call(1), to.iter().map(|t| transport(*t)).collect()),
        n,
        1024,
    )
}

/// Whom every commit of these tests adds: everybody whom a welcome of theirs is for.
fn newcomers() -> Vec<TransportId> {
    [3, 4, 5, 6, 7, 9].map(transport).to_vec()
}

fn commit(base_seq: u64, n: u32) -> Vec<u8> {
    envelope(commit_clear(call(1), base_seq, Vec::new(), newcomers()), n, 512)
}

/// Tabs that were members, and are away.
fn were_there(w: &mut World, r: &TestRoom, tabs: std::ops::RangeInclusive<u8>) {
    for n in tabs {
        let conn = w.attend(r, n, call(1), 0);
        w.close(conn);
    }
}

fn publish(w: &mut World, conn: ConnId, kind: TrackKind, on: bool) {
    w.send(
        conn,
        &ClientMessage::Publish {
            mid: "0".into(),
            kind,
            on,
        },
    );
}

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

#[test]
fn sizes_are_bounded_by_type() {
    let (mut w, r) = start();
    let a = w.attend(&r, 1, call(1), 0);
    for (clear, most) in [
        (ClearPart::message(call(1)), MAX_MESSAGE),
        (ClearPart::card(call(1)), MAX_CARD),
        (ClearPart::knock(call(1)), MAX_KNOCK),
    ] {
        w.forget();
        w.send(a, &submission([envelope(clear.clone(), 1, most)]));
        assert_eq!(w.refusals(a), []);
        w.send(a, &submission([envelope(clear, 1, most * 2)]));
        assert_eq!(w.refusals(a), [RefusalCode::TooLarge]);
    }
    assert_eq!(w.closed(a), None);
    w.forget();
    let large = [
        envelope(commit_clear(call(1), 0, Vec::new(), newcomers()), 1, 1 << 20),
        welcome_of(1 << 20),
    ];
    w.send(a, &submission(large));
    assert_eq!(
        w.sequenced(a),
        [(1, 1)],
        "a commit and a welcome of full size pass, in pieces"
    );
}

fn welcome_of(padded: usize) -> Vec<u8> {
    envelope(ClearPart::welcome(call(1), vec![transport(9)]), 2, padded)
}

#[test]
fn a_member_that_comes_back_gets_exactly_what_it_missed() {
    let (mut w, r) = start();
    let (a, b) = (w.attend(&r, 1, call(1), 0), w.attend(&r, 2, call(1), 0));
    w.commit(a, call(1), 0, 1);
    w.close(b);
    w.pass(1_000);
    w.commit(a, call(1), 1, 2);
    w.commit(a, call(1), 2, 3);
    let b = w.attend(&r, 2, call(1), 1);
    assert_eq!(w.sequenced(b), [(2, 2), (3, 3)]);
    w.commit(a, call(1), 3, 4);
    assert_eq!(w.sequenced(b), [(4, 4)]);
    // Nobody has what the log has not.
    let liar = w.attend(&r, 3, call(1), 9);
    w.pass(8_000);
    assert_eq!(w.refusals(liar), [RefusalCode::StaleSequence]);
}

#[test]
fn the_log_forgets_by_number_and_by_time() {
    let (mut w, r) = start();
    let a = w.attend(&r, 1, call(1), 0);
    were_there(&mut w, &r, 2..=5);
    for seq in 0..70 {
        w.commit(a, call(1), seq, seq as u32);
        w.pass(500);
    }
    assert_eq!(w.sequenced(a).len(), 70);
    let at_most = w.attend(&r, 2, call(1), 70 - 64);
    assert_eq!(w.sequenced(at_most).len(), 64);
    let before = w.attend(&r, 3, call(1), 70 - 65);
    let got = w.received(before);
    let gone = got.iter().any(|m| {
        matches!(
            m,
            ServerMessage::Refused {
                re: 34,
                code: RefusalCode::BacklogGone,
                head_seq: Some(70),
                ..
            }
        )
    });
    assert!(gone, "told where the log is");
    w.pass(120_000);
    let late = w.attend(&r, 4, call(1), 69);
    assert_eq!(w.refusals(late), [RefusalCode::BacklogGone]);
    let current = w.attend(&r, 5, call(1), 70);
    assert_eq!(w.refusals(current), []);
}

#[test]
fn the_log_forgets_by_size() {
    let (mut w, r) = start();
    let a = w.attend(&r, 1, call(1), 0);
    were_there(&mut w, &r, 2..=3);
    for seq in 0..6 {
        w.send(
            a,
            &submission([envelope(
                commit_clear(call(1), seq, Vec::new(), newcomers()),
                1,
                1 << 20,
            )]),
        );
        w.pass(2_000);
    }
    w.forget();
    let back = w.attend(&r, 2, call(1), 2);
    assert_eq!(w.refusals(back), [RefusalCode::BacklogGone]);
    let back = w.attend(&r, 3, call(1), 3);
    assert_eq!(
        w.sequenced(back).len(),
        3,
        "three of a megabyte and a little fit into four"
    );
}

#[test]
fn a_call_outlives_its_last_member_by_a_minute() {
    let (mut w, r) = start();
    let a = w.attend(&r, 1, call(1), 0);
    w.commit(a, call(1), 0, 1);
    w.close(a);
    let newcomer = w.enter(&r, 2);
    assert!(w.calls(newcomer).is_empty(), "nobody is in it who could answer a knock");
    w.send(newcomer, &submission([envelope(ClearPart::knock(call(1)), 51, 4096)]));
    assert_eq!(w.refusals(newcomer), [RefusalCode::UnknownCall]);
    w.pass(59_000);
    let a = w.attend(&r, 1, call(1), 1);
    w.commit(a, call(1), 1, 2);
    assert_eq!(w.sequenced(a), [(2, 2)], "its log went on");
    w.close(a);
    w.pass(60_000);
    // Now it is as unknown as after a restart: sequences are collected first.
    let a = w.attend(&r, 1, call(1), 2);
    w.commit(a, call(1), 2, 3);
    assert_eq!(w.refusals(a), [RefusalCode::RateLimited]);
}

#[test]
fn a_call_ends_with_the_goodbye_of_its_last_member() {
    let (mut w, r) = start();
    let (a, b) = (w.attend(&r, 1, call(1), 0), w.attend(&r, 2, call(1), 0));
    w.commit(a, call(1), 0, 1);
    w.send(a, &ClientMessage::Bye {});
    w.commit(b, call(1), 1, 2);
    assert_eq!(w.sequenced(b), [(1, 1), (2, 2)], "the other is still in it");
    w.send(b, &ClientMessage::Bye {});
    let founder = w.attend(&r, 3, call(1), 0);
    w.commit(founder, call(1), 0, 3);
    assert_eq!(w.sequenced(founder), [(1, 3)], "a new call, whatever its id");
}

#[test]
fn a_card_does_not_outlive_who_could_answer_it() {
    let (mut w, r) = start();
    let a = w.attend(&r, 1, call(1), 0);
    w.send(a, &submission([envelope(ClearPart::card(call(1)), 50, 2048)]));
    w.close(a);
    w.attend(&r, 1, call(1), 0);
    let newcomer = w.enter(&r, 2);
    let calls = w.calls(newcomer);
    assert!(calls.len() == 1 && calls[0].card.is_none());
}

#[test]
fn attaching_again_begins_media_anew() {
    let (mut w, r) = start();
    let (a, b) = (w.attend(&r, 1, call(1), 0), w.attend(&r, 2, call(1), 0));
    publish(&mut w, a, TrackKind::Camera, true);
    w.pass(1_000);
    w.forget();
    w.media.clear();
    w.send(
        a,
        &ClientMessage::Attach {
            call_id: call(1),
            have_seq: 0,
        },
    );
    assert!(matches!(
        w.media[..],
        [MediaCommand::Leave { .. }, MediaCommand::Join { .. }]
    ));
    let lists = w.received(b);
    assert!(
        lists == [ServerMessage::Tracks { tracks: Vec::new() }],
        "its tracks are gone until it publishes again"
    );
}

#[test]
fn a_room_has_few_calls_and_empty_ones_give_way() {
    let (mut w, r) = start();
    let founders: Vec<ConnId> = (1..=5).map(|n| w.attend(&r, n, call(n), 0)).collect();
    let refused: Vec<bool> = founders
        .iter()
        .map(|conn| w.refusals(*conn).contains(&RefusalCode::CallLimit))
        .collect();
    assert_eq!(refused, [false, false, false, false, true]);
    w.close(founders[1]);
    w.send(
        founders[4],
        &ClientMessage::Attach {
            call_id: call(5),
            have_seq: 0,
        },
    );
    assert_eq!(w.refusals(founders[4]), []);
    assert_eq!(w.rooms.totals().calls, 4);
}

#[test]
fn a_founder_who_gives_way_changes_the_call() {
    let (mut w, r) = start();
    let (a, b) = (w.attend(&r, 1, call(1), 0), w.attend(&r, 2, call(2), 0));
    publish(&mut w, b, TrackKind::Camera, true);
    w.send(
        b,
        &ClientMessage::Attach {
            call_id: call(1),
            have_seq: 0,
        },
    );
    assert_eq!(w.sockets[&a].media, w.sockets[&b].media);
    w.forget();
    w.pass(1_000);
    w.commit(a, call(1), 0, 1);
    assert_eq!(w.sequenced(b), [(1, 1)]);
    assert_eq!(w.rooms.totals().calls, 1);
}

#[test]
fn after_a_restart_the_sequence_that_most_name_counts() {
    let (mut w, r) = start();
    let stranger = w.attend(&r, 1, call(1), 900);
    let members: Vec<ConnId> = (2..=4).map(|n| w.attend(&r, n, call(1), 17)).collect();
    let behind = w.attend(&r, 5, call(1), 15);
    w.forget();
    w.commit(members[0], call(1), 17, 1);
    let got = w.received(members[0]);
    assert!(matches!(
        got[..],
        [ServerMessage::Refused {
            code: RefusalCode::RateLimited,
            retry_after_ms: Some(2_000),
            ..
        }]
    ));
    w.pass(2_000);
    w.commit(members[0], call(1), 17, 2);
    assert_eq!(w.sequenced(members[2]), [(18, 2)]);
    w.pass(6_000);
    assert_eq!(w.refusals(stranger), [RefusalCode::StaleSequence]);
    assert_eq!(w.refusals(behind), [RefusalCode::BacklogGone]);
    assert_eq!(w.sequenced(stranger), [], "it is no longer in the call");
    assert_eq!(w.in_media(), members.into_iter().collect());
}

#[test]
fn eight_microphones_hold_a_seat() {
    let (mut w, r) = start();
    let members: Vec<ConnId> = (1..=10).map(|n| w.attend(&r, n, call(1), 0)).collect();
    for member in &members {
        publish(&mut w, *member, TrackKind::Camera, true);
        publish(&mut w, *member, TrackKind::Microphone, true);
    }
    let refused: Vec<usize> = (0..10)
        .filter(|i| w.refusals(members[*i]).contains(&RefusalCode::FloorFull))
        .collect();
    assert_eq!(refused, [8, 9]);
    let seats = w
        .media
        .iter()
        .filter(|m| {
            matches!(
                m,
                MediaCommand::Publish {
                    kind: TrackKind::Microphone,
                    on: true,
                    ..
                }
            )
        })
        .count();
    assert_eq!(seats, 8, "the forwarding plane hears of eight");
    // Switching on twice takes one seat; a seat given back or left is free.
    publish(&mut w, members[0], TrackKind::Microphone, true);
    assert_eq!(w.refusals(members[0]), []);
    publish(&mut w, members[1], TrackKind::Microphone, false);
    publish(&mut w, members[8], TrackKind::Microphone, true);
    assert_eq!(w.refusals(members[8]), []);
    publish(&mut w, members[9], TrackKind::Microphone, true);
    assert_eq!(w.refusals(members[9]), [RefusalCode::FloorFull]);
    w.close(members[2]);
    publish(&mut w, members[9], TrackKind::Microphone, true);
    assert_eq!(w.refusals(members[9]), []);
}

#[test]
fn everybody_in_the_call_has_the_list_of_tracks() {
    let (mut w, r) = start();
    let (a, b) = (w.attend(&r, 1, call(1), 0), w.attend(&r, 2, call(1), 0));
    w.pass(1_000);
    w.forget();
    let track = |n, kind| TrackId {
        transport: transport(n),
        kind,
    };
    let last_list = |w: &mut World, conn| {
        let lists: Vec<_> = w
            .received(conn)
            .into_iter()
            .filter_map(|m| {
                if let ServerMessage::Tracks { tracks } = m {
                    Some(tracks)
                } else {
                    None
                }
            })
            .collect();
        (
            lists.len(),
            lists
                .last()
                .map(|l| l.iter().map(|t| (t.track, t.on)).collect::<Vec<_>>()),
        )
    };
    publish(&mut w, a, TrackKind::Camera, true);
    let (n, list) = last_list(&mut w, b);
    assert!(
        n == 1 && list == Some(vec![(track(1, TrackKind::Camera), true)]),
        "at once"
    );
    publish(&mut w, a, TrackKind::Screen, true);
    publish(&mut w, a, TrackKind::Camera, false);
    assert_eq!(last_list(&mut w, b).0, 0, "then at most ten a second");
    w.pass(100);
    let expected = Some(vec![
        (track(1, TrackKind::Camera), false),
        (track(1, TrackKind::Screen), true),
    ]);
    assert!(last_list(&mut w, b) == (1, expected.clone()));
    let late = w.attend(&r, 3, call(1), 0);
    assert!(last_list(&mut w, late) == (1, expected));
    w.pass(1_000);
    w.forget();
    w.close(a);
    assert!(last_list(&mut w, b) == (1, Some(Vec::new())));
}

#[test]
fn media_requests_pass_only_from_inside_a_call() {
    let (mut w, r) = start();
    let (inside, outside) = (w.attend(&r, 1, call(1), 0), w.enter(&r, 2));
    let slots = || ClientMessage::Slots {
        slots: vec![SlotRequest {
            mid: "4".into(),
            track: None,
            layer: 0,
        }],
    };
    let offer = || ClientMessage::Offer { sdp: "v=0".into() };
    w.forget();
    for message in [
        offer(),
        slots(),
        ClientMessage::Publish {
            mid: "0".into(),
            kind: TrackKind::Camera,
            on: true,
        },
    ] {
        w.send(outside, &message);
        assert_eq!(w.refusals(outside), [RefusalCode::NotAttached]);
        w.send(inside, &message);
        assert_eq!(w.refusals(inside), []);
    }
    assert_eq!(w.media.len(), 4);
    w.input(Input::SfuAnswer {
        conn: inside,
        sdp: "answer".into(),
    });
    w.input(Input::SfuAssigned {
        conn: inside,
        mid: "4".into(),
        track: None,
    });
    w.input(Input::SfuRefused { conn: inside });
    let got = w.received(inside);
    assert!(got[0] == ServerMessage::Answer { sdp: "answer".into() });
    assert!(
        got[1]
            == ServerMessage::Assigned {
                mid: "4".into(),
                track: None
            }
    );
    assert!(matches!(
        got[2],
        ServerMessage::Refused {
            re: 37,
            code: RefusalCode::SdpUnusable,
            ..
        }
    ));
    w.input(Input::SfuAnswer {
        conn: outside,
        sdp: "answer".into(),
    });
    assert!(w.received(outside).is_empty());
    w.send(inside, &ClientMessage::Bye {});
    assert_eq!(w.closed(inside), Some(1000));
    w.input(Input::SfuAnswer {
        conn: inside,
        sdp: "too late".into(),
    });
}

#[test]
fn a_flood_ends_itself_and_disturbs_nobody() {
    let (mut w, r) = start();
    let (hostile, good, waiting) = (w.attend(&r, 1, call(1), 0), w.attend(&r, 2, call(1), 0), w.enter(&r, 3));
    w.forget();
    let kinds = [
        ClearPart::message(call(1)),
        ClearPart::knock(call(1)),
        ClearPart::card(call(1)),
        commit_clear(call(1), 7, Vec::new(), newcomers()),
    ];
    for _ in 0..100 {
        for clear in &kinds {
            w.send(hostile, &submission([envelope(clear.clone(), 1, 512)]));
        }
    }
    assert!(w.unsequenced(good).len() <= 45, "messages and knocks");
    assert!(w.unsequenced(waiting).len() <= 8, "cards");
    assert!(w.refusals(hostile).contains(&RefusalCode::RateLimited));
    w.commit(good, call(1), 0, 1);
    assert_eq!(w.sequenced(good), [(1, 1)]);
    for _ in 0..600 {
        w.send(hostile, &ClientMessage::Ping { n: 1 });
    }
    assert_eq!(w.closed(hostile), Some(4003));
    assert_eq!(w.closed(good), None);
}

#[test]
fn commits_are_two_a_second() {
    let (mut w, r) = start();
    let a = w.attend(&r, 1, call(1), 0);
    let mut taken = 0;
    for _ in 0..100 {
        w.commit(a, call(1), taken, 1);
        taken += w.sequenced(a).len() as u64;
        w.pass(100);
    }
    assert!((20..=24).contains(&taken), "{taken} in ten seconds");
}

#[test]
fn unfinished_long_messages_are_bounded_in_time_and_in_a_room() {
    let (mut w, r) = start();
    let piece = |n| {
        ClientMessage::Chunk {
            id: 1,
            n,
            last: false,
            data: vec![0; 16_384],
        }
        .encode()
    };
    let slow = w.attend(&r, 1, call(1), 0);
    w.frame(slow, &piece(0));
    w.pass(29_999);
    assert_eq!(w.closed(slow), None);
    w.pass(1);
    assert_eq!(w.closed(slow), Some(4003));

    let holders: Vec<ConnId> = (2..=12).map(|n| w.attend(&r, n, call(1), 0)).collect();
    for holder in &holders {
        (0..120).for_each(|n| w.frame(*holder, &piece(n)));
        w.pass(1);
    }
    let ended: Vec<bool> = holders.iter().map(|conn| w.closed(*conn).is_some()).collect();
    assert!(ended[0], "who has been at it longest gives way");
    assert!(!ended[10]);
    assert_eq!(ended.iter().filter(|e| !**e).count(), (16 << 20) / (120 * 16_384));
}
