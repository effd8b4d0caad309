//! What organisers and owners do with a room at its server: make it with a ticket, read it, change it, change its link, delete it.
//!
//! Rule of use: each is one request on a socket of its own. The first frame that comes is the server's challenge: give it to `request`, and send what
//! comes back. The second is the answer: give it to `settle`. Then the socket is done with. Deliberately absent: sockets, time, randomness (entropy and
//! the day are arguments), and calls: a room is kept without being in one.
//!
//! SPEC: `docs/protocol.md`, section 1, "Ticket link" and "Changes by the owner".

mod keeping;
mod opening;
#[cfg(test)]
mod tests;

use conclave_protocol::{
    Error,
    manage::ManagedRoom,
    message::{RefusalCode, ServerMessage},
};

pub use self::{
    keeping::{Errand, Keeping, Known},
    opening::{Opened, Opening},
};

/// Why a room was not made or changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OrganiseFault {
    /// The link is no ticket of this server.
    Ticket,
    /// The key is no host credential for this server.
    Credential,
    /// The ticket is unknown, used, revoked or expired; or there is no such room, or the key is not its owner's. The server gives one answer.
    NotAllowed,
    /// The title is too long, or not one line.
    Title,
    /// The last day is over, or before the first.
    Days,
    /// The room would last longer than the operator allows.
    TooLong,
    /// Somebody else changed the room in between: to be read again.
    Stale,
    /// The server has no capacity, or its disk failed.
    ServerFull,
    /// The server showed a record that the room's owners did not sign.
    Foreign,
    /// The server said something else than was asked.
    Incompatible,
}

impl OrganiseFault {
    /// For what a person typed.
    fn of_terms(error: Error) -> Self {
        match error {
            Error::Title => Self::Title,
            Error::Days => Self::Days,
            _ => Self::Incompatible,
        }
    }
}

/// The nonce of a server's challenge.
fn challenge(frame: &[u8]) -> Result<[u8; 32], OrganiseFault> {
    match ServerMessage::decode(frame) {
        Ok(ServerMessage::Challenge { server_nonce }) => Ok(server_nonce),
        Ok(ServerMessage::Refused { code, .. }) => Err(refusal(code)),
        _ => Err(OrganiseFault::Incompatible),
    }
}

/// What a server says to a request.
fn answer(frame: &[u8]) -> Result<Option<ManagedRoom>, OrganiseFault> {
    match ServerMessage::decode(frame) {
        Ok(ServerMessage::Managed { room }) => Ok(room),
        Ok(ServerMessage::Refused { code, .. }) => Err(refusal(code)),
        _ => Err(OrganiseFault::Incompatible),
    }
}

fn refusal(code: RefusalCode) -> OrganiseFault {
    match code {
        RefusalCode::NotAllowed => OrganiseFault::NotAllowed,
        RefusalCode::StaleSequence => OrganiseFault::Stale,
        RefusalCode::TooLarge => OrganiseFault::TooLong,
        RefusalCode::ServerFull | RefusalCode::RateLimited | RefusalCode::Closing => OrganiseFault::ServerFull,
        _ => OrganiseFault::Incompatible,
    }
}
