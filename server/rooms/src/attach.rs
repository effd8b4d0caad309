//! Taking part in a call: founding one, entering after a welcome, coming back after an interruption or after the server's restart.

use conclave_protocol::{
    ids::{CallId, RoomId},
    message::{RefusalCode, ServerMessage},
};

use crate::{
    call::Call,
    connection::{Connection, spend},
    io::{ConnId, MediaCallKey, MediaCommand},
    outbox::Refusal,
    rooms::Rooms,
    timers::Waiting,
};

/// For how long after its start a server takes it for possible that a call it does not know was there before. Clients try again after at most seven and a
/// half seconds, a laptop that was closed meanwhile later.
const FORGETFUL_MS: u64 = 60_000;

impl Rooms {
    pub(crate) fn handle_attach(
        &mut self,
        now_ms: u64,
        conn: ConnId,
        call_id: CallId,
        have_seq: u64,
    ) -> Result<(), Refusal> {
        let admitted = self
            .connections
            .get_mut(&conn)
            .and_then(Connection::admitted_mut)
            .ok_or(RefusalCode::NotAllowed)?;
        spend(&mut admitted.allowance.attaches, now_ms)?;
        let (room_id, transport, before) = (admitted.room_id(), admitted.transport(), admitted.attached);
        let room = self.rooms.get_mut(&room_id).ok_or(RefusalCode::Closing)?;

        if !room.calls.contains_key(&call_id) {
            if !room.has_place_for_a_call() {
                return Err(RefusalCode::CallLimit.into());
            }
            let media = MediaCallKey(self.next_media_call);
            self.next_media_call += 1;
            // A server that was started a moment ago may have forgotten a call that others know more of than whoever names it first.
            let asked = have_seq > 0 || now_ms.saturating_sub(self.started_ms.unwrap_or(now_ms)) < FORGETFUL_MS;
            room.calls.insert(call_id, Call::new(media, have_seq, now_ms, asked));
        }
        let call = room.calls.get(&call_id).ok_or(RefusalCode::UnknownCall)?;
        if !call.gates.may_attach(transport) {
            // Not a member as far as the log says: whoever is one asks to be added anew.
            return Err(RefusalCode::UnknownCall.into());
        }
        let reads = call.gates.reads(transport);
        if call.gates.was_removed(transport, have_seq) {
            return Err(RefusalCode::UnknownCall.into());
        }
        if reads.is_some_and(|(from, _)| have_seq < from) {
            return Err(Refusal::backlog_gone(call.log.head_seq()));
        }
        if reads.is_some() || !call.gates.is_electing(now_ms) {
            call.log.reaches(have_seq)?;
        }
        if before.is_some_and(|before| before != call_id) {
            self.detach(now_ms, conn);
        }

        let Some(room) = self.rooms.get_mut(&room_id) else {
            return Ok(());
        };
        room.end_reading_elsewhere(conn, call_id);
        let Some(call) = room.calls.get_mut(&call_id) else {
            return Ok(());
        };
        // Attaching again to the same call begins its media anew: the client makes a fresh peer connection.
        if call.attach(now_ms, conn, transport, have_seq) {
            self.out.media(MediaCommand::Leave { conn });
        }
        self.out.media(MediaCommand::Join {
            conn,
            call: call.media,
            transport,
        });
        if let Some(admitted) = self.connections.get_mut(&conn).and_then(Connection::admitted_mut) {
            admitted.attached = Some(call_id);
        }
        self.follow(now_ms, room_id, call_id, None);
        Ok(())
    }

    /// Looks at a call whose time has come.
    pub(crate) fn handle_call_due(&mut self, now_ms: u64, room_id: RoomId, call_id: CallId) {
        let Some(room) = self.rooms.get_mut(&room_id) else {
            return;
        };
        let Some(call) = room.calls.get_mut(&call_id) else {
            return;
        };
        call.armed = None;
        if call.is_over(now_ms) {
            room.calls.remove(&call_id);
            return;
        }
        call.log.forget(now_ms);
        let forgotten = call.log.forgotten();
        call.gates.forget_until(forgotten);
        let begun = call.gates.tick(now_ms);
        self.follow(now_ms, room_id, call_id, begun);
    }

    /// After a change to a call: tells of its tracks if it is time, and sets the timer for what comes next.
    pub(crate) fn settle(&mut self, now_ms: u64, room_id: RoomId, call_id: CallId) {
        let Some(call) = self
            .rooms
            .get_mut(&room_id)
            .and_then(|room| room.calls.get_mut(&call_id))
        else {
            return;
        };
        if let Some(tracks) = call.floor.take_list(now_ms) {
            let inside: Vec<ConnId> = call.inside().collect();
            self.out.send_all(inside, &ServerMessage::Tracks { tracks });
        }
        if let Some(deadline) = call.next_deadline(now_ms)
            && call.armed.is_none_or(|armed| deadline < armed)
        {
            call.armed = Some(deadline);
            self.timers.wait(deadline, Waiting::Call(room_id, call_id));
        }
    }
}
