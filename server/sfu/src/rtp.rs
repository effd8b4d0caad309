//! RTP headers: reading what peers send, writing what subscribers get. Allocates nothing and keeps nothing.
//!
//! SPEC: RFC 3550 §5.1, RFC 8285 (one-byte and two-byte header extensions).

/// RTP's fixed header.
pub(crate) const FIXED_HEADER: usize = 12;
const ONE_BYTE: u16 = 0xBEDE;

/// A packet's header. The extension block is read lazily.
pub(crate) struct RtpHeader<'a> {
    pub(crate) marker: bool,
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    pub(crate) padded: bool,
    /// Length of everything before the payload.
    pub(crate) len: usize,
    profile: u16,
    extensions: &'a [u8],
}

impl<'a> RtpHeader<'a> {
    pub(crate) fn parse(data: &'a [u8]) -> Option<Self> {
        let (fixed, mut rest) = data.split_first_chunk::<FIXED_HEADER>()?;
        let [first, second, s1, s0, t3, t2, t1, t0, c3, c2, c1, c0] = *fixed;
        if first >> 6 != 2 {
            return None;
        }
        let csrcs = usize::from(first & 0x0f) * 4;
        rest = rest.get(csrcs..)?;
        let mut len = FIXED_HEADER + csrcs;
        let (mut profile, mut extensions): (u16, &[u8]) = (0, &[]);
        if first & 0x10 != 0 {
            let ([p1, p0, w1, w0], after) = rest.split_first_chunk::<4>()?;
            profile = u16::from_be_bytes([*p1, *p0]);
            let words = usize::from(u16::from_be_bytes([*w1, *w0]));
            extensions = after.get(..words * 4)?;
            len += 4 + words * 4;
        }
        Some(Self {
            marker: second & 0x80 != 0,
            payload_type: second & 0x7f,
            sequence: u16::from_be_bytes([s1, s0]),
            timestamp: u32::from_be_bytes([t3, t2, t1, t0]),
            ssrc: u32::from_be_bytes([c3, c2, c1, c0]),
            padded: first & 0x20 != 0,
            len,
            profile,
            extensions,
        })
    }

    /// The value of the header extension with this id. Zero is padding and matches nothing.
    pub(crate) fn extension(&self, id: u8) -> Option<&'a [u8]> {
        let one_byte = self.profile == ONE_BYTE;
        if id == 0 || !(one_byte || self.profile & 0xfff0 == 0x1000) {
            return None;
        }
        let mut rest = self.extensions;
        while let Some((head, after)) = rest.split_first() {
            if *head == 0 {
                rest = after;
                continue;
            }
            let (found, length, body) = if one_byte {
                // Id 15 ends the block (RFC 8285 §4.2).
                if head >> 4 == 15 {
                    return None;
                }
                (head >> 4, usize::from(head & 0x0f) + 1, after)
            } else {
                let (length, body) = after.split_first()?;
                (*head, usize::from(*length), body)
            };
            let (value, next) = body.split_at_checked(length)?;
            if found == id {
                return Some(value);
            }
            rest = next;
        }
        None
    }
}

/// Cuts RTP padding off a payload; `None` if its length byte lies.
pub(crate) fn strip_padding(payload: &mut Vec<u8>, padded: bool) -> Option<()> {
    if padded {
        let padding = usize::from(*payload.last()?);
        let keep = payload.len().checked_sub(padding).filter(|_| padding > 0)?;
        payload.truncate(keep);
    }
    Some(())
}

/// What varies in a header that we write: no CSRC, no padding, no extension (subscribers find slots by SSRC).
pub(crate) struct Fields {
    pub(crate) marker: bool,
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
}

pub(crate) fn write_header(out: &mut Vec<u8>, fields: &Fields) {
    out.push(0x80);
    out.push(fields.payload_type & 0x7f | if fields.marker { 0x80 } else { 0 });
    out.extend_from_slice(&fields.sequence.to_be_bytes());
    out.extend_from_slice(&fields.timestamp.to_be_bytes());
    out.extend_from_slice(&fields.ssrc.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rtc::rtp::Header;
    use rtc::shared::marshal::{Marshal, Unmarshal};

    #[test]
    fn what_we_write_an_independent_parser_reads() {
        let mut out = Vec::new();
        let fields = Fields {
            marker: true,
            payload_type: 98,
            sequence: 65_535,
            timestamp: 0xdead_beef,
            ssrc: 0x0102_0304,
        };
        write_header(&mut out, &fields);
        let header = Header::unmarshal(&mut out.as_slice()).unwrap();
        assert!(header.marker && header.payload_type == 98 && header.sequence_number == 65_535);
        assert!(header.timestamp == 0xdead_beef && header.ssrc == 0x0102_0304);
        assert_eq!(RtpHeader::parse(&out).unwrap().len, FIXED_HEADER);
    }

    #[test]
    fn extensions_of_both_forms_are_found() {
        for profile in [0xBEDE, 0x1000] {
            let mut header = Header {
                version: 2,
                ssrc: 7,
                csrc: vec![1, 2],
                ..Default::default()
            };
            header.extension = true;
            header.extension_profile = profile;
            header.set_extension(3, bytes::Bytes::from_static(b"21")).unwrap();
            header.set_extension(5, bytes::Bytes::from_static(&[9, 8, 7])).unwrap();
            let bytes = header.marshal().unwrap();
            let parsed = RtpHeader::parse(&bytes).unwrap();
            assert_eq!(parsed.extension(3), Some(b"21".as_slice()));
            assert_eq!(parsed.extension(5), Some([9, 8, 7].as_slice()));
            assert_eq!(parsed.extension(4), None);
            assert_eq!(parsed.len, bytes.len());
        }
    }

    #[test]
    fn lying_padding_is_refused() {
        let mut payload = vec![1, 2, 3];
        assert!(strip_padding(&mut payload, true).is_some());
        assert!(payload.is_empty(), "padding only");
        assert!(strip_padding(&mut payload, true).is_none());
        assert!(strip_padding(&mut vec![1, 4], true).is_none());
        assert!(strip_padding(&mut vec![1, 0], true).is_none());
    }

    proptest! {
        #[test]
        fn hostile_bytes_do_no_harm(data in proptest::collection::vec(any::<u8>(), 0..200), id in any::<u8>()) {
            if let Some(header) = RtpHeader::parse(&data) {
                prop_assert!(header.len <= data.len());
                let _ = header.extension(id);
            }
        }
    }
}
