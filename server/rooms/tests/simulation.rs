//! Any order of legal and hostile inputs, against what must hold always. The shrunk plan of a failure is printed by proptest, with its seed.
//!
//! Besides what [`common`] checks on every output (nothing but challenge, refusal and pong to the unadmitted, nothing after closing, media commands
//! in order, no timer in the past):
//! - each attached connection gets the commits of its call without a gap and none twice;
//! - everybody in a call gets the same commit under the same sequence;
//! - a welcome goes out only after its commit was taken, and only to its addressees;
//! - messages pass only between connections of one call, and to whom a welcome opened it, never back to the sender;
//! - at most eight microphones are on.

#[allow(dead_code, reason = "each test file uses a part")]
mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{TestRoom, World, call, commit_clear, envelope, number, room, transport};
use conclave_protocol::{
    envelope::{ClearPart, Envelope, EnvelopeType},
    ids::{CallId, TrackKind, TransportId},
    keys::LinkSecret,
    message::{ClientMessage, ServerMessage},
    room::Limits,
};
use conclave_rooms::{ConnId, Input, MediaCommand};
use proptest::{prelude::*, sample::Index};

/// One step. Connections are chosen among those that are open.
#[derive(Clone, Debug)]
enum Step {
    /// A tab enters a room, perhaps with a wrong secret, or stops after the hello.
    Enter {
        room: u8,
        tab: u8,
        secret_ok: bool,
        stop_after_hello: bool,
    },
    /// Attaches with the sequence that it has in that call, or a made-up one.
    Attach {
        who: Index,
        call: u8,
        seq: Option<u8>,
    },
    /// Commits on the newest sequence that it has seen, or one beside it, with a welcome for some tabs.
    Commit {
        who: Index,
        call: u8,
        off: i8,
        drop: Option<u8>,
        welcome: Option<u8>,
        large: bool,
    },
    Message {
        who: Index,
        call: u8,
    },
    Knock {
        who: Index,
        call: u8,
    },
    Card {
        who: Index,
        call: u8,
    },
    Publish {
        who: Index,
        kind: u8,
        on: bool,
    },
    Offer {
        who: Index,
    },
    Slots {
        who: Index,
    },
    Ping {
        who: Index,
    },
    Bye {
        who: Index,
    },
    /// The socket breaks.
    Close {
        who: Index,
    },
    /// Any bytes as a frame.
    Garbage {
        who: Index,
        bytes: Vec<u8>,
    },
    /// A valid frame with one bit flipped.
    Flip {
        who: Index,
        at: Index,
    },
    /// A piece of a long message.
    Piece {
        who: Index,
        id: u8,
        n: u8,
        last: bool,
        full: bool,
    },
    /// A submission of arbitrary form.
    Odd {
        who: Index,
        kinds: Vec<u8>,
    },
    /// The forwarding plane answers.
    Sfu {
        who: Index,
    },
    DeleteRoom {
        room: u8,
    },
    AddRoom {
        room: u8,
    },
    Pass {
        ms: u32,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let who = || any::<Index>();
    // Mostly the call that it is in, and the first one: plans in which nobody meets anybody would prove little.
    let call = || prop_oneof![8 => Just(0_u8), 3 => Just(1_u8), 1 => 2..4_u8];
    let seq = || prop::option::weighted(0.1, 0..5_u8);
    let off = || prop_oneof![10 => Just(0_i8), 1 => -1..=1_i8];
    prop_oneof![
        10 => (0..2_u8, 0..6_u8, prop::bool::weighted(0.9), prop::bool::weighted(0.1))
            .prop_map(|(room, tab, secret_ok, stop_after_hello)| Step::Enter { room: room.min(tab % 2), tab, secret_ok, stop_after_hello }),
        16 => (who(), call(), seq()).prop_map(|(who, call, seq)| Step::Attach { who, call, seq }),
        30 => (who(), call(), off(), prop::option::weighted(0.1, 0..6_u8), prop::option::weighted(0.4, 0..6_u8), prop::bool::weighted(0.1))
            .prop_map(|(who, call, off, drop, welcome, large)| Step::Commit { who, call, off, drop, welcome, large }),
        10 => (who(), call()).prop_map(|(who, call)| Step::Message { who, call }),
        4 => (who(), call()).prop_map(|(who, call)| Step::Knock { who, call }),
        4 => (who(), call()).prop_map(|(who, call)| Step::Card { who, call }),
        6 => (who(), 0..4_u8, any::<bool>()).prop_map(|(who, kind, on)| Step::Publish { who, kind, on }),
        2 => who().prop_map(|who| Step::Offer { who }),
        2 => who().prop_map(|who| Step::Slots { who }),
        2 => who().prop_map(|who| Step::Ping { who }),
        1 => who().prop_map(|who| Step::Bye { who }),
        3 => who().prop_map(|who| Step::Close { who }),
        1 => (who(), prop::collection::vec(any::<u8>(), 0..60)).prop_map(|(who, bytes)| Step::Garbage { who, bytes }),
        1 => (who(), any::<Index>()).prop_map(|(who, at)| Step::Flip { who, at }),
        1 => (who(), 0..3_u8, 0..3_u8, any::<bool>(), any::<bool>())
            .prop_map(|(who, id, n, last, full)| Step::Piece { who, id, n, last, full }),
        1 => (who(), prop::collection::vec(1..6_u8, 0..4)).prop_map(|(who, kinds)| Step::Odd { who, kinds }),
        2 => who().prop_map(|who| Step::Sfu { who }),
        1 => prop_oneof![1 => (0..2_u8).prop_map(|room| Step::DeleteRoom { room }), 4 => (0..2_u8).prop_map(|room| Step::AddRoom { room })],
        20 => prop_oneof![8 => 0..1_500_u32, 1 => 1_500..5_000_u32, 1 => 5_000..200_000_u32].prop_map(|ms| Step::Pass { ms }),
    ]
}

/// What the checks remember about an envelope that some step submitted.
struct Sent {
    sender: ConnId,
    media: Option<u64>,
    to: Vec<TransportId>,
    /// Of a welcome: its commit.
    commit: Option<u32>,
}

struct Simulation {
    world: World,
    rooms: Vec<TestRoom>,
    tabs: BTreeMap<ConnId, TransportId>,
    sent: BTreeMap<u32, Sent>,
    /// The call that a connection attached to last.
    own: BTreeMap<ConnId, u8>,
    /// The last commit that a connection has of the call that it is in.
    have: BTreeMap<ConnId, u64>,
    /// What an attach that is being handled named.
    asked: Option<(ConnId, u64)>,
    /// Per call of the forwarding plane and sequence: the commit.
    taken: BTreeMap<(u64, u64), u32>,
    /// Calls that welcomes opened for connections that take part in none.
    opened: BTreeSet<(ConnId, Option<u64>)>,
    seen: usize,
}

impl Simulation {
    fn new() -> Self {
        let rooms = vec![
            room(1, Limits::default()),
            room(
                2,
                Limits {
                    members: 4,
                    seats: 2,
                    calls: 2,
                },
            ),
        ];
        let mut world = World::with(12);
        rooms.iter().for_each(|r| world.add(r));
        Self {
            world,
            rooms,
            tabs: BTreeMap::new(),
            sent: BTreeMap::new(),
            own: BTreeMap::new(),
            have: BTreeMap::new(),
            asked: None,
            taken: BTreeMap::new(),
            opened: BTreeSet::new(),
            seen: 0,
        }
    }

