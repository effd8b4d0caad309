//! The whole input and output surface.

use std::sync::Arc;

use conclave_protocol::{
    ids::{RoomId, TrackId, TrackKind, TransportId},
    room::{Limits, RoomRecord},
};

use crate::managing::{RegistryAnswer, RegistryRequest};

/// One socket, numbered by the daemon and never twice. It says nothing about who is behind it, so it may be logged.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct ConnId(pub u64);

/// One call, as the forwarding plane knows it. Counted from the start of the process.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct MediaCallKey(pub u64);

/// What happens to the rooms.
pub enum Input<'a> {
    /// A room was stored, or its record was replaced (those inside stay).
    RoomAdded(RoomRecord),
    /// The operator allows this much in a room, at most. Announced is what the owner signed; what holds is the lower. Those inside
    /// stay.
    RoomAllowance {
        /// Which; unknown ones are ignored.
        room: RoomId,
        /// The operator's.
        limits: Limits,
    },
    /// A room was deleted, closed or has expired; everyone in it is disconnected.
    RoomDeleted(RoomId),
    /// A socket was accepted. The nonce is 32 random bytes, fresh for it.
    Connected {
        /// Its number.
        conn: ConnId,
        /// For the challenge.
        server_nonce: [u8; 32],
    },
    /// A binary WebSocket frame, of any length and content.
    Frame {
        /// From whom.
        conn: ConnId,
        /// As it came.
        bytes: &'a [u8],
    },
    /// A socket is gone. Unknown connections, and those that `Output::Close` ended, are ignored.
    Closed {
        /// Which.
        conn: ConnId,
    },
    /// The forwarding plane answered an offer.
    SfuAnswer {
        /// Whose.
        conn: ConnId,
        /// The answer.
        sdp: String,
    },
    /// The forwarding plane cannot use an offer.
    SfuRefused {
        /// Whose.
        conn: ConnId,
    },
    /// The forwarding plane pointed a slot at a track, or at nothing.
    SfuAssigned {
        /// Whose slot.
        conn: ConnId,
        /// Which.
        mid: String,
        /// At what.
        track: Option<TrackId>,
    },
    /// The registry has done what [`Output::Registry`] asked, or not.
    RegistryAnswer {
        /// Who asked.
        conn: ConnId,
        /// What came of it.
        answer: RegistryAnswer,
    },
    /// The time of `poll_timeout` has come.
    Timeout,
    /// The server is going down: everyone is told and disconnected.
    Shutdown,
}

/// How a frame is queued. Within each priority the order must be kept; high goes before low.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Priority {
    /// Answers, notices, chat, beacons, knocks, cards.
    High,
    /// Commits and welcomes, in pieces if they are long.
    Low,
}

/// What is to be done.
pub enum Output {
    /// Send a binary frame. The bytes are shared between all who get the same.
    Send {
        /// To whom.
        conn: ConnId,
        /// How.
        priority: Priority,
        /// The frame.
        bytes: Arc<[u8]>,
    },
    /// The link was proven; the message that says so is the next output. What goes to admitted connections only may go now.
    Admitted {
        /// Who.
        conn: ConnId,
    },
    /// Send what is queued at high priority, then close with this WebSocket code. Nothing more comes for this connection.
    Close {
        /// Which.
        conn: ConnId,
        /// 1000, or 4000 and a refusal's number.
        code: u16,
    },
    /// For the forwarding plane.
    Media(MediaCommand),
    /// For the registry of rooms and tickets, which answers with [`Input::RegistryAnswer`]. Changes that it makes come in beside that, as those
    /// of the operator do.
    Registry {
        /// Who asks.
        conn: ConnId,
        /// What.
        request: RegistryRequest,
    },
}

/// What a slot shall show: media id, track or nothing, highest layer.
pub type SlotAssignment = (String, Option<TrackId>, u8);

/// For the forwarding plane, in this order for each connection: join, anything, leave.
pub enum MediaCommand {
    /// The connection takes part in a call.
    Join {
        /// Who.
        conn: ConnId,
        /// In which call.
        call: MediaCallKey,
        /// What its tracks are called.
        transport: TransportId,
    },
    /// It no longer does; also when its socket is gone.
    Leave {
        /// Who.
        conn: ConnId,
    },
    /// It has lost its rights in the call, for the moment or for good: nothing of it goes to anybody, and nothing to it, until it publishes and asks
    /// for slots anew. Its transport stays up.
    Silence {
        /// Who.
        conn: ConnId,
    },
    /// A first or renewed offer.
    Offer {
        /// Who.
        conn: ConnId,
        /// SDP as it came, within the protocol's length.
        sdp: String,
    },
    /// A sending section carries this kind, and is on or off. Within the floor.
    Publish {
        /// Who.
        conn: ConnId,
        /// The section.
        mid: String,
        /// The kind.
        kind: TrackKind,
        /// On or off.
        on: bool,
    },
    /// What the receiving slots shall show.
    Slots {
        /// Who.
        conn: ConnId,
        /// The slots that change.
        slots: Vec<SlotAssignment>,
    },
}
