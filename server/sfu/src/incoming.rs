//! One incoming stream of packets on one m-line: which SSRC it is, what arrived, what is missing.
//!
//! Drops duplicates, unwraps repairs, numbers packets. Decides nothing about who gets them.
//! SPEC: RFC 3550 §6.4.1 and appendix A.8 (loss, jitter), RFC 4588 §4 (repair packets).

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::api::MediaKind;
use crate::keyframe::KeyframeRequests;
use crate::nack::NackGenerator;
use crate::payload::Codec;
use crate::rtcp::ReportBlock;
use crate::rtp::RtpHeader;
use crate::sequence::{Seen, Window, extend};

/// Former SSRCs remembered per m-line, so that a straggler of one does not look like a new stream.
const FORMER: usize = 4;
/// A stream from which nothing came for this long counts as silent.
const ALIVE: Duration = Duration::from_secs(5);
/// Between two looks at a track's codec.
const CODEC_SETTLE: Duration = Duration::from_secs(1);

/// A media packet with SRTP, padding, extensions and repair framing taken off; shared by all who get it.
pub(crate) struct MediaPacket {
    /// Which stream: changes with the publisher's SSRC and never comes back.
    pub(crate) stream: u64,
    /// 48-bit sequence number within the stream.
    pub(crate) number: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) codec: Codec,
    /// A decoder can begin here.
    pub(crate) starts_key_frame: bool,
    /// Empty: a padding packet, to be skipped without leaving a hole.
    pub(crate) payload: Vec<u8>,
}

/// At this moment on the server's clock, the stream's RTP clock stood here.
#[derive(Clone, Copy)]
pub(crate) struct ClockSample {
    pub(crate) at: Instant,
    pub(crate) ntp: u64,
    pub(crate) rtp: u32,
}

/// What became of a packet.
pub(crate) enum Accepted {
    Media { packet: Arc<MediaPacket>, recovered: bool },
    Duplicate,
    Ignored,
}

#[derive(Default)]
struct ReceiveStats {
    first: Option<u64>,
    received: u64,
    expected_before: u64,
    received_before: u64,
    jitter: u32,
    transit: Option<u32>,
    began: Option<Instant>,
}

pub(crate) struct IncomingTrack {
    media: MediaKind,
    pub(crate) ssrc: Option<u32>,
    former: Vec<u32>,
    stream: u64,
    window: Window,
    pub(crate) nack: NackGenerator,
    pub(crate) keyframes: KeyframeRequests,
    stats: ReceiveStats,
    /// Codec of the newest packet.
    pub(crate) codec: Option<Codec>,
    /// The codec that routing last took note of, and when.
    pub(crate) routed_codec: Option<(Codec, Instant)>,
    last_packet: Option<Instant>,
    pub(crate) clock: Option<ClockSample>,
    last_sr: u32,
}

impl IncomingTrack {
    pub(crate) fn new(media: MediaKind) -> Self {
        Self {
            media,
            ssrc: None,
            former: Vec::new(),
            stream: 0,
            window: Window::default(),
            nack: NackGenerator::default(),
            keyframes: KeyframeRequests::default(),
            stats: ReceiveStats::default(),
            codec: None,
            routed_codec: None,
            last_packet: None,
            clock: None,
            last_sr: 0,
        }
    }

    /// True if the codec is another than routing knows. Said at most once a second: routing costs a look at every slot.
    pub(crate) fn take_codec_change(&mut self, now: Instant) -> bool {
        let Some(codec) = self.codec else { return false };
        let stale = self
            .routed_codec
            .is_none_or(|(routed, at)| routed != codec && now.saturating_duration_since(at) >= CODEC_SETTLE);
        if stale {
            self.routed_codec = Some((codec, now));
        }
        stale
    }

    pub(crate) fn alive(&self, now: Instant) -> bool {
        self.last_packet
            .is_some_and(|at| now.saturating_duration_since(at) < ALIVE)
    }

    /// A packet on the media SSRC; `number` is its SRTP index. `next_stream` names the stream if this begins one.
    pub(crate) fn handle_media(
        &mut self,
        now: Instant,
        header: &RtpHeader<'_>,
        number: u64,
        codec: Codec,
        payload: Vec<u8>,
        next_stream: &mut u64,
    ) -> Accepted {
        if self.ssrc != Some(header.ssrc) {
            if self.former.contains(&header.ssrc) {
                return Accepted::Ignored;
            }
            self.begin_stream(header.ssrc, next_stream);
        }
        self.count(now, number, header.timestamp);
        self.accept(now, header, number, codec, payload, false)
    }

