//! What a line of the offer says of codecs, streams and encodings, in the terms of the webrtc crate.
//!
//! Does not decide which codecs a bot sends.

use conclave_frame::{Codec, Kind};
use rtc::{
    media_stream::MediaStreamTrack,
    peer_connection::configuration::media_engine::{MIME_TYPE_OPUS, MIME_TYPE_VP8, MIME_TYPE_VP9},
    rtp_transceiver::{
        RTCRtpTransceiverDirection, RTCRtpTransceiverInit,
        rtp_sender::{
            RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
        },
    },
};

/// Payload types as Chromium numbers them.
const OPUS: u8 = 111;
const VP8: u8 = 96;
const VP9: u8 = 98;

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

/// The payload type under which our offer has a codec.
pub(super) fn payload_type_of(codec: Codec) -> u8 {
    match codec {
        Codec::Opus => OPUS,
        Codec::Vp8 => VP8,
        Codec::Vp9 | Codec::Av1 => VP9,
    }
}

pub(super) fn parameters(codec: Codec) -> RTCRtpCodecParameters {
    RTCRtpCodecParameters {
        rtp_codec: rtp_codec(codec),
        payload_type: payload_type_of(codec),
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

pub(super) fn init(
    direction: RTCRtpTransceiverDirection,
    ssrc: u32,
    kind: Kind,
    codecs: &[Codec],
) -> RTCRtpTransceiverInit {
    RTCRtpTransceiverInit {
        direction,
        streams: vec![stream_of(kind)],
        send_encodings: encodings(kind, ssrc, codecs),
    }
}

pub(super) fn local_track(kind: Kind, media: RtpCodecKind, ssrc: u32, codecs: &[Codec]) -> MediaStreamTrack {
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
