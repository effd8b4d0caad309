//! The public TCP port: everything that arrives there, told apart and handed on.
//!
//! ```text
//!  accept ── place per address ── TLS (deadline) ──┬─ first byte a letter ── http (page, socket)
//!                                                  └─ first byte 0 or 1, our name in SNI, network expected ── turn
//! ```
//!
//! It decides what a connection is, never what it may do. The peer's address becomes a keyed hash here (`peers`) and goes no further.
//! SECURITY: whatever is not a TURN client that we expect is HTTP's to answer, so that a prober who speaks TURN, or noise, gets
//! the same "400 Bad Request" as at any web server.

mod first_byte;

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::Router;
use ipnet::IpNet;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use self::first_byte::Rewound;
use crate::{
    ending::Ending,
    error::Error,
    http::{self, Whence},
    limits,
    peers::{Network, Peers},
    tls,
    turn::{self, TurnDoor},
};

/// Pause after the system refused an accept for want of files or memory: without it the loop would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What the port serves.
pub(crate) struct Edge {
    pub(crate) router: Router,
    /// Where our proxy connects from; whoever else comes is turned away. `None`: there is no proxy.
    pub(crate) proxies: Option<Vec<IpNet>>,
    /// `None`: plain HTTP, for loopback and behind a proxy.
    pub(crate) tls: Option<TlsAcceptor>,
    /// `None`: TURN is switched off, or there is no TLS to hide it in.
    pub(crate) turn: Option<Arc<TurnDoor>>,
    /// Our host name, which a TURN client must have asked for. `None`: the name is an address, which is never in SNI.
    pub(crate) host: Option<String>,
    pub(crate) peers: Arc<Peers>,
    pub(crate) places: Arc<Semaphore>,
}

impl Edge {
    /// Accepts until `ending` says so.
    pub(crate) async fn run(self, listener: TcpListener, mut ending: Ending) -> Result<(), Error> {
        let edge = Arc::new(self);
        let mut sweep = time::interval(limits::ADDRESS_SWEEP);
        loop {
            let accepted = tokio::select! {
                () = ending.reached() => return Ok(()),
                _ = sweep.tick() => {
                    edge.peers.sweep(Instant::now());
                    continue;
                }
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => edge.take(stream, peer.ip(), &ending),
                Err(_) => time::sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    /// SECURITY: above a limit a connection is closed unread; strangers bind no memory.
    fn take(self: &Arc<Self>, stream: TcpStream, ip: IpAddr, ending: &Ending) {
        let is_proxy = |ip| {
            self.proxies
                .as_ref()
                .is_none_or(|nets| nets.iter().any(|net| net.contains(&ip)))
        };
        if !is_proxy(ip.to_canonical()) {
            return;
        }
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return;
        };
        // A proxy's connections all come from one address; sockets are counted by what it says (`http`).
        let own_place = if self.proxies.is_none() {
            let Some(own_place) = self.peers.enter(Instant::now(), ip) else {
                return;
            };
            Some(Arc::new(own_place))
        } else {
            None
        };
        let whence = Whence {
            network: self.peers.network(ip),
            place: own_place,
        };
        // Small frames, sent when they are due: waiting to fill a segment would cost up to 40 ms.
        let _ = stream.set_nodelay(true);
        let (edge, ending) = (Arc::clone(self), ending.clone());
        tokio::spawn(async move {
            match &edge.tls {
                None => http::serve(stream, edge.router.clone(), whence, place, ending).await,
                Some(acceptor) => {
                    let handshake = time::timeout(limits::TLS_HANDSHAKE_DEADLINE, acceptor.accept(stream));
                    let Ok(Ok(mut stream)) = handshake.await else { return };
                    if tls::was_challenge(stream.get_ref().1.alpn_protocol()) {
                        let _ = time::timeout(limits::SOCKET_CLOSE_DEADLINE, stream.shutdown()).await;
                        return;
                    }
                    let first = time::timeout(limits::REQUEST_HEAD_DEADLINE, first_byte::read(&mut stream));
                    let Ok(Ok(Some(first))) = first.await else { return };
                    if let Some(door) = edge.turn_for(first, &stream, whence.network) {
                        let _ = socket2::SockRef::from(stream.get_ref().0).set_tcp_notsent_lowat(limits::RELAY_UNSENT);
                        // Its place among the HTTP connections is free again; TURN has places of its own.
                        drop(place);
                        turn::serve(Rewound::new(first, stream), door, ending).await;
                        drop(whence);
                    } else {
                        let stream = Rewound::new(first, stream);
                        http::serve(stream, edge.router.clone(), whence, place, ending).await;
                    }
                }
            }
        });
    }

    /// The door to TURN, if this is a TURN client that has a reason to be here.
    fn turn_for(&self, first: u8, stream: &TlsStream<TcpStream>, network: Network) -> Option<Arc<TurnDoor>> {
        let door = self.turn.as_ref()?;
        let named = stream.get_ref().1.server_name();
        // SPEC: RFC 8489 §5: a STUN message begins with two zero bits; requests of TURN with 0x00, its indications too.
        let is_turn = first <= 0x01 && (self.host.is_none() || self.host.as_deref() == named);
        (is_turn && door.credentials().expects(Instant::now(), network)).then(|| Arc::clone(door))
    }
}

/// What http and turn need of a stream.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for S {}
