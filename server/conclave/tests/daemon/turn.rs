//! TURN over TLS at the public port: hidden from strangers, open for those who are admitted, and leading to the media plane only.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::timeout,
};
use tokio_rustls::client::TlsStream;
use turn_server_proto::types::{
    attribute::XorRelayedAddress,
    message::{ALLOCATE, CREATE_PERMISSION},
    stun::message::Message,
};

use crate::{
    harness::{PATIENCE, Running},
    relay::{
        Datagrams, EVERY, Handed, VOICE, add_peer, add_transport, admitted, code, first_allocate, nonce_of, send_to,
        serving, signed, without_relay,
    },
    tls::{Authority, exchange},
};

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

#[tokio::test(flavor = "multi_thread")]
async fn an_admitted_member_reaches_the_media_plane_over_tls_and_nothing_else() {
    let authority = Authority::new();
    let (server, seen) = serving(&authority, |_| {}).await;
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
    let elsewhere = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    let other = elsewhere.local_addr().expect("an address");
    for peer in [other, SocketAddr::from(([10, 0, 0, 1], server.media.port()))] {
        let request = signed(CREATE_PERMISSION, &handed, &nonce, |request| add_peer(request, peer));
        assert_eq!(code(&ask(&mut stream, &request).await), Some(403));
    }
    let request = signed(CREATE_PERMISSION, &handed, &nonce, |request| {
        add_peer(request, server.media)
    });
    assert_eq!(code(&ask(&mut stream, &request).await), None);

    for (peer, data) in [(other, &b"stray datagram"[..]), (server.media, b"media datagram")] {
        stream.write_all(&send_to(peer, data)).await.expect("written");
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
    let (server, _member) = without_relay(&authority).await;
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
    let (server, _) = serving(&authority, |config| config.limits.turn_allocations = 3).await;
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
    let started = Instant::now();
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

/// Datagrams of the member that reached the media plane in this time, out of those that it sent.
async fn relayed_share(stream: &mut TlsStream<TcpStream>, media: SocketAddr, seen: &Datagrams, time: Duration) -> f64 {
    let started = Instant::now();
    let mut sent = 0_u32;
    let before = seen.count(VOICE);
    let mut tick = tokio::time::interval(EVERY);
    while started.elapsed() < time {
        tick.tick().await;
        stream.write_all(&send_to(media, VOICE)).await.expect("written");
        stream.flush().await.expect("sent");
        sent += 1;
    }
    // What was sent last arrives within a moment.
    tokio::time::sleep(Duration::from_millis(200)).await;
    (seen.count(VOICE) - before) as f64 / f64::from(sent)
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "figures for whoever reads the test's output")]
async fn a_flood_of_allocations_leaves_a_relayed_member_in_peace() {
    let authority = Arc::new(Authority::new());
    let (server, seen) = serving(&authority, |config| {
        config.limits.turn_allocations = 8;
        config.limits.connections_per_address = 4_096;
    })
    .await;
    let server = Arc::new(server);
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
