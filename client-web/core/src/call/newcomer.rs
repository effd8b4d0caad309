//! A member without a group: looks at the room's calls, knocks at the best or founds one.
//!
//! A member that lost its state comes here too: it knocks at its own call with a resume proof, and only there, until it is clear that nobody takes
//! it back; then it is a newcomer like others.
//!
//! Does not trust the server's list: it may hide calls, but a Welcome is worth nothing without the link's secret. One fresh key package per
//! knock. SPEC: protocol.md §2, "Calls and founders", "Knocks".

use std::collections::BTreeSet;

use conclave_protocol::envelope::{ClearPart, Envelope, EnvelopeType};
use conclave_protocol::ids::CallId;
use conclave_protocol::keys::LinkSecret;
use conclave_protocol::message::{CallHead, RefusalCode};
use conclave_protocol::sheet::Sheet;

use super::card::Card;
use super::choose::Calls;
use super::council::refusal_mark;
use super::knock::{self, Door};
use super::shared::Shared;
use crate::error::CoreError;
use crate::group::{Group, Identity, Keyring, RoleKey};
use crate::io::{Door as WaitsFor, Event, NoticeCode, State};
use crate::limits::{
    CARD_WAIT_MS, KNOCK_AGAIN_MS, KNOCK_TRIES, LOBBY_KNOCK_MS, MAX_EARLY, MAX_MEMBERS, PLACE_GONE_MS, PLACE_WAIT_MS,
};

/// See the module.
pub(crate) struct Newcomer {
    /// Taken when a group is made of them.
    keys: Option<(Keyring, Identity)>,
    calls: Calls,
    knocked: Option<Knocked>,
    /// Calls knocked at: a Welcome counts only from one of them.
    asked: BTreeSet<CallId>,
    /// When to go on without a card: to found, or to give the place up.
    decide_at: Option<u64>,
    /// Was in a call before; the screen keeps saying "reconnecting".
    pub(crate) returning: bool,
    /// The call in which this member takes its place back.
    resume: Option<CallId>,
    /// When it first asked for that.
    place_asked_at: Option<u64>,
    /// This leaf was in a call already: others may have had it in theirs, and turn away what went from there.
    used: bool,
    /// The key package of the newest knock, where newcomers wait to be let in: it stays the same, and with it the code on both screens.
    package: Option<(CallId, Vec<u8>)>,
    /// Words of calls knocked at that overtook the Welcome.
    early: Vec<(CallId, Vec<u8>)>,
    /// What the screen was told last.
    waits_for: Option<WaitsFor>,
}

struct Knocked {
    call: CallId,
    mark: [u8; 64],
    at: u64,
    /// How long an answer is waited for.
    wait: u64,
    tries: u32,
    /// The card said that newcomers wait to be let in.
    asks: bool,
    /// The card said that there is no place.
    full: bool,
}

impl Knocked {
    fn again_at(&self) -> u64 {
        self.at + self.wait
    }
}

/// What became of a newcomer.
pub(crate) enum Arrival {
    /// Made a group of one.
    Founded(Box<Group>, CallId),
    /// Was welcomed.
    Joined(Box<Joined>),
    /// Was not let in.
    Refused,
    /// The group has no place for another leaf.
    Full,
}

/// What a Welcome brings.
pub(crate) struct Joined {
    pub(crate) group: Group,
    /// The log is open from here on.
    pub(crate) seq: u64,
    /// It is the place that this member had before.
    pub(crate) resumed: bool,
    /// Words that came before it.
    pub(crate) early: Vec<Vec<u8>>,
}

impl Newcomer {
    pub(crate) fn new(keyring: Keyring, identity: Identity, returning: bool, resume: Option<CallId>) -> Self {
        Self {
            keys: Some((keyring, identity)),
            calls: Calls::default(),
            knocked: None,
            asked: BTreeSet::new(),
            decide_at: None,
            returning,
            resume,
            place_asked_at: None,
            used: false,
            package: None,
            early: Vec::new(),
            waits_for: None,
        }
    }

    /// The same leaf, after a call of its own that it gave up.
    pub(crate) fn over_again(keyring: Keyring, identity: Identity) -> Self {
        Self {
            used: true,
            ..Self::new(keyring, identity, false, None)
        }
    }

    fn wait_for(&mut self, door: WaitsFor, s: &mut Shared) {
        if self.waits_for.replace(door) != Some(door) {
            s.event(Event::Door(door));
        }
    }

