//! The one place where identifiers of rooms become text, for the operator who asked for them.
//!
//! SECURITY: audited function. The types themselves cannot be formatted; nothing else in the server turns an id or a
//! public key into letters, and nothing here is called by the daemon. What it returns goes to stdout of a command and
//! never into a log.

use std::fmt::Write as _;

/// Lowercase hexadecimal.
pub(super) fn for_operator(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
