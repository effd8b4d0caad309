//! The network and the server's shell: latency, order, cuts; and a media plane that answers every offer.

use conclave_core::Input;
use conclave_protocol::chunk::split;
use conclave_protocol::envelope::{ClearPart, Envelope, EnvelopeType, seal};
use conclave_protocol::keys::LinkKeys;
use conclave_protocol::manage::{ManagedRoom, RoomChange, may_replace};
use conclave_protocol::message::RefusalCode;
use conclave_protocol::message::{ClientMessage, ServerMessage};
use conclave_rooms::{ConnId, Input as RoomsInput, MediaCommand, Output as RoomsOutput, Priority, RegistryRequest};

use super::{Flying, Tab, World};

/// Latency of a frame, milliseconds, before jitter.
const LATENCY: u64 = 15;
/// Commits and welcomes take this much longer: large bodies on slow lines.
const LOW_EXTRA: u64 = 40;

impl World {
    pub(super) fn fly(&mut self, at: u64, what: Flying) {
        self.next_order += 1;
        self.flying.insert((at, self.next_order), what);
    }

    /// When a frame of this lane lands; never before the one before it.
    fn lane(&mut self, tab: usize, up: bool, high: bool) -> u64 {
        let lag =
            if up { self.tabs[tab].lag_up } else { 0 } + if high { 0 } else { LOW_EXTRA + self.tabs[tab].lag_low };
        let late = if self.late.0.contains(&self.frames) {
            self.late.1
        } else {
            0
        };
        self.frames += 1;
        let at = self.now + LATENCY + self.below(10) + lag + late;
        let lane = self.tabs[tab].lanes.entry((up, high)).or_insert(0);
        *lane = (*lane).max(at);
        *lane
    }

    pub(super) fn send_up(&mut self, tab: usize, high: bool, bytes: Vec<u8>) {
        if let (Some(conn), false) = (self.tabs[tab].conn, self.tabs[tab].offline) {
            for tab in &self.tabs {
                // Six bytes: four stand by chance in one of some thousand million places of ciphertext, of which the tests make that many.
                let leaks = |word: &str| word.len() > 5 && bytes.windows(word.len()).any(|w| w == word.as_bytes());
                assert!(
                    !leaks(&tab.name) && !tab.chat.iter().any(|(_, text)| leaks(text)),
                    "a frame carries a name or words in the clear"
                );
            }
            // A browser's socket is one lane.
            let _ = high;
            let at = self.lane(tab, true, true);
            self.fly(at, Flying::Up { conn, bytes });
        }
    }

    pub(super) fn open_socket(&mut self, tab: usize, after_ms: u64) {
        if let Some(old) = self.tabs[tab].conn.take() {
            self.fly(self.now + LATENCY, Flying::Hangup { conn: old });
        }
        let conn = ConnId(self.next_conn);
        self.next_conn += 1;
        self.tabs[tab].conn = Some(conn);
        self.fly(self.now + after_ms + LATENCY, Flying::Open { tab, conn });
    }

    /// What was sent before closing still arrives.
    pub(super) fn close_socket(&mut self, tab: usize) {
        if let Some(conn) = self.tabs[tab].conn.take() {
            let at = self.lane(tab, true, true) + 1;
            self.fly(at, Flying::Hangup { conn });
        }
    }

    /// The tab's network is gone: both sides notice, at different times.
    pub fn cut(&mut self, tab: usize) {
        self.tabs[tab].offline = true;
        if let Some(conn) = self.tabs[tab].conn {
            self.fly(self.now + 500, Flying::Gone { tab, conn, code: 1_006 });
            self.fly(self.now + 2_000, Flying::Hangup { conn });
        }
    }

    /// The server's process ends and begins again: it remembers rooms and nothing else.
    pub fn restart_server(&mut self) {
        self.start_rooms();
        for tab in 0..self.tabs.len() {
            if let Some(conn) = self.tabs[tab].conn {
                let at = self.now + 50;
                self.fly(at, Flying::Gone { tab, conn, code: 1_006 });
            }
        }
    }

