//! One receiving place in a subscriber's connection: shows whatever track it is pointed at as one unbroken stream.
//!
//! Does not choose the track. A picture begins at a keyframe; a lost packet comes again as a repair packet on the slot's second SSRC,
//! never as itself. SPEC: RFC 4588 §4 (repair packets), RFC 3550 §6.4.1 (sender reports).

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::api::{MediaKind, TrackId};
use crate::incoming::{ClockSample, MediaPacket, ticks};
use crate::payload::Codec;
use crate::rewrite::Rewriter;
use crate::rtcp::{SenderInfo, write_sr};
use crate::rtp::{FIXED_HEADER, Fields, write_header};
use crate::sdp::CodecEntry;
use crate::transport::srtp::{Sealer, TAG};

/// Packets that can be sent again, per video slot: 1 s at 5 Mbit/s. The payloads are shared between all slots that show a track.
const HISTORY: usize = 512;
/// A packet is not repeated again while its repair may still be on the way.
const REPAIR_GAP: Duration = Duration::from_millis(25);
/// A subscriber that lost one packet this often has other worries; bounds what asking can make us send.
const MAX_REPAIRS: u8 = 5;
/// Older packets are of no use to a decoder, and need not be kept in memory.
const MAX_AGE: Duration = Duration::from_secs(3);

/// SSRCs and first numbers of a slot, from the server's entropy.
pub(crate) struct SlotNumbers {
    pub(crate) ssrc: u32,
    pub(crate) repair_ssrc: u32,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
}

struct Sent {
    mapped: u64,
    timestamp: u32,
    packet: Arc<MediaPacket>,
    at: Instant,
    repaired: Option<Instant>,
    repairs: u8,
}

/// What became of a packet offered to a slot.
pub(crate) enum Forwarded {
    Sealed(Vec<u8>),
    /// Waiting for a keyframe, from before the beginning, or padding.
    Nothing,
    /// The subscriber has no decoder for it.
    NoCodec,
    /// The sealer refused: see [`Sealer::seal_rtp`].
    Refused,
}

pub(crate) struct Slot {
    pub(crate) mid: String,
    pub(crate) media: MediaKind,
    pub(crate) ssrc: u32,
    pub(crate) repair_ssrc: u32,
    /// Stream label of the pair this slot belongs to; also its canonical name.
    pub(crate) pair: String,
    pub(crate) codecs: Vec<CodecEntry>,
    /// What the member asked for.
    pub(crate) wanted: Option<TrackId>,
    /// What is routed here.
    pub(crate) assigned: Option<TrackId>,
    /// What the member was last told.
    pub(crate) told: Option<TrackId>,
    stream: Option<u64>,
    rewriter: Rewriter,
    history: Vec<Option<Sent>>,
    next_repair: u64,
    packets: u32,
    octets: u32,
}

impl Slot {
    pub(crate) fn new(mid: &str, media: MediaKind, pair: String, numbers: &SlotNumbers) -> Self {
        let mut history = Vec::new();
        if media == MediaKind::Video {
            history.resize_with(HISTORY, || None);
        }
        Self {
            mid: mid.to_owned(),
            media,
            ssrc: numbers.ssrc,
            repair_ssrc: numbers.repair_ssrc,
            pair,
            codecs: Vec::new(),
            wanted: None,
            assigned: None,
            told: None,
            stream: None,
            rewriter: Rewriter::new(media, numbers.sequence, numbers.timestamp),
            history,
            next_repair: u64::from(numbers.sequence >> 1),
            packets: 0,
            octets: 0,
        }
    }

    /// Points the slot at another track, or at none.
    pub(crate) fn assign(&mut self, track: Option<TrackId>) {
        self.assigned = track;
        self.stop();
        if track.is_none() {
            self.history.iter_mut().for_each(|sent| *sent = None);
        }
    }

    fn stop(&mut self) {
        self.stream = None;
        self.rewriter.end();
    }

    /// Nothing has been shown since the last assignment or change of stream.
    pub(crate) fn is_idle(&self) -> bool {
        self.stream.is_none()
    }

    /// A picture that has not begun.
    pub(crate) fn waits_for_key_frame(&self) -> bool {
        self.media == MediaKind::Video && self.assigned.is_some() && self.stream.is_none()
    }

