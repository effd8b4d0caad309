//! Sockets that the service manager opened and keeps: so the daemon needs no privilege for port 443, and a restart loses neither
//! connections that are being made nor datagrams.
//!
//! SPEC: sd_listen_fds(3). What a socket is for is told by its kind and its name, not by its place in the row.

use std::{
    env,
    net::{TcpListener, UdpSocket},
};

use listenfd::ListenFd;

use crate::error::Error;

/// `FileDescriptorName=` of the listener that only sends people on to HTTPS.
const PLAIN: &str = "http";

/// More than any unit of ours has. A larger number is a mistake in the environment, and would make us look at files that are ours.
const MOST: usize = 64;

/// What was handed over; usually nothing.
#[derive(Default)]
pub struct Sockets {
    /// Listeners of the page.
    pub https: Vec<TcpListener>,
    /// Listeners of plain HTTP, by the name `http`.
    pub http: Vec<TcpListener>,
    /// Sockets of sound and picture: all of UDP.
    pub udp: Vec<UdpSocket>,
}

impl Sockets {
    /// Takes what the environment names. To be called once, before there are threads: it also clears the environment, so that
    /// nobody else takes them for theirs.
    pub fn from_environment() -> Result<Self, Error> {
        // Read first; the variables that say how many are removed by the next line.
        let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut given = ListenFd::from_env();
        if given.len() > MOST {
            return Err(Error::HandedOver("more sockets than any unit of ours has"));
        }
        let mut names = names.split(':');
        let mut sockets = Self::default();
        for index in 0..given.len() {
            let name = names.next().unwrap_or_default();
            if let Ok(Some(listener)) = given.take_tcp_listener(index) {
                let list = if name == PLAIN {
                    &mut sockets.http
                } else {
                    &mut sockets.https
                };
                list.push(listener);
            } else if let Ok(Some(socket)) = given.take_udp_socket(index) {
                sockets.udp.push(socket);
            } else {
                return Err(Error::HandedOver("something that is neither a TCP nor a UDP socket"));
            }
        }
        Ok(sockets)
    }

    /// True if nothing was handed over.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.https.is_empty() && self.http.is_empty() && self.udp.is_empty()
    }
}
