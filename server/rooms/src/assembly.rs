//! Long messages on their way in: what one connection and one room may hold, and for how long.

use conclave_protocol::message::{RefusalCode, client_type};

use crate::{
    connection::{ASSEMBLY_MS, Connection},
    io::ConnId,
    rooms::Rooms,
    timers::Waiting,
};

/// Bytes of unfinished long messages that one room may hold: eight of full size. Members send one at a time and only after losing no race, so
/// two are common. Less would let two slow committers cut each other; more is memory for whoever has the link and sends pieces slowly.
const ROOM_ASSEMBLY_BYTES: usize = 16 << 20;

impl Rooms {
    /// Keeps count of unfinished long messages, of this connection and of its room.
    pub(crate) fn track_assembly(&mut self, now_ms: u64, conn: ConnId) {
        let Some(admitted) = self.connections.get_mut(&conn).and_then(Connection::admitted_mut) else {
            return;
        };
        let held = admitted.inbox.held();
        let Some(room) = self.rooms.get_mut(&admitted.room_id()) else {
            return;
        };
        if held == 0 {
            admitted.assembling_since = None;
            room.assembling.remove(&conn);
            return;
        }
        if admitted.assembling_since.is_none() {
            admitted.assembling_since = Some(now_ms);
            self.timers.wait(now_ms + ASSEMBLY_MS, Waiting::Assembly(conn));
        }
        room.assembling.insert(conn, held);
        if room.assembling.values().sum::<usize>() <= ROOM_ASSEMBLY_BYTES {
            return;
        }
        // Whoever has been at it for longest makes room for the others.
        let began = |conn: &ConnId| {
            self.connections
                .get(conn)
                .and_then(Connection::admitted)?
                .assembling_since
        };
        if let Some(slowest) = room.assembling.keys().copied().min_by_key(|conn| (began(conn), *conn)) {
            self.refuse_and_end(now_ms, slowest, client_type::CHUNK, RefusalCode::RateLimited);
        }
    }

    /// Ends a connection whose long message takes too long.
    pub(crate) fn handle_assembly_due(&mut self, now_ms: u64, conn: ConnId) {
        let since = self
            .connections
            .get(&conn)
            .and_then(Connection::admitted)
            .and_then(|a| a.assembling_since);
        match since {
            Some(since) if now_ms >= since + ASSEMBLY_MS => {
                self.refuse_and_end(now_ms, conn, client_type::CHUNK, RefusalCode::RateLimited);
            }
            // A later message than the one for which the timer was set.
            Some(since) => self.timers.wait(since + ASSEMBLY_MS, Waiting::Assembly(conn)),
            None => {}
        }
    }
}
