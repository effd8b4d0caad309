//! What goes into a member and what comes out: the whole surface between the core and the shell that owns sockets, devices and the screen.
//!
//! Does not act. Names, ids and texts in here cannot be formatted: no type that carries one has `Debug`.

mod event;
mod input;
mod output;
mod view;

pub use conclave_protocol::credential::Role as MemberRole;

pub use event::{DepartReason, Door, EndReason, Event, NoticeCode, State};
pub use input::{Input, MidRole, Role};
pub use output::{EpochKeysOut, Output};
pub use view::{
    AlarmsView, CompareView, InviteView, LobbyEntry, OffersLess, Presence, RosterEntry, RulesView, Suspect,
};
