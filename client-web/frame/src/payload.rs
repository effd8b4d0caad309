//! The plaintext of a frame: flags ‖ u24 media length ‖ u32 capture time ‖ \[extension\] ‖ media ‖ zeros.
//!
//! It knows nothing of keys. Extensions are read over, never written: number 1 is kept for authenticated
//! senders.
//!
//! SPEC: protocol page, section 3.

use zeroize::Zeroizing;

/// Header, ciphertext and tag of every audio frame together, so that neither speech nor silence nor the
/// language's rhythm shows in sizes. 200 bytes hold Opus at 64 kbit/s in 20 ms frames; smaller would cut
/// good sound, larger costs every listener 400 bit/s per byte and seat.
pub const AUDIO_FRAME_LEN: usize = 200;

/// The largest media length that the format can say (24 bits). Encoders stay far below.
pub const MAX_MEDIA_LEN: usize = 0xFF_FFFF;

/// flags, length, capture time.
const FIXED_LEN: usize = 8;

const FLAG_VERSION: u8 = 0b1100_0000;
const FLAG_EXTENSION: u8 = 0b0010_0000;
const FLAG_KEY_FRAME: u8 = 0b0001_0000;
const FLAG_ZERO: u8 = 0b0000_1111;

/// The plaintext to seal; zeros fill it to `padded_len` if that is given. `None` if the media does not fit.
pub(crate) fn write(
    key_frame: bool,
    capture_ms: u32,
    media: &[u8],
    padded_len: Option<usize>,
) -> Option<Zeroizing<Vec<u8>>> {
    let len = u32::try_from(media.len()).ok()?;
    if media.len() > MAX_MEDIA_LEN {
        return None;
    }
    let used = FIXED_LEN.checked_add(media.len())?;
    let total = padded_len.unwrap_or(used);
    if used > total {
        return None;
    }
    let [_, len @ ..] = len.to_be_bytes();
    let mut plain = Zeroizing::new(Vec::with_capacity(total));
    plain.push(if key_frame { FLAG_KEY_FRAME } else { 0 });
    plain.extend_from_slice(&len);
    plain.extend_from_slice(&capture_ms.to_be_bytes());
    plain.extend_from_slice(media);
    plain.resize(total, 0);
    Some(plain)
}

/// A plaintext taken apart.
#[derive(PartialEq, Eq)]
pub(crate) struct Parts<'a> {
    pub(crate) key_frame: bool,
    pub(crate) capture_ms: u32,
    pub(crate) media: &'a [u8],
}

/// Takes an authentic plaintext apart; `None` if it is not exactly of this format.
///
/// Flags that this version does not know are refused, and so is anything but zeros behind the media: no
/// member can hide bytes from the others there, and a later version is noticed at once.
pub(crate) fn read(plain: &[u8]) -> Option<Parts<'_>> {
    let (&[flags, l0, l1, l2, c0, c1, c2, c3], rest) = plain.split_first_chunk::<FIXED_LEN>()?;
    if flags & (FLAG_VERSION | FLAG_ZERO) != 0 {
        return None;
    }
    let rest = if flags & FLAG_EXTENSION == 0 {
        rest
    } else {
        let (len, rest) = rest.split_first()?;
        rest.get(usize::from(*len)..)?
    };
    let len = usize::try_from(u32::from_be_bytes([0, l0, l1, l2])).ok()?;
    let (media, zeros) = rest.split_at_checked(len)?;
    if zeros.iter().any(|byte| *byte != 0) {
        return None;
    }
    Some(Parts {
        key_frame: flags & FLAG_KEY_FRAME != 0,
        capture_ms: u32::from_be_bytes([c0, c1, c2, c3]),
        media,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_bytes_are_those_of_the_protocol_page() {
        let plain = write(true, 0x0102_0304, b"media", Some(16)).unwrap();
        assert_eq!(
            plain.as_slice(),
            [&[0x10, 0, 0, 5, 1, 2, 3, 4][..], b"media", &[0, 0, 0]].concat()
        );
        let plain = write(false, 7, b"x", None).unwrap();
        assert_eq!(plain.as_slice(), [0, 0, 0, 1, 0, 0, 0, 7, b'x']);
    }

    #[test]
    fn every_unknown_flag_bit_is_refused() {
        let plain = write(false, 7, b"media", None).unwrap();
        for bit in [0, 1, 2, 3, 6, 7] {
            let mut bad = plain.clone();
            bad[0] |= 1 << bit;
            assert!(read(&bad).is_none(), "bit {bit}");
        }
    }

    #[test]
    fn an_extension_is_read_over() {
        let plain = [0x30, 0, 0, 2, 0, 0, 0, 9, 3, 0xEE, 1, 0xFF, b'h', b'i', 0];
        let parts = read(&plain).unwrap();
        assert!(parts.key_frame);
        assert_eq!((parts.capture_ms, parts.media), (9, &b"hi"[..]));
        assert!(read(&plain[..8]).is_none(), "no length");
        assert!(read(&plain[..11]).is_none(), "cut extension");
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        assert!(write(false, 0, &[0; 9], Some(16)).is_none());
        assert!(write(false, 0, &[0; 8], Some(16)).is_some());
        assert!(write(false, 0, &vec![0; MAX_MEDIA_LEN + 1], None).is_none());
    }

    #[test]
    fn bytes_behind_the_media_must_be_zero() {
        let mut plain = write(false, 0, b"media", Some(20)).unwrap();
        assert!(read(&plain).is_some());
        plain[19] = 1;
        assert!(read(&plain).is_none());
    }

    proptest! {
        #[test]
        fn read_undoes_write(key: bool, capture: u32, media in prop::collection::vec(any::<u8>(), 0..300), pad in 0usize..100) {
            let plain = write(key, capture, &media, Some(8 + media.len() + pad)).unwrap();
            let parts = read(&plain).unwrap();
            prop_assert!(parts.key_frame == key && parts.capture_ms == capture && parts.media == media);
        }

        #[test]
        fn any_bytes_are_taken_apart_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = read(&bytes);
        }
    }
}
