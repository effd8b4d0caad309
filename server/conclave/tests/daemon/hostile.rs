//! Bytes that no client of ours sends, at both ports, while somebody else's connection must not notice.

use std::time::Duration;

use conclave_protocol::message::{ClientMessage, ServerMessage};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpStream, UdpSocket},
};
use tokio_tungstenite::tungstenite::{
    Message,
    http::{HeaderValue, header},
};

use crate::harness::{Client, End, PATIENCE, Running, http, raw_http, upgrade_request};

const MALFORMED: End = End::Code(4_005);

fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).expect("randomness");
    bytes
}

/// Sends one message on a fresh socket, after the challenge, and reports how the socket ended.
async fn end_after(server: &Running, message: Message) -> End {
    let mut client = Client::connect(server).await;
    assert!(matches!(client.next().await, Ok(ServerMessage::Challenge { .. })));
    client.send_raw(message).await;
    client.rest().await.1
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_messages_end_their_own_connection_and_no_other() {
    let server = Running::start().await;
    let (_, room) = server.room().await;
    let mut bystander = Client::admitted(&server, &room).await;
    let hello = ClientMessage::Ping { n: 1 }.encode();
    let truncated = hello.get(..hello.len() - 1).unwrap_or_default().to_vec();

    let mut n = 0;
    for message in [
        Message::text("hello"),
        Message::text(""),
        Message::binary(Vec::new()),
        Message::binary(random(1)),
        Message::binary(random(300)),
        Message::binary(random(65_536)),
        Message::binary(random(65_537)),
        Message::binary(vec![0x9f; 60_000]),
        Message::binary(vec![0x82; 65_000]),
        Message::binary(truncated),
    ] {
        let what = format!("{} bytes, text: {}", message.len(), message.is_text());
        assert_eq!(end_after(&server, message).await, MALFORMED, "{what}");
        n += 1;
        assert!(bystander.is_served(n).await, "after {what}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_giant_message_is_cut_off_before_it_is_read() {
    let server = Running::start().await;
    let mut client = Client::connect(&server).await;
    client.send_raw(Message::binary(vec![0; 32 << 20])).await;
    // The client is still sending when the server has had enough, so a reset may overtake the close frame.
    let (messages, end) = client.rest().await;
    assert!(messages.len() <= 1 && matches!(end, End::Gone | MALFORMED), "{end:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_before_its_time_ends_the_connection() {
    let server = Running::start().await;
    for message in [
        ClientMessage::Bye {},
        ClientMessage::Offer { sdp: "v=0".to_owned() },
        ClientMessage::Admit {
            sig_admission: [0; 64],
            sig_transport: [0; 64],
        },
    ] {
        let mut client = Client::connect(&server).await;
        client.send(&message).await;
        assert!(
            matches!(client.rest().await.1, End::Code(_)),
            "type {}",
            message.number()
        );
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_speaks_its_own_version_and_to_its_own_page_only() {
    let server = Running::start().await;
    type Change = fn(&mut tokio_tungstenite::tungstenite::http::HeaderMap);
    let cases: [(u16, Change); 6] = [
        (400, |headers| {
            headers.remove(header::SEC_WEBSOCKET_PROTOCOL);
        }),
        (400, |headers| {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("conclave.2"));
        }),
        (403, |headers| {
            headers.insert(header::ORIGIN, HeaderValue::from_static("https://evil.example"));
        }),
        (403, |headers| {
            headers.insert(header::ORIGIN, HeaderValue::from_static("null"));
        }),
        (421, |headers| {
            headers.insert(header::HOST, HeaderValue::from_static("evil.example"));
        }),
        (426, |headers| {
            headers.remove(header::SEC_WEBSOCKET_VERSION);
        }),
    ];
    for (status, change) in cases {
        // Written by hand: a WebSocket library would not send some of these.
        let mut request = upgrade_request();
        change(request.headers_mut());
        let mut text = "GET /v1/socket HTTP/1.1\r\n".to_owned();
        for (name, value) in request.headers() {
            text.push_str(&format!("{name}: {}\r\n", value.to_str().expect("ASCII")));
        }
        text.push_str("\r\n");
        let mut stream = TcpStream::connect(server.http).await.expect("the port is open");
        stream.write_all(text.as_bytes()).await.expect("a request");
        let mut start = [0; 12];
        let read = tokio::io::AsyncReadExt::read_exact(&mut stream, &mut start);
        tokio::time::timeout(PATIENCE, read)
            .await
            .expect("an answer in time")
            .expect("an answer");
        assert_eq!(str::from_utf8(&start).ok(), Some(format!("HTTP/1.1 {status}").as_str()));
    }
    let mut own = upgrade_request();
    own.headers_mut()
        .insert(header::ORIGIN, HeaderValue::from_static("http://localhost:8443"));
    assert!(
        Client::connect_with(&server, own).await.is_ok(),
        "our own page is welcome"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn noise_at_the_http_port_disturbs_nobody() {
    let server = Running::start().await;
    let (_, room) = server.room().await;
    let mut bystander = Client::admitted(&server, &room).await;
    let long_path = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(64 * 1_024));
    let many_headers = format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(1_000));
    let tls_hello = [&[0x16, 0x03, 0x01, 0x02, 0x00][..], &random(512)].concat();
    for noise in [
        random(4_096),
        long_path.into_bytes(),
        many_headers.into_bytes(),
        tls_hello,
        b"\r\n\r\n\r\n".to_vec(),
    ] {
        let answer = raw_http_half_closed(&server, &noise).await;
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "noise was taken for a request");
    }
    assert!(bystander.is_served(1).await);
    assert_eq!(http(&server, "GET", "/healthz", "").await.0, 200);
    server.stop().await;
}

/// Like `raw_http`, and says that nothing more comes, so that a server that waits for more gives up.
async fn raw_http_half_closed(server: &Running, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(server.http).await.expect("the port is open");
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let read = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer);
    let _ = tokio::time::timeout(PATIENCE, read).await.expect("the server closes");
    answer
}

/// First bytes of STUN, DTLS, TURN's channels, SRTP and SRTCP, as RFC 7983 tells them apart, and what is none of them.
pub fn media_noise() -> Vec<Vec<u8>> {
    let mut noise = Vec::new();
    for first in [0, 1, 2, 20, 22, 63, 64, 79, 80, 128, 200, 255] {
        for length in [1, 2, 12, 20, 64, 1_200, 9_000] {
            let mut datagram = random(length);
            if let Some(byte) = datagram.first_mut() {
                *byte = first;
            }
            noise.push(datagram);
        }
    }
    noise
}

/// Where TURN is served, the one question that it answers, and to whom, is in `turn_udp`; this noise is none.
#[tokio::test(flavor = "multi_thread")]
async fn noise_at_the_media_port_is_answered_by_nothing_and_disturbs_nobody() {
    let server = Running::start().await;
    let (_, room) = server.room().await;
    let mut bystander = Client::admitted(&server, &room).await;
    let noise = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    noise.connect(server.media).await.expect("an address");
    for datagram in media_noise() {
        noise.send(&datagram).await.expect("loopback takes it");
    }
    // A STUN binding request without credentials, well formed.
    let stun = [&[0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42][..], &random(12)].concat();
    noise.send(&stun).await.expect("loopback takes it");
    noise.send(&[]).await.expect("loopback takes it");
    assert!(bystander.is_served(1).await);
    let mut answer = [0; 2_048];
    // SECURITY: no answer, so the port neither confirms itself to a scanner nor amplifies for a forger of addresses.
    let silence = tokio::time::timeout(Duration::from_millis(300), noise.recv(&mut answer)).await;
    assert!(silence.is_err(), "the media port answered a stranger");
    server.stop().await;
}

/// Nothing here sleeps: each connection waits for the server's own deadline (10 s for a head, 10 s for a proof).
#[tokio::test(flavor = "multi_thread")]
async fn whoever_never_finishes_is_cut_off() {
    let server = Running::start().await;
    let silent = raw_http(&server, b"");
    let half_a_head = raw_http(&server, b"GET / HTTP/1.1\r\nHost: loc");
    let kept_alive = raw_http(&server, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    let no_proof = async {
        let mut client = Client::connect(&server).await;
        client.rest().await.1
    };
    let (silent, half_a_head, kept_alive, no_proof) = tokio::join!(silent, half_a_head, kept_alive, no_proof);
    assert!(!silent.starts_with(b"HTTP/1.1 2") && !half_a_head.starts_with(b"HTTP/1.1 2"));
    assert!(
        kept_alive.starts_with(b"HTTP/1.1 200"),
        "answered, then closed when nothing more came"
    );
    assert!(matches!(no_proof, End::Code(4_000..)), "{no_proof:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_half_open_sockets_leaves_the_others_served() {
    let server = Running::start().await;
    let (_, room) = server.room().await;
    let mut bystander = Client::admitted(&server, &room).await;
    let mut idle = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(server.http).await.expect("the port is open");
        let _ = stream.write_all(b"GET /v1/socket HTTP/1.1\r\nHost: loc").await;
        idle.push(stream);
    }
    assert!(bystander.is_served(1).await);
    let answer = raw_http(
        &server,
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert!(answer.starts_with(b"HTTP/1.1 200"));
    drop(idle);
    server.stop().await;
}
