//! Floods from outside while two members talk: what strangers throw at the ports is bounded, and the call goes on.
//!
//! Figures and limits: `docs/operators/limits.md`. What one connection may do inside a room is tested where it is decided (`conclave-rooms`).

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use conclave_bots::{Bot, BotError, Kind, server::TestServer, visitor::Visitor};
use conclave_protocol::{
    envelope::{ClearPart, seal},
    ids::CallId,
    keys::LinkKeys,
    link::GuestLink,
    message::ClientMessage,
};
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream, UdpSocket},
    task::JoinSet,
    time::{sleep, timeout},
};

type Outcome = Result<(), BotError>;

/// Half-open connections of the flood, from forty addresses.
const HALF_OPEN: usize = 10_000;
const ADDRESSES: usize = 40;
/// Twice the places of a single address. A machine that allows no more files than that shows only the limit per address.
const FEWEST: usize = 512;

/// Files that everything besides the flood needs: the server's side (2,048 places), bots, the runtime.
const OTHER_FILES: u64 = 3_000;

/// Datagrams of the flood of the media port.
const DATAGRAMS: u32 = 100_000;

/// What must be left of the usual rate of frames while a flood runs. Two busy cores carry server, members and flood at once; a
/// call that is disturbed stops.
const LEFT: f64 = 0.5;

/// Frames of sound that came in, both ways.
fn heard(ada: &Bot, bo: &Bot) -> u64 {
    ada.received("Bo", Kind::Microphone).opened + bo.received("Ada", Kind::Microphone).opened
}

/// Runs a flood in the middle of a call and compares the sound that came through with that of two quiet seconds before.
#[expect(clippy::print_stdout, reason = "figures for whoever reads the test's output")]
async fn undisturbed(ada: &Bot, bo: &Bot, what: &str, flood: impl Future<Output = ()>) {
    let rate = |frames: u64, since: Instant| frames as f64 / since.elapsed().as_secs_f64();
    let (start, before) = (Instant::now(), heard(ada, bo));
    sleep(Duration::from_secs(2)).await;
    let quiet = rate(heard(ada, bo) - before, start);
    assert!(quiet > 10.0, "{what}: there was no call to disturb");

    let (start, before) = (Instant::now(), heard(ada, bo));
    flood.await;
    // At least three seconds: a quick flood's aftermath counts too, and a single breath that a busy machine held does not decide.
    sleep(Duration::from_secs(3).saturating_sub(start.elapsed())).await;
    let during = rate(heard(ada, bo) - before, start);
    println!("{what}: {during:.0} frames a second, {quiet:.0} before");
    assert!(
        during >= quiet * LEFT,
        "{what}: {during:.0} frames a second are left of {quiet:.0}"
    );
}

/// Two who talk.
async fn call(link: &str) -> Result<(Bot, Bot), BotError> {
    let bots = Bot::join_in_turn(link, &["Ada", "Bo"]).await?;
    let [ada, bo]: [Bot; 2] = bots.try_into().unwrap_or_else(|_| unreachable!("two names"));
    ada.receives("Bo", Kind::Microphone, 10).await?;
    bo.receives("Ada", Kind::Microphone, 10).await?;
    Ok((ada, bo))
}

/// After the floods messages pass as well as sound, and everything ends as it should.
async fn over(server: TestServer, ada: Bot, bo: Bot) -> Outcome {
    ada.say("still here").await;
    bo.wait_for("Ada's line", |view| view.has_chat("Ada", "still here"))
        .await?;
    for bot in [ada, bo] {
        bot.leave().await?;
    }
    server.stop().await;
    Ok(())
}

async fn connect(from: usize, to: SocketAddr) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().ok()?;
    let last = u8::try_from(from % ADDRESSES + 2).ok()?;
    socket.bind((Ipv4Addr::new(127, 0, 0, last), 0).into()).ok()?;
    socket.connect(to).await.ok()
}

/// What a browser sends to open a socket.
fn upgrade(port: u16) -> String {
    format!(
        "GET /v1/socket HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: conclave.1\r\n\r\n"
    )
}