    fn open(&self, who: &Index) -> Option<ConnId> {
        let open: Vec<ConnId> = self
            .world
            .sockets
            .iter()
            .filter(|(_, s)| s.closed.is_none())
            .map(|(conn, _)| *conn)
            .collect();
        (!open.is_empty()).then(|| *who.get(&open))
    }

    /// An envelope with a number of its own.
    fn envelope(&mut self, sender: ConnId, clear: ClearPart, padded: usize, commit: Option<u32>) -> Vec<u8> {
        let n = self.sent.len() as u32;
        let sent = Sent {
            sender,
            media: self.world.sockets[&sender].media,
            to: clear.to.clone(),
            commit,
        };
        self.sent.insert(n, sent);
        envelope(clear, n, padded)
    }

    fn run(&mut self, step: &Step) {
        self.asked = None;
        match step {
            Step::Enter {
                room,
                tab,
                secret_ok,
                stop_after_hello,
            } => self.enter(*room, *tab, *secret_ok, *stop_after_hello),
            Step::DeleteRoom { room } => {
                let room_id = self.rooms[usize::from(*room)].record.room_id;
                self.world.input(Input::RoomDeleted(room_id));
            }
            Step::AddRoom { room } => self.world.add(&self.rooms[usize::from(*room)]),
            Step::Pass { ms } => self.world.pass(u64::from(*ms)),
            Step::Attach { who, .. }
            | Step::Commit { who, .. }
            | Step::Message { who, .. }
            | Step::Knock { who, .. }
            | Step::Card { who, .. }
            | Step::Publish { who, .. }
            | Step::Offer { who }
            | Step::Slots { who }
            | Step::Ping { who }
            | Step::Bye { who }
            | Step::Close { who }
            | Step::Garbage { who, .. }
            | Step::Flip { who, .. }
            | Step::Piece { who, .. }
            | Step::Odd { who, .. }
            | Step::Sfu { who } => {
                if let Some(conn) = self.open(who) {
                    self.act(conn, step);
                }
            }
        }
        self.check();
    }

