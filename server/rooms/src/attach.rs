//! Taking part in a call: founding one, entering after a welcome, coming back after an interruption or after the server's restart.

use conclave_protocol::{
    ids::{CallId, RoomId},
    message::{RefusalCode, ServerMessage, client_type},
};

use crate::{
    call::Call,
    connection::{Connection, spend},
    io::{ConnId, MediaCallKey, MediaCommand},
    outbox::Refusal,
    rooms::Rooms,
    timers::Waiting,
};

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
            room.calls.insert(call_id, Call::new(media, have_seq, now_ms));
        }
        let call = room.calls.get_mut(&call_id).ok_or(RefusalCode::UnknownCall)?;
        let missed = match &mut call.restart {
            // What counts is only known when all have named theirs.
            Some(restart) => {
                restart.name(conn, have_seq);
                Vec::new()
            }
            None => call.log.since(have_seq)?,
        };
        if before.is_some_and(|before| before != call_id) {
            self.detach(now_ms, conn);
        }

        let Some(room) = self.rooms.get_mut(&room_id) else {
            return Ok(());
        };
        room.end_reading(conn);
        let Some(call) = room.calls.get_mut(&call_id) else {
            return Ok(());
        };
        // Attaching again to the same call begins its media anew: the client makes a fresh peer connection.
        if call.attach(conn, transport) {
            self.out.media(MediaCommand::Leave { conn });
        }
        self.out.media(MediaCommand::Join {
            conn,
            call: call.media,
            transport,
        });
        for frames in &missed {
            self.out.send_low(conn, frames);
        }
        let tracks = call.floor.list();
        self.out.send(conn, &ServerMessage::Tracks { tracks });
        if let Some(admitted) = self.connections.get_mut(&conn).and_then(Connection::admitted_mut) {
            admitted.attached = Some(call_id);
        }
        self.settle(now_ms, room_id, call_id);
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
        if call.restart.as_ref().is_some_and(|restart| now_ms >= restart.until_ms) {
            self.finish_restart(now_ms, room_id, call_id);
        }
        self.settle(now_ms, room_id, call_id);
    }

    /// Fixes the head of a call that came back, and sends away whose sequence it is not.
    fn finish_restart(&mut self, now_ms: u64, room_id: RoomId, call_id: CallId) {
        let Some(call) = self
            .rooms
            .get_mut(&room_id)
            .and_then(|room| room.calls.get_mut(&call_id))
        else {
            return;
        };
        let Some(restart) = call.restart.take() else { return };
        let Some(head_seq) = restart.elect() else { return };
        call.log = crate::call_log::CallLog::starting_at(head_seq);
        for (conn, named) in restart.named().filter(|(_, named)| *named != head_seq) {
            // What they miss was in the memory of the process before; what they have too much, the others do not know.
            let refusal = if named < head_seq {
                Refusal::backlog_gone(head_seq)
            } else {
                Refusal::stale(head_seq)
            };
            self.out.refuse(conn, client_type::ATTACH, &refusal);
            self.detach(now_ms, conn);
        }
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
            self.out.send_all(call.attached(), &ServerMessage::Tracks { tracks });
        }
        if let Some(deadline) = call.next_deadline()
            && call.armed.is_none_or(|armed| deadline < armed)
        {
            call.armed = Some(deadline);
            self.timers.wait(deadline, Waiting::Call(room_id, call_id));
        }
    }
}
