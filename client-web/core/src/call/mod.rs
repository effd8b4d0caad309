//! The call as one member lives it: [`Member`], and the parts that it is made of.
//!
//! Does not do I/O. Parts: `options` (what a member is made with), `stage` and `server` (where it stands, and what moves it), `socket` (connection),
//! `newcomer` with `choose`, `card`, `knock` (getting in), `inside` with `epochs`, `routine`, `council`, `show` (being in), `takeback` with `place` (coming
//! back after losing all), `watch` (what may be wrong), `log`, `roster`, `committer`, `slots`, `media`, `words` (what being in consists of), `shared`
//! (what all need).

mod card;
mod carry;
mod choose;
mod committer;
mod council;
mod epochs;
mod errand;
#[cfg(conclave_forge)]
mod forged;
mod inside;
mod invites;
mod knock;
mod lines;
mod log;
mod media;
mod newcomer;
mod options;
mod own_link;
mod owner;
mod place;
mod relink;
mod rights;
mod roster;
mod routine;
mod server;
mod shared;
mod show;
mod slots;
mod socket;
mod stage;
mod takeback;
mod warming;
mod watch;
mod words;

#[cfg(test)]
mod astray;
#[cfg(test)]
mod behind;
#[cfg(test)]
mod cheats;
#[cfg(test)]
mod relinked;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod void;

use std::collections::VecDeque;

use conclave_protocol::ids::RoomId;
use conclave_protocol::keys::LinkKeys;
use conclave_protocol::link::GuestLink;
use conclave_protocol::server_name::ServerName;

use crate::error::CoreError;
use crate::group::{LeafKey, RoleKey, RoomBinding};
use crate::io::{EndReason, Event, Input, NoticeCode, Output, State};
use crate::limits::{FROZEN_MS, GIVE_UP_MS, KNOCK_RETRY_MS};
use crate::random::Random;
use crate::text::clean_name;
use errand::Errands;
use newcomer::Newcomer;
use owner::OwnersDeed;
use place::Place;
use relink::Relinking;
use shared::Shared;
use socket::Connection;
use stage::Stage;

pub use options::{Options, Owner, OwnerKey};

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
            lines: 0,
            unfinished: Vec::new(),
            relinking: Relinking::default(),
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
        self.run_errands(now_ms);
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
                inside.forget_knocks(now, s);
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
            Stage::Inside(inside) => inside.timeout(now, &self.shared),
            Stage::Over => return None,
        };
        own.into_iter()
            .chain(self.shared.connection.timeout())
            .chain(self.errands_timeout())
            .filter(|at| *at > now)
            .min()
    }
}