/// How many files this process may open, after asking for as many as it can get.
fn files() -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Drips bytes into held connections, a byte at a time each, for as long as the server lets them. How many are still open at the end.
async fn drip(streams: &mut Vec<TcpStream>, byte: u8, seconds: u64) -> usize {
    let until = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < until && !streams.is_empty() {
        let mut open = Vec::with_capacity(streams.len());
        for mut stream in streams.drain(..) {
            let mut answer = [0; 256];
            let is_open = !matches!(stream.try_read(&mut answer), Ok(0));
            if is_open && stream.write_all(&[byte]).await.is_ok() {
                open.push(stream);
            }
        }
        *streams = open;
        sleep(Duration::from_millis(500)).await;
    }
    streams.len()
}

/// The head of a masked binary frame of 60,000 bytes, of which one comes now and then. SPEC: RFC 6455 §5.2.
const SLOW_FRAME: [u8; 8] = [0x82, 0xfe, 0xea, 0x60, 0, 0, 0, 0];

/// Connections of each kind that drip, from all addresses of the flood.
const DRIPPING: usize = 400;

/// The server cuts heads and unproven sockets off after ten seconds; two more for a busy machine.
const DRIPPED: u64 = 12;

/// Who hold the link and knock without end, and who send what no client of ours sends.
const KNOCKERS: usize = 40;
const BREAKERS: usize = 100;

/// Sixteen times the largest frame there is.
const GIANT: usize = 1 << 20;

/// Knocks that each tries: eight times what it may do in a row.
const KNOCKS: u32 = 40;

/// A knock at this call that members have to look at: it opens as an envelope, and then turns out to be nothing.
fn knock(link: &GuestLink, call: CallId) -> Vec<u8> {
    let (mut body, mut nonce) = (vec![0; 4_000], [0; 24]);
    let _ = getrandom::fill(&mut body);
    let _ = getrandom::fill(&mut nonce);
    let key = LinkKeys::derive(&link.link_secret).envelope();
    let sealed = seal(&key, ClearPart::knock(call), &body, nonce);
    sealed.map(|envelope| envelope.encode()).unwrap_or_default()
}

