//! The links that people pass on: the guest link and the organiser's ticket. All that is secret stands in the fragment and reaches no server.
//!
//! Deliberately absent: what a personal invite (`#i…z`) is worth, which is in `invite`, and anything of the owner's, which is never a URL.
//!
//! SPEC: `docs/protocol.md`, section 1. Version and checksum stand where they stand in every version; all else may move.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::{
    binary::{Reader, put_lp},
    credential::{DEED_PREFIX, HOST_PREFIX, MODERATOR_PREFIX},
    error::LinkError,
    hash::checksum,
    ids::RoomFp,
    invite::InviteLink,
    keys::{LinkSecret, TicketSecret},
    limits::MAX_SERVERS,
};

pub use crate::server_name::ServerName;

/// The version that this code writes and reads.
const VERSION: u8 = 1;

/// Bits 0–3 are critical: who does not know one must refuse the link. Bits 4–7 may be ignored.
const CRITICAL: u8 = 0b0000_1111;

/// The critical bits that this version knows.
const KNOWN_CRITICAL: u8 = LinkFlags::OPERATOR_KEYS;

/// A link's flags, all eight as they came, so that ignorable ones survive being passed on.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LinkFlags(u8);

impl LinkFlags {
    const OPERATOR_KEYS: u8 = 1;

    /// Flags as `conclave room create --print-links` sets them, or none.
    pub const fn new(operator_keys: bool) -> Self {
        Self(if operator_keys { Self::OPERATOR_KEYS } else { 0 })
    }

    /// The keys were made by the operator's own command, who could have kept them; the call says so.
    pub const fn operator_keys(self) -> bool {
        self.0 & Self::OPERATOR_KEYS != 0
    }

    /// The byte.
    pub const fn bits(self) -> u8 {
        self.0
    }

    fn read(bits: u8) -> Result<Self, LinkError> {
        if bits & CRITICAL & !KNOWN_CRITICAL == 0 {
            Ok(Self(bits))
        } else {
            Err(LinkError::UnknownCriticalFlag)
        }
    }
}

/// The link that lets people ask to come in.
#[derive(Clone, Eq, PartialEq)]
pub struct GuestLink {
    /// What kind of room it leads to.
    pub flags: LinkFlags,
    /// Raised each time the owner changes the link.
    pub generation: u16,
    /// The room's root.
    pub room_fp: RoomFp,
    /// The secret.
    pub link_secret: LinkSecret,
    /// One to four servers, in the order in which to try them.
    pub servers: Vec<ServerName>,
}

/// The one-use link with which an organiser opens a room on a server.
#[derive(Clone, Eq, PartialEq)]
pub struct TicketLink {
    /// None is known yet.
    pub flags: LinkFlags,
    /// The server that gave the ticket out.
    pub server: ServerName,
    /// The server keeps only its hash.
    pub ticket_secret: TicketSecret,
}

/// Any link.
#[derive(Clone, Eq, PartialEq)]
pub enum Link {
    /// `#g…z`
    Guest(GuestLink),
    /// `#t…z`
    Ticket(TicketLink),
    /// `#i…z`
    Invite(Box<InviteLink>),
}

impl Link {
    /// Reads a whole URL, or just its fragment with or without the `#`.
    pub fn parse(text: &str) -> Result<Self, LinkError> {
        let text = text.trim();
        if [HOST_PREFIX, DEED_PREFIX, MODERATOR_PREFIX]
            .iter()
            .any(|prefix| text.starts_with(prefix))
        {
            return Err(LinkError::OwnerKey);
        }
        let fragment = text.split_once('#').map_or(text, |(_, fragment)| fragment);
        let mut characters = fragment.chars();
        let kind = characters.next().ok_or(LinkError::NotALink)?;
        if !matches!(kind, 'g' | 't' | 'i') || fragment.contains(['/', ':', ' ', '.']) {
            return Err(LinkError::NotALink);
        }
        let body = characters.as_str().strip_suffix('z').ok_or(LinkError::Cut)?;
        let bytes = unbase64(body)?;
        match kind {
            'g' => read(b"g", &bytes, GuestLink::read_body).map(Self::Guest),
            't' => read(b"t", &bytes, TicketLink::read_body).map(Self::Ticket),
            _ => read(b"i", &bytes, InviteLink::read_body).map(|link| Self::Invite(Box::new(link))),
        }
    }
}

impl GuestLink {
    /// Reads a guest link; see [`Link::parse`].
    pub fn parse(text: &str) -> Result<Self, LinkError> {
        match Link::parse(text)? {
            Link::Guest(link) => Ok(link),
            Link::Ticket(_) | Link::Invite(_) => Err(LinkError::OtherKind),
        }
    }

    /// The link at an origin such as `https://meet.example.org`.
    pub fn to_url(&self, origin: &str) -> Zeroizing<String> {
        Zeroizing::new(format!("{}/#{}", origin.trim_end_matches('/'), *self.to_fragment()))
    }

