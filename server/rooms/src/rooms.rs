//! The rooms of a server: takes each input to where it is decided, and keeps the two maps that everything hangs on.

use std::collections::BTreeMap;

use conclave_protocol::{
    error::Error,
    ids::{CallId, RoomId, TransportId},
    keys::AdmissionPk,
    link::ServerName,
    message::{ClientMessage, RefusalCode, ServerMessage},
    room::{Limits, RoomRecord},
};

use crate::{
    call::Call,
    connection::{ADMISSION_MS, Connection, Phase, spend},
    io::{ConnId, Input, MediaCommand, Output},
    outbox::{Outbox, Refusal},
    timers::{Timers, Waiting},
};

/// WebSocket close code for a connection that said goodbye.
pub(crate) const NORMAL_CLOSE: u16 = 1000;

/// What the state machine needs to know about its server.
pub struct Config {
    /// The server's name, which takes part in every admission.
    pub server: ServerName,
    /// Admissions to unknown rooms are checked against this key, whose secret nobody has.
    pub dummy_admission_pk: AdmissionPk,
    /// Connections of the whole server; beyond it new ones are refused.
    pub max_connections: usize,
}

/// One room.
pub(crate) struct Room {
    pub(crate) record: RoomRecord,
    /// What the operator allows, at most.
    allowed: Limits,
    /// Who is admitted. One connection per transport id: a tab that comes back takes its place over.
    pub(crate) present: BTreeMap<TransportId, ConnId>,
    pub(crate) calls: BTreeMap<CallId, Call>,
    /// Bytes of unfinished long messages, by connection.
    pub(crate) assembling: BTreeMap<ConnId, usize>,
}

impl Room {
    /// What holds: the lower of what the owner signed and what the operator allows.
    pub(crate) fn limits(&self) -> Limits {
        let (signed, allowed) = (self.record.limits, self.allowed);
        Limits {
            members: signed.members.min(allowed.members),
            seats: signed.seats.min(allowed.seats),
            calls: signed.calls.min(allowed.calls),
        }
    }

    /// A connection is gone: no call is open to it by a welcome alone.
    pub(crate) fn end_reading(&mut self, conn: ConnId) {
        for call in self.calls.values_mut() {
            call.end_reading(conn);
        }
    }

    /// A connection takes part in one call now; that one stays open to it until it has its rights.
    pub(crate) fn end_reading_elsewhere(&mut self, conn: ConnId, here: CallId) {
        for (_, call) in self.calls.iter_mut().filter(|(id, _)| **id != here) {
            call.end_reading(conn);
        }
    }

    /// Whether one more call may begin. An empty one that only waits for its members gives way first, or a person who reloads the page a few times
    /// would lock the room for a minute.
    pub(crate) fn has_place_for_a_call(&mut self) -> bool {
        let most = usize::from(self.limits().calls);
        if self.calls.len() >= most {
            let longest_empty = self
                .calls
                .iter()
                .filter_map(|(id, call)| Some((call.empty_since()?, *id)))
                .min();
            if let Some((_, call_id)) = longest_empty {
                self.calls.remove(&call_id);
            }
        }
        self.calls.len() < most
    }
}

/// Whole-server totals, for the operator's status.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Totals {
    /// Rooms known.
    pub rooms: usize,
    /// Calls with somebody in them.
    pub calls: usize,
    /// Sockets, admitted or not.
    pub connections: usize,
}

/// All rooms of a server; see the crate's documentation for the rule of use.
pub struct Rooms {
    pub(crate) config: Config,
    pub(crate) rooms: BTreeMap<RoomId, Room>,
    pub(crate) connections: BTreeMap<ConnId, Connection>,
    pub(crate) out: Outbox,
    pub(crate) timers: Timers,
    pub(crate) next_media_call: u64,
    /// When the first input came.
    pub(crate) started_ms: Option<u64>,
}

