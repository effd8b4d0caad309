//! A small world in virtual time: the real delivery service, real members, and a network that delays, cuts and restarts.
//!
//! Does not fake anything that is ours. Deterministic for a seed except for the MLS library's own randomness; the seed is printed. Within one
//! direction and priority frames keep their order; low priority is slower, so that words can overtake the commit they depend on.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::print_stdout, reason = "a failing test shows its seed")]

mod net;
mod tab;

use std::collections::BTreeMap;

use conclave_core::{Input, Member, Options, Output, Owner, OwnerKey, State};
use conclave_protocol::credential::{Deed, HostCredential};
use conclave_protocol::envelope::{Envelope, EnvelopeType};
use conclave_protocol::ids::{CallId, MemberId};
use conclave_protocol::invite::InviteLink;
use conclave_protocol::keys::{AdmissionPk, LinkKeys, LinkSecret};
use conclave_protocol::link::GuestLink;
use conclave_protocol::message::{ClientMessage, ServerMessage};
use conclave_protocol::moderator::ModeratorKey;
use conclave_protocol::room::{Limits, NEW_ROOM_ENTROPY, RoomPlan, RoomRecord, make_room_for};
use conclave_protocol::server_name::ServerName;
use conclave_protocol::sheet::{Found, Rules};
use conclave_rooms::{Config, ConnId, Input as RoomsInput, Rooms};

pub use tab::Tab;

/// VP8 and VP9.
pub const CODECS: u8 = 0b011;

/// See [`World::withhold`]: from, to, the frame.
pub type Withhold = Box<dyn Fn(Option<usize>, usize, &ServerMessage) -> bool>;
/// See [`World::swallow`]: from, the frame.
pub type Swallow = Box<dyn Fn(usize, &ClientMessage) -> bool>;
/// The day of everything here.
pub const TODAY: u16 = 20_050;

/// What a tab has besides the link.
#[derive(Clone, Copy, Default)]
struct Showing<'a> {
    place: Option<&'a [u8]>,
    owner: Option<Owner<'a>>,
    invite: Option<&'a conclave_protocol::invite::Invite>,
}

/// Part of a commit on its way up, in whatever size.
pub fn is_commit(message: &ClientMessage) -> bool {
    match message {
        ClientMessage::Chunk { .. } => true,
        ClientMessage::EnvelopeOut { envelopes } => envelopes
            .iter()
            .any(|e| Envelope::decode(e).is_ok_and(|e| e.clear.kind == EnvelopeType::Commit)),
        _ => false,
    }
}

/// A commit on its way down; its notice passes.
pub fn is_commit_in(message: &ServerMessage) -> bool {
    match message {
        ServerMessage::EnvelopeIn { seq: Some(_), envelope } => {
            Envelope::decode(envelope).is_ok_and(|envelope| envelope.clear.kind == EnvelopeType::Commit)
        }
        _ => false,
    }
}

/// How many seeds to try: so many in every run of the tests, and forty times as many in a long search for what is rare (`./x long core`).
pub fn seeds(usual: u64) -> u64 {
    if std::env::var_os("CONCLAVE_LONG").is_some() {
        40 * usual
    } else {
        usual
    }
}

/// Worlds that [`until_seen`] tries. With a chance of one half each, three of them show it in all but one of a thousand million runs.
const TRIES: u64 = 40;

/// Tries one seed after the other until `enough` of them showed what a test is about. Who commits, and so what comes to pass, is a throw of the MLS library's own dice,
/// which no seed fixes: a set number of seeds would now and then show nothing.
pub fn until_seen(enough: u32, what: &str, mut shows: impl FnMut(u64) -> bool) {
    let mut seen = 0;
    for seed in 1..=TRIES {
        seen += u32::from(shows(seed));
        if seen == enough {
            return;
        }
    }
    panic!("of {TRIES} worlds only {seen} showed it: {what}");
}

/// What is on its way.
pub enum Flying {
    /// A frame from a tab.
    Up { conn: ConnId, bytes: Vec<u8> },
    /// A frame to a tab.
    Down { tab: usize, conn: ConnId, bytes: Vec<u8> },
    /// A tab's socket request arrives.
    Open { tab: usize, conn: ConnId },
    /// A tab learns that its socket is open.
    Opened { tab: usize, conn: ConnId },
    /// A tab learns that its socket is gone.
    Gone { tab: usize, conn: ConnId, code: u16 },
    /// The server learns that a socket is gone.
    Hangup { conn: ConnId },
}

