//! The sending half of a member: its m-lines, which SSRC belongs to which, and the RTCP that goes back to it.
//!
//! Does not know who subscribes. SPEC: RFC 9143 §9.2 (finding the m-line), RFC 4588 (repair), RFC 3550 §6 (reports).

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use crate::api::{MediaKind, TrackKind};
use crate::incoming::{Accepted, ClockSample, IncomingTrack};
use crate::rtcp::{write_nack, write_pli, write_rr};
use crate::rtp::RtpHeader;
use crate::sdp::{CodecEntry, ExtensionIds, SendLine, codec_of};
use crate::twcc::TransportFeedback;

/// Receiver reports: RFC 3550's five seconds shortened as browsers do; the sender's round-trip estimate comes from them.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// SSRCs bound to m-lines at a time. A browser has two per m-line; the rest is room for replaced tracks.
const MAX_BINDINGS: usize = 64;
/// Roles a member may declare: one per kind, and a few for m-lines that an offer has yet to bring.
const MAX_ROLES: usize = 16;

pub(crate) struct Line {
    pub(crate) mid: String,
    pub(crate) media: MediaKind,
    pub(crate) codecs: Vec<CodecEntry>,
    extensions: ExtensionIds,
    pub(crate) track: IncomingTrack,
}

/// A packet taken in, and from where.
pub(crate) struct Incoming {
    pub(crate) line: usize,
    pub(crate) accepted: Accepted,
}

pub(crate) struct Publisher {
    local_ssrc: u32,
    pub(crate) lines: Vec<Line>,
    bindings: HashMap<u32, usize>,
    roles: BTreeMap<String, TrackKind>,
    feedback: TransportFeedback,
    feedback_id: Option<u8>,
    mid_id: Option<u8>,
    /// Added to the member's NTP time to get the server's. One for all its streams, so that they stay in step.
    clock_offset: Option<u64>,
    next_stream: u64,
    next_report: Option<Instant>,
}

impl Publisher {
    /// `instance` never repeats in one server: streams of two publishers must not be taken for one.
    pub(crate) fn new(now: Instant, local_ssrc: u32, instance: u32) -> Self {
        Self {
            local_ssrc,
            lines: Vec::new(),
            bindings: HashMap::new(),
            roles: BTreeMap::new(),
            feedback: TransportFeedback::new(now),
            feedback_id: None,
            mid_id: None,
            clock_offset: None,
            next_stream: u64::from(instance) << 32,
            next_report: None,
        }
    }

    /// Takes over the sending m-lines of an offer. Lines that were there keep their state.
    pub(crate) fn negotiate(&mut self, lines: &[SendLine]) {
        let mut old = std::mem::take(&mut self.lines);
        self.bindings.clear();
        for line in lines {
            let known = old
                .iter()
                .position(|known| known.mid == line.mid && known.media == line.media);
            let track = match known {
                Some(at) => old.swap_remove(at).track,
                None => IncomingTrack::new(line.media),
            };
            self.feedback_id = line.extensions.transport_cc.or(self.feedback_id);
            self.mid_id = line.extensions.mid.or(self.mid_id);
            let at = self.lines.len();
            self.bindings.extend(track.ssrc.map(|ssrc| (ssrc, at)));
            for ssrc in &line.ssrcs {
                self.bind(*ssrc, at);
            }
            self.lines.push(Line {
                mid: line.mid.clone(),
                media: line.media,
                codecs: line.codecs.clone(),
                extensions: line.extensions,
                track,
            });
        }
    }

    fn bind(&mut self, ssrc: u32, line: usize) {
        if self.bindings.len() < MAX_BINDINGS {
            self.bindings.insert(ssrc, line);
        }
    }

    /// Declares what an m-line carries. False if there is no room for another role.
    pub(crate) fn set_role(&mut self, mid: &str, kind: TrackKind) -> bool {
        self.roles.retain(|_, role| *role != kind);
        if self.roles.len() >= MAX_ROLES && !self.roles.contains_key(mid) {
            return false;
        }
        self.roles.insert(mid.to_owned(), kind);
        true
    }

    pub(crate) fn clear_role(&mut self, mid: &str) -> Option<TrackKind> {
        self.roles.remove(mid)
    }

    /// Roles, for a publisher that takes this one's place.
    pub(crate) fn take_roles(&mut self) -> BTreeMap<String, TrackKind> {
        std::mem::take(&mut self.roles)
    }

    pub(crate) fn restore_roles(&mut self, roles: BTreeMap<String, TrackKind>) {
        self.roles = roles;
    }

    /// Kinds that are declared on an m-line which exists and fits.
    pub(crate) fn published(&self) -> impl Iterator<Item = TrackKind> {
        let fits = |mid: &str, kind: TrackKind| {
            self.lines
                .iter()
                .any(|line| line.mid == mid && line.media == kind.media())
        };
        self.roles
            .iter()
            .filter(move |(mid, kind)| fits(mid, **kind))
            .map(|(_, kind)| *kind)
    }

    pub(crate) fn line_of_kind(&self, kind: TrackKind) -> Option<&Line> {
        let (mid, _) = self.roles.iter().find(|(_, role)| **role == kind)?;
        self.lines
            .iter()
            .find(|line| line.mid == *mid && line.media == kind.media())
    }

    pub(crate) fn kind_of_line(&self, line: usize) -> Option<TrackKind> {
        let line = self.lines.get(line)?;
        self.roles
            .get(&line.mid)
            .copied()
            .filter(|kind| kind.media() == line.media)
    }

