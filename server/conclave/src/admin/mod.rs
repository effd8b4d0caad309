//! The operator's door: a Unix socket in the data folder, one JSON object per line, one request per connection.
//!
//! Whoever can open it owns the server anyway. It can make, list, show and delete rooms by number. It has, by design,
//! no request that names, counts or locates people, and none that says whether a room is in use. Keys never pass here:
//! the record of a new room holds public keys and sealed bytes only.

pub mod client;
pub(crate) mod server;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use conclave_protocol::room::RoomRecord;
use serde::{Deserialize, Serialize};

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
    /// All rooms.
    RoomList {},
    /// One room, with its record.
    RoomShow {
        /// The operator's number.
        number: i64,
    },
    /// Forget a room.
    RoomDelete {
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
    /// To `RoomShow`.
    Room {
        /// The operator's number.
        number: i64,
        /// The record, see [`record_text`].
        record: String,
    },
    /// To `RoomDelete`.
    RoomDeleted {},
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
}

/// Why the daemon did not do what was asked.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// There is no room with this number.
    NoSuchRoom,
    /// There is a room with this id already.
    RoomExists,
    /// The record is not one that this version reads.
    BadRecord,
    /// The request is not one that this version reads.
    BadRequest,
    /// This user is not the operator.
    NotOperator,
    /// The database failed.
    Database,
}

impl Refusal {
    /// Words for the operator.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::NoSuchRoom => "there is no room with this number",
            Self::RoomExists => "there is a room with this id already",
            Self::BadRecord => "the server cannot read the new room's record",
            Self::BadRequest => "the server does not know this request",
            Self::NotOperator => "this user may not use the admin socket",
            Self::Database => "the server's database failed",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(self) -> Option<&'static str> {
        match self {
            Self::NoSuchRoom => Some("'conclave room list' shows the numbers"),
            Self::BadRecord | Self::BadRequest => {
                Some("command and server are of different versions; restart the server")
            }
            Self::NotOperator => Some("run this as the user that runs the server"),
            Self::RoomExists | Self::Database => None,
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
