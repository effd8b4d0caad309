//! The floor: seats for microphones, the list of tracks, and media requests.

#[allow(dead_code, reason = "each test file uses a part")]
mod common;

use common::{
    World, call,
    talk::{publish, start},
    transport,
};
use conclave_protocol::{
    ids::{TrackId, TrackKind},
    message::{ClientMessage, RefusalCode, ServerMessage, SlotRequest},
};
use conclave_rooms::{ConnId, Input, MediaCommand};

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
