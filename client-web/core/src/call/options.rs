//! What a member is made with.
//!
//! Does not check anything: [`super::Member::new`] does.

use conclave_protocol::credential::{Deed, HostCredential};
use conclave_protocol::invite::Invite;
use conclave_protocol::moderator::ModeratorKey;

/// What a member is made with, besides the link.
pub struct Options<'a> {
    /// 32 fresh random bytes, used for this member only.
    pub seed: [u8; 32],
    /// The newest [`crate::Output::Place`] of a tab that is gone: this member takes that place back, if the others still know it. If not, or if the
    /// record is none, it goes on as a newcomer and says [`crate::NoticeCode::PlaceLost`].
    pub place: Option<&'a [u8]>,
    /// The key of somebody with a role in the room, if the person has one.
    pub owner: Option<Owner<'a>>,
    /// The seat of somebody who was invited in person. It must have come with the link.
    pub invite: Option<&'a Invite>,
}

/// An owner's or moderator's key, and the day on which it is used, in days since 1970-01-01.
#[derive(Clone, Copy)]
pub struct Owner<'a> {
    /// It must be of the link's room.
    pub key: OwnerKey<'a>,
    /// Today.
    pub today: u16,
}

/// What an owner or moderator shows.
#[derive(Clone, Copy)]
pub enum OwnerKey<'a> {
    /// The working key.
    Credential(&'a HostCredential),
    /// The deed: a fresh working key is made of it as soon as the room's sheet is known, and given out as [`crate::Event::Credential`].
    Deed(&'a Deed),
    /// A moderator's: a role, and nothing to manage the room with.
    Moderator(&'a ModeratorKey),
}
