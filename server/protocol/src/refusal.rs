//! Why a server refuses: stable numbers, and the WebSocket close codes that repeat them.
//!
//! Deliberately absent: words. Each code has its text in the client, where the type checker holds that none is missing.

use minicbor::{Decode, Encode};

/// Why the server refused. Numbers are stable; the words are the client's.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum RefusalCode {
    /// No such room, or not the right link: one answer for both.
    #[n(1)]
    NotAllowed,
    /// Somebody's commit came first; `head_seq` says where the log is now.
    #[n(2)]
    StaleSequence,
    /// Too many of these in too short a time; `retry_after_ms` says when again.
    #[n(3)]
    RateLimited,
    /// Larger than allowed.
    #[n(4)]
    TooLarge,
    /// Not a message, or not one that may come here. The connection is closed.
    #[n(5)]
    Malformed,
    /// No such call in this room.
    #[n(6)]
    UnknownCall,
    /// The room holds as many people as it may.
    #[n(7)]
    RoomFull,
    /// The server holds as many people as it can.
    #[n(8)]
    ServerFull,
    /// The offer cannot be answered.
    #[n(9)]
    SdpUnusable,
    /// Only those attached to a call may do this.
    #[n(10)]
    NotAttached,
    /// The server is going down, or the room was deleted.
    #[n(11)]
    Closing,
    /// The room has as many calls as it may.
    #[n(12)]
    CallLimit,
    /// The log no longer reaches back that far: ask to be added again.
    #[n(13)]
    BacklogGone,
    /// All microphone seats are taken.
    #[n(14)]
    FloorFull,
}

impl RefusalCode {
    /// All codes, in the order of their numbers.
    pub const ALL: [Self; 14] = [
        Self::NotAllowed,
        Self::StaleSequence,
        Self::RateLimited,
        Self::TooLarge,
        Self::Malformed,
        Self::UnknownCall,
        Self::RoomFull,
        Self::ServerFull,
        Self::SdpUnusable,
        Self::NotAttached,
        Self::Closing,
        Self::CallLimit,
        Self::BacklogGone,
        Self::FloorFull,
    ];

    /// Its number.
    pub fn number(self) -> u16 {
        // The position in the list is the number: one place to keep in order, held by a vector.
        Self::ALL
            .iter()
            .zip(1..)
            .find_map(|(code, n)| (*code == self).then_some(n))
            .unwrap_or(0)
    }

    /// From its number.
    pub fn from_number(n: u16) -> Option<Self> {
        Self::ALL.get(usize::from(n).checked_sub(1)?).copied()
    }

    /// The WebSocket close code that repeats this reason.
    pub fn close_code(self) -> u16 {
        4000 + self.number()
    }

    /// The reason that a WebSocket close code repeats.
    pub fn from_close_code(code: u16) -> Option<Self> {
        Self::from_number(code.checked_sub(4000)?)
    }
}
