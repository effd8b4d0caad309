//! A server's rooms and the people at its sockets, without sockets: everything that comes out is decoded, kept per connection, and checked for
//! what must hold always.

pub mod talk;

use std::collections::{BTreeMap, BTreeSet};

use conclave_protocol::{
    admission::AdmissionContext,
    chunk::{Inbox, split},
    envelope::{ClearPart, Envelope},
    gate::{ProofContext, sign_commit},
    ids::{CallId, TransportId},
    keys::{AdmissionPk, GatePk, LinkKeys, LinkSecret, Signer, TransportPk},
    link::ServerName,
    message::{CallHead, ClientMessage, RefusalCode, ServerMessage},
    room::{Limits, NEW_ROOM_ENTROPY, RoomPlan, RoomRecord, make_room},
};
use conclave_rooms::{Config, ConnId, Input, MediaCommand, Output, Priority, RegistryRequest, Rooms};

/// The server of every test.
pub fn server() -> ServerName {
    ServerName::parse("localhost:8443").unwrap()
}

/// A room and the secret of its link.
pub struct TestRoom {
    pub record: RoomRecord,
    pub secret: LinkSecret,
    pub manage: Signer,
}

/// A room made from one byte.
pub fn room(n: u8, limits: Limits) -> TestRoom {
    let plan = RoomPlan {
        server: server(),
        title: String::new(),
        day_made: 1,
        day_expires: 2,
        limits,
        operator_keys: false,
    };
    let made = make_room(&[n; NEW_ROOM_ENTROPY], &plan).unwrap();
    TestRoom {
        record: made.record,
        secret: made.guest_link.link_secret,
        manage: made.host_credential.manage_secret.manage(&server()),
    }
}

/// The transport key of tab `n`.
pub fn tab(n: u8) -> Signer {
    Signer::from_seed(&[n; 32])
}

/// The transport id of tab `n`.
pub fn transport(n: u8) -> TransportId {
    TransportId::of(&TransportPk::from_bytes(tab(n).public()))
}

/// Call `n`.
pub fn call(n: u8) -> CallId {
    CallId::from_bytes([n; 16])
}

/// The gate of call `id`'s epoch at a sequence, in a world where every commit is good.
pub fn gate(id: CallId, seq: u64) -> Signer {
    let mut seed = [0x6a; 32];
    seed[..16].copy_from_slice(id.as_bytes());
    seed[16..24].copy_from_slice(&seq.to_be_bytes());
    Signer::from_seed(&seed)
}

/// The public half of [`gate`].
pub fn gate_pk(id: CallId, seq: u64) -> GatePk {
    GatePk::from_bytes(gate(id, seq).public())
}

/// The clear part of a commit that makes the next of these epochs.
pub fn commit_clear(id: CallId, base_seq: u64, drop: Vec<TransportId>, to: Vec<TransportId>) -> ClearPart {
    ClearPart::commit(id, base_seq, drop, to, gate_pk(id, base_seq + 1))
}

/// An envelope whose sealed part is `n` over and over: the rooms never look inside.
/// Commits are signed by the gate of the epoch that they build on.
pub fn envelope(clear: ClearPart, n: u32, padded: usize) -> Vec<u8> {
    let signer = clear.base_seq.map(|base_seq| gate(clear.call_id, base_seq));
    let sealed = n.to_be_bytes().into_iter().cycle().take(padded + 40).collect();
    let mut envelope = Envelope { clear, sealed };
    if let Some(signer) = signer {
        sign_commit(&mut envelope, &signer);
    }
    envelope.encode()
}

/// The number that [`envelope`] put in.
pub fn number(envelope: &[u8]) -> u32 {
    let sealed = Envelope::decode(envelope).unwrap().sealed;
    u32::from_be_bytes(sealed[..4].try_into().unwrap())
}

