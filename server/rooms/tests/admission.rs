//! Who gets in, and what everybody else is told.

#[allow(dead_code, reason = "each test file uses a part")]
mod common;

use common::{World, call, envelope, room, tab, transport};
use conclave_protocol::{
    envelope::ClearPart,
    keys::LinkSecret,
    message::{ClientMessage, RefusalCode, ServerMessage},
    room::Limits,
};
use conclave_rooms::{Input, Rooms};

fn limits(members: u16) -> Limits {
    Limits {
        members,
        ..Limits::default()
    }
}

#[test]
fn the_rooms_can_move_to_a_thread() {
    fn is_send<T: Send>() {}
    is_send::<Rooms>();
}

#[test]
fn whoever_has_the_link_is_let_in() {
    let mut w = World::new();
    let r = room(1, limits(250));
    w.add(&r);
    let a = w.enter(&r, 1);
    let got = w.received(a);
    assert!(matches!(got[0], ServerMessage::Challenge { server_nonce } if server_nonce == w.sockets[&a].nonce));
    assert!(
        matches!(&got[1], ServerMessage::Admitted { sheet, calls, .. } if *sheet == r.record.sheet && calls.is_empty())
    );
    assert_eq!(w.closed(a), None);
}

#[test]
fn c_admit_3_an_unknown_room_and_a_wrong_link_get_the_same_answer() {
    let mut w = World::new();
    let (known, unknown) = (room(1, limits(250)), room(2, limits(250)));
    w.add(&known);
    let wrong = w.connect();
    for message in w.proof(wrong, &known.record, &LinkSecret::from_bytes([9; 32]), 1) {
        w.send(wrong, &message);
    }
    let nowhere = w.enter(&unknown, 1);
    let (wrong_got, nowhere_got) = (w.received(wrong), w.received(nowhere));
    assert_eq!(wrong_got.len(), 2);
    assert!(wrong_got[1] == nowhere_got[1], "the same bytes");
    assert!(matches!(
        wrong_got[1],
        ServerMessage::Refused {
            re: 33,
            code: RefusalCode::NotAllowed,
            retry_after_ms: None,
            head_seq: None
        }
    ));
    assert_eq!((w.closed(wrong), w.closed(nowhere)), (Some(4001), Some(4001)));
}

#[test]
fn a_proof_for_the_dummy_key_opens_nothing() {
    // The dummy's seed of these tests is known to the test; a server's is known to nobody, and even so.
    let mut w = World::new();
    let unknown = room(2, limits(250));
    let conn = w.connect();
    let context = conclave_protocol::admission::AdmissionContext {
        server: common::server(),
        room_id: unknown.record.room_id,
        server_nonce: w.sockets[&conn].nonce,
        client_nonce: [7; 32],
        transport_pk: conclave_protocol::keys::TransportPk::from_bytes(tab(1).public()),
    };
    let (sig_admission, sig_transport) = context.sign(&tab(0xdd), &tab(1));
    w.send(
        conn,
        &ClientMessage::Hello {
            room_id: context.room_id,
            client_nonce: [7; 32],
            transport_pk: context.transport_pk,
        },
    );
    w.send(
        conn,
        &ClientMessage::Admit {
            sig_admission,
            sig_transport,
        },
    );
    assert_eq!(w.closed(conn), Some(4001));
}

#[test]
fn a_proof_counts_on_its_own_socket_only() {
    let mut w = World::new();
    let r = room(1, limits(250));
    w.add(&r);
    let (a, b) = (w.connect(), w.connect());
    for message in w.proof(a, &r.record, &r.secret, 1) {
        w.send(b, &message);
    }
    assert_eq!(w.closed(b), Some(4001), "recorded from another socket");
}

#[test]
fn a_deleted_room_answers_like_an_unknown_one_and_empties() {
    let mut w = World::new();
    let r = room(1, limits(250));
    w.add(&r);
    let inside = w.attend(&r, 1, call(1), 0);
    w.input(Input::RoomDeleted(r.record.room_id));
    assert_eq!(w.closed(inside), Some(4011));
    assert!(w.in_media().is_empty());
    let late = w.enter(&r, 2);
    assert_eq!(w.closed(late), Some(4001));
}

#[test]
fn messages_out_of_order_end_their_own_connection() {
    let mut w = World::new();
    let r = room(1, limits(250));
    w.add(&r);
    let bystander = w.enter(&r, 9);
    let probe = w.connect();
    let [hello, admit] = w.proof(probe, &r.record, &r.secret, 1);
    let attach = ClientMessage::Attach {
        call_id: call(1),
        have_seq: 0,
    };
    let piece = ClientMessage::Chunk {
        id: 1,
        n: 0,
        last: false,
        data: vec![0; 16_384],
    };
    let offer = ClientMessage::Offer { sdp: String::new() };
    let orders: [(&str, Vec<&ClientMessage>); 8] = [
        ("admit first", vec![&admit]),
        ("hello twice", vec![&hello, &hello]),
        ("attach first", vec![&attach]),
        ("attach before the proof", vec![&hello, &attach]),
        ("a piece before the proof", vec![&piece]),
        ("an offer before the proof", vec![&offer]),
        ("hello after admission", vec![&hello, &admit, &hello]),
        ("admit after admission", vec![&hello, &admit, &admit]),
    ];
    for (name, order) in &orders {
        let conn = w.connect();
        // The proof must be of this socket.
        let [own_hello, own_admit] = w.proof(conn, &r.record, &r.secret, 1);
        for message in order {
            let message = match message {
                ClientMessage::Hello { .. } => &own_hello,
                ClientMessage::Admit { .. } => &own_admit,
                other => *other,
            };
            w.send(conn, message);
        }
        assert_eq!(w.closed(conn), Some(4005), "{name}");
        assert_eq!(w.refusals(conn), [RefusalCode::Malformed], "{name}");
    }
    assert_eq!(w.closed(bystander), None);
}

