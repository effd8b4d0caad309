//! Everything that can fail in this crate, grouped by whose fault it is.
//!
//! Does not carry texts or values of peers: a reason is a variant, so an error can be logged without naming anybody.
//! Rule of use: a fault of a peer is swallowed where it is met and counted; only local faults travel up to the caller.

use thiserror::Error;

pub use crate::group::PolicyFault;

/// Why an operation of the core failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum CoreError {
    // The caller's fault.
    /// The display name is empty, or longer than 64 bytes once cleaned.
    #[error("the name is empty or too long")]
    NameUnusable,

    // A peer's fault: bytes that do not mean anything here.
    /// Bytes that are not what their place demands.
    #[error("bytes could not be decoded")]
    Malformed,
    /// A signature, tag or cipher text did not verify.
    #[error("a signature or cipher text did not verify")]
    NotAuthentic,
    /// A Welcome or commit that the rules of this program refuse.
    #[error("refused by policy: {0}")]
    Refused(#[from] PolicyFault),

    // Limits.
    /// The group or a message would be larger than allowed.
    #[error("a limit was reached")]
    Limit,

    // Gone.
    /// The group is not there (left, removed or never joined).
    #[error("there is no group")]
    NoGroup,

    // Local.
    /// The MLS library failed in a way that is not a peer's doing.
    #[error("the group library failed")]
    Library,
}
