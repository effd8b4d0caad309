//! The messages on the socket: CBOR `[type, body]`, body a map with integer keys, one message per WebSocket frame.
//!
//! Deliberately absent: who may send what and when (`conclave-rooms` decides) and joining chunks (`chunk`). Nothing here can be formatted: bodies
//! carry ids, addresses inside SDP, and sealed content.
//!
//! SPEC: `docs/protocol.md`, section 2, "Socket".

use minicbor::{Decode, Encode, bytes::ByteVec};

use crate::{
    cbor,
    error::Error,
    ids::{CallId, RoomId, TrackId, TrackKind},
    keys::{GatePk, TicketSecret, TransportPk},
    limits::{
        CHUNK_DATA, MAX_ASSEMBLED, MAX_CALLS, MAX_ENVELOPE, MAX_FRAME, MAX_LAYER, MAX_MID, MAX_RELAY_TEXT, MAX_SDP,
        MAX_SEQ, MAX_SLOTS, MAX_SUBMISSION, MAX_TRACKS, SHEET_LEN,
    },
    manage::{ManagedRoom, Replacement, RoomChange},
    room::{Limits, RoomRecord},
};

pub use crate::refusal::RefusalCode;

/// The WebSocket subprotocol that both sides must name.
pub const SUBPROTOCOL: &str = "conclave.1";

/// The path of the socket.
pub const SOCKET_PATH: &str = "/v1/socket";

/// Type numbers of the client's messages; `Refused.re` names one.
pub mod client_type {
    #![allow(missing_docs, reason = "each is the type number of the variant of that name")]
    pub const HELLO: u8 = 32;
    pub const ADMIT: u8 = 33;
    pub const ATTACH: u8 = 34;
    pub const ENVELOPE: u8 = 35;
    pub const CHUNK: u8 = 36;
    pub const OFFER: u8 = 37;
    pub const PUBLISH: u8 = 38;
    pub const SLOTS: u8 = 39;
    pub const BYE: u8 = 40;
    pub const PING: u8 = 41;
    pub const PROVE: u8 = 42;
    pub const REGISTER: u8 = 48;
    pub const MANAGE: u8 = 49;
    pub const REPLACE: u8 = 50;
}

/// A call of the room, as a newcomer is told of it.
#[derive(Clone, Eq, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct CallHead {
    /// Which.
    #[n(0)]
    pub call_id: CallId,
    /// How many commits its log has taken.
    #[n(1)]
    pub head_seq: u64,
    /// The newest call card's envelope, if there is one.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub card: Option<Vec<u8>>,
}

/// A track and whether it is switched on: CBOR array `[track_id, on]`.
#[derive(Clone, Copy, Eq, PartialEq, Encode, Decode)]
pub struct TrackState {
    /// Which.
    #[n(0)]
    pub track: TrackId,
    /// Media may flow.
    #[n(1)]
    pub on: bool,
}

/// What a slot shall show: CBOR array `[mid, track_id or null, layer]`.
#[derive(Clone, Eq, PartialEq, Encode, Decode)]
pub struct SlotRequest {
    /// The slot's media id in the client's offer.
    #[n(0)]
    pub mid: String,
    /// What it shall show; `None` empties it.
    #[n(1)]
    pub track: Option<TrackId>,
    /// The highest layer wanted, 0 to 8.
    #[n(2)]
    pub layer: u8,
}

