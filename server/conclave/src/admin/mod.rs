//! The operator's door: a Unix socket in the data folder, one JSON object per line, one request per connection.
//!
//! Whoever can open it owns the server anyway. It can make, list, show, restrict, close and delete rooms by number. It has, by design,
//! no request that names, counts or locates people, and none that says whether a room is in use. Keys never pass here:
//! the record of a new room holds public keys and sealed bytes only. A line that begins like an HTTP request for `/metrics` is
//! answered as one, for collectors that can read a Unix socket.

pub mod client;
pub(crate) mod server;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use conclave_protocol::{manage::TicketHash, room::RoomRecord};
use serde::{Deserialize, Serialize};

use crate::metrics::Snapshot;

/// What a command asks of the daemon.
#[derive(Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Under which name does it serve?
    Server {},
    /// Keep this room.
    RoomCreate {
        /// The record, see [`record_text`].
        record: String,
    },
    /// The state of the whole server, rounded.
    Status {},
    /// The same as OpenMetrics.
    Metrics {},
    /// All rooms.
    RoomList {},
    /// One room, with its record.
    RoomShow {
        /// The operator's number.
        number: i64,
    },
    /// Allow less in a room than its owner does. What is absent stays; an allowance above the owner's takes nothing away.
    RoomLimits {
        /// The operator's number.
        number: i64,
        /// Connections in the room at one moment.
        members: Option<u16>,
        /// Microphone seats in a call.
        seats: Option<u8>,
        /// Calls at one moment.
        calls: Option<u8>,
    },
    /// Let a room end earlier than its owner does.
    RoomExpire {
        /// The operator's number.
        number: i64,
        /// Last day, in days since 1970-01-01; absent: the owner's.
        day: Option<u16>,
    },
    /// End the call in a room and let nobody in until it is opened.
    RoomClose {
        /// The operator's number.
        number: i64,
    },
    /// Take back `RoomClose`.
    RoomOpen {
        /// The operator's number.
        number: i64,
    },
    /// Forget a room.
    RoomDelete {
        /// The operator's number.
        number: i64,
    },
    /// Keep a ticket, of which only its hash is told.
    TicketCreate {
        /// See [`hash_text`].
        hash: String,
        /// Last day on which it opens a room, in days since 1970-01-01.
        day_expires: u16,
    },
    /// All unused tickets.
    TicketList {},
    /// Forget a ticket.
    TicketRevoke {
        /// The operator's number.
        number: i64,
    },
}

/// What the daemon answers.
#[derive(Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case", deny_unknown_fields)]
pub enum Reply {
    /// To `Server`.
    Server {
        /// The name that goes into rooms' keys.
        name: String,
    },
    /// To `Status`.
    Status(Snapshot),
    /// To `Metrics`.
    Metrics {
        /// OpenMetrics.
        text: String,
    },
    /// To `RoomCreate`.
    RoomCreated {
        /// The operator's number.
        number: i64,
    },
    /// To `RoomList`.
    Rooms {
        /// By number.
        rooms: Vec<RoomLine>,
    },
    /// To `RoomShow`, and to whatever changed a room.
    Room {
        /// The operator's number.
        number: i64,
        /// The record, see [`record_text`].
        record: String,
        /// What is in force.
        in_force: InForce,
    },
    /// To `RoomDelete`.
    RoomDeleted {},
    /// To `TicketCreate`.
    TicketCreated {
        /// The operator's number.
        number: i64,
    },
    /// To `TicketList`.
    Tickets {
        /// By number.
        tickets: Vec<TicketLine>,
    },
    /// To `TicketRevoke`.
    TicketRevoked {},
    /// To anything.
    Refused {
        /// Why.
        reason: Refusal,
    },
}

/// A room in the list: no id, nothing about its use.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct RoomLine {
    /// The operator's number.
    pub number: i64,
    /// Day it was made, in days since 1970-01-01.
    pub day_made: u16,
    /// Last day it can be used, likewise.
    pub day_expires: u16,
    /// The operator closed it.
    pub closed: bool,
}

/// A ticket in the list: nothing about who got it.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct TicketLine {
    /// The operator's number.
    pub number: i64,
    /// Last day on which it opens a room, in days since 1970-01-01.
    pub day_expires: u16,
}

/// What holds in a room: the lower of what the owner signed and what the operator allows.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct InForce {
    /// Connections in the room at one moment.
    pub members: u16,
    /// Microphone seats in a call.
    pub seats: u8,
    /// Calls at one moment.
    pub calls: u8,
    /// Last day, in days since 1970-01-01.
    pub day_expires: u16,
    /// The operator closed it.
    pub closed: bool,
}

/// Why the daemon did not do what was asked.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// There is no room with this number.
    NoSuchRoom,
    /// There is no unused ticket with this number.
    NoSuchTicket,
    /// There is a room with this id already.
    RoomExists,
    /// The record is not one that this version reads.
    BadRecord,
    /// The request is not one that this version reads.
    BadRequest,
    /// A day after the one that the room's owner signed.
    LaterThanOwner,
    /// This user is not the operator.
    NotOperator,
    /// The server is about to end.
    Ending,
    /// The database failed.
    Database,
}

impl Refusal {
    /// Words for the operator.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::NoSuchRoom => "there is no room with this number",
            Self::NoSuchTicket => "there is no unused ticket with this number",
            Self::RoomExists => "there is a room with this id already",
            Self::BadRecord => "the server cannot read the new room's record",
            Self::BadRequest => "the server does not know this request",
            Self::LaterThanOwner => "the room's owner signed an earlier last day",
            Self::NotOperator => "this user may not use the admin socket",
            Self::Ending => "the server is about to end",
            Self::Database => "the server's database failed",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(self) -> Option<&'static str> {
        match self {
            Self::NoSuchRoom => Some("'conclave room list' shows the numbers"),
            Self::NoSuchTicket => Some("'conclave ticket list' shows the numbers; a used ticket is in no list"),
            Self::BadRecord | Self::BadRequest => {
                Some("command and server are of different versions; restart the server")
            }
            Self::LaterThanOwner => {
                Some("only the owner can let a room last longer; 'conclave room show' says how long it lasts")
            }
            Self::NotOperator => Some("run this as the user that runs the server"),
            Self::RoomExists | Self::Ending | Self::Database => None,
        }
    }
}

/// A record as text in JSON: base64url of its own encoding.
#[must_use]
pub fn record_text(record: &RoomRecord) -> String {
    URL_SAFE_NO_PAD.encode(record.encode())
}

/// Reads a record back.
#[must_use]
pub fn record_from_text(text: &str) -> Option<RoomRecord> {
    RoomRecord::decode(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

/// A ticket's hash as text in JSON.
#[must_use]
pub fn hash_text(hash: &TicketHash) -> String {
    URL_SAFE_NO_PAD.encode(hash.as_bytes())
}

/// Reads a hash back.
#[must_use]
pub fn hash_from_text(text: &str) -> Option<TicketHash> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    bytes.try_into().ok().map(TicketHash::from_bytes)
}
