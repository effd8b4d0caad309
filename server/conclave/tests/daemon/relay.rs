//! What the tests of TURN share, over TLS and over UDP: a server that offers it or not, a member with its credentials, requests and their answers, and what
//! the media plane got.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use conclave::{Config, tap::FrameTap};
use conclave_protocol::message::ServerMessage;
use turn_server_proto::types::{
    attribute::{Data, RequestedTransport, XorPeerAddress},
    message::{ALLOCATE, SEND},
    stun::{
        attribute::{ErrorCode, Nonce, Realm, Username},
        message::{IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageHeader, MessageWriteVec, Method},
        prelude::{MessageWrite, MessageWriteExt},
    },
};

use crate::{
    harness::{Client, Folder, Running},
    tls::{Authority, HOST},
};

/// A server with TURN, and what its media plane gets; `change`: of its configuration.
pub async fn serving(authority: &Authority, change: impl FnOnce(&mut Config)) -> (Running, Arc<Datagrams>) {
    authority.issue();
    let (folder, seen) = (Folder::new(), Arc::new(Datagrams::default()));
    let mut config = authority.config(&folder.0);
    change(&mut config);
    let server = Running::start_with(config, folder, Some(seen.clone())).await;
    (server, seen)
}

/// A server on which TURN is off, and a member who was admitted there and offered no relay.
pub async fn without_relay(authority: &Authority) -> (Running, Client) {
    let (server, _) = serving(authority, |config| config.turn = false).await;
    let (_, room) = server.room().await;
    let mut member = authority.client(&server).await;
    member
        .prove(&server.name, room.record.room_id, &room.guest_link.link_secret)
        .await;
    assert!(
        matches!(member.next().await, Ok(ServerMessage::Admitted { .. })),
        "no relay is offered"
    );
    (server, member)
}

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

pub fn send_to(peer: SocketAddr, data: &[u8]) -> Vec<u8> {
    let mut send = Message::builder_indication(SEND, MessageWriteVec::new());
    add_peer(&mut send, peer);
    send.add_attribute(&Data::new(data)).expect("room");
    send.finish()
}

pub fn nonce_of(challenge: &[u8]) -> String {
    let message = Message::from_bytes(challenge).expect("STUN");
    message.attribute::<Nonce>().expect("a nonce").nonce().to_owned()
}

pub fn code(answer: &[u8]) -> Option<u16> {
    let message = Message::from_bytes(answer).expect("STUN");
    message.attribute::<ErrorCode>().ok().map(|error| error.code())
}

/// A relayed member's datagrams: fifty a second, as voice is.
pub const EVERY: Duration = Duration::from_millis(20);

/// What a relayed member says in these tests.
pub const VOICE: &[u8] = b"\x80voice of a relayed member";
