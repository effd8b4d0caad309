//! Requests for the forwarding plane, and what comes back from it.

use conclave_protocol::{
    ids::{CallId, RoomId, TrackId, TrackKind},
    message::{RefusalCode, ServerMessage, SlotRequest, client_type},
};

use crate::{
    connection::{Connection, spend},
    io::{ConnId, MediaCommand},
    outbox::Refusal,
    rooms::Rooms,
};

impl Rooms {
    pub(crate) fn handle_offer(&mut self, now_ms: u64, conn: ConnId, sdp: String) -> Result<(), Refusal> {
        spend(&mut self.admitted_in(conn)?.allowance.offers, now_ms)?;
        self.attached_to(conn)?;
        self.out.media(MediaCommand::Offer { conn, sdp });
        Ok(())
    }

    pub(crate) fn handle_publish(
        &mut self,
        now_ms: u64,
        conn: ConnId,
        mid: String,
        kind: TrackKind,
        on: bool,
    ) -> Result<(), Refusal> {
        spend(&mut self.admitted_in(conn)?.allowance.publishes, now_ms)?;
        let (room_id, call_id) = self.inside_of(conn)?;
        let transport = self.admitted_in(conn)?.transport();
        let room = self.rooms.get_mut(&room_id).ok_or(RefusalCode::Closing)?;
        let seats = room.limits().seats;
        let call = room.calls.get_mut(&call_id).ok_or(RefusalCode::UnknownCall)?;
        call.floor.publish(TrackId { transport, kind }, on, seats)?;
        self.out.media(MediaCommand::Publish { conn, mid, kind, on });
        self.settle(now_ms, room_id, call_id);
        Ok(())
    }

    pub(crate) fn handle_slots(&mut self, now_ms: u64, conn: ConnId, slots: Vec<SlotRequest>) -> Result<(), Refusal> {
        spend(&mut self.admitted_in(conn)?.allowance.slots, now_ms)?;
        self.inside_of(conn)?;
        let slots = slots.into_iter().map(|s| (s.mid, s.track, s.layer)).collect();
        self.out.media(MediaCommand::Slots { conn, slots });
        Ok(())
    }

    pub(crate) fn handle_sfu_answer(&mut self, conn: ConnId, sdp: String) {
        if self.attached_to(conn).is_ok() {
            self.out.send(conn, &ServerMessage::Answer { sdp });
        }
    }

    pub(crate) fn handle_sfu_refused(&mut self, conn: ConnId) {
        if self.attached_to(conn).is_ok() {
            self.out
                .refuse(conn, client_type::OFFER, &RefusalCode::SdpUnusable.into());
        }
    }

    pub(crate) fn handle_sfu_assigned(&mut self, conn: ConnId, mid: String, track: Option<TrackId>) {
        if self.attached_to(conn).is_ok() {
            self.out.send(conn, &ServerMessage::Assigned { mid, track });
        }
    }

    /// The call in which a connection has proven the gate.
    fn inside_of(&self, conn: ConnId) -> Result<(RoomId, CallId), Refusal> {
        let (room_id, call_id) = self.attached_to(conn)?;
        let call = self.rooms.get(&room_id).and_then(|room| room.calls.get(&call_id));
        if call.is_some_and(|call| call.gates.has_rights(conn)) {
            Ok((room_id, call_id))
        } else {
            Err(RefusalCode::NotAttached.into())
        }
    }

    /// The call in which a connection takes part.
    fn attached_to(&self, conn: ConnId) -> Result<(RoomId, CallId), Refusal> {
        let admitted = self
            .connections
            .get(&conn)
            .and_then(Connection::admitted)
            .ok_or(RefusalCode::NotAllowed)?;
        let call_id = admitted.attached.ok_or(RefusalCode::NotAttached)?;
        Ok((admitted.room_id(), call_id))
    }
}
