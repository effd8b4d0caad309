//! What can go wrong, by whose fault.
//!
//! Reasons are enums and never strings; no variant carries a value that came from outside, so an error may be logged.

use thiserror::Error;

/// Why a pasted or opened text is not a usable link. Each kind has a text and a next step of its own on the screen.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Error)]
pub enum LinkError {
    /// No link of ours: no fragment, or one that does not begin with a known kind.
    #[error("this is not a meeting link")]
    NotALink,
    /// A deed, host credential or moderator's key, which belongs to one person and must never be pasted where a link is asked for.
    #[error("this is an owner's key, not a meeting link; keep it to yourself")]
    OwnerKey,
    /// A link of another kind than the caller takes (a ticket where a guest link is needed, or the reverse).
    #[error("this link is of another kind")]
    OtherKind,
    /// The end is missing: the final `z`, or bytes that the link itself announces.
    #[error("this link was cut off; copy it again, to the very end")]
    Cut,
    /// A character was changed or lost on the way.
    #[error("this link was damaged on the way; copy it again")]
    Checksum,
    /// Made by a newer Conclave than this one.
    #[error("this link needs a newer version of Conclave")]
    UnknownVersion,
    /// It asks for something that must not be ignored and that this version does not know.
    #[error("this link asks for something that this version of Conclave does not know")]
    UnknownCriticalFlag,
    /// Whole and undamaged, but what it says is not allowed (no server, a server name in another spelling, too many).
    #[error("this link does not follow the rules")]
    Malformed,
}

/// Every other error of this crate.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Error)]
pub enum Error {
    // The peer's fault.
    /// Not the one allowed encoding of any value: wrong type, missing or unknown key, trailing bytes, a longer spelling of a number.
    #[error("malformed bytes")]
    Malformed,
    /// A signature, tag or hash does not match.
    #[error("not authentic")]
    NotAuthentic,
    /// A version of the format that this code does not know.
    #[error("unknown version")]
    UnknownVersion,
    // A limit.
    /// Larger or more than `limits` allows.
    #[error("too large")]
    TooLarge,
    // Our own input.
    /// A server name, title or day that a person typed and that the rules do not allow.
    #[error("not a valid server name")]
    ServerName,
    /// A room title that is too long or holds control characters.
    #[error("not a valid room title")]
    Title,
    /// The last day is before the first.
    #[error("a room cannot end before it begins")]
    Days,
}
