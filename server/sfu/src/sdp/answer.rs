//! Writes the answer: ICE-lite, DTLS passive, only what we carry, one line per offered m-line.

use std::fmt::Write;
use std::net::SocketAddr;

use super::offer::{MediaLine, Offer, Use};
use super::{CodecEntry, FeedbackKinds};
use crate::api::MediaKind;
use crate::payload::Codec;
use crate::slot::Slot;
use crate::transport::ice::Credentials;

/// Constant rate without silence suppression, so that sizes and pauses say nothing; Firefox, which ignores `cbr`, stays below what
/// a padded frame holds. No in-band repair: it would put one frame's sound into the next one's ciphertext at varying size.
const OPUS_FMTP: &str = "useinbandfec=0;usedtx=0;cbr=1;maxaveragebitrate=32000;stereo=0";

/// What an answer is made of besides the offer.
pub(crate) struct Parts<'a> {
    pub(crate) session_id: u64,
    pub(crate) version: u64,
    pub(crate) local: &'a Credentials,
    pub(crate) fingerprint: &'a [u8; 32],
    pub(crate) candidates: &'a [SocketAddr],
    pub(crate) slots: &'a [Slot],
}

/// The answer's text.
pub(crate) fn write(offer: &Offer, parts: &Parts<'_>) -> String {
    let mut out = String::with_capacity(offer.lines.len() * 1_024 + 512);
    // Writing to a String cannot fail.
    let _ = write_session(&mut out, offer, parts);
    out
}

fn write_session(out: &mut String, offer: &Offer, parts: &Parts<'_>) -> std::fmt::Result {
    // Browsers read session ids as signed (RFC 8829 §5.2.1 keeps the top bit clear).
    let session_id = parts.session_id >> 1;
    write!(
        out,
        "v=0\r\no=- {session_id} {} IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n",
        parts.version
    )?;
    out.push_str("a=ice-lite\r\na=group:BUNDLE");
    for line in offer.lines.iter().filter(|line| line.role != Use::Reject) {
        write!(out, " {}", line.mid)?;
    }
    out.push_str("\r\n");
    if offer.extmap_mixed {
        out.push_str("a=extmap-allow-mixed\r\n");
    }
    out.push_str("a=msid-semantic: WMS *\r\n");
    let mut first = true;
    for line in &offer.lines {
        if line.role == Use::Reject {
            write!(out, "m={} 0 {} {}\r\n", line.name, line.proto, line.first_format)?;
            write!(out, "c=IN IP4 0.0.0.0\r\na=mid:{}\r\na=inactive\r\n", line.mid)?;
            continue;
        }
        write_media(out, line, parts)?;
        // The whole bundle has one set of candidates; it stands on its first m-line (RFC 9143 §7.1.3).
        if std::mem::take(&mut first) {
            write_candidates(out, parts.candidates)?;
        }
    }
    Ok(())
}

fn write_candidates(out: &mut String, candidates: &[SocketAddr]) -> std::fmt::Result {
    for (place, address) in candidates.iter().enumerate() {
        // RFC 8445 §5.1.2.1: type preference 126 for host, descending local preference, component 1.
        let priority = (126u32 << 24) | (65_535u32.saturating_sub(place as u32) << 8) | 255;
        let (ip, port) = (address.ip(), address.port());
        write!(
            out,
            "a=candidate:{} 1 udp {priority} {ip} {port} typ host\r\n",
            place + 1
        )?;
    }
    out.push_str("a=end-of-candidates\r\n");
    Ok(())
}

