//! What a test can see of a bot. Names and texts are the tests' own; still nothing here can be formatted whole,
//! so that a failing test prints what it asked for and not what it got.

use std::collections::BTreeMap;

use conclave_core::{
    AlarmsView, CompareView, DepartReason, EndReason, LobbyEntry, MemberRole, NoticeCode, RulesView, State,
};
use conclave_frame::{Kind, TransportId};
use conclave_protocol::ids::MemberId;

/// Somebody in the roster.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// As signed into their leaf.
    pub name: String,
    /// The bot itself.
    pub is_self: bool,
    /// Their leaf.
    pub leaf: u32,
    /// Their transport id.
    pub transport: TransportId,
    /// Camera on.
    pub camera: bool,
    /// Microphone on.
    pub microphone: bool,
    /// Screen shared.
    pub screen: bool,
    /// For decisions about them.
    pub member_id: MemberId,
    /// By proof.
    pub role: Option<MemberRole>,
    /// The number of the personal invite by which they came.
    pub invite: Option<u32>,
}

/// A line of the chat.
#[derive(Clone, PartialEq, Eq)]
pub struct Line {
    /// Who wrote.
    pub name: String,
    /// What.
    pub text: String,
    /// The bot itself wrote.
    pub mine: bool,
    /// Its number in this member's view.
    pub line: u32,
    /// Perhaps nobody read it, as far as its writer knows.
    pub unsure: bool,
}

/// What came of one member's track.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Frames opened as this member's.
    pub opened: u64,
    /// Frames that came in a slot asked for this member and did not open, copies and silence apart.
    pub rejected: u64,
    /// Opened frames whose bytes are exactly what a bot made.
    pub intact: u64,
    /// Opened key frames.
    pub key_frames: u64,
    /// Id in the newest intact frame.
    pub last_id: Option<u64>,
    /// Counter in the newest intact frame.
    pub last_counter: Option<u32>,
    /// Milliseconds since the bot's start at which the first frame opened.
    pub first_ms: Option<u64>,
    /// Capture time of the newest frame, on its sender's clock.
    pub last_capture_ms: u32,
    /// Leaf of the newest frame's sender.
    pub last_leaf: Option<u32>,
}

/// Everything that is known of a bot at one moment.
#[derive(Clone)]
pub struct View {
    /// Where it stands.
    pub state: State,
    /// Who is in the call, itself first.
    pub roster: Vec<Person>,
    /// All chat lines so far.
    pub chat: Vec<Line>,
    /// The newest safety number and the epoch in which it was shown.
    pub safety_number: Option<(u64, String)>,
    /// How often one was shown.
    pub safety_numbers: u64,
    /// The epoch of the newest keys.
    pub epoch: Option<u64>,
    /// Bytes of what it sent so far that may wait, commits and welcomes.
    pub submitted: usize,
    /// Names of those who came, in order.
    pub arrived: Vec<String>,
    /// Names of those who are back, in order.
    pub returned: Vec<String>,
    /// The record of its place, if there is one.
    pub place: Option<Vec<u8>>,
    /// Names of those who went, in order, and how.
    pub departed: Vec<(String, DepartReason)>,
    /// Who waits to be let in, if this bot may let them.
    pub lobby: Vec<LobbyEntry>,
    /// Personal invites that this bot made: numbers, and what stands behind `#` in their links.
    pub invites: Vec<(u32, String)>,
    /// What stands behind `#` in the room's newest link, if it was changed.
    pub link: Option<String>,
    /// The text of its newest working key, if it was told one.
    pub credential: Option<String>,
    /// The rules of the call.
    pub rules: Option<RulesView>,
    /// What may not be as it should.
    pub alarms: AlarmsView,
    /// The comparison of the number that runs.
    pub compare: Option<CompareView>,
    /// The code of its own newest knock.
    pub waiting_code: Option<String>,
    /// Notices, in order.
    pub notices: Vec<NoticeCode>,
    /// The media connection is up.
    pub connected: bool,
    /// What became of media connections, in order; for failing waits.
    pub steps: Vec<&'static str>,
    /// Frames sealed so far, by kind.
    pub sealed: [u64; Kind::COUNT],
    pub(crate) tracks: BTreeMap<(TransportId, u8), Stats>,
    pub(crate) names: BTreeMap<TransportId, String>,
}

impl View {
    pub(crate) fn new() -> Self {
        Self {
            state: State::Connecting,
            roster: Vec::new(),
            chat: Vec::new(),
            safety_number: None,
            safety_numbers: 0,
            epoch: None,
            submitted: 0,
            arrived: Vec::new(),
            returned: Vec::new(),
            place: None,
            departed: Vec::new(),
            lobby: Vec::new(),
            invites: Vec::new(),
            link: None,
            credential: None,
            rules: None,
            alarms: AlarmsView::default(),
            compare: None,
            waiting_code: None,
            notices: Vec::new(),
            connected: false,
            steps: Vec::new(),
            sealed: [0; Kind::COUNT],
            tracks: BTreeMap::new(),
            names: BTreeMap::new(),
        }
    }

    /// Whether the bot is in the group.
    #[must_use]
    pub fn in_call(&self) -> bool {
        self.state == State::InCall
    }

    /// Why it is over, if it is.
    #[must_use]
    pub fn ended(&self) -> Option<EndReason> {
        match self.state {
            State::Ended(reason) => Some(reason),
            _ => None,
        }
    }

    /// Names in the roster, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.roster.iter().map(|person| person.name.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// The other people in the roster.
    pub fn others(&self) -> impl Iterator<Item = &Person> {
        self.roster.iter().filter(|person| !person.is_self)
    }

    /// What came of this member's track; members who have left keep their figures.
    #[must_use]
    pub fn received(&self, name: &str, kind: Kind) -> Stats {
        let stats = |(transport, stats): (&(TransportId, u8), &Stats)| {
            let same = transport.1 == kind as u8 && self.names.get(&transport.0).is_some_and(|other| other == name);
            same.then_some(*stats)
        };
        // A member that came back has a new transport id: its newest figures are those with the latest first frame.
        self.tracks
            .iter()
            .filter_map(stats)
            .max_by_key(|stats| stats.first_ms)
            .unwrap_or_default()
    }

    /// Frames that did not open, from anybody, copies and silence apart.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.tracks.values().map(|stats| stats.rejected).sum()
    }

    /// All frames that opened, from anybody.
    #[must_use]
    pub fn opened(&self) -> u64 {
        self.tracks.values().map(|stats| stats.opened).sum()
    }

    /// What a failing wait may say: figures only.
    #[must_use]
    pub fn summary(&self) -> String {
        let tracks = |(at, stats): (usize, &Stats)| {
            let Stats {
                opened,
                rejected,
                first_ms,
                ..
            } = stats;
            format!("track {at}: {opened} opened, {rejected} rejected, first at {first_ms:?}")
        };
        let tracks: Vec<String> = self.tracks.values().enumerate().map(tracks).collect();
        format!(
            "{:?}, epoch {:?}, {} in the roster, {} came, {} went, media {} {:?}, sealed {:?}, notices {:?}; {}",
            self.state,
            self.epoch,
            self.roster.len(),
            self.arrived.len(),
            self.departed.len(),
            if self.connected { "connected" } else { "not connected" },
            self.steps,
            self.sealed,
            self.notices,
            tracks.join("; ")
        )
    }

    /// Whether the chat has this line from this member.
    #[must_use]
    pub fn has_chat(&self, from: &str, text: &str) -> bool {
        self.chat.iter().any(|line| line.name == from && line.text == text)
    }
}
