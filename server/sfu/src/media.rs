//! Datagrams: authenticate, attribute, forward.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::api::{CallKey, Output, PeerId, TrackId};
use crate::incoming::{Accepted, MediaPacket};
use crate::rtp::{RtpHeader, strip_padding};
use crate::sfu::Sfu;
use crate::slot::Forwarded;
use crate::transport::Change;
use crate::transport::demux::{Class, classify};
use crate::transport::ice::parse_request;

impl Sfu {
    pub(crate) fn handle_datagram(&mut self, now: Instant, from: SocketAddr, data: &[u8]) {
        self.counters.datagrams_in += 1;
        let class = classify(data);
        if class == Class::Stun {
            if self.handle_stun(now, from, data).is_none() {
                self.counters.unattributed += 1;
            }
            return;
        }
        let Some(peer) = self.demux.peer_of_address(from) else {
            self.counters.unattributed += 1;
            return;
        };
        match class {
            Class::Dtls => self.handle_dtls(now, peer, from, data),
            Class::Rtp => self.handle_rtp(now, peer, data),
            Class::Rtcp => self.handle_rtcp(now, peer, data),
            Class::Stun | Class::Unknown => {}
        }
        self.settle(now, peer);
    }

    /// SECURITY: what is not an authentic check of a known member gets no answer at all, not even an error.
    fn handle_stun(&mut self, now: Instant, from: SocketAddr, data: &[u8]) -> Option<()> {
        let mut request = parse_request(data)?;
        let peer = self.demux.peer_of_ufrag(&request.local_ufrag)?;
        let path = self.peers.get_mut(&peer)?.path.as_mut()?;
        let demux = &mut self.demux;
        let response = path.handle_check(now, from, &mut request, &self.identity, || demux.claim(now, from, peer))?;
        self.output(Output::Datagram {
            to: from,
            data: response,
        });
        self.settle(now, peer);
        Some(())
    }

    fn handle_dtls(&mut self, now: Instant, peer: PeerId, from: SocketAddr, data: &[u8]) {
        let Some(path) = self.peers.get_mut(&peer).and_then(|peer| peer.path.as_mut()) else {
            return;
        };
        let before = path.resends();
        let change = path.handle_dtls(now, from, data);
        self.counters.flights_resent += path.resends() - before;
        match change {
            Change::None | Change::Closed => {}
            Change::Failed => self.counters.handshakes_failed += 1,
            Change::Connected => {
                self.counters.handshakes += 1;
                self.want_keyframes_for(now, peer);
            }
        }
    }

    /// A member can receive from now on: its waiting slots need keyframes.
    fn want_keyframes_for(&mut self, now: Instant, peer: PeerId) {
        let Some(member) = self.peers.get(&peer) else { return };
        let call = member.call;
        let waiting = member.subscriber.slots.iter().filter(|slot| slot.waits_for_key_frame());
        let tracks: Vec<TrackId> = waiting.filter_map(|slot| slot.assigned).collect();
        for track in tracks {
            self.want_keyframe(now, call, &track);
        }
    }

    pub(crate) fn want_keyframe(&mut self, now: Instant, call: CallKey, track: &TrackId) {
        let Some(source) = self.calls.get(&call).and_then(|call| call.source(track)) else {
            return;
        };
        if let Some(publisher) = self.peers.get_mut(&source) {
            publisher.publisher.want_keyframe(now, track.kind);
        }
        self.settle(now, source);
    }

    fn handle_rtp(&mut self, now: Instant, peer: PeerId, data: &[u8]) {
        let Some(member) = self.peers.get_mut(&peer) else {
            return;
        };
        let (Some(path), Some(header)) = (member.path.as_mut(), RtpHeader::parse(data)) else {
            return;
        };
        let (index, mut payload) = match path.open_rtp(data, &header) {
            None => return,
            Some(Err(_)) => {
                self.counters.srtp_rejected += 1;
                return;
            }
            Some(Ok(opened)) => opened,
        };
        if let Some(tap) = &mut self.tap {
            let clear = data.get(..header.len).unwrap_or_default();
            tap(&[clear, payload.as_slice()].concat());
        }
        if strip_padding(&mut payload, header.padded).is_none() {
            return;
        }
        let Some(incoming) = member.publisher.handle_rtp(now, &header, index, payload) else {
            return;
        };
        let line = incoming.line;
        match incoming.accepted {
            Accepted::Ignored => {}
            Accepted::Duplicate => self.counters.duplicates += 1,
            Accepted::Media { packet, recovered } => {
                self.counters.media_in += 1;
                self.counters.recovered += u64::from(recovered);
                self.counters.padding += u64::from(packet.payload.is_empty());
                let changed = member
                    .publisher
                    .lines
                    .get_mut(line)
                    .is_some_and(|line| line.track.take_codec_change(now));
                let Some((call, track)) = self.track_of_line(peer, line) else {
                    return;
                };
                if changed {
                    self.repoint(now, call, &track);
                }
                self.forward(now, call, &track, &packet);
            }
        }
    }

    /// Passes a packet to every slot that shows its track.
    fn forward(&mut self, now: Instant, call: CallKey, track: &TrackId, packet: &Arc<MediaPacket>) {
        let Some(call) = self.calls.get(&call) else { return };
        let mut sealed = Vec::new();
        for (peer, at) in call.routes(track) {
            let Some(member) = self.peers.get_mut(peer) else {
                continue;
            };
            let Some((to, sealer)) = member.path.as_mut().and_then(|path| path.path(now)) else {
                continue;
            };
            let Some(slot) = member.subscriber.slots.get_mut(*at) else {
                continue;
            };
            let began = slot.is_idle();
            match slot.forward(now, packet, sealer) {
                Forwarded::Sealed(data) => {
                    self.counters.forwarded += 1;
                    sealed.push((*peer, to, data, began));
                }
                Forwarded::Refused => self.counters.nonce_refusals += 1,
                Forwarded::Nothing | Forwarded::NoCodec => {}
            }
        }
        for (peer, to, data, began) in sealed {
            self.output(Output::Datagram { to, data });
            if began {
                if let Some(member) = self.peers.get_mut(&peer) {
                    member.subscriber.report_soon(now);
                }
                self.settle(now, peer);
            }
        }
    }
}
