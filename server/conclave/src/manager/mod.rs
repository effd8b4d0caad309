//! The service manager (systemd, or whatever speaks the same two protocols): sockets that come from it, signs of life that go to it.
//!
//! Started without one, nothing here does anything. It reads no unit and asks for no privilege.

mod life;
mod sockets;

pub(crate) use self::life::{ready, stopping, watchdog};
pub use self::sockets::Sockets;
