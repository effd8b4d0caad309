//! The connection to the forwarding plane, over the webrtc crate: the offer of every member, four sending
//! lines and eighteen receiving ones, in the fixed order.
//!
//! It carries sealed frames and knows neither keys nor who is in which slot.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use bytes::Bytes;
use conclave_frame::{Codec, Kind};
use rtc::{
    interceptor::Slot,
    media_stream::MediaStreamTrack,
    peer_connection::configuration::media_engine::{MIME_TYPE_OPUS, MIME_TYPE_VP8, MIME_TYPE_VP9},
    rtp,
    rtp_transceiver::{
        RTCRtpTransceiverDirection, RTCRtpTransceiverInit,
        rtp_sender::{
            RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
        },
    },
};
use tokio::{sync::mpsc, time::timeout};
use webrtc::{
    error::Error,
    media_stream::{
        track_local::{TrackLocal, TrackLocalEvent, static_rtp::TrackLocalStaticRTP},
        track_remote::{TrackRemote, TrackRemoteEvent},
    },
    peer_connection::{
        MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceGatheringState,
        RTCPeerConnectionState, RTCSessionDescription, Registry, SettingEngineBuilder, SrtpProtectionProfile,
        register_default_interceptors,
    },
};

use super::{
    keyframe::{KeyframeRequests, asks_for_key_frame},
    packets::split,
};

/// Payload types as Chromium numbers them.
const OPUS: u8 = 111;
const VP8: u8 = 96;
const VP9: u8 = 98;

/// Pairs of an audio and a camera slot.
pub const PAIRS: u8 = 8;

/// How long gathering one loopback address may take.
const GATHER_DEADLINE: Duration = Duration::from_secs(5);

/// Frames and events waiting for the bot. A second of eight seats and eight pictures is below this; a bot
/// that does not keep up loses packets, as on a network.
const EVENTS: usize = 4_096;

/// What an m-line is for, by its place in the offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Sends one kind.
    Publish(Kind),
    /// Receives the sound of pair k.
    AudioSlot(u8),
    /// Receives the camera of pair k.
    CameraSlot(u8),
    /// Receives a shared screen's picture.
    ScreenSlot,
    /// Receives a shared screen's sound.
    ScreenAudioSlot,
}

impl Role {
    /// All lines in the order of the offer.
    fn all() -> impl Iterator<Item = Self> {
        let sending = [Kind::Microphone, Kind::Camera, Kind::Screen, Kind::ScreenAudio].map(Self::Publish);
        sending
            .into_iter()
            .chain((0..PAIRS).map(Self::AudioSlot))
            .chain((0..PAIRS).map(Self::CameraSlot))
            .chain([Self::ScreenSlot, Self::ScreenAudioSlot])
    }

    /// The kind of track that this line carries.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::Publish(kind) => kind,
            Self::AudioSlot(_) => Kind::Microphone,
            Self::CameraSlot(_) => Kind::Camera,
            Self::ScreenSlot => Kind::Screen,
            Self::ScreenAudioSlot => Kind::ScreenAudio,
        }
    }
}

/// A line of the offer.
#[derive(Clone)]
pub struct Line {
    /// Its `a=mid`.
    pub mid: String,
    /// What it is for.
    pub role: Role,
}

/// What the connection tells the bot.
pub enum LegEvent {
    /// ICE and DTLS are done.
    Connected,
    /// It is lost for good.
    Failed,
    /// A packet came in a receiving line.
    Packet {
        /// Index into [`Leg::lines`].
        line: usize,
        /// The packet.
        packet: rtp::Packet,
    },
    /// Somebody needs a key frame of this track.
    KeyFrameWanted(Kind),
}

struct Sending {
    kind: Kind,
    ssrc: u32,
    track: Arc<TrackLocalStaticRTP>,
}

/// One peer connection with the members' m-lines.
pub struct Leg {
    peer: Arc<dyn PeerConnection>,
    sending: Vec<Sending>,
    /// The m-lines of the offer, in order.
    pub lines: Vec<Line>,
    /// The offer, with everything gathered.
    pub offer: String,
}

