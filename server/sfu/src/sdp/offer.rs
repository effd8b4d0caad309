//! Reads an offer, line by line. Text from a hostile peer is bounded in length, lines and m-lines and cannot make this panic.

use super::attributes::{Section, codecs, extensions, sha256_fingerprint, ssrcs};
use super::{CodecEntry, ExtensionIds, SendLine, SlotLine};
use crate::api::MediaKind;
use crate::error::OfferFault;

/// A browser's full list of codecs on our 22 m-lines is about 110 kB; with 25 + 49 slots and restricted codecs 100 kB.
const MAX_TEXT: usize = 256 * 1024;
/// 25 audio and 49 video slots, four senders, and room.
const MAX_LINES: usize = 128;
/// Lines of one m-section: Chromium with every codec has about 180.
const MAX_ATTRIBUTES: usize = 512;
/// RFC 8839 §5.4 allows 256 characters.
const MAX_CREDENTIAL: usize = 256;
/// Mids travel in every first packet; browsers use one or two characters.
pub(crate) const MAX_MID: usize = 32;
/// What we do with an m-line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Use {
    /// The peer sends: we answer `recvonly`.
    Receive,
    /// A slot: we answer `sendonly`.
    Send,
    /// Kept, but nothing flows.
    Inactive,
    /// Refused with port zero.
    Reject,
}

/// One m-section, as far as we need it.
pub(crate) struct MediaLine {
    pub(crate) mid: String,
    pub(crate) media: Option<MediaKind>,
    /// `audio`, `video`, `application` …, for the echo.
    pub(crate) name: String,
    pub(crate) proto: String,
    pub(crate) first_format: String,
    pub(crate) role: Use,
    pub(crate) codecs: Vec<CodecEntry>,
    pub(crate) extensions: ExtensionIds,
    pub(crate) ssrcs: Vec<u32>,
    pub(crate) reduced_rtcp: bool,
}

/// A usable offer.
pub(crate) struct Offer {
    pub(crate) ufrag: String,
    pub(crate) fingerprint: [u8; 32],
    pub(crate) extmap_mixed: bool,
    pub(crate) lines: Vec<MediaLine>,
}

impl Offer {
    pub(crate) fn send_lines(&self) -> Vec<SendLine> {
        let sending = self.lines.iter().filter(|line| line.role == Use::Receive);
        sending
            .filter_map(|line| {
                Some(SendLine {
                    mid: line.mid.clone(),
                    media: line.media?,
                    codecs: line.codecs.clone(),
                    extensions: line.extensions,
                    ssrcs: line.ssrcs.clone(),
                })
            })
            .collect()
    }

    pub(crate) fn slot_lines(&self) -> Vec<SlotLine> {
        let receiving = self.lines.iter().filter(|line| line.role == Use::Send);
        receiving
            .filter_map(|line| {
                Some(SlotLine {
                    mid: line.mid.clone(),
                    media: line.media?,
                    codecs: line.codecs.clone(),
                })
            })
            .collect()
    }
}

/// Parses an offer and decides what each m-line is for.
pub(crate) fn parse(text: &str) -> Result<Offer, OfferFault> {
    let sections = split(text)?;
    let (session, media) = sections.split_first().ok_or(OfferFault::Malformed)?;
    let bundled: Vec<&str> = session
        .all("group")
        .filter_map(|group| group.strip_prefix("BUNDLE"))
        .flat_map(str::split_ascii_whitespace)
        .take(MAX_LINES)
        .collect();
    let mut lines: Vec<MediaLine> = Vec::with_capacity(media.len());
    for section in media {
        let line = media_line(section, session, &bundled)?;
        if lines.iter().any(|other| other.mid == line.mid) {
            return Err(OfferFault::BadMid);
        }
        lines.push(line);
    }
    if lines.iter().all(|line| line.role == Use::Reject) {
        return Err(OfferFault::NoMedia);
    }
    let everywhere = || std::iter::once(session).chain(media);
    let ufrag = everywhere()
        .find_map(|section| section.first("ice-ufrag"))
        .ok_or(OfferFault::NoIce)?;
    let pwd = everywhere()
        .find_map(|section| section.first("ice-pwd"))
        .ok_or(OfferFault::NoIce)?;
    // A lite agent sends no checks, so the password is only held against the grammar.
    if !ice_chars(ufrag, 4) || !ice_chars(pwd, 22) {
        return Err(OfferFault::NoIce);
    }
    let mut fingerprints = everywhere()
        .flat_map(|section| section.all("fingerprint"))
        .filter_map(sha256_fingerprint);
    let fingerprint = fingerprints.next().ok_or(OfferFault::NoFingerprint)?;
    // SECURITY: one bundle has one association; a second certificate would leave open which one was meant.
    if fingerprints.any(|other| other != fingerprint) {
        return Err(OfferFault::NoFingerprint);
    }
    if everywhere()
        .flat_map(|section| section.all("setup"))
        .any(|setup| !matches!(setup, "actpass" | "active"))
    {
        return Err(OfferFault::DtlsRole);
    }
    let extmap_mixed = everywhere().any(|section| section.has("extmap-allow-mixed"));
    Ok(Offer {
        ufrag: ufrag.to_owned(),
        fingerprint,
        extmap_mixed,
        lines,
    })
}

