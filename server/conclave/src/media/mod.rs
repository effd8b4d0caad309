//! The media loop: one thread that owns the forwarding plane and its UDP socket.
//!
//! It decides nothing: datagrams, commands and time go into [`conclave_sfu::Sfu`], datagrams and results come out. The
//! loop never waits for the control task (it keeps results until there is room), while the control task may wait for
//! the loop: so the two cannot wait for each other.

mod bridge;
mod egress;
mod own;
mod run;
mod socket;

pub use self::socket::{Batch, MediaSocket, UdpMedia};
pub(crate) use self::{
    bridge::MediaResult,
    own::{is_public, outward},
    run::{MediaLoop, spawn},
    socket::{Fate, adopt, bind},
};
