//! Letting connections into a room: the hello says where to, the proof shows the link.
//!
//! SECURITY: C-ADMIT-3: rooms that do not exist, wrong proofs and rooms that were deleted in between take one path and give one answer. The two
//! signatures are verified in every case, against a dummy key where there is no room.

use conclave_protocol::{
    admission::{AdmissionContext, verify},
    ids::RoomId,
    keys::TransportPk,
    message::{RefusalCode, ServerMessage, client_type},
};

use crate::{
    connection::{Admitted, Phase},
    io::ConnId,
    rooms::Rooms,
};

impl Rooms {
    pub(crate) fn handle_hello(
        &mut self,
        conn: ConnId,
        room_id: RoomId,
        client_nonce: [u8; 32],
        transport_pk: TransportPk,
    ) {
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        if let Phase::Challenged { server_nonce } = connection.phase {
            connection.phase = Phase::Greeted(AdmissionContext {
                server: self.config.server.clone(),
                room_id,
                server_nonce,
                client_nonce,
                transport_pk,
            });
        }
    }

    pub(crate) fn handle_admit(
        &mut self,
        now_ms: u64,
        conn: ConnId,
        sig_admission: &[u8; 64],
        sig_transport: &[u8; 64],
    ) {
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        let Phase::Greeted(context) = &connection.phase else {
            return;
        };
        let room = self.rooms.get_mut(&context.room_id);
        let key = room
            .as_ref()
            .map_or(self.config.dummy_admission_pk, |room| room.record.admission_pk);
        let proof = verify(context, &key, sig_admission, sig_transport);
        // A proof that holds against the dummy key is still a proof for no room.
        let (Some(room), Ok(proof)) = (room, proof) else {
            self.refuse_and_end(now_ms, conn, client_type::ADMIT, RefusalCode::NotAllowed);
            return;
        };

        let older = room.present.get(&proof.transport()).copied();
        if older.is_none() && room.present.len() >= usize::from(room.limits().members) {
            self.refuse_and_end(now_ms, conn, client_type::ADMIT, RefusalCode::RoomFull);
            return;
        }
        room.present.insert(proof.transport(), conn);
        let live = room.calls.iter().filter(|(_, call)| call.empty_since().is_none());
        let admitted = ServerMessage::Admitted {
            limits: room.limits(),
            sheet: room.record.sheet.clone(),
            // A call that nobody is in could not answer a knock.
            calls: live.map(|(id, call)| call.head(*id)).collect(),
        };
        let context = context.clone();
        connection.phase = Phase::Admitted(Box::new(Admitted::new(proof, context, now_ms)));
        self.out.admitted(conn);
        self.out.send(conn, &admitted);
        // The same transport key, so the same tab: its old socket is dead or about to be.
        if let Some(older) = older {
            self.end(now_ms, older, RefusalCode::Closing);
        }
    }
}
