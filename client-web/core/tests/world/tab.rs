//! One tab: a member and everything that it said to its screen and media.

use std::collections::{BTreeMap, VecDeque};

use conclave_core::{
    AlarmsView, CompareView, DepartReason, Door, EpochKeysOut, Event, InviteView, LobbyEntry, Member, MidRole,
    NoticeCode, Output, Presence, Role, RosterEntry, RulesView, State,
};
use conclave_protocol::ids::{TrackId, TrackKind};
use conclave_rooms::ConnId;

use super::Flying;

/// See the module.
pub struct Tab {
    pub name: String,
    pub member: Member,
    pub conn: Option<ConnId>,
    /// No network: frames are lost, sockets cannot be opened.
    pub offline: bool,
    /// The tab is gone without a word.
    pub killed: bool,
    /// The tab does not run for now: whatever lands on it waits until it does.
    pub asleep: bool,
    pub held: VecDeque<Flying>,
    pub state: State,
    pub states: Vec<State>,
    pub roster: Vec<RosterEntry>,
    pub keys: Vec<EpochKeysOut>,
    pub chat: Vec<(String, String)>,
    /// The numbers of those lines.
    pub lines: Vec<u32>,
    /// Lines that perhaps nobody read.
    pub unsure: Vec<String>,
    pub departed: Vec<(String, DepartReason)>,
    pub arrived: Vec<String>,
    pub returned: Vec<String>,
    /// The newest record of this tab's place, unless it was told to forget it.
    pub place: Option<Vec<u8>>,
    pub safety: Vec<String>,
    pub notices: Vec<NoticeCode>,
    pub lobby: Vec<LobbyEntry>,
    pub alarms: AlarmsView,
    /// The comparison that runs.
    pub compare: Option<CompareView>,
    /// Those that are over: whether the number had changed.
    pub compares_over: Vec<bool>,
    pub rules: Option<RulesView>,
    pub invites: Vec<InviteView>,
    /// Texts of working keys made of a deed.
    pub credentials: Vec<String>,
    pub links: Vec<String>,
    pub code: Option<String>,
    pub title: Option<String>,
    pub door: Option<Door>,
    pub holds: Vec<(u64, bool)>,
    pub expects: BTreeMap<String, TrackId>,
    pub codec: Option<u8>,
    /// Answers applied to the present peer connection, and offers made on it.
    pub answers: usize,
    pub offers: usize,
    /// What this tab sends takes this much longer.
    pub lag_up: u64,
    /// Commits and welcomes to this tab take this much longer.
    pub lag_low: u64,
    /// Of commits and welcomes that came so far.
    pub low_bytes: usize,
    /// Commits and welcomes that land on this tab before then are lost.
    pub deaf_until: u64,
    /// Per direction and priority, when the last frame lands: order is kept.
    pub lanes: BTreeMap<(bool, bool), u64>,
}

impl Tab {
    pub fn new(name: &str, member: Member) -> Self {
        Self {
            name: name.into(),
            member,
            conn: None,
            offline: false,
            killed: false,
            asleep: false,
            held: VecDeque::new(),
            state: State::Connecting,
            states: Vec::new(),
            roster: Vec::new(),
            keys: Vec::new(),
            chat: Vec::new(),
            lines: Vec::new(),
            unsure: Vec::new(),
            departed: Vec::new(),
            arrived: Vec::new(),
            returned: Vec::new(),
            place: None,
            safety: Vec::new(),
            notices: Vec::new(),
            lobby: Vec::new(),
            alarms: AlarmsView::default(),
            compare: None,
            compares_over: Vec::new(),
            rules: None,
            invites: Vec::new(),
            credentials: Vec::new(),
            links: Vec::new(),
            code: None,
            title: None,
            door: None,
            holds: Vec::new(),
            expects: BTreeMap::new(),
            codec: None,
            answers: 0,
            offers: 0,
            lag_up: 0,
            lag_low: 0,
            low_bytes: 0,
            deaf_until: 0,
            lanes: BTreeMap::new(),
        }
    }

    pub fn record(&mut self, now: u64, output: Output) {
        match output {
            Output::Keys(keys) => self.keys.push(keys),
            Output::Hold(on) => self.holds.push((now, on)),
            Output::Expect {
                mid,
                track: Some(track),
                ..
            } => {
                self.expects.insert(mid, track);
            }
            Output::Expect { mid, track: None, .. } => {
                self.expects.remove(&mid);
            }
            Output::Place(bytes) => self.place = Some(bytes.to_vec()),
            Output::PlaceGone => self.place = None,
            Output::PreferCodec(codec) => self.codec = Some(codec),
            Output::ApplyAnswer { .. } => self.answers += 1,
            Output::Event(event) => self.event(event),
            _ => {}
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::State(state) => {
                self.state = state;
                self.states.push(state);
            }
            Event::Roster(roster) => self.roster = roster,
            Event::Chat { name, text, line, .. } => {
                self.chat.push((name, text));
                self.lines.push(line);
            }
            Event::Unsure { line } => {
                let n = self.lines.iter().position(|l| *l == line).unwrap();
                self.unsure.push(self.chat[n].1.clone());
            }
            Event::Departed { name, reason } => self.departed.push((name, reason)),
            Event::Arrived { name } => self.arrived.push(name),
            Event::Returned { name } => self.returned.push(name),
            Event::SafetyNumber(digits) => self.safety.push(digits),
            Event::Alarms(alarms) => self.alarms = alarms,
            Event::Compare(view) => self.compare = Some(view),
            Event::CompareOver { changed } => {
                self.compare = None;
                self.compares_over.push(changed);
            }
            Event::Notice(code) => self.notices.push(code),
            Event::Lobby(entries) => self.lobby = entries,
            Event::Rules(view) => self.rules = Some(view),
            Event::Invite(invite) => self.invites.push(invite),
            Event::LinkChanged(fragment) => self.links.push(fragment.to_string()),
            Event::Credential(text) => self.credentials.push(text.to_string()),
            Event::WaitingCode(code) => self.code = Some(code),
            Event::Title(title) => self.title = Some(title),
            Event::Door(door) => self.door = Some(door),
            _ => {}
        }
    }

    /// Names on the screen, sorted.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.roster.iter().map(|e| e.name.as_str()).collect();
        names.sort_unstable();
        names
    }

    pub fn sees(&self, name: &str) -> Option<&RosterEntry> {
        self.roster.iter().find(|e| e.name == name)
    }

    pub fn sees_lost(&self, name: &str) -> bool {
        self.sees(name).is_some_and(|e| e.presence == Presence::LostConnection)
    }

    pub fn epoch(&self) -> Option<u64> {
        self.keys.last().map(|k| k.epoch)
    }
}

/// The sections of the one offer that browsers and native members make.
pub fn sections() -> Vec<MidRole> {
    let mut roles: Vec<Role> = TrackKind::ALL.into_iter().map(Role::Publish).collect();
    roles.extend((0..8).map(Role::AudioSlot));
    roles.extend((0..8).map(Role::CameraSlot));
    roles.extend([Role::ScreenSlot, Role::ScreenAudioSlot]);
    roles
        .into_iter()
        .enumerate()
        .map(|(n, role)| MidRole {
            mid: n.to_string(),
            role,
        })
        .collect()
}