    pub fn mend(&mut self, tab: usize) {
        self.tabs[tab].offline = false;
    }

    /// The tab is killed: no goodbye, only a closed socket.
    pub fn kill(&mut self, tab: usize) {
        self.tabs[tab].killed = true;
        if let Some(conn) = self.tabs[tab].conn {
            self.fly(self.now + 1_000, Flying::Hangup { conn });
        }
    }

    /// Sends an envelope that a holder of the link made, over the connection of `tab`: whatever it is, it has the right outer key.
    pub fn forge(&mut self, tab: usize, clear: ClearPart, body: &[u8]) {
        let key = LinkKeys::derive(&self.link.link_secret).envelope();
        let mut nonce = [0; 24];
        for byte in &mut nonce {
            *byte = self.below(256) as u8;
        }
        let envelope = seal(&key, clear, body, nonce).unwrap().encode();
        self.next_order += 1;
        let id = u32::MAX - self.next_order as u32;
        for frame in split::<ClientMessage>(ClientMessage::submission([envelope]).encode(), id) {
            self.send_up(tab, true, frame);
        }
    }

    /// Hands over what waited for a tab that runs again.
    pub(super) fn wake(&mut self) -> bool {
        let awake = |t: &Tab| !t.asleep && !t.held.is_empty();
        let Some(tab) = self.tabs.iter().position(awake) else {
            return false;
        };
        while let Some(what) = self.tabs[tab].held.pop_front() {
            self.land(what);
        }
        true
    }

    /// Sends an envelope as it is over the connection of `tab`.
    pub fn submit(&mut self, tab: usize, envelope: Vec<u8>) {
        self.next_order += 1;
        let id = u32::MAX - self.next_order as u32;
        for frame in split::<ClientMessage>(ClientMessage::submission([envelope]).encode(), id) {
            self.send_up(tab, true, frame);
        }
    }

    /// Sends a message as it is over the connection of `tab`.
    pub fn submit_frame(&mut self, tab: usize, frame: Vec<u8>) {
        self.send_up(tab, true, frame);
    }

    /// Counts the words of members that the server sends to this connection from here on.
    pub fn watch(&mut self, conn: ConnId) {
        (self.watching, self.watched) = (Some(conn), 0);
    }

    fn is_words(bytes: &[u8]) -> bool {
        let Ok(ServerMessage::EnvelopeIn { envelope, .. }) = ServerMessage::decode(bytes) else {
            return false;
        };
        Envelope::decode(&envelope).is_ok_and(|e| e.clear.kind == EnvelopeType::Message)
    }

    pub(super) fn land(&mut self, what: Flying) {
        if let Flying::Down { tab, .. } | Flying::Opened { tab, .. } | Flying::Gone { tab, .. } = &what
            && self.tabs[*tab].asleep
        {
            self.tabs[*tab].held.push_back(what);
            return;
        }
        match what {
            Flying::Up { conn, bytes } => {
                let from = self.tab_of(conn);
                let message = ClientMessage::decode(&bytes);
                if let (Some(from), Ok(message), Some(swallow)) = (from, &message, &self.swallow)
                    && swallow(from, message)
                {
                    return;
                }
                self.rooms_by(from, RoomsInput::Frame { conn, bytes: &bytes })
            }
            Flying::Down { tab, conn, bytes } => {
                let low = matches!(
                    ServerMessage::decode(&bytes),
                    Ok(ServerMessage::Chunk { .. } | ServerMessage::EnvelopeIn { seq: Some(_), .. })
                );
                let lost = low && self.now < self.tabs[tab].deaf_until;
                if self.tabs[tab].conn == Some(conn) && !self.tabs[tab].offline && !lost {
                    if low {
                        self.tabs[tab].low_bytes += bytes.len();
                    }
                    self.give(tab, Input::SocketFrame(&bytes));
                }
            }
            Flying::Open { tab, conn } => {
                if self.tabs[tab].conn != Some(conn) {
                } else if self.tabs[tab].offline {
                    self.fly(self.now + 100, Flying::Gone { tab, conn, code: 1_006 });
                } else {
                    self.fly(self.now + LATENCY, Flying::Opened { tab, conn });
                }
            }
            Flying::Opened { tab, conn } => {
                if self.tabs[tab].conn == Some(conn) {
                    self.give(tab, Input::SocketOpen);
                    let mut server_nonce = [0; 32];
                    for byte in &mut server_nonce {
                        *byte = self.below(256) as u8;
                    }
                    self.rooms(RoomsInput::Connected { conn, server_nonce });
                }
            }
            Flying::Gone { tab, conn, code } => {
                if self.tabs[tab].conn == Some(conn) {
                    self.tabs[tab].conn = None;
                    self.give(tab, Input::SocketClosed { code });
                }
            }
            Flying::Hangup { conn } => self.rooms(RoomsInput::Closed { conn }),
        }
    }

