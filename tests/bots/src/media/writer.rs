//! Sealed frames of one track, cut into packets and sent.
//!
//! Does not seal and does not pace.

use std::sync::Arc;

use bytes::Bytes;
use conclave_frame::Codec;
use rtc::rtp;
use webrtc::{
    error::Error,
    media_stream::track_local::{TrackLocal as _, static_rtp::TrackLocalStaticRTP},
};

use super::{codecs::payload_type_of, packets::split};

/// Sends the sealed frames of one track.
pub struct Writer {
    ssrc: u32,
    track: Arc<TrackLocalStaticRTP>,
    sequence: u16,
    picture_id: u16,
}

impl Writer {
    pub(super) fn new(ssrc: u32, track: Arc<TrackLocalStaticRTP>, sequence: u16) -> Self {
        Self {
            ssrc,
            track,
            sequence,
            picture_id: 0,
        }
    }

    /// Sends one sealed frame under this RTP timestamp.
    ///
    /// # Errors
    /// If the connection is gone.
    pub async fn send(&mut self, codec: Codec, key_frame: bool, timestamp: u32, sealed: &[u8]) -> Result<(), Error> {
        let payload_type = payload_type_of(codec);
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
