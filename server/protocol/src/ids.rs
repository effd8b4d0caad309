//! Identifiers. None can be formatted or serialised by name: a log line cannot hold one. They compare, order and hash.
//!
//! Deliberately absent: `Debug`, `Display`, `Serialize`. The daemon has one audited function that prints a room's id for its operator.

use minicbor::{
    Decode, Decoder, Encode, Encoder,
    decode::Error as DecodeError,
    encode::{Error as EncodeError, Write},
};

use crate::{
    hash::id16,
    keys::{RootPk, TransportPk},
    server_name::ServerName,
};

macro_rules! id16 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Eq, PartialEq, Ord, PartialOrd, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// From its sixteen bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// Its sixteen bytes.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// From a slice of exactly sixteen bytes.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }
        }

        impl<C> Encode<C> for $name {
            fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
                e.bytes(&self.0)?.ok()
            }
        }

        impl<'b, C> Decode<'b, C> for $name {
            fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
                Self::from_slice(d.bytes()?).ok_or_else(|| DecodeError::message("not an id"))
            }
        }
    };
}

id16!(
    /// What the server calls a room. It differs per server, so two servers cannot match theirs.
    RoomId
);
id16!(
    /// The fingerprint of a room's root key. It stands in the link and never reaches a server.
    RoomFp
);
id16!(
    /// One live gathering in a room: sixteen random bytes, also the MLS group id.
    CallId
);
id16!(
    /// One member of a call, kept when it is added again.
    MemberId
);
id16!(
    /// What the server calls one tab in one call: the hash of its transport key.
    TransportId
);

impl RoomFp {
    /// The fingerprint of a root key.
    pub fn of(root: &RootPk) -> Self {
        Self(id16(&[b"conclave v1 root", root.as_bytes()]))
    }
}

impl RoomId {
    /// The id of a room on one server.
    pub fn of(room: &RoomFp, server: &ServerName) -> Self {
        Self(id16(&[b"conclave v1 room", room.as_bytes(), &server.lp()]))
    }
}

impl TransportId {
    /// The id that belongs to a transport key.
    pub fn of(key: &TransportPk) -> Self {
        Self(id16(&[b"conclave v1 transport id", key.as_bytes()]))
    }
}

/// What a track carries.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
#[repr(u8)]
pub enum TrackKind {
    /// Opus from a microphone; it needs a seat on the floor.
    Microphone = 0,
    /// A camera's picture.
    Camera = 1,
    /// A shared screen's picture.
    Screen = 2,
    /// A shared screen's sound.
    ScreenAudio = 3,
}

impl TrackKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Microphone, Self::Camera, Self::Screen, Self::ScreenAudio];

    /// From its number on the wire.
    pub fn from_u8(n: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|k| *k as u8 == n)
    }
}

impl<C> Encode<C> for TrackKind {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
        e.u8(*self as u8)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for TrackKind {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
        Self::from_u8(d.u8()?).ok_or_else(|| DecodeError::message("not a track kind"))
    }
}

/// One track of a call: who publishes it and of what kind. Seventeen bytes on the wire.
#[derive(Clone, Copy, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct TrackId {
    /// The publisher.
    pub transport: TransportId,
    /// What it carries; a publisher has one track per kind.
    pub kind: TrackKind,
}

impl TrackId {
    /// Transport id ‖ kind.
    pub fn to_bytes(&self) -> [u8; 17] {
        let mut out = [self.kind as u8; 17];
        for (to, from) in out.iter_mut().zip(self.transport.0) {
            *to = from;
        }
        out
    }

    /// From exactly seventeen bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let (transport, kind) = bytes.split_at_checked(16)?;
        let &[kind] = kind else { return None };
        Some(Self {
            transport: TransportId::from_slice(transport)?,
            kind: TrackKind::from_u8(kind)?,
        })
    }
}

impl<C> Encode<C> for TrackId {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
        e.bytes(&self.to_bytes())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for TrackId {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
        Self::from_slice(d.bytes()?).ok_or_else(|| DecodeError::message("not a track id"))
    }
}
