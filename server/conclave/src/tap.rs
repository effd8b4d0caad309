//! A place where tests see every byte that people's devices and the server exchange.
//!
//! It exists so that a test can prove that nothing readable passes. It is reachable from the library only: no flag,
//! setting or environment variable switches it on, and the binary never installs one.

/// Sees bytes; must not block. All methods do nothing unless implemented.
pub trait FrameTap: Send + Sync + 'static {
    /// A message that arrived on a socket, unmasked.
    fn socket_in(&self, _message: &[u8]) {}
    /// A message that is about to leave on a socket.
    fn socket_out(&self, _message: &[u8]) {}
    /// A datagram as it arrived.
    fn datagram_in(&self, _datagram: &[u8]) {}
    /// A datagram about to leave.
    fn datagram_out(&self, _datagram: &[u8]) {}
    /// A media packet that arrived, after SRTP was taken off: all that the forwarding plane can read.
    fn media_in(&self, _packet: &[u8]) {}
}

/// The tap of production: none.
pub(crate) struct NoTap;

impl FrameTap for NoTap {}
