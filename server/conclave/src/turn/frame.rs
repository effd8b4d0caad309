//! Where one TURN message ends on a stream. SPEC: RFC 8656 §12.5 (channel data is padded to four bytes on a stream), RFC 8489 §5.

use crate::limits::MAX_DATAGRAM;

/// Largest STUN message on a stream: a datagram in a Send indication, with its attributes.
const MAX_MESSAGE: usize = MAX_DATAGRAM + 256;

/// A STUN header.
const STUN_HEADER: usize = 20;
/// A channel data header: channel, length.
const CHANNEL_HEADER: usize = 4;

/// The stream is not TURN, or a message is larger than any that can be of use.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotTurn;

/// What stands at the start of `buffer`: its length on the stream and without padding. `None`: not whole yet.
pub(super) fn first(buffer: &[u8]) -> Result<Option<(usize, usize)>, NotTurn> {
    let Some(&[kind, _, high, low]) = buffer.first_chunk::<4>() else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let (on_stream, whole) = match kind {
        0x00..=0x3f if length % 4 == 0 => (STUN_HEADER + length, STUN_HEADER + length),
        0x40..=0x4f => (CHANNEL_HEADER + length.next_multiple_of(4), CHANNEL_HEADER + length),
        _ => return Err(NotTurn),
    };
    if on_stream > MAX_MESSAGE {
        return Err(NotTurn);
    }
    Ok((buffer.len() >= on_stream).then_some((on_stream, whole)))
}

/// Appends a message as a stream carries it.
pub(super) fn push(stream: &mut Vec<u8>, message: &[u8]) {
    stream.extend_from_slice(message);
    if matches!(message.first(), Some(0x40..=0x4f)) {
        stream.resize(stream.len() + message.len().next_multiple_of(4) - message.len(), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_cut_where_they_end() {
        assert_eq!(first(&[]), Ok(None));
        assert_eq!(first(&[0x40, 0, 0]), Ok(None));
        let mut stream = Vec::new();
        push(&mut stream, &[0x40, 0, 0, 5, 1, 2, 3, 4, 5]);
        assert_eq!(stream.len(), 12, "padded to four");
        assert_eq!(first(&stream), Ok(Some((12, 9))));
        assert_eq!(first(stream.get(..11).unwrap_or_default()), Ok(None));
        let mut stun = [0; 24];
        stun[3] = 4;
        assert_eq!(first(&stun), Ok(Some((24, 24))));
    }

    #[test]
    fn what_is_no_turn_is_refused_before_it_is_whole() {
        assert_eq!(first(b"GET / HTTP/1.1"), Err(NotTurn));
        assert_eq!(first(&[0x00, 0x01, 0x00, 0x03]), Err(NotTurn), "no multiple of four");
        assert_eq!(first(&[0x00, 0x01, 0xff, 0xfc]), Err(NotTurn), "too large");
        assert_eq!(first(&[0x40, 0x00, 0xff, 0xff]), Err(NotTurn), "too large");
        assert_eq!(first(&[0x50, 0, 0, 0]), Err(NotTurn), "RFC 8656 §12: reserved");
        assert_eq!(first(&[0xff, 0, 0, 0]), Err(NotTurn));
    }
}
