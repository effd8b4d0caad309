//! The connection to one server: opening, proving the link, chunks, pings, and opening again.
//!
//! Does not know calls. Rule of use: every frame goes through [`Connection::frame`], every message out through [`Connection::send`]; after
//! [`Output::CloseSocket`] this side counts as closed at once. SPEC: protocol.md §1 "Admission", §2 "Socket".

use std::collections::VecDeque;

use conclave_protocol::admission::AdmissionContext;
use conclave_protocol::chunk::{Inbox, split};
use conclave_protocol::gate::ProofContext;
use conclave_protocol::ids::{CallId, RoomId, TransportId};
use conclave_protocol::keys::{GatePk, LinkKeys, Signer, TransportPk};
use conclave_protocol::limits::CHUNK_DATA;
use conclave_protocol::message::{ClientMessage, ServerMessage, client_type};
use conclave_protocol::server_name::ServerName;

use zeroize::Zeroizing;

use super::errand::Errands;

use crate::error::CoreError;
use crate::io::Output;
use crate::limits::{ADMISSION_MS, PING_MS, RECONNECT_MAX_MS, RECONNECT_MIN_MS, SOCKET_SILENT_MS};
use crate::random::Random;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// No socket, none wanted.
    Down,
    /// A socket was asked for.
    Opening,
    /// Open since then; admission is under way.
    Proving(u64),
    /// Admitted.
    Up,
}

/// The connection of a member.
pub(crate) struct Connection {
    server: ServerName,
    room_id: RoomId,
    admission: Signer,
    /// By the link before, in case the server does not know the present one yet.
    other_admission: Option<Signer>,
    /// One of the two was refused since the last admission.
    refused_once: bool,
    transport: Signer,
    /// What `transport` was made from, for the record of this member's place.
    transport_seed: Zeroizing<[u8; 32]>,
    /// From this connection's challenge: proofs of a gate are bound to it.
    server_nonce: [u8; 32],
    stage: Stage,
    inbox: Inbox,
    next_chunk: u32,
    failures: u32,
    heard_at: u64,
    ping_at: u64,
    pings: u32,
    /// Offers that the server has not dealt with yet. Each gets one answer or refusal, in order.
    offers_open: u32,
}

impl Connection {
    pub(crate) fn new(server: ServerName, room_id: RoomId, keys: &LinkKeys, transport_seed: &[u8; 32]) -> Self {
        let admission = keys.admission(&server);
        Self {
            server,
            room_id,
            admission,
            other_admission: None,
            refused_once: false,
            transport: Signer::from_seed(transport_seed),
            transport_seed: Zeroizing::new(*transport_seed),
            server_nonce: [0; 32],
            stage: Stage::Down,
            inbox: Inbox::new(),
            next_chunk: 0,
            failures: 0,
            heard_at: 0,
            ping_at: 0,
            pings: 0,
            offers_open: 0,
        }
    }

    /// The number of the last ping: whatever is sent from now on has been dealt with when a pong of a higher one comes. The server takes a connection's frames in
    /// order, and its pongs and refusals keep that order.
    pub(crate) fn pings(&self) -> u32 {
        self.pings
    }

    /// What the server calls this member.
    pub(crate) fn transport_id(&self) -> TransportId {
        TransportId::of(&self.transport_pk())
    }

    pub(crate) fn server(&self) -> &ServerName {
        &self.server
    }

    /// The room has another link.
    pub(crate) fn relink(&mut self, keys: &LinkKeys) {
        let old = std::mem::replace(&mut self.admission, keys.admission(&self.server));
        self.other_admission = Some(old);
    }

    /// The room may have this link when this member comes again.
    pub(crate) fn expect_link(&mut self, keys: &LinkKeys) {
        self.other_admission = Some(keys.admission(&self.server));
    }

    /// Not admitted: whether to try again by the other of two links. At most once, until one of them was admitted.
    pub(crate) fn try_other_link(&mut self) -> bool {
        let Some(other) = &mut self.other_admission else {
            return false;
        };
        std::mem::swap(&mut self.admission, other);
        !std::mem::replace(&mut self.refused_once, true)
    }

