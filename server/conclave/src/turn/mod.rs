//! TURN for people whose networks carry nothing but TCP 443, and for those who reach this server's name and not its media address: a relay
//! that leads into this server's own media plane and nowhere else. Over TLS at the public TCP port (`stream`), and over UDP at the media's
//! own port (`udp`).
//!
//! The protocol is `turn-server-proto`'s; what it may do is decided in `session`. No socket is ever opened for an allocation: what
//! a client sends to the media address goes straight into the forwarding plane (`plane`), under an address of its own, and what the
//! plane sends there comes back. So there is no way, right or wrong, from here to another machine.
//!
//! Credentials are random, handed to an admitted client inside its socket, and die with it (`credentials`).
//! SECURITY: strangers are not told that this is here. A client from a network from which nobody is admitted gets what a web
//! server says to garbage, see `edge`; at the media's port it gets nothing.
//!
//! SPEC: RFC 8656, RFC 8489 §9.2 (long-term credentials). TCP allocations (RFC 6062) do not exist here.

mod bucket;
mod credentials;
mod frame;
mod plane;
mod session;
mod stream;
mod udp;

use std::{net::SocketAddr, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(crate) use self::{
    credentials::Credentials,
    plane::{Relayed, Relays},
    stream::serve,
    udp::UdpTurn,
};

/// What TURN clients share.
pub(crate) struct TurnDoor {
    credentials: Arc<Credentials>,
    relays: Relays,
    /// The realm of the challenge: the server's name, which the client has just named itself.
    realm: String,
    /// The addresses of our own media plane that may be reached: at most one of each family.
    media: Vec<SocketAddr>,
    places: Arc<Semaphore>,
}

impl TurnDoor {
    /// `media` are the addresses that answers name; the first of each family can be reached.
    pub(crate) fn new(
        credentials: Arc<Credentials>,
        relays: Relays,
        realm: String,
        media: &[SocketAddr],
        places: usize,
    ) -> Self {
        let first = |v4: bool| media.iter().copied().find(|address| address.is_ipv4() == v4);
        Self {
            credentials,
            relays,
            realm,
            media: first(true).into_iter().chain(first(false)).collect(),
            places: Arc::new(Semaphore::new(places)),
        }
    }

    /// Who may be told that TURN is spoken here.
    pub(crate) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }
}
