//! What can be known of a media packet without any key: does a keyframe begin here?
//!
//! Frames are encrypted whole. What stays clear is the RTP payload descriptor, and for VP8 one synthetic byte that the sender puts in
//! front (0x10 key, 0x11 delta) because VP8 has no such bit in its descriptor. A lie here costs the liar's own viewers a
//! wait, nothing else. SPEC: RFC 7741 §4.2 (VP8), RFC 9628 §4.2 (VP9).

/// Codecs we forward.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Codec {
    Opus,
    Vp8,
    Vp9,
}

impl Codec {
    /// True if a decoder can begin with this packet.
    pub(crate) fn starts_key_frame(self, payload: &[u8]) -> bool {
        match self {
            Self::Opus => true,
            Self::Vp8 => vp8_starts_key_frame(payload).unwrap_or(false),
            Self::Vp9 => vp9_starts_key_frame(payload).unwrap_or(false),
        }
    }
}

fn vp8_starts_key_frame(payload: &[u8]) -> Option<bool> {
    let first = *payload.first()?;
    // S bit set and partition index 0: the first packet of a frame.
    if first & 0x10 == 0 || first & 0x0f != 0 {
        return Some(false);
    }
    let mut at = 1;
    if first & 0x80 != 0 {
        let extension = *payload.get(at)?;
        at += 1;
        if extension & 0x80 != 0 {
            // Picture id of 7 or 15 bits.
            at += if *payload.get(at)? & 0x80 != 0 { 2 } else { 1 };
        }
        if extension & 0x40 != 0 {
            at += 1;
        }
        if extension & 0x30 != 0 {
            at += 1;
        }
    }
    // Lowest bit of VP8's own first byte, real (RFC 6386 §9.1) or synthetic: 0 is a key frame.
    Some(payload.get(at)? & 0x01 == 0)
}

fn vp9_starts_key_frame(payload: &[u8]) -> Option<bool> {
    let first = *payload.first()?;
    let inter_predicted = first & 0x40 != 0;
    let begins_frame = first & 0x08 != 0;
    if inter_predicted || !begins_frame {
        return Some(false);
    }
    let mut at = 1;
    if first & 0x80 != 0 {
        at += if *payload.get(at)? & 0x80 != 0 { 2 } else { 1 };
    }
    if first & 0x20 != 0 {
        // Only the lowest spatial layer of a key picture stands on its own.
        return Some((payload.get(at)? >> 1) & 0x07 == 0);
    }
    Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn vp8_descriptors_of_every_length_lead_to_the_synthetic_byte() {
        for (key, byte) in [(true, 0x10), (false, 0x11)] {
            let descriptors: [&[u8]; 5] = [
                &[0x10],
                &[0x90, 0x80, 0x05],
                &[0x90, 0x80, 0x85, 0x11],
                &[0x90, 0xe0, 0x85, 0x11, 0x22, 0x33],
                &[0x90, 0x10, 0x40],
            ];
            for descriptor in descriptors {
                let payload = [descriptor, &[byte, 1, 2, 3]].concat();
                assert_eq!(Codec::Vp8.starts_key_frame(&payload), key);
            }
        }
        assert!(
            !Codec::Vp8.starts_key_frame(&[0x00, 0x10]),
            "a later packet of the frame"
        );
        assert!(!Codec::Vp8.starts_key_frame(&[0x11, 0x10]), "a later partition");
        assert!(!Codec::Vp8.starts_key_frame(&[0x90, 0x80]), "cut off");
    }

    #[test]
    fn vp9_key_frames_are_known_from_the_descriptor_alone() {
        assert!(Codec::Vp9.starts_key_frame(&[0x8a, 0x81, 0x02, 0xff]), "I, B, V");
        assert!(!Codec::Vp9.starts_key_frame(&[0xc8, 0x81, 0x02]), "inter predicted");
        assert!(!Codec::Vp9.starts_key_frame(&[0x84, 0x81, 0x02]), "not the beginning");
        assert!(
            Codec::Vp9.starts_key_frame(&[0xa8, 0x81, 0x02, 0x00, 0x00]),
            "spatial layer 0"
        );
        assert!(
            !Codec::Vp9.starts_key_frame(&[0xa8, 0x81, 0x02, 0x02, 0x00]),
            "spatial layer 1"
        );
    }

    proptest! {
        #[test]
        fn hostile_bytes_do_no_harm(payload in proptest::collection::vec(any::<u8>(), 0..20)) {
            for codec in [Codec::Opus, Codec::Vp8, Codec::Vp9] {
                let _ = codec.starts_key_frame(&payload);
            }
        }
    }
}