impl Leg {
    /// Makes the connection and its offer. `codecs` are the video codecs to offer, best first.
    ///
    /// # Errors
    /// Whatever the webrtc crate refuses.
    pub async fn new(codecs: &[Codec]) -> Result<(Self, mpsc::Receiver<LegEvent>), Error> {
        let (events, received) = mpsc::channel(EVENTS);
        let (gathered, mut gathering_done) = mpsc::channel(1);
        let handler = Arc::new(Handler {
            events: events.clone(),
            gathered,
        });
        let peer: Arc<dyn PeerConnection> = Arc::new(build(codecs, handler).await?);

        let mut sending = Vec::new();
        let mut transceivers = Vec::new();
        for role in Role::all() {
            let media = if role.kind().is_audio() {
                RtpCodecKind::Audio
            } else {
                RtpCodecKind::Video
            };
            if let Role::Publish(kind) = role {
                let ssrc = random_u32();
                let track = Arc::new(TrackLocalStaticRTP::new(local_track(kind, media, ssrc, codecs)));
                let init = init(RTCRtpTransceiverDirection::Sendonly, ssrc, kind, codecs);
                transceivers.push(
                    peer.add_transceiver_from_track(Arc::clone(&track) as _, Some(init))
                        .await?,
                );
                sending.push(Sending { kind, ssrc, track });
            } else {
                let init = RTCRtpTransceiverInit {
                    direction: RTCRtpTransceiverDirection::Recvonly,
                    streams: Vec::new(),
                    send_encodings: Vec::new(),
                };
                transceivers.push(peer.add_transceiver_from_kind(media, Some(init)).await?);
            }
        }
        let offer = peer.create_offer(None).await?;
        peer.set_local_description(offer).await?;
        // Without an address of our own there is nothing to check a path with; on loopback it takes no time.
        let _ = timeout(GATHER_DEADLINE, gathering_done.recv()).await;
        let offer = peer
            .local_description()
            .await
            .ok_or_else(|| Error::Other("no local description".to_owned()))?;

        let mut lines = Vec::new();
        for (role, transceiver) in Role::all().zip(&transceivers) {
            let mid = transceiver
                .mid()
                .await?
                .ok_or_else(|| Error::Other("a line without mid".to_owned()))?;
            lines.push(Line { mid, role });
        }
        for track in &sending {
            tokio::spawn(key_frame_requests(Arc::clone(&track.track), track.kind, events.clone()));
        }
        Ok((
            Self {
                peer,
                sending,
                lines,
                offer: offer.sdp,
            },
            received,
        ))
    }

    /// Takes the forwarding plane's answer; connecting begins.
    ///
    /// # Errors
    /// If the answer cannot be used.
    pub async fn answer(&self, sdp: String) -> Result<(), Error> {
        self.peer
            .set_remote_description(RTCSessionDescription::answer(sdp)?)
            .await
    }

    /// A writer for one kind of track.
    #[must_use]
    pub fn writer(&self, kind: Kind) -> Option<Writer> {
        let track = self.sending.iter().find(|track| track.kind == kind)?;
        Some(Writer {
            ssrc: track.ssrc,
            track: Arc::clone(&track.track),
            sequence: random_u32() as u16,
            picture_id: 0,
        })
    }

    /// Closes the connection.
    pub async fn close(&self) {
        // It is going away either way.
        let _ = self.peer.close().await;
    }
}

/// The codec of a payload type of our offer.
#[must_use]
pub fn codec_of(payload_type: u8) -> Option<Codec> {
    match payload_type {
        OPUS => Some(Codec::Opus),
        VP8 => Some(Codec::Vp8),
        VP9 => Some(Codec::Vp9),
        _ => None,
    }
}

/// Sends the sealed frames of one track.
pub struct Writer {
    ssrc: u32,
    track: Arc<TrackLocalStaticRTP>,
    sequence: u16,
    picture_id: u16,
}

