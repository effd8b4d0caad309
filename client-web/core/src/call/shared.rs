//! What every stage of a member needs: the room's keys, the connection, randomness, and the queue of outputs.
//!
//! Does not decide anything.

use std::collections::VecDeque;

use conclave_protocol::envelope::{ClearPart, Envelope, EnvelopeType, open, seal};
use conclave_protocol::ids::{CallId, MemberId};
use conclave_protocol::invite::Invite;
use conclave_protocol::keys::{EnvelopeKey, LinkKeys, LinkSecret, Psk};
use conclave_protocol::link::GuestLink;
use conclave_protocol::message::ClientMessage;
use conclave_protocol::role::LeafName;
use conclave_protocol::room::Limits;
use conclave_protocol::sheet::{self, Sheet};

use super::errand::Errands;
use super::owner::OwnersDeed;
use super::place::Place;
use super::relink::Relinking;
use super::socket::Connection;
use super::watch::Less;
use crate::error::CoreError;
use crate::group::{Identity, Keyring, LeafData, LeafKey, RoleKey, RoomBinding, prove_resume};
use crate::io::{Event, Output, State};
use crate::limits::{OLD_LINK_READ_MS, OLD_LINK_SPOKEN_MS};
use crate::random::Random;

/// See the module.
pub(crate) struct Shared {
    pub(crate) room: RoomBinding,
    pub(crate) keys: LinkKeys,
    pub(crate) envelope_key: EnvelopeKey,
    /// What the person can show a role with.
    pub(crate) role: Option<RoleKey>,
    /// What a role will be made of when the sheet is known.
    pub(crate) deed: Option<OwnersDeed>,
    /// What the person can show a seat with.
    pub(crate) invite: Option<Invite>,
    /// An owner's, for those who have a working key.
    pub(crate) errands: Option<Errands>,
    /// The link before this one, for a while after it was changed.
    pub(crate) old_link: Option<OldLink>,
    /// The link, for invites and working keys that are made of it.
    pub(crate) link: GuestLink,
    pub(crate) psk: Psk,
    pub(crate) name: String,
    pub(crate) codecs: u8,
    pub(crate) random: Random,
    pub(crate) connection: Connection,
    pub(crate) out: VecDeque<Output>,
    pub(crate) state: Option<State>,
    /// The shell may hold a record of a place.
    pub(crate) placed: bool,
    /// How long an answer to a knock is waited for; longer on a line on which it once came after the next knock.
    pub(crate) knock_retry_ms: u64,
    /// What the server announced that falls short of what the owner signed.
    pub(crate) less: Less,
    /// Lines that were shown.
    pub(crate) lines: u32,
    /// Whom this member ordered out of the group that it has left to come back to it.
    pub(crate) unfinished: Vec<Unfinished>,
    /// A new link on its way, which outlives the place in the call of whoever makes it.
    pub(crate) relinking: Relinking,
}

/// A removal that was ordered and is not in force.
pub(crate) struct Unfinished {
    pub(crate) leaf: LeafName,
    pub(crate) ordered_at: u64,
    pub(crate) bar: bool,
}

/// What a changed link leaves behind.
pub(crate) struct OldLink {
    keys: LinkKeys,
    envelope_key: EnvelopeKey,
    since: u64,
    spoken: bool,
    read: bool,
}

impl Shared {
    /// The room has another link. SECURITY: the old one is used on for seconds, by those who are inside and for what is on its way.
    pub(crate) fn relink(&mut self, now: u64, generation: u16, secret: &LinkSecret) {
        let keys = LinkKeys::derive(secret);
        self.room.generation = generation;
        (self.link.generation, self.link.link_secret) = (generation, secret.clone());
        self.psk = keys.psk();
        self.connection.relink(&keys);
        let envelope_key = std::mem::replace(&mut self.envelope_key, keys.envelope());
        self.old_link = Some(OldLink {
            keys: std::mem::replace(&mut self.keys, keys),
            envelope_key,
            since: now,
            spoken: true,
            read: true,
        });
        self.event(Event::LinkChanged(self.link.to_fragment()));
    }

    /// Time passed.
    pub(crate) fn age_link(&mut self, now: u64) {
        if let Some(old) = &mut self.old_link {
            let age = now.saturating_sub(old.since);
            (old.spoken, old.read) = (age < OLD_LINK_SPOKEN_MS, age < OLD_LINK_READ_MS);
        }
    }

