//! The socket of the media loop, behind a trait: batching, several sockets and taps come in here without the loop
//! noticing.

use std::{
    future::Future,
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr},
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use crate::limits;

/// Where datagrams come from and go to.
pub trait MediaSocket: Send + 'static {
    /// Waits for at least one datagram, then takes what is there, up to the batch's room.
    ///
    /// Must be cancel safe: a datagram that was taken is in the batch. An error is a fault of the socket itself, never of
    /// a peer, and ends the server.
    fn recv(&mut self, batch: &mut Batch) -> impl Future<Output = io::Result<()>> + Send;

    /// Sends one datagram now or loses it, as the network would.
    fn send(&mut self, to: SocketAddr, datagram: &[u8]);
}

/// Room for the datagrams of one turn of the loop; the buffers are reused.
///
/// No `Debug`: it holds people's addresses.
pub struct Batch {
    buffers: Vec<[u8; limits::MAX_DATAGRAM]>,
    filled: Vec<(SocketAddr, usize)>,
}

/// What becomes of a datagram that was looked at before the loop sees it.
pub(crate) enum Fate {
    /// It is not for whoever looked.
    Stays,
    /// Dealt with.
    Gone,
    /// What was inside, as from this address.
    Becomes(SocketAddr, Vec<u8>),
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            buffers: vec![[0; limits::MAX_DATAGRAM]; limits::DATAGRAM_BATCH],
            filled: Vec::new(),
        }
    }
}

impl Batch {
    /// Forgets the datagrams of the turn before.
    pub fn clear(&mut self) {
        self.filled.clear();
    }

    /// True if nothing more fits.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.filled.len() >= self.buffers.len()
    }

    /// Fills the next buffer by `receive`, which gives length and sender.
    pub fn fill(&mut self, receive: impl FnOnce(&mut [u8]) -> io::Result<(usize, SocketAddr)>) -> io::Result<()> {
        let Some(buffer) = self.buffers.get_mut(self.filled.len()) else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        let (length, from) = receive(buffer)?;
        self.filled.push((from, length));
        Ok(())
    }

    /// The datagrams, in order of arrival, without empty ones, which say nothing to anybody.
    pub fn datagrams(&self) -> impl Iterator<Item = (SocketAddr, &[u8])> {
        let filled = self.filled.iter().zip(&self.buffers);
        filled.filter_map(|((from, length), buffer)| {
            let data = buffer.get(..*length)?;
            (!data.is_empty()).then_some((*from, data))
        })
    }

    /// Shows each datagram to `judge` before the loop sees it.
    pub(crate) fn filter(&mut self, mut judge: impl FnMut(SocketAddr, &[u8]) -> Fate) {
        for ((from, length), buffer) in self.filled.iter_mut().zip(&mut self.buffers) {
            match judge(*from, buffer.get(..*length).unwrap_or_default()) {
                Fate::Stays => {}
                Fate::Gone => *length = 0,
                Fate::Becomes(source, data) => {
                    (*from, *length) = (source, 0);
                    // What is inside of a datagram is never longer than it.
                    if let Some(room) = buffer.get_mut(..data.len()) {
                        room.copy_from_slice(&data);
                        *length = data.len();
                    }
                }
            }
        }
    }
}

/// One UDP socket of the system. One of IPv6 may carry IPv4 as well; above it there are only plain addresses of either family,
/// because they stand in what members are told (RFC 8489 §14.2) and are compared.
pub struct UdpMedia {
    socket: UdpSocket,
    is_v6: bool,
}

impl UdpMedia {
    /// Takes a bound socket; must be called inside the runtime that will drive it.
    pub fn new(socket: std::net::UdpSocket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self {
            is_v6: socket.local_addr()?.is_ipv6(),
            socket: UdpSocket::from_std(socket)?,
        })
    }
}

impl MediaSocket for UdpMedia {
    async fn recv(&mut self, batch: &mut Batch) -> io::Result<()> {
        let mut faults = 0;
        loop {
            self.socket.readable().await?;
            let mut taken = false;
            while !batch.is_full() {
                match batch.fill(|buffer| self.socket.try_recv_from(buffer).map(plain)) {
                    Ok(()) => taken = true,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    // One fault is an echo of a datagram that we sent to somebody who has gone; a row of them is a socket that
                    // is broken.
                    Err(error) => {
                        faults += 1;
                        if faults > limits::DATAGRAM_BATCH {
                            return Err(error);
                        }
                    }
                }
            }
            if taken {
                return Ok(());
            }
        }
    }

    fn send(&mut self, to: SocketAddr, datagram: &[u8]) {
        // Lost if the kernel's buffer is full or the way is closed; the protocols above repeat what matters.
        let _ = self
            .socket
            .try_send_to(datagram, if self.is_v6 { mapped(to) } else { to });
    }
}

/// Takes an IPv4 address out of the IPv6 one that the system puts around it.
fn plain((length, from): (usize, SocketAddr)) -> (usize, SocketAddr) {
    (length, SocketAddr::new(from.ip().to_canonical(), from.port()))
}

/// The other way. SPEC: RFC 4291 §2.5.5.2.
fn mapped(to: SocketAddr) -> SocketAddr {
    match to.ip() {
        IpAddr::V4(v4) => SocketAddr::new(v4.to_ipv6_mapped().into(), to.port()),
        IpAddr::V6(_) => to,
    }
}

/// Binds the UDP socket of the media, with large kernel buffers as far as the system grants them.
pub(crate) fn bind(address: SocketAddr) -> io::Result<std::net::UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.ip() == Ipv6Addr::UNSPECIFIED {
        socket.set_only_v6(false)?;
    }
    enlarge(&socket);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// Takes a UDP socket that somebody else bound, and gives it the same buffers.
pub(crate) fn adopt(socket: std::net::UdpSocket) -> io::Result<std::net::UdpSocket> {
    let socket = Socket::from(socket);
    enlarge(&socket);
    Ok(socket.into())
}

/// A service manager may have given more than we are allowed to ask for, and asking would take it away again.
fn enlarge(socket: &Socket) {
    if !socket
        .recv_buffer_size()
        .is_ok_and(|size| size >= limits::MEDIA_SOCKET_BUFFER)
    {
        let _ = socket.set_recv_buffer_size(limits::MEDIA_SOCKET_BUFFER);
    }
    if !socket
        .send_buffer_size()
        .is_ok_and(|size| size >= limits::MEDIA_SOCKET_BUFFER)
    {
        let _ = socket.set_send_buffer_size(limits::MEDIA_SOCKET_BUFFER);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_of_both_families_shows_plain_addresses_and_answers_them() {
        let socket = bind(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 0)).expect("a socket");
        let port = socket.local_addr().expect("its address").port();
        let mut media = UdpMedia::new(socket).expect("media");
        let member = UdpSocket::bind("127.0.0.1:0").await.expect("a member's socket");
        let own = member.local_addr().expect("its address");
        member.send_to(b"knock", ("127.0.0.1", port)).await.expect("sent");
        let mut batch = Batch::default();
        media.recv(&mut batch).await.expect("received");
        // Not `assert_eq`: addresses of peers are not printed, not even here.
        assert!(batch.datagrams().eq([(own, &b"knock"[..])]));
        media.send(own, b"answer");
        let mut buffer = [0; 16];
        let (length, _) = member.recv_from(&mut buffer).await.expect("an answer");
        assert_eq!(buffer.get(..length), Some(&b"answer"[..]));
    }
}