/// From the server.
#[derive(Clone, Eq, PartialEq, Encode, Decode)]
#[cbor(map)]
pub enum ServerMessage {
    /// The first message on every socket.
    #[n(1)]
    Challenge {
        /// Fresh for this connection.
        #[cbor(n(0), with = "minicbor::bytes")]
        server_nonce: [u8; 32],
    },
    /// The link was proven.
    #[n(2)]
    Admitted {
        /// What this room allows.
        #[n(0)]
        limits: Limits,
        /// The sealed room sheet, 4,096 bytes.
        #[cbor(n(1), with = "minicbor::bytes")]
        sheet: Vec<u8>,
        /// The room's live calls.
        #[cbor(n(2), skip_if = "Vec::is_empty")]
        calls: Vec<CallHead>,
    },
    /// A commit was ordered; its body follows when it can. Senders of media hold to this at once.
    #[n(3)]
    Notice {
        /// In which call.
        #[n(0)]
        call_id: CallId,
        /// Its sequence.
        #[n(1)]
        seq: u64,
        /// It removes somebody.
        #[n(2)]
        drop: bool,
    },
    /// An envelope for this connection.
    #[n(4)]
    EnvelopeIn {
        /// Of a commit: its own sequence. Of a welcome: the sequence from which the log is open. Otherwise absent.
        #[n(0)]
        seq: Option<u64>,
        /// The envelope.
        #[cbor(n(1), with = "minicbor::bytes")]
        envelope: Vec<u8>,
    },
    /// A piece of a longer message.
    #[n(5)]
    Chunk {
        /// Which message; counted by the sender.
        #[n(0)]
        id: u32,
        /// Which piece, from 0.
        #[n(1)]
        n: u32,
        /// The message is complete.
        #[n(2)]
        last: bool,
        /// The piece.
        #[cbor(n(3), with = "minicbor::bytes")]
        data: Vec<u8>,
    },
    /// The answer to an offer.
    #[n(6)]
    Answer {
        /// SDP.
        #[n(0)]
        sdp: String,
    },
    /// All tracks of the call that this connection is attached to, whenever they change.
    #[n(7)]
    Tracks {
        /// In no particular order.
        #[cbor(n(0), skip_if = "Vec::is_empty")]
        tracks: Vec<TrackState>,
    },
    /// What a slot was pointed at.
    #[n(8)]
    Assigned {
        /// The slot.
        #[n(0)]
        mid: String,
        /// The track, or nothing.
        #[n(1)]
        track: Option<TrackId>,
    },
    /// A request was refused.
    #[n(9)]
    Refused {
        /// The refused message's type; see [`client_type`].
        #[n(0)]
        re: u8,
        /// Why.
        #[n(1)]
        code: RefusalCode,
        /// When to try again.
        #[n(2)]
        retry_after_ms: Option<u32>,
        /// With [`RefusalCode::StaleSequence`] and [`RefusalCode::BacklogGone`]: where the log is now.
        #[n(3)]
        head_seq: Option<u64>,
    },
    /// The answer to a ping.
    #[n(10)]
    Pong {
        /// The ping's number.
        #[n(0)]
        n: u32,
    },
    /// Name and password for TURN over TLS at this server's own name and port, for networks that block UDP. Comes just before
    /// `Admitted`, and counts as long as this socket. There is no address in it: a client never goes where a server points.
    #[n(11)]
    Relay {
        /// TURN's user name.
        #[n(0)]
        username: String,
        /// TURN's password.
        #[n(1)]
        password: String,
    },
    /// This connection has its rights in the call from here on, or has lost them until it proves the gate again. What it had published and
    /// wanted to see is forgotten in either case.
    #[n(12)]
    Rights {
        /// In which call.
        #[n(0)]
        call_id: CallId,
        /// It may speak, hear, send and receive.
        #[n(1)]
        on: bool,
    },
    /// What was asked for with `Register`, `Manage` or `Replace` is done; the server closes the connection behind it, if it was not admitted.
    #[n(20)]
    Managed {
        /// The room as it is now; absent once it is deleted.
        #[n(0)]
        room: Option<ManagedRoom>,
    },
}