impl Writer {
    /// Sends one sealed frame under this RTP timestamp.
    ///
    /// # Errors
    /// If the connection is gone.
    pub async fn send(&mut self, codec: Codec, key_frame: bool, timestamp: u32, sealed: &[u8]) -> Result<(), Error> {
        let payload_type = match codec {
            Codec::Opus => OPUS,
            Codec::Vp8 => VP8,
            Codec::Vp9 | Codec::Av1 => VP9,
        };
        let payloads = split(codec, key_frame, self.picture_id, sealed);
        self.picture_id = self.picture_id.wrapping_add(1);
        let last = payloads.len().saturating_sub(1);
        for (at, payload) in payloads.into_iter().enumerate() {
            let marker = at == last && codec != Codec::Opus;
            let packet = self.packet(payload_type, marker, timestamp, payload);
            self.track.write_rtp(packet).await?;
        }
        Ok(())
    }

    fn packet(&mut self, payload_type: u8, marker: bool, timestamp: u32, payload: Bytes) -> rtp::Packet {
        self.sequence = self.sequence.wrapping_add(1);
        rtp::Packet {
            header: rtp::Header {
                version: 2,
                marker,
                payload_type,
                sequence_number: self.sequence,
                timestamp,
                ssrc: self.ssrc,
                ..Default::default()
            },
            payload,
        }
    }
}

struct Handler {
    events: mpsc::Sender<LegEvent>,
    gathered: mpsc::Sender<()>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            let _ = self.gathered.try_send(());
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        let event = match state {
            RTCPeerConnectionState::Connected => LegEvent::Connected,
            RTCPeerConnectionState::Failed => LegEvent::Failed,
            _ => return,
        };
        let _ = self.events.try_send(event);
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        tokio::spawn(incoming(track, self.events.clone()));
    }
}

/// Passes the packets of one receiving line on, with the line's place in the offer.
async fn incoming(track: Arc<dyn TrackRemote>, events: mpsc::Sender<LegEvent>) {
    let mut line = None;
    while let Some(event) = track.poll().await {
        match event {
            // Transceivers are numbered as they were made, and that is the order of the offer.
            TrackRemoteEvent::OnOpen(init) => line = Some(usize::from(init.receiver_id)),
            TrackRemoteEvent::OnRtpPacket(packet) => {
                if let Some(line) = line {
                    // A full queue loses the packet, as a network would.
                    let _ = events.try_send(LegEvent::Packet { line, packet });
                }
            }
            TrackRemoteEvent::OnEnded => return,
            _ => {}
        }
    }
}

async fn key_frame_requests(track: Arc<TrackLocalStaticRTP>, kind: Kind, events: mpsc::Sender<LegEvent>) {
    while let Some(TrackLocalEvent::OnRtcpPacket(packets)) = track.poll().await {
        if packets.iter().any(|packet| asks_for_key_frame(packet.as_ref())) {
            let _ = events.try_send(LegEvent::KeyFrameWanted(kind));
        }
    }
}

async fn build(codecs: &[Codec], handler: Arc<Handler>) -> Result<impl PeerConnection + use<>, Error> {
    let mut media = MediaEngine::default();
    media.register_codec(parameters(Codec::Opus), RtpCodecKind::Audio)?;
    for codec in codecs {
        media.register_codec(parameters(*codec), RtpCodecKind::Video)?;
    }
    let registry = register_default_interceptors(Registry::new(), &mut media)?;
    // Behind all the others, which must see the whole of the feedback first.
    let registry = registry.with(Slot::from(14_000), KeyframeRequests::default());
    let settings = SettingEngineBuilder::new()
        // The forwarding plane takes this profile alone.
        .with_srtp_protection_profiles(vec![SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm])
        .with_include_loopback_candidate(true)
        .with_ice_timeouts(
            Some(Duration::from_secs(20)),
            Some(Duration::from_secs(15)),
            Some(Duration::from_secs(2)),
        )
        .build();
    PeerConnectionBuilder::new()
        .with_media_engine(media)
        .with_interceptor_registry(registry)
        .with_setting_engine(settings)
        .with_handler(handler)
        .with_udp_addrs(vec![(Ipv4Addr::LOCALHOST, 0u16)])
        .build()
        .await
}

