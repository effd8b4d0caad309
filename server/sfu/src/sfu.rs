//! The loop: inputs in, outputs out, and which member they concern.
//!
//! Datagrams are handled in `media.rs`, RTCP and timers in `feedback.rs`, offers and routing in `control.rs`.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

use crate::api::{CallKey, Counters, Input, MediaTap, Output, PeerId, SfuConfig, TrackId};
use crate::call::Call;
use crate::entropy::Entropy;
use crate::peer::Peer;
use crate::slot::ntp_fraction;
use crate::transport::demux::Demux;
use crate::transport::identity::DtlsIdentity;

/// Where the server's NTP clock begins. Any value does: receivers use differences, and the true time is nobody's business.
const NTP_BASE: u64 = 0xe000_0000 << 32;

/// The forwarding plane of one server. See the crate's documentation for the rule of use.
pub struct Sfu {
    pub(crate) identity: DtlsIdentity,
    pub(crate) candidates: Vec<SocketAddr>,
    pub(crate) entropy: Entropy,
    pub(crate) tap: Option<MediaTap>,
    pub(crate) demux: Demux,
    pub(crate) peers: BTreeMap<PeerId, Peer>,
    pub(crate) calls: BTreeMap<CallKey, Call>,
    pub(crate) counters: Counters,
    pub(crate) instances: u32,
    outputs: VecDeque<Output>,
    started: Option<Instant>,
    wake: Option<Instant>,
}

impl Sfu {
    /// An empty server.
    pub fn new(config: SfuConfig) -> Self {
        Self {
            identity: config.identity,
            candidates: config.candidates,
            entropy: Entropy::new(&config.seed),
            tap: config.media_tap,
            demux: Demux::default(),
            peers: BTreeMap::new(),
            calls: BTreeMap::new(),
            counters: Counters::default(),
            instances: 0,
            outputs: VecDeque::new(),
            started: None,
            wake: None,
        }
    }

    /// Takes in what happened. Never fails: what is wrong with an input shows in the outputs or is dropped and counted.
    pub fn handle(&mut self, now: Instant, input: Input<'_>) {
        self.started.get_or_insert(now);
        match input {
            Input::Datagram {
                from,
                to_socket: _,
                data,
            } => self.handle_datagram(now, from, data),
            Input::Timeout => self.handle_timeout(now),
            Input::Join { peer, call, transport } => self.handle_join(now, peer, call, transport),
            Input::Leave { peer } => self.handle_leave(now, peer),
            Input::Silence { peer } => self.handle_silence(now, peer),
            Input::Offer { peer, sdp } => self.handle_offer(now, peer, sdp),
            Input::Publish { peer, mid, kind, on } => self.handle_publish(now, peer, mid, kind, on),
            Input::Slots { peer, slots } => self.handle_slots(now, peer, slots),
        }
    }

    /// The next thing to do. Poll until there is none after every `handle`.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call `handle` with `Timeout`.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.wake
    }

    /// Whole-server totals since start.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    pub(crate) fn output(&mut self, output: Output) {
        if matches!(output, Output::Datagram { .. }) {
            self.counters.datagrams_out += 1;
        }
        self.outputs.push_back(output);
    }

    pub(crate) fn server_ntp(&self, now: Instant) -> u64 {
        let elapsed = self
            .started
            .map(|started| now.saturating_duration_since(started))
            .unwrap_or_default();
        NTP_BASE.wrapping_add(ntp_fraction(elapsed))
    }

    /// The id of what a member publishes on one of its m-lines, if that is declared and still its own.
    pub(crate) fn track_of_line(&self, peer: PeerId, line: usize) -> Option<(CallKey, TrackId)> {
        let member = self.peers.get(&peer)?;
        let track = TrackId {
            transport: member.transport_id,
            kind: member.publisher.kind_of_line(line)?,
        };
        let call = self.calls.get(&member.call)?;
        (call.source(&track) == Some(peer)).then_some((member.call, track))
    }

    /// Sends handshake datagrams and plans the next timeout. Call after touching a member.
    pub(crate) fn settle(&mut self, now: Instant, peer: PeerId) {
        let Some(member) = self.peers.get_mut(&peer) else {
            return;
        };
        let handshake = member.path.as_mut().and_then(|path| path.poll_handshake(now));
        let next = member.poll_timeout();
        if let Some((to, datagrams)) = handshake {
            for data in datagrams {
                self.output(Output::Datagram { to, data });
            }
        }
        if let Some(next) = next {
            self.wake = Some(self.wake.map_or(next, |wake| wake.min(next)));
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.wake.is_none_or(|wake| now < wake) {
            return;
        }
        // COST: looks at every member. At 2,000 members this is 20 µs a tick; a heap would save it once it shows.
        let due: Vec<PeerId> = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.poll_timeout().is_some_and(|at| now >= at))
            .map(|(id, _)| *id)
            .collect();
        for peer in due {
            self.handle_peer_timeout(now, peer);
            self.settle(now, peer);
        }
        self.wake = self.peers.values().filter_map(Peer::poll_timeout).min();
    }
}
