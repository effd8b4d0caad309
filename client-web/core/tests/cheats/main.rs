//! Attacks in which our own crates play the attacker, over the real delivery service: an evil server, or somebody who holds the link.
//!
//! Each test is named after the attack of `docs/threat-model.md` ("Attacks that are tested"), where the outcome stands. Members who are evil themselves
//! need the inside of a member: `src/call/cheats.rs`.

#[path = "../world/mod.rs"]
mod world;

mod floods;
mod replay;
mod rooms;
mod split;
mod version;
