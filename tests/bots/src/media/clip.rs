//! A recorded clip in the IVF container, played in a loop: what makes a bot's picture decodable in a browser.
//!
//! It reads no more of a codec than whether a frame is a key frame.

use std::{io, path::Path};

use conclave_frame::Codec;

/// One encoded frame.
pub struct ClipFrame {
    /// Whether a decoder can begin here.
    pub key_frame: bool,
    /// The encoder's output.
    pub media: Vec<u8>,
}

/// A clip; its first frame is a key frame.
pub struct Clip {
    /// VP8 or VP9.
    pub codec: Codec,
    /// In order of display.
    pub frames: Vec<ClipFrame>,
}

impl Clip {
    /// Reads an IVF file.
    ///
    /// # Errors
    /// If it cannot be read, or is not IVF with VP8 or VP9 that begins with a key frame.
    pub fn load(path: &Path) -> io::Result<Self> {
        let bytes = std::fs::read(path)?;
        parse(&bytes).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not an IVF clip of VP8 or VP9"))
    }
}

fn parse(bytes: &[u8]) -> Option<Clip> {
    let (signature, _) = bytes.split_first_chunk::<4>()?;
    let codec = match bytes.get(8..12)? {
        b"VP80" => Codec::Vp8,
        b"VP90" => Codec::Vp9,
        _ => return None,
    };
    if signature != b"DKIF" {
        return None;
    }
    let header = usize::from(u16::from_le_bytes(bytes.get(6..8)?.try_into().ok()?));
    let mut rest = bytes.get(header..)?;
    let mut frames = Vec::new();
    while let Some((len, tail)) = rest.split_first_chunk::<4>() {
        let len = usize::try_from(u32::from_le_bytes(*len)).ok()?;
        let media = tail.get(8..8usize.checked_add(len)?)?.to_vec();
        rest = tail.get(8 + len..)?;
        frames.push(ClipFrame {
            key_frame: is_key(codec, &media)?,
            media,
        });
    }
    frames.first()?.key_frame.then_some(Clip { codec, frames })
}

/// SPEC: RFC 6386 §9.1 for VP8; the VP9 bitstream specification §6.2 for VP9 (frame marker, profile,
/// show_existing_frame, frame_type), profiles 0 to 2.
fn is_key(codec: Codec, media: &[u8]) -> Option<bool> {
    let first = *media.first()?;
    Some(match codec {
        Codec::Vp8 => first & 1 == 0,
        _ => first & 0x08 == 0 && first & 0x04 == 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ivf(fourcc: &[u8; 4], frames: &[&[u8]]) -> Vec<u8> {
        let mut bytes = [b"DKIF", &[0, 0, 32, 0], &fourcc[..], &[0; 20]].concat();
        for frame in frames {
            bytes.extend_from_slice(&(frame.len() as u32).to_le_bytes());
            bytes.extend_from_slice(&[0; 8]);
            bytes.extend_from_slice(frame);
        }
        bytes
    }

    #[test]
    fn frames_and_key_frames_are_found() {
        let clip = parse(&ivf(b"VP80", &[&[0x10, 1], &[0x11, 2, 3]])).unwrap();
        assert!(clip.codec == Codec::Vp8 && clip.frames.len() == 2);
        assert!(clip.frames[0].key_frame && !clip.frames[1].key_frame);
        let clip = parse(&ivf(b"VP90", &[&[0x82, 1], &[0x86, 2]])).unwrap();
        assert!(clip.frames[0].key_frame && !clip.frames[1].key_frame);
    }

    #[test]
    fn what_is_not_a_clip_is_refused() {
        assert!(parse(b"").is_none());
        assert!(parse(&ivf(b"H264", &[&[1]])).is_none());
        assert!(parse(&ivf(b"VP80", &[&[0x11]])).is_none(), "begins with an interframe");
        assert!(parse(&ivf(b"VP80", &[&[0x10, 1]])[..45]).is_none(), "cut");
        assert!(parse(&ivf(b"VP80", &[])).is_none());
    }
}
