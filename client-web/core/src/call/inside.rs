//! A member in a call: state, and what happens when something comes in.
//!
//! Does not open sockets and does not decide alone who is in: commits count by the log's order, people by their leaves.
//! Split by what it does: `inside` takes input, `epochs` moves from epoch to epoch, `routine` acts by the clock, `show` tells the screen.

use conclave_protocol::credential::Role;
use conclave_protocol::envelope::{ClearPart, Envelope, EnvelopeType};
use conclave_protocol::ids::{CallId, MemberId, TrackKind};
use conclave_protocol::message::{CallHead, ClientMessage, RefusalCode, ServerMessage, client_type};
use conclave_protocol::rules::{CallRules, WRITE};

use super::card::{Standing, is_better};
use super::choose::Calls;
use super::committer::Committer;
use super::council::Council;
use super::knock::Lobby;
use super::lines::Lines;
use super::log::{Log, Place};
use super::media::{MUTED, Media};
use super::newcomer::{Joined, read_card};
use super::rights::Rights;
use super::roster::Roster;
use super::shared::Shared;
use super::takeback::Asking;
use super::warming::Warming;
use super::watch::Watch;
use super::words::{Words, verify_leave};
use crate::error::CoreError;
use crate::group::{Group, GroupData, Heard};
use crate::io::{EndReason, Event, NoticeCode, Output, RosterEntry, State};
use crate::limits::{CARD_BEARERS, CARD_REPEAT_MS, COMMIT_RETRY_MS, COMMITTER_STEP_MS};
use crate::text::is_reaction;

/// What the call asks of the member around it.
pub(crate) enum Turn {
    /// Nothing.
    Stay,
    /// A lone founder gives up its call, and looks at the room's others under the same member id.
    StartOver,
    /// This member lost its state, and takes its place back.
    TakeBack,
    /// This member was added anew while it stayed.
    Readded(Box<Joined>),
    /// Over.
    End(EndReason),
}

/// See the module.
pub(crate) struct Inside {
    pub(super) call: CallId,
    pub(super) group: Group,
    pub(super) log: Log,
    pub(super) lines: Lines,
    pub(super) lobby: Lobby,
    pub(super) roster: Roster,
    pub(super) media: Media,
    pub(super) committer: Committer,
    pub(super) warming: Warming,
    pub(super) own: OwnSigns,
    pub(super) council: Council,
    /// The rules of this epoch, and who has a role in it.
    pub(super) rules: CallRules,
    pub(super) roles: Vec<(MemberId, Role)>,
    /// Those who moderate by a key of their own, and its number.
    pub(super) keyed: Vec<(MemberId, u32)>,
    /// Attached on the present connection.
    pub(super) attached: bool,
    /// What the server lets this member do on it.
    pub(super) rights: Rights,
    pub(super) cards: Cards,
    /// Other calls of the room, as their cards say.
    elsewhere: Calls,
    pub(super) shown: Vec<RosterEntry>,
    pub(super) codec: Option<u8>,
    pub(super) asking: Option<Asking>,
    pub(super) watch: Watch,
}

/// What this member says of itself in beacons.
pub(super) struct OwnSigns {
    pub(super) joined_at: u64,
    pub(super) hand: bool,
    pub(super) hidden: bool,
    pub(super) beacon_at: u64,
    pub(super) beaconed_at: u64,
    /// When this member last came back to its call, and for how long it had not been heard before.
    pub(super) returned: (u64, u64),
}

/// When to send the call card.
#[derive(Default)]
pub(super) struct Cards {
    /// Set for the first in the committers' order, in case the committer vanished.
    pub(super) at: Option<u64>,
    pub(super) sent_at: u64,
    /// The epoch of the last one.
    pub(super) sent_in: Option<u64>,
    /// This member came back behind the log: it has none to show before the next epoch.
    pub(super) old: bool,
}

impl Inside {
    /// Enters a call with a group made or joined. `have_seq` is where its log stands.
    pub(crate) fn enter(
        now: u64,
        group: Group,
        call: CallId,
        have_seq: u64,
        (hand, hidden, on): (bool, bool, u8),
        s: &mut Shared,
    ) -> Result<Self, CoreError> {
        let own = group.identity().data.member_id;
        let mut inside = Self {
            call,
            log: Log::new(have_seq),
            lines: Lines::default(),
            lobby: Lobby::default(),
            roster: Roster::new(own),
            media: Media::default(),
            council: Council::default(),
            rules: CallRules::open(),
            roles: Vec::new(),
            keyed: Vec::new(),
            committer: Committer::new(now),
            warming: Warming::default(),
            own: OwnSigns {
                joined_at: now,
                hand,
                hidden,
                beacon_at: now,
                beaconed_at: now,
                returned: (now, 0),
            },
            attached: false,
            rights: Rights::default(),
            cards: Cards::default(),
            elsewhere: Calls::default(),
            shown: Vec::new(),
            codec: None,
            asking: None,
            watch: Watch::default(),
            group,
        };
        for kind in TrackKind::ALL {
            inside.media.wish(kind, on & (1 << kind as u8) != 0);
        }
        s.have_place(call, inside.group.identity());
        s.relinking.found = None;
        inside.media.hide(hidden);
        if on & MUTED != 0 {
            inside.media.mute_before();
        }
        inside.attach(now, s);
        inside.begin(now, s)?;
        // The others may be waiting for a sign that the Welcome has come.
        inside.beacon(now, s);
        Ok(inside)
    }