    fn transport_pk(&self) -> TransportPk {
        TransportPk::from_bytes(self.transport.public())
    }

    /// Becomes somebody else to the server: a member that lost its place for good is a newcomer.
    pub(crate) fn renew_transport(&mut self, seed: &[u8; 32]) {
        self.transport = Signer::from_seed(seed);
        self.transport_seed = Zeroizing::new(*seed);
    }

    pub(crate) fn transport_seed(&self) -> &[u8; 32] {
        &self.transport_seed
    }

    pub(crate) fn is_up(&self) -> bool {
        self.stage == Stage::Up
    }

    /// Asks for a socket now, closing whatever there is.
    pub(crate) fn open(&mut self, out: &mut VecDeque<Output>) {
        self.close(out);
        self.stage = Stage::Opening;
        out.push_back(Output::OpenSocket { after_ms: 0 });
    }

    pub(crate) fn close(&mut self, out: &mut VecDeque<Output>) {
        if self.stage != Stage::Down {
            out.push_back(Output::CloseSocket);
        }
        self.stage = Stage::Down;
    }

    pub(crate) fn opened(&mut self, now: u64) {
        self.inbox = Inbox::new();
        self.stage = Stage::Proving(now);
        self.heard_at = now;
        self.ping_at = now + PING_MS;
        self.offers_open = 0;
    }

    /// The socket is gone: another one, later each time, spread at random so that a restarted server is not stormed.
    pub(crate) fn lost(&mut self, random: &mut Random, out: &mut VecDeque<Output>) {
        let doubled = RECONNECT_MIN_MS << self.failures.min(5);
        let wait = doubled.min(RECONNECT_MAX_MS);
        self.failures = self.failures.saturating_add(1);
        self.stage = Stage::Opening;
        out.push_back(Output::OpenSocket {
            after_ms: wait / 2 + random.below(wait),
        });
    }

    /// Takes a frame. Gives a message that is not the connection's own business.
    pub(crate) fn frame(
        &mut self,
        now: u64,
        bytes: &[u8],
        random: &mut Random,
        out: &mut VecDeque<Output>,
    ) -> Result<Option<ServerMessage>, CoreError> {
        if !matches!(self.stage, Stage::Proving(_) | Stage::Up) {
            return Ok(None);
        }
        self.heard_at = now;
        let message = self
            .inbox
            .accept::<ServerMessage>(bytes)
            .map_err(|_| CoreError::Malformed)?;
        // A member that changes calls makes a second offer before the first is answered; the first one's answer fits a peer
        // connection that is gone.
        if message
            .as_ref()
            .is_some_and(|message| self.is_answer_to_older_offer(message))
        {
            return Ok(None);
        }
        match message {
            Some(ServerMessage::Challenge { server_nonce }) => {
                if self.stage == Stage::Up {
                    return Err(CoreError::Malformed);
                }
                self.prove(server_nonce, random, out);
                Ok(None)
            }
            // A pong to no ping says nothing.
            Some(ServerMessage::Pong { n }) if n > self.pings => Ok(None),
            None => Ok(None),
            Some(ServerMessage::Relay { username, password }) => {
                out.push_back(Output::Relay {
                    url: relay_url(&self.server),
                    username,
                    password: password.into(),
                });
                Ok(None)
            }
            Some(message) => {
                if let ServerMessage::Admitted { .. } = &message {
                    self.stage = Stage::Up;
                    self.failures = 0;
                    self.refused_once = false;
                }
                Ok(Some(message))
            }
        }
    }

    /// That this member stands in the epoch of `gate`, for this connection only.
    pub(crate) fn gate_proof(&self, call_id: CallId, seq: u64, gate: &Signer) -> ClientMessage {
        let context = ProofContext {
            server: &self.server,
            server_nonce: &self.server_nonce,
            transport_pk: &self.transport_pk(),
        };
        ClientMessage::Prove {
            call_id,
            seq,
            gate: GatePk::from_bytes(gate.public()),
            signature: context.sign(&call_id, seq, gate),
        }
    }

    /// Sends the next of an owner's requests, if one is due: signed for this connection only.
    pub(crate) fn manage(&mut self, now: u64, errands: &mut Errands, out: &mut VecDeque<Output>) {
        if let Some(request) = errands.due(now, &self.server, self.room_id, &self.server_nonce) {
            self.send(&request, out);
        }
    }

