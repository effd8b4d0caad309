//! Coming back to a call, and how long its log, its card and the call itself are kept.

#[allow(dead_code, reason = "each test file uses a part")]
mod common;

use common::{
    call, commit_clear, envelope,
    talk::{newcomers, publish, start, submission, were_there},
};
use conclave_protocol::{
    envelope::ClearPart,
    ids::TrackKind,
    message::{ClientMessage, RefusalCode, ServerMessage},
};
use conclave_rooms::{ConnId, MediaCommand};

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