/// From the client.
#[derive(Clone, Eq, PartialEq, Encode, Decode)]
#[cbor(map)]
pub enum ClientMessage {
    /// Which room, and who asks. Comes once.
    #[n(32)]
    Hello {
        /// The room at this server.
        #[n(0)]
        room_id: RoomId,
        /// Fresh for this connection.
        #[cbor(n(1), with = "minicbor::bytes")]
        client_nonce: [u8; 32],
        /// The tab's key in this call.
        #[n(2)]
        transport_pk: TransportPk,
    },
    /// The proof; comes once, after hello. See `admission`.
    #[n(33)]
    Admit {
        /// By the admission key.
        #[cbor(n(0), with = "minicbor::bytes")]
        sig_admission: [u8; 64],
        /// By the transport key.
        #[cbor(n(1), with = "minicbor::bytes")]
        sig_transport: [u8; 64],
    },
    /// Takes part in a call, making it if it is not there.
    #[n(34)]
    Attach {
        /// Which.
        #[n(0)]
        call_id: CallId,
        /// The last sequence that this member has; 0 for a founder.
        #[n(1)]
        have_seq: u64,
    },
    /// One submission: a commit followed by its welcomes, or one message, knock or card.
    #[n(35)]
    EnvelopeOut {
        /// The envelopes, in this order.
        #[n(0)]
        envelopes: Vec<ByteVec>,
    },
    /// A piece of a longer message.
    #[n(36)]
    Chunk {
        /// Which message; counted by the sender.
        #[n(0)]
        id: u32,
        /// Which piece, from 0.
        #[n(1)]
        n: u32,
        /// The message is complete.
        #[n(2)]
        last: bool,
        /// The piece.
        #[cbor(n(3), with = "minicbor::bytes")]
        data: Vec<u8>,
    },
    /// A first or renewed offer for media.
    #[n(37)]
    Offer {
        /// SDP.
        #[n(0)]
        sdp: String,
    },
    /// Says what a sending media section carries, and switches it on or off.
    #[n(38)]
    Publish {
        /// The section's media id.
        #[n(0)]
        mid: String,
        /// What it carries.
        #[n(1)]
        kind: TrackKind,
        /// On or off.
        #[n(2)]
        on: bool,
    },
    /// What the receiving slots shall show; slots that are not named stay as they are.
    #[n(39)]
    Slots {
        /// The requests.
        #[n(0)]
        slots: Vec<SlotRequest>,
    },
    /// Leaves the call and the room.
    #[n(40)]
    Bye {},
    /// A sign of life and a question for one.
    #[n(41)]
    Ping {
        /// Repeated in the answer.
        #[n(0)]
        n: u32,
    },
    /// Says and proves in which epoch this member stands: after attaching, and after every commit of the log, void or not. See `gate`.
    #[n(42)]
    Prove {
        /// In which call.
        #[n(0)]
        call_id: CallId,
        /// Having read the log up to here.
        #[n(1)]
        seq: u64,
        /// The gate of its epoch.
        #[n(2)]
        gate: GatePk,
        /// By that gate.
        #[cbor(n(3), with = "minicbor::bytes")]
        signature: [u8; 64],
    },
    /// Makes a room with a ticket, instead of a hello. See `manage`.
    #[n(48)]
    Register {
        /// The ticket's secret, which this uses up.
        #[n(0)]
        ticket: TicketSecret,
        /// The room.
        #[n(1)]
        record: RoomRecord,
        /// By the record's manage key.
        #[cbor(n(2), with = "minicbor::bytes")]
        signature: [u8; 64],
    },
    /// Reads, changes or deletes a room's record, instead of a hello. See `manage`.
    #[n(49)]
    Manage {
        /// The room at this server.
        #[n(0)]
        room_id: RoomId,
        /// What is wanted.
        #[n(1)]
        change: RoomChange,
        /// By the stored record's manage key.
        #[cbor(n(2), with = "minicbor::bytes")]
        signature: [u8; 64],
    },
    /// Brings a record that an owner of the room signed beforehand. See `manage`.
    #[n(50)]
    Replace {
        /// The record, and the owner's word for it.
        #[n(0)]
        replacement: Replacement,
    },
}

fn within(ok: bool) -> Result<(), Error> {
    if ok { Ok(()) } else { Err(Error::TooLarge) }
}

