//! The session against a client made of the library's own messages: what is reached, and what is refused.

use std::time::Duration;

use turn_server_proto::types::{
    attribute::{ChannelNumber, Data, RequestedTransport, XorRelayedAddress},
    channel::ChannelData,
    stun::{
        attribute::{Nonce, Realm},
        message::{BINDING, MessageHeader, Method},
    },
};

use super::*;

const REALM: &str = "meet.example";
const USER: &str = "user";
const PASSWORD: &str = "password";
const RELAYED: &str = "240.0.0.1:9";
const MEDIA: &str = "203.0.113.5:443";

fn at(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn known(name: &str) -> Option<Zeroizing<String>> {
    (name == USER).then(|| Zeroizing::new(PASSWORD.to_owned()))
}

/// A client on the other side of a [`Session`].
struct Client {
    session: Session,
    now: Instant,
    password: &'static str,
    nonce: String,
}

impl Client {
    fn new() -> Self {
        Self {
            session: Session::new(REALM, &[at(MEDIA), at("[2001:db8::5]:443")]),
            now: Instant::now(),
            password: PASSWORD,
            nonce: String::new(),
        }
    }

    fn give(&mut self, data: Vec<u8>) -> Vec<Action> {
        let mut actions = Vec::new();
        self.session.handle_client(self.now, data, known, &mut actions);
        actions
    }

    fn request(&self, method: Method, add: impl FnOnce(&mut MessageWriteVec)) -> Vec<u8> {
        let mut request = Message::builder_request(method, MessageWriteVec::new());
        add(&mut request);
        request
            .add_attribute(&Username::new(USER).expect("a name"))
            .expect("room");
        request
            .add_attribute(&Realm::new(REALM).expect("a realm"))
            .expect("room");
        request
            .add_attribute(&Nonce::new(&self.nonce).expect("a nonce"))
            .expect("room");
        let credentials = LongTermKeyCredentials::new(USER.to_owned(), self.password.to_owned(), REALM.to_owned());
        request
            .add_message_integrity(&credentials.into(), IntegrityAlgorithm::Sha1)
            .expect("room");
        request.finish()
    }

    /// The challenge, as any client gets it, and the nonce out of it.
    fn challenged(mut self) -> Self {
        let mut request = Message::builder_request(ALLOCATE, MessageWriteVec::new());
        request
            .add_attribute(&RequestedTransport::new(RequestedTransport::UDP))
            .expect("room");
        let actions = self.give(request.finish());
        let answer = only_refusal(&actions);
        assert_eq!(code(&answer), Some(401));
        let message = Message::from_bytes(&answer).expect("STUN");
        self.nonce = message.attribute::<Nonce>().expect("a nonce").nonce().to_owned();
        self
    }

    fn allocate(&mut self, transport: u8) -> Vec<Action> {
        let request = self.request(ALLOCATE, |request| {
            request
                .add_attribute(&RequestedTransport::new(transport))
                .expect("room");
        });
        self.give(request)
    }

    /// With an allocation at `RELAYED`.
    fn allocated() -> Self {
        let mut client = Self::new().challenged();
        assert!(client.allocate(RequestedTransport::UDP) == [Action::Allocate(Family::V4)]);
        let mut actions = Vec::new();
        let now = client.now;
        client
            .session
            .allocated(now, Family::V4, Some(at(RELAYED)), &mut actions);
        let answer = only_answer(&actions);
        let message = Message::from_bytes(&answer).expect("STUN");
        let relayed = message.attribute::<XorRelayedAddress>().expect("an address");
        assert!(relayed.addr(message.transaction_id()) == at(RELAYED));
        assert!(client.session.is_allocated());
        client
    }

    fn permission(&self, peers: &[&str]) -> Vec<u8> {
        self.request(CREATE_PERMISSION, |request| add_peers(request, peers))
    }

    fn channel(&self, number: u16, peer: &str) -> Vec<u8> {
        self.request(CHANNEL_BIND, |request| {
            request.add_attribute(&ChannelNumber::new(number)).expect("room");
            add_peers(request, &[peer]);
        })
    }
}

fn add_peers(request: &mut MessageWriteVec, peers: &[&str]) {
    // The transaction is what the address is hidden with; a builder has it in the header that it wrote first.
    let transaction = MessageHeader::from_bytes(request).expect("a header").transaction_id();
    for peer in peers {
        request
            .add_attribute(&XorPeerAddress::new(at(peer), transaction))
            .expect("room");
    }
}

fn send_to(peer: &str, data: &[u8]) -> Vec<u8> {
    let mut indication = Message::builder_indication(SEND, MessageWriteVec::new());
    add_peers(&mut indication, &[peer]);
    indication.add_attribute(&Data::new(data)).expect("room");
    indication.finish()
}

fn only_answer(actions: &[Action]) -> Vec<u8> {
    match actions {
        [Action::ToClient(answer)] => answer.clone(),
        _ => panic!("{} actions, not one answer", actions.len()),
    }
}

fn only_refusal(actions: &[Action]) -> Vec<u8> {
    match actions {
        [Action::Refuse(answer)] => answer.clone(),
        _ => panic!("{} actions, not one refusal", actions.len()),
    }
}

fn code(answer: &[u8]) -> Option<u16> {
    let message = Message::from_bytes(answer).ok()?;
    message.attribute::<ErrorCode>().ok().map(|error| error.code())
}

fn is_success(actions: &[Action]) -> bool {
    let answer = only_answer(actions);
    Message::from_bytes(&answer).is_ok_and(|message| message.class() == MessageClass::Success)
}

/// Everything that is not the media address with its port.
const ELSEWHERE: [&str; 16] = [
    "203.0.113.5:80",
    "203.0.113.5:22",
    "203.0.113.5:0",
    "203.0.113.6:443",
    "127.0.0.1:443",
    "127.0.0.1:8443",
    "10.0.0.1:443",
    "172.16.0.1:443",
    "192.168.1.1:443",
    "169.254.169.254:80",
    "100.64.0.1:443",
    "0.0.0.0:443",
    "255.255.255.255:443",
    "224.0.0.1:443",
    "240.0.0.2:9",
    "8.8.8.8:53",
];
const ELSEWHERE_V6: [&str; 6] = [
    "[::1]:443",
    "[fe80::1]:443",
    "[fd00::1]:443",
    "[2001:db8::6]:443",
    "[::ffff:127.0.0.1]:443",
    "[ff02::1]:443",
];

#[test]
fn media_goes_to_the_plane_and_back() {
    let mut client = Client::allocated();
    let request = client.permission(&[MEDIA]);
    assert!(is_success(&client.give(request)));
    let sent = client.give(send_to(MEDIA, b"over"));
    assert!(sent == [Action::ToPlane(at(RELAYED), b"over".to_vec())]);

    let mut back = Vec::new();
    client
        .session
        .handle_plane(client.now, at(RELAYED), b"back".to_vec(), &mut back);
    let indication = only_answer(&back);
    let message = Message::from_bytes(&indication).expect("STUN");
    assert_eq!(message.attribute::<Data>().expect("data").data(), b"back");

    let request = client.channel(0x4000, MEDIA);
    assert!(is_success(&client.give(request)));
    let mut data = vec![0; 8];
    ChannelData::new(0x4000, b"over").write_into_unchecked(&mut data);
    assert!(client.give(data) == [Action::ToPlane(at(RELAYED), b"over".to_vec())]);
    let mut back = Vec::new();
    client
        .session
        .handle_plane(client.now, at(RELAYED), b"back".to_vec(), &mut back);
    let channel = only_answer(&back);
    assert_eq!(
        ChannelData::parse(&channel).map(|data| data.data().to_vec()),
        Ok(b"back".to_vec())
    );
}

#[test]
fn t_peer_permissions_elsewhere_are_forbidden() {
    let mut client = Client::allocated();
    for peer in ELSEWHERE.iter().chain(&ELSEWHERE_V6) {
        let request = client.permission(&[peer]);
        assert_eq!(code(&only_answer(&client.give(request))), Some(403), "{peer}");
        // One good address beside a bad one is no permission for either.
        let request = client.permission(&[MEDIA, peer]);
        assert_eq!(code(&only_answer(&client.give(request))), Some(403), "{peer}");
    }
    assert!(
        client.give(send_to(MEDIA, b"x")).is_empty(),
        "none of these gave a permission"
    );
}

#[test]
fn t_peer_channels_elsewhere_are_forbidden() {
    let mut client = Client::allocated();
    for (number, peer) in (0x4000..).zip(ELSEWHERE.iter().chain(&ELSEWHERE_V6)) {
        let request = client.channel(number, peer);
        assert_eq!(code(&only_answer(&client.give(request))), Some(403), "{peer}");
        let mut data = vec![0; 5];
        ChannelData::new(number, b"x").write_into_unchecked(&mut data);
        assert!(client.give(data).is_empty(), "{peer}");
    }
}

#[test]
fn t_peer_what_is_sent_elsewhere_goes_nowhere() {
    let mut client = Client::allocated();
    // Permissions are by IP (RFC 8656 §9), so other ports of the right machine would pass them.
    let request = client.permission(&[MEDIA]);
    assert!(is_success(&client.give(request)));
    for peer in ELSEWHERE.iter().chain(&ELSEWHERE_V6) {
        assert!(client.give(send_to(peer, b"x")).is_empty(), "{peer}");
    }
}

#[test]
fn answers_that_forbid_are_signed() {
    let mut client = Client::allocated();
    let request = client.permission(&["10.0.0.1:443"]);
    let answer = only_answer(&client.give(request));
    let message = Message::from_bytes(&answer).expect("STUN");
    let credentials = LongTermKeyCredentials::new(USER.to_owned(), PASSWORD.to_owned(), REALM.to_owned());
    assert!(message.validate_integrity(&credentials.into()).is_ok());
}

#[test]
fn whoever_cannot_prove_itself_gets_nothing_but_refusals() {
    let mut client = Client::new().challenged();
    client.password = "another";
    for _ in 0..20 {
        let actions = client.allocate(RequestedTransport::UDP);
        assert_eq!(code(&only_refusal(&actions)), Some(401));
    }
    assert!(!client.session.is_allocated());

    let mut stranger = Client::new().challenged();
    let request = stranger.permission(&["10.0.0.1:443"]);
    // No allocation, and a client that knows the password but asks for elsewhere hears what everybody hears.
    let actions = stranger.give(request);
    assert!(
        matches!(&actions[..], [Action::ToClient(answer) | Action::Refuse(answer)] if matches!(code(answer), Some(401 | 403 | 437 | 438)))
    );
}

#[test]
fn tcp_allocations_do_not_exist() {
    let mut client = Client::new().challenged();
    assert_eq!(code(&only_answer(&client.allocate(RequestedTransport::TCP))), Some(400));
    assert_eq!(code(&only_answer(&client.allocate(99))), Some(442));
    assert!(!client.session.is_allocated());
}

#[test]
fn a_family_in_which_there_is_no_media_is_not_allocated() {
    let mut client = Client::new().challenged();
    client.session.media.retain(SocketAddr::is_ipv6);
    assert_eq!(code(&only_answer(&client.allocate(RequestedTransport::UDP))), Some(440));
}

#[test]
fn an_allocation_ends_when_it_is_not_refreshed_and_when_it_is_given_up() {
    let mut client = Client::allocated();
    client.now += Duration::from_secs(3_601);
    let mut actions = Vec::new();
    client.session.poll(client.now, &mut actions);
    assert!(actions == [Action::Release(at(RELAYED))] && !client.session.is_allocated());

    let mut client = Client::allocated();
    let request = client.request(REFRESH, |request| {
        request.add_attribute(&Lifetime::new(0)).expect("room")
    });
    let actions = client.give(request);
    assert!(actions.contains(&Action::Release(at(RELAYED))) && !client.session.is_allocated());
}

#[test]
fn other_messages_are_not_answered() {
    let mut client = Client::allocated();
    let binding = Message::builder_request(BINDING, MessageWriteVec::new()).finish();
    assert!(client.give(binding).is_empty());
    assert!(client.give(vec![0; 20]) == [Action::End], "no magic cookie: not STUN");
    let connect = client.request(turn_server_proto::types::message::CONNECT, |request| {
        add_peers(request, &[MEDIA]);
    });
    assert!(client.give(connect).is_empty());
}
