//! TURN over TLS at the public port: hidden from strangers, open for those who are admitted, and leading to the media plane only.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use conclave::tap::FrameTap;
use conclave_protocol::message::ServerMessage;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::client::TlsStream;
use turn_server_proto::types::{
    attribute::{Data, RequestedTransport, XorPeerAddress, XorRelayedAddress},
    message::{ALLOCATE, CREATE_PERMISSION, SEND},
    stun::{
        attribute::{ErrorCode, Nonce, Realm, Username},
        message::{IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageHeader, MessageWriteVec, Method},
        prelude::{MessageWrite, MessageWriteExt},
    },
};

use crate::{
    harness::{Client, Folder, PATIENCE, Running},
    tls::{Authority, HOST, exchange},
};

#[derive(Default)]
pub struct Datagrams(Mutex<Vec<Vec<u8>>>);

impl FrameTap for Datagrams {
    fn datagram_in(&self, datagram: &[u8]) {
        self.0.lock().expect("a lock").push(datagram.to_vec());
    }
}

impl Datagrams {
    /// How many datagrams like this one have come.
    pub fn count(&self, datagram: &[u8]) -> usize {
        let all = self.0.lock().expect("a lock");
        all.iter().filter(|seen| seen.as_slice() == datagram).count()
    }

