//! Session descriptions: reading a browser's offer, writing our answer.
//!
//! Everything is found by mid, never by position, and what is not understood is passed over or refused, never guessed.
//! SPEC: RFC 8829 (JSEP), RFC 9143 (BUNDLE), RFC 8839 (ICE), RFC 8842 (DTLS).

pub(crate) mod answer;
mod attributes;
pub(crate) mod offer;

use crate::api::MediaKind;
use crate::payload::Codec;

/// One codec under the payload types that this peer gave it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct CodecEntry {
    pub(crate) codec: Codec,
    pub(crate) payload_type: u8,
    /// Payload type of its repair packets.
    pub(crate) repair: Option<u8>,
    pub(crate) feedback: FeedbackKinds,
}

/// Feedback that both sides speak.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct FeedbackKinds {
    pub(crate) nack: bool,
    pub(crate) pli: bool,
    pub(crate) transport_cc: bool,
}

/// Ids of the header extensions we use.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct ExtensionIds {
    pub(crate) mid: Option<u8>,
    pub(crate) transport_cc: Option<u8>,
}

/// An m-line on which the peer sends.
pub(crate) struct SendLine {
    pub(crate) mid: String,
    pub(crate) media: MediaKind,
    pub(crate) codecs: Vec<CodecEntry>,
    pub(crate) extensions: ExtensionIds,
    pub(crate) ssrcs: Vec<u32>,
}

/// An m-line on which the peer receives.
pub(crate) struct SlotLine {
    pub(crate) mid: String,
    pub(crate) media: MediaKind,
    pub(crate) codecs: Vec<CodecEntry>,
}

/// Which codec a payload type means, and whether it is a repair packet.
pub(crate) fn codec_of(codecs: &[CodecEntry], payload_type: u8) -> Option<(Codec, bool)> {
    codecs.iter().find_map(|entry| {
        if entry.payload_type == payload_type {
            Some((entry.codec, false))
        } else {
            (entry.repair == Some(payload_type)).then_some((entry.codec, true))
        }
    })
}

/// Codecs that both lists have.
pub(crate) fn common_codec(a: &[CodecEntry], b: &[CodecEntry]) -> bool {
    a.iter().any(|left| has_codec(b, left.codec))
}

pub(crate) fn has_codec(list: &[CodecEntry], codec: Codec) -> bool {
    list.iter().any(|entry| entry.codec == codec)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