/// See the module.
pub struct World {
    pub now: u64,
    pub tabs: Vec<Tab>,
    pub link: GuestLink,
    pub server: ServerName,
    pub credential: HostCredential,
    pub deed: Deed,
    /// The newest sequence that the server announced, and in which call.
    pub head: Option<(CallId, u64)>,
    /// An evil server's will: whether it keeps what `from` caused (if anybody did) from `to`.
    pub withhold: Option<Withhold>,
    /// And whether it takes a frame of `from` at all.
    pub swallow: Option<Swallow>,
    /// Frames that were sent so far, up and down.
    pub frames: u64,
    /// Those of them that come late, by their number, and what is behind them in their lane with them; and by how many milliseconds.
    pub late: (Vec<u64>, u64),
    /// Words of members that were sent to the connection that is watched.
    pub watched: usize,
    watching: Option<ConnId>,
    rooms: Rooms,
    record: RoomRecord,
    flying: BTreeMap<(u64, u64), Flying>,
    next_order: u64,
    next_conn: u64,
    random: u64,
    seed: u64,
}

impl World {
    pub fn new(seed: u64) -> Self {
        Self::with_rules(
            seed,
            Rules {
                found: Found::Anyone,
                lobby: false,
            },
        )
    }

    /// A room in which only somebody with a role begins a call, and newcomers ask.
    pub fn with_a_host(seed: u64) -> Self {
        Self::with_rules(
            seed,
            Rules {
                found: Found::Host,
                lobby: true,
            },
        )
    }

    pub fn with_rules(seed: u64, rules: Rules) -> Self {
        Self::with_terms(seed, rules, false)
    }

    /// A room with a host whose owner wants everybody to stop sending while a removal does not take effect.
    pub fn strict(seed: u64) -> Self {
        let rules = Rules {
            found: Found::Host,
            lobby: true,
        };
        Self::with_terms(seed, rules, true)
    }

    fn with_terms(seed: u64, rules: Rules, strict: bool) -> Self {
        println!("seed {seed}");
        let server = ServerName::parse("localhost:8443").unwrap();
        let plan = RoomPlan {
            server: server.clone(),
            title: String::new(),
            day_made: 20_000,
            day_expires: 20_100,
            limits: Limits::default(),
            operator_keys: true,
        };
        let room = make_room_for(&[seed as u8 ^ 0x5A; NEW_ROOM_ENTROPY], &plan, rules, None, strict).unwrap();
        let rooms = fresh_rooms(&server, &room.record);
        Self {
            now: 1_000,
            tabs: Vec::new(),
            link: room.guest_link,
            credential: room.host_credential,
            deed: room.deed,
            server,
            head: None,
            withhold: None,
            swallow: None,
            frames: 0,
            late: (Vec::new(), 0),
            watched: 0,
            watching: None,
            rooms,
            record: room.record,
            flying: BTreeMap::new(),
            next_order: 0,
            next_conn: 1,
            random: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            seed,
        }
    }

    fn start_rooms(&mut self) {
        self.rooms = fresh_rooms(&self.server, &self.record);
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % bound
    }

    /// Opens a tab under `name`; gives its number.
    pub fn join(&mut self, name: &str) -> usize {
        let link = self.link.clone();
        self.join_with(name, &link, CODECS)
    }

    pub fn join_with(&mut self, name: &str, link: &GuestLink, codecs: u8) -> usize {
        self.open_tab(name, link, codecs, Showing::default())
    }

    /// Opens a tab with the owner's key.
    pub fn join_as_host(&mut self, name: &str) -> usize {
        let credential = self.credential.clone();
        self.join_with_key(name, OwnerKey::Credential(&credential), None)
    }

    /// Opens a tab with a moderator's key, if wanted with the record of an older one.
    pub fn join_as_moderator(&mut self, name: &str, key: &ModeratorKey, place: Option<&[u8]>) -> usize {
        self.join_with_key(name, OwnerKey::Moderator(key), place)
    }

