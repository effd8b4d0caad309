//! Envelopes: who gets what, decided from the clear part alone.
//!
//! A commit and its welcomes are one submission: welcomes go out only if the commit is taken, and open the call's messages for their addressees. The notice goes ahead of the commit's body, so that
//! senders of media stop using keys that are about to be old.

use std::collections::BTreeSet;

use conclave_protocol::{
    envelope::{ClearPart, Envelope, EnvelopeType},
    gate,
    ids::{CallId, TransportId},
    limits::{MAX_CARD, MAX_KNOCK, MAX_MESSAGE, SEAL_OVERHEAD},
    message::{RefusalCode, ServerMessage},
};

use crate::{
    call::Call,
    connection::{Connection, spend},
    gate::Candidate,
    io::ConnId,
    outbox::Refusal,
    rooms::{Room, Rooms},
};

/// When to try again while the members have yet to say what they think of the commits before.
const UNDECIDED_MS: u32 = 1_000;

/// An envelope whose form was checked, and its bytes as they came, which is how they are passed on.
struct Checked {
    clear: ClearPart,
    bytes: Vec<u8>,
    /// Of a commit: the whole, whose signature is yet to be verified.
    commit: Option<Envelope>,
}

fn check(bytes: Vec<u8>) -> Result<(Checked, usize), Refusal> {
    match Envelope::decode(&bytes) {
        Ok(envelope) => {
            let sealed = envelope.sealed.len();
            let clear = envelope.clear.clone();
            let commit = (clear.kind == EnvelopeType::Commit).then_some(envelope);
            Ok((Checked { clear, bytes, commit }, sealed))
        }
        Err(conclave_protocol::Error::TooLarge) => Err(RefusalCode::TooLarge.into()),
        Err(_) => Err(RefusalCode::Malformed.into()),
    }
}

fn at_most(sealed: usize, padded: usize) -> Result<(), Refusal> {
    if sealed <= padded + SEAL_OVERHEAD {
        Ok(())
    } else {
        Err(RefusalCode::TooLarge.into())
    }
}

impl Rooms {
    pub(crate) fn handle_submission<B: Into<Vec<u8>>>(
        &mut self,
        now_ms: u64,
        conn: ConnId,
        envelopes: Vec<B>,
    ) -> Result<(), Refusal> {
        let mut envelopes = envelopes
            .into_iter()
            .map(|e| check(e.into()))
            .collect::<Result<Vec<_>, _>>()?
            .into_iter();
        let (first, sealed) = envelopes.next().ok_or(RefusalCode::Malformed)?;
        if first.clear.kind == EnvelopeType::Commit {
            let welcomes: Vec<Checked> = envelopes.map(|(welcome, _)| welcome).collect();
            let all_welcomes = welcomes
                .iter()
                .all(|w| w.clear.kind == EnvelopeType::Welcome && w.clear.call_id == first.clear.call_id);
            if !all_welcomes {
                return Err(RefusalCode::Malformed.into());
            }
            return self.handle_commit(now_ms, conn, first, welcomes);
        }
        if envelopes.next().is_some() {
            return Err(RefusalCode::Malformed.into());
        }
        match first.clear.kind {
            EnvelopeType::Message => self.handle_chat(now_ms, conn, first, sealed),
            EnvelopeType::Knock => self.handle_knock(now_ms, conn, first, sealed),
            EnvelopeType::Card => self.handle_card(now_ms, conn, first, sealed),
            // A welcome without the commit that adds its addressee.
            EnvelopeType::Commit | EnvelopeType::Welcome => Err(RefusalCode::Malformed.into()),
        }
    }

    fn handle_commit(
        &mut self,
        now_ms: u64,
        conn: ConnId,
        commit: Checked,
        welcomes: Vec<Checked>,
    ) -> Result<(), Refusal> {
        let call_id = commit.clear.call_id;
        let allowance = &mut self.admitted_in(conn)?.allowance.commits;
        spend(allowance, now_ms)?;
        let (room_id, room) = self.room_of(conn)?;
        let call = room.calls.get(&call_id).ok_or(RefusalCode::UnknownCall)?;
        if let Some(wait) = call.gates.undecided(now_ms).filter(|_| call.has(conn)) {
            return Err(Refusal::retry(u32::try_from(wait).unwrap_or(u32::MAX)));
        }
        let call = call_of_insider(room, conn, call_id)?;
        let base_seq = commit.clear.base_seq.ok_or(RefusalCode::Malformed)?;
        let seq = call.log.compare(base_seq)?;
        let candidate = check_gate(call, conn, seq, &commit)?;

        let addressees: Vec<Vec<(ConnId, TransportId)>> = welcomes
            .iter()
            .map(|w| {
                let present = w.clear.to.iter().filter_map(|t| Some((*room.present.get(t)?, *t)));
                present.collect()
            })
            .collect();
        let all_added = |w: &Checked| w.clear.to.iter().all(|t| candidate.add.contains(t));
        if !welcomes.iter().all(all_added) {
            // A welcome that the commit does not stand for: members hold what a commit says it adds to what it adds.
            return Err(RefusalCode::Malformed.into());
        }
        let outside: Vec<(ConnId, TransportId)> = addressees
            .iter()
            .flatten()
            .copied()
            .filter(|(conn, _)| {
                let admitted = self.connections.get(conn).and_then(Connection::admitted);
                admitted.is_some_and(|admitted| admitted.attached.is_none())
            })
            .collect();

        let drop = !commit.clear.drop.is_empty();
        let frames = self.out.frames(&ServerMessage::EnvelopeIn {
            seq: Some(seq),
            envelope: commit.bytes,
        });
        let Some(room) = self.rooms.get_mut(&room_id) else {
            return Ok(());
        };
        for dropped in candidate.drop.iter().filter_map(|t| room.present.get(t)) {
            if let Some(call) = room.calls.get_mut(&call_id) {
                call.end_reading(*dropped);
            }
        }
        let Some(call) = room.calls.get_mut(&call_id) else {
            return Ok(());
        };
        call.log.swap(seq, now_ms, frames);
        let begun = call.gates.announce(now_ms, candidate);
        for (newcomer, transport) in outside {
            call.let_read(newcomer, transport, now_ms);
        }
        let readers = call.readers_of(seq);
        // SECURITY: whoever is dropped has lost their rights before anybody hears of it; the commit that says so is the last thing they get.
        self.suspend(room_id, call_id);
        self.out
            .send_all(readers, &ServerMessage::Notice { call_id, seq, drop });
        self.follow(now_ms, room_id, call_id, begun);
        for (welcome, to) in welcomes.into_iter().zip(addressees) {
            let frames = self.out.frames(&ServerMessage::EnvelopeIn {
                seq: Some(seq),
                envelope: welcome.bytes,
            });
            for (newcomer, _) in to {
                self.out.send_low(newcomer, &frames);
            }
        }
        Ok(())
    }

