//! Rooms, admission and blind delivery: decides what each connection may do and who gets what. The sockets live in `conclave`.
//!
//! A pure state machine: no sockets, no clock, no randomness. It sees sealed envelopes and never keys; it orders commits without being able to
//! tell a commit from garbage.
//!
//! Rule of use: give every [`Input`] to [`Rooms::handle`] with a monotonic time in milliseconds; after each call take [`Rooms::poll_output`] until it
//! is empty; call `handle` with [`Input::Timeout`] when [`Rooms::poll_timeout`] has come. Time only ever comes in as that argument.
//!
//! Rights follow the group: whoever cannot prove the gate of its epoch (`gate`) may knock, read call cards and prepare a transport, and gets nothing else.
//!
//! Deliberately absent: roles and moderation (the server never learns any), storage of rooms, media (`conclave-sfu`; commands for it come out as [`MediaCommand`]), liveness of sockets.
//!
//! Specification: `docs/protocol.md`, section 2.

mod admission;
mod assembly;
mod attach;
mod call;
mod call_log;
mod connection;
mod delivery;
mod election;
mod floor;
#[cfg(conclave_forge)]
mod forged;
mod gate;
#[cfg(test)]
mod gate_model;
#[cfg(test)]
mod gate_restart;
mod io;
mod managing;
mod media;
mod outbox;
mod rate;
mod rights;
mod rooms;
mod roster;
mod timers;

pub use io::{ConnId, Input, MediaCallKey, MediaCommand, Output, Priority, SlotAssignment};
pub use managing::{RegistryAnswer, RegistryRequest};
pub use rooms::{Config, Rooms, Totals};
