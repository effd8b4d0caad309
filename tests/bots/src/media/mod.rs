//! A bot's media: frames that say whose they are, packets, and the connection to the forwarding plane.

pub mod clip;
mod codecs;
pub(crate) mod crypto;
mod keyframe;
pub mod leg;
pub mod lines;
pub mod packets;
pub mod pattern;
pub mod publish;
pub(crate) mod subscribe;
pub mod writer;