    pub(super) fn rooms(&mut self, input: RoomsInput<'_>) {
        self.rooms_by(None, input);
    }

    /// What `from` caused.
    fn rooms_by(&mut self, from: Option<usize>, input: RoomsInput<'_>) {
        self.rooms.handle(self.now, input);
        while let Some(output) = self.rooms.poll_output() {
            match output {
                RoomsOutput::Send { conn, priority, bytes } => {
                    let message = ServerMessage::decode(&bytes);
                    if let Ok(ServerMessage::Notice { call_id, seq, .. }) = &message {
                        self.head = Some((*call_id, *seq));
                    }
                    if self.watching == Some(conn) && Self::is_words(&bytes) {
                        self.watched += 1;
                    }
                    if let Some(tab) = self.tab_of(conn) {
                        if let (Ok(message), Some(withhold)) = (&message, &self.withhold)
                            && withhold(from, tab, message)
                        {
                            continue;
                        }
                        let at = self.lane(tab, false, priority == Priority::High);
                        self.fly(
                            at,
                            Flying::Down {
                                tab,
                                conn,
                                bytes: bytes.to_vec(),
                            },
                        );
                    }
                }
                RoomsOutput::Close { conn, code } => {
                    if let Some(tab) = self.tab_of(conn) {
                        let at = self.lane(tab, false, true);
                        self.fly(at, Flying::Gone { tab, conn, code });
                    }
                }
                RoomsOutput::Media(MediaCommand::Offer { conn, .. }) => {
                    self.rooms.handle(
                        self.now,
                        RoomsInput::SfuAnswer {
                            conn,
                            sdp: "answer".into(),
                        },
                    );
                }
                RoomsOutput::Admitted { .. } | RoomsOutput::Media(_) => {}
                RoomsOutput::Registry { conn, request } => self.registry(conn, request),
            }
        }
    }

    /// The one room's registry: the newest record, as a daemon's store would have it. It answers after a moment.
    fn registry(&mut self, conn: ConnId, request: RegistryRequest) {
        let RegistryRequest::Change(proof) = request else {
            return;
        };
        let latest_day = self.record.day_expires;
        let answer = match proof.into_parts().1 {
            RoomChange::Read {} => Ok(()),
            RoomChange::Replace { base, record } => may_replace(&self.record, &record, &base, latest_day)
                .map_err(|_| RefusalCode::StaleSequence)
                .map(|()| self.serve_record(|old| *old = record)),
            RoomChange::Delete {} => Err(RefusalCode::NotAllowed),
        };
        let answer = answer.map(|()| {
            Some(ManagedRoom {
                limits: self.record.limits,
                last_day: latest_day,
                latest_day,
                record: self.record.clone(),
            })
        });
        self.rooms(RoomsInput::RegistryAnswer { conn, answer });
    }

    fn tab_of(&self, conn: ConnId) -> Option<usize> {
        self.tabs.iter().position(|t| t.conn == Some(conn))
    }
}
