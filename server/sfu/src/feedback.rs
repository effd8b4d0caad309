//! RTCP both ways: what members report and ask for, and what timers make us say.

use std::time::Instant;

use crate::api::{MediaKind, Output, PeerId, TrackId};
use crate::incoming::ClockSample;
use crate::rtcp::{self, Feedback};
use crate::sfu::Sfu;

impl Sfu {
    pub(crate) fn handle_rtcp(&mut self, now: Instant, peer: PeerId, data: &[u8]) {
        let Some(path) = self.peers.get_mut(&peer).and_then(|peer| peer.path.as_mut()) else {
            return;
        };
        let plain = match path.open_rtcp(data) {
            None => return,
            Some(Err(_)) => {
                self.counters.srtp_rejected += 1;
                return;
            }
            Some(Ok(plain)) => plain,
        };
        if let Some(tap) = &mut self.tap {
            tap(&plain);
        }
        for feedback in rtcp::parse(&plain) {
            match feedback {
                Feedback::SenderReport { ssrc, ntp, rtp } => {
                    let server_ntp = self.server_ntp(now);
                    if let Some(member) = self.peers.get_mut(&peer) {
                        member.publisher.handle_sender_report(now, server_ntp, ssrc, ntp, rtp);
                    }
                }
                Feedback::Nack { ssrc, lost } => self.handle_nack(now, peer, ssrc, &lost),
                Feedback::Keyframe { ssrc } => self.handle_keyframe_wish(now, peer, ssrc),
            }
        }
    }

    fn handle_nack(&mut self, now: Instant, peer: PeerId, ssrc: u32, lost: &[u16]) {
        let Some(member) = self.peers.get_mut(&peer) else {
            return;
        };
        let Some((to, sealer)) = member.path.as_mut().and_then(|path| path.path(now)) else {
            return;
        };
        let repairs = member.subscriber.handle_nack(now, ssrc, lost, sealer);
        self.counters.retransmitted += repairs.len() as u64;
        for data in repairs {
            self.output(Output::Datagram { to, data });
        }
    }

    fn handle_keyframe_wish(&mut self, now: Instant, peer: PeerId, ssrc: u32) {
        let Some(member) = self.peers.get_mut(&peer) else {
            return;
        };
        let call = member.call;
        let slot = member
            .subscriber
            .slot_of_ssrc(ssrc)
            .filter(|slot| slot.media == MediaKind::Video);
        if let Some(track) = slot.and_then(|slot| slot.assigned) {
            self.want_keyframe(now, call, &track);
        }
    }

    pub(crate) fn handle_peer_timeout(&mut self, now: Instant, peer: PeerId) {
        let Some(member) = self.peers.get_mut(&peer) else {
            return;
        };
        if let Some(path) = &mut member.path {
            let before = path.resends();
            self.counters.handshakes_failed += u64::from(path.handle_timeout(now));
            self.counters.flights_resent += path.resends() - before;
        }
        let mut packets = member.publisher.handle_timeout(now);
        for (line, asked) in member.publisher.keyframes_due(now) {
            packets.extend(self.keyframe_request(now, peer, line, asked));
        }
        packets.extend(self.sender_reports(now, peer));
        let Some(member) = self.peers.get_mut(&peer) else {
            return;
        };
        let Some((to, sealer)) = member.path.as_mut().and_then(|path| path.path(now)) else {
            return;
        };
        packets.retain_mut(|packet| sealer.seal_rtcp(packet).is_ok());
        for data in packets {
            self.output(Output::Datagram { to, data });
        }
    }

    /// A request goes out if a slot waits, or if somebody asked and anybody watches.
    fn keyframe_request(&mut self, now: Instant, peer: PeerId, line: usize, asked: bool) -> Option<Vec<u8>> {
        let (call, track) = self.track_of_line(peer, line)?;
        let routes = self.calls.get(&call)?.routes(&track);
        let waits = |(peer, at): &(PeerId, usize)| {
            let member = self.peers.get(peer).filter(|peer| peer.can_receive());
            member
                .and_then(|member| member.subscriber.slots.get(*at))
                .is_some_and(|slot| slot.waits_for_key_frame())
        };
        let waiting = routes.iter().any(waits);
        let wished = asked && !routes.is_empty();
        if !waiting && !wished {
            return None;
        }
        let mut packet = Vec::new();
        let written = self
            .peers
            .get_mut(&peer)?
            .publisher
            .request_keyframe(now, line, waiting, &mut packet);
        self.counters.keyframe_requests += u64::from(written);
        written.then_some(packet)
    }

    fn sender_reports(&mut self, now: Instant, peer: PeerId) -> Vec<Vec<u8>> {
        let Some(member) = self.peers.get_mut(&peer) else {
            return Vec::new();
        };
        if !member.subscriber.take_report_due(now) {
            return Vec::new();
        }
        let Some(member) = self.peers.get(&peer) else {
            return Vec::new();
        };
        let Some(call) = self.calls.get(&member.call) else {
            return Vec::new();
        };
        let clock = |track: &TrackId| -> Option<ClockSample> {
            let publisher = &self.peers.get(&call.source(track)?)?.publisher;
            publisher.line_of_kind(track.kind)?.track.clock
        };
        let slots = member.subscriber.slots.iter().enumerate();
        let clocks: Vec<_> = slots
            .filter_map(|(at, slot)| Some((at, clock(&slot.assigned?)?)))
            .collect();
        member.subscriber.reports(now, &clocks)
    }
}