fn write_media(out: &mut String, line: &MediaLine, parts: &Parts<'_>) -> std::fmt::Result {
    write!(out, "m={} 9 {}", line.name, line.proto)?;
    for entry in &line.codecs {
        write!(out, " {}", entry.payload_type)?;
        if let Some(repair) = entry.repair {
            write!(out, " {repair}")?;
        }
    }
    out.push_str("\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n");
    write!(
        out,
        "a=ice-ufrag:{}\r\na=ice-pwd:{}\r\n",
        parts.local.ufrag,
        parts.local.pwd.as_str()
    )?;
    out.push_str("a=fingerprint:sha-256 ");
    for (place, byte) in parts.fingerprint.iter().enumerate() {
        write!(out, "{}{byte:02X}", if place == 0 { "" } else { ":" })?;
    }
    write!(out, "\r\na=setup:passive\r\na=mid:{}\r\n", line.mid)?;
    if let Some(id) = line.extensions.mid {
        write!(out, "a=extmap:{id} urn:ietf:params:rtp-hdrext:sdes:mid\r\n")?;
    }
    if let Some(id) = line.extensions.transport_cc {
        write!(
            out,
            "a=extmap:{id} http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n"
        )?;
    }
    let slot = parts
        .slots
        .iter()
        .find(|slot| slot.mid == line.mid && line.role == Use::Send);
    out.push_str(match (line.role, slot) {
        (Use::Receive, _) => "a=recvonly\r\n",
        (Use::Send, Some(_)) => "a=sendonly\r\n",
        _ => "a=inactive\r\n",
    });
    let stream = slot.map(|slot| (slot, label(slot)));
    if let Some((slot, label)) = &stream {
        write!(out, "a=msid:{} {label}\r\n", slot.pair)?;
    }
    out.push_str("a=rtcp-mux\r\n");
    if line.reduced_rtcp {
        out.push_str("a=rtcp-rsize\r\n");
    }
    for entry in &line.codecs {
        write_codec(out, entry)?;
    }
    if let Some((slot, label)) = &stream {
        write_ssrcs(out, slot, label, line.codecs.iter().any(|entry| entry.repair.is_some()))?;
    }
    Ok(())
}

fn label(slot: &Slot) -> String {
    format!(
        "{}{}",
        slot.pair,
        if slot.media == MediaKind::Audio { "a" } else { "v" }
    )
}

fn write_codec(out: &mut String, entry: &CodecEntry) -> std::fmt::Result {
    let number = entry.payload_type;
    let encoding = match entry.codec {
        Codec::Opus => "opus/48000/2",
        Codec::Vp8 => "VP8/90000",
        Codec::Vp9 => "VP9/90000",
    };
    write!(out, "a=rtpmap:{number} {encoding}\r\n")?;
    let FeedbackKinds {
        nack,
        pli,
        transport_cc,
    } = entry.feedback;
    let video = entry.codec != Codec::Opus;
    for (wanted, kind) in [
        (transport_cc, "transport-cc"),
        (nack && video, "nack"),
        (pli && video, "nack pli"),
    ] {
        if wanted {
            write!(out, "a=rtcp-fb:{number} {kind}\r\n")?;
        }
    }
    match entry.codec {
        Codec::Opus => write!(out, "a=fmtp:{number} {OPUS_FMTP}\r\n")?,
        Codec::Vp9 => write!(out, "a=fmtp:{number} profile-id=0\r\n")?,
        Codec::Vp8 => {}
    }
    if let Some(repair) = entry.repair {
        write!(out, "a=rtpmap:{repair} rtx/90000\r\na=fmtp:{repair} apt={number}\r\n")?;
    }
    Ok(())
}

/// SPEC: RFC 5576; browsers attach the slot's packets to its receiver by these.
fn write_ssrcs(out: &mut String, slot: &Slot, label: &str, repair: bool) -> std::fmt::Result {
    let both = [slot.ssrc, slot.repair_ssrc];
    let used = if repair {
        both.as_slice()
    } else {
        both.get(..1).unwrap_or_default()
    };
    if repair {
        write!(out, "a=ssrc-group:FID {} {}\r\n", slot.ssrc, slot.repair_ssrc)?;
    }
    for ssrc in used {
        write!(
            out,
            "a=ssrc:{ssrc} cname:{0}\r\na=ssrc:{ssrc} msid:{0} {label}\r\n",
            slot.pair
        )?;
    }
    Ok(())
}