    /// `g<base64url>z`, without the `#`.
    pub fn to_fragment(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(256));
        self.write_body(&mut bytes);
        fragment("g", &mut bytes)
    }

    /// All before the checksum; a host credential begins with the same bytes.
    pub(crate) fn write_body(&self, out: &mut Vec<u8>) {
        out.extend([VERSION, self.flags.0]);
        out.extend(self.generation.to_be_bytes());
        out.extend(self.room_fp.as_bytes());
        out.extend(self.link_secret.expose());
        out.push(u8::try_from(self.servers.len()).unwrap_or(u8::MAX));
        for server in &self.servers {
            put_lp(out, server.as_str().as_bytes());
        }
    }

    /// Reads what `write_body` wrote.
    pub(crate) fn read_body(r: &mut Reader<'_>) -> Result<Self, LinkError> {
        let (version, flags) = (r.u8().ok_or(LinkError::Cut)?, r.u8().ok_or(LinkError::Cut)?);
        if version != VERSION {
            return Err(LinkError::UnknownVersion);
        }
        let flags = LinkFlags::read(flags)?;
        let generation = r.u16().ok_or(LinkError::Cut)?;
        let room_fp = r.array().map(RoomFp::from_bytes).ok_or(LinkError::Cut)?;
        let link_secret = r.array().map(LinkSecret::from_bytes).ok_or(LinkError::Cut)?;
        let n = r.u8().ok_or(LinkError::Cut)?;
        if !(1..=MAX_SERVERS).contains(&usize::from(n)) {
            return Err(LinkError::Malformed);
        }
        let mut servers = Vec::with_capacity(usize::from(n));
        for _ in 0..n {
            let server = ServerName::parse_exact(r.lp().ok_or(LinkError::Cut)?).map_err(|_| LinkError::Malformed)?;
            if servers.contains(&server) {
                return Err(LinkError::Malformed);
            }
            servers.push(server);
        }
        Ok(Self {
            flags,
            generation,
            room_fp,
            link_secret,
            servers,
        })
    }
}

impl TicketLink {
    /// Reads a ticket link; see [`Link::parse`].
    pub fn parse(text: &str) -> Result<Self, LinkError> {
        match Link::parse(text)? {
            Link::Ticket(link) => Ok(link),
            Link::Guest(_) | Link::Invite(_) => Err(LinkError::OtherKind),
        }
    }

    /// The link at an origin.
    pub fn to_url(&self, origin: &str) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(128));
        bytes.extend([VERSION, self.flags.0]);
        put_lp(&mut bytes, self.server.as_str().as_bytes());
        bytes.extend(self.ticket_secret.expose());
        Zeroizing::new(format!(
            "{}/#{}",
            origin.trim_end_matches('/'),
            *fragment("t", &mut bytes)
        ))
    }

    fn read_body(r: &mut Reader<'_>) -> Result<Self, LinkError> {
        let (version, flags) = (r.u8().ok_or(LinkError::Cut)?, r.u8().ok_or(LinkError::Cut)?);
        if version != VERSION {
            return Err(LinkError::UnknownVersion);
        }
        if flags & CRITICAL != 0 {
            return Err(LinkError::UnknownCriticalFlag);
        }
        let server = ServerName::parse_exact(r.lp().ok_or(LinkError::Cut)?).map_err(|_| LinkError::Malformed)?;
        let ticket_secret = r.array().map(TicketSecret::from_bytes).ok_or(LinkError::Cut)?;
        Ok(Self {
            flags: LinkFlags(flags),
            server,
            ticket_secret,
        })
    }
}

/// Checks the checksum, then reads the body, which must fill what stands before it.
pub(crate) fn read<T>(
    kind: &[u8; 1],
    bytes: &[u8],
    body: impl Fn(&mut Reader<'_>) -> Result<T, LinkError>,
) -> Result<T, LinkError> {
    let (before, sum) = bytes.split_last_chunk::<4>().ok_or(LinkError::Cut)?;
    if link_checksum(kind, before) != *sum {
        // Cut at a place where the text happened to read `z`, or changed: the lengths inside tell which.
        let cut = matches!(body(&mut Reader::new(before)), Err(LinkError::Cut));
        return Err(if cut { LinkError::Cut } else { LinkError::Checksum });
    }
    let mut r = Reader::new(before);
    match body(&mut r) {
        Ok(value) if r.is_empty() => Ok(value),
        // The checksum is right, so nothing was cut: it was made that way.
        Ok(_) | Err(LinkError::Cut) => Err(LinkError::Malformed),
        Err(other) => Err(other),
    }
}

/// The checksum of links and credentials over all bytes before it.
pub(crate) fn link_checksum(kind: &[u8; 1], before: &[u8]) -> [u8; 4] {
    checksum(&[b"conclave v1 link", kind, before])
}

/// Base64url without padding, one spelling only.
pub(crate) fn unbase64(text: &str) -> Result<Zeroizing<Vec<u8>>, LinkError> {
    let alphabet = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    match URL_SAFE_NO_PAD.decode(text) {
        Ok(bytes) => Ok(Zeroizing::new(bytes)),
        // Allowed characters, but a length or last character that no bytes have: it ends in the middle.
        Err(_) if alphabet => Err(LinkError::Cut),
        Err(_) => Err(LinkError::Checksum),
    }
}

pub(crate) fn base64(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes))
}

pub(crate) fn fragment(kind: &str, bytes: &mut Zeroizing<Vec<u8>>) -> Zeroizing<String> {
    let kind_byte = kind.as_bytes().first_chunk().copied().unwrap_or_default();
    let sum = link_checksum(&kind_byte, bytes);
    bytes.extend(sum);
    Zeroizing::new(format!("{kind}{}z", *base64(bytes)))
}
