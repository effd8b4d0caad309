//! Clients at the media's port, in virtual time: who is answered, with how much, and what ends when.

use std::time::Duration;

use conclave_rooms::ConnId;
use turn_server_proto::types::{
    attribute::{Data, Lifetime, RequestedTransport, XorPeerAddress, XorRelayedAddress},
    message::{CREATE_PERMISSION, REFRESH, SEND},
    stun::message::{IntegrityAlgorithm, LongTermKeyCredentials, Method},
};

use super::*;
use crate::turn::{Credentials, Relays, plane::PlaneEnd};

const REALM: &str = "meet.example";
const MEDIA: &str = "203.0.113.5:443";
const HERE: &str = "192.0.2.7:5000";
/// Of another network, in which nobody is admitted.
const ELSEWHERE: &str = "198.51.100.7:5000";
const MEMBER: ConnId = ConnId(7);
/// A datagram of a member, as SRTP begins.
const VOICE: &[u8] = b"\x80voice";

fn at(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// The port with one member admitted.
struct Port {
    turn: UdpTurn,
    credentials: Arc<Credentials>,
    now: Instant,
    user: String,
    password: String,
    sent: Vec<(SocketAddr, Vec<u8>)>,
    _plane: PlaneEnd,
}

impl Port {
    fn new() -> Self {
        Self::with_places(8, 8)
    }

    fn with_places(places: usize, per_address: usize) -> Self {
        let (credentials, now) = (Arc::<Credentials>::default(), Instant::now());
        let peers = Arc::new(Peers::new(per_address));
        let network = peers.network(at(HERE).ip());
        let issued = credentials.issue(now, MEMBER, Some(network)).expect("randomness");
        let (relays, plane) = Relays::new();
        let door = TurnDoor::new(Arc::clone(&credentials), relays, REALM.to_owned(), &[at(MEDIA)], places);
        Self {
            turn: UdpTurn::new(Arc::new(door), peers, now),
            credentials,
            now,
            user: issued.username,
            password: issued.password.to_string(),
            sent: Vec::new(),
            _plane: plane,
        }
    }

    fn give(&mut self, from: &str, data: &[u8]) -> Fate {
        let sent = &mut self.sent;
        self.turn
            .handle(self.now, at(from), data, &mut |to, data| sent.push((to, data.to_vec())))
    }

    /// What was sent since the last look.
    fn sent(&mut self) -> Vec<(SocketAddr, Vec<u8>)> {
        std::mem::take(&mut self.sent)
    }

    /// The one answer to this, if there was any.
    fn ask(&mut self, from: &str, data: &[u8]) -> Option<Vec<u8>> {
        assert!(matches!(self.give(from, data), Fate::Gone));
        let mut sent = self.sent();
        assert!(sent.len() <= 1 && sent.iter().all(|(to, _)| *to == at(from)));
        sent.pop().map(|(_, answer)| answer)
    }

    fn tick_after(&mut self, time: Duration) {
        self.now += time;
        let sent = &mut self.sent;
        self.turn.tick(self.now, &mut |to, data| sent.push((to, data.to_vec())));
    }

    fn challenge(&mut self, from: &str) -> Option<String> {
        let answer = self.ask(from, &bare())?;
        assert_eq!(code(&answer), Some(401));
        let message = Message::from_bytes(&answer).expect("STUN");
        Some(message.attribute::<Nonce>().expect("a nonce").nonce().to_owned())
    }

    fn signed(&self, method: Method, nonce: &str, add: impl FnOnce(&mut MessageWriteVec)) -> Vec<u8> {
        let mut request = Message::builder_request(method, MessageWriteVec::new());
        add(&mut request);
        request
            .add_attribute(&Username::new(&self.user).expect("a name"))
            .expect("room");
        request
            .add_attribute(&Realm::new(REALM).expect("a realm"))
            .expect("room");
        request
            .add_attribute(&Nonce::new(nonce).expect("a nonce"))
            .expect("room");
        let key = LongTermKeyCredentials::new(self.user.clone(), self.password.clone(), REALM.to_owned());
        request
            .add_message_integrity(&key.into(), IntegrityAlgorithm::Sha1)
            .expect("room");
        request.finish()
    }

    fn allocate(&self, nonce: &str) -> Vec<u8> {
        self.signed(ALLOCATE, nonce, add_transport)
    }

    /// An allocation with a permission for the media: its nonce and its relayed address.
    fn allocated(&mut self, from: &str) -> (String, SocketAddr) {
        let nonce = self.challenge(from).expect("a challenge");
        let answer = self.ask(from, &self.allocate(&nonce)).expect("an answer");
        assert_eq!(code(&answer), None);
        let message = Message::from_bytes(&answer).expect("STUN");
        let relayed = message.attribute::<XorRelayedAddress>().expect("an address");
        let relayed = relayed.addr(message.transaction_id());
        let permission = self.signed(CREATE_PERMISSION, &nonce, |request| add_peer(request, MEDIA));
        let answer = self.ask(from, &permission).expect("an answer");
        assert_eq!(code(&answer), None);
        (nonce, relayed)
    }

    /// Whether the media plane gets what this client sends it.
    fn reaches_the_plane(&mut self, from: &str, relayed: SocketAddr) -> bool {
        matches!(self.give(from, &send_to(MEDIA, VOICE)), Fate::Becomes(source, data) if source == relayed && data == VOICE)
    }
}

fn add_transport(request: &mut MessageWriteVec) {
    request
        .add_attribute(&RequestedTransport::new(RequestedTransport::UDP))
        .expect("room");
}

fn add_peer(request: &mut MessageWriteVec, peer: &str) {
    let transaction = MessageHeader::from_bytes(request).expect("a header").transaction_id();
    request
        .add_attribute(&XorPeerAddress::new(at(peer), transaction))
        .expect("room");
}

fn bare() -> Vec<u8> {
    let mut request = Message::builder_request(ALLOCATE, MessageWriteVec::new());
    add_transport(&mut request);
    request.finish()
}

fn send_to(peer: &str, data: &[u8]) -> Vec<u8> {
    let mut indication = Message::builder_indication(SEND, MessageWriteVec::new());
    add_peer(&mut indication, peer);
    indication.add_attribute(&Data::new(data)).expect("room");
    indication.finish()
}

fn code(answer: &[u8]) -> Option<u16> {
    let message = Message::from_bytes(answer).expect("STUN");
    message.attribute::<ErrorCode>().ok().map(|error| error.code())
}

#[test]
fn a_proven_client_reaches_the_plane_and_is_reached() {
    let mut port = Port::new();
    let (_, relayed) = port.allocated(HERE);
    assert!(port.reaches_the_plane(HERE, relayed));
    let sent = &mut port.sent;
    port.turn.handle_plane(port.now, relayed, b"back", &mut |to, data| {
        sent.push((to, data.to_vec()))
    });
    let [(to, indication)] = &port.sent()[..] else {
        panic!("nothing came back")
    };
    assert!(*to == at(HERE));
    let message = Message::from_bytes(indication).expect("STUN");
    assert_eq!(message.attribute::<Data>().expect("data").data(), b"back");
    // From elsewhere the same bytes are noise.
    assert!(matches!(port.give(ELSEWHERE, &send_to(MEDIA, VOICE)), Fate::Gone));
    assert!(matches!(
        port.give(HERE, &send_to("203.0.113.6:443", VOICE)),
        Fate::Gone
    ));
    assert!(port.sent().is_empty());
}

#[test]
fn what_is_not_turn_stays_with_the_plane() {
    let mut port = Port::new();
    port.allocated(HERE);
    let check = Message::builder_request(BINDING, MessageWriteVec::new()).finish();
    for data in [
        &check[..],
        VOICE,
        b"\x16\xfe\xfd\x00",
        b"\x01",
        b"",
        b"\x00\x03\x00\x08",
        b"\xc0\xff\xee",
    ] {
        for from in [HERE, ELSEWHERE] {
            assert!(matches!(port.give(from, data), Fate::Stays));
        }
    }
    assert!(port.sent().is_empty());
}

#[test]
fn strangers_hear_nothing_and_members_only_the_challenge() {
    let mut port = Port::new();
    let (wrong, other) = (port.allocate("nonce"), port.signed(REFRESH, "nonce", |_| {}));
    let channel = [0x40, 0x00, 0x00, 0x04, 1, 2, 3, 4];
    for noise in [&wrong[..], &other, &send_to(MEDIA, VOICE), &channel] {
        assert!(port.ask(HERE, noise).is_none(), "without a challenge before it");
    }
    assert!(port.challenge(ELSEWHERE).is_none(), "nobody is admitted there");

    let nonce = port.challenge(HERE).expect("a challenge");
    let good = port.allocate(&nonce);
    port.password.push('x');
    assert!(port.ask(HERE, &port.allocate(&nonce)).is_none(), "a wrong password");
    port.password.pop();
    assert!(port.ask(HERE, &port.allocate("stale")).is_none(), "another nonce");
    assert!(port.ask(HERE, &other).is_none(), "no allocation");
    // None of this took the way in from whoever knows the password.
    assert_eq!(code(&port.ask(HERE, &good).expect("an answer")), None);
}

#[test]
fn an_idle_server_is_silent_to_everybody() {
    let mut port = Port::new();
    port.credentials.closed(port.now, MEMBER);
    let nonce = port.challenge(HERE).expect("a challenge for a minute");
    port.now += Duration::from_secs(60);
    assert!(port.challenge("192.0.2.7:5001").is_none());
    // Nor does a challenge help that came in time: the name and password are in force no longer.
    assert!(port.ask(HERE, &port.allocate(&nonce)).is_none());
    assert!(port.sent().is_empty());
}

#[test]
fn challenges_are_short_and_few() {
    let mut port = Port::new();
    let challenge = port.ask(HERE, &bare()).expect("a challenge");
    // Header, code, realm, nonce, algorithms.
    assert_eq!(challenge.len(), 20 + 8 + 4 + REALM.len() + 4 + 32 + 4 + 8);
    let challenged = |port: &mut Port| {
        (1..=1_000)
            .filter(|n| port.challenge(&format!("192.0.2.9:{n}")).is_some())
            .count()
    };
    assert_eq!(challenged(&mut port), limits::TURN_CHALLENGES as usize - 1);
    port.now += Duration::from_secs(1);
    assert_eq!(challenged(&mut port), limits::TURN_CHALLENGES as usize);

    // Whoever has proven itself keeps what it has meanwhile; forged refusals come out of the same bucket.
    let mut port = Port::new();
    let (_, relayed) = port.allocated(HERE);
    let stale = port.allocate("stale");
    let answered = (0..1_000).filter(|_| port.ask(HERE, &stale).is_some()).count();
    assert!(answered <= limits::TURN_CHALLENGES as usize, "{answered} refusals");
    assert!(port.reaches_the_plane(HERE, relayed));
}

#[test]
fn those_who_prove_nothing_are_forgotten() {
    let mut port = Port::new();
    assert!(port.challenge(HERE).is_some());
    port.tick_after(limits::RELAY_PROOF_DEADLINE - Duration::from_millis(1));
    assert_eq!(port.turn.clients.len(), 1);
    port.tick_after(Duration::from_millis(1));
    assert!(port.turn.clients.is_empty());
}

#[test]
fn an_allocation_ends_with_silence_with_its_lifetime_and_when_it_is_given_up() {
    let mut port = Port::with_places(1, 1);
    let (_, relayed) = port.allocated(HERE);
    port.tick_after(limits::RELAY_IDLE - Duration::from_millis(1));
    assert!(port.reaches_the_plane(HERE, relayed));
    port.tick_after(limits::RELAY_IDLE);
    assert!(!port.reaches_the_plane(HERE, relayed));
    assert!(port.turn.clients.is_empty() && port.turn.shared.relayed.is_empty());

    let (nonce, relayed) = port.allocated(HERE);
    let refresh = port.signed(REFRESH, &nonce, |request| {
        request.add_attribute(&Lifetime::new(0)).expect("room")
    });
    assert_eq!(code(&port.ask(HERE, &refresh).expect("an answer")), None);
    assert!(port.turn.clients.is_empty() && port.turn.shared.relayed.is_empty());
    let sent = &mut port.sent;
    port.turn.handle_plane(port.now, relayed, b"late", &mut |to, data| {
        sent.push((to, data.to_vec()))
    });
    assert!(port.sent().is_empty());

    // What it sends keeps it alive for an hour at most, if it does not say that it wants more.
    let (_, relayed) = port.allocated(HERE);
    for _ in 0..90 {
        port.tick_after(limits::RELAY_IDLE - Duration::from_secs(20));
        let _ = port.reaches_the_plane(HERE, relayed);
    }
    assert!(port.turn.clients.is_empty(), "never refreshed, never ended");
}

#[test]
fn allocations_are_limited_on_the_server_and_per_address() {
    for (places, per_address) in [(2, 8), (8, 2)] {
        let mut port = Port::with_places(places, per_address);
        port.allocated("192.0.2.7:1");
        port.allocated("192.0.2.7:2");
        let nonce = port.challenge("192.0.2.7:3").expect("a challenge");
        let answer = port.ask("192.0.2.7:3", &port.allocate(&nonce)).expect("an answer");
        assert_eq!(code(&answer), Some(508));
        if per_address == 2 {
            port.allocated("192.0.2.8:1");
        }
        port.tick_after(limits::RELAY_IDLE);
        port.allocated("192.0.2.7:4");
    }
}