impl Rooms {
    /// A server without rooms.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            rooms: BTreeMap::new(),
            connections: BTreeMap::new(),
            out: Outbox::default(),
            timers: Timers::default(),
            next_media_call: 0,
            started_ms: None,
        }
    }

    /// The next thing to do, until there is none.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop()
    }

    /// When `handle` wants an [`Input::Timeout`].
    pub fn poll_timeout(&self) -> Option<u64> {
        self.timers.next()
    }

    /// Totals of the whole server.
    pub fn totals(&self) -> Totals {
        let calls = self.rooms.values().flat_map(|room| room.calls.values());
        Totals {
            rooms: self.rooms.len(),
            calls: calls.filter(|call| call.attached().next().is_some()).count(),
            connections: self.connections.len(),
        }
    }

    /// Takes an input. `now_ms` is monotonic; only differences matter.
    pub fn handle(&mut self, now_ms: u64, input: Input<'_>) {
        self.started_ms.get_or_insert(now_ms);
        match input {
            Input::RoomAdded(record) => self.handle_room_added(record),
            Input::RoomAllowance { room, limits } => {
                if let Some(room) = self.rooms.get_mut(&room) {
                    room.allowed = limits;
                }
            }
            Input::RoomDeleted(room_id) => self.handle_room_deleted(now_ms, room_id),
            Input::Connected { conn, server_nonce } => self.handle_connected(now_ms, conn, server_nonce),
            Input::Frame { conn, bytes } => self.handle_frame(now_ms, conn, bytes),
            Input::Closed { conn } => self.remove(now_ms, conn),
            Input::SfuAnswer { conn, sdp } => self.handle_sfu_answer(conn, sdp),
            Input::SfuRefused { conn } => self.handle_sfu_refused(conn),
            Input::SfuAssigned { conn, mid, track } => self.handle_sfu_assigned(conn, mid, track),
            Input::RegistryAnswer { conn, answer } => self.handle_registry_answer(now_ms, conn, answer),
            Input::Timeout => {}
            Input::Shutdown => {
                let all: Vec<ConnId> = self.connections.keys().copied().collect();
                for conn in all {
                    self.end(now_ms, conn, RefusalCode::Closing);
                }
            }
        }
        self.handle_due(now_ms);
    }

    fn handle_room_added(&mut self, record: RoomRecord) {
        match self.rooms.get_mut(&record.room_id) {
            Some(room) => room.record = record,
            None => {
                let room_id = record.room_id;
                let room = Room {
                    allowed: record.limits,
                    record,
                    present: BTreeMap::new(),
                    calls: BTreeMap::new(),
                    assembling: BTreeMap::new(),
                };
                self.rooms.insert(room_id, room);
            }
        }
    }

    fn handle_room_deleted(&mut self, now_ms: u64, room_id: RoomId) {
        let Some(room) = self.rooms.get(&room_id) else { return };
        let inside: Vec<ConnId> = room.present.values().copied().collect();
        for conn in inside {
            self.end(now_ms, conn, RefusalCode::Closing);
        }
        self.rooms.remove(&room_id);
    }

    fn handle_connected(&mut self, now_ms: u64, conn: ConnId, server_nonce: [u8; 32]) {
        // A number that comes twice is a mistake of the daemon's; the older connection must not be mixed up with the newer.
        self.remove(now_ms, conn);
        if self.connections.len() >= self.config.max_connections {
            self.out.close(conn, RefusalCode::ServerFull.close_code());
            return;
        }
        self.connections.insert(conn, Connection::new(server_nonce, now_ms));
        self.timers.wait(now_ms + ADMISSION_MS, Waiting::Admission(conn));
        self.out.send(conn, &ServerMessage::Challenge { server_nonce });
    }

    fn handle_frame(&mut self, now_ms: u64, conn: ConnId, bytes: &[u8]) {
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        if connection.frames.take(now_ms, 1).is_err() {
            self.end(now_ms, conn, RefusalCode::RateLimited);
            return;
        }
        let message = match &mut connection.phase {
            // Pieces are for those who have proven something: before, nothing is held.
            Phase::Challenged { .. } | Phase::Greeted(_) | Phase::Asked { .. } => {
                ClientMessage::decode_frame(bytes).map(Some)
            }
            Phase::Admitted(admitted) => admitted.inbox.accept(bytes),
        };
        match message {
            Ok(message) => {
                self.track_assembly(now_ms, conn);
                if let Some(message) = message {
                    self.handle_message(now_ms, conn, message);
                }
            }
            Err(Error::TooLarge) => self.refuse_and_end(now_ms, conn, 0, RefusalCode::TooLarge),
            Err(_) => self.refuse_and_end(now_ms, conn, 0, RefusalCode::Malformed),
        }
    }

    fn handle_message(&mut self, now_ms: u64, conn: ConnId, message: ClientMessage) {
        let re = message.number();
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        let refused = match (&mut connection.phase, message) {
            (Phase::Admitted(admitted), ClientMessage::Ping { n }) => {
                match spend(&mut admitted.allowance.pings, now_ms) {
                    Ok(()) => {
                        self.out.send(conn, &ServerMessage::Pong { n });
                        Ok(())
                    }
                    Err(refusal) => Err(refusal),
                }
            }
            (_, ClientMessage::Ping { n }) => {
                self.out.send(conn, &ServerMessage::Pong { n });
                Ok(())
            }
            (_, ClientMessage::Bye {}) => {
                self.handle_bye(now_ms, conn);
                Ok(())
            }
            (
                Phase::Challenged { .. },
                ClientMessage::Hello {
                    room_id,
                    client_nonce,
                    transport_pk,
                },
            ) => {
                self.handle_hello(conn, room_id, client_nonce, transport_pk);
                Ok(())
            }
            (
                Phase::Greeted(_),
                ClientMessage::Admit {
                    sig_admission,
                    sig_transport,
                },
            ) => {
                self.handle_admit(now_ms, conn, &sig_admission, &sig_transport);
                Ok(())
            }
            (
                Phase::Challenged { .. },
                ClientMessage::Register {
                    ticket,
                    record,
                    signature,
                },
            ) => {
                self.handle_register(now_ms, conn, &ticket, record, &signature);
                Ok(())
            }
            (
                Phase::Challenged { .. },
                ClientMessage::Manage {
                    room_id,
                    change,
                    signature,
                },
            ) => {
                self.handle_manage(now_ms, conn, room_id, change, &signature);
                Ok(())
            }
            (
                Phase::Admitted(_),
                ClientMessage::Manage {
                    room_id,
                    change,
                    signature,
                },
            ) => self.handle_manage_inside(now_ms, conn, room_id, change, &signature),
            (Phase::Admitted(_), ClientMessage::Replace { replacement }) => {
                self.handle_replace(now_ms, conn, replacement)
            }
            (Phase::Admitted(_), ClientMessage::Attach { call_id, have_seq }) => {
                self.handle_attach(now_ms, conn, call_id, have_seq)
            }
            (
                Phase::Admitted(_),
                ClientMessage::Prove {
                    call_id,
                    seq,
                    gate,
                    signature,
                },
            ) => self.handle_prove(now_ms, conn, call_id, (seq, gate), &signature),
            (Phase::Admitted(_), ClientMessage::EnvelopeOut { envelopes }) => {
                self.handle_submission(now_ms, conn, envelopes)
            }
            (Phase::Admitted(_), ClientMessage::Offer { sdp }) => self.handle_offer(now_ms, conn, sdp),
            (Phase::Admitted(_), ClientMessage::Publish { mid, kind, on }) => {
                self.handle_publish(now_ms, conn, mid, kind, on)
            }
            (Phase::Admitted(_), ClientMessage::Slots { slots }) => self.handle_slots(now_ms, conn, slots),
            // Out of order: a hello after the hello, anything of a member's before admission, a piece that is not being joined.
            _ => Err(RefusalCode::Malformed.into()),
        };
        match refused {
            Ok(()) => {}
            Err(Refusal {
                code: RefusalCode::Malformed,
                ..
            }) => self.refuse_and_end(now_ms, conn, re, RefusalCode::Malformed),
            Err(refusal) => self.out.refuse(conn, re, &refusal),
        }
    }

    fn handle_bye(&mut self, now_ms: u64, conn: ConnId) {
        let attached = self
            .connections
            .get(&conn)
            .and_then(Connection::admitted)
            .and_then(|a| Some((a.room_id(), a.attached?)));
        self.out.close(conn, NORMAL_CLOSE);
        self.remove(now_ms, conn);
        // Who says goodbye does not come back: if that was the last, nobody is waited for.
        if let Some((room_id, call_id)) = attached
            && let Some(room) = self.rooms.get_mut(&room_id)
            && room
                .calls
                .get(&call_id)
                .is_some_and(|call| call.empty_since().is_some())
        {
            room.calls.remove(&call_id);
        }
    }

    fn handle_due(&mut self, now_ms: u64) {
        while let Some(who) = self.timers.due(now_ms) {
            match who {
                Waiting::Admission(conn) => {
                    if self.connections.get(&conn).is_some_and(|c| c.admitted().is_none()) {
                        self.end(now_ms, conn, RefusalCode::NotAllowed);
                    }
                }
                Waiting::Assembly(conn) => self.handle_assembly_due(now_ms, conn),
                Waiting::Call(room_id, call_id) => self.handle_call_due(now_ms, room_id, call_id),
            }
        }
    }

    /// Tells why, then ends.
    pub(crate) fn refuse_and_end(&mut self, now_ms: u64, conn: ConnId, re: u8, code: RefusalCode) {
        self.out.refuse(conn, re, &code.into());
        self.end(now_ms, conn, code);
    }

    /// Ends a connection from our side.
    pub(crate) fn end(&mut self, now_ms: u64, conn: ConnId, code: RefusalCode) {
        if self.connections.contains_key(&conn) {
            self.out.close(conn, code.close_code());
            self.remove(now_ms, conn);
        }
    }

    /// Forgets a connection and everything that it held.
    pub(crate) fn remove(&mut self, now_ms: u64, conn: ConnId) {
        self.detach(now_ms, conn);
        let Some(connection) = self.connections.remove(&conn) else {
            return;
        };
        let Some(admitted) = connection.admitted() else { return };
        if let Some(room) = self.rooms.get_mut(&admitted.room_id()) {
            room.assembling.remove(&conn);
            room.end_reading(conn);
            // A newer connection of the same tab may already have the place.
            if room.present.get(&admitted.transport()) == Some(&conn) {
                room.present.remove(&admitted.transport());
            }
        }
    }

    /// Ends a connection's part in its call, if it has one.
    pub(crate) fn detach(&mut self, now_ms: u64, conn: ConnId) {
        let Some(admitted) = self.connections.get_mut(&conn).and_then(Connection::admitted_mut) else {
            return;
        };
        let Some(call_id) = admitted.attached.take() else {
            return;
        };
        let room_id = admitted.room_id();
        self.out.media(MediaCommand::Leave { conn });
        if let Some(call) = self
            .rooms
            .get_mut(&room_id)
            .and_then(|room| room.calls.get_mut(&call_id))
        {
            let begun = call.detach(conn, now_ms);
            self.follow(now_ms, room_id, call_id, begun);
        }
    }
}