fn parameters(codec: Codec) -> RTCRtpCodecParameters {
    let payload_type = match codec {
        Codec::Opus => OPUS,
        Codec::Vp8 => VP8,
        Codec::Vp9 | Codec::Av1 => VP9,
    };
    RTCRtpCodecParameters {
        rtp_codec: rtp_codec(codec),
        payload_type,
    }
}

fn rtp_codec(codec: Codec) -> RTCRtpCodec {
    let (mime_type, clock_rate, channels, fmtp) = match codec {
        Codec::Opus => (MIME_TYPE_OPUS, 48_000, 2, "minptime=10;useinbandfec=1"),
        Codec::Vp8 => (MIME_TYPE_VP8, 90_000, 0, ""),
        Codec::Vp9 | Codec::Av1 => (MIME_TYPE_VP9, 90_000, 0, "profile-id=0"),
    };
    RTCRtpCodec {
        mime_type: mime_type.to_owned(),
        clock_rate,
        channels,
        sdp_fmtp_line: fmtp.to_owned(),
        rtcp_feedback: Vec::new(),
    }
}

/// One encoding for each codec that the line shall list: the crate keeps the first and makes the list of all.
fn encodings(kind: Kind, ssrc: u32, codecs: &[Codec]) -> Vec<RTCRtpEncodingParameters> {
    let codecs = if kind.is_audio() { &[Codec::Opus] } else { codecs };
    let encoding = |codec: &Codec| RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            ssrc: Some(ssrc),
            ..Default::default()
        },
        codec: rtp_codec(*codec),
        active: true,
        ..Default::default()
    };
    codecs.iter().map(encoding).collect()
}

fn init(direction: RTCRtpTransceiverDirection, ssrc: u32, kind: Kind, codecs: &[Codec]) -> RTCRtpTransceiverInit {
    RTCRtpTransceiverInit {
        direction,
        streams: vec![stream_of(kind)],
        send_encodings: encodings(kind, ssrc, codecs),
    }
}

fn local_track(kind: Kind, media: RtpCodecKind, ssrc: u32, codecs: &[Codec]) -> MediaStreamTrack {
    let name = format!("track{}", kind as u8);
    let mut encodings = encodings(kind, ssrc, codecs);
    encodings.truncate(1);
    MediaStreamTrack::new(stream_of(kind), name.clone(), name, media, encodings)
}

/// Microphone and camera share a stream, and so do screen and its sound.
fn stream_of(kind: Kind) -> String {
    match kind {
        Kind::Microphone | Kind::Camera => "self".to_owned(),
        Kind::Screen | Kind::ScreenAudio => "screen".to_owned(),
    }
}

fn random_u32() -> u32 {
    // Without randomness no DTLS key can be made either, so the connection fails before this matters.
    getrandom::u32().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_offer_has_the_lines_of_every_member_in_order() {
        let (leg, _events) = Leg::new(&[Codec::Vp9, Codec::Vp8]).await.unwrap();
        let mids: Vec<&str> = leg.lines.iter().map(|line| line.mid.as_str()).collect();
        assert_eq!(mids.len(), 22);
        let sections: Vec<&str> = leg.offer.split("m=").skip(1).collect();
        assert_eq!(sections.len(), 22);
        for (section, line) in sections.iter().zip(&leg.lines) {
            let media = if line.role.kind().is_audio() { "audio" } else { "video" };
            let direction = if matches!(line.role, Role::Publish(_)) {
                "a=sendonly"
            } else {
                "a=recvonly"
            };
            assert!(
                section.starts_with(media) && section.contains(direction),
                "line {}",
                line.mid
            );
            assert!(
                section.contains(&format!("a=mid:{}\r\n", line.mid)),
                "line {}",
                line.mid
            );
            let codecs = if line.role.kind().is_audio() {
                vec!["111 opus/48000/2"]
            } else {
                vec!["98 VP9/90000", "96 VP8/90000"]
            };
            assert!(codecs.iter().all(|codec| section.contains(codec)), "line {}", line.mid);
        }
        assert!(leg.offer.contains("a=group:BUNDLE 0 1 2"));
        leg.close().await;
    }
}
