//! Making a room with a ticket, and changing it by its manage key: without an account, and without an operator's hand.
//!
//! Rule of use: only [`verify_registration`] makes a [`Registration`] and only [`verify_change`] a [`ChangeProof`]; a server's store takes nothing
//! else, so a skipped check does not compile; of a record that was signed beforehand [`verify_replacement`] makes one, too. The first two signatures cover
//! the connection's server nonce, and a connection carries one request, so a recorded one is worth nothing. A [`Replacement`] is for others to bring, and
//! is used up by being brought.
//!
//! Deliberately absent: whether the ticket is known and whether the room exists (the server asks its store, and checks against a dummy key where
//! there is no room), the day, and what is in the sheet.
//!
//! SPEC: `docs/protocol.md`, section 1, "Tickets" and "Changes by the owner".

use minicbor::{Decode, Encode};

use crate::{
    cbor,
    error::Error,
    hash::sha256,
    ids::RoomId,
    keys::{ManagePk, Signer, TicketSecret},
    room::{Limits, RoomRecord},
    server_name::ServerName,
};

const TICKET: &[u8] = b"conclave v1 ticket";
const RECORD: &[u8] = b"conclave v1 record";
const REGISTER: &[u8] = b"conclave v1 register";
const MANAGE: &[u8] = b"conclave v1 manage";
const REPLACE: &[u8] = b"conclave v1 replace";

/// All that a server keeps of a ticket's secret.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct TicketHash([u8; 32]);

impl TicketHash {
    /// SHA-256("conclave v1 ticket" ‖ secret).
    pub fn of(secret: &TicketSecret) -> Self {
        Self(sha256(&[TICKET, secret.expose()]))
    }

    /// From its bytes, as a store has them.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes, for the store.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// What an owner wants of the server's record of their room.
#[derive(Clone, Eq, PartialEq, Encode, Decode)]
#[cbor(map)]
pub enum RoomChange {
    /// To see it as it is stored now.
    #[n(0)]
    Read {},
    /// To put another in its place: a new sheet, day, limits, or admission key (which changes the link).
    #[n(1)]
    Replace {
        /// The record that this one was made from, see [`record_hash`]: of two changes made from one record the second is refused.
        #[cbor(n(0), with = "minicbor::bytes")]
        base: [u8; 32],
        /// The new one.
        #[n(1)]
        record: RoomRecord,
    },
    /// To have it forgotten.
    #[n(2)]
    Delete {},
}

/// A replacing record that its owner signed beforehand, so that others can bring it when the owner has gone.
///
/// INVARIANT: it works once. It names the record that it was made from, and sheets are sealed with fresh nonces, so that no record is ever stored twice.
#[derive(Clone, Eq, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Replacement {
    /// The record that this one was made from, see [`record_hash`].
    #[cbor(n(0), with = "minicbor::bytes")]
    pub base: [u8; 32],
    /// The new one.
    #[n(1)]
    pub record: RoomRecord,
    /// By the manage key; see [`sign_replacement`].
    #[cbor(n(2), with = "minicbor::bytes")]
    pub signature: [u8; 64],
}

impl Replacement {
    /// Whether the record is one, as far as that can be seen without any key.
    pub fn is_well_formed(&self) -> bool {
        self.record.check().is_ok()
    }
}

/// A room's record as it is stored, and what the operator leaves of it. The answer to every request that was done; without a body after a deletion.
#[derive(Clone, Eq, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct ManagedRoom {
    /// The record.
    #[n(0)]
    pub record: RoomRecord,
    /// The limits that are in force: the lower of the owner's and the operator's.
    #[n(1)]
    pub limits: Limits,
    /// The last day that is in force.
    #[n(2)]
    pub last_day: u16,
    /// The latest day that an owner may choose today.
    #[n(3)]
    pub latest_day: u16,
}

/// What a replacing record names its predecessor by.
pub fn record_hash(record: &RoomRecord) -> [u8; 32] {
    sha256(&[RECORD, &record.encode()])
}

/// Signs the registration of `record` with a ticket. The signature shows that somebody holds the room's manage key; without it a room could be
/// made that nobody can ever change.
pub fn sign_registration(
    manage: &Signer,
    server: &ServerName,
    server_nonce: &[u8; 32],
    ticket: &TicketSecret,
    record: &RoomRecord,
) -> [u8; 64] {
    manage.sign(&registration_bytes(
        server,
        server_nonce,
        &TicketHash::of(ticket),
        record,
    ))
}

/// Signs a change of a room.
pub fn sign_change(
    manage: &Signer,
    server: &ServerName,
    server_nonce: &[u8; 32],
    room_id: RoomId,
    change: &RoomChange,
) -> [u8; 64] {
    manage.sign(&change_bytes(server, server_nonce, room_id, change))
}