impl ServerMessage {
    /// The message's bytes: one frame if they fit, otherwise for [`crate::chunk::split`].
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// Reads one message, strictly.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        within(bytes.len() <= MAX_ASSEMBLED)?;
        let message: Self = cbor::decode(bytes)?;
        match &message {
            Self::Admitted { sheet, calls, .. } => {
                within(calls.len() <= usize::from(MAX_CALLS))?;
                if sheet.len() != SHEET_LEN {
                    return Err(Error::Malformed);
                }
            }
            Self::EnvelopeIn { envelope, .. } => within(envelope.len() <= MAX_ENVELOPE)?,
            Self::Chunk { data, .. } => within(data.len() <= CHUNK_DATA)?,
            Self::Answer { sdp } => within(sdp.len() <= MAX_SDP)?,
            Self::Tracks { tracks } => within(tracks.len() <= MAX_TRACKS)?,
            Self::Assigned { mid, .. } => within(mid.len() <= MAX_MID)?,
            Self::Relay { username, password } => {
                within(username.len() <= MAX_RELAY_TEXT && password.len() <= MAX_RELAY_TEXT)?;
            }
            Self::Managed { room: Some(room) } => room.record.check()?,
            Self::Managed { room: None }
            | Self::Challenge { .. }
            | Self::Notice { .. }
            | Self::Refused { .. }
            | Self::Pong { .. }
            | Self::Rights { .. } => {}
        }
        Ok(message)
    }
}

impl ClientMessage {
    /// The message's bytes: one frame if they fit, otherwise for [`crate::chunk::split`].
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// Reads one message, strictly.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        within(bytes.len() <= MAX_ASSEMBLED)?;
        let message: Self = cbor::decode(bytes)?;
        match &message {
            Self::EnvelopeOut { envelopes } => {
                within(envelopes.len() <= MAX_SUBMISSION && envelopes.iter().all(|e| e.len() <= MAX_ENVELOPE))?;
                if envelopes.is_empty() {
                    return Err(Error::Malformed);
                }
            }
            Self::Chunk { data, .. } => within(data.len() <= CHUNK_DATA)?,
            Self::Offer { sdp } => within(sdp.len() <= MAX_SDP)?,
            Self::Publish { mid, .. } => within(mid.len() <= MAX_MID)?,
            Self::Slots { slots } => within(
                slots.len() <= MAX_SLOTS && slots.iter().all(|s| s.mid.len() <= MAX_MID && s.layer <= MAX_LAYER),
            )?,
            Self::Attach { have_seq: seq, .. } | Self::Prove { seq, .. } => within(*seq <= MAX_SEQ)?,
            Self::Register { record, .. }
            | Self::Manage {
                change: RoomChange::Replace { record, .. },
                ..
            } => record.check()?,
            Self::Replace { replacement } => replacement.record.check()?,
            Self::Hello { .. } | Self::Admit { .. } | Self::Manage { .. } | Self::Bye {} | Self::Ping { .. } => {}
        }
        Ok(message)
    }

    /// Reads a message that must stand in one frame.
    pub fn decode_frame(frame: &[u8]) -> Result<Self, Error> {
        within(frame.len() <= MAX_FRAME)?;
        Self::decode(frame)
    }

    /// Its type number.
    pub fn number(&self) -> u8 {
        match self {
            Self::Hello { .. } => client_type::HELLO,
            Self::Admit { .. } => client_type::ADMIT,
            Self::Attach { .. } => client_type::ATTACH,
            Self::EnvelopeOut { .. } => client_type::ENVELOPE,
            Self::Chunk { .. } => client_type::CHUNK,
            Self::Offer { .. } => client_type::OFFER,
            Self::Publish { .. } => client_type::PUBLISH,
            Self::Slots { .. } => client_type::SLOTS,
            Self::Bye {} => client_type::BYE,
            Self::Ping { .. } => client_type::PING,
            Self::Prove { .. } => client_type::PROVE,
            Self::Register { .. } => client_type::REGISTER,
            Self::Manage { .. } => client_type::MANAGE,
            Self::Replace { .. } => client_type::REPLACE,
        }
    }

    /// A submission of whole envelopes.
    pub fn submission(envelopes: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self::EnvelopeOut {
            envelopes: envelopes.into_iter().map(ByteVec::from).collect(),
        }
    }
}
