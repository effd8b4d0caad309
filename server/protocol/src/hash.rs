//! SHA-256 and HKDF-SHA-256 with this protocol's labels. Every label that is hashed or expanded stands in the module that uses it.

use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// SHA-256 over the parts, joined.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut h = Sha256::new();
    for part in parts {
        h.update(part);
    }
    h.finalize().into()
}

/// The first 16 bytes of SHA-256 over the parts: an id.
pub(crate) fn id16(parts: &[&[u8]]) -> [u8; 16] {
    let mut out = [0; 16];
    for (to, from) in out.iter_mut().zip(sha256(parts)) {
        *to = from;
    }
    out
}

/// The first four bytes of SHA-256 over the parts: a checksum against slips, not against people.
pub(crate) fn checksum(parts: &[&[u8]]) -> [u8; 4] {
    let [a, b, c, d, ..] = sha256(parts);
    [a, b, c, d]
}

/// HKDF-Extract.
pub(crate) fn extract(salt: &[u8], secret: &[u8]) -> Zeroizing<[u8; 32]> {
    let (prk, _) = Hkdf::<Sha256>::extract(Some(salt), secret);
    Zeroizing::new(prk.into())
}

/// HKDF-Expand to 32 bytes with info = label ‖ 0x00 ‖ context.
pub(crate) fn expand(prk: &[u8; 32], label: &str, context: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut out = Zeroizing::new([0; 32]);
    // Neither call can fail: the key is one hash long, and so is the output (RFC 5869 allows 255 hashes).
    Hkdf::<Sha256>::from_prk(prk)
        .expect("a PRK of one hash length")
        .expand_multi_info(&[label.as_bytes(), &[0], context], out.as_mut_slice())
        .expect("an output of one hash length");
    out
}
