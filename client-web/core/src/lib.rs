//! The end-to-end core of a member of a call: group (MLS), call logic, roster, chat, slots. The same code natively and in the browser.
//!
//! A pure state machine: no sockets, no clock, no devices; what it asks of the outside is in [`Output`]. Its other half lives in the browser's core
//! worker and in the native test members. Deliberately absent: media encryption (`conclave-frame`; the keys come out as [`Output::Keys`]),
//! any way to be in a call unencrypted.
//!
//! Rule of use: make a [`Member`]; give it every [`Input`] with the time through [`Member::handle`]; after each call take [`Member::poll_output`] until it is
//! empty, in order; call `handle` with [`Input::Tick`] when [`Member::poll_timeout`] has come. Time is a monotonic count of milliseconds and only ever comes in
//! as that argument. (The MLS library itself draws randomness from the system and stamps key packages by the wall clock; no
//! decision here rests on either.)
//!
//! Specification: `docs/protocol.md`, sections 2 and 3; RFC 9420.

mod call;
mod cbor;
mod error;
mod group;
mod io;
pub mod limits;
pub mod organise;
mod random;
#[cfg(test)]
mod secrets;
mod text;

// The small world of the integration tests, for those tests that have to reach inside a member.
#[cfg(test)]
extern crate self as conclave_core;
#[cfg(test)]
#[path = "../tests/world/mod.rs"]
mod world;

pub use call::{Member, Options, Owner, OwnerKey};
pub use error::{CoreError, PolicyFault};
#[cfg(any(test, feature = "measure"))]
pub use group::measure;
pub use io::{
    AlarmsView, CompareView, DepartReason, Door, EndReason, EpochKeysOut, Event, Input, InviteView, LobbyEntry,
    MemberRole, MidRole, NoticeCode, OffersLess, Output, Presence, Role, RosterEntry, RulesView, State, Suspect,
};
