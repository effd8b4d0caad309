//! Rooms made with tickets and changed by their owners, over the socket, and what those learn who only try.

use std::time::{SystemTime, UNIX_EPOCH};

use conclave::{
    Error,
    admin::{Refusal, Reply, Request, hash_text, record_text},
};
use conclave_protocol::{
    ids::RoomId,
    keys::{Signer, TicketSecret},
    manage::{ManagedRoom, RoomChange, TicketHash, record_hash, sign_change, sign_registration},
    message::{ClientMessage, ServerMessage},
    owner::{ROTATE_ENTROPY, Terms, open_record, reissue, rotate},
    room::{NewRoom, RoomRecord},
};

use crate::harness::{Client, End, Folder, Running, config, new_room};

const NOT_ALLOWED: End = End::Code(4_001);
const STALE: End = End::Code(4_002);
const TOO_LARGE: End = End::Code(4_004);
const DONE: End = End::Code(1_000);

fn today() -> u16 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
    u16::try_from(since.as_secs() / 86_400).expect("a day")
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("randomness");
    bytes
}

/// A ticket that this server keeps; its number and secret.
async fn ticket(server: &Running, day_expires: u16) -> (i64, TicketSecret) {
    let secret = TicketSecret::from_bytes(random());
    let request = Request::TicketCreate {
        hash: hash_text(&TicketHash::of(&secret)),
        day_expires,
    };
    let Reply::TicketCreated { number } = server.admin(request).await else {
        panic!("not the answer to ticket_create");
    };
    (number, secret)
}

async fn tickets(server: &Running) -> Vec<i64> {
    let Reply::Tickets { tickets } = server.admin(Request::TicketList {}).await else {
        panic!("not a list");
    };
    tickets.iter().map(|ticket| ticket.number).collect()
}

async fn rooms(server: &Running) -> usize {
    let Reply::Rooms { rooms } = server.admin(Request::RoomList {}).await else {
        panic!("not a list");
    };
    rooms.len()
}

fn fresh_room(server: &Running) -> NewRoom {
    new_room(&server.name, today(), today() + 90)
}

fn manage_key(server: &Running, room: &NewRoom) -> Signer {
    room.host_credential.manage_secret.manage(&server.name)
}

/// One request on a connection of its own: what came behind the challenge, and how it ended.
async fn ask(server: &Running, request: impl FnOnce(&[u8; 32]) -> ClientMessage) -> (Vec<Vec<u8>>, End) {
    let mut client = Client::connect(server).await;
    let Ok(ServerMessage::Challenge { server_nonce }) = client.next().await else {
        panic!("the first message is a challenge");
    };
    client.send(&request(&server_nonce)).await;
    client.rest().await
}

async fn register(server: &Running, secret: &TicketSecret, record: &RoomRecord, key: &Signer) -> (Vec<Vec<u8>>, End) {
    ask(server, |nonce| ClientMessage::Register {
        ticket: secret.clone(),
        record: record.clone(),
        signature: sign_registration(key, &server.name, nonce, secret, record),
    })
    .await
}

async fn manage(server: &Running, room_id: RoomId, change: RoomChange, key: &Signer) -> (Vec<Vec<u8>>, End) {
    ask(server, |nonce| ClientMessage::Manage {
        room_id,
        signature: sign_change(key, &server.name, nonce, room_id, &change),
        change,
    })
    .await
}

fn managed((messages, end): (Vec<Vec<u8>>, End)) -> Option<ManagedRoom> {
    assert_eq!(end, DONE);
    let [message] = messages.as_slice() else {
        panic!("{} messages", messages.len())
    };
    match ServerMessage::decode(message) {
        Ok(ServerMessage::Managed { room }) => room,
        _ => panic!("not the answer to a request of an owner"),
    }
}