    fn handle_chat(&mut self, now_ms: u64, conn: ConnId, message: Checked, sealed: usize) -> Result<(), Refusal> {
        at_most(sealed, MAX_MESSAGE)?;
        let allowance = &mut self.admitted_in(conn)?.allowance;
        spend(&mut allowance.messages, now_ms)?;
        let cost = u32::try_from(sealed).unwrap_or(u32::MAX);
        allowance.message_bytes.take(now_ms, cost).map_err(Refusal::retry)?;
        let (_, room) = self.room_of(conn)?;
        let call = call_of_insider(room, conn, message.clear.call_id)?;
        let mut others = call.listeners(now_ms);
        others.retain(|other| *other != conn);
        self.out.send_all(
            others,
            &ServerMessage::EnvelopeIn {
                seq: None,
                envelope: message.bytes,
            },
        );
        Ok(())
    }

    fn handle_knock(&mut self, now_ms: u64, conn: ConnId, knock: Checked, sealed: usize) -> Result<(), Refusal> {
        at_most(sealed, MAX_KNOCK)?;
        spend(&mut self.admitted_in(conn)?.allowance.knocks, now_ms)?;
        let (_, room) = self.room_of(conn)?;
        let call = room
            .calls
            .get(&knock.clear.call_id)
            .filter(|call| call.empty_since().is_none())
            .ok_or(RefusalCode::UnknownCall)?;
        let members: Vec<ConnId> = call.inside().filter(|member| *member != conn).collect();
        self.out.send_all(
            members,
            &ServerMessage::EnvelopeIn {
                seq: None,
                envelope: knock.bytes,
            },
        );
        Ok(())
    }

    fn handle_card(&mut self, now_ms: u64, conn: ConnId, card: Checked, sealed: usize) -> Result<(), Refusal> {
        at_most(sealed, MAX_CARD)?;
        spend(&mut self.admitted_in(conn)?.allowance.cards, now_ms)?;
        let (_, room) = self.room_of(conn)?;
        let call = call_of_insider(room, conn, card.clear.call_id)?;
        call.card = Some(card.bytes.as_slice().into());
        let inside: BTreeSet<ConnId> = call.attached().collect();
        // Also to those in another call: a lone founder gives way when it hears of a better one.
        let outside: Vec<ConnId> = room
            .present
            .values()
            .copied()
            .filter(|other| !inside.contains(other))
            .collect();
        self.out.send_all(
            outside,
            &ServerMessage::EnvelopeIn {
                seq: None,
                envelope: card.bytes,
            },
        );
        Ok(())
    }

    pub(crate) fn admitted_in(&mut self, conn: ConnId) -> Result<&mut crate::connection::Admitted, Refusal> {
        let admitted = self.connections.get_mut(&conn).and_then(Connection::admitted_mut);
        Ok(admitted.ok_or(RefusalCode::NotAllowed)?)
    }

    pub(crate) fn room_of(&mut self, conn: ConnId) -> Result<(conclave_protocol::ids::RoomId, &mut Room), Refusal> {
        let room_id = self.admitted_in(conn)?.room_id();
        let room = self.rooms.get_mut(&room_id).ok_or(RefusalCode::Closing)?;
        Ok((room_id, room))
    }
}

/// The call, for somebody who has proven its gate.
fn call_of_insider(room: &mut Room, conn: ConnId, call_id: CallId) -> Result<&mut Call, Refusal> {
    let call = room.calls.get_mut(&call_id).ok_or(RefusalCode::UnknownCall)?;
    if call.gates.has_rights(conn) {
        Ok(call)
    } else {
        Err(RefusalCode::NotAttached.into())
    }
}

/// SECURITY: a commit counts if the gate at which its sender stands signed it; and the gate that it announces is a new one.
fn check_gate(call: &Call, conn: ConnId, seq: u64, commit: &Checked) -> Result<Candidate, Refusal> {
    let parent = call.gates.gate_of(conn).ok_or(RefusalCode::NotAttached)?;
    let envelope = commit.commit.as_ref().ok_or(RefusalCode::Malformed)?;
    let next = commit.clear.next_gate.ok_or(RefusalCode::Malformed)?;
    let signed = gate::verify_commit(envelope, &parent).map_err(|_| RefusalCode::NotAllowed)?;
    match call.gates.has_place_for(next) {
        Ok(true) => {}
        Ok(false) => return Err(Refusal::retry(UNDECIDED_MS)),
        Err(()) => return Err(RefusalCode::NotAllowed.into()),
    }
    Ok(Candidate::new(seq, next, &signed, conn))
}
