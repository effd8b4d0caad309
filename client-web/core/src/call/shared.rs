//! What every stage of a member needs: the room's keys, the connection, randomness, and the queue of outputs.
//!
//! Does not decide anything.

use std::collections::VecDeque;

use conclave_protocol::envelope::{ClearPart, Envelope, open, seal};
use conclave_protocol::ids::{CallId, MemberId};
use conclave_protocol::invite::Invite;
use conclave_protocol::keys::{EnvelopeKey, LinkKeys, Psk};
use conclave_protocol::link::GuestLink;
use conclave_protocol::message::ClientMessage;

use super::owner::OwnersDeed;
use super::place::Place;
use super::socket::Connection;
use super::watch::Less;
use crate::error::CoreError;
use crate::group::{Identity, Keyring, LeafData, LeafKey, RoleKey, RoomBinding, prove_resume};
use crate::io::{Event, Output, State};
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
    /// What the server announced that falls short of what the owner signed.
    pub(crate) less: Less,
}

impl Shared {
    /// A leaf of one's own, never used before. The transport id is the connection's.
    pub(crate) fn fresh_identity(&mut self) -> Identity {
        Identity {
            data: LeafData {
                member_id: MemberId::from_bytes(self.random.bytes()),
                transport_id: self.connection.transport_id(),
                name: self.name.clone(),
                codecs: self.codecs,
                resume: None,
                proof: None,
                invite: None,
            },
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
        Ok(seal(&self.envelope_key, clear, body, nonce)
            .map_err(|_| CoreError::Limit)?
            .encode())
    }

    pub(crate) fn open(&self, envelope: &Envelope) -> Result<Vec<u8>, CoreError> {
        open(&self.envelope_key, envelope).map_err(|_| CoreError::NotAuthentic)
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
