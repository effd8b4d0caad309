//! The wire language of Conclave, shared by server, command line and client: links, credentials, keys, admission, socket messages, envelopes.
//!
//! Deliberately absent: sockets, clocks, randomness, files, MLS and SFrame. Whatever is random comes in as an argument, and so does the day.
//!
//! Rule of use: bytes that came from outside go through a `decode`, `parse` or `open` of this crate and nowhere else. Each is strict: a value is
//! accepted only if encoding it again gives the very same bytes, so there is one spelling of everything and nothing to be lenient about.
//! Types that carry an id, an address, a name or a secret cannot be formatted; they cannot end up in a log.
//!
//! Specification: `docs/protocol.md`, sections 1 and 2. The bytes are fixed by `tests/vectors/*.json`.

pub mod admission;
pub mod chunk;
pub mod credential;
pub mod envelope;
pub mod error;
pub mod gate;
pub mod ids;
pub mod invite;
pub mod keys;
pub mod limits;
pub mod link;
pub mod manage;
pub mod message;
pub mod moderator;
pub mod order;
pub mod owner;
pub mod role;
pub mod room;
pub mod rules;
pub mod server_name;
pub mod sheet;

mod binary;
mod cbor;
mod hash;
mod refusal;

pub use error::{Error, LinkError};