/// What one socket has seen.
#[derive(Default)]
pub struct Socket {
    inbox: Inbox,
    pub received: Vec<(Priority, ServerMessage)>,
    pub closed: Option<u16>,
    pub nonce: [u8; 32],
    pub admitted: bool,
    /// Whose it is.
    pub tab: Option<u8>,
    /// It says where it stands after every commit, as members do.
    pub mute: bool,
    /// It has its rights, as it was told last.
    pub rights: bool,
    /// The call that the forwarding plane was told of.
    pub media: Option<u64>,
    next_chunk: u32,
}

/// Rooms, sockets, time.
pub struct World {
    pub rooms: Rooms,
    pub now: u64,
    pub sockets: BTreeMap<ConnId, Socket>,
    pub media: Vec<MediaCommand>,
    /// What the registry was asked.
    pub registry: Vec<(ConnId, RegistryRequest)>,
    /// The order in which things came out, for checks across connections.
    pub log: Vec<(ConnId, ServerMessage)>,
    next_conn: u64,
    /// Proofs that members have yet to send.
    due: Vec<(ConnId, CallId, u64)>,
}

impl World {
    pub fn new() -> Self {
        Self::with(1_000)
    }

    pub fn with(max_connections: usize) -> Self {
        let dummy_admission_pk = AdmissionPk::from_bytes(Signer::from_seed(&[0xdd; 32]).public());
        Self {
            rooms: Rooms::new(Config {
                server: server(),
                dummy_admission_pk,
                max_connections,
            }),
            now: 1_000_000,
            sockets: BTreeMap::new(),
            media: Vec::new(),
            registry: Vec::new(),
            log: Vec::new(),
            next_conn: 0,
            due: Vec::new(),
        }
    }

    /// Gives an input and takes what comes out, holding what must always hold.
    pub fn input(&mut self, input: Input<'_>) {
        self.rooms.handle(self.now, input);
        while let Some(output) = self.rooms.poll_output() {
            match output {
                Output::Send { conn, priority, bytes } => self.take(conn, priority, &bytes),
                Output::Close { conn, code } => {
                    let socket = self.sockets.get_mut(&conn).expect("closes a socket that was opened");
                    assert!(socket.closed.replace(code).is_none(), "closed twice");
                }
                Output::Admitted { conn } => {
                    assert!(self.sockets.contains_key(&conn), "admits a socket that was opened")
                }
                Output::Media(command) => self.take_media(command),
                Output::Registry { conn, request } => self.registry.push((conn, request)),
            }
        }
        for (conn, call_id, seq) in std::mem::take(&mut self.due) {
            let socket = &self.sockets[&conn];
            if socket.closed.is_none() && socket.media.is_some() && !socket.mute {
                self.prove(conn, call_id, seq, &gate(call_id, seq));
            }
        }
        assert!(
            self.rooms.poll_timeout().is_none_or(|at| at > self.now),
            "a timer in the past"
        );
    }

    fn take(&mut self, conn: ConnId, priority: Priority, bytes: &[u8]) {
        let socket = self.sockets.get_mut(&conn).expect("sends to a socket that was opened");
        assert!(socket.closed.is_none(), "sends after closing");
        let Some(message) = socket
            .inbox
            .accept::<ServerMessage>(bytes)
            .expect("sends what a client can read")
        else {
            assert_eq!(priority, Priority::Low, "pieces only at low priority");
            return;
        };
        match &message {
            ServerMessage::Challenge { .. }
            | ServerMessage::Refused { .. }
            | ServerMessage::Pong { .. }
            | ServerMessage::Managed { .. } => {}
            ServerMessage::Admitted { .. } => {
                assert!(!socket.admitted, "admitted twice");
                socket.admitted = true;
            }
            _ => assert!(socket.admitted, "tells something to somebody who is not admitted"),
        }
        match &message {
            ServerMessage::EnvelopeIn {
                seq: Some(seq),
                envelope,
            } => {
                let clear = Envelope::decode(envelope).unwrap().clear;
                if clear.base_seq.is_some() {
                    self.due.push((conn, clear.call_id, *seq));
                }
            }
            ServerMessage::Rights { on, .. } => {
                assert!(socket.rights != *on, "told the same twice");
                socket.rights = *on;
            }
            ServerMessage::Tracks { .. } => assert!(socket.rights, "shows tracks to somebody without rights"),
            _ => {}
        }
        socket.received.push((priority, message.clone()));
        self.log.push((conn, message));
    }

