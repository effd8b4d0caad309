//! The inside of the relay: datagrams of relayed members, into the forwarding plane and back, without a socket.
//!
//! [`Relayed`] stands in front of the real media socket and adds what relays bring in; what the plane sends to an address
//! that a relay stands for goes there instead of to the network. The plane notices nothing of it. Clients of TURN over TLS have tasks of
//! their own behind queues; those over UDP share the plane's socket and live in here (`udp`).
//!
//! Each relay stands for one address of a range that no machine on the internet can have, so the two kinds never meet.

use std::{
    collections::HashMap,
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};

use tokio::{
    sync::mpsc,
    time::{self, Interval, MissedTickBehavior},
};

use super::udp::UdpTurn;
use crate::{
    limits,
    media::{Batch, MediaSocket},
};

/// Relayed addresses of IPv4: 240.0.0.0/4, reserved and never routed (RFC 1112 §4). Each allocation has one IP of its own.
const RANGE_V4: u32 = 0xf000_0000;
/// Of IPv6: 100::/64, which routers discard (RFC 6666).
const RANGE_V6: u128 = 0x0100 << 112;
/// How many there are before they repeat: 2^24, with 512 in use at a time.
const RANGE_SIZE: u32 = 1 << 24;
/// The port of all of them. It says nothing.
const PORT: u16 = 9;

/// From relays to the plane.
enum ToPlane {
    /// What is sent to this address from now on goes into this queue.
    Open(SocketAddr, mpsc::Sender<Vec<u8>>),
    Datagram(SocketAddr, Vec<u8>),
}

/// The relays' side.
#[derive(Clone)]
pub(crate) struct Relays {
    to_plane: mpsc::Sender<ToPlane>,
    next: Arc<AtomicU32>,
}

/// One relayed address. Ends when it is dropped.
pub(super) struct RelayEnd {
    pub(super) address: SocketAddr,
    /// What the plane sends there.
    pub(super) datagrams: mpsc::Receiver<Vec<u8>>,
    to_plane: mpsc::Sender<ToPlane>,
}

impl Relays {
    /// The relays, and what the plane's side of them is made of.
    pub(crate) fn new() -> (Self, PlaneEnd) {
        let (to_plane, from_relays) = mpsc::channel(limits::RELAY_INPUT_QUEUE);
        let relays = Self {
            to_plane,
            next: Arc::default(),
        };
        (relays, PlaneEnd(from_relays))
    }

    /// The next address of this family, for an allocation of whichever kind.
    pub(super) fn address(&self, v4: bool) -> SocketAddr {
        let number = self.next.fetch_add(1, Ordering::Relaxed) % RANGE_SIZE;
        if v4 {
            SocketAddr::from((Ipv4Addr::from(RANGE_V4 + 1 + number), PORT))
        } else {
            SocketAddr::from((Ipv6Addr::from(RANGE_V6 + 1 + u128::from(number)), PORT))
        }
    }

    /// A new address of this family, reached through queues. `None`: the plane has ended.
    pub(super) async fn open(&self, v4: bool) -> Option<RelayEnd> {
        let address = self.address(v4);
        let (sender, datagrams) = mpsc::channel(limits::RELAY_OUTPUT_QUEUE);
        self.to_plane.send(ToPlane::Open(address, sender)).await.ok()?;
        Some(RelayEnd {
            address,
            datagrams,
            to_plane: self.to_plane.clone(),
        })
    }
}

impl RelayEnd {
    /// Hands a datagram to the plane, or loses it as a full network would.
    pub(super) fn send(&self, datagram: Vec<u8>) {
        let _ = self.to_plane.try_send(ToPlane::Datagram(self.address, datagram));
    }
}

/// What [`Relayed`] is made of, besides a socket.
pub(crate) struct PlaneEnd(mpsc::Receiver<ToPlane>);

/// A media socket with relayed members beside those who reach it themselves.
pub(crate) struct Relayed<S> {
    socket: S,
    from_relays: mpsc::Receiver<ToPlane>,
    open: HashMap<SocketAddr, mpsc::Sender<Vec<u8>>>,
    udp: Option<UdpTurn>,
    tick: Interval,
}

impl<S> Relayed<S> {
    /// `udp`: clients of TURN on this very socket; `None`: they are noise. Must be called inside the runtime that will drive it.
    pub(crate) fn new(socket: S, end: PlaneEnd, udp: Option<UdpTurn>) -> Self {
        let mut tick = time::interval(limits::RELAY_TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            socket,
            from_relays: end.0,
            open: HashMap::new(),
            udp,
            tick,
        }
    }

    /// A full batch loses the datagram, as a full socket would.
    fn take(&mut self, input: ToPlane, batch: &mut Batch) {
        match input {
            ToPlane::Open(address, sender) => {
                self.open.retain(|_, sender| !sender.is_closed());
                self.open.insert(address, sender);
            }
            ToPlane::Datagram(from, data) => {
                let _ = batch.fill(|buffer| {
                    let room = buffer.get_mut(..data.len()).ok_or(io::ErrorKind::InvalidData)?;
                    room.copy_from_slice(&data);
                    Ok((data.len(), from))
                });
            }
        }
    }
}

impl<S: MediaSocket> MediaSocket for Relayed<S> {
    async fn recv(&mut self, batch: &mut Batch) -> io::Result<()> {
        loop {
            let Self {
                socket,
                from_relays,
                udp,
                tick,
                ..
            } = &mut *self;
            let input = tokio::select! {
                received = socket.recv(batch) => {
                    if let Some(udp) = udp {
                        let now = Instant::now();
                        batch.filter(|from, data| udp.handle(now, from, data, &mut |to, data| socket.send(to, data)));
                    }
                    // Perhaps nothing is left; the loop must get its turn all the same, or noise could keep it away.
                    return received;
                }
                Some(input) = from_relays.recv() => input,
                _ = tick.tick(), if udp.is_some() => {
                    if let Some(udp) = udp {
                        udp.tick(Instant::now(), &mut |to, data| socket.send(to, data));
                    }
                    continue;
                }
            };
            let before = batch.datagrams().count();
            self.take(input, batch);
            while !batch.is_full()
                && let Ok(more) = self.from_relays.try_recv()
            {
                self.take(more, batch);
            }
            if batch.datagrams().count() > before {
                return Ok(());
            }
        }
    }

    fn send(&mut self, to: SocketAddr, datagram: &[u8]) {
        match self.open.get(&to) {
            // A queue that is full is a line that is full.
            Some(relay) => drop(relay.try_send(datagram.to_vec())),
            None if is_relayed(to) => {
                let Self { socket, udp, .. } = self;
                if let Some(udp) = udp {
                    udp.handle_plane(Instant::now(), to, datagram, &mut |to, data| socket.send(to, data));
                }
            }
            None => self.socket.send(to, datagram),
        }
    }
}

/// Whether an address can only be a relay's: one that has ended gets nothing, and the network neither.
fn is_relayed(address: SocketAddr) -> bool {
    match address {
        SocketAddr::V4(v4) => u32::from(*v4.ip()) & RANGE_V4 == RANGE_V4,
        SocketAddr::V6(v6) => u128::from(*v6.ip()) >> 64 == RANGE_V6 >> 64,
    }
}