    pub async fn until_seen(&self, datagram: &[u8]) -> bool {
        let started = std::time::Instant::now();
        while started.elapsed() < Duration::from_secs(5) {
            if self.0.lock().expect("a lock").iter().any(|seen| seen == datagram) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }
}

/// What an admitted member was handed.
pub struct Handed {
    pub username: String,
    pub password: String,
}

/// A member, and what it got on the way in.
pub async fn admitted(authority: &Authority, server: &Running) -> (Client, Handed) {
    let (_, room) = server.room().await;
    let mut member = authority.client(server).await;
    member
        .prove(&server.name, room.record.room_id, &room.guest_link.link_secret)
        .await;
    let Ok(ServerMessage::Relay { username, password }) = member.next().await else {
        panic!("no relay before the admission");
    };
    assert!(matches!(member.next().await, Ok(ServerMessage::Admitted { .. })));
    (member, Handed { username, password })
}

pub fn first_allocate() -> Vec<u8> {
    let mut request = Message::builder_request(ALLOCATE, MessageWriteVec::new());
    add_transport(&mut request);
    request.finish()
}

pub fn add_transport(request: &mut MessageWriteVec) {
    request
        .add_attribute(&RequestedTransport::new(RequestedTransport::UDP))
        .expect("room");
}

pub fn signed(method: Method, handed: &Handed, nonce: &str, add: impl FnOnce(&mut MessageWriteVec)) -> Vec<u8> {
    let mut request = Message::builder_request(method, MessageWriteVec::new());
    add(&mut request);
    request
        .add_attribute(&Username::new(&handed.username).expect("a name"))
        .expect("room");
    request
        .add_attribute(&Realm::new(HOST).expect("a realm"))
        .expect("room");
    request
        .add_attribute(&Nonce::new(nonce).expect("a nonce"))
        .expect("room");
    let key = LongTermKeyCredentials::new(handed.username.clone(), handed.password.clone(), HOST.to_owned());
    request
        .add_message_integrity(&key.into(), IntegrityAlgorithm::Sha1)
        .expect("room");
    request.finish()
}

pub fn add_peer(request: &mut MessageWriteVec, peer: SocketAddr) {
    let transaction = MessageHeader::from_bytes(request).expect("a header").transaction_id();
    request
        .add_attribute(&XorPeerAddress::new(peer, transaction))
        .expect("room");
}

/// One request and its answer, over a stream that carries nothing else.
async fn ask(stream: &mut TlsStream<TcpStream>, request: &[u8]) -> Vec<u8> {
    stream.write_all(request).await.expect("written");
    stream.flush().await.expect("sent");
    let mut answer = vec![0; 20];
    timeout(PATIENCE, stream.read_exact(&mut answer))
        .await
        .expect("an answer in time")
        .expect("an answer");
    let rest = usize::from(u16::from_be_bytes([answer[2], answer[3]]));
    answer.resize(20 + rest, 0);
    stream
        .read_exact(&mut answer[20..])
        .await
        .expect("the rest of the answer");
    answer
}

pub fn nonce_of(challenge: &[u8]) -> String {
    let message = Message::from_bytes(challenge).expect("STUN");
    message.attribute::<Nonce>().expect("a nonce").nonce().to_owned()
}

pub fn code(answer: &[u8]) -> Option<u16> {
    let message = Message::from_bytes(answer).expect("STUN");
    message.attribute::<ErrorCode>().ok().map(|error| error.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admitted_member_reaches_the_media_plane_over_tls_and_nothing_else() {
    let authority = Authority::new();
    authority.issue();
    let (folder, seen) = (Folder::new(), Arc::new(Datagrams::default()));
    let server = Running::start_with(authority.config(&folder.0), folder, Some(seen.clone())).await;
    let (mut member, handed) = admitted(&authority, &server).await;

    let mut stream = authority.connect(&server, true).await;
    let challenge = ask(&mut stream, &first_allocate()).await;
    assert_eq!(code(&challenge), Some(401));
    let nonce = nonce_of(&challenge);
    let allocate = signed(ALLOCATE, &handed, &nonce, add_transport);
    let allocated = ask(&mut stream, &allocate).await;
    assert_eq!(code(&allocated), None);
    assert!(
        Message::from_bytes(&allocated)
            .expect("STUN")
            .attribute::<XorRelayedAddress>()
            .is_ok()
    );

    // Somewhere else on this very machine, where somebody listens.
    let elsewhere = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    let other = elsewhere.local_addr().expect("an address");
    for peer in [other, SocketAddr::from(([10, 0, 0, 1], server.media.port()))] {
        let request = signed(CREATE_PERMISSION, &handed, &nonce, |request| add_peer(request, peer));
        assert_eq!(code(&ask(&mut stream, &request).await), Some(403));
    }
    let request = signed(CREATE_PERMISSION, &handed, &nonce, |request| {
        add_peer(request, server.media)
    });
    assert_eq!(code(&ask(&mut stream, &request).await), None);

    for (peer, data) in [(other, b"stray datagram"), (server.media, b"media datagram")] {
        let mut send = Message::builder_indication(SEND, MessageWriteVec::new());
        add_peer(&mut send, peer);
        send.add_attribute(&Data::new(data)).expect("room");
        stream.write_all(&send.finish()).await.expect("written");
    }
    stream.flush().await.expect("sent");
    assert!(
        seen.until_seen(b"media datagram").await,
        "the media plane did not get it"
    );
    let mut byte = [0; 64];
    let stray = timeout(Duration::from_millis(300), elsewhere.recv(&mut byte)).await;
    assert!(stray.is_err(), "a datagram left for another port");
    assert!(member.is_served(1).await);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_find_a_web_server() {
    let authority = Authority::new();
    let server = authority.server().await;
    let noise: [&[u8]; 4] = [
        &first_allocate(),
        &[
            0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
        ],
        &[0x40, 0x00, 0x00, 0x04, 1, 2, 3, 4],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ];
    for bytes in noise {
        let answer = exchange(authority.connect(&server, true).await, bytes).await;
        assert!(
            answer.starts_with(b"HTTP/1.1 400 "),
            "{:?}",
            String::from_utf8_lossy(&answer)
        );
    }

    // Somebody is admitted, from this network: now the same question is answered, but only to who asked for us by name.
    let (_member, handed) = admitted(&authority, &server).await;
    let mut stream = authority.connect(&server, true).await;
    assert_eq!(code(&ask(&mut stream, &first_allocate()).await), Some(401));
    let answer = exchange(authority.connect(&server, false).await, &first_allocate()).await;
    assert!(answer.starts_with(b"HTTP/1.1 400 "), "without a name in SNI");

    // Wrong credentials are refused a few times, then the connection ends.
    let wrong = Handed {
        password: "wrong".to_owned(),
        ..handed
    };
    let mut refused = 0;
    loop {
        let request = signed(ALLOCATE, &wrong, "nonce", add_transport);
        stream.write_all(&request).await.expect("written");
        stream.flush().await.expect("sent");
        let mut answer = [0; 512];
        match timeout(PATIENCE, stream.read(&mut answer))
            .await
            .expect("an answer or an end")
        {
            Ok(0) | Err(_) => break,
            Ok(_) => refused += 1,
        }
        assert!(refused < 20, "guessing goes on");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_each_members_own_and_end_with_the_server_only_where_turn_is_off() {
    let authority = Authority::new();
    authority.issue();
    let folder = Folder::new();
    let mut config = authority.config(&folder.0);
    config.turn = false;
    let server = Running::start_with(config, folder, None).await;
    let (_, room) = server.room().await;
    let mut member = authority.client(&server).await;
    member
        .prove(&server.name, room.record.room_id, &room.guest_link.link_secret)
        .await;
    assert!(
        matches!(member.next().await, Ok(ServerMessage::Admitted { .. })),
        "no relay is offered"
    );
    let answer = exchange(authority.connect(&server, true).await, &first_allocate()).await;
    assert!(answer.starts_with(b"HTTP/1.1 400 "));
    server.stop().await;

    let server = authority.server().await;
    let (_one, first) = admitted(&authority, &server).await;
    let (_two, second) = admitted(&authority, &server).await;
    assert!(first.username != second.username && first.password != second.password);
    server.stop().await;
}

/// An allocation, with a connection of its own that must be kept.
async fn allocation(authority: &Authority, server: &Running, handed: &Handed) -> Option<TlsStream<TcpStream>> {
    let mut stream = authority.connect(server, true).await;
    allocate(&mut stream, handed).await.map(|_| stream)
}

/// Makes an allocation on this connection; the nonce that it was made with. `None`: there is no place.
async fn allocate(stream: &mut TlsStream<TcpStream>, handed: &Handed) -> Option<String> {
    stream.write_all(&first_allocate()).await.ok()?;
    stream.flush().await.ok()?;
    let mut start = [0; 4];
    // Without a place the connection ends before any answer.
    timeout(PATIENCE, stream.read_exact(&mut start))
        .await
        .expect("an answer or an end")
        .ok()?;
    let mut rest = vec![0; 16 + usize::from(u16::from_be_bytes([start[2], start[3]]))];
    stream.read_exact(&mut rest).await.ok()?;
    let challenge = [&start[..], &rest].concat();
    let nonce = nonce_of(&challenge);
    let allocate = signed(ALLOCATE, handed, &nonce, add_transport);
    assert_eq!(code(&ask(stream, &allocate).await), None);
    Some(nonce)
}

#[tokio::test(flavor = "multi_thread")]
async fn allocations_are_limited_and_places_come_back() {
    let authority = Authority::new();
    authority.issue();
    let folder = Folder::new();
    let mut config = authority.config(&folder.0);
    config.limits.turn_allocations = 3;
    let server = Running::start_with(config, folder, None).await;
    let (mut member, handed) = admitted(&authority, &server).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(allocation(&authority, &server, &handed).await.expect("there is room"));
    }
    for _ in 0..5 {
        assert!(
            allocation(&authority, &server, &handed).await.is_none(),
            "one more than the limit"
        );
    }
    assert!(member.is_served(1).await);
    held.pop();
    let started = std::time::Instant::now();
    while allocation(&authority, &server, &handed).await.is_none() {
        assert!(
            started.elapsed() < PATIENCE,
            "a place that was given up is not given again"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    server.stop().await;
}

/// Connections that ask for an allocation, over and over, while a relayed member's datagrams pass.
const FLOOD: usize = 200;

/// A relayed member's datagrams: fifty a second, as voice is.
pub const EVERY: Duration = Duration::from_millis(20);

/// Datagrams of the member that reached the media plane in this time, out of those that it sent.
async fn relayed_share(stream: &mut TlsStream<TcpStream>, media: SocketAddr, seen: &Datagrams, time: Duration) -> f64 {
    let started = std::time::Instant::now();
    let mut sent = 0_u32;
    let before = seen.count(VOICE);
    let mut tick = tokio::time::interval(EVERY);
    while started.elapsed() < time {
        tick.tick().await;
        let mut send = Message::builder_indication(SEND, MessageWriteVec::new());
        add_peer(&mut send, media);
        send.add_attribute(&Data::new(VOICE)).expect("room");
        stream.write_all(&send.finish()).await.expect("written");
        stream.flush().await.expect("sent");
        sent += 1;
    }
    // What was sent last arrives within a moment.
    tokio::time::sleep(Duration::from_millis(200)).await;
    (seen.count(VOICE) - before) as f64 / f64::from(sent)
}

/// What a relayed member says in these tests.
pub const VOICE: &[u8] = b"\x80voice of a relayed member";

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "figures for whoever reads the test's output")]
async fn a_flood_of_allocations_leaves_a_relayed_member_in_peace() {
    let authority = Arc::new(Authority::new());
    authority.issue();
    let (folder, seen) = (Folder::new(), Arc::new(Datagrams::default()));
    let mut config = authority.config(&folder.0);
    config.limits.turn_allocations = 8;
    config.limits.connections_per_address = 4_096;
    let server = Arc::new(Running::start_with(config, folder, Some(seen.clone())).await);
    let (mut member, handed) = admitted(&authority, &server).await;
    let mut stream = authority.connect(&server, true).await;
    let nonce = allocate(&mut stream, &handed).await.expect("there is room");
    let request = signed(CREATE_PERMISSION, &handed, &nonce, |request| {
        add_peer(request, server.media)
    });
    assert_eq!(code(&ask(&mut stream, &request).await), None);

    let mut flood = tokio::task::JoinSet::new();
    let handed = Arc::new(handed);
    for n in 0..FLOOD {
        let (authority, server, handed) = (Arc::clone(&authority), Arc::clone(&server), Arc::clone(&handed));
        flood.spawn(async move {
            let mut stream = authority.connect(&server, true).await;
            // Half of them know the password; there is no room for them either.
            if n % 2 == 0 {
                let _ = timeout(PATIENCE, allocate(&mut stream, &handed)).await;
            } else {
                for _ in 0..20 {
                    if stream.write_all(&first_allocate()).await.is_err() || stream.flush().await.is_err() {
                        break;
                    }
                }
            }
            // Until the server has had enough.
            let mut rest = Vec::new();
            let _ = timeout(Duration::from_secs(3), stream.read_to_end(&mut rest)).await;
        });
    }
    let share = relayed_share(&mut stream, server.media, &seen, Duration::from_secs(3)).await;
    println!(
        "{:.0} % of a relayed member's datagrams under {FLOOD} allocations",
        share * 100.0
    );
    // On a stream nothing is lost but what the plane's queue does not take.
    assert!(share > 0.95, "only {:.0} % arrived", share * 100.0);
    assert!(member.is_served(1).await);
    while flood.join_next().await.is_some() {}
    drop(stream);
    let server = Arc::into_inner(server).unwrap_or_else(|| panic!("the flood has ended"));
    server.stop().await;
}
