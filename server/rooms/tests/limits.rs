//! What one connection may send, and how much of it.

#[allow(dead_code, reason = "each test file uses a part")]
mod common;

use common::{
    call, commit_clear, envelope,
    talk::{newcomers, start, submission},
    transport,
};
use conclave_protocol::{
    envelope::ClearPart,
    limits::{MAX_CARD, MAX_KNOCK, MAX_MESSAGE},
    message::{ClientMessage, RefusalCode},
};
use conclave_rooms::ConnId;

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
