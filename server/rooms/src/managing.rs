//! Requests of organisers and owners: a room made with a ticket, a record changed by its manage key. In place of a hello it is one request on a connection, which then ends; an owner who is
//! admitted to the room makes them one after the other, and stays. Whoever is admitted may bring a record that an owner signed beforehand.
//!
//! Here the signature is judged; tickets and records are judged by the daemon's registry, which has the store and the day, and which is asked by
//! [`Output::Registry`]. SECURITY: C-MANAGE-4: unknown rooms, closed rooms and wrong signatures take one path, do one verification and get one
//! answer; so do tickets that are unknown, used, revoked and expired, and rooms that are there already.

use conclave_protocol::{
    ids::RoomId,
    keys::{ManagePk, TicketSecret},
    manage::{
        ChangeProof, ManagedRoom, Registration, Replacement, RoomChange, verify_change, verify_registration,
        verify_replacement,
    },
    message::{RefusalCode, ServerMessage, client_type},
    room::RoomRecord,
};

use crate::{
    connection::{Phase, spend},
    io::{ConnId, Output},
    outbox::Refusal,
    rooms::{NORMAL_CLOSE, Rooms},
};

/// When to ask again while the request before is not answered.
const BUSY_MS: u32 = 500;

/// What the daemon's registry is asked to do. Each holds the proof that whoever asks may.
pub enum RegistryRequest {
    /// Make a room with a ticket.
    Register(Registration),
    /// Read, change or delete a record.
    Change(ChangeProof),
}

/// What the registry says: the room as it is now (`None` once it is deleted), or why not.
pub type RegistryAnswer = Result<Option<ManagedRoom>, RefusalCode>;

impl Rooms {
    pub(crate) fn handle_register(
        &mut self,
        now_ms: u64,
        conn: ConnId,
        ticket: &TicketSecret,
        record: RoomRecord,
        signature: &[u8; 64],
    ) {
        let Some(nonce) = self.take_challenge(conn, client_type::REGISTER) else {
            return;
        };
        match verify_registration(&self.config.server, &nonce, ticket, record, signature) {
            Ok(registration) => self.ask_registry(conn, RegistryRequest::Register(registration)),
            Err(_) => self.refuse_and_end(now_ms, conn, client_type::REGISTER, RefusalCode::NotAllowed),
        }
    }

    pub(crate) fn handle_manage(
        &mut self,
        now_ms: u64,
        conn: ConnId,
        room_id: RoomId,
        change: RoomChange,
        signature: &[u8; 64],
    ) {
        let Some(nonce) = self.take_challenge(conn, client_type::MANAGE) else {
            return;
        };
        let room = self.rooms.get(&room_id);
        let dummy = ManagePk::from_bytes(*self.config.dummy_admission_pk.as_bytes());
        let key = room.map_or(dummy, |room| room.record.manage_pk);
        let proof = verify_change(&self.config.server, &nonce, &key, room_id, change, signature);
        // A proof that holds against the dummy key is still a proof for no room.
        match (room, proof) {
            (Some(_), Ok(proof)) => self.ask_registry(conn, RegistryRequest::Change(proof)),
            _ => self.refuse_and_end(now_ms, conn, client_type::MANAGE, RefusalCode::NotAllowed),
        }
    }

    /// From somebody who is in the room, about this room: nothing is learned by asking, and a wrong signature is refused like anything else that one may not.
    pub(crate) fn handle_manage_inside(
        &mut self,
        now_ms: u64,
        conn: ConnId,
        room_id: RoomId,
        change: RoomChange,
        signature: &[u8; 64],
    ) -> Result<(), Refusal> {
        self.may_ask_inside(now_ms, conn, room_id)?;
        let nonce = *self.admitted_in(conn)?.proof_context().server_nonce;
        let key = self.room_of(conn)?.1.record.manage_pk;
        let proof = verify_change(&self.config.server, &nonce, &key, room_id, change, signature)
            .map_err(|_| RefusalCode::NotAllowed)?;
        self.ask_inside(conn, client_type::MANAGE, proof)
    }

    /// From anybody in the room: a record that its owner signed, for whoever may bring it.
    ///
    /// SECURITY: the owner's signature decides, and who brings it adds nothing. It costs the server no more than an owner's request, out of the same allowance.
    pub(crate) fn handle_replace(
        &mut self,
        now_ms: u64,
        conn: ConnId,
        replacement: Replacement,
    ) -> Result<(), Refusal> {
        self.may_ask_inside(now_ms, conn, replacement.record.room_id)?;
        let key = self.room_of(conn)?.1.record.manage_pk;
        let proof = verify_replacement(&self.config.server, &key, replacement).map_err(|_| RefusalCode::NotAllowed)?;
        self.ask_inside(conn, client_type::REPLACE, proof)
    }

    /// One at a time, so many in a minute, and about the room that one is in.
    fn may_ask_inside(&mut self, now_ms: u64, conn: ConnId, room_id: RoomId) -> Result<(), Refusal> {
        let admitted = self.admitted_in(conn)?;
        spend(&mut admitted.allowance.manages, now_ms)?;
        if admitted.asks_registry.is_some() {
            return Err(Refusal::retry(BUSY_MS));
        }
        if room_id != admitted.room_id() {
            return Err(RefusalCode::NotAllowed.into());
        }
        Ok(())
    }

    fn ask_inside(&mut self, conn: ConnId, re: u8, proof: ChangeProof) -> Result<(), Refusal> {
        self.admitted_in(conn)?.asks_registry = Some(re);
        self.ask_registry(conn, RegistryRequest::Change(proof));
        Ok(())
    }

    fn ask_registry(&mut self, conn: ConnId, request: RegistryRequest) {
        self.out.push(Output::Registry { conn, request });
    }

    /// The nonce, once: whatever comes of the request, the connection can make no other.
    fn take_challenge(&mut self, conn: ConnId, re: u8) -> Option<[u8; 32]> {
        let connection = self.connections.get_mut(&conn)?;
        let Phase::Challenged { server_nonce } = connection.phase else {
            return None;
        };
        connection.phase = Phase::Asked { re };
        Some(server_nonce)
    }

    /// The registry has done it, or not.
    pub(crate) fn handle_registry_answer(&mut self, now_ms: u64, conn: ConnId, answer: RegistryAnswer) {
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        match (&mut connection.phase, answer) {
            (Phase::Asked { .. }, Ok(room)) => {
                self.out.send(conn, &ServerMessage::Managed { room });
                self.out.close(conn, NORMAL_CLOSE);
                self.remove(now_ms, conn);
            }
            (Phase::Asked { re }, Err(code)) => {
                let re = *re;
                self.refuse_and_end(now_ms, conn, re, code);
            }
            (Phase::Admitted(admitted), answer) => {
                let Some(re) = admitted.asks_registry.take() else {
                    return;
                };
                match answer {
                    Ok(room) => self.out.send(conn, &ServerMessage::Managed { room }),
                    Err(code) => self.out.refuse(conn, re, &code.into()),
                }
            }
            _ => {}
        }
    }
}