    /// Takes a name past this program's own cleaning.
    #[cfg(test)]
    pub(crate) fn rename(&mut self, name: &str) {
        if let Some((_, identity)) = &mut self.keys {
            identity.data.name = name.to_owned();
        }
    }

    /// The room's sheet, verified, and the role that this member can show in it.
    pub(crate) fn believe(&mut self, sheet: Sheet, role: Option<&RoleKey>) {
        if let Some((keyring, identity)) = &mut self.keys {
            keyring.believe(sheet);
            identity.role = role.cloned();
        }
    }

    #[cfg(test)]
    pub(super) fn knocks(&self) -> bool {
        self.knocked.is_some()
    }

    /// The room has another link, by which this member is added.
    pub(super) fn relink(&mut self, generation: u16, secret: &LinkSecret) -> Result<(), CoreError> {
        match &mut self.keys {
            Some((keyring, _)) => keyring.relink(generation, secret),
            None => Ok(()),
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
        self.decide_at = None;
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
        if self.is_refused(call, &card) {
            return Ok(Some(Arrival::Refused));
        }
        if card.asks && self.knocked.as_ref().is_some_and(|knocked| knocked.call == call) {
            self.wait_for(door_of(&card), s);
        }
        self.calls.list(call, Some(card));
        self.proceed(now, s)
    }

    /// SECURITY: any member could write this on a card; it only keeps out who was not let in yet anyway.
    fn is_refused(&self, call: CallId, card: &Card) -> bool {
        let (Some((asked, package)), Some((keyring, _))) = (&self.package, &self.keys) else {
            return false;
        };
        let Ok((package, _)) = keyring.read_key_package(package) else {
            return false;
        };
        let mark = keyring.reference(&package).map(|reference| refusal_mark(&reference));
        *asked == call && mark.is_some_and(|mark| card.refused.iter().any(|refused| refused.0 == mark))
    }

    /// An envelope for somebody who is not in a call: a card, a welcome, or words that a welcome opened the call for.
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
            (EnvelopeType::Message, None) if self.asked.contains(&envelope.clear.call_id) => {
                if self.early.len() < MAX_EARLY {
                    self.early.push((envelope.clear.call_id, s.open(&envelope)?));
                }
                Ok(None)
            }
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
            Ok(group) => {
                let early = std::mem::take(&mut self.early);
                Ok(Some(Arrival::Joined(Box::new(Joined {
                    group,
                    seq,
                    resumed: self.resume == Some(call),
                    early: early.into_iter().filter(|e| e.0 == call).map(|e| e.1).collect(),
                }))))
            }
            Err(back) => {
                let (keyring, identity, fault) = *back;
                self.keys = Some((keyring, identity));
                // A Welcome uses its key package up; and a call that breaks the rules is no call to knock at again.
                self.package = None;
                if let CoreError::Refused(_) = fault {
                    self.calls.unanswered(&call);
                    self.knocked = None;
                }
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
            && now >= knocked.again_at()
        {
            if self.place_asked_at.is_some_and(|at| now >= at + PLACE_GONE_MS) {
                self.give_place_up(s)?;
                return Ok(None);
            }
            // SECURITY: a courtesy; what bounds a group is MEM-013. Whoever has a place in it takes no other. A card that came since may count this member.
            if self.resume.is_none() && knocked.full && knocked.tries > 1 {
                return Ok(Some(Arrival::Full));
            }
            if knocked.tries >= KNOCK_TRIES {
                if self.used {
                    self.start_fresh(s)?;
                    return Ok(None);
                }
                if !knocked.asks {
                    self.calls.unanswered(&knocked.call);
                }
            }
            self.again(now, s)
        } else if self.decide_at.is_some_and(|at| now >= at) {
            self.proceed(now, s)
        } else {
            Ok(None)
        }
    }

    pub(crate) fn timeout(&self) -> Option<u64> {
        [self.decide_at, self.knocked.as_ref().map(Knocked::again_at)]
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

    /// Knocks at the best call, waits for a card, gives a lost place up, or founds.
    fn proceed(&mut self, now: u64, s: &mut Shared) -> Result<Option<Arrival>, CoreError> {
        if !s.connection.is_up() {
            return Ok(None);
        }
        let choice = match &self.resume {
            Some(call) => self.calls.answering(call),
            None => self.calls.best(),
        };
        if let Some((call, card)) = choice {
            self.decide_at = None;
            // One knock at a time; a newer card of the same call matters only if it shows that the first was not understood.
            if self.knocked.as_ref().is_some_and(|k| {
                let again = if self.is_let_in(card) {
                    LOBBY_KNOCK_MS
                } else {
                    KNOCK_AGAIN_MS
                };
                k.call == call && (k.mark == card.mark() || now < k.at + again)
            }) {
                return Ok(None);
            }
            let (mark, card) = (card.mark(), card.clone());
            let wait = if self.is_let_in(&card) {
                LOBBY_KNOCK_MS
            } else {
                s.knock_retry_ms
            };
            self.knock(call, &card, s)?;
            if self.resume.is_some() {
                self.place_asked_at.get_or_insert(now);
            }
            self.knocked = Some(Knocked {
                asks: card.asks,
                full: usize::from(card.members) >= MAX_MEMBERS,
                call,
                mark,
                at: now,
                wait,
                tries: 1,
            });
            return Ok(None);
        }
        self.knocked = None;
        let (may_come, wait) = match &self.resume {
            Some(call) => (!self.calls.is_silent(call), PLACE_WAIT_MS),
            None => (self.calls.some_without_card(), CARD_WAIT_MS),
        };
        if may_come && self.decide_at.is_none_or(|at| now < at) {
            self.decide_at.get_or_insert(now + wait);
            return Ok(None);
        }
        self.decide_at = None;
        if self.resume.is_some() {
            self.give_place_up(s)?;
            return Ok(None);
        }
        if !self.may_found() {
            // Somebody with a role will found one, and its card will come.
            self.wait_for(WaitsFor::NoCall, s);
            s.stand(State::Waiting);
            return Ok(None);
        }
        let (keyring, identity) = self.keys.take().ok_or(CoreError::NoGroup)?;
        let call = CallId::from_bytes(s.random.bytes());
        Ok(Some(Arrival::Founded(Box::new(keyring.found(identity, call)?), call)))
    }

    /// Nobody takes this member back.
    fn give_place_up(&mut self, s: &mut Shared) -> Result<(), CoreError> {
        s.event(Event::Notice(NoticeCode::PlaceLost));
        self.start_fresh(s)
    }

    /// Somebody new from here on, to the others and to the server.
    fn start_fresh(&mut self, s: &mut Shared) -> Result<(), CoreError> {
        s.forget_place();
        let seed = s.random.secret();
        s.connection.renew_transport(&seed);
        let identity = s.fresh_identity();
        *self = Self::new(s.keyring()?, identity, self.returning, None);
        s.connection.open(&mut s.out);
        Ok(())
    }

    /// SECURITY: a courtesy. What keeps a call that nobody may found from being one is that nobody joins it: MEM-030.
    fn may_found(&self) -> bool {
        self.keys
            .as_ref()
            .is_some_and(|(keyring, identity)| keyring.may_found(identity))
    }

    /// Somebody decides about this member, and may take their time.
    fn is_let_in(&self, card: &Card) -> bool {
        card.asks && self.resume.is_none()
    }

    fn knock(&mut self, call: CallId, card: &Card, s: &mut Shared) -> Result<(), CoreError> {
        let same = self.is_let_in(card);
        let (keyring, identity) = self.keys.as_mut().ok_or(CoreError::NoGroup)?;
        let package = match self.package.take() {
            Some((before, package)) if before == call && same => package,
            _ => keyring.key_package(identity, call)?,
        };
        self.package = Some((call, package.clone()));
        s.event(Event::WaitingCode(knock::waiting_code(&package)));
        let door = Door {
            epoch: card.epoch,
            lobby_key: &card.lobby_key,
            behind: None,
        };
        let body = knock::seal(keyring, &s.room, &call, &door, package)?;
        self.asked.insert(call);
        s.send_envelope(ClearPart::knock(call), &body)?;
        if card.asks {
            self.wait_for(door_of(card), s);
        }
        // Nobody is asked about whoever comes back; unless nobody knows their place any more, and then they should see that they wait.
        if self.is_let_in(card) {
            s.stand(State::Waiting);
        } else if !self.returning {
            s.stand(State::Knocking);
        }
        Ok(())
    }
}

/// What a newcomer waits for at a call with this card.
fn door_of(card: &Card) -> WaitsFor {
    if card.locked { WaitsFor::Locked } else { WaitsFor::Asked }
}

/// Opens and checks a card's envelope.
pub(crate) fn read_card(s: &Shared, call: &CallId, bytes: &[u8]) -> Option<Card> {
    let envelope = Envelope::decode(bytes).ok()?;
    if envelope.clear.kind != EnvelopeType::Card || envelope.clear.call_id != *call {
        return None;
    }
    Card::from_bytes(&s.room, call, &s.open(&envelope).ok()?).ok()
}
