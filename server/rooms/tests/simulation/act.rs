//! Carries steps out.

use conclave_protocol::{
    envelope::ClearPart,
    ids::{CallId, TrackKind},
    keys::LinkSecret,
    message::ClientMessage,
};
use conclave_rooms::{ConnId, Input, MediaCommand};

use super::common::{World, call, commit_clear, envelope, transport};
use super::step::Step;
use super::{Sent, Simulation};

impl Simulation {
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

    pub(super) fn enter(&mut self, room: u8, tab: u8, secret_ok: bool, stop_after_hello: bool) {
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

    pub(super) fn act(&mut self, conn: ConnId, step: &Step) {
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
}
