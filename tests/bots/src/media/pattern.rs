//! Frames as an encoder would make them, but recognisable: whoever opens one can tell whose it is, which one,
//! and that not a byte of it changed; and whoever searches a recording finds any 16 bytes of it.
//!
//! They are no pictures: a browser's decoder refuses them. A recorded clip, see [`super::clip`], is the way to
//! a bot that can be seen.

use conclave_frame::Kind;

/// First bytes of every such frame.
const MAGIC: [u8; 8] = *b"\xC0nclaveB";

/// Magic, id, kind, counter.
const HEAD: usize = 8 + 8 + 1 + 4;

/// What a frame says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The bot that made it.
    pub id: u64,
    /// Kind of track it was made for.
    pub kind: u8,
    /// How many were made before it on that track.
    pub counter: u32,
}

/// A frame of `len` bytes, at least the 21 of its head.
#[must_use]
pub fn frame(id: u64, kind: Kind, counter: u32, len: usize) -> Vec<u8> {
    let mark = Mark {
        id,
        kind: kind as u8,
        counter,
    };
    let mut bytes = Vec::with_capacity(len.max(HEAD));
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&id.to_be_bytes());
    bytes.push(mark.kind);
    bytes.extend_from_slice(&counter.to_be_bytes());
    let mut filler = Filler::new(mark);
    while bytes.len() < len {
        bytes.push(filler.next());
    }
    bytes
}

/// Reads a frame back; `None` if it is not one of ours or was changed.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<Mark> {
    let (magic, rest) = bytes.split_first_chunk::<8>()?;
    let (id, rest) = rest.split_first_chunk::<8>()?;
    let (kind, rest) = rest.split_first()?;
    let (counter, rest) = rest.split_first_chunk::<4>()?;
    let mark = Mark {
        id: u64::from_be_bytes(*id),
        kind: *kind,
        counter: u32::from_be_bytes(*counter),
    };
    let mut filler = Filler::new(mark);
    (*magic == MAGIC && rest.iter().all(|byte| *byte == filler.next())).then_some(mark)
}

/// Bytes that follow from the mark and look like noise (xorshift64*), so that no two frames share a run.
struct Filler(u64);

impl Filler {
    fn new(mark: Mark) -> Self {
        let mixed = mark.id ^ (u64::from(mark.counter) << 8 | u64::from(mark.kind)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Self(mixed | 1)
    }

    fn next(&mut self) -> u8 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 56) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_says_what_it_is() {
        let bytes = frame(77, Kind::Camera, 5, 1_000);
        assert_eq!(bytes.len(), 1_000);
        assert_eq!(
            read(&bytes),
            Some(Mark {
                id: 77,
                kind: 1,
                counter: 5
            })
        );
    }

    #[test]
    fn every_changed_byte_shows() {
        let bytes = frame(1, Kind::Microphone, 2, 60);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x40;
            assert_ne!(read(&changed), read(&bytes), "byte {at}");
        }
        assert_eq!(read(&bytes[..20]), None);
        assert_eq!(read(b"something else, of which we know nothing"), None);
    }
}