/// Signs a replacing record for whoever may bring it, on whatever connection.
pub fn sign_replacement(manage: &Signer, server: &ServerName, base: [u8; 32], record: RoomRecord) -> Replacement {
    let signature = manage.sign(&replacement_bytes(server, base, &record));
    Replacement {
        base,
        record,
        signature,
    }
}

/// A record that its manage key's holder wants to register with a ticket. Only [`verify_registration`] makes one.
pub struct Registration {
    ticket: TicketHash,
    record: RoomRecord,
}

impl Registration {
    /// The ticket and the record.
    pub fn into_parts(self) -> (TicketHash, RoomRecord) {
        (self.ticket, self.record)
    }
}

/// A change that the holder of a room's manage key wants. Only [`verify_change`] and [`verify_replacement`] make one.
pub struct ChangeProof {
    room_id: RoomId,
    change: RoomChange,
}

impl ChangeProof {
    /// The room and the change.
    pub fn into_parts(self) -> (RoomId, RoomChange) {
        (self.room_id, self.change)
    }
}

/// Checks a registration's signature under the manage key in the record itself.
///
/// SECURITY: C-MANAGE-1. Says nothing about the ticket.
pub fn verify_registration(
    server: &ServerName,
    server_nonce: &[u8; 32],
    ticket: &TicketSecret,
    record: RoomRecord,
    signature: &[u8; 64],
) -> Result<Registration, Error> {
    let ticket = TicketHash::of(ticket);
    let bytes = registration_bytes(server, server_nonce, &ticket, &record);
    record.manage_pk.verify(&bytes, signature)?;
    Ok(Registration { ticket, record })
}

/// Checks a change's signature under the stored record's manage key.
///
/// SECURITY: C-MANAGE-2. Callers that know no such room verify against a key that nobody holds, so that the work is the same.
pub fn verify_change(
    server: &ServerName,
    server_nonce: &[u8; 32],
    manage_pk: &ManagePk,
    room_id: RoomId,
    change: RoomChange,
    signature: &[u8; 64],
) -> Result<ChangeProof, Error> {
    manage_pk.verify(&change_bytes(server, server_nonce, room_id, &change), signature)?;
    Ok(ChangeProof { room_id, change })
}

/// Checks a replacement's signature under the stored record's manage key. It is for the room that its record names.
///
/// SECURITY: C-MANAGE-5. Whoever brings it needs no key, and adds nothing to it; that it is brought once is [`may_replace`]'s to see.
pub fn verify_replacement(
    server: &ServerName,
    manage_pk: &ManagePk,
    replacement: Replacement,
) -> Result<ChangeProof, Error> {
    let Replacement {
        base,
        record,
        signature,
    } = replacement;
    manage_pk.verify(&replacement_bytes(server, base, &record), &signature)?;
    Ok(ChangeProof {
        room_id: record.room_id,
        change: RoomChange::Replace { base, record },
    })
}

/// Why a record may not take another's place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NotReplaced {
    /// It was made from another record than the one that is stored.
    Stale,
    /// It is another room, or says that it was made on another day or is managed by another key.
    OtherRoom,
    /// It would last longer than the operator allows.
    TooLong,
}

/// Whether `new`, made from the record with the hash `base`, may take the place of `old` where rooms may last until `latest_day`.
///
/// SECURITY: C-MANAGE-3. Neither the room's id nor its manage key nor the day it was made ever changes; a day that was once allowed stays allowed.
pub fn may_replace(old: &RoomRecord, new: &RoomRecord, base: &[u8; 32], latest_day: u16) -> Result<(), NotReplaced> {
    if record_hash(old) != *base {
        return Err(NotReplaced::Stale);
    }
    if new.room_id != old.room_id || new.manage_pk != old.manage_pk || new.day_made != old.day_made {
        return Err(NotReplaced::OtherRoom);
    }
    if new.day_expires > latest_day.max(old.day_expires) {
        return Err(NotReplaced::TooLong);
    }
    Ok(())
}

fn registration_bytes(
    server: &ServerName,
    server_nonce: &[u8; 32],
    ticket: &TicketHash,
    record: &RoomRecord,
) -> Vec<u8> {
    [
        REGISTER,
        &server.lp(),
        server_nonce,
        ticket.as_bytes(),
        &record.encode(),
    ]
    .concat()
}

fn change_bytes(server: &ServerName, server_nonce: &[u8; 32], room_id: RoomId, change: &RoomChange) -> Vec<u8> {
    [
        MANAGE,
        &server.lp(),
        server_nonce,
        room_id.as_bytes(),
        &cbor::encode(change),
    ]
    .concat()
}

fn replacement_bytes(server: &ServerName, base: [u8; 32], record: &RoomRecord) -> Vec<u8> {
    let change = RoomChange::Replace {
        base,
        record: record.clone(),
    };
    [REPLACE, &server.lp(), record.room_id.as_bytes(), &cbor::encode(&change)].concat()
}