    /// The room's sheet, as the server shows it. A host may have changed the link in the group and not at the server yet.
    pub(crate) fn open_sheet(&self, limits: &Limits, sheet: &[u8]) -> Result<Sheet, CoreError> {
        let server = self.connection.server();
        let open = |keys: &LinkKeys| sheet::open(keys, &self.room.room_fp, server, limits, sheet);
        let old = || self.old_link.as_ref().and_then(|old| open(&old.keys).ok());
        let other = || open(&LinkKeys::derive(&self.relinking.other_link()?.1)).ok();
        open(&self.keys)
            .ok()
            .or_else(old)
            .or_else(other)
            .ok_or(CoreError::NotAuthentic)
    }

    /// A leaf of one's own, never used before. The transport id is the connection's.
    pub(crate) fn fresh_identity(&mut self) -> Identity {
        let member_id = MemberId::from_bytes(self.random.bytes());
        let transport_id = self.connection.transport_id();
        Identity {
            data: LeafData::plain(member_id, transport_id, self.name.clone(), self.codecs),
            role: self.role.clone(),
            invite: self.invite.clone(),
            key: LeafKey::from_seed(&self.random.secret()),
        }
    }

    /// A fresh leaf that takes the place of one's own old one in `call`: the same member and transport, a new key, and the old key's word for it.
    pub(crate) fn heir(&mut self, call: &CallId, member: MemberId, old: &LeafKey) -> Identity {
        let mut heir = self.fresh_identity();
        heir.data.member_id = member;
        heir.data.resume = Some(prove_resume(old, call, &member, &heir.key.public()));
        heir
    }

    /// Tells the shell the record of the place that this member now has.
    pub(crate) fn have_place(&mut self, call: CallId, own: &Identity) {
        let seed = self.connection.transport_seed();
        let place = Place::new(call, own.data.member_id, &own.key.seed(), seed);
        self.placed = true;
        self.out.push_back(Output::Place(place.to_bytes()));
    }

    /// Whatever record there is counts no more.
    pub(crate) fn forget_place(&mut self) {
        if std::mem::take(&mut self.placed) {
            self.out.push_back(Output::PlaceGone);
        }
    }

    pub(crate) fn keyring(&self) -> Result<Keyring, CoreError> {
        Keyring::new(self.room.clone(), &self.psk)
    }

    /// The bytes of an envelope around `body`.
    pub(crate) fn envelope(&mut self, clear: ClearPart, body: &[u8]) -> Result<Vec<u8>, CoreError> {
        let nonce = self.random.bytes();
        let old = self
            .old_link
            .as_ref()
            .filter(|old| old.spoken && clear.kind == EnvelopeType::Message);
        let key = old.map_or(&self.envelope_key, |old| &old.envelope_key);
        Ok(seal(key, clear, body, nonce).map_err(|_| CoreError::Limit)?.encode())
    }

    pub(crate) fn open(&self, envelope: &Envelope) -> Result<Vec<u8>, CoreError> {
        let old = self.old_link.as_ref().filter(|old| old.read);
        open(&self.envelope_key, envelope)
            .or_else(|e| old.map_or(Err(e), |old| open(&old.envelope_key, envelope)))
            .map_err(|_| CoreError::NotAuthentic)
    }

    /// Seals and sends one envelope that stands alone.
    pub(crate) fn send_envelope(&mut self, clear: ClearPart, body: &[u8]) -> Result<(), CoreError> {
        let bytes = self.envelope(clear, body)?;
        self.send(&ClientMessage::submission([bytes]));
        Ok(())
    }

    pub(crate) fn send(&mut self, message: &ClientMessage) {
        self.connection.send(message, &mut self.out);
    }

    /// The number of the next line on the screen.
    pub(crate) fn next_line(&mut self) -> u32 {
        self.lines = self.lines.wrapping_add(1);
        self.lines
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.out.push_back(Output::Event(event));
    }

    /// Says where this member stands, once.
    pub(crate) fn stand(&mut self, state: State) {
        if self.state != Some(state) {
            self.state = Some(state);
            self.event(Event::State(state));
        }
    }
}
