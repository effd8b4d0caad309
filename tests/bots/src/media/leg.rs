//! The connection to the forwarding plane, over the webrtc crate, with the offer of every member (`lines`).
//!
//! It carries sealed frames and knows neither keys nor who is in which slot.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use conclave_frame::{Codec, Kind};
use rtc::{
    interceptor::Slot,
    rtp,
    rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit, rtp_sender::RtpCodecKind},
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
    codecs::{init, local_track, parameters},
    keyframe::{KeyframeRequests, asks_for_key_frame},
    lines::{Line, Role},
    writer::Writer,
};

/// How long gathering one loopback address may take.
const GATHER_DEADLINE: Duration = Duration::from_secs(5);

/// Frames and events waiting for the bot. A second of eight seats and eight pictures is below this; a bot
/// that does not keep up loses packets, as on a network.
const EVENTS: usize = 4_096;

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
        let first = random_u32() as u16;
        Some(Writer::new(track.ssrc, Arc::clone(&track.track), first))
    }

    /// Closes the connection.
    pub async fn close(&self) {
        // It is going away either way.
        let _ = self.peer.close().await;
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
