//! Deterministic CBOR: the one way in which this crate reads and writes it.
//!
//! SPEC: RFC 8949 §4.2.1 (core deterministic encoding), with integer keys in ascending order and nothing optional spelled out.

use minicbor::{Decode, Encode};

use crate::error::Error;

/// The bytes of a value.
pub(crate) fn encode<T: Encode<()>>(value: &T) -> Vec<u8> {
    // Writing to a vector cannot fail, and none of our encoders has an error of its own.
    minicbor::to_vec(value).expect("encoding into a vector does not fail")
}

/// Reads exactly one value that fills the input.
///
/// SECURITY: the check "encode again and compare" (C-CBOR-1) refuses in one line every second spelling that the decoder would let pass: unknown keys,
/// keys twice or out of order, long integers, indefinite lengths, trailing bytes, an empty list where it should be absent. Without it a signature
/// or an authenticated part could be carried over to bytes that read differently elsewhere.
pub(crate) fn decode<'b, T: Decode<'b, ()> + Encode<()>>(bytes: &'b [u8]) -> Result<T, Error> {
    let value: T = minicbor::decode(bytes).map_err(|_| Error::Malformed)?;
    if encode(&value) == bytes {
        Ok(value)
    } else {
        Err(Error::Malformed)
    }
}
