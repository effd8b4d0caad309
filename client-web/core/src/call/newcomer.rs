//! A member without a group: looks at the room's calls, knocks at the best or founds one.
//!
//! Does not trust the server's list: it may hide calls, but a Welcome is worth nothing without the link's secret. One fresh key package per
//! knock. SPEC: protocol.md §2, "Calls and founders", "Knocks".

use std::collections::BTreeSet;

use conclave_protocol::envelope::{ClearPart, Envelope, EnvelopeType};
use conclave_protocol::ids::{CallId, MemberId};
use conclave_protocol::message::{CallHead, RefusalCode};

use super::card::Card;
use super::choose::Calls;
use super::knock;
use super::shared::Shared;
use crate::error::CoreError;
use crate::group::{Group, Identity, Keyring};
use crate::io::{Event, State};
use crate::limits::{CARD_WAIT_MS, KNOCK_AGAIN_MS, KNOCK_RETRY_MS, KNOCK_TRIES};

/// A farewell of the leaf that this member had before: whose, and its signature.
pub(crate) type Farewell = (CallId, MemberId, [u8; 64]);

/// See the module.
pub(crate) struct Newcomer {
    /// Taken when a group is made of them.
    keys: Option<(Keyring, Identity)>,
    calls: Calls,
    knocked: Option<Knocked>,
    /// Calls knocked at: a Welcome counts only from one of them.
    asked: BTreeSet<CallId>,
    /// When to found, if no card has come until then.
    found_at: Option<u64>,
    /// Joining anew after having lost its place; the screen keeps saying "reconnecting".
    pub(crate) returning: bool,
    pub(crate) farewell: Option<Farewell>,
}

struct Knocked {
    call: CallId,
    mark: [u8; 64],
    at: u64,
    tries: u32,
}

/// What became of a newcomer.
pub(crate) enum Arrival {
    /// Made a group of one.
    Founded(Box<Group>, CallId),
    /// Was welcomed; the log is open from this sequence on.
    Joined(Box<Group>, CallId, u64),
}

impl Newcomer {
    pub(crate) fn new(keyring: Keyring, identity: Identity, returning: bool, farewell: Option<Farewell>) -> Self {
        Self {
            keys: Some((keyring, identity)),
            calls: Calls::default(),
            knocked: None,
            asked: BTreeSet::new(),
            found_at: None,
            returning,
            farewell,
        }
    }

    /// The server's list of calls.
    pub(crate) fn admitted(
        &mut self,
        now: u64,
        heads: Vec<CallHead>,
        s: &mut Shared,
    ) -> Result<Option<Arrival>, CoreError> {
        let listed: Vec<(CallId, Option<Card>)> = heads
            .into_iter()
            .map(|h| (h.call_id, h.card.and_then(|c| read_card(s, &h.call_id, &c))))
            .collect();
        self.calls.relist(listed.into_iter());
        self.knocked = None;
        self.found_at = None;
        self.proceed(now, s)
    }

    /// A card of some call came.
    pub(crate) fn card(
        &mut self,
        now: u64,
        call: CallId,
        card: Card,
        s: &mut Shared,
    ) -> Result<Option<Arrival>, CoreError> {
        self.calls.list(call, Some(card));
        self.proceed(now, s)
    }

    /// An envelope for somebody who is not in a call: a card or a welcome.
    pub(crate) fn envelope(
        &mut self,
        now: u64,
        seq: Option<u64>,
        bytes: &[u8],
        s: &mut Shared,
    ) -> Result<Option<Arrival>, CoreError> {
        let envelope = Envelope::decode(bytes).map_err(|_| CoreError::Malformed)?;
        match (envelope.clear.kind, seq) {
            (EnvelopeType::Card, _) => match read_card(s, &envelope.clear.call_id, bytes) {
                Some(card) => self.card(now, envelope.clear.call_id, card, s),
                None => Err(CoreError::NotAuthentic),
            },
            (EnvelopeType::Welcome, Some(seq)) => self.welcome(seq, &envelope, s),
            _ => Ok(None),
        }
    }

    fn welcome(&mut self, seq: u64, envelope: &Envelope, s: &mut Shared) -> Result<Option<Arrival>, CoreError> {
        let call = envelope.clear.call_id;
        if !self.asked.contains(&call) {
            return Err(CoreError::NotAuthentic);
        }
        let body = s.open(envelope)?;
        let (keyring, identity) = self.keys.take().ok_or(CoreError::NoGroup)?;
        match keyring.join(identity, call, &body) {
            Ok(group) => Ok(Some(Arrival::Joined(Box::new(group), call, seq))),
            Err(back) => {
                let (keyring, identity, fault) = *back;
                self.keys = Some((keyring, identity));
                Err(fault)
            }
        }
    }

