//! The call as one member lives it: [`Member`], and the parts that it is made of.
//!
//! Does not do I/O. Parts: `socket` (connection), `newcomer` with `choose`, `card`, `knock` (getting in), `inside` with `epochs`, `routine`, `show` (being in),
//! `takeback` with `place` (coming back after losing all), `watch` (what may be wrong), `log`, `roster`, `committer`, `slots`, `media`, `words` (what being in consists of),
//! `shared` (what all need).

mod card;
mod choose;
mod committer;
mod council;
mod epochs;
mod errand;
mod inside;
mod invites;
mod knock;
mod log;
mod media;
mod newcomer;
mod owner;
mod place;
mod relink;
mod rights;
mod roster;
mod routine;
mod shared;
mod show;
mod slots;
mod socket;
mod takeback;
mod watch;
mod words;

#[cfg(test)]
mod behind;
#[cfg(test)]
mod cheats;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod void;

use std::collections::VecDeque;

use conclave_protocol::credential::{Deed, HostCredential};
use conclave_protocol::ids::{CallId, RoomId};
use conclave_protocol::invite::Invite;
use conclave_protocol::keys::LinkKeys;
use conclave_protocol::link::GuestLink;
use conclave_protocol::message::{RefusalCode, ServerMessage, client_type};
use conclave_protocol::moderator::ModeratorKey;
use conclave_protocol::server_name::ServerName;

use crate::error::CoreError;
use crate::group::{Group, Identity, LeafKey, RoleKey, RoomBinding};
use crate::io::{EndReason, Event, Input, NoticeCode, Output, State};
use crate::limits::{FROZEN_MS, GIVE_UP_MS, KNOCK_RETRY_MS};
use crate::random::Random;
use crate::text::{clean_name, clean_title};
use errand::Errands;
use inside::{Inside, Turn};
use newcomer::{Arrival, Joined, Newcomer};
use owner::OwnersDeed;
use place::Place;
use shared::Shared;
use socket::Connection;

/// What a member is made with, besides the link.
pub struct Options<'a> {
    /// 32 fresh random bytes, used for this member only.
    pub seed: [u8; 32],
    /// The newest [`Output::Place`] of a tab that is gone: this member takes that place back, if the others still know it. If not, or if the
    /// record is none, it goes on as a newcomer and says [`NoticeCode::PlaceLost`].
    pub place: Option<&'a [u8]>,
    /// The key of somebody with a role in the room, if the person has one.
    pub owner: Option<Owner<'a>>,
    /// The seat of somebody who was invited in person. It must have come with the link.
    pub invite: Option<&'a Invite>,
}

/// An owner's or moderator's key, and the day on which it is used, in days since 1970-01-01.
#[derive(Clone, Copy)]
pub struct Owner<'a> {
    /// It must be of the link's room.
    pub key: OwnerKey<'a>,
    /// Today.
    pub today: u16,
}

