//! Strict, deterministic CBOR for everything that members say to each other.
//!
//! Does not know what is said. Rule of use: never decode with `minicbor` directly; a value counts only if encoding it
//! again gives the very same bytes, so there is one encoding of everything and nothing can hide in the difference.

use minicbor::{Decode, Encode};

use crate::error::CoreError;

/// The one encoding of `value`.
pub(crate) fn encode<T: Encode<()>>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    // INVARIANT: writing to a Vec cannot fail, and no type here has a fallible encoder.
    if minicbor::encode(value, &mut out).is_err() {
        out.clear();
    }
    out
}

/// Decodes, and refuses whatever is not the one encoding of its value (unknown keys, padding, long forms).
pub(crate) fn decode<'b, T: Decode<'b, ()> + Encode<()>>(bytes: &'b [u8]) -> Result<T, CoreError> {
    let value: T = minicbor::decode(bytes).map_err(|_| CoreError::Malformed)?;
    // SECURITY: one value, one encoding; signatures and digests over decoded values mean the bytes that came.
    if encode(&value) == bytes {
        Ok(value)
    } else {
        Err(CoreError::Malformed)
    }
}
