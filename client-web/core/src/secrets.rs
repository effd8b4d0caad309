//! What is secret in the core cannot be formatted: held by the compiler. `server/protocol/tests/secrets.rs` does so for links and keys of rooms, and says how.

use crate::call::{Member, Options};
use crate::group::{Group, GroupData, Identity, Keyring, LeafKey, LobbyKey, RoleKey};
use crate::io::{EpochKeysOut, Event, Input, InviteView, Output};

trait CannotBeFormatted<Way> {
    const IS_SO: () = ();
}
struct Debug;
struct Display;
impl<T> CannotBeFormatted<()> for T {}
impl<T: core::fmt::Debug> CannotBeFormatted<Debug> for T {}
impl<T: core::fmt::Display> CannotBeFormatted<Display> for T {}

macro_rules! secret {
    ($($name:ty),* $(,)?) => { $(const _: () = <$name as CannotBeFormatted<_>>::IS_SO;)* };
}

secret!(
    LeafKey,
    LobbyKey,
    RoleKey,
    Identity,
    Keyring,
    Group,
    GroupData,
    EpochKeysOut,
    Output,
    Event,
    InviteView,
    Member,
    Input<'static>,
    Options<'static>,
);