    /// What the person has switched on: hand, hidden, bit per track kind and [`MUTED`].
    pub(crate) fn switches(&self) -> (bool, bool, u8) {
        (self.own.hand, self.own.hidden, self.media.switches())
    }

    /// A connection was admitted: take our place again.
    pub(crate) fn admitted(&mut self, now: u64, heads: &[CallHead], s: &mut Shared) -> Turn {
        // While we were away nobody else fell silent, as far as we know.
        self.roster.forgive(now);
        self.watch.forgive();
        self.own.returned = (now, now.saturating_sub(self.own.beaconed_at));
        self.attach(now, s);
        self.prove(now, s);
        self.beacon(now, s);
        // SECURITY: whoever lags behind would put an old card, to which no knock can be opened, in the place of the present one.
        let listed = heads.iter().find(|h| h.call_id == self.call);
        let current = listed.is_none_or(|h| h.head_seq <= self.log.have_seq);
        self.cards.old = !current;
        if current {
            // A notice whose commit went down with the server must not keep this member silent.
            self.log.forget_notices(&mut s.out);
        }
        // A server that was started anew has no card to show, and whoever is the first may not be there.
        let bare = listed.is_none_or(|h| h.card.is_none());
        let bearers = if bare { CARD_BEARERS } else { 1 };
        let place = self.place().filter(|place| current && *place < bearers);
        self.cards.at = place.map(|place| now + COMMITTER_STEP_MS * place as u64);
        self.refresh(now, s);
        self.elsewhere = Calls::default();
        for head in heads.iter().filter(|h| h.call_id != self.call) {
            let card = head.card.as_ref().and_then(|c| read_card(s, &head.call_id, c));
            self.elsewhere.list(head.call_id, card);
        }
        self.give_way(now)
    }

    fn attach(&mut self, now: u64, s: &mut Shared) {
        s.send(&ClientMessage::Attach {
            call_id: self.call,
            have_seq: self.log.have_seq,
        });
        self.attached = s.connection.is_up();
        self.rights = Rights::asked(now);
        self.lines.connection_lost();
        self.media.permit(false);
        self.media.restart(&mut s.out);
        self.committer.back_off(now, 0);
    }

    /// This member itself did not run for a while.
    pub(crate) fn woke(&mut self, now: u64, gap: u64) {
        self.roster.forgive(now);
        self.watch.forgive();
        self.lines.forgive(now);
        self.own.returned = (now, gap);
    }

    /// The connection is gone; the group stays.
    pub(crate) fn lost(&mut self, s: &mut Shared) {
        self.attached = false;
        self.rights = Rights::default();
        self.lines.connection_lost();
        s.stand(State::Reconnecting);
    }

    pub(crate) fn message(&mut self, now: u64, message: ServerMessage, s: &mut Shared) -> Turn {
        match message {
            ServerMessage::Notice { call_id, seq, drop } if call_id == self.call => self.log.notice(now, seq, drop),
            ServerMessage::EnvelopeIn { seq, envelope } => return self.envelope(now, seq, envelope, s),
            ServerMessage::Pong { n } => self.lines.pong(n),
            ServerMessage::Rights { call_id, on } if call_id == self.call => self.rights_changed(now, on, s),
            ServerMessage::Answer { sdp } => {
                s.out.push_back(Output::ApplyAnswer { sdp });
                self.media.answered();
                self.refresh(now, s);
            }
            ServerMessage::Managed { .. } => s.relinking.carry_no_more(),
            ServerMessage::Tracks { tracks } => {
                self.media.tracks(tracks);
                self.refresh(now, s);
            }
            ServerMessage::Refused {
                re,
                code,
                retry_after_ms,
                ..
            } => return self.refused(now, re, code, retry_after_ms, s),
            _ => {}
        }
        Turn::Stay
    }

