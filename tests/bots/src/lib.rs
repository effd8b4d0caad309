//! Native members for tests: the real core over a real socket, and media through the webrtc crate, sealed with the
//! real frame encryption. Beside them a recorder for what a server sees and a scan for what it must not see.
//!
//! Nothing here imitates the server. What a bot shows is not a picture but bytes that prove whose they are
//! ([`media::pattern`]), unless it is given a clip.
//!
//! Rule of use: [`Bot::join`], then wait with [`Bot::wait_for`] and its kin, which are woken by events and end by a
//! deadline with a sentence. Never sleep.

pub mod activator;
mod bot;
pub mod dormant;
mod engine;
mod error;
pub mod input;
pub mod media;
pub mod record;
pub mod scan;
pub mod server;
mod socket;
pub mod tap;
pub mod view;
pub mod visitor;

pub use bot::{Bot, BotOptions, PATIENCE};
pub use conclave_frame::{Codec, Kind};
pub use error::BotError;
pub use media::publish::Cheat;
pub use record::Record;
pub use view::{Stats, View};