/// Floods by people who hold the link, and by those who take their time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_goes_on_under_knocks_dripped_bytes_and_giant_and_malformed_frames() -> Outcome {
    let server = TestServer::start(None).await;
    let guest = server.room("knocked at").await;
    let (ada, bo) = call(&server.url(&guest)).await?;

    let mut knocked = 0;
    undisturbed(&ada, &bo, "knocks", async {
        let mut all = JoinSet::new();
        for _ in 0..KNOCKERS {
            let guest = guest.clone();
            all.spawn(async move {
                let mut visitor = Visitor::admitted(&guest).await?;
                let call_id = visitor.calls.first()?.call_id;
                visitor.send(&ClientMessage::Attach { call_id, have_seq: 0 }).await?;
                for _ in 0..KNOCKS {
                    let knock = ClientMessage::submission([knock(&guest, call_id)]);
                    if visitor.send(&knock).await.is_none() {
                        break;
                    }
                }
                // The server has read to the end, or closed.
                let _ = timeout(Duration::from_secs(2), visitor.stays()).await;
                Some(())
            });
        }
        while let Some(done) = all.join_next().await {
            knocked += usize::from(matches!(done, Ok(Some(()))));
        }
    })
    .await;
    assert_eq!(knocked, KNOCKERS, "not everybody got as far as a knock");

    undisturbed(&ada, &bo, "giant and malformed frames", async {
        let mut all = JoinSet::new();
        for n in 0..BREAKERS {
            let guest = guest.clone();
            all.spawn(async move {
                let Some(mut visitor) = Visitor::admitted(&guest).await else {
                    return;
                };
                let mut bytes = vec![0x9f; if n % 2 == 0 { GIANT } else { 60_000 }];
                let _ = getrandom::fill(bytes.get_mut(..64).unwrap_or_default());
                let _ = visitor.send_raw(bytes).await;
                let _ = timeout(Duration::from_secs(5), visitor.stays()).await;
            });
        }
        while all.join_next().await.is_some() {}
    })
    .await;

    let upgrade = upgrade(server.http.port());
    for (what, start, byte) in [
        ("heads that drip", b"GET / HTTP/1.1\r\nX: ".to_vec(), b'x'),
        ("frames that drip", [upgrade.as_bytes(), &SLOW_FRAME].concat(), 0),
    ] {
        let mut held = Vec::with_capacity(DRIPPING);
        let mut left = 0;
        undisturbed(&ada, &bo, what, async {
            for n in 0..DRIPPING {
                if let Some(mut stream) = connect(n, server.http).await {
                    let _ = stream.write_all(&start).await;
                    held.push(stream);
                }
            }
            left = drip(&mut held, byte, DRIPPED).await;
        })
        .await;
        assert_eq!(left, 0, "{what}: somebody may drip for longer than ten seconds");
    }

    over(server, ada, bo).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_goes_on_under_half_open_connections_sockets_without_proof_and_datagrams() -> Outcome {
    let server = TestServer::start(None).await;
    let link = server.url(&server.room("flooded").await);
    let (ada, bo) = call(&link).await?;

    let count = HALF_OPEN.min(usize::try_from(files().saturating_sub(OTHER_FILES)).unwrap_or(HALF_OPEN));
    assert!(
        count > FEWEST,
        "this machine allows too few files to flood anybody: {count}"
    );
    let mut held = Vec::with_capacity(count);
    undisturbed(&ada, &bo, "half-open connections", async {
        for n in 0..count {
            if let Some(mut stream) = connect(n, server.http).await {
                let _ = stream.write_all(b"GET /v1/socket HTTP/1.1\r\nHost: loc").await;
                held.push(stream);
            }
        }
    })
    .await;
    // They hold places for ten seconds at most; from an address of its own somebody gets in as soon as one is free.
    let started = Instant::now();
    while !answers(server.http).await {
        assert!(started.elapsed() < Duration::from_secs(30), "nobody gets in any more");
        sleep(Duration::from_millis(200)).await;
    }
    drop(held);

    let mut held = Vec::new();
    undisturbed(&ada, &bo, "sockets without proof", async {
        let upgrade = upgrade(server.http.port());
        for n in 0..1_000 {
            if let Some(mut stream) = connect(n, server.http).await {
                let _ = stream.write_all(upgrade.as_bytes()).await;
                held.push(stream);
            }
        }
    })
    .await;
    drop(held);

    undisturbed(&ada, &bo, "datagrams", flood_media(server.media)).await;

    over(server, ada, bo).await
}

/// Whether an ordinary request from an address that takes no part in the flood is answered.
async fn answers(server: SocketAddr) -> bool {
    let request = async {
        let mut stream = TcpStream::connect(server).await.ok()?;
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .await
            .ok()?;
        let mut start = [0; 12];
        stream.read_exact(&mut start).await.ok()?;
        (&start == b"HTTP/1.1 200").then_some(())
    };
    matches!(timeout(Duration::from_secs(2), request).await, Ok(Some(())))
}

/// STUN checks with names that nobody has, TURN requests, and what looks like DTLS, RTP and RTCP.
async fn flood_media(media: SocketAddr) {
    let Ok(socket) = UdpSocket::bind("127.0.0.2:0").await else {
        unreachable!("loopback is 127.0.0.0/8");
    };
    let mut noise = [0; 200];
    for n in 0..DATAGRAMS {
        let _ = getrandom::fill(&mut noise);
        let head: &[u8] = match n % 5 {
            0 => &[0x00, 0x01, 0x00, 0xb4, 0x21, 0x12, 0xa4, 0x42],
            1 => &[0x00, 0x03, 0x00, 0xb4, 0x21, 0x12, 0xa4, 0x42],
            2 => &[0x16, 0xfe, 0xfd, 0x00, 0x00],
            3 => &[0x80, 0x6f],
            _ => &[0x81, 0xc9],
        };
        for (byte, head) in noise.iter_mut().zip(head) {
            *byte = *head;
        }
        let _ = socket.send_to(&noise, media).await;
    }
}
