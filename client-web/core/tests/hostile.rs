//! Bytes that no server of ours would send: the member may lose that connection, never its head.

mod world;

use conclave_core::{Input, State};
use conclave_protocol::ids::CallId;
use conclave_protocol::message::{RefusalCode, ServerMessage};
use world::World;

#[test]
fn frames_of_noise_cost_a_connection_and_nothing_else() {
    for seed in 1..=3 {
        let mut world = World::new(seed);
        let tabs = world.call_of(&["A", "B"]);
        let epoch = world.tabs[0].epoch();
        for _ in 0..40 {
            let length = world.below(200) as usize;
            let noise: Vec<u8> = (0..length).map(|_| world.below(256) as u8).collect();
            world.give(tabs[0], Input::SocketFrame(&noise));
            world.run(50);
        }
        world.run(10_000);
        assert!(world.together(&tabs));
        assert_eq!(world.tabs[0].epoch(), epoch);
    }
}

#[test]
fn well_formed_nonsense_from_the_server_changes_nothing() {
    let mut world = World::new(1);
    let tabs = world.call_of(&["A", "B"]);
    let nonsense = [
        ServerMessage::Notice {
            call_id: CallId::from_bytes([9; 16]),
            seq: u64::MAX,
            drop: true,
        },
        ServerMessage::EnvelopeIn {
            seq: None,
            envelope: vec![1, 2, 3],
        },
        ServerMessage::EnvelopeIn {
            seq: Some(0),
            envelope: Vec::new(),
        },
        ServerMessage::EnvelopeIn {
            seq: Some(u64::MAX),
            envelope: vec![0; 100],
        },
        ServerMessage::Assigned {
            mid: "99".into(),
            track: None,
        },
        ServerMessage::Tracks { tracks: Vec::new() },
        ServerMessage::Refused {
            re: 39,
            code: RefusalCode::RateLimited,
            retry_after_ms: Some(u32::MAX),
            head_seq: Some(0),
        },
        ServerMessage::Refused {
            re: 35,
            code: RefusalCode::StaleSequence,
            retry_after_ms: None,
            head_seq: Some(u64::MAX),
        },
        ServerMessage::Pong { n: 77 },
    ];
    for message in nonsense {
        world.give(tabs[0], Input::SocketFrame(&message.encode()));
        world.run(200);
    }
    world.run(5_000);
    assert!(world.together(&tabs));
    assert!(world.tabs[0].expects.is_empty(), "the server filled a slot by itself");
}

#[test]
fn a_second_challenge_is_not_answered() {
    let mut world = World::new(1);
    let tabs = world.call_of(&["A", "B"]);
    let challenge = ServerMessage::Challenge { server_nonce: [1; 32] };
    world.give(tabs[0], Input::SocketFrame(&challenge.encode()));
    assert!(
        world.tabs[0].state == State::Reconnecting,
        "a signature could be had at will"
    );
    world.run(5_000);
    assert!(world.together(&tabs));
}