    fn enter(&mut self, room: u8, tab: u8, secret_ok: bool, stop_after_hello: bool) {
        let conn = self.world.connect();
        self.tabs.insert(conn, transport(tab));
        self.world.sockets.get_mut(&conn).unwrap().tab = Some(tab);
        let room = &self.rooms[usize::from(room)];
        let secret = if secret_ok {
            room.secret.clone()
        } else {
            LinkSecret::from_bytes([9; 32])
        };
        let [hello, admit] = self.world.proof(conn, &room.record, &secret, tab);
        self.world.send(conn, &hello);
        if !stop_after_hello {
            self.world.send(conn, &admit);
            let admitted = self.world.sockets[&conn].admitted;
            assert!(!admitted || secret_ok, "admitted with a wrong secret");
        }
    }

    /// Call `n`, or the one that the connection is in.
    fn call(&self, conn: ConnId, n: u8) -> CallId {
        call(if n == 0 {
            self.own.get(&conn).copied().unwrap_or(1)
        } else {
            n
        })
    }

    fn act(&mut self, conn: ConnId, step: &Step) {
        let joins = |w: &World| {
            w.media
                .iter()
                .filter(|m| matches!(m, MediaCommand::Join { .. }))
                .count()
        };
        let before = joins(&self.world);
        self.say(conn, step);
        self.let_elections_pass(before);
    }

