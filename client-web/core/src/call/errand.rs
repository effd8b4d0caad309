//! What an owner's browser has to tell the server about the room while a call runs: another link, invites that ended, mandates that ended.
//!
//! Does not need a socket of its own: on the one that was admitted it asks for the record and brings the changed one, and the call goes on meanwhile. Rule of
//! use: while the connection is up send what is [`Errands::due`]; give every answer to [`Errands::managed`] or [`Errands::refused`], and the end of a connection
//! to [`Errands::cut`]. SPEC: protocol.md §1, "Changes by the owner".

use std::collections::VecDeque;

use zeroize::Zeroizing;

use conclave_protocol::credential::HostCredential;
use conclave_protocol::ids::RoomId;
use conclave_protocol::keys::{LinkKeys, LinkSecret};
use conclave_protocol::link::GuestLink;
use conclave_protocol::manage::{ManagedRoom, Replacement, RoomChange, record_hash, sign_change, sign_replacement};
use conclave_protocol::message::{ClientMessage, RefusalCode};
use conclave_protocol::owner::{self, ROTATE_ENTROPY, Rotated, revise};
use conclave_protocol::room::RoomRecord;
use conclave_protocol::server_name::ServerName;
use conclave_protocol::sheet::Sheet;

use crate::limits::{ERRAND_AGAIN_MS, ERRAND_TRIES, LINKS_PROPOSED};
use crate::random::Random;

/// One thing to tell.
#[derive(Clone)]
pub(crate) enum Errand {
    /// The record as it is, to sign the one with this secret for others to bring. Changes nothing.
    Sign(LinkSecret),
    /// The link has this secret from now on.
    Relink(LinkSecret),
    /// These invites opened nothing any more.
    RevokeInvite(u32),
    /// Mandates below this serial count no more.
    MinimumSerial(u32),
    /// This moderator's mandate counts no more.
    RevokeMandate(u32),
}

/// What became of an answer.
pub(crate) enum Told {
    /// Not done yet.
    NotYet,
    /// Done; the credential has the present link.
    Done(Errand),
    /// The server does not do it.
    Refused(Errand),
}

/// Errands of an owner, one after the other.
pub(crate) struct Errands {
    credential: HostCredential,
    waiting: VecDeque<Errand>,
    /// The record to bring, made from what the server showed.
    change: Option<(RoomChange, Option<HostCredential>)>,
    /// The newest sheet that was brought.
    sheet: Option<Sheet>,
    /// Links that were proposed in the call, the newest last: the server may have one that did not come into force, if somebody brought it.
    proposed: VecDeque<LinkSecret>,
    /// What came of the newest [`Errand::Sign`].
    signed: Option<Replacement>,
    tries: u32,
    /// Requests since the last answer.
    unanswered: u32,
    /// A request is on its way.
    is_asked: bool,
    not_before: u64,
}

impl Errands {
    pub(crate) fn new(credential: HostCredential) -> Self {
        Self {
            credential,
            waiting: VecDeque::new(),
            change: None,
            sheet: None,
            proposed: VecDeque::new(),
            signed: None,
            tries: 0,
            unanswered: 0,
            is_asked: false,
            not_before: 0,
        }
    }

    /// What the room's sheet says since the newest change.
    pub(crate) fn sheet(&self) -> Option<&Sheet> {
        self.sheet.as_ref()
    }

    pub(crate) fn credential(&self) -> &HostCredential {
        &self.credential
    }

    /// The room has this link now, which its server shows: whether the key was made for one before, and is for this one from here on.
    pub(crate) fn follow(&mut self, link: &GuestLink) -> bool {
        let guest = &mut self.credential.guest;
        let newer = link.room_fp == guest.room_fp && link.generation > guest.generation;
        if newer {
            (guest.generation, guest.link_secret) = (link.generation, link.link_secret.clone());
        }
        newer
    }

    /// A host proposes this link, in force or not. Who knows it can tell the server another one, should it have this.
    pub(crate) fn know(&mut self, secret: &LinkSecret) {
        if self.proposed.len() >= LINKS_PROPOSED {
            self.proposed.pop_front();
        }
        self.proposed.push_back(secret.clone());
    }

    /// The signed record, once.
    pub(crate) fn take_signed(&mut self) -> Option<Replacement> {
        self.signed.take()
    }

    /// Nothing has to be signed any more; an answer that comes nevertheless is the next errand's.
    pub(crate) fn sign_nothing(&mut self) {
        self.waiting.retain(|errand| !matches!(errand, Errand::Sign(_)));
    }

    pub(crate) fn add(&mut self, errand: Errand) {
        self.waiting.push_back(errand);
    }

    /// What to send on an admitted connection.
    pub(crate) fn due(
        &mut self,
        now: u64,
        server: &ServerName,
        room_id: RoomId,
        server_nonce: &[u8; 32],
    ) -> Option<ClientMessage> {
        if self.timeout().is_none_or(|at| now < at) {
            return None;
        }
        self.unanswered += 1;
        self.is_asked = true;
        let change = self
            .change
            .as_ref()
            .map_or(RoomChange::Read {}, |(change, _)| change.clone());
        let manage = self.credential.manage_secret.manage(server);
        let signature = sign_change(&manage, server, server_nonce, room_id, &change);
        Some(ClientMessage::Manage {
            room_id,
            change,
            signature,
        })
    }

    /// When there will be something to send.
    pub(crate) fn timeout(&self) -> Option<u64> {
        (!self.is_asked && !self.waiting.is_empty()).then_some(self.not_before)
    }

    /// The connection is gone; what was asked on it is asked again on the next.
    pub(crate) fn cut(&mut self) {
        self.is_asked = false;
    }

