//! TURN over UDP at the media's own port: silent for strangers and on an idle server, open for those who are admitted, and leading to the
//! media plane only.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use conclave_protocol::{
    ids::CallId,
    message::{ClientMessage, ServerMessage},
};
use tokio::{net::UdpSocket, time::timeout};
use turn_server_proto::types::{
    attribute::{Data, Lifetime},
    message::{ALLOCATE, CREATE_PERMISSION, REFRESH},
    stun::{
        attribute::Username,
        message::{
            BINDING, IntegrityAlgorithm, Message, MessageClass, MessageWriteVec, ShortTermCredentials, TransactionId,
        },
        prelude::{MessageWrite, MessageWriteExt},
    },
};

use crate::{
    harness::{PATIENCE, Running},
    hostile::media_noise,
    media::OFFER,
    relay::{
        EVERY, Handed, VOICE, add_peer, add_transport, admitted, code, first_allocate, nonce_of, send_to, serving,
        signed, without_relay,
    },
    tls::Authority,
};

/// How long is waited for an answer that must not come.
const SILENCE: Duration = Duration::from_millis(300);

/// What a server gives at once, and then each second: `limits::TURN_CHALLENGES`.
const CHALLENGES: u32 = 50;

/// A client's socket at an address of loopback. Others than 127.0.0.x are of another network.
async fn socket(ip: [u8; 4], server: &Running) -> UdpSocket {
    let socket = UdpSocket::bind((std::net::Ipv4Addr::from(ip), 0))
        .await
        .expect("a socket");
    socket.connect(server.media).await.expect("an address");
    socket
}

async fn here(server: &Running) -> UdpSocket {
    socket([127, 0, 0, 1], server).await
}

/// The next datagram, if one comes in this time.
async fn heard(socket: &UdpSocket, time: Duration) -> Option<Vec<u8>> {
    let mut answer = vec![0; 2_048];
    let length = timeout(time, socket.recv(&mut answer)).await.ok()?.expect("a datagram");
    answer.truncate(length);
    Some(answer)
}

/// A request and its answer; asked again like a client asks again, because the server's bucket may be empty for a moment.
async fn ask(socket: &UdpSocket, request: &[u8]) -> Vec<u8> {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        socket.send(request).await.expect("loopback takes it");
        if let Some(answer) = heard(socket, Duration::from_millis(250)).await {
            return answer;
        }
    }
    panic!("no answer");
}

/// The answer to an allocation with the right credentials, and the nonce that it was made with.
async fn allocate(socket: &UdpSocket, handed: &Handed) -> (String, Vec<u8>) {
    let challenge = ask(socket, &first_allocate()).await;
    assert_eq!(code(&challenge), Some(401));
    let nonce = nonce_of(&challenge);
    let answer = ask(socket, &signed(ALLOCATE, handed, &nonce, add_transport)).await;
    (nonce, answer)
}

/// A client with an allocation and a permission for the media.
async fn relayed(server: &Running, handed: &Handed) -> (UdpSocket, String) {
    let socket = here(server).await;
    let (nonce, answer) = allocate(&socket, handed).await;
    assert_eq!(code(&answer), None);
    let request = signed(CREATE_PERMISSION, handed, &nonce, |request| {
        add_peer(request, server.media)
    });
    assert_eq!(code(&ask(&socket, &request).await), None);
    (socket, nonce)
}

fn wrong(handed: &Handed) -> Handed {
    Handed {
        username: handed.username.clone(),
        password: "wrong".to_owned(),
    }
}

