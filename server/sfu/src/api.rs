//! The whole face of this crate: what goes in, what comes out, and the ids that both carry.
//!
//! Deliberately absent: `Debug`, `Display` and serialisation on anything that holds an address, an id or SDP text, so
//! that no log line can carry one by accident.

use std::net::SocketAddr;

use crate::error::OfferFault;
use crate::transport::identity::DtlsIdentity;

/// One member's connection, numbered by the caller. Two live connections never share a number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u64);

/// One call, numbered by the caller. Tracks are seen inside one call only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallKey(pub u64);

/// What a track carries. The numbers are the wire's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum TrackKind {
    /// A microphone.
    Microphone = 0,
    /// A camera.
    Camera = 1,
    /// The picture of a shared screen.
    Screen = 2,
    /// The sound of a shared screen.
    ScreenAudio = 3,
}

impl TrackKind {
    /// The kind with this number, if there is one.
    pub fn from_u8(value: u8) -> Option<Self> {
        match value {
            0 => Some(Self::Microphone),
            1 => Some(Self::Camera),
            2 => Some(Self::Screen),
            3 => Some(Self::ScreenAudio),
            _ => None,
        }
    }

    pub(crate) fn media(self) -> MediaKind {
        match self {
            Self::Microphone | Self::ScreenAudio => MediaKind::Audio,
            Self::Camera | Self::Screen => MediaKind::Video,
        }
    }
}

/// The two sorts of m-line that carry media.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum MediaKind {
    Audio,
    Video,
}

impl MediaKind {
    /// RTP clock of every codec we carry: Opus counts at 48 kHz (RFC 7587 §4.1), video at 90 kHz.
    pub(crate) fn clock_rate(self) -> u32 {
        match self {
            Self::Audio => 48_000,
            Self::Video => 90_000,
        }
    }
}

/// A media source: the member's transport id in this call, and what it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackId {
    /// Transport id of the member that publishes it.
    pub transport: [u8; 16],
    /// What it carries.
    pub kind: TrackKind,
}

/// Called with every packet after SRTP has been taken off; for tests that look for what must not be there.
pub type MediaTap = Box<dyn FnMut(&[u8]) + Send>;

/// What an [`Sfu`](crate::Sfu) is made of.
pub struct SfuConfig {
    /// Public addresses written into answers as host candidates, best first.
    pub candidates: Vec<SocketAddr>,
    /// The certificate whose fingerprint stands in every answer. Made at start, never stored.
    pub identity: DtlsIdentity,
    /// Seed of all ICE credentials, SSRCs and initial timestamps.
    pub seed: [u8; 32],
    /// Test hook; `None` in production.
    pub media_tap: Option<MediaTap>,
}

impl SfuConfig {
    /// A configuration without a tap.
    pub fn new(candidates: Vec<SocketAddr>, identity: DtlsIdentity, seed: [u8; 32]) -> Self {
        Self {
            candidates,
            identity,
            seed,
            media_tap: None,
        }
    }
}

/// Everything that can happen to the forwarding plane.
pub enum Input<'a> {
    /// A UDP datagram arrived.
    Datagram {
        /// Where it came from.
        from: SocketAddr,
        /// Index of the socket it came to. Reserved for several sockets; all are equal today.
        to_socket: usize,
        /// Its bytes.
        data: &'a [u8],
    },
    /// The instant given by `poll_timeout` has come (calling early or late is harmless).
    Timeout,
    /// A member's connection belongs to a call from now on.
    Join {
        /// The connection.
        peer: PeerId,
        /// The call.
        call: CallKey,
        /// The member's transport id, the first half of its track ids.
        transport: [u8; 16],
    },
    /// The connection is gone. All its tracks and slots go with it.
    Leave {
        /// The connection.
        peer: PeerId,
    },
    /// The member may not be heard or hear for the moment: what it publishes and wants is forgotten, its transport stays.
    Silence {
        /// The connection.
        peer: PeerId,
    },
    /// A session description from the member. Answered by `Answer` or `OfferRefused`.
    Offer {
        /// The connection.
        peer: PeerId,
        /// SDP text.
        sdp: &'a str,
    },
    /// The member says what one of its sending m-lines carries, or that it has stopped.
    Publish {
        /// The connection.
        peer: PeerId,
        /// `a=mid` of the m-line.
        mid: &'a str,
        /// What it carries.
        kind: TrackKind,
        /// Whether it is being sent.
        on: bool,
    },
    /// The member says which track it wants in which slot; slots not named stay as they are.
    Slots {
        /// The connection.
        peer: PeerId,
        /// Slot's mid, track or nothing, highest layer (one layer is carried today, so the last is not read).
        slots: &'a [(String, Option<TrackId>, u8)],
    },
}

/// Everything the forwarding plane wants done.
pub enum Output {
    /// Send these bytes to this address.
    Datagram {
        /// Destination.
        to: SocketAddr,
        /// Bytes.
        data: Vec<u8>,
    },
    /// The answer to an offer.
    Answer {
        /// The connection.
        peer: PeerId,
        /// SDP text.
        sdp: String,
    },
    /// The offer cannot be used; whatever was negotiated before stays in force.
    OfferRefused {
        /// The connection.
        peer: PeerId,
        /// Why.
        reason: OfferFault,
    },
    /// What a slot shows from now on. Sent for every slot named in `Slots`, and when a wanted track comes or goes.
    Assigned {
        /// The connection.
        peer: PeerId,
        /// The slot's mid.
        mid: String,
        /// The track, or nothing if it is not there or cannot be decoded by this member.
        track: Option<TrackId>,
    },
}

/// Whole-server totals since start. Nothing here is per room, call or member.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams given to the state machine.
    pub datagrams_in: u64,
    /// Datagrams it asked to send.
    pub datagrams_out: u64,
    /// Datagrams dropped before they were attributed to a member.
    pub unattributed: u64,
    /// SRTP or SRTCP packets that failed authentication or were replays on the wire.
    pub srtp_rejected: u64,
    /// Media packets accepted from publishers.
    pub media_in: u64,
    /// Media packets dropped as duplicates of ones already accepted.
    pub duplicates: u64,
    /// Padding-only packets, not forwarded.
    pub padding: u64,
    /// Media packets sealed for subscribers.
    pub forwarded: u64,
    /// Retransmissions sent to subscribers.
    pub retransmitted: u64,
    /// Packets recovered from publishers by retransmission.
    pub recovered: u64,
    /// Keyframe requests sent to publishers.
    pub keyframe_requests: u64,
    /// Handshake flights sent again.
    pub flights_resent: u64,
    /// DTLS handshakes completed with the right certificate.
    pub handshakes: u64,
    /// Handshakes that failed: wrong certificate, no common parameters, limits.
    pub handshakes_failed: u64,
    /// Packets that would have used a nonce twice and were not sealed. Anything but zero is a bug.
    pub nonce_refusals: u64,
}