    /// Something of ours was refused.
    pub(crate) fn refused(
        &mut self,
        now: u64,
        code: RefusalCode,
        s: &mut Shared,
    ) -> Result<Option<Arrival>, CoreError> {
        if code == RefusalCode::UnknownCall
            && let Some(knocked) = self.knocked.take()
        {
            self.calls.forget(&knocked.call);
        }
        self.proceed(now, s)
    }

    /// Time passed.
    pub(crate) fn tick(&mut self, now: u64, s: &mut Shared) -> Result<Option<Arrival>, CoreError> {
        if !s.connection.is_up() {
            return Ok(None);
        }
        if let Some(knocked) = self.knocked.as_ref()
            && now >= knocked.at + KNOCK_RETRY_MS
        {
            if knocked.tries >= KNOCK_TRIES {
                self.calls.unanswered(&knocked.call);
            }
            self.again(now, s)
        } else if self.found_at.is_some_and(|at| now >= at) {
            self.proceed(now, s)
        } else {
            Ok(None)
        }
    }

    pub(crate) fn timeout(&self) -> Option<u64> {
        [self.found_at, self.knocked.as_ref().map(|k| k.at + KNOCK_RETRY_MS)]
            .into_iter()
            .flatten()
            .min()
    }

    fn again(&mut self, now: u64, s: &mut Shared) -> Result<Option<Arrival>, CoreError> {
        let before = self.knocked.take().map(|k| (k.call, k.tries));
        if !self.returning {
            s.stand(State::Waiting);
        }
        let arrival = self.proceed(now, s)?;
        if let (Some((call, tries)), Some(knocked)) = (before, &mut self.knocked)
            && knocked.call == call
        {
            knocked.tries = tries + 1;
        }
        Ok(arrival)
    }

    /// Knocks at the best call, waits for a card, or founds.
    fn proceed(&mut self, now: u64, s: &mut Shared) -> Result<Option<Arrival>, CoreError> {
        if !s.connection.is_up() {
            return Ok(None);
        }
        if let Some((call, card)) = self.calls.best() {
            self.found_at = None;
            // One knock at a time; a newer card of the same call matters only if it shows that the first was not understood.
            if self
                .knocked
                .as_ref()
                .is_some_and(|k| k.call == call && (k.mark == card.mark() || now < k.at + KNOCK_AGAIN_MS))
            {
                return Ok(None);
            }
            let (mark, card) = (card.mark(), card.clone());
            self.knock(call, &card, s)?;
            self.knocked = Some(Knocked {
                call,
                mark,
                at: now,
                tries: 1,
            });
            return Ok(None);
        }
        self.knocked = None;
        if self.calls.some_without_card() && self.found_at.is_none_or(|at| now < at) {
            self.found_at.get_or_insert(now + CARD_WAIT_MS);
            return Ok(None);
        }
        self.found_at = None;
        let (keyring, identity) = self.keys.take().ok_or(CoreError::NoGroup)?;
        let call = CallId::from_bytes(s.random.bytes());
        Ok(Some(Arrival::Founded(Box::new(keyring.found(identity, call)?), call)))
    }

    fn knock(&mut self, call: CallId, card: &Card, s: &mut Shared) -> Result<(), CoreError> {
        let (keyring, identity) = self.keys.as_ref().ok_or(CoreError::NoGroup)?;
        let package = keyring.key_package(identity)?;
        s.event(Event::WaitingCode(knock::waiting_code(&package)));
        let body = knock::seal(keyring, &s.room, &call, card, package)?;
        self.asked.insert(call);
        s.send_envelope(ClearPart::knock(call), &body)?;
        if !self.returning {
            s.stand(State::Knocking);
        }
        Ok(())
    }
}

/// Opens and checks a card's envelope.
pub(crate) fn read_card(s: &Shared, call: &CallId, bytes: &[u8]) -> Option<Card> {
    let envelope = Envelope::decode(bytes).ok()?;
    if envelope.clear.kind != EnvelopeType::Card || envelope.clear.call_id != *call {
        return None;
    }
    Card::from_bytes(&s.room, call, &s.open(&envelope).ok()?).ok()
}