    fn take_media(&mut self, command: MediaCommand) {
        match &command {
            MediaCommand::Join { conn, call, .. } => {
                let socket = self.sockets.get_mut(conn).unwrap();
                assert!(socket.media.replace(call.0).is_none(), "joins twice");
            }
            MediaCommand::Leave { conn } => {
                let socket = self.sockets.get_mut(conn).unwrap();
                assert!(socket.media.take().is_some(), "leaves without having joined");
                socket.rights = false;
            }
            MediaCommand::Publish { conn, .. } | MediaCommand::Slots { conn, .. } => {
                assert!(
                    self.sockets[conn].media.is_some() && self.sockets[conn].rights,
                    "media of somebody without rights"
                );
            }
            MediaCommand::Offer { conn, .. } | MediaCommand::Silence { conn } => {
                assert!(
                    self.sockets[conn].media.is_some(),
                    "media of somebody who is in no call"
                );
            }
        }
        self.media.push(command);
    }

    pub fn add(&mut self, room: &TestRoom) {
        self.input(Input::RoomAdded(room.record.clone()));
    }

    /// Lets time pass, with every timer on the way.
    pub fn pass(&mut self, ms: u64) {
        let until = self.now + ms;
        while let Some(at) = self.rooms.poll_timeout().filter(|at| *at <= until) {
            self.now = at;
            self.input(Input::Timeout);
        }
        self.now = until;
        self.input(Input::Timeout);
    }

    pub fn connect(&mut self) -> ConnId {
        let conn = ConnId(self.next_conn);
        self.next_conn += 1;
        let mut nonce = [0x5a; 32];
        nonce[..8].copy_from_slice(&conn.0.to_be_bytes());
        self.sockets.insert(
            conn,
            Socket {
                nonce,
                ..Socket::default()
            },
        );
        self.input(Input::Connected {
            conn,
            server_nonce: nonce,
        });
        conn
    }

    pub fn close(&mut self, conn: ConnId) {
        self.input(Input::Closed { conn });
        // The daemon tells of a socket's end once; afterwards nothing may come for it.
        self.sockets.get_mut(&conn).unwrap().closed.get_or_insert(1006);
    }

    pub fn frame(&mut self, conn: ConnId, bytes: &[u8]) {
        self.input(Input::Frame { conn, bytes });
    }

    /// Sends; whoever attaches says where they stand.
    pub fn send(&mut self, conn: ConnId, message: &ClientMessage) {
        if let ClientMessage::Attach { call_id, have_seq } = message {
            self.due.push((conn, *call_id, *have_seq));
        }
        let socket = self.sockets.get_mut(&conn).unwrap();
        socket.next_chunk += 1;
        for frame in split::<ClientMessage>(message.encode(), socket.next_chunk) {
            self.frame(conn, &frame);
        }
    }

    /// A proof that its sender stands at `gate`, having read up to `seq`.
    pub fn prove(&mut self, conn: ConnId, call_id: CallId, seq: u64, gate: &Signer) {
        let Some(n) = self.sockets[&conn].tab else { return };
        let context = ProofContext {
            server: &server(),
            server_nonce: &self.sockets[&conn].nonce,
            transport_pk: &TransportPk::from_bytes(tab(n).public()),
        };
        let signature = context.sign(&call_id, seq, gate);
        let message = ClientMessage::Prove {
            call_id,
            seq,
            gate: GatePk::from_bytes(gate.public()),
            signature,
        };
        self.frame(conn, &message.encode());
    }

    /// The hello and the proof of tab `n` for a room, with the secret that it has.
    pub fn proof(&self, conn: ConnId, room: &RoomRecord, secret: &LinkSecret, n: u8) -> [ClientMessage; 2] {
        let (admission, key) = (LinkKeys::derive(secret).admission(&server()), tab(n));
        let context = AdmissionContext {
            server: server(),
            room_id: room.room_id,
            server_nonce: self.sockets[&conn].nonce,
            client_nonce: [7; 32],
            transport_pk: TransportPk::from_bytes(key.public()),
        };
        let (sig_admission, sig_transport) = context.sign(&admission, &key);
        let hello = ClientMessage::Hello {
            room_id: room.room_id,
            client_nonce: [7; 32],
            transport_pk: context.transport_pk,
        };
        [
            hello,
            ClientMessage::Admit {
                sig_admission,
                sig_transport,
            },
        ]
    }