fn split(text: &str) -> Result<Vec<Section<'_>>, OfferFault> {
    if text.len() > MAX_TEXT {
        return Err(OfferFault::TooLarge);
    }
    let mut lines = text.lines();
    if lines.next() != Some("v=0") {
        return Err(OfferFault::Malformed);
    }
    let mut sections = vec![Section::default()];
    for line in lines {
        if let Some(media) = line.strip_prefix("m=") {
            if sections.len() > MAX_LINES {
                return Err(OfferFault::TooLarge);
            }
            sections.push(Section {
                media: Some(media),
                ..Section::default()
            });
        } else if let Some(attribute) = line.strip_prefix("a=") {
            let Some(section) = sections.last_mut() else { continue };
            if section.attributes.len() >= MAX_ATTRIBUTES {
                return Err(OfferFault::TooLarge);
            }
            let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
            section.attributes.push((name, value.trim()));
        }
    }
    Ok(sections)
}

fn media_line(section: &Section<'_>, session: &Section<'_>, bundled: &[&str]) -> Result<MediaLine, OfferFault> {
    let mut fields = section.media.unwrap_or_default().split_ascii_whitespace();
    let (Some(name), Some(port), Some(proto), Some(first_format)) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err(OfferFault::Malformed);
    };
    let mid = section.first("mid").ok_or(OfferFault::BadMid)?;
    if !token(mid, MAX_MID) {
        return Err(OfferFault::BadMid);
    }
    // These come back in our answer, so they must be what they seem.
    if !token(name, 32) || !proto.split('/').all(|part| token(part, 16)) || !token(first_format, 32) {
        return Err(OfferFault::Malformed);
    }
    let media = match name {
        "audio" => Some(MediaKind::Audio),
        "video" => Some(MediaKind::Video),
        _ => None,
    };
    let formats: Vec<u8> = std::iter::once(first_format)
        .chain(fields)
        .filter_map(|format| format.parse().ok())
        .collect();
    // In the offer's order: the offerer sends the answer's first codec (RFC 8829 §5.10), and which one everybody in the call
    // can decode is for members to know.
    let codecs = media.map(|media| codecs(section, media, &formats)).unwrap_or_default();
    let usable = media.is_some() && proto == "UDP/TLS/RTP/SAVPF" && !codecs.is_empty();
    // Port zero refuses an m-line, unless it is only bundled (RFC 9143 §7.1.1).
    let offered = port != "0" || section.has("bundle-only");
    let role = if !usable || !offered {
        Use::Reject
    } else {
        if !bundled.contains(&mid) || !section.has("rtcp-mux") {
            return Err(OfferFault::NotBundled);
        }
        direction(section, session)
    };
    Ok(MediaLine {
        mid: mid.to_owned(),
        media,
        name: name.to_owned(),
        proto: proto.to_owned(),
        first_format: first_format.to_owned(),
        role,
        codecs,
        extensions: extensions(section),
        ssrcs: ssrcs(section),
        reduced_rtcp: section.has("rtcp-rsize"),
    })
}

fn direction(section: &Section<'_>, session: &Section<'_>) -> Use {
    for section in [section, session] {
        for (name, _) in &section.attributes {
            match *name {
                // An m-line that does both is a publisher's: slots are made for receiving only.
                "sendonly" | "sendrecv" => return Use::Receive,
                "recvonly" => return Use::Send,
                "inactive" => return Use::Inactive,
                _ => {}
            }
        }
    }
    Use::Receive
}

/// RFC 8866 §9 `token`.
fn token(text: &str, max: usize) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`{|}~".contains(&byte);
    !text.is_empty() && text.len() <= max && text.bytes().all(allowed)
}

fn ice_chars(text: &str, min: usize) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    (min..=MAX_CREDENTIAL).contains(&text.len()) && text.bytes().all(allowed)
}