    /// A repair packet: original sequence number, then the original payload. Without payload it is a probe.
    pub(crate) fn handle_repair(
        &mut self,
        now: Instant,
        header: &RtpHeader<'_>,
        codec: Codec,
        payload: &[u8],
    ) -> Accepted {
        let (Some((original, payload)), Some(highest)) = (payload.split_first_chunk::<2>(), self.window.highest())
        else {
            return Accepted::Ignored;
        };
        let number = extend(highest, u16::from_be_bytes(*original));
        self.accept(now, header, number, codec, payload.to_vec(), true)
    }

    fn begin_stream(&mut self, ssrc: u32, next_stream: &mut u64) {
        if let Some(old) = self.ssrc.replace(ssrc) {
            if self.former.len() >= FORMER {
                self.former.remove(0);
            }
            self.former.push(old);
        }
        self.stream = *next_stream;
        *next_stream += 1;
        self.window = Window::default();
        self.nack = NackGenerator::default();
        self.stats = ReceiveStats::default();
        self.clock = None;
        self.last_sr = 0;
    }

    /// INVARIANT: a number passes here once per stream. Publishers' bandwidth probes are repairs of packets that did arrive, so
    /// duplicates are ordinary, and forwarding one would seal the same subscriber packet twice.
    fn accept(
        &mut self,
        now: Instant,
        header: &RtpHeader<'_>,
        number: u64,
        codec: Codec,
        payload: Vec<u8>,
        repair: bool,
    ) -> Accepted {
        if self.window.record(number) != Seen::Fresh {
            return Accepted::Duplicate;
        }
        if self.media == MediaKind::Video {
            self.nack.received(now, number);
            if self.nack.take_gave_up() {
                self.keyframes.want(now);
            }
        }
        self.last_packet = Some(now);
        if !payload.is_empty() {
            self.codec = Some(codec);
        }
        let packet = MediaPacket {
            stream: self.stream,
            number,
            timestamp: header.timestamp,
            marker: header.marker,
            codec,
            starts_key_frame: !payload.is_empty() && codec.starts_key_frame(&payload),
            payload,
        };
        Accepted::Media {
            packet: Arc::new(packet),
            recovered: repair,
        }
    }

    fn count(&mut self, now: Instant, number: u64, timestamp: u32) {
        let stats = &mut self.stats;
        stats.received += 1;
        stats.first.get_or_insert(number);
        // Arrival in ticks of the stream's clock. Only differences count, so the origin is the stream's first packet.
        let began = *stats.began.get_or_insert(now);
        let transit = ticks(now.saturating_duration_since(began), self.media).wrapping_sub(timestamp);
        if let Some(before) = stats.transit.replace(transit) {
            let difference = (transit.wrapping_sub(before) as i32).unsigned_abs();
            // Sixteenths inside, as in RFC 3550 appendix A.8.
            stats.jitter = stats.jitter - ((stats.jitter + 8) >> 4) + difference.min(1 << 24);
        }
    }

    /// A sender report for this stream, its time already on the server's clock.
    pub(crate) fn handle_sender_report(&mut self, sample: ClockSample, original_ntp: u64) {
        self.clock = Some(sample);
        self.last_sr = (original_ntp >> 16) as u32;
    }

    /// The block about this stream in our next receiver report.
    pub(crate) fn report(&mut self, now: Instant) -> Option<ReportBlock> {
        let (ssrc, first, highest) = (self.ssrc?, self.stats.first?, self.window.highest()?);
        let stats = &mut self.stats;
        let expected = highest.saturating_sub(first) + 1;
        let expected_now = expected - stats.expected_before.min(expected);
        let received_now = stats.received - stats.received_before;
        stats.expected_before = expected;
        stats.received_before = stats.received;
        let lost_now = expected_now.saturating_sub(received_now);
        let fraction = (lost_now * 256).checked_div(expected_now).unwrap_or(0).min(255);
        let delay = self.clock.map_or(0, |clock| {
            now.saturating_duration_since(clock.at).as_micros() * 65_536 / 1_000_000
        });
        Some(ReportBlock {
            ssrc,
            fraction_lost: fraction as u8,
            lost: expected.saturating_sub(stats.received).min(0x7f_ffff) as u32,
            highest: highest as u32,
            jitter: stats.jitter >> 4,
            last_sr: self.last_sr,
            delay: delay as u32,
        })
    }
}

/// A duration in ticks of a media clock.
pub(crate) fn ticks(elapsed: Duration, media: MediaKind) -> u32 {
    (elapsed.as_micros() * u128::from(media.clock_rate()) / 1_000_000) as u32
}