    /// A new socket of tab `n`, admitted if its proof and the room allow.
    pub fn enter(&mut self, room: &TestRoom, n: u8) -> ConnId {
        let conn = self.connect();
        self.sockets.get_mut(&conn).unwrap().tab = Some(n);
        for message in self.proof(conn, &room.record, &room.secret, n) {
            self.send(conn, &message);
        }
        conn
    }

    /// A new socket of tab `n`, attached to a call.
    pub fn attend(&mut self, room: &TestRoom, n: u8, call_id: CallId, have_seq: u64) -> ConnId {
        let conn = self.enter(room, n);
        self.send(conn, &ClientMessage::Attach { call_id, have_seq });
        conn
    }

    pub fn commit(&mut self, conn: ConnId, call_id: CallId, base_seq: u64, n: u32) {
        let clear = commit_clear(call_id, base_seq, Vec::new(), Vec::new());
        self.send(conn, &ClientMessage::submission([envelope(clear, n, 512)]));
    }

    /// Takes what a socket has received.
    pub fn received(&mut self, conn: ConnId) -> Vec<ServerMessage> {
        let socket = self.sockets.get_mut(&conn).unwrap();
        std::mem::take(&mut socket.received)
            .into_iter()
            .map(|(_, message)| message)
            // Rights are asked of the socket.
            .filter(|message| !matches!(message, ServerMessage::Rights { .. }))
            .collect()
    }

    /// Takes what every socket has received, unseen.
    pub fn forget(&mut self) {
        for socket in self.sockets.values_mut() {
            socket.received.clear();
        }
    }

    pub fn closed(&self, conn: ConnId) -> Option<u16> {
        self.sockets[&conn].closed
    }

    /// The codes of the refusals that a socket has received; takes everything.
    pub fn refusals(&mut self, conn: ConnId) -> Vec<RefusalCode> {
        let messages = self.received(conn);
        messages
            .into_iter()
            .filter_map(|m| {
                if let ServerMessage::Refused { code, .. } = m {
                    Some(code)
                } else {
                    None
                }
            })
            .collect()
    }

    /// The sequences and numbers of the commits and welcomes that a socket has received; takes everything.
    pub fn sequenced(&mut self, conn: ConnId) -> Vec<(u64, u32)> {
        let messages = self.received(conn);
        messages
            .into_iter()
            .filter_map(|m| {
                if let ServerMessage::EnvelopeIn {
                    seq: Some(seq),
                    envelope,
                } = m
                {
                    Some((seq, number(&envelope)))
                } else {
                    None
                }
            })
            .collect()
    }

    /// The numbers of the envelopes without a sequence that a socket has received; takes everything.
    pub fn unsequenced(&mut self, conn: ConnId) -> Vec<u32> {
        let messages = self.received(conn);
        messages
            .into_iter()
            .filter_map(|m| {
                if let ServerMessage::EnvelopeIn { seq: None, envelope } = m {
                    Some(number(&envelope))
                } else {
                    None
                }
            })
            .collect()
    }

    /// The calls that a newcomer is told of.
    pub fn calls(&mut self, conn: ConnId) -> Vec<CallHead> {
        self.received(conn)
            .into_iter()
            .find_map(|m| {
                if let ServerMessage::Admitted { calls, .. } = m {
                    Some(calls)
                } else {
                    None
                }
            })
            .expect("admitted")
    }

    /// Everyone who is in a call, by the forwarding plane's account.
    pub fn in_media(&self) -> BTreeSet<ConnId> {
        self.sockets
            .iter()
            .filter(|(_, s)| s.media.is_some())
            .map(|(conn, _)| *conn)
            .collect()
    }
}