    fn refused(&mut self, now: u64, re: u8, code: RefusalCode, retry_after_ms: Option<u32>, s: &mut Shared) -> Turn {
        let wait = u64::from(retry_after_ms.unwrap_or(0));
        // Sequences are what commits alone are refused for.
        if re == client_type::ENVELOPE && code != RefusalCode::StaleSequence {
            self.lines.refused(now, wait);
        }
        match (re, code) {
            (client_type::ATTACH, RefusalCode::BacklogGone | RefusalCode::UnknownCall | RefusalCode::StaleSequence) => {
                return Turn::TakeBack;
            }
            // A founder too many: the room's other calls will have room.
            (client_type::ATTACH, RefusalCode::CallLimit) if self.group.size() == 1 => return Turn::StartOver,
            (client_type::ATTACH, RefusalCode::CallLimit) => return Turn::End(EndReason::CallLimit),
            (client_type::ATTACH, RefusalCode::RoomFull) => return Turn::End(EndReason::RoomFull),
            // Whether the commit at that sequence was somebody else's or our own, sent twice, its echo will tell.
            (client_type::ENVELOPE, RefusalCode::StaleSequence) => {
                self.give_precedence(now, s);
            }
            (client_type::ENVELOPE, RefusalCode::RateLimited) => {
                self.committer.back_off(now, wait.max(COMMIT_RETRY_MS));
                self.log.retry_soon(now, wait.max(COMMIT_RETRY_MS));
            }
            (client_type::ENVELOPE, RefusalCode::TooLarge) => {
                // A commit that will never be taken: start over with fewer newcomers, and later.
                self.log.pending = None;
                self.lobby.waiting.truncate(1);
                self.committer.back_off(now, 10 * COMMIT_RETRY_MS);
            }
            (client_type::PUBLISH, RefusalCode::FloorFull) => {
                self.media.floor_full();
                self.watch.floor_full(now);
                s.event(Event::Notice(NoticeCode::FloorFull));
                self.beacon_soon(now);
                self.refresh(now, s);
            }
            // Then the attaching was refused, too, and is answered.
            (client_type::OFFER, RefusalCode::NotAttached) => {}
            (client_type::OFFER, _) => s.event(Event::Notice(NoticeCode::MediaRefused)),
            (_, RefusalCode::Closing) => return Turn::End(EndReason::Closing),
            // Asked again, later.
            (client_type::REPLACE, RefusalCode::RateLimited | RefusalCode::ServerFull) => {}
            // It was done, or will not be.
            (client_type::REPLACE, _) => s.relinking.carry_no_more(),
            _ => {}
        }
        Turn::Stay
    }

    fn envelope(&mut self, now: u64, seq: Option<u64>, bytes: Vec<u8>, s: &mut Shared) -> Turn {
        let decoded = Envelope::decode(&bytes);
        let kind = decoded.as_ref().map(|e| e.clear.kind).ok();
        match (decoded, kind, seq) {
            (Ok(envelope), Some(EnvelopeType::Commit), Some(seq)) if envelope.clear.call_id == self.call => {
                self.commit_in(now, seq, &bytes, &envelope, s)
            }
            (Ok(envelope), Some(EnvelopeType::Message), None) if envelope.clear.call_id == self.call => {
                // SECURITY: what a peer sends wrongly is dropped; it ends nothing.
                if let Ok(body) = s.open(&envelope) {
                    self.hear(now, body, s);
                }
                Turn::Stay
            }
            (Ok(envelope), Some(EnvelopeType::Knock), None) if envelope.clear.call_id == self.call => {
                if let Ok(body) = s.open(&envelope) {
                    let roster = &self.roster;
                    let key_of = |member: &MemberId| roster.key_of(now, member);
                    let known = self
                        .lobby
                        .knock(now, self.group.keyring(), &s.room, &self.call, &body, key_of);
                    match known {
                        Ok(()) => {
                            self.settle_lobby(now);
                            self.judge_invites(now, s);
                            self.show_lobby(now, s);
                        }
                        // Sealed to a card that is not ours, or not any more: show the right one, once in a while.
                        Err(_) if self.is_first() => self.cards.at = Some(now.max(self.cards.sent_at + CARD_REPEAT_MS)),
                        Err(_) => {}
                    }
                }
                Turn::Stay
            }
            (Ok(envelope), Some(EnvelopeType::Welcome), Some(seq)) if envelope.clear.call_id == self.call => {
                self.welcome(seq, &envelope, s)
            }
            (Ok(envelope), Some(EnvelopeType::Card), None) => match read_card(s, &envelope.clear.call_id, &bytes) {
                Some(card) if envelope.clear.call_id != self.call => {
                    self.elsewhere.list(envelope.clear.call_id, Some(card));
                    self.give_way(now)
                }
                _ => Turn::Stay,
            },
            // SECURITY: whatever the server gives a sequence number takes its place in the log, garbage too, or members would disagree on the next.
            (_, kind, Some(seq)) if kind != Some(EnvelopeType::Welcome) && self.log.place(seq) == Place::Next => {
                self.void(now, s);
                Turn::Stay
            }
            _ => Turn::Stay,
        }
    }