    fn say(&mut self, conn: ConnId, step: &Step) {
        let one = |e| ClientMessage::submission([e]);
        let message = match step {
            Step::Attach { call: c, seq, .. } => {
                let have_seq = seq.map_or_else(|| self.have.get(&conn).copied().unwrap_or(0), u64::from);
                self.asked = Some((conn, have_seq));
                if *c != 0 {
                    self.own.insert(conn, *c);
                }
                ClientMessage::Attach {
                    call_id: self.call(conn, *c),
                    have_seq,
                }
            }
            Step::Commit {
                call: c,
                off,
                drop,
                welcome,
                large,
                ..
            } => {
                let base = self
                    .have
                    .get(&conn)
                    .copied()
                    .unwrap_or(0)
                    .saturating_add_signed(i64::from(*off));
                let drop = drop.map(transport).into_iter().collect();
                let to = welcome.map(transport).into_iter().collect();
                let size = if *large { 65_536 } else { 512 };
                let commit_number = self.sent.len() as u32;
                let mut envelopes =
                    vec![self.envelope(conn, commit_clear(self.call(conn, *c), base, drop, to), size, None)];
                if let Some(tab) = welcome {
                    envelopes.push(self.envelope(
                        conn,
                        ClearPart::welcome(self.call(conn, *c), vec![transport(*tab)]),
                        size,
                        Some(commit_number),
                    ));
                }
                ClientMessage::submission(envelopes)
            }
            Step::Message { call: c, .. } => {
                one(self.envelope(conn, ClearPart::message(self.call(conn, *c)), 512, None))
            }
            Step::Knock { call: c, .. } => one(self.envelope(conn, ClearPart::knock(self.call(conn, *c)), 512, None)),
            Step::Card { call: c, .. } => one(self.envelope(conn, ClearPart::card(self.call(conn, *c)), 512, None)),
            Step::Publish { kind, on, .. } => ClientMessage::Publish {
                mid: kind.to_string(),
                kind: TrackKind::from_u8(*kind).unwrap(),
                on: *on,
            },
            Step::Offer { .. } => ClientMessage::Offer { sdp: "v=0".into() },
            Step::Slots { .. } => ClientMessage::Slots { slots: Vec::new() },
            Step::Ping { .. } => ClientMessage::Ping { n: 3 },
            Step::Bye { .. } => ClientMessage::Bye {},
            Step::Piece { id, n, last, full, .. } => {
                let data = vec![0; if *full { 16_384 } else { 9 }];
                ClientMessage::Chunk {
                    id: u32::from(*id),
                    n: u32::from(*n),
                    last: *last,
                    data,
                }
            }
            Step::Odd { kinds, .. } => {
                let envelopes: Vec<Vec<u8>> = kinds.iter().map(|kind| self.odd(conn, *kind)).collect();
                ClientMessage::submission(envelopes)
            }
            Step::Close { .. } => return self.world.close(conn),
            Step::Garbage { bytes, .. } => return self.world.frame(conn, bytes),
            Step::Flip { at, .. } => {
                let mut frame = ClientMessage::Attach {
                    call_id: call(1),
                    have_seq: 0,
                }
                .encode();
                let bit = at.index(frame.len() * 8);
                frame[bit / 8] ^= 1 << (bit % 8);
                // A flip can make it an attach to another call or with another sequence: then it is a legal one.
                if let Ok(ClientMessage::Attach { have_seq, .. }) = ClientMessage::decode(&frame) {
                    self.asked = Some((conn, have_seq));
                }
                return self.world.frame(conn, &frame);
            }
            Step::Sfu { .. } => {
                self.world.input(Input::SfuAnswer {
                    conn,
                    sdp: "v=0".into(),
                });
                return self.world.input(Input::SfuAssigned {
                    conn,
                    mid: "4".into(),
                    track: None,
                });
            }
            Step::Enter { .. } | Step::DeleteRoom { .. } | Step::AddRoom { .. } | Step::Pass { .. } => return,
        };
        self.world.send(conn, &message);
    }

    /// Whoever names a call first may be outnumbered for eight seconds, and the log begins anew.
    fn let_elections_pass(&mut self, joins_before: usize) {
        let joined = |m: &MediaCommand| match m {
            MediaCommand::Join { call, .. } => Some(call.0),
            _ => None,
        };
        let calls: Vec<u64> = self.world.media.iter().filter_map(joined).collect();
        let (before, now) = calls.split_at(joins_before.min(calls.len()));
        if now.iter().any(|call| !before.contains(call)) {
            self.world.pass(8_000);
        }
    }

    /// An envelope of some type for call 1, in a submission that is most often illegal.
    fn odd(&mut self, conn: ConnId, kind: u8) -> Vec<u8> {
        let base = self.have.get(&conn).copied().unwrap_or(0);
        let clear = match kind {
            1 => commit_clear(call(1), base, Vec::new(), Vec::new()),
            2 => ClearPart::message(call(1)),
            3 => ClearPart::welcome(call(1), vec![transport(1)]),
            4 => ClearPart::knock(call(1)),
            _ => ClearPart::card(call(1)),
        };
        // Its commit, if there is a legal one, is the first of the same submission, whose number is not known here: any taken commit will do.
        self.envelope(conn, clear, 512, None)
    }

    /// Goes through everything that came out since the last step.
    fn check(&mut self) {
        let new: Vec<(ConnId, ServerMessage)> = self.world.log.split_off(self.seen);
        self.world.log.clear();
        self.seen = 0;
        for (conn, message) in &new {
            match message {
                // The answer to an attach: the replay came before it.
                ServerMessage::EnvelopeIn {
                    seq: Some(seq),
                    envelope,
                } => self.check_sequenced(*conn, *seq, envelope),
                ServerMessage::EnvelopeIn { seq: None, envelope } => self.check_unsequenced(*conn, envelope),
                ServerMessage::Tracks { tracks } => {
                    let on = tracks
                        .iter()
                        .filter(|t| t.on && t.track.kind == TrackKind::Microphone)
                        .count();
                    assert!(on <= 8, "too many microphones");
                    let publishers: BTreeSet<TransportId> = tracks.iter().map(|t| t.track.transport).collect();
                    assert!(
                        publishers.iter().all(|p| self.tabs.values().any(|t| t == p)),
                        "a track of nobody"
                    );
                }
                _ => {}
            }
        }
        // Who attached without anything to replay has what it named; who left has nothing.
        if let Some((conn, have_seq)) = self.asked.take() {
            let refused = new
                .iter()
                .any(|(to, m)| *to == conn && matches!(m, ServerMessage::Refused { re: 34, .. }));
            let replayed = new
                .iter()
                .any(|(to, m)| *to == conn && matches!(m, ServerMessage::EnvelopeIn { seq: Some(_), .. }));
            if !refused && !replayed {
                self.have.insert(conn, have_seq);
            }
        }
        self.have.retain(|conn, _| self.world.sockets[conn].media.is_some());
        self.opened.retain(|(conn, _)| self.world.sockets[conn].media.is_none());
    }

