//! A virtual network in virtual time, and members made from the webrtc family's own parts: STUN, DTLS client and SRTP are
//! `rtc-stun`, `rtc-dtls` and `rtc-srtp`, so that what is tested speaks to another implementation than itself.

#![allow(dead_code, missing_docs, reason = "each test file uses a part of this")]

pub mod client;
pub mod watch;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use conclave_sfu::{CallKey, DtlsIdentity, Input, OfferFault, Output, PeerId, Sfu, SfuConfig, TrackId, TrackKind};

pub use client::{Client, Shape};

pub const SERVER: ([u8; 4], u16) = ([192, 0, 2, 1], 443);

/// Which way a datagram travels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    ToServer,
    ToClient,
}

/// Decides the fate of a datagram: true drops it.
pub type Loss = Box<dyn FnMut(Way, &[u8]) -> bool>;

/// Makes other datagrams of one.
pub type Cut = Box<dyn FnMut(&[u8]) -> Vec<Vec<u8>>>;

pub struct Net {
    pub now: Instant,
    pub sfu: Sfu,
    pub clients: Vec<Client>,
    pub delay: Duration,
    pub loss: Loss,
    /// Cuts what clients send into other datagrams.
    pub cut: Option<Cut>,
    /// Slots' news, newest last.
    pub assigned: Vec<(u64, String, Option<TrackId>)>,
    pub refused: Vec<(u64, OfferFault)>,
    flying: BTreeMap<(Instant, u64), (Way, SocketAddr, Vec<u8>)>,
    counter: u64,
}

impl Net {
    #[expect(clippy::disallowed_methods, reason = "virtual time needs a first instant")]
    pub fn new() -> Self {
        let server = SocketAddr::from(SERVER);
        let config = SfuConfig::new(vec![server], DtlsIdentity::generate().unwrap(), [42; 32]);
        Self {
            now: Instant::now(),
            sfu: Sfu::new(config),
            clients: Vec::new(),
            delay: Duration::from_millis(5),
            loss: Box::new(|_, _| false),
            cut: None,
            assigned: Vec::new(),
            refused: Vec::new(),
            flying: BTreeMap::new(),
            counter: 0,
        }
    }

    /// A member joins call 1, offers and begins to connect. Returns its place.
    pub fn join(&mut self, shape: Shape) -> usize {
        let at = self.clients.len();
        self.clients.push(Client::new(at as u64 + 1, shape));
        let id = self.clients[at].id;
        let transport = self.clients[at].transport_id();
        self.sfu.handle(
            self.now,
            Input::Join {
                peer: PeerId(id),
                call: CallKey(1),
                transport,
            },
        );
        self.offer(at);
        at
    }

    pub fn offer(&mut self, at: usize) {
        let sdp = self.clients[at].offer();
        let peer = PeerId(self.clients[at].id);
        self.sfu.handle(self.now, Input::Offer { peer, sdp: &sdp });
        self.collect();
    }

    pub fn join_connected(&mut self, shape: Shape) -> usize {
        let at = self.join(shape);
        self.until("connected", Duration::from_secs(10), |net| net.clients[at].connected());
        at
    }

    pub fn publish(&mut self, at: usize, mid: &str, kind: TrackKind, on: bool) {
        let peer = PeerId(self.clients[at].id);
        self.sfu.handle(self.now, Input::Publish { peer, mid, kind, on });
        self.collect();
    }

    pub fn track(&self, at: usize, kind: TrackKind) -> TrackId {
        TrackId {
            transport: self.clients[at].transport_id(),
            kind,
        }
    }

    pub fn show(&mut self, at: usize, mid: &str, track: Option<TrackId>) {
        let peer = PeerId(self.clients[at].id);
        self.sfu.handle(
            self.now,
            Input::Slots {
                peer,
                slots: &[(mid.to_owned(), track, 0)],
            },
        );
        self.collect();
    }

