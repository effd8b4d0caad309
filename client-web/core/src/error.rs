//! Everything that can fail in this crate, grouped by whose fault it is.
//!
//! Does not carry texts or values of peers: a reason is a variant, so an error can be logged without naming anybody.
//! Rule of use: a fault of a peer is swallowed where it is met and counted; only local faults travel up to the caller.

use thiserror::Error;

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
    Refused(PolicyFault),

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

/// Which rule a commit, a Welcome or a leaf breaks. Each variant is one check of `docs/protocol.md`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum PolicyFault {
    /// The sender is not a member of the group (external commits and proposals are refused).
    #[error("sender is not a member")]
    ForeignSender,
    /// A proposal other than Add, Remove or PreSharedKey.
    #[error("proposal type not allowed")]
    ProposalType,
    /// An Add without exactly our pre-shared key, or a pre-shared key without an Add.
    #[error("pre-shared key missing or foreign")]
    PreSharedKey,
    /// Authenticated data that does not say the sequence and the removed leaves of this very commit.
    #[error("authenticated data does not match the commit")]
    AuthenticatedData,
    /// A leaf without valid leaf data, or whose credential names somebody else.
    #[error("leaf data is missing or wrong")]
    LeafData,
    /// A member or transport id that another leaf has already.
    #[error("member or transport id is taken")]
    DuplicateId,
    /// A committer changed its own name, ids or keys in its update path.
    #[error("the committer's leaf changed identity")]
    LeafChanged,
    /// The group's extension does not belong to this room and call.
    #[error("group data is missing or wrong")]
    GroupData,
    /// The cipher suite is not ours.
    #[error("foreign cipher suite")]
    Suite,
}