    /// Passes a packet of the assigned track on.
    pub(crate) fn forward(&mut self, now: Instant, packet: &Arc<MediaPacket>, sealer: &mut Sealer) -> Forwarded {
        if packet.payload.is_empty() {
            if self.stream == Some(packet.stream) {
                self.rewriter.skip(packet.number);
            }
            return Forwarded::Nothing;
        }
        let Some(entry) = self.codecs.iter().find(|entry| entry.codec == packet.codec).copied() else {
            self.stop();
            return Forwarded::NoCodec;
        };
        if self.stream != Some(packet.stream) {
            self.stop();
            if !packet.starts_key_frame {
                return Forwarded::Nothing;
            }
            self.stream = Some(packet.stream);
            self.rewriter.begin(now, packet.number, packet.timestamp);
        }
        let Some((mapped, timestamp)) = self.rewriter.map(now, packet.number, packet.timestamp) else {
            return Forwarded::Nothing;
        };
        let fields = Fields {
            marker: packet.marker,
            payload_type: entry.payload_type,
            sequence: mapped as u16,
            timestamp,
            ssrc: self.ssrc,
        };
        let mut out = Vec::with_capacity(FIXED_HEADER + packet.payload.len() + TAG);
        write_header(&mut out, &fields);
        out.extend_from_slice(&packet.payload);
        if sealer.seal_rtp(&mut out, FIXED_HEADER, self.ssrc, mapped).is_err() {
            return Forwarded::Refused;
        }
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(packet.payload.len() as u32);
        let place = mapped as usize % HISTORY;
        if let Some(sent) = self.history.get_mut(place) {
            *sent = Some(Sent {
                mapped,
                timestamp,
                packet: packet.clone(),
                at: now,
                repaired: None,
                repairs: 0,
            });
        }
        Forwarded::Sealed(out)
    }

    /// A repair packet for one of the slot's sequence numbers, if it is here and may be repeated.
    pub(crate) fn repair(&mut self, now: Instant, sequence: u16, sealer: &mut Sealer) -> Option<Vec<u8>> {
        // The history's length divides 2^16, so the place follows from the short number.
        let sent = self.history.get_mut(usize::from(sequence) % HISTORY)?.as_mut()?;
        let fresh = now.saturating_duration_since(sent.at) < MAX_AGE;
        let recently = sent
            .repaired
            .is_some_and(|at| now.saturating_duration_since(at) < REPAIR_GAP);
        if sent.mapped as u16 != sequence || !fresh || recently || sent.repairs >= MAX_REPAIRS {
            return None;
        }
        let codec: Codec = sent.packet.codec;
        let payload_type = self.codecs.iter().find(|entry| entry.codec == codec)?.repair?;
        sent.repaired = Some(now);
        sent.repairs += 1;
        let fields = Fields {
            marker: sent.packet.marker,
            payload_type,
            sequence: self.next_repair as u16,
            timestamp: sent.timestamp,
            ssrc: self.repair_ssrc,
        };
        let mut out = Vec::with_capacity(FIXED_HEADER + 2 + sent.packet.payload.len() + TAG);
        write_header(&mut out, &fields);
        out.extend_from_slice(&sequence.to_be_bytes());
        out.extend_from_slice(&sent.packet.payload);
        sealer
            .seal_rtp(&mut out, FIXED_HEADER, self.repair_ssrc, self.next_repair)
            .ok()?;
        self.next_repair += 1;
        Some(out)
    }

    /// Writes a sender report for this moment from the publisher's newest one.
    ///
    /// Both slots of a pair get theirs from the same publisher's clock, so that receivers play them in step.
    pub(crate) fn report(&self, now: Instant, sample: &ClockSample, out: &mut Vec<u8>) {
        let Some(shifted) = self.rewriter.shift(sample.rtp).filter(|_| self.packets > 0) else {
            return;
        };
        let elapsed = now.saturating_duration_since(sample.at);
        let info = SenderInfo {
            ssrc: self.ssrc,
            ntp: sample.ntp.wrapping_add(ntp_fraction(elapsed)),
            rtp: shifted.wrapping_add(ticks(elapsed, self.media)),
            packets: self.packets,
            octets: self.octets,
            cname: &self.pair,
        };
        write_sr(out, &info);
    }

    /// Lets go of packets too old to repeat.
    pub(crate) fn forget_old(&mut self, now: Instant) {
        for sent in &mut self.history {
            if sent
                .as_ref()
                .is_some_and(|sent| now.saturating_duration_since(sent.at) >= MAX_AGE)
            {
                *sent = None;
            }
        }
    }
}

/// A duration in NTP's 32.32 fixed point (RFC 3550 §4).
pub(crate) fn ntp_fraction(elapsed: Duration) -> u64 {
    (elapsed.as_secs() << 32).wrapping_add((u64::from(elapsed.subsec_nanos()) << 32) / 1_000_000_000)
}