    /// Opens a tab with the deed.
    pub fn join_with_the_deed(&mut self, name: &str) -> usize {
        let deed = self.deed.clone();
        self.join_with_key(name, OwnerKey::Deed(&deed), None)
    }

    fn join_with_key(&mut self, name: &str, key: OwnerKey<'_>, place: Option<&[u8]>) -> usize {
        let link = self.link.clone();
        let owner = Some(Owner { key, today: TODAY });
        let showing = Showing {
            owner,
            place,
            ..Showing::default()
        };
        self.open_tab(name, &link, CODECS, showing)
    }

    /// Opens a tab with a personal invite.
    pub fn join_by_invite(&mut self, name: &str, link: &InviteLink, place: Option<&[u8]>) -> usize {
        let invite = Some(&link.invite);
        let showing = Showing {
            invite,
            place,
            ..Showing::default()
        };
        self.open_tab(name, &link.guest, CODECS, showing)
    }

    /// The server shows another record of the room from here on.
    pub fn serve_record(&mut self, change: impl FnOnce(&mut RoomRecord)) {
        change(&mut self.record);
        let record = self.record.clone();
        self.rooms(RoomsInput::RoomAdded(record));
    }

    /// Whether the server admits by this link.
    pub fn admits_by(&self, link: &GuestLink) -> bool {
        let key = LinkKeys::derive(&link.link_secret).admission(&self.server).public();
        *self.record.admission_pk.as_bytes() == key
    }

    /// The key by which the server admits.
    pub fn admission_pk(&self) -> AdmissionPk {
        self.record.admission_pk
    }

    /// Opens a tab that has the record of an older one.
    pub fn reopen(&mut self, name: &str, place: &[u8]) -> usize {
        let link = self.link.clone();
        let place = Some(place);
        self.open_tab(
            name,
            &link,
            CODECS,
            Showing {
                place,
                ..Showing::default()
            },
        )
    }

    /// The tab is loaded again: all is lost but the record.
    pub fn reload(&mut self, tab: usize) -> usize {
        let (name, place) = (self.tabs[tab].name.clone(), self.tabs[tab].place.clone().unwrap());
        self.kill(tab);
        self.reopen(&name, &place)
    }

    fn open_tab(
        &mut self,
        name: &str,
        link: &GuestLink,
        codecs: u8,
        Showing { place, owner, invite }: Showing<'_>,
    ) -> usize {
        let n = self.tabs.len();
        let mut seed = [n as u8; 32];
        for byte in &mut seed[8..] {
            *byte = self.below(256) as u8;
        }
        let options = Options {
            seed,
            place,
            owner,
            invite,
        };
        let member = Member::new(link, &self.server, name, codecs, &options).unwrap();
        self.tabs.push(Tab::new(name, member));
        self.drain(n);
        n
    }

    /// Opens several tabs one after the other, each when the ones before are together.
    pub fn call_of(&mut self, names: &[&str]) -> Vec<usize> {
        let mut tabs = Vec::new();
        for name in names {
            tabs.push(self.join(name));
            let so_far = tabs.clone();
            self.until("everybody so far is together", 5_000, |w| w.together(&so_far));
        }
        tabs
    }

    /// A host, and guests whom the host lets in one by one.
    pub fn hosted(&mut self, guests: &[&str]) -> Vec<usize> {
        let mut tabs = vec![self.join_as_host("Hope")];
        self.until("the host is in", 5_000, |w| w.tabs[0].state == State::InCall);
        for name in guests {
            let tab = self.join(name);
            self.until("the host sees who asks", 5_000, |w| w.tabs[0].lobby.len() == 1);
            self.give(0, Input::AdmitAll);
            tabs.push(tab);
            let so_far = tabs.clone();
            self.until("they were let in", 5_000, |w| w.together(&so_far));
        }
        tabs
    }

    /// The link with the right room and another secret.
    pub fn wrong_link(&self) -> GuestLink {
        GuestLink {
            link_secret: LinkSecret::from_bytes([0xEE; 32]),
            ..self.link.clone()
        }
    }

    /// Gives a tab an input, and does what it asks for.
    pub fn give(&mut self, tab: usize, input: Input<'_>) {
        if self.tabs[tab].killed {
            return;
        }
        self.tabs[tab].member.handle(self.now, input);
        self.drain(tab);
    }

