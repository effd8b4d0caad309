//! What is secret cannot be formatted and is wiped: held by the compiler, here and by `client-web/core/src/secrets.rs` for the core's own.
//!
//! The trait below has two implementations for whatever has `Debug` or `Display`, so that naming its item is ambiguous then and does not compile.

use conclave_protocol::{
    credential::{Deed, HostCredential},
    invite::{Invite, InviteLink},
    keys::{
        EnvelopeKey, InviteSeed, LinkKeys, LinkSecret, ManageSecret, MandateSeed, Psk, RootKeys, RootSeed, SheetKey,
        Signer, TicketSecret,
    },
    link::{GuestLink, TicketLink},
    moderator::ModeratorKey,
};
use zeroize::ZeroizeOnDrop;

trait CannotBeFormatted<Way> {
    const IS_SO: () = ();
}
struct Debug;
struct Display;
impl<T> CannotBeFormatted<()> for T {}
impl<T: std::fmt::Debug> CannotBeFormatted<Debug> for T {}
impl<T: std::fmt::Display> CannotBeFormatted<Display> for T {}

macro_rules! secret {
    ($($name:ty),* $(,)?) => { $(const _: () = <$name as CannotBeFormatted<_>>::IS_SO;)* };
}

secret!(
    LinkSecret,
    RootSeed,
    ManageSecret,
    MandateSeed,
    InviteSeed,
    TicketSecret,
    EnvelopeKey,
    SheetKey,
    Psk,
    Signer,
    LinkKeys,
    RootKeys,
    HostCredential,
    Deed,
    ModeratorKey,
    Invite,
    InviteLink,
    GuestLink,
    TicketLink,
);

fn wiped<T: ZeroizeOnDrop>() -> usize {
    std::mem::size_of::<T>()
}

#[test]
fn secrets_are_wiped_when_dropped() {
    let sizes = [
        wiped::<LinkSecret>(),
        wiped::<RootSeed>(),
        wiped::<ManageSecret>(),
        wiped::<MandateSeed>(),
        wiped::<InviteSeed>(),
        wiped::<TicketSecret>(),
        wiped::<EnvelopeKey>(),
        wiped::<SheetKey>(),
        wiped::<Psk>(),
        // What signs, ours and the leaf's, is this inside.
        wiped::<ed25519_dalek::SigningKey>().min(32),
    ];
    assert_eq!(sizes, [32; 10], "more than the secret, or less");
}