/// Everything that TURN knows, without a challenge before it, and what begins like it.
fn noise(handed: &Handed) -> Vec<Vec<u8>> {
    let mut noise = vec![
        signed(ALLOCATE, handed, "nonce", add_transport),
        signed(ALLOCATE, &wrong(handed), "nonce", add_transport),
        signed(REFRESH, handed, "nonce", |_| {}),
        send_to(SocketAddr::from(([127, 0, 0, 1], 9)), VOICE),
        vec![0x40, 0x00, 0x00, 0x04, 1, 2, 3, 4],
        vec![0x4f; 1_200],
        vec![0x40],
        Message::builder_request(BINDING, MessageWriteVec::new()).finish(),
    ];
    for kind in 0..=0x1f {
        // Requests and answers of all methods, without attributes; an allocation without a transport is one too.
        if kind != 0x03 {
            noise.push([&[0x00, kind, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat());
        }
    }
    noise.extend(media_noise());
    noise
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_an_idle_server_hear_nothing() {
    let authority = Authority::new();
    let server = authority.server().await;
    let socket = here(&server).await;
    let nobody = Handed {
        username: "user".to_owned(),
        password: "password".to_owned(),
    };
    for bytes in noise(&nobody) {
        socket.send(&bytes).await.expect("loopback takes it");
    }
    socket.send(&first_allocate()).await.expect("loopback takes it");
    assert!(heard(&socket, SILENCE).await.is_none(), "an idle server answered");

    // Somebody is admitted, from 127.0.0.0/24. For other networks nothing has changed.
    let (mut member, handed) = admitted(&authority, &server).await;
    let stranger = self::socket([127, 0, 1, 1], &server).await;
    stranger.send(&first_allocate()).await.expect("loopback takes it");
    assert!(
        heard(&stranger, SILENCE).await.is_none(),
        "another network was answered"
    );

    // From here only the one right question is answered, and wrong credentials are not, however often.
    for bytes in noise(&handed) {
        socket.send(&bytes).await.expect("loopback takes it");
    }
    assert!(heard(&socket, SILENCE).await.is_none(), "noise was answered");
    let nonce = nonce_of(&ask(&socket, &first_allocate()).await);
    for _ in 0..20 {
        let guess = signed(ALLOCATE, &wrong(&handed), &nonce, add_transport);
        socket.send(&guess).await.expect("loopback takes it");
    }
    assert!(heard(&socket, SILENCE).await.is_none(), "a guess was answered");
    let answer = ask(&socket, &signed(ALLOCATE, &handed, &nonce, add_transport)).await;
    assert_eq!(code(&answer), None, "guesses took the way in from the right one");
    assert!(member.is_served(1).await);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_turn_is_off_members_hear_nothing_either() {
    let authority = Authority::new();
    let (server, _member) = without_relay(&authority).await;
    let socket = here(&server).await;
    socket.send(&first_allocate()).await.expect("loopback takes it");
    assert!(heard(&socket, SILENCE).await.is_none());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admitted_member_reaches_the_media_plane_and_nothing_else() {
    let authority = Authority::new();
    let (server, seen) = serving(&authority, |_| {}).await;
    let (mut member, handed) = admitted(&authority, &server).await;
    let (socket, nonce) = relayed(&server, &handed).await;

    // Somewhere else on this very machine, where somebody listens.
    let elsewhere = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    let other = elsewhere.local_addr().expect("an address");
    let port = server.media.port();
    for peer in [
        other,
        SocketAddr::from(([127, 0, 0, 1], 22)),
        SocketAddr::from(([127, 0, 0, 2], port)),
        SocketAddr::from(([10, 0, 0, 1], port)),
        SocketAddr::from(([192, 168, 0, 1], port)),
        SocketAddr::from(([169, 254, 169, 254], 80)),
        SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, port)),
    ] {
        let request = signed(CREATE_PERMISSION, &handed, &nonce, |request| add_peer(request, peer));
        assert_eq!(code(&ask(&socket, &request).await), Some(403));
    }
    for (peer, data) in [(other, &b"stray datagram"[..]), (server.media, VOICE)] {
        socket.send(&send_to(peer, data)).await.expect("loopback takes it");
    }
    assert!(seen.until_seen(VOICE).await, "the media plane did not get it");
    assert!(
        heard(&elsewhere, SILENCE).await.is_none(),
        "a datagram left for another port"
    );

    // The way back: the plane answers a path check that came through the relay, through the relay.
    let call_id = CallId::from_bytes([9; 16]);
    member.send(&ClientMessage::Attach { call_id, have_seq: 0 }).await;
    member.send(&ClientMessage::Offer { sdp: OFFER.to_owned() }).await;
    let sdp = loop {
        match member.next().await.expect("an answer") {
            ServerMessage::Answer { sdp } => break sdp,
            _ => continue,
        }
    };
    let line = |name: &str| {
        sdp.lines()
            .find_map(|line| line.strip_prefix(name))
            .expect("credentials")
            .trim()
    };
    let user = format!("{}:abcd", line("a=ice-ufrag:"));
    let mut check = Message::builder_request(BINDING, MessageWriteVec::new());
    check
        .add_attribute(&Username::new(&user).expect("a name"))
        .expect("room");
    let key = ShortTermCredentials::new(line("a=ice-pwd:").to_owned()).into();
    check
        .add_message_integrity(&key, IntegrityAlgorithm::Sha1)
        .expect("room");
    check.add_fingerprint().expect("room");
    let check = check.finish();
    let transaction: TransactionId = Message::from_bytes(&check).expect("STUN").transaction_id();
    let indication = ask(&socket, &send_to(server.media, &check)).await;
    let indication = Message::from_bytes(&indication).expect("STUN");
    let inner = indication.attribute::<Data>().expect("data").data().to_vec();
    let inner = Message::from_bytes(&inner).expect("STUN");
    assert!(inner.class() == MessageClass::Success && inner.transaction_id() == transaction);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn allocations_over_udp_are_limited_and_places_come_back() {
    let authority = Authority::new();
    let (server, _) = serving(&authority, |config| config.limits.turn_allocations = 3).await;
    let (mut member, handed) = admitted(&authority, &server).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(relayed(&server, &handed).await);
    }
    let late = here(&server).await;
    let (nonce, answer) = allocate(&late, &handed).await;
    assert_eq!(code(&answer), Some(508), "one more than the limit");
    let (socket, used) = held.pop().expect("one of three");
    let end = signed(REFRESH, &handed, &used, |request| {
        request.add_attribute(&Lifetime::new(0)).expect("room");
    });
    assert_eq!(code(&ask(&socket, &end).await), None);
    let again = signed(ALLOCATE, &handed, &nonce, add_transport);
    assert_eq!(
        code(&ask(&late, &again).await),
        None,
        "a place that was given up is not given again"
    );
    assert!(member.is_served(1).await);
    server.stop().await;
}

/// Sockets of the flood, and first requests that each sends.
const FLOODERS: usize = 100;
const REQUESTS: usize = 200;

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "figures for whoever reads the test's output")]
async fn a_flood_of_allocations_gets_few_answers_and_leaves_a_relayed_member_in_peace() {
    let authority = Authority::new();
    let (server, seen) = serving(&authority, |config| config.limits.turn_allocations = 8).await;
    let server = Arc::new(server);
    let (mut member, handed) = admitted(&authority, &server).await;
    let (socket, _) = relayed(&server, &handed).await;
    let handed = Arc::new(handed);

    let started = Instant::now();
    let mut flood = tokio::task::JoinSet::new();
    for n in 0..FLOODERS {
        let (server, handed) = (Arc::clone(&server), Arc::clone(&handed));
        flood.spawn(async move {
            let (socket, mut answers) = (here(&server).await, 0_u32);
            let mut nonce = "nonce".to_owned();
            for round in 0..REQUESTS {
                // One in four knows the password and uses its nonce; there is no room for all of them.
                let request = match (n % 4, round % 2) {
                    (0, 1) => signed(ALLOCATE, &handed, &nonce, add_transport),
                    (1, 1) => signed(ALLOCATE, &wrong(&handed), &nonce, add_transport),
                    (2, 1) => [&[0x40, 0, 0, 0xff][..], &[0x55; 255]].concat(),
                    _ => first_allocate(),
                };
                let _ = socket.send(&request).await;
                if let Some(answer) = heard(&socket, Duration::from_millis(10)).await
                    && code(&answer).is_some()
                {
                    answers += 1;
                    if code(&answer) == Some(401) {
                        nonce = nonce_of(&answer);
                    }
                }
            }
            answers
        });
    }
    let (mut sent, before) = (0_u32, seen.count(VOICE));
    let mut tick = tokio::time::interval(EVERY);
    while started.elapsed() < Duration::from_secs(3) {
        tick.tick().await;
        socket
            .send(&send_to(server.media, VOICE))
            .await
            .expect("loopback takes it");
        sent += 1;
    }
    let mut answers = 0;
    while let Some(flooder) = flood.join_next().await {
        answers += flooder.expect("no panic");
    }
    let seconds = started.elapsed().as_secs_f64();
    let share = (seen.count(VOICE) - before) as f64 / f64::from(sent);
    println!(
        "{answers} answers in {seconds:.1} s, {:.0} % of a relayed member's datagrams",
        share * 100.0
    );
    // A second's worth at once, and one more for the second that has begun.
    let most = f64::from(CHALLENGES) * (seconds + 2.0);
    assert!(
        answers > 0 && f64::from(answers) <= most,
        "{answers} answers in {seconds:.1} s"
    );
    // A UDP socket may lose a few on a machine that two cores share with all the flood.
    assert!(share > 0.95, "only {:.0} % arrived", share * 100.0);
    assert!(member.is_served(1).await);
    let server = Arc::into_inner(server).unwrap_or_else(|| panic!("the flood has ended"));
    server.stop().await;
}