    fn prove(&mut self, server_nonce: [u8; 32], random: &mut Random, out: &mut VecDeque<Output>) {
        self.server_nonce = server_nonce;
        let context = AdmissionContext {
            server: self.server.clone(),
            room_id: self.room_id,
            server_nonce,
            client_nonce: random.bytes(),
            transport_pk: self.transport_pk(),
        };
        let (sig_admission, sig_transport) = context.sign(&self.admission, &self.transport);
        let hello = ClientMessage::Hello {
            room_id: self.room_id,
            client_nonce: context.client_nonce,
            transport_pk: context.transport_pk,
        };
        self.push(&hello, out);
        self.push(
            &ClientMessage::Admit {
                sig_admission,
                sig_transport,
            },
            out,
        );
    }

    /// Counts answers and refusals of offers; `true` for those that are not to the newest.
    fn is_answer_to_older_offer(&mut self, message: &ServerMessage) -> bool {
        let offer = client_type::OFFER;
        if !matches!(message, ServerMessage::Answer { .. })
            && !matches!(message, ServerMessage::Refused { re, .. } if *re == offer)
        {
            return false;
        }
        self.offers_open = self.offers_open.saturating_sub(1);
        self.offers_open > 0
    }

    /// Sends, if admitted; what is sent without a connection is lost, and whoever needs it to arrive sends it again.
    pub(crate) fn send(&mut self, message: &ClientMessage, out: &mut VecDeque<Output>) {
        if self.is_up() {
            if matches!(message, ClientMessage::Offer { .. }) {
                self.offers_open = self.offers_open.saturating_add(1);
            }
            self.push(message, out);
        }
    }

    /// Long messages go in pieces at low priority; pieces of two messages must not mix, and one priority keeps them in order.
    fn push(&mut self, message: &ClientMessage, out: &mut VecDeque<Output>) {
        let bytes = message.encode();
        let high = bytes.len() <= CHUNK_DATA;
        self.next_chunk = self.next_chunk.wrapping_add(1);
        for bytes in split::<ClientMessage>(bytes, self.next_chunk) {
            out.push_back(Output::Send { high, bytes });
        }
    }

    /// Time passed. Gives `true` if the connection is to be taken for lost.
    pub(crate) fn tick(&mut self, now: u64, out: &mut VecDeque<Output>) -> bool {
        match self.stage {
            Stage::Proving(since) => now.saturating_sub(since) >= ADMISSION_MS,
            Stage::Up if now.saturating_sub(self.heard_at) >= SOCKET_SILENT_MS => true,
            Stage::Up if now >= self.ping_at => {
                self.ping_at = now + PING_MS;
                self.pings = self.pings.wrapping_add(1);
                self.push(&ClientMessage::Ping { n: self.pings }, out);
                false
            }
            _ => false,
        }
    }

    pub(crate) fn timeout(&self) -> Option<u64> {
        match self.stage {
            Stage::Proving(since) => Some(since + ADMISSION_MS),
            Stage::Up => Some(self.ping_at.min(self.heard_at + SOCKET_SILENT_MS)),
            Stage::Down | Stage::Opening => None,
        }
    }
}

/// SECURITY: the relay is at the server itself, by the name in the link, whatever the server says: a member's address goes nowhere else.
fn relay_url(server: &ServerName) -> String {
    let name = server.as_str();
    let has_port = name.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
    let port = if has_port { "" } else { ":443" };
    format!("turns:{name}{port}?transport=tcp")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_relay_is_the_server_itself() {
        for (name, url) in [
            ("meet.example", "turns:meet.example:443?transport=tcp"),
            ("meet.example:8443", "turns:meet.example:8443?transport=tcp"),
            ("[2001:db8::1]", "turns:[2001:db8::1]:443?transport=tcp"),
            ("[2001:db8::1]:8443", "turns:[2001:db8::1]:8443?transport=tcp"),
        ] {
            assert_eq!(ServerName::parse(name).map(|name| relay_url(&name)).as_deref(), Ok(url));
        }
    }
}