fn refused((messages, end): (Vec<Vec<u8>>, End), how: &End) -> Vec<Vec<u8>> {
    assert_eq!(end, *how);
    assert_eq!(messages.len(), 1, "one refusal and nothing else");
    messages
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_makes_one_room_and_leaves_nothing() {
    let server = Running::start().await;
    let (_, secret) = ticket(&server, today()).await;
    let room = fresh_room(&server);
    let key = manage_key(&server, &room);
    let made = managed(register(&server, &secret, &room.record, &key).await).expect("a room");
    assert!(made.record == room.record && made.limits == room.record.limits);
    assert_eq!((made.last_day, made.latest_day), (today() + 90, today() + 3_650));
    // It is in force when the organiser is told.
    Client::admitted(&server, &room).await;
    assert!(tickets(&server).await.is_empty(), "its row is gone");

    let another = fresh_room(&server);
    let again = register(&server, &secret, &another.record, &manage_key(&server, &another)).await;
    let used = refused(again, &NOT_ALLOWED);
    let stranger = TicketSecret::from_bytes(random());
    let unknown = register(&server, &stranger, &another.record, &manage_key(&server, &another)).await;
    assert!(
        used == refused(unknown, &NOT_ALLOWED),
        "used and unknown are one answer"
    );
    assert_eq!(rooms(&server).await, 1);

    // Neither the secret nor its hash is in the folder any more.
    let folder = server.stop().await;
    let bytes = std::fs::read(folder.0.join("rooms.sqlite")).expect("the database");
    for gone in [secret.expose(), TicketHash::of(&secret).as_bytes()] {
        assert!(!bytes.windows(32).any(|window| window == gone));
    }
    assert!(
        bytes.windows(16).any(|window| window == room.record.room_id.as_bytes()),
        "the positive control: the room is"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_and_an_expired_ticket_open_nothing() {
    let server = Running::start().await;
    let room = fresh_room(&server);
    let key = manage_key(&server, &room);
    let (number, revoked) = ticket(&server, today()).await;
    server.admin(Request::TicketRevoke { number }).await;
    let again = server.try_admin(Request::TicketRevoke { number }).await;
    assert!(matches!(again, Err(Error::Refused(Refusal::NoSuchTicket))));
    let (_, expired) = ticket(&server, today() - 1).await;
    for secret in [revoked, expired] {
        refused(register(&server, &secret, &room.record, &key).await, &NOT_ALLOWED);
    }
    assert_eq!(rooms(&server).await, 0);
    // The expired one is swept when the server starts.
    let folder = server.stop().await;
    let server = Running::start_in(folder, None).await;
    assert!(tickets(&server).await.is_empty());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_lasts_until_it_has_made_a_room() {
    let folder = Folder::new();
    let mut settings = config(&folder.0);
    settings.limits.room_days = 30;
    let server = Running::start_with(settings, folder, None).await;
    let (_, secret) = ticket(&server, today()).await;
    let too_long = fresh_room(&server);
    let key = manage_key(&server, &too_long);
    refused(register(&server, &secret, &too_long.record, &key).await, &TOO_LARGE);
    let old = new_room(&server.name, today() - 40, today() + 3);
    let answer = register(&server, &secret, &old.record, &manage_key(&server, &old)).await;
    refused(answer, &NOT_ALLOWED);
    let wrong_key = register(&server, &secret, &old.record, &key).await;
    refused(wrong_key, &NOT_ALLOWED);
    let fits = new_room(&server.name, today(), today() + 30);
    let made = managed(register(&server, &secret, &fits.record, &manage_key(&server, &fits)).await);
    assert_eq!(made.map(|room| room.latest_day), Some(today() + 30));
    server.stop().await;
}

/// A13.
#[tokio::test(flavor = "multi_thread")]
async fn a13_a_room_is_not_registered_again_and_guessing_its_id_tells_nothing() {
    let server = Running::start().await;
    let (_, room) = server.room().await;
    // With a good ticket, keys of the attacker's own, and the id of somebody's room, which every guest can compute.
    let mine = fresh_room(&server);
    let key = manage_key(&server, &mine);
    let squat = RoomRecord {
        room_id: room.record.room_id,
        ..mine.record.clone()
    };
    let (number, secret) = ticket(&server, today()).await;
    let squatting = refused(register(&server, &secret, &squat, &key).await, &NOT_ALLOWED);
    Client::admitted(&server, &room).await;
    // The answer is that to a ticket that does not exist.
    let unknown = TicketSecret::from_bytes(random());
    let guess = refused(register(&server, &unknown, &mine.record, &key).await, &NOT_ALLOWED);
    assert!(squatting == guess);
    assert_eq!(tickets(&server).await, [number]);

    // Changing it with a key of one's own, and changing rooms that are not there.
    let mut answers = Vec::new();
    for (id, key) in [
        (room.record.room_id, &key),
        (mine.record.room_id, &key),
        (RoomId::from_bytes([0; 16]), &key),
    ] {
        for change in [
            RoomChange::Read {},
            RoomChange::Delete {},
            RoomChange::Replace {
                base: record_hash(&room.record),
                record: squat.clone(),
            },
        ] {
            answers.push(refused(manage(&server, id, change, key).await, &NOT_ALLOWED));
        }
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "the answers differ");
    Client::admitted(&server, &room).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_reads_changes_and_deletes_without_an_account() {
    let server = Running::start().await;
    let (number, room) = server.room().await;
    let (key, id) = (manage_key(&server, &room), room.record.room_id);
    let read = managed(manage(&server, id, RoomChange::Read {}, &key).await).expect("a room");
    let sheet = open_record(&room.host_credential, &server.name, &read.record).expect("the owner's sheet");
    let terms = Terms {
        title: "Choir".to_owned(),
        ..Terms::of(&sheet)
    };
    let reissued = |nonce| reissue(&room.host_credential, &server.name, &read.record, &terms, nonce).expect("a record");
    let replace = |record: RoomRecord| RoomChange::Replace {
        base: record_hash(&read.record),
        record,
    };
    let changed = managed(manage(&server, id, replace(reissued(random())), &key).await).expect("a room");
    let sheet = open_record(&room.host_credential, &server.name, &changed.record).expect("the owner's sheet");
    assert_eq!((sheet.title.as_str(), sheet.seq), ("Choir", 2));
    // A second change from the same record, as by a second page that was open: refused, so that neither is lost unseen.
    refused(manage(&server, id, replace(reissued(random())), &key).await, &STALE);
    // Guests are shown the new sheet.
    let mut guest = Client::connect(&server).await;
    guest.prove(&server.name, id, &room.guest_link.link_secret).await;
    assert!(matches!(guest.next().await, Ok(ServerMessage::Admitted { sheet, .. }) if sheet == changed.record.sheet));

    // What the operator took away stays so, and the owner sees it.
    server
        .admin(Request::RoomLimits {
            number,
            members: Some(7),
            seats: None,
            calls: None,
        })
        .await;
    let read = managed(manage(&server, id, RoomChange::Read {}, &key).await).expect("a room");
    assert_eq!((read.limits.members, read.record.limits.members), (7, 250));
    // A closed room is not there for its owner either.
    server.admin(Request::RoomClose { number }).await;
    refused(manage(&server, id, RoomChange::Read {}, &key).await, &NOT_ALLOWED);
    refused(manage(&server, id, RoomChange::Delete {}, &key).await, &NOT_ALLOWED);
    server.admin(Request::RoomOpen { number }).await;

    let mut inside = Client::admitted(&server, &room).await;
    assert!(managed(manage(&server, id, RoomChange::Delete {}, &key).await).is_none());
    assert_eq!(inside.rest().await.1, End::Code(4_011));
    refused(manage(&server, id, RoomChange::Read {}, &key).await, &NOT_ALLOWED);
    assert_eq!(rooms(&server).await, 0);
    // The same owner may make it anew, with a ticket.
    let (_, secret) = ticket(&server, today()).await;
    let record = RoomRecord {
        day_made: today(),
        day_expires: today() + 90,
        ..room.record.clone()
    };
    managed(register(&server, &secret, &record, &key).await);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_link_opens_the_room_and_the_old_one_is_like_unknown() {
    let server = Running::start().await;
    let (_, room) = server.room().await;
    let (key, id) = (manage_key(&server, &room), room.record.room_id);
    let mut inside = Client::admitted(&server, &room).await;
    let rotated = rotate(
        &room.host_credential,
        &server.name,
        &room.record,
        &random::<ROTATE_ENTROPY>(),
    )
    .expect("another link");
    let change = RoomChange::Replace {
        base: record_hash(&room.record),
        record: rotated.record.clone(),
    };
    managed(manage(&server, id, change, &key).await);
    assert!(inside.is_served(1).await, "those inside stay");

    let mut old = Client::connect(&server).await;
    old.prove(&server.name, id, &room.guest_link.link_secret).await;
    let answer = refused(old.rest().await, &NOT_ALLOWED);
    let mut nowhere = Client::connect(&server).await;
    nowhere
        .prove(&server.name, RoomId::from_bytes([0; 16]), &room.guest_link.link_secret)
        .await;
    assert!(
        answer == refused(nowhere.rest().await, &NOT_ALLOWED),
        "in the same bytes"
    );
    let mut new = Client::connect(&server).await;
    new.prove(&server.name, id, &rotated.credential.guest.link_secret).await;
    assert!(matches!(new.next().await, Ok(ServerMessage::Admitted { .. })));
    // And after a restart.
    let folder = server.stop().await;
    let server = Running::start_in(folder, None).await;
    let mut new = Client::connect(&server).await;
    new.prove(&server.name, id, &rotated.credential.guest.link_secret).await;
    assert!(matches!(new.next().await, Ok(ServerMessage::Admitted { .. })));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_extends_a_room_within_what_the_operator_allows() {
    let folder = Folder::new();
    let mut settings = config(&folder.0);
    settings.limits.room_days = 100;
    let server = Running::start_with(settings, folder, None).await;
    let room = fresh_room(&server);
    server
        .admin(Request::RoomCreate {
            record: record_text(&room.record),
        })
        .await;
    let key = manage_key(&server, &room);
    let lasting = |days: u16| {
        let sheet = open_record(&room.host_credential, &server.name, &room.record).expect("a sheet");
        let terms = Terms {
            day_expires: today() + days,
            ..Terms::of(&sheet)
        };
        let record = reissue(&room.host_credential, &server.name, &room.record, &terms, random()).expect("a record");
        RoomChange::Replace {
            base: record_hash(&room.record),
            record,
        }
    };
    let id = room.record.room_id;
    refused(manage(&server, id, lasting(101), &key).await, &TOO_LARGE);
    let extended = managed(manage(&server, id, lasting(100), &key).await).expect("a room");
    assert_eq!((extended.last_day, extended.latest_day), (today() + 100, today() + 100));
    server.stop().await;
}