    fn check_sequenced(&mut self, conn: ConnId, seq: u64, envelope: &[u8]) {
        let n = number(envelope);
        let kind = Envelope::decode(envelope).unwrap().clear.kind;
        let sent = &self.sent[&n];
        if kind == EnvelopeType::Welcome {
            assert!(sent.to.contains(&self.tabs[&conn]), "a welcome for somebody else");
            if let Some(commit) = sent.commit {
                assert!(
                    self.taken.values().any(|taken| *taken == commit),
                    "a welcome without its commit"
                );
            } else {
                assert!(
                    self.taken.values().any(|taken| self.sent[taken].sender == sent.sender),
                    "a welcome without any commit"
                );
            }
            self.opened.insert((conn, sent.media));
            return;
        }
        assert!(kind == EnvelopeType::Commit, "a sequence on something else");
        let media = self.world.sockets[&conn]
            .media
            .or(sent.media)
            .expect("a commit for somebody in no call");
        let first = *self.taken.entry((media, seq)).or_insert(n);
        assert_eq!(first, n, "two commits under one sequence");
        let before = match self.asked {
            Some((asked, have_seq)) if asked == conn => {
                self.asked = None;
                have_seq
            }
            _ => *self.have.get(&conn).expect("a commit for somebody who is not attached"),
        };
        assert_eq!(seq, before + 1, "a gap or a repetition");
        self.have.insert(conn, seq);
    }

    fn check_unsequenced(&mut self, conn: ConnId, envelope: &[u8]) {
        let sent = &self.sent[&number(envelope)];
        assert!(sent.sender != conn, "back to the sender");
        let media = self.world.sockets[&conn].media;
        match Envelope::decode(envelope).unwrap().clear.kind {
            EnvelopeType::Message => assert!(
                media.is_some() && media == sent.media || self.opened.contains(&(conn, sent.media)),
                "a message into another call"
            ),
            EnvelopeType::Knock => assert!(media.is_some(), "a knock at somebody who is in no call"),
            EnvelopeType::Card => assert!(
                sent.media.is_some() && media != sent.media,
                "a card for somebody inside"
            ),
            EnvelopeType::Commit | EnvelopeType::Welcome => panic!("no sequence on a commit or welcome"),
        }
    }
}

proptest! {
    // 256 plans of up to 150 steps take a few seconds; `./x long core` raises it.
    #![proptest_config(ProptestConfig { max_shrink_iters: 2_000, ..ProptestConfig::default() })]
    #[test]
    fn any_order_of_inputs_keeps_what_must_hold(steps in prop::collection::vec(step(), 1..150)) {
        let mut simulation = Simulation::new();
        for step in &steps {
            simulation.run(step);
        }
    }
}

#[test]
fn the_plans_reach_what_they_are_about() {
    // A generator that only ever makes refused requests would prove nothing: over fixed plans, commits are taken, welcomes and messages arrive.
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let plan = prop::collection::vec(step(), 150);
    let (mut commits, mut replays) = (0, 0);
    for _ in 0..50 {
        let steps = plan.new_tree(&mut runner).unwrap().current();
        let mut simulation = Simulation::new();
        for step in &steps {
            let before = simulation.taken.len();
            simulation.run(step);
            commits += simulation.taken.len() - before;
            replays += usize::from(matches!(step, Step::Attach { .. }) && simulation.taken.len() > 1);
        }
    }
    assert!(commits > 200, "{commits} commits were taken");
    assert!(replays > 100, "{replays} attaches after commits");
}