    pub(crate) fn want_keyframe(&mut self, now: Instant, kind: TrackKind) {
        let Some((mid, _)) = self.roles.iter().find(|(_, role)| **role == kind) else {
            return;
        };
        if let Some(line) = self
            .lines
            .iter_mut()
            .find(|line| line.mid == *mid && line.media == MediaKind::Video)
        {
            line.track.keyframes.want(now);
        }
    }

    /// An authenticated RTP packet; `payload` without RTP padding.
    pub(crate) fn handle_rtp(
        &mut self,
        now: Instant,
        header: &RtpHeader<'_>,
        index: u64,
        payload: Vec<u8>,
    ) -> Option<Incoming> {
        let number = self
            .feedback_id
            .and_then(|id| header.extension(id))
            .and_then(|value| value.first_chunk::<2>());
        if let Some(number) = number {
            self.feedback.record(now, u16::from_be_bytes(*number));
        }
        let at = self.line_of(header)?;
        let line = self.lines.get_mut(at)?;
        self.next_report.get_or_insert(now + REPORT_INTERVAL);
        let (codec, repair) = codec_of(&line.codecs, header.payload_type)?;
        let accepted = if repair {
            line.track.handle_repair(now, header, codec, &payload)
        } else {
            line.track
                .handle_media(now, header, index, codec, payload, &mut self.next_stream)
        };
        Some(Incoming { line: at, accepted })
    }

    /// The mid extension decides where it is present; else the SSRC, from the offer or from an earlier packet.
    fn line_of(&mut self, header: &RtpHeader<'_>) -> Option<usize> {
        let mid = self.mid_id.and_then(|id| header.extension(id));
        let Some(mid) = mid else {
            return self.bindings.get(&header.ssrc).copied();
        };
        let at = self
            .lines
            .iter()
            .position(|line| line.extensions.mid.is_some() && line.mid.as_bytes() == mid)?;
        if self.bindings.get(&header.ssrc) != Some(&at) {
            if self.bindings.len() >= MAX_BINDINGS {
                // Forget what no stream uses any more.
                let live: Vec<u32> = self.lines.iter().filter_map(|line| line.track.ssrc).collect();
                self.bindings.retain(|ssrc, _| live.contains(ssrc));
            }
            self.bind(header.ssrc, at);
        }
        Some(at)
    }

    /// A sender report of this member. `server_ntp` is the server's clock now.
    pub(crate) fn handle_sender_report(&mut self, now: Instant, server_ntp: u64, ssrc: u32, ntp: u64, rtp: u32) {
        // SECURITY: the member's own wall clock is not passed on; only the distance between its streams is.
        let offset = *self.clock_offset.get_or_insert(server_ntp.wrapping_sub(ntp));
        if let Some(line) = self.lines.iter_mut().find(|line| line.track.ssrc == Some(ssrc)) {
            line.track.handle_sender_report(
                ClockSample {
                    at: now,
                    ntp: ntp.wrapping_add(offset),
                    rtp,
                },
                ntp,
            );
        }
    }

    /// Lines whose keyframe request is due, and whether somebody asked for it (rather than a repetition).
    pub(crate) fn keyframes_due(&mut self, now: Instant) -> Vec<(usize, bool)> {
        let lines = self.lines.iter_mut().enumerate();
        lines
            .filter_map(|(at, line)| Some((at, line.track.keyframes.take_due(now)?)))
            .collect()
    }

    /// Asks for a keyframe on a line, if it has a stream; true if a request was written.
    pub(crate) fn request_keyframe(&mut self, now: Instant, line: usize, waiting: bool, out: &mut Vec<u8>) -> bool {
        let Some(line) = self.lines.get_mut(line) else {
            return false;
        };
        let alive = line.track.alive(now);
        line.track.keyframes.sent(now, waiting, alive);
        if let Some(ssrc) = line.track.ssrc {
            write_pli(out, self.local_ssrc, ssrc);
            return true;
        }
        false
    }

    /// Writes all RTCP that is due except keyframe requests, one (compound) packet per element.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        for line in &mut self.lines {
            let lost = line.track.nack.poll(now);
            if line.track.nack.take_gave_up() {
                line.track.keyframes.want(now);
            }
            if let (false, Some(ssrc)) = (lost.is_empty(), line.track.ssrc) {
                let mut packet = Vec::new();
                write_nack(&mut packet, self.local_ssrc, ssrc, &lost);
                packets.push(packet);
            }
        }
        let media = self.lines.iter().find_map(|line| line.track.ssrc).unwrap_or(0);
        let mut packet = Vec::new();
        self.feedback.poll(now, self.local_ssrc, media, &mut packet);
        if !packet.is_empty() {
            packets.push(packet);
        }
        if self.next_report.is_some_and(|at| now >= at) {
            self.next_report = Some(now + REPORT_INTERVAL);
            let blocks: Vec<_> = self
                .lines
                .iter_mut()
                .filter_map(|line| line.track.report(now))
                .collect();
            let mut packet = Vec::new();
            write_rr(&mut packet, self.local_ssrc, &blocks);
            packets.push(packet);
        }
        packets
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let tracks = self.lines.iter().map(|line| &line.track);
        let per_track = tracks.flat_map(|track| [track.nack.poll_timeout(), track.keyframes.poll_timeout()]);
        per_track
            .chain([self.feedback.poll_timeout(), self.next_report])
            .flatten()
            .min()
    }
}
