//! Who gets in, and that nobody else learns anything by trying.

use std::time::{Duration, Instant};

use conclave::admin::Request;
use conclave_protocol::{
    ids::RoomId,
    keys::{LinkKeys, LinkSecret},
    message::ServerMessage,
    sheet,
};

use crate::harness::{Client, End, Running, new_room};

/// Close code 4000 + NotAllowed.
const NOT_ALLOWED: End = End::Code(4_001);

#[tokio::test(flavor = "multi_thread")]
async fn whoever_holds_the_link_is_admitted_and_can_open_the_sheet() {
    let server = Running::start().await;
    let (_, room) = server.room().await;
    let mut client = Client::connect(&server).await;
    client
        .prove(&server.name, room.record.room_id, &room.guest_link.link_secret)
        .await;
    let Ok(ServerMessage::Admitted { limits, sheet, calls }) = client.next().await else {
        panic!("not admitted");
    };
    assert!(calls.is_empty());
    let keys = LinkKeys::derive(&room.guest_link.link_secret);
    let opened = sheet::open(&keys, &room.guest_link.room_fp, &server.name, &limits, &sheet);
    assert_eq!(opened.ok().map(|sheet| sheet.title).as_deref(), Some("Reading group"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_link_and_an_unknown_room_are_refused_with_the_same_bytes() {
    let server = Running::start().await;
    let (_, room) = server.room().await;
    let stranger = LinkSecret::from_bytes([7; 32]);
    let elsewhere = new_room(&server.name, 20_000, 65_000);
    let mut answers = Vec::new();
    for (room_id, secret) in [
        (room.record.room_id, &stranger),
        (elsewhere.record.room_id, &elsewhere.guest_link.link_secret),
        (RoomId::from_bytes([0; 16]), &stranger),
    ] {
        let mut client = Client::connect(&server).await;
        client.prove(&server.name, room_id, secret).await;
        let (messages, end) = client.rest().await;
        assert_eq!(end, NOT_ALLOWED);
        answers.push(messages);
    }
    let [wrong, unknown, zero] = answers.as_slice() else {
        panic!("three answers")
    };
    assert_eq!(wrong.len(), 1, "one refusal and nothing else");
    assert!(wrong == unknown && unknown == zero, "the answers differ");
    server.stop().await;
}

/// Guesses of each kind, one of each in turn: whatever slows the machine down slows all kinds.
const GUESSES: usize = 120;

/// How far the middle times of two kinds may lie apart: measured under a load of eight on two processors they are 1 % apart, and without
/// the work for a room that does not exist it would be refused in a third of the time.
const APART: f64 = 1.2;

/// The middle of these times.
fn middle(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// C-ADMIT-3, by the clock of whoever guesses: from the proof on the wire to the refusal.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "figures for whoever reads the test's output")]
async fn an_unknown_room_is_refused_as_slowly_as_a_wrong_link() {
    let server = Running::start().await;
    let (_, room) = server.room().await;
    let (number, deleted) = server.room().await;
    server.admin(Request::RoomDelete { number }).await;
    let stranger = LinkSecret::from_bytes([7; 32]);
    let kinds = [room.record.room_id, RoomId::from_bytes([9; 16]), deleted.record.room_id];
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..GUESSES {
        for (room_id, times) in kinds.iter().zip(&mut times) {
            let mut client = Client::connect(&server).await;
            let proof = client.greet(&server.name, *room_id, &stranger).await;
            let started = Instant::now();
            client.send(&proof).await;
            assert!(matches!(client.next().await, Ok(ServerMessage::Refused { .. })));
            times.push(started.elapsed());
            assert_eq!(client.rest().await.1, NOT_ALLOWED);
        }
    }
    let [known, unknown, gone] = times.each_mut().map(|times| middle(times).as_secs_f64());
    for (what, time) in [("an unknown room", unknown), ("a deleted room", gone)] {
        let ratio = time / known;
        println!("{what}: {:.0} µs, {ratio:.2} of a wrong link's", time * 1e6);
        assert!(
            (1.0 / APART..APART).contains(&ratio),
            "{what} is refused in {ratio:.2} of a wrong link's time"
        );
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_for_another_server_name_does_not_count() {
    let server = Running::start().await;
    let (_, room) = server.room().await;
    let other = conclave::config::parse_name("elsewhere.example").expect("a name");
    let mut client = Client::connect(&server).await;
    client
        .prove(&other, room.record.room_id, &room.guest_link.link_secret)
        .await;
    assert_eq!(client.rest().await.1, NOT_ALLOWED);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_room_disconnects_who_is_in_it_and_admits_nobody() {
    let server = Running::start().await;
    let (number, room) = server.room().await;
    let mut inside = Client::admitted(&server, &room).await;
    server.admin(conclave::admin::Request::RoomDelete { number }).await;
    assert_eq!(inside.rest().await.1, End::Code(4_011));
    let mut late = Client::connect(&server).await;
    late.prove(&server.name, room.record.room_id, &room.guest_link.link_secret)
        .await;
    assert_eq!(late.rest().await.1, NOT_ALLOWED);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_outlive_the_server_and_expired_ones_do_not() {
    let server = Running::start().await;
    let (_, room) = server.room().await;
    let past = new_room(&server.name, 1, 2);
    server
        .admin(conclave::admin::Request::RoomCreate {
            record: conclave::admin::record_text(&past.record),
        })
        .await;
    let folder = server.stop().await;

    let server = Running::start_in(folder, None).await;
    Client::admitted(&server, &room).await;
    let conclave::admin::Reply::Rooms { rooms } = server.admin(conclave::admin::Request::RoomList {}).await else {
        panic!("not a list");
    };
    assert_eq!(rooms.len(), 1, "the expired room is gone from the disk");
    let mut late = Client::connect(&server).await;
    late.prove(&server.name, past.record.room_id, &past.guest_link.link_secret)
        .await;
    assert_eq!(late.rest().await.1, NOT_ALLOWED);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_server_is_told_to_those_admitted_and_those_not_yet() {
    let server = Running::start().await;
    let (_, room) = server.room().await;
    let mut inside = Client::admitted(&server, &room).await;
    let mut outside = Client::connect(&server).await;
    assert!(matches!(outside.next().await, Ok(ServerMessage::Challenge { .. })));
    let ending = tokio::spawn(server.stop());
    assert_eq!(inside.rest().await.1, End::Code(4_011));
    assert_eq!(outside.rest().await.1, End::Code(4_011));
    ending.await.expect("a clean end");
}