    /// Whoever is alone in a call, with nobody about to be added, goes where more people are, or to the lower id.
    ///
    /// Alone is also who has only leaves beside them from which nothing was ever heard: when several found at once, a newcomer may be
    /// welcomed by two calls, and is a ghost in the one it did not take.
    pub(super) fn give_way(&self, now: u64) -> Turn {
        if self.roster.has_company(now) || self.log.pending.is_some() || !self.attached {
            return Turn::Stay;
        }
        match self.elsewhere.best() {
            Some((call, card)) => {
                let own = self.group.shown_role().map(|(_, proof)| proof.mandate.role);
                let own = Standing::new(own, 1);
                if is_better((card.standing(), &call), (own, &self.call)) {
                    return Turn::StartOver;
                }
                Turn::Stay
            }
            _ => Turn::Stay,
        }
    }

    /// Words of a member, sealed by MLS.
    pub(super) fn hear(&mut self, now: u64, body: Vec<u8>, s: &mut Shared) {
        match self.group.open(&body) {
            Ok(Heard::Early) => self.log.keep_early(now, body),
            Ok(heard) => self.heard(now, heard, s),
            // SECURITY: anybody could have made it; it counts only together with the silence of somebody.
            Err(_) => self.watch_unreadable(now),
        }
    }

    pub(super) fn heard(&mut self, now: u64, heard: Heard, s: &mut Shared) {
        if let Heard::Message { from, body } = heard
            && self.roster.contains(&from)
            && let Ok(words) = Words::from_bytes(&body)
        {
            self.words(now, from, words, s);
        }
    }

    fn words(&mut self, now: u64, from: MemberId, words: Words, s: &mut Shared) {
        match words {
            Words::Beacon { beacon, echoes } => {
                self.watch_beacon(now, &from, beacon.digest, &echoes);
                let others = from != self.roster.own();
                if others && beacon.digest == self.group.epoch_digest() && self.log.in_step(now) {
                    self.watch_unreadable(now);
                }
                if self.roster.beacon(now, &from, beacon) {
                    self.refresh(now, s);
                }
            }
            // SECURITY: who may not write is not shown, whatever their client does.
            Words::Chat { .. } if self.muted(&from) & WRITE != 0 => {}
            Words::Order { order } => self.order_in(now, order, s),
            Words::Rules { bytes } => {
                if let Some(next) = GroupData::from_bytes(&bytes) {
                    self.rules_in(next, s);
                }
            }
            Words::Refuse { package } => {
                if self.roles_by_member(&from).is_some() {
                    self.turned_away(now, package, s);
                }
            }
            Words::Chat { text, number } => self.line_in(now, from, &text, number, s),
            Words::Leave { member, signature } => {
                let key = self.roster.entry(&member).map(|e| e.key);
                if key.is_some_and(|key| verify_leave(&self.call, &member, &key, &signature))
                    && let Some(change) = self.roster.leaves(&member)
                {
                    self.roster.keep_farewell(now, &member, signature);
                    self.announce(vec![change], s);
                    self.refresh(now, s);
                }
            }
            // SECURITY: a character that reorders or hides text would reach into names and lines beside it.
            Words::Reaction { char } if is_reaction(char) => s.event(Event::Reaction { from, char }),
            Words::Reaction { .. } => {}
            Words::Compare { digest } => self.compare_in(now, from, digest, s),
        }
    }

    /// Seals words to the group and sends them.
    pub(super) fn say(&mut self, words: &Words, s: &mut Shared) -> Result<(), CoreError> {
        if !self.rights.on {
            return Err(CoreError::NoGroup);
        }
        self.say_unheard(words, s)
    }

    /// The same although the server has not said that this member may speak: it may have decided so, or it passes nothing on.
    pub(super) fn say_unheard(&mut self, words: &Words, s: &mut Shared) -> Result<(), CoreError> {
        let message = self.group.seal(&words.to_bytes())?;
        s.send_envelope(ClearPart::message(self.call), &message)
    }

    pub(crate) fn call(&self) -> CallId {
        self.call
    }

    pub(crate) fn into_group(self) -> Group {
        self.group
    }

    /// Words that came before this member was in.
    pub(crate) fn hear_all(&mut self, now: u64, words: Vec<Vec<u8>>, s: &mut Shared) {
        for body in words {
            self.hear(now, body, s);
        }
    }
}