/// What an owner or moderator shows.
#[derive(Clone, Copy)]
pub enum OwnerKey<'a> {
    /// The working key.
    Credential(&'a HostCredential),
    /// The deed: a fresh working key is made of it as soon as the room's sheet is known, and given out as [`Event::Credential`].
    Deed(&'a Deed),
    /// A moderator's: a role, and nothing to manage the room with.
    Moderator(&'a ModeratorKey),
}

/// One member of a call, from opening the link to leaving.
pub struct Member {
    shared: Shared,
    stage: Stage,
    /// What the person has switched on, kept across stages: hand, hidden, bit per track kind.
    switches: (bool, bool, u8),
    /// When it was last connected, or began to look for the server.
    server_seen_at: Option<u64>,
    last_ms: u64,
    deadline: Option<u64>,
}

enum Stage {
    Outside(Box<Newcomer>),
    Inside(Box<Inside>),
    Over,
}

impl Member {
    /// A member that will join the link's room at `server` under `name`. `codecs`: bit 0 VP8, bit 1 VP9, bit 2 AV1.
    ///
    /// Its first outputs are there at once: take them before giving anything in. Fails if nothing showable is left of the name, or it is longer than 64 bytes.
    pub fn new(
        link: &GuestLink,
        server: &ServerName,
        name: &str,
        codecs: u8,
        options: &Options<'_>,
    ) -> Result<Self, CoreError> {
        let name = clean_name(name).ok_or(CoreError::NameUnusable)?;
        let keys = LinkKeys::derive(&link.link_secret);
        let mut random = Random::new(&options.seed);
        let room_id = RoomId::of(&link.room_fp, server);
        let place = options.place.map(Place::from_bytes);
        let unusable = matches!(place, Some(Err(_)));
        let place = place.and_then(Result::ok);
        let connection = match &place {
            Some(place) => Connection::new(server.clone(), room_id, &keys, &place.transport_seed),
            None => Connection::new(server.clone(), room_id, &keys, &random.secret()),
        };
        let mut shared = Shared {
            room: RoomBinding {
                room_fp: link.room_fp,
                generation: link.generation,
                sheet: None,
            },
            role: options.owner.and_then(RoleKey::of),
            deed: options.owner.and_then(OwnersDeed::of),
            errands: options.owner.and_then(Errands::of),
            old_link: None,
            invite: options.invite.cloned(),
            link: link.clone(),
            envelope_key: keys.envelope(),
            psk: keys.psk(),
            keys,
            name,
            codecs,
            random,
            connection,
            out: VecDeque::new(),
            state: None,
            placed: options.place.is_some(),
            knock_retry_ms: KNOCK_RETRY_MS,
            less: watch::Less::default(),
        };
        if unusable {
            shared.forget_place();
            shared.event(Event::Notice(NoticeCode::PlaceLost));
        }
        shared.stand(State::Connecting);
        shared.connection.open(&mut shared.out);
        let identity = match &place {
            Some(place) => shared.heir(&place.call_id, place.member_id, &LeafKey::from_seed(&place.leaf_seed)),
            None => shared.fresh_identity(),
        };
        let resume = place.map(|place| place.call_id);
        let newcomer = Newcomer::new(shared.keyring()?, identity, false, resume);
        Ok(Self {
            shared,
            stage: Stage::Outside(Box::new(newcomer)),
            switches: (false, false, 0),
            server_seen_at: None,
            last_ms: 0,
            deadline: None,
        })
    }

    /// Something happened at `now_ms`, on a clock that never goes back.
    pub fn handle(&mut self, now_ms: u64, input: Input<'_>) {
        if matches!(self.stage, Stage::Over) {
            return;
        }
        if self.shared.connection.is_up() {
            self.server_seen_at = Some(now_ms);
        }
        self.server_seen_at.get_or_insert(now_ms);
        let gap = now_ms.saturating_sub(std::mem::replace(&mut self.last_ms, now_ms));
        if let Stage::Inside(inside) = &mut self.stage
            && gap >= FROZEN_MS
        {
            inside.woke(now_ms, gap);
        }
        self.dispatch(now_ms, input);
        self.tick(now_ms);
        self.deadline = self.next_deadline(now_ms);
    }

    /// The next thing to do outside.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.shared.out.pop_front()
    }

    /// When to call [`Member::handle`] with [`Input::Tick`], if nothing else comes before.
    pub fn poll_timeout(&self) -> Option<u64> {
        self.deadline
    }

    fn dispatch(&mut self, now: u64, input: Input<'_>) {
        match input {
            Input::Tick => {}
            Input::SocketOpen => {
                self.shared.connection.opened(now);
                if matches!(self.stage, Stage::Outside(_)) && self.shared.state != Some(State::Reconnecting) {
                    self.shared.stand(State::Admitting);
                }
            }
            Input::SocketFrame(bytes) => self.frame(now, bytes),
            Input::SocketClosed { code } => self.closed(code),
            Input::Leave => self.leave(),
            other => self.intent(now, other),
        }
    }

    /// What the person or their devices want.
    fn intent(&mut self, now: u64, input: Input<'_>) {
        let s = &mut self.shared;
        if let Stage::Inside(inside) = &mut self.stage {
            if inside.decide(now, &input, s) {
                return;
            }
            match input {
                Input::MediaReady { mids } => inside.media_ready(now, mids, s),
                Input::LocalOffer { sdp } => inside.offer(sdp, s),
                Input::Publish { kind, on } => inside.publish(now, kind, on, s),
                Input::Mute(muted) => inside.mute(now, muted, s),
                Input::Chat { text } => inside.chat(now, &text, s),
                Input::Hand(up) => inside.hand(now, up, s),
                Input::Reaction(char) => inside.react(char, s),
                Input::Hidden(hidden) => inside.hidden(now, hidden, s),
                Input::ShowSafetyNumber => inside.safety_number(s),
                Input::CompareNow => inside.compare_now(now, s),
                _ => {}
            }
            self.switches = inside.switches();
            return;
        }
        match input {
            Input::Publish { kind, on: true } => self.switches.2 |= 1 << kind as u8,
            Input::Publish { kind, on: false } => self.switches.2 &= !(1 << kind as u8),
            Input::Mute(true) => self.switches.2 |= media::MUTED,
            Input::Mute(false) => self.switches.2 &= !media::MUTED,
            Input::Hand(up) => self.switches.0 = up,
            Input::Hidden(hidden) => self.switches.1 = hidden,
            Input::Chat { .. } => s.event(Event::Notice(NoticeCode::ChatRefused)),
            _ => {}
        }
    }

    fn frame(&mut self, now: u64, bytes: &[u8]) {
        let s = &mut self.shared;
        match s
            .connection
            .frame(now, bytes, &mut s.random, s.errands.as_mut(), &mut s.out)
        {
            Ok(Some(message)) => self.message(now, message),
            Ok(None) => {}
            // A server that does not keep to the protocol: another connection may do better, and if not, time will tell.
            Err(_) => self.drop_connection(),
        }
    }

    fn message(&mut self, now: u64, message: ServerMessage) {
        if let ServerMessage::Refused {
            re: client_type::HELLO | client_type::ADMIT,
            code,
            ..
        } = message
        {
            self.not_admitted(code);
            return;
        }
        let s = &mut self.shared;
        if let Some(errands) = &mut s.errands {
            let server = s.connection.server().clone();
            let told = match message {
                ServerMessage::Managed { room } => errands.managed(&server, room, &mut s.random),
                ServerMessage::Refused {
                    re: client_type::MANAGE,
                    code,
                    ..
                } => errands.refused(code),
                other => return self.staged(now, other),
            };
            return self.told(now, told);
        }
        self.staged(now, message);
    }

    /// A message for the stage that this member is in.
    fn staged(&mut self, now: u64, message: ServerMessage) {
        let s = &mut self.shared;
        match &mut self.stage {
            Stage::Outside(newcomer) => {
                let arrival = match message {
                    ServerMessage::Admitted { calls, limits, sheet } => {
                        // SECURITY: a room that somebody else registered under this id, a sheet of another room or server, or limits above
                        // the signed ones. Below them is the server's to refuse and ours to tell.
                        match s.open_sheet(&limits, &sheet) {
                            Ok(sheet) => {
                                s.less = watch::less(&limits, &sheet.record.limits);
                                if s.invite_is_over(&sheet) {
                                    return self.end(EndReason::InviteRefused);
                                }
                                if let Some(title) = clean_title(&sheet.title) {
                                    s.event(Event::Title(title));
                                }
                                s.room.sheet = Some(sheet.clone());
                                s.use_deed(&sheet);
                                newcomer.believe(sheet, s.role.as_ref());
                                newcomer.admitted(now, calls, s)
                            }
                            Err(_) => return self.end(EndReason::ForeignRoom),
                        }
                    }
                    ServerMessage::EnvelopeIn { seq, envelope } => newcomer.envelope(now, seq, &envelope, s),
                    ServerMessage::Refused {
                        re: client_type::ENVELOPE,
                        code,
                        ..
                    } => newcomer.refused(now, code, s),
                    _ => Ok(None),
                };
                self.arrive(now, arrival);
            }
            Stage::Inside(inside) => {
                let turn = match message {
                    ServerMessage::Admitted { calls, limits, .. } => {
                        if let Some(sheet) = &s.room.sheet {
                            s.less = watch::less(&limits, &sheet.record.limits);
                        }
                        inside.admitted(now, &calls, s)
                    }
                    message => inside.message(now, message, s),
                };
                self.turn(now, turn);
            }
            Stage::Over => {}
        }
    }

    fn not_admitted(&mut self, code: RefusalCode) {
        match code {
            // The link was changed in the group, and at the server not yet; or the reverse.
            RefusalCode::NotAllowed if self.shared.connection.try_other_link() => self.drop_connection(),
            RefusalCode::NotAllowed => self.end(EndReason::NotAllowed),
            RefusalCode::RoomFull => self.end(EndReason::RoomFull),
            RefusalCode::ServerFull => self.end(EndReason::ServerFull),
            RefusalCode::Malformed | RefusalCode::TooLarge => self.end(EndReason::Incompatible),
            // The server goes down or is too busy: try again later. The others belong to calls, of which it was not asked yet. Listed one by one: a new code
            // of the server has to be thought of here, or this does not compile.
            RefusalCode::Closing
            | RefusalCode::RateLimited
            | RefusalCode::StaleSequence
            | RefusalCode::UnknownCall
            | RefusalCode::SdpUnusable
            | RefusalCode::NotAttached
            | RefusalCode::CallLimit
            | RefusalCode::BacklogGone
            | RefusalCode::FloorFull => self.drop_connection(),
        }
    }

    fn closed(&mut self, code: u16) {
        match RefusalCode::from_close_code(code) {
            Some(code @ (RefusalCode::NotAllowed | RefusalCode::RoomFull | RefusalCode::ServerFull))
                if !self.shared.connection.is_up() =>
            {
                self.not_admitted(code)
            }
            _ => self.lost(),
        }
    }

    fn drop_connection(&mut self) {
        let s = &mut self.shared;
        s.connection.close(&mut s.out);
        self.lost();
    }

    fn lost(&mut self) {
        let s = &mut self.shared;
        s.connection.lost(&mut s.random, &mut s.out);
        match &mut self.stage {
            Stage::Inside(inside) => inside.lost(s),
            Stage::Outside(newcomer) if newcomer.returning => s.stand(State::Reconnecting),
            _ => s.stand(State::Connecting),
        }
    }

    /// A newcomer got in, or not.
    fn arrive(&mut self, now: u64, arrival: Result<Option<Arrival>, CoreError>) {
        match arrival {
            Ok(None) => {}
            Ok(Some(Arrival::Founded(group, call))) => self.enter(now, *group, call, 0),
            Ok(Some(Arrival::Joined(joined))) => self.join(now, *joined),
            Ok(Some(Arrival::Refused)) if self.shared.invite.is_some() => self.end(EndReason::InviteRefused),
            Ok(Some(Arrival::Refused)) => self.end(EndReason::Refused),
            Ok(Some(Arrival::Full)) => self.end(EndReason::RoomFull),
            Err(CoreError::Library | CoreError::NoGroup) => self.end(EndReason::Internal),
            // SECURITY: a peer's bad card or welcome is dropped; the next knock brings another.
            Err(_) => {}
        }
    }

    fn join(&mut self, now: u64, joined: Joined) {
        let call = joined.group.call();
        self.enter(now, joined.group, call, joined.seq);
        if let Stage::Inside(inside) = &mut self.stage {
            if joined.resumed {
                self.shared.event(Event::Notice(NoticeCode::PlaceBack));
            }
            inside.hear_all(now, joined.early, &mut self.shared);
        }
    }

    fn enter(&mut self, now: u64, group: Group, call: CallId, have_seq: u64) {
        match Inside::enter(now, group, call, have_seq, self.switches, &mut self.shared) {
            Ok(inside) => self.stage = Stage::Inside(Box::new(inside)),
            Err(_) => self.end(EndReason::Internal),
        }
    }

    fn turn(&mut self, now: u64, turn: Turn) {
        match turn {
            Turn::Stay => {}
            Turn::End(reason) => self.end(reason),
            Turn::StartOver => {
                let Some(mut inside) = self.leave_stage() else { return };
                // The old call is over with its last member. A fresh connection brings a fresh list of calls, and nothing that was meant
                // for the old one: neither its envelopes nor the answer to an offer made there.
                inside.give_up_call(&mut self.shared);
                match self.shared.keyring() {
                    Ok(keyring) => self.outside(Newcomer::over_again(keyring, inside.into_group().into_identity())),
                    Err(_) => self.end(EndReason::Internal),
                }
            }
            Turn::TakeBack => {
                let Some(inside) = self.leave_stage() else { return };
                let s = &mut self.shared;
                s.stand(State::Reconnecting);
                let (call, old) = (inside.call(), inside.into_group().into_identity());
                let heir = s.heir(&call, old.data.member_id, &old.key);
                self.go_outside(heir, true, Some(call));
            }
            Turn::Knock(keyring, identity) => {
                let Some(inside) = self.leave_stage() else { return };
                self.shared.stand(State::Reconnecting);
                let newcomer = Newcomer::new(*keyring, *identity, true, Some(inside.call()));
                self.stage = Stage::Outside(Box::new(newcomer));
                self.shared.connection.open(&mut self.shared.out);
            }
            Turn::Readded(joined) => {
                if self.leave_stage().is_some() {
                    self.join(now, *joined);
                }
            }
        }
    }

    /// Takes the call out of the member: nothing that its slots received is expected any more.
    fn leave_stage(&mut self) -> Option<Inside> {
        let Stage::Inside(mut inside) = std::mem::replace(&mut self.stage, Stage::Over) else {
            return None;
        };
        inside.media.expect_nothing(&mut self.shared.out);
        Some(*inside)
    }

    fn go_outside(&mut self, identity: Identity, returning: bool, resume: Option<CallId>) {
        match self.shared.keyring() {
            Ok(keyring) => self.outside(Newcomer::new(keyring, identity, returning, resume)),
            Err(_) => self.end(EndReason::Internal),
        }
    }

    fn outside(&mut self, newcomer: Newcomer) {
        self.stage = Stage::Outside(Box::new(newcomer));
        self.shared.connection.open(&mut self.shared.out);
    }

    fn tick(&mut self, now: u64) {
        let s = &mut self.shared;
        s.age_link(now);
        if s.connection.tick(now, &mut s.out) {
            self.drop_connection();
        }
        let s = &mut self.shared;
        match &mut self.stage {
            Stage::Outside(newcomer) => {
                let given_up = !newcomer.returning
                    && !s.connection.is_up()
                    && self
                        .server_seen_at
                        .is_some_and(|at| now.saturating_sub(at) >= GIVE_UP_MS);
                let arrival = newcomer.tick(now, s);
                if given_up {
                    self.end(EndReason::ServerAway);
                } else {
                    self.arrive(now, arrival);
                }
            }
            Stage::Inside(inside) => {
                let turn = inside.tick(now, s);
                self.turn(now, turn);
            }
            Stage::Over => {}
        }
    }

    fn next_deadline(&mut self, now: u64) -> Option<u64> {
        let own = match &mut self.stage {
            Stage::Outside(newcomer) => {
                let give_up = self
                    .server_seen_at
                    .map(|at| at + GIVE_UP_MS)
                    .filter(|_| !self.shared.connection.is_up());
                newcomer.timeout().into_iter().chain(give_up).min()
            }
            Stage::Inside(inside) => inside.timeout(now),
            Stage::Over => return None,
        };
        own.into_iter()
            .chain(self.shared.connection.timeout())
            .filter(|at| *at > now)
            .min()
    }

    fn leave(&mut self) {
        if let Stage::Inside(inside) = &mut self.stage {
            inside.leave(&mut self.shared);
        }
        self.end(EndReason::Left);
    }

    /// SECURITY: the stage holds every secret of the group; dropping it wipes them.
    fn end(&mut self, reason: EndReason) {
        self.stage = Stage::Over;
        let s = &mut self.shared;
        s.connection.close(&mut s.out);
        s.forget_place();
        s.stand(State::Ended(reason));
    }
}
