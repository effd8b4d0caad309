//! Attribute lines of one m-section: codecs, feedback, header extensions, sources, fingerprints.
//!
//! What does not parse is passed over; deciding what must be there is the offer's business.

use super::{CodecEntry, ExtensionIds, FeedbackKinds};
use crate::api::MediaKind;
use crate::payload::Codec;

/// SSRCs named on one m-line: one stream and its repair, or simulcast.
const MAX_SSRCS: usize = 12;

const MID_URI: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
const TRANSPORT_CC_URI: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

/// Attributes of the session or of one m-section.
#[derive(Default)]
pub(super) struct Section<'a> {
    pub(super) media: Option<&'a str>,
    pub(super) attributes: Vec<(&'a str, &'a str)>,
}

impl<'a> Section<'a> {
    pub(super) fn all(&self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.attributes
            .iter()
            .filter(move |(key, _)| *key == name)
            .map(|(_, value)| *value)
    }

    pub(super) fn first(&self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.attributes.iter().any(|(key, _)| *key == name)
    }
}

/// The codecs we carry, in the offer's order, one entry each.
pub(super) fn codecs(section: &Section<'_>, media: MediaKind, formats: &[u8]) -> Vec<CodecEntry> {
    let maps: Vec<(u8, &str)> = section.all("rtpmap").filter_map(numbered).collect();
    let parameters: Vec<(u8, &str)> = section.all("fmtp").filter_map(numbered).collect();
    let parameter = |payload_type: u8, name: &str| {
        let own = parameters.iter().filter(|(number, _)| *number == payload_type);
        own.flat_map(|(_, list)| list.split(';')).find_map(|pair| {
            let (key, value) = pair.trim().split_once('=')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    };
    let mut entries: Vec<CodecEntry> = Vec::new();
    for payload_type in formats {
        // Dynamic and the older unassigned range; 64–95 would look like RTCP (RFC 5761 §4).
        if *payload_type > 127 || (64..96).contains(payload_type) {
            continue;
        }
        let Some((_, encoding)) = maps.iter().find(|(number, _)| number == payload_type) else {
            continue;
        };
        let Some(codec) = codec_named(encoding, media) else {
            continue;
        };
        if codec == Codec::Vp9 && !matches!(parameter(*payload_type, "profile-id"), None | Some("0")) {
            continue;
        }
        if entries.iter().any(|entry| entry.codec == codec) {
            continue;
        }
        let repair = maps.iter().find(|(number, encoding)| {
            encoding.eq_ignore_ascii_case("rtx/90000")
                && formats.contains(number)
                && parameter(*number, "apt").and_then(|apt| apt.parse().ok()) == Some(*payload_type)
        });
        entries.push(CodecEntry {
            codec,
            payload_type: *payload_type,
            repair: repair.map(|(number, _)| *number),
            feedback: feedback(section, *payload_type),
        });
    }
    entries
}

fn codec_named(encoding: &str, media: MediaKind) -> Option<Codec> {
    let is = |name: &str| encoding.eq_ignore_ascii_case(name);
    match media {
        MediaKind::Audio if is("opus/48000/2") => Some(Codec::Opus),
        MediaKind::Video if is("VP8/90000") => Some(Codec::Vp8),
        MediaKind::Video if is("VP9/90000") => Some(Codec::Vp9),
        _ => None,
    }
}

fn feedback(section: &Section<'_>, payload_type: u8) -> FeedbackKinds {
    let mut kinds = FeedbackKinds::default();
    for value in section.all("rtcp-fb") {
        let Some((number, kind)) = value.split_once(' ') else {
            continue;
        };
        // Firefox keeps lines for payload types it no longer lists; they match nothing here.
        if number != "*" && number.parse() != Ok(payload_type) {
            continue;
        }
        match kind.trim() {
            "nack" => kinds.nack = true,
            "nack pli" => kinds.pli = true,
            "transport-cc" => kinds.transport_cc = true,
            _ => {}
        }
    }
    kinds
}

pub(super) fn extensions(section: &Section<'_>) -> ExtensionIds {
    let mut ids = ExtensionIds::default();
    for value in section.all("extmap") {
        let mut fields = value.split_ascii_whitespace();
        let (Some(id), Some(uri)) = (fields.next(), fields.next()) else {
            continue;
        };
        // An id may carry a direction, as in `3/recvonly`.
        let Ok(id) = id.split('/').next().unwrap_or_default().parse::<u8>() else {
            continue;
        };
        if id == 0 || id == 15 {
            continue;
        }
        match uri {
            MID_URI => ids.mid = Some(id),
            TRANSPORT_CC_URI => ids.transport_cc = Some(id),
            _ => {}
        }
    }
    ids
}

pub(super) fn ssrcs(section: &Section<'_>) -> Vec<u32> {
    let mut list: Vec<u32> = Vec::new();
    for value in section.all("ssrc") {
        let Some(ssrc) = value.split_ascii_whitespace().next().and_then(|ssrc| ssrc.parse().ok()) else {
            continue;
        };
        if !list.contains(&ssrc) && list.len() < MAX_SSRCS {
            list.push(ssrc);
        }
    }
    list
}

/// `96 VP8/90000` → (96, "VP8/90000").
fn numbered(value: &str) -> Option<(u8, &str)> {
    let (number, rest) = value.split_once(' ')?;
    Some((number.parse().ok()?, rest.trim()))
}

pub(super) fn sha256_fingerprint(value: &str) -> Option<[u8; 32]> {
    let (algorithm, hex) = value.split_once(' ')?;
    if !algorithm.eq_ignore_ascii_case("sha-256") {
        return None;
    }
    let mut out = [0; 32];
    let mut bytes = hex.trim().split(':');
    for place in &mut out {
        let byte = bytes.next().filter(|byte| byte.len() == 2)?;
        *place = u8::from_str_radix(byte, 16).ok()?;
    }
    bytes.next().is_none().then_some(out)
}
