//! The way from a socket through rooms and forwarding plane and back, and what happens when the media socket dies.

use std::{future::Future, io, net::SocketAddr};

use conclave::{
    Error, Server,
    media::{Batch, MediaSocket},
};
use conclave_protocol::{
    ids::CallId,
    message::{ClientMessage, RefusalCode, ServerMessage},
};
use tokio::net::UdpSocket;

use crate::harness::{Client, Folder, PATIENCE, Running, config};

/// One microphone, as a browser offers it, cut to what is needed.
pub const OFFER: &str = "v=0\r\n\
o=- 1 2 IN IP4 127.0.0.1\r\n\
s=-\r\n\
t=0 0\r\n\
a=group:BUNDLE 0\r\n\
m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n\
c=IN IP4 0.0.0.0\r\n\
a=rtcp:9 IN IP4 0.0.0.0\r\n\
a=ice-ufrag:abcd\r\n\
a=ice-pwd:abcdefghijklmnopqrstuvwx\r\n\
a=ice-options:trickle\r\n\
a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n\
a=setup:actpass\r\n\
a=mid:0\r\n\
a=sendonly\r\n\
a=rtcp-mux\r\n\
a=rtpmap:111 opus/48000/2\r\n";

/// A client inside a call of its own.
async fn attached(server: &Running) -> Client {
    let (_, room) = server.room().await;
    let mut client = Client::admitted(server, &room).await;
    client.found(CallId::from_bytes([9; 16])).await;
    client
}

/// The next message that is not the list of tracks or word of rights, which may come at any time.
async fn next(client: &mut Client) -> ServerMessage {
    loop {
        match client.next().await {
            Ok(ServerMessage::Tracks { .. } | ServerMessage::Rights { .. }) => {}
            Ok(message) => return message,
            Err(end) => panic!("the socket ended: {end:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_is_answered_with_our_address_and_the_media_port_knows_the_credentials() {
    let server = Running::start().await;
    let mut client = attached(&server).await;
    client.send(&ClientMessage::Offer { sdp: OFFER.to_owned() }).await;
    let ServerMessage::Answer { sdp } = next(&mut client).await else {
        panic!("not an answer")
    };
    let candidate = format!(" 127.0.0.1 {} typ host", server.media.port());
    for part in [
        "a=ice-lite",
        "a=setup:passive",
        "a=fingerprint:sha-256 ",
        "a=mid:0",
        "a=recvonly",
        &candidate,
    ] {
        assert!(sdp.contains(part), "no {part}");
    }
    assert!(!sdp.contains("a=setup:active"), "the server never sends a ClientHello");
    // The client's tracks are known once it says what it publishes.
    client
        .send(&ClientMessage::Publish {
            mid: "0".to_owned(),
            kind: conclave_protocol::ids::TrackKind::Microphone,
            on: true,
        })
        .await;
    loop {
        match client.next().await {
            Ok(ServerMessage::Tracks { tracks }) if tracks.len() == 1 => break,
            Ok(ServerMessage::Tracks { .. }) => {}
            Ok(_) | Err(_) => panic!("not a list of tracks"),
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unusable_offer_is_refused_and_the_connection_lives() {
    let server = Running::start().await;
    let mut client = attached(&server).await;
    for sdp in ["", "v=0\r\n", "nonsense", &"a=b\r\n".repeat(4_000)] {
        client.send(&ClientMessage::Offer { sdp: sdp.to_owned() }).await;
        match next(&mut client).await {
            // Offers cost the most of all messages, so they are rationed too.
            ServerMessage::Refused {
                code: RefusalCode::SdpUnusable | RefusalCode::RateLimited,
                ..
            } => {}
            _ => panic!("not a refusal"),
        }
    }
    assert!(client.is_served(3).await);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_datagrams_with_a_known_name_are_not_answered() {
    let server = Running::start().await;
    let mut client = attached(&server).await;
    client.send(&ClientMessage::Offer { sdp: OFFER.to_owned() }).await;
    let ServerMessage::Answer { sdp } = next(&mut client).await else {
        panic!("not an answer")
    };
    let ufrag = sdp
        .lines()
        .find_map(|line| line.strip_prefix("a=ice-ufrag:"))
        .expect("credentials")
        .trim();
    // A binding request with the right user name and a wrong MESSAGE-INTEGRITY: somebody who guessed the name.
    let user = format!("{ufrag}:abcd");
    let padded = user.len().div_ceil(4) * 4;
    let length = u16::try_from(4 + padded + 24).expect("short");
    let mut request = [
        &[0x00, 0x01][..],
        &length.to_be_bytes(),
        &[0x21, 0x12, 0xa4, 0x42],
        &[5; 12],
    ]
    .concat();
    request.extend(
        [
            &[0x00, 0x06][..],
            &u16::try_from(user.len()).expect("short").to_be_bytes(),
            user.as_bytes(),
        ]
        .concat(),
    );
    request.resize(20 + 4 + padded, 0);
    request.extend([&[0x00, 0x08, 0x00, 0x14][..], &[0xab; 20]].concat());
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    socket.send_to(&request, server.media).await.expect("loopback takes it");
    let mut answer = [0; 2_048];
    match tokio::time::timeout(std::time::Duration::from_millis(300), socket.recv(&mut answer)).await {
        Err(_) => {}
        // RFC 8489 §9.1.3 allows an error response; a success response would be a hole.
        Ok(length) => assert_ne!(answer.get(..2), Some(&[0x01, 0x01][..]), "{length:?} bytes of success"),
    }
    assert!(client.is_served(4).await);
    server.stop().await;
}

/// A socket that fails as soon as it is read.
struct Broken;

impl MediaSocket for Broken {
    fn recv(&mut self, _: &mut Batch) -> impl Future<Output = io::Result<()>> + Send {
        std::future::ready(Err(io::Error::other("broken on purpose")))
    }

    fn send(&mut self, _: SocketAddr, _: &[u8]) {}
}

/// A socket that panics: a bug.
struct Panicking;

impl MediaSocket for Panicking {
    async fn recv(&mut self, _: &mut Batch) -> io::Result<()> {
        panic!("a bug on purpose")
    }

    fn send(&mut self, _: SocketAddr, _: &[u8]) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_media_part_dies_does_not_look_alive() {
    let guard = conclave::logging::guard::install();
    for panics in [false, true] {
        let folder = Folder::new();
        let server = Server::bind(config(&folder.0)).await.expect("the server binds");
        let run = async {
            if panics {
                server.run_with(std::future::pending(), |_| Ok(Panicking)).await
            } else {
                server.run_with(std::future::pending(), |_| Ok(Broken)).await
            }
        };
        let end = tokio::time::timeout(PATIENCE, run).await.expect("it ends by itself");
        match end {
            Err(Error::Local {
                what: "the media socket failed",
                ..
            }) => assert!(!panics),
            Err(Error::TaskFailed("media")) => assert!(panics),
            other => panic!("{other:?}"),
        }
    }
    guard.assert_clean();
}
