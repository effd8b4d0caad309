//! Envelopes: who gets what, decided from the clear part alone.
//!
//! A commit and its welcomes are one submission: welcomes go out only if the commit is taken, and open the call's messages for their addressees. The notice goes ahead of the commit's body, so that
//! senders of media stop using keys that are about to be old.

use std::collections::BTreeSet;

use conclave_protocol::{
    envelope::{ClearPart, Envelope, EnvelopeType},
    ids::CallId,
    limits::{MAX_CARD, MAX_KNOCK, MAX_MESSAGE, SEAL_OVERHEAD},
    message::{RefusalCode, ServerMessage},
};

use crate::{
    call::Call,
    connection::{Connection, spend},
    io::ConnId,
    outbox::Refusal,
    rooms::{Room, Rooms},
};

/// An envelope whose form was checked, and its bytes as they came, which is how they are passed on.
struct Checked {
    clear: ClearPart,
    bytes: Vec<u8>,
}

fn check(bytes: Vec<u8>) -> Result<(Checked, usize), Refusal> {
    match Envelope::decode(&bytes) {
        Ok(Envelope { clear, sealed }) => Ok((Checked { clear, bytes }, sealed.len())),
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
        let call = call_of_attached(room, conn, call_id)?;
        if let Some(restart) = &call.restart {
            let wait = restart.until_ms.saturating_sub(now_ms).max(1);
            return Err(Refusal::retry(u32::try_from(wait).unwrap_or(u32::MAX)));
        }
        let base_seq = commit.clear.base_seq.ok_or(RefusalCode::Malformed)?;
        let seq = call.log.compare(base_seq)?;

        let attached: Vec<ConnId> = call.attached().collect();
        let addressees: Vec<Vec<ConnId>> = welcomes
            .iter()
            .map(|w| {
                w.clear
                    .to
                    .iter()
                    .filter_map(|transport| room.present.get(transport).copied())
                    .collect()
            })
            .collect();

        let outside: Vec<ConnId> = addressees
            .iter()
            .flatten()
            .copied()
            .filter(|conn| {
                let admitted = self.connections.get(conn).and_then(Connection::admitted);
                admitted.is_some_and(|admitted| admitted.attached.is_none())
            })
            .collect();

        let drop = !commit.clear.drop.is_empty();
        self.out
            .send_all(attached.iter().copied(), &ServerMessage::Notice { call_id, seq, drop });
        let frames = self.out.frames(&ServerMessage::EnvelopeIn {
            seq: Some(seq),
            envelope: commit.bytes,
        });
        for member in &attached {
            self.out.send_low(*member, &frames);
        }
        for (welcome, to) in welcomes.into_iter().zip(addressees) {
            let frames = self.out.frames(&ServerMessage::EnvelopeIn {
                seq: Some(seq),
                envelope: welcome.bytes,
            });
            for newcomer in to {
                self.out.send_low(newcomer, &frames);
            }
        }
        if let Some(room) = self.rooms.get_mut(&room_id) {
            for dropped in commit.clear.drop.iter().filter_map(|t| room.present.get(t)) {
                if let Some(call) = room.calls.get_mut(&call_id) {
                    call.end_reading(*dropped);
                }
            }
            if let Some(call) = room.calls.get_mut(&call_id) {
                call.log.swap(seq, now_ms, frames);
                for newcomer in outside {
                    call.let_read(newcomer, now_ms);
                }
            }
        }
        self.settle(now_ms, room_id, call_id);
        Ok(())
    }

    fn handle_chat(&mut self, now_ms: u64, conn: ConnId, message: Checked, sealed: usize) -> Result<(), Refusal> {
        at_most(sealed, MAX_MESSAGE)?;
        let allowance = &mut self.admitted_in(conn)?.allowance;
        spend(&mut allowance.messages, now_ms)?;
        let cost = u32::try_from(sealed).unwrap_or(u32::MAX);
        allowance.message_bytes.take(now_ms, cost).map_err(Refusal::retry)?;
        let (_, room) = self.room_of(conn)?;
        let call = call_of_attached(room, conn, message.clear.call_id)?;
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
        let members: Vec<ConnId> = call.attached().filter(|member| *member != conn).collect();
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
        let call = call_of_attached(room, conn, card.clear.call_id)?;
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

    fn room_of(&mut self, conn: ConnId) -> Result<(conclave_protocol::ids::RoomId, &mut Room), Refusal> {
        let room_id = self.admitted_in(conn)?.room_id();
        let room = self.rooms.get_mut(&room_id).ok_or(RefusalCode::Closing)?;
        Ok((room_id, room))
    }
}

/// The call, for somebody who takes part in it.
fn call_of_attached(room: &mut Room, conn: ConnId, call_id: CallId) -> Result<&mut Call, Refusal> {
    let call = room.calls.get_mut(&call_id).ok_or(RefusalCode::UnknownCall)?;
    if call.has(conn) {
        Ok(call)
    } else {
        Err(RefusalCode::NotAttached.into())
    }
}