    fn drain(&mut self, tab: usize) {
        while let Some(output) = self.tabs[tab].member.poll_output() {
            self.carry_out(tab, output);
        }
    }

    fn carry_out(&mut self, tab: usize, output: Output) {
        match output {
            Output::OpenSocket { after_ms } => self.open_socket(tab, after_ms),
            Output::CloseSocket => self.close_socket(tab),
            Output::Send { high, bytes } => self.send_up(tab, high, bytes),
            Output::NeedOffer => {
                self.tabs[tab].answers = 0;
                self.tabs[tab].offers = 1;
                self.give(tab, Input::MediaReady { mids: tab::sections() });
                self.give(tab, Input::LocalOffer { sdp: "offer".into() });
            }
            other => {
                let now = self.now;
                self.tabs[tab].record(now, other);
            }
        }
    }

    /// Lets `ms` pass.
    pub fn run(&mut self, ms: u64) {
        let until = self.now + ms;
        let mut steps = 0u64;
        while self.step(until) {
            steps += 1;
            assert!(steps < 2_000_000, "seed {}: the world does not come to rest", self.seed);
        }
        self.now = until;
    }

    /// Lets time pass until `done`, at most `ms`; panics with `what` if it does not come.
    pub fn until(&mut self, what: &str, ms: u64, done: impl Fn(&Self) -> bool) {
        let deadline = self.now + ms;
        while !done(self) {
            assert!(self.step(deadline), "seed {}: not within {ms} ms: {what}", self.seed);
        }
    }

    /// The next thing that happens up to `until`; `false` if nothing does.
    fn step(&mut self, until: u64) -> bool {
        if self.wake() {
            return true;
        }
        let flying = self.flying.keys().next().map(|k| k.0);
        let rooms = self.rooms.poll_timeout();
        let tab = self
            .tabs
            .iter()
            .enumerate()
            .filter(|(_, t)| !t.killed && !t.asleep)
            .filter_map(|(n, t)| Some((t.member.poll_timeout()?, n)))
            .min();
        let next = [flying, rooms, tab.map(|t| t.0)].into_iter().flatten().min();
        let Some(next) = next.filter(|at| *at <= until) else {
            return false;
        };
        self.now = self.now.max(next);
        if flying.is_some_and(|at| at <= self.now) {
            if let Some((_, what)) = self.flying.pop_first() {
                self.land(what);
            }
        } else if let Some((_, n)) = tab.filter(|(at, _)| *at <= self.now) {
            let before = self.tabs[n].member.poll_timeout();
            self.give(n, Input::Tick);
            let after = self.tabs[n].member.poll_timeout();
            assert!(
                after.is_none() || after > Some(self.now),
                "seed {}: a deadline of {before:?} stays in the past at {}",
                self.seed,
                self.now
            );
        } else {
            self.rooms(RoomsInput::Timeout);
        }
        true
    }

    /// Somebody in another's list.
    pub fn id(&self, seen_by: usize, name: &str) -> MemberId {
        self.tabs[seen_by].sees(name).expect("not in the list").member_id
    }

    /// Everybody of `tabs` is in one epoch with one key, and sees exactly these people.
    pub fn together(&self, tabs: &[usize]) -> bool {
        let Some(first) = tabs.first().and_then(|t| self.tabs[*t].keys.last()) else {
            return false;
        };
        let mut names: Vec<&str> = tabs.iter().map(|t| self.tabs[*t].name.as_str()).collect();
        names.sort_unstable();
        tabs.iter().all(|t| {
            let tab = &self.tabs[*t];
            let same = tab.keys.last().is_some_and(|k| {
                k.epoch == first.epoch && k.base_key == first.base_key && k.leaves.len() == tabs.len()
            });
            same && tab.state == State::InCall && tab.names() == names
        })
    }
}

/// The delivery service as it starts: it knows its rooms.
fn fresh_rooms(server: &ServerName, record: &RoomRecord) -> Rooms {
    let config = Config {
        server: server.clone(),
        dummy_admission_pk: AdmissionPk::from_bytes([0x42; 32]),
        max_connections: 1_000,
    };
    let mut rooms = Rooms::new(config);
    rooms.handle(0, RoomsInput::RoomAdded(record.clone()));
    rooms
}
