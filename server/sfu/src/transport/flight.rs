//! Watches the handshake records that go by, for two things the DTLS library does not do: noticing that the client repeats
//! itself, and bounding what one peer may make it hold.
//!
//! Reads the clear headers of epoch 0 only; verifies nothing. SPEC: RFC 6347 §4.1, §4.2.2.

use super::reassembly::{Fragment, HANDSHAKE, RECORD_HEADER};

/// No DTLS datagram of a handshake needs to be larger; browsers stay below 1,500 bytes.
const MAX_DATAGRAM: usize = 2_048;
/// Handshake fragments one association may send in clear. A browser's handshake has about eight, so this is sixty repeats.
/// Each costs a look at its message, and the library keeps what it has read.
const MAX_FRAGMENTS: usize = 512;
/// Records of later epochs before the handshake is complete, which the library queues without a bound.
const MAX_EARLY: usize = 64;
/// Encrypted handshake records over an association's life: a client sends one (its Finished) per repeat of its last flight.
const MAX_ENCRYPTED: usize = 64;
/// An encrypted Finished is 61 bytes with its header; anything much longer could only be a bag of tiny fragments, which the library
/// chains recursively: without a bound a peer could exhaust the stack.
const MAX_ENCRYPTED_LEN: usize = 128;
/// Distinct fragments remembered in order to know a repeat.
const MAX_REMEMBERED: usize = 64;

/// What a datagram is to the handshake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Notice {
    /// Records not seen before, or no handshake at all.
    New,
    /// Nothing but fragments that were here before: the client is waiting for us.
    Repeat,
    /// Beyond what any client needs.
    TooMuch,
}

#[derive(Default)]
pub(crate) struct FlightWatch {
    seen: Vec<(u16, usize)>,
    fragments: usize,
    early: usize,
    encrypted: usize,
    begins: bool,
}

impl FlightWatch {
    pub(crate) fn observe(&mut self, data: &[u8], complete: bool) -> Notice {
        if data.len() > MAX_DATAGRAM {
            return Notice::TooMuch;
        }
        let (mut fresh, mut repeated) = (false, false);
        self.begins = false;
        let mut rest = data;
        while let Some((header, body)) = rest.split_first_chunk::<RECORD_HEADER>() {
            let [content, _, _, epoch_hi, epoch_lo, .., len_hi, len_lo] = *header;
            let length = usize::from(u16::from_be_bytes([len_hi, len_lo]));
            let Some((body, after)) = body.split_at_checked(length) else {
                break;
            };
            rest = after;
            let clear = epoch_hi == 0 && epoch_lo == 0;
            if !clear && !complete {
                self.early += 1;
            }
            if content != HANDSHAKE {
                continue;
            }
            if clear {
                let (new, old) = self.fragments(body);
                fresh |= new;
                repeated |= old;
            } else {
                self.encrypted += 1;
                if body.len() > MAX_ENCRYPTED_LEN {
                    return Notice::TooMuch;
                }
            }
        }
        if self.fragments > MAX_FRAGMENTS || self.early > MAX_EARLY || self.encrypted > MAX_ENCRYPTED {
            return Notice::TooMuch;
        }
        if repeated && !fresh {
            Notice::Repeat
        } else {
            Notice::New
        }
    }

    /// Whether the datagram just observed held a part of the client's very first message.
    pub(crate) fn begins(&self) -> bool {
        self.begins
    }

    fn fragments(&mut self, mut body: &[u8]) -> (bool, bool) {
        let (mut fresh, mut repeated) = (false, false);
        while let Some((fragment, _, rest)) = Fragment::split(body) {
            body = rest;
            let key = (fragment.message, fragment.offset);
            self.fragments += 1;
            self.begins |= key.0 == 0;
            if self.seen.contains(&key) {
                repeated = true;
            } else {
                fresh = true;
                if self.seen.len() < MAX_REMEMBERED {
                    self.seen.push(key);
                }
            }
        }
        (fresh, repeated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(epoch: u16, sequence: u16, fragments: &[(u16, u32, usize)]) -> Vec<u8> {
        let mut body = Vec::new();
        for (message, offset, length) in fragments {
            body.extend_from_slice(&[1, 0, 5, 0]);
            body.extend_from_slice(&message.to_be_bytes());
            body.extend_from_slice(&offset.to_be_bytes()[1..]);
            body.extend_from_slice(&(*length as u32).to_be_bytes()[1..]);
            body.extend(std::iter::repeat_n(0, *length));
        }
        let mut out = vec![HANDSHAKE, 254, 253];
        out.extend_from_slice(&epoch.to_be_bytes());
        out.extend_from_slice(&[0, 0, 0, 0]);
        out.extend_from_slice(&sequence.to_be_bytes());
        out.extend_from_slice(&(body.len() as u16).to_be_bytes());
        out.extend(body);
        out
    }

    #[test]
    fn the_same_fragments_in_a_new_record_are_a_repeat() {
        let mut watch = FlightWatch::default();
        assert_eq!(watch.observe(&record(0, 0, &[(0, 0, 100)]), false), Notice::New);
        assert_eq!(watch.observe(&record(0, 1, &[(0, 100, 100)]), false), Notice::New);
        assert_eq!(watch.observe(&record(0, 2, &[(0, 0, 100)]), false), Notice::Repeat);
        assert_eq!(watch.observe(&record(0, 3, &[(1, 0, 100)]), false), Notice::New);
    }

    #[test]
    fn a_bag_of_tiny_fragments_is_too_much() {
        let mut watch = FlightWatch::default();
        let bag: Vec<_> = (0..100u32).map(|offset| (0u16, offset, 1usize)).collect();
        let notices: Vec<_> = (0..6u16)
            .map(|sequence| watch.observe(&record(0, sequence, &bag), false))
            .collect();
        assert!(notices.contains(&Notice::TooMuch));
        assert_eq!(
            FlightWatch::default().observe(&record(1, 0, &bag), true),
            Notice::TooMuch,
            "also when encrypted"
        );
    }
}
