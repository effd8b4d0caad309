//! What must stay in front of a ciphertext so that browsers' packetizers carry it: nothing for Opus and VP9,
//! one synthetic byte for VP8, one open bitstream unit around AV1.
//!
//! No byte that an encoder made stays readable. These bytes are not authenticated themselves, because
//! packetizers rewrite lengths; what they mean is, by way of the metadata in [`metadata`].

use crate::{Codec, OpenError};

/// VP8's frame tag says "key frame, shown" (RFC 6386 §9.1: bit 0 clear, bit 4 set).
const VP8_KEY: u8 = 0x10;
/// The same for an interframe.
const VP8_DELTA: u8 = 0x11;
/// An open bitstream unit of type 1 with a size field (AV1 specification §5.3.2).
const AV1_OBU: u8 = 0x0A;
/// A size field has at most eight bytes (AV1 specification §4.10.5).
const LEB128_MAX: usize = 8;

/// Version of the authenticated metadata.
const METADATA_VERSION: u8 = 1;

/// The metadata that stands behind the SFrame header in the authenticated data.
///
/// `vp8_key` is what the synthetic byte says; it is 0 for every other codec, where key frames are known only
/// from inside.
pub(crate) fn metadata(codec: Codec, vp8_key: bool) -> [u8; 3] {
    [METADATA_VERSION, codec as u8, u8::from(vp8_key)]
}

/// Puts the bytes of this codec in front of a finished SFrame ciphertext.
pub(crate) fn wrap(codec: Codec, key_frame: bool, ciphertext: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(ciphertext.len().saturating_add(LEB128_MAX));
    match codec {
        Codec::Opus | Codec::Vp9 => {}
        Codec::Vp8 => out.push(if key_frame { VP8_KEY } else { VP8_DELTA }),
        Codec::Av1 => {
            out.push(AV1_OBU);
            let mut rest = ciphertext.len();
            while rest >= 0x80 {
                // Truncation is meant: seven bits at a time.
                out.push((rest & 0x7F) as u8 | 0x80);
                rest >>= 7;
            }
            out.push(rest as u8);
        }
    }
    out.extend_from_slice(ciphertext);
    out
}

/// Checks and removes the bytes in front. Returns the key bit of the metadata and the SFrame ciphertext.
pub(crate) fn unwrap(codec: Codec, key_frame_meta: bool, data: &[u8]) -> Result<(bool, &[u8]), OpenError> {
    match codec {
        Codec::Opus | Codec::Vp9 => Ok((false, data)),
        Codec::Vp8 => {
            let (first, rest) = data.split_first().ok_or(OpenError::Wrapping)?;
            let key = match *first {
                VP8_KEY => true,
                VP8_DELTA => false,
                _ => return Err(OpenError::Wrapping),
            };
            // SECURITY: the browser takes a VP8 frame's kind from this very byte; a disagreement means that
            // somebody between changed one of the two.
            if key != key_frame_meta {
                return Err(OpenError::Wrapping);
            }
            Ok((key, rest))
        }
        Codec::Av1 => match data.split_first() {
            Some((&AV1_OBU, rest)) => Ok((false, sized(rest).ok_or(OpenError::Wrapping)?)),
            _ => Err(OpenError::Wrapping),
        },
    }
}

/// The rest behind a leb128 length that says exactly how long it is. Longer encodings than needed are taken,
/// because packetizers may write them.
fn sized(data: &[u8]) -> Option<&[u8]> {
    let mut rest = data;
    let mut len = 0u64;
    for shift in (0..LEB128_MAX as u32).map(|n| n.saturating_mul(7)) {
        let (byte, tail) = rest.split_first()?;
        rest = tail;
        len |= u64::from(byte & 0x7F).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return (u64::try_from(rest.len()).ok()? == len).then_some(rest);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_bytes_in_front_are_those_of_the_protocol_page() {
        assert_eq!(wrap(Codec::Opus, false, b"ct"), b"ct");
        assert_eq!(wrap(Codec::Vp9, true, b"ct"), b"ct");
        assert_eq!(wrap(Codec::Vp8, true, b"ct"), b"\x10ct");
        assert_eq!(wrap(Codec::Vp8, false, b"ct"), b"\x11ct");
        assert_eq!(wrap(Codec::Av1, true, b"ct"), b"\x0A\x02ct");
        assert_eq!(&wrap(Codec::Av1, true, &[7; 300])[..4], [0x0A, 0xAC, 0x02, 7]);
    }

    #[test]
    fn a_vp8_frame_must_be_of_the_kind_that_the_metadata_says() {
        assert!(unwrap(Codec::Vp8, true, b"\x10ct").is_ok());
        assert_eq!(unwrap(Codec::Vp8, false, b"\x10ct"), Err(OpenError::Wrapping));
        assert_eq!(unwrap(Codec::Vp8, true, b"\x11ct"), Err(OpenError::Wrapping));
        assert_eq!(unwrap(Codec::Vp8, true, b"\x12ct"), Err(OpenError::Wrapping));
        assert_eq!(unwrap(Codec::Vp8, true, b""), Err(OpenError::Wrapping));
    }

    #[test]
    fn an_av1_length_may_be_rewritten_but_not_wrong() {
        assert_eq!(unwrap(Codec::Av1, false, b"\x0A\x82\x00ct"), Ok((false, &b"ct"[..])));
        for bad in [
            &b"\x0A\x03ct"[..],
            b"\x0A\x01ct",
            b"\x12\x02ct",
            b"\x0A\x82",
            b"\x0A",
            b"",
            b"\x0A\x80\x80\x80\x80\x80\x80\x80\x80\x00",
        ] {
            assert_eq!(unwrap(Codec::Av1, false, bad), Err(OpenError::Wrapping));
        }
    }

    proptest! {
        #[test]
        fn unwrap_undoes_wrap(codec in 0u8..4, key: bool, data in prop::collection::vec(any::<u8>(), 0..20_000)) {
            let codec = Codec::from_u8(codec).unwrap();
            let wrapped = wrap(codec, key, &data);
            let (vp8_key, inner) = unwrap(codec, key, &wrapped).unwrap();
            prop_assert_eq!(inner, &data[..]);
            prop_assert_eq!(vp8_key, key && codec == Codec::Vp8);
        }
    }
}