    /// What is given up: a server that hangs up on it must not keep its owner out of the call.
    pub(crate) fn given_up(&mut self) -> Option<Errand> {
        if self.unanswered < ERRAND_TRIES || self.is_asked {
            return None;
        }
        let errand = self.waiting.pop_front();
        if errand.is_none() {
            (self.unanswered, self.change) = (0, None);
        }
        errand
    }

    /// The server showed or changed the record.
    pub(crate) fn managed(&mut self, server: &ServerName, room: Option<ManagedRoom>, random: &mut Random) -> Told {
        (self.unanswered, self.is_asked) = (0, false);
        if let Some((change, credential)) = self.change.take() {
            if let Some(credential) = credential {
                self.credential = credential;
            }
            if let RoomChange::Replace { record, .. } = &change {
                self.sheet = owner::open_record(&self.credential, server, record).ok();
            }
            return self.finished(true);
        }
        if let Some(Errand::Sign(secret)) = self.waiting.front() {
            self.signed = room.and_then(|room| self.sign(server, &room.record, secret, random));
            return self.finished(self.signed.is_some());
        }
        if let (Some(Errand::Relink(secret)), Some(room)) = (self.waiting.front(), &room)
            && *room.record.admission_pk.as_bytes() == LinkKeys::derive(secret).admission(server).public()
        {
            // Done already, and the answer was lost.
            let guest = &mut self.credential.guest;
            (guest.generation, guest.link_secret) = (guest.generation.saturating_add(1), secret.clone());
            return self.finished(true);
        }
        match room.and_then(|room| self.prepare(server, &room, random)) {
            Some(change) => {
                self.change = Some(change);
                Told::NotYet
            }
            None => self.finished(false),
        }
    }

    /// The server refused.
    pub(crate) fn refused(&mut self, now: u64, code: RefusalCode) -> Told {
        self.change = None;
        (self.unanswered, self.is_asked) = (0, false);
        self.tries += 1;
        // Of two changes made from one record the second is stale; or the server is busy.
        let again = matches!(
            code,
            RefusalCode::StaleSequence | RefusalCode::RateLimited | RefusalCode::ServerFull
        );
        if again && self.tries < ERRAND_TRIES {
            self.not_before = now + ERRAND_AGAIN_MS;
            return Told::NotYet;
        }
        self.finished(false)
    }

    fn finished(&mut self, done: bool) -> Told {
        self.tries = 0;
        match (self.waiting.pop_front(), done) {
            (Some(errand), true) => Told::Done(errand),
            (Some(errand), false) => Told::Refused(errand),
            (None, _) => Told::NotYet,
        }
    }

    /// The changed record, made from the one that the server keeps, which is verified first.
    fn prepare(
        &self,
        server: &ServerName,
        room: &ManagedRoom,
        random: &mut Random,
    ) -> Option<(RoomChange, Option<HostCredential>)> {
        let (record, own) = (&room.record, &self.credential_for(server, &room.record));
        let base = record_hash(record);
        let (record, credential) = match self.waiting.front()? {
            Errand::Sign(_) => return None,
            Errand::Relink(secret) => {
                let rotated = self.rotate(server, record, secret, random)?;
                (rotated.record, Some(rotated.credential))
            }
            Errand::RevokeInvite(serial) => {
                let revised = revise(own, server, record, random.bytes(), |sheet| {
                    sheet.revoke_invite(*serial)
                });
                (revised.ok()?, None)
            }
            Errand::MinimumSerial(serial) => {
                let revised = revise(own, server, record, random.bytes(), |sheet| {
                    sheet.minimum_serial = *serial
                });
                (revised.ok()?, None)
            }
            Errand::RevokeMandate(serial) => {
                let mut listed = false;
                let revised = revise(own, server, record, random.bytes(), |sheet| {
                    listed = sheet.revoke_mandate(*serial);
                });
                // A sheet that cannot list it would not take it away.
                (revised.ok().filter(|_| listed)?, None)
            }
        };
        Some((RoomChange::Replace { base, record }, credential))
    }

    /// The credential as it opens this record.
    fn credential_for(&self, server: &ServerName, record: &RoomRecord) -> HostCredential {
        let mut own = self.credential.clone();
        let admits = |secret: &&LinkSecret| {
            *record.admission_pk.as_bytes() == LinkKeys::derive(secret).admission(server).public()
        };
        let all = std::iter::once(&self.credential.guest.link_secret).chain(&self.proposed);
        if let Some(secret) = all.into_iter().find(admits) {
            own.guest.link_secret = secret.clone();
        }
        own
    }

    /// The record with another link, whose sheet is sealed with a fresh nonce.
    fn rotate(
        &self,
        server: &ServerName,
        record: &RoomRecord,
        secret: &LinkSecret,
        random: &mut Random,
    ) -> Option<Rotated> {
        let mut entropy = Zeroizing::new([0; ROTATE_ENTROPY]);
        let nonce: [u8; ROTATE_ENTROPY - 32] = random.bytes();
        for (to, from) in entropy.iter_mut().zip(secret.expose().iter().chain(&nonce)) {
            *to = *from;
        }
        owner::rotate(&self.credential_for(server, record), server, record, &entropy).ok()
    }

    fn sign(
        &self,
        server: &ServerName,
        record: &RoomRecord,
        secret: &LinkSecret,
        random: &mut Random,
    ) -> Option<Replacement> {
        let rotated = self.rotate(server, record, secret, random)?;
        let manage = self.credential.manage_secret.manage(server);
        Some(sign_replacement(&manage, server, record_hash(record), rotated.record))
    }
}
