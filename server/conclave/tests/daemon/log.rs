//! The guard itself: it must hit, or every other test's clean log means nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};

use conclave::logging::{
    guard::{Found, Guard},
    own_targets,
};
use tracing::{Level, subscriber::with_default};
use tracing_subscriber::{Layer, layer::SubscriberExt, registry};

#[test]
fn the_guard_knows_addresses_ids_and_planted_names_from_plain_words() {
    let guard = Guard::new();
    guard.plant("Ada Lovelace");
    for (text, expected) in [
        ("peer 192.0.2.7 left", Some(Found::Address)),
        ("peer=192.0.2.7:5000", Some(Found::Address)),
        ("from [2001:db8::1]:443", Some(Found::Address)),
        ("::1 closed", Some(Found::Address)),
        ("room 00112233445566778899aabbccddeeff", Some(Found::Identifier)),
        ("link gAQAAAHV4bWxs9QkZ1aGZqc2Rm", Some(Found::Identifier)),
        (
            "room=[0, 1, 22, 255, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15] left",
            Some(Found::Identifier),
        ),
        (
            "RoomId([00, 01, fe, ff, 4, 5, 6, 7, 8, 9, a, b, c, d, e, 0xf])",
            Some(Found::Identifier),
        ),
        ("hello Ada Lovelace", Some(Found::Planted)),
        ("listening", None),
        ("version 1.2.3", None),
        ("at 12:30:45", None),
        ("conclave::socket::reader", None),
        ("expired rooms could not be deleted", None),
        ("a-word-with-very-many-hyphens-in-it", None),
        ("commit 0011223344", None),
        ("fifteen=[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14] left", None),
        (
            "ports 256, 300, 443, 444, 445, 446, 447, 448, 449, 450, 451, 452, 453, 454, 455, 456",
            None,
        ),
    ] {
        assert_eq!(guard.search(text), expected, "{text}");
    }
}

#[test]
fn the_guard_panics_on_addresses_and_raw_ids_at_every_level_in_events_and_spans() {
    type Write = fn();
    let cases: [(&str, Write); 8] = [
        (
            "error",
            || tracing::event!(target: "conclave", Level::ERROR, "from 192.0.2.7"),
        ),
        (
            "trace",
            || tracing::event!(target: "conclave", Level::TRACE, "from 192.0.2.7"),
        ),
        (
            "field",
            || tracing::event!(target: "conclave", Level::INFO, peer = "2001:db8::1", "left"),
        ),
        (
            "debug field",
            || tracing::event!(target: "conclave", Level::INFO, peer = ?std::net::Ipv4Addr::LOCALHOST, "left"),
        ),
        (
            "debug bytes",
            || tracing::event!(target: "conclave", Level::INFO, room = ?[7_u8; 16], "left"),
        ),
        (
            "debug bytes on many lines",
            || tracing::event!(target: "conclave", Level::INFO, "left: {:#?}", [7_u8; 16]),
        ),
        ("span", || {
            drop(tracing::span!(target: "conclave", Level::INFO, "call", peer = "192.0.2.7"))
        }),
        (
            "other target",
            || tracing::event!(target: "hyper", Level::INFO, "from 192.0.2.7"),
        ),
    ];
    for (what, write) in cases {
        let guard = Guard::new();
        let caught = catch_unwind(AssertUnwindSafe(|| with_default(registry().with(guard.clone()), write)));
        assert!(caught.is_err(), "{what}: no panic");
        assert_eq!(guard.hits(), 1, "{what}");
    }
}

#[test]
fn other_crates_are_dropped_before_the_guard_and_ours_are_not() {
    let guard = Guard::new();
    let subscriber = registry().with(guard.clone().with_filter(own_targets()));
    let caught = catch_unwind(AssertUnwindSafe(|| {
        with_default(subscriber, || {
            tracing::event!(target: "hyper::proto", Level::ERROR, "from 192.0.2.7");
            tracing::event!(target: "rtc_ice", Level::ERROR, "from 192.0.2.7");
            tracing::event!(target: "conclaves", Level::ERROR, "from 192.0.2.7");
            assert_eq!(guard.hits(), 0, "a foreign event came through");
            tracing::event!(target: "conclave_rooms::rooms", Level::DEBUG, "from 192.0.2.7");
        });
    }));
    assert!(caught.is_err() && guard.hits() == 1, "our own event was not looked at");
}
