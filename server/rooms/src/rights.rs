//! Carrying out what the gate decides: who is told, who is silenced, who is sent away, and which commits become somebody's to read.
//!
//! Deliberately absent: deciding it (`gate`). Everything that can change somebody's rights ends in [`Rooms::follow`].

use conclave_protocol::{
    ids::{CallId, RoomId},
    keys::GatePk,
    message::{RefusalCode, ServerMessage, client_type},
};

use crate::{
    connection::spend,
    io::{ConnId, MediaCommand},
    outbox::Refusal,
    rooms::Rooms,
};

impl Rooms {
    pub(crate) fn handle_prove(
        &mut self,
        now_ms: u64,
        conn: ConnId,
        call_id: CallId,
        (seq, gate): (u64, GatePk),
        signature: &[u8; 64],
    ) -> Result<(), Refusal> {
        let admitted = self.admitted_in(conn)?;
        spend(&mut admitted.allowance.proofs, now_ms)?;
        if admitted.attached != Some(call_id) {
            return Err(RefusalCode::NotAttached.into());
        }
        let proven = admitted.proof_context().verify(&call_id, seq, &gate, signature);
        let proven = proven.map_err(|_| RefusalCode::NotAllowed)?;
        let (room_id, room) = self.room_of(conn)?;
        let call = room.calls.get_mut(&call_id).ok_or(RefusalCode::UnknownCall)?;
        let begun = call.gates.prove(now_ms, conn, proven);
        self.follow(now_ms, room_id, call_id, begun);
        Ok(())
    }

    /// Tells who has gained or lost rights, and takes media from those who have lost them.
    pub(crate) fn suspend(&mut self, room_id: RoomId, call_id: CallId) {
        let room = self.rooms.get_mut(&room_id);
        let Some(call) = room.and_then(|room| room.calls.get_mut(&call_id)) else {
            return;
        };
        for (conn, on) in call.gates.changes() {
            if on {
                call.end_reading(conn);
            } else {
                if let Some(transport) = call.transport_of(conn) {
                    call.floor.leave(transport);
                }
                self.out.media(MediaCommand::Silence { conn });
            }
            self.out.send(conn, &ServerMessage::Rights { call_id, on });
            if on {
                let tracks = call.floor.list();
                self.out.send(conn, &ServerMessage::Tracks { tracks });
            }
        }
    }

    /// After anything that may have changed somebody's rights. `begun`: an election was won, and the log begins anew there.
    pub(crate) fn follow(&mut self, now_ms: u64, room_id: RoomId, call_id: CallId, begun: Option<u64>) {
        let room = self.rooms.get_mut(&room_id);
        let Some(call) = room.and_then(|room| room.calls.get_mut(&call_id)) else {
            return;
        };
        if let Some(seq) = begun {
            call.begin_anew(seq);
        }
        for (conn, frames) in call.take_unsent() {
            self.out.send_low(conn, &frames);
        }
        let (losers, strangers, offenders) = (
            call.gates.losers(now_ms),
            call.gates.strangers(),
            call.gates.offenders(),
        );
        let head_seq = call.log.head_seq();
        self.suspend(room_id, call_id);
        for (conn, named) in losers {
            // What they miss was in the memory of the process before; what they have too much, the others do not know.
            let refusal = if named < head_seq {
                Refusal::backlog_gone(head_seq)
            } else {
                Refusal::stale(head_seq)
            };
            self.out.refuse(conn, client_type::ATTACH, &refusal);
            self.detach(now_ms, conn);
        }
        for (conn, removed) in strangers {
            // Whoever was removed has the commit that says so on its way, behind which a refusal would come first.
            if !removed {
                self.out
                    .refuse(conn, client_type::ATTACH, &RefusalCode::UnknownCall.into());
            }
            self.detach(now_ms, conn);
        }
        for conn in offenders {
            self.end(now_ms, conn, RefusalCode::NotAllowed);
        }
        self.settle(now_ms, room_id, call_id);
    }
}