    /// What a slot was last said to show.
    pub fn told(&self, at: usize, mid: &str) -> Option<TrackId> {
        let id = self.clients[at].id;
        self.assigned
            .iter()
            .rev()
            .find(|(peer, slot, _)| *peer == id && slot == mid)
            .and_then(|(_, _, track)| *track)
    }

    /// Puts a datagram on the network.
    pub fn send(&mut self, way: Way, other_end: SocketAddr, data: Vec<u8>) {
        if (self.loss)(way, &data) {
            return;
        }
        self.counter += 1;
        self.flying
            .insert((self.now + self.delay, self.counter), (way, other_end, data));
    }

    fn collect(&mut self) {
        while let Some(output) = self.sfu.poll_output() {
            match output {
                Output::Datagram { to, data } => self.send(Way::ToClient, to, data),
                Output::Answer { peer, sdp } => {
                    if let Some(client) = self.clients.iter_mut().find(|client| client.id == peer.0) {
                        client.handle_answer(self.now, &sdp);
                    }
                }
                Output::OfferRefused { peer, reason } => self.refused.push((peer.0, reason)),
                Output::Assigned { peer, mid, track } => self.assigned.push((peer.0, mid, track)),
            }
        }
    }

    fn pump_clients(&mut self) {
        for at in 0..self.clients.len() {
            self.clients[at].handle_timeout(self.now);
            let from = self.clients[at].address;
            for data in std::mem::take(&mut self.clients[at].outgoing) {
                let pieces = match &mut self.cut {
                    Some(cut) => cut(&data),
                    None => vec![data],
                };
                for piece in pieces {
                    self.send(Way::ToServer, from, piece);
                }
            }
        }
    }

    /// Moves to the next moment at which anything happens, at most to `end`. False if there was none.
    fn step(&mut self, end: Instant) -> bool {
        self.collect();
        self.pump_clients();
        let arrival = self.flying.first_key_value().map(|((at, _), _)| *at);
        let clients = self.clients.iter().filter_map(Client::poll_timeout).min();
        let next = [arrival, self.sfu.poll_timeout(), clients].into_iter().flatten().min();
        let Some(next) = next.filter(|next| *next <= end) else {
            self.now = end;
            return false;
        };
        self.now = self.now.max(next);
        while let Some(entry) = self.flying.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let (way, other_end, data) = entry.remove();
            match way {
                Way::ToServer => {
                    self.sfu.handle(
                        self.now,
                        Input::Datagram {
                            from: other_end,
                            to_socket: 0,
                            data: &data,
                        },
                    );
                }
                Way::ToClient => {
                    if let Some(client) = self.clients.iter_mut().find(|client| client.address == other_end) {
                        client.handle_datagram(self.now, &data);
                    }
                }
            }
            self.collect();
        }
        if self.sfu.poll_timeout().is_some_and(|at| at <= self.now) {
            self.sfu.handle(self.now, Input::Timeout);
            self.collect();
        }
        self.pump_clients();
        assert!(
            self.sfu.counters().nonce_refusals == 0,
            "a nonce was about to be used twice"
        );
        true
    }

    pub fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.step(end) {}
    }

    /// Runs until the condition holds; fails with the sentence if it does not in time.
    pub fn until(&mut self, sentence: &str, limit: Duration, mut done: impl FnMut(&Net) -> bool) -> Duration {
        let start = self.now;
        while !done(self) {
            assert!(self.step(start + limit), "not within {limit:?}: {sentence}");
        }
        self.now - start
    }

    pub fn holds_within(&mut self, limit: Duration, mut done: impl FnMut(&Net) -> bool) -> bool {
        let end = self.now + limit;
        while !done(self) {
            if !self.step(end) {
                return done(self);
            }
        }
        true
    }
}

/// A small generator for reproducible loss; the seed is printed by the tests that use it.
pub fn dice(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    }
}
