//! What a member asks of the outside: the socket, the peer connection, the media keys, the screen.
//!
//! Does not say how. Rule of use: all of it, in order.

use conclave_protocol::ids::{CallId, TrackId, TrackKind, TransportId};
use zeroize::Zeroizing;

use super::Event;

/// Something to be done outside.
pub enum Output {
    /// Open the socket (fixed path, fixed subprotocol) after a while; whatever socket is there is replaced.
    OpenSocket {
        /// How long to wait first, milliseconds.
        after_ms: u64,
    },
    /// Close the socket; no [`crate::Input::SocketClosed`] is expected for it.
    CloseSocket,
    /// Send one binary frame.
    Send {
        /// May overtake frames that are not high.
        high: bool,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// The server's answer to the last offer.
    ApplyAnswer {
        /// SDP.
        sdp: String,
    },
    /// Where and as whom peer connections may ask for a relay, from the next one or the next restart on. Comes before either.
    Relay {
        /// `turns:` at the server that this member is connected to.
        url: String,
        /// TURN's user name.
        username: String,
        /// TURN's password.
        password: Zeroizing<String>,
    },
    /// Make a fresh peer connection, then give [`crate::Input::MediaReady`] and [`crate::Input::LocalOffer`].
    NeedOffer,
    /// Renew ICE on the connection that is there, then give [`crate::Input::LocalOffer`].
    IceRestart,
    /// New media keys.
    Keys(EpochKeysOut),
    /// Fall silent (`true`) until keys or `false` come: the group has moved on without this member knowing the new key yet.
    Hold(bool),
    /// What the receiver of a slot must check for.
    Expect {
        /// The slot.
        mid: String,
        /// What kind of track it receives.
        kind: TrackKind,
        /// What was asked for; nothing if the slot is empty.
        track: Option<TrackId>,
    },
    /// The picture codec that everybody can decode: 1 VP8, 2 VP9.
    PreferCodec(u8),
    /// The record of this member's place in the call, for [`crate::Options::place`]: to be kept where a reloaded tab finds it, if the person
    /// allowed that. It replaces the one before.
    Place(Zeroizing<Vec<u8>>),
    /// The record counts no more and must be forgotten: this member left, was removed, or its call is over.
    PlaceGone,
    /// Something to show.
    Event(Event),
}

/// The media keys of an epoch.
pub struct EpochKeysOut {
    /// The group: epochs count only within it. A founder that gave way, or a member that joined anew, is in another.
    pub group: CallId,
    /// The epoch.
    pub epoch: u64,
    /// SFrame's base key.
    pub base_key: Zeroizing<[u8; 16]>,
    /// This member's leaf.
    pub own_leaf: u32,
    /// Every leaf with the transport id that it carries.
    pub leaves: Vec<(u32, TransportId)>,
    /// Leaves that are gone since the epoch before; their frames are refused at once.
    pub removed: Vec<u32>,
    /// How long frames of the old epoch are still accepted.
    pub drop_old_after_ms: u32,
    /// How long the sender stays in the old epoch.
    pub switch_after_ms: u32,
}