#[test]
fn garbage_ends_its_own_connection() {
    let mut w = World::new();
    let r = room(1, limits(250));
    w.add(&r);
    for admitted in [false, true] {
        for bytes in [
            &b""[..],
            b"\xff",
            b"{\"json\":1}",
            &[0x82, 0x18, 0x63, 0xa0],
            &[0; 65_536],
            &[0; 65_537],
            &[0x9f; 70_000],
        ] {
            let conn = if admitted { w.enter(&r, 1) } else { w.connect() };
            w.frame(conn, bytes);
            assert!(matches!(w.closed(conn), Some(4004 | 4005)));
        }
    }
}

#[test]
fn a_socket_that_proves_nothing_is_closed_after_ten_seconds() {
    let mut w = World::new();
    let r = room(1, limits(250));
    w.add(&r);
    let silent = w.connect();
    let halfway = w.connect();
    let [hello, _] = w.proof(halfway, &r.record, &r.secret, 1);
    w.send(halfway, &hello);
    let admitted = w.enter(&r, 2);
    w.pass(9_999);
    assert_eq!(w.closed(silent), None);
    w.pass(1);
    assert_eq!(
        (w.closed(silent), w.closed(halfway), w.closed(admitted)),
        (Some(4001), Some(4001), None)
    );
    assert_eq!(w.rooms.totals().connections, 1);
}

#[test]
fn a_room_and_a_server_hold_only_so_many() {
    let mut w = World::with(3);
    let r = room(1, limits(2));
    w.add(&r);
    let (a, b, c) = (w.enter(&r, 1), w.enter(&r, 2), w.enter(&r, 3));
    assert_eq!((w.closed(a), w.closed(b), w.closed(c)), (None, None, Some(4007)));
    let d = w.connect();
    assert_eq!(w.closed(d), None);
    let e = w.connect();
    assert_eq!(w.closed(e), Some(4008));
    // A tab that comes back takes its own place, also when the room is full.
    w.close(d);
    let again = w.enter(&r, 1);
    assert_eq!((w.closed(again), w.closed(a)), (None, Some(4011)));
}

#[test]
fn the_251st_is_told_that_the_room_is_full() {
    let mut w = World::with(1_000);
    let r = room(1, limits(250));
    w.add(&r);
    let in_time: Vec<_> = (0..250).map(|n| w.enter(&r, n)).collect();
    assert!(in_time.iter().all(|conn| w.closed(*conn).is_none()));
    let late = w.enter(&r, 250);
    assert_eq!(w.closed(late), Some(4007));
    // A place that is given back is somebody's again.
    w.close(in_time[7]);
    let next = w.enter(&r, 250);
    assert_eq!(w.closed(next), None);
}

#[test]
fn a_tab_that_comes_back_takes_its_place_over() {
    let mut w = World::new();
    let r = room(1, limits(250));
    w.add(&r);
    let old = w.attend(&r, 1, call(1), 0);
    let other = w.attend(&r, 2, call(1), 0);
    let new = w.attend(&r, 1, call(1), 0);
    assert_eq!(w.closed(old), Some(4011));
    w.forget();
    w.commit(other, call(1), 0, 5);
    assert_eq!(w.sequenced(new), [(1, 5)]);
    // The dead socket's end is reported late and must not touch the new one.
    w.input(Input::Closed { conn: old });
    w.commit(other, call(1), 1, 6);
    assert_eq!(w.sequenced(new), [(2, 6)]);
    assert_eq!(w.in_media(), [other, new].into());
    // And it is the new one that is spoken to by its transport id.
    let to_the_tab = ClearPart::welcome(call(1), vec![transport(1)]);
    let commit = envelope(common::commit_clear(call(1), 2, Vec::new(), vec![transport(1)]), 7, 512);
    w.send(
        other,
        &ClientMessage::submission([commit, envelope(to_the_tab, 8, 512)]),
    );
    assert_eq!(w.sequenced(new), [(3, 7), (3, 8)]);
}

#[test]
fn a_shutdown_tells_everybody() {
    let mut w = World::new();
    let r = room(1, limits(250));
    w.add(&r);
    let (a, b) = (w.attend(&r, 1, call(1), 0), w.connect());
    w.input(Input::Shutdown);
    assert_eq!((w.closed(a), w.closed(b)), (Some(4011), Some(4011)));
    assert!(w.in_media().is_empty());
    assert_eq!(w.rooms.totals().connections, 0);
}
