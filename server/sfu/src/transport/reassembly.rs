//! Puts fragmented handshake messages together before the DTLS library sees them.
//!
//! `rtc-dtls` chains fragments by their exact ends and tries only the first that begins at an offset. Firefox cuts its hello at
//! another place after three repeats; if the first hello's second half was lost, the library then never gets past it. Here every byte
//! that arrived counts, however it was cut. Only clear records are touched, nothing is verified, and what is whole passes unchanged.
//!
//! SPEC: RFC 6347 §4.2.3: fragments may overlap and differ in size between retransmissions; §4.2.6: the transcript is over whole messages.

use std::collections::BTreeMap;

/// A browser's largest clear message is its hello, about 1.5 kB; a certificate chain would be a few.
const MAX_MESSAGE: usize = 8_192;
/// Messages of one flight that may be incomplete at a time; a client's longest has five.
const MAX_OPEN: usize = 8;

pub(super) const HANDSHAKE: u8 = 22;
pub(super) const RECORD_HEADER: usize = 13;
pub(super) const FRAGMENT_HEADER: usize = 12;

/// The header of one handshake fragment.
#[derive(Clone, Copy)]
pub(super) struct Fragment {
    pub(super) kind: u8,
    pub(super) length: usize,
    pub(super) message: u16,
    pub(super) offset: usize,
    pub(super) size: usize,
}

impl Fragment {
    /// Splits the first fragment off a record's body.
    pub(super) fn split(body: &[u8]) -> Option<(Self, &[u8], &[u8])> {
        let (header, after) = body.split_first_chunk::<FRAGMENT_HEADER>()?;
        let [
            kind,
            len2,
            len1,
            len0,
            seq1,
            seq0,
            off2,
            off1,
            off0,
            size2,
            size1,
            size0,
        ] = *header;
        let word = |high, mid, low| u32::from_be_bytes([0, high, mid, low]) as usize;
        let size = word(size2, size1, size0);
        let (data, rest) = after.split_at_checked(size)?;
        let fragment = Self {
            kind,
            length: word(len2, len1, len0),
            message: u16::from_be_bytes([seq1, seq0]),
            offset: word(off2, off1, off0),
            size,
        };
        Some((fragment, data, rest))
    }

    fn is_whole(self) -> bool {
        self.offset == 0 && self.size == self.length
    }
}

/// A message of which some bytes are here.
struct Partial {
    kind: u8,
    data: Vec<u8>,
    have: Vec<bool>,
}

#[derive(Default)]
pub(super) struct Reassembler {
    open: BTreeMap<u16, Partial>,
}

impl Reassembler {
    /// The same datagram with whole messages only; fragments that complete none are kept and left out.
    pub(super) fn pass(&mut self, datagram: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(datagram.len());
        let mut rest = datagram;
        while let Some((header, after)) = rest.split_first_chunk::<RECORD_HEADER>() {
            let [content, _, _, epoch1, epoch0, .., len1, len0] = *header;
            let length = usize::from(u16::from_be_bytes([len1, len0]));
            let Some((body, next)) = after.split_at_checked(length) else {
                break;
            };
            rest = next;
            if content != HANDSHAKE || (epoch1, epoch0) != (0, 0) {
                out.extend_from_slice(header);
                out.extend_from_slice(body);
                continue;
            }
            let whole = self.whole_messages(body);
            if let (false, Ok(length)) = (whole.is_empty(), u16::try_from(whole.len())) {
                // The record's own number: it is new to the library's replay window like the record itself.
                let (fixed, _) = header.split_at(RECORD_HEADER - 2);
                out.extend_from_slice(fixed);
                out.extend_from_slice(&length.to_be_bytes());
                out.extend_from_slice(&whole);
            }
        }
        out
    }

    fn whole_messages(&mut self, mut body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        while let Some((fragment, data, rest)) = Fragment::split(body) {
            body = rest;
            if fragment.is_whole() {
                append(&mut out, fragment.kind, fragment.message, data);
            } else if let Some(message) = self.add(fragment, data) {
                append(&mut out, fragment.kind, fragment.message, &message);
            }
        }
        out
    }

    /// Takes in a fragment; gives the message if it is complete now.
    fn add(&mut self, fragment: Fragment, data: &[u8]) -> Option<Vec<u8>> {
        if fragment.length > MAX_MESSAGE || fragment.size == 0 {
            return None;
        }
        let fits = |partial: &Partial| partial.kind == fragment.kind && partial.data.len() == fragment.length;
        if !self.open.get(&fragment.message).is_some_and(fits) {
            let empty = Partial {
                kind: fragment.kind,
                data: vec![0; fragment.length],
                have: vec![false; fragment.length],
            };
            self.open.insert(fragment.message, empty);
            if self.open.len() > MAX_OPEN {
                self.open.pop_first();
            }
        }
        let partial = self.open.get_mut(&fragment.message)?;
        let range = fragment.offset..fragment.offset + fragment.size;
        partial.data.get_mut(range.clone())?.copy_from_slice(data);
        partial.have.get_mut(range)?.fill(true);
        if partial.have.iter().all(|have| *have) {
            return self.open.remove(&fragment.message).map(|partial| partial.data);
        }
        None
    }
}

/// A message as a single fragment.
fn append(out: &mut Vec<u8>, kind: u8, message: u16, data: &[u8]) {
    let [.., len2, len1, len0] = data.len().to_be_bytes();
    let [seq1, seq0] = message.to_be_bytes();
    out.extend_from_slice(&[kind, len2, len1, len0, seq1, seq0, 0, 0, 0, len2, len1, len0]);
    out.extend_from_slice(data);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(sequence: u8, message: &[u8], from: usize, to: usize) -> Vec<u8> {
        let word = |value: usize| [(value >> 16) as u8, (value >> 8) as u8, value as u8];
        let mut body = vec![1];
        body.extend(word(message.len()));
        body.extend([0, 0]);
        body.extend(word(from));
        body.extend(word(to - from));
        body.extend(&message[from..to]);
        let mut out = vec![HANDSHAKE, 254, 253, 0, 0, 0, 0, 0, 0, 0, sequence];
        out.extend((body.len() as u16).to_be_bytes());
        out.extend(body);
        out
    }

    fn hello() -> Vec<u8> {
        (0..1_500u32).map(|at| (at * 7 % 251) as u8).collect()
    }

    #[test]
    fn a_hello_that_is_cut_elsewhere_when_repeated_is_put_together() {
        let hello = hello();
        let mut reassembler = Reassembler::default();
        // As Firefox does: 1,383 bytes and the rest, of which the rest is lost; later 1,163 and the rest.
        assert!(reassembler.pass(&record(0, &hello, 0, 1_383)).is_empty());
        assert_eq!(
            reassembler.pass(&record(7, &hello, 1_163, 1_500)),
            record(7, &hello, 0, 1_500)
        );
        assert!(reassembler.open.is_empty());
    }

    #[test]
    fn whole_messages_and_other_records_pass_unchanged() {
        let hello = hello();
        let mut datagram = record(0, &hello, 0, 1_500);
        datagram.extend([20, 254, 253, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1]);
        datagram.extend([22, 254, 253, 0, 1, 0, 0, 0, 0, 0, 0, 0, 3, 9, 9, 9]);
        assert_eq!(Reassembler::default().pass(&datagram), datagram);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut reassembler = Reassembler::default();
        for message in 0..1_000u16 {
            let mut datagram = record(0, &hello(), 0, 10);
            datagram[17..19].copy_from_slice(&message.to_be_bytes());
            assert!(reassembler.pass(&datagram).is_empty());
        }
        assert_eq!(reassembler.open.len(), MAX_OPEN);
        assert!(
            reassembler
                .pass(&record(0, &vec![0; MAX_MESSAGE + 1], 0, 10))
                .is_empty()
        );
        assert_eq!(reassembler.open.len(), MAX_OPEN);
    }

    proptest! {
        #[test]
        fn any_cut_in_any_order_gives_the_message(
            cuts in proptest::collection::vec((0usize..1_500, 1usize..1_500), 0..20),
        ) {
            let hello = hello();
            let mut reassembler = Reassembler::default();
            let mut covered = vec![false; hello.len()];
            for (from, size) in cuts.into_iter().chain([(0, 700), (600, 900)]) {
                let to = (from + size).min(hello.len());
                covered[from..to].fill(true);
                let out = reassembler.pass(&record(3, &hello, from, to));
                if covered.iter().all(|have| *have) {
                    prop_assert_eq!(out, record(3, &hello, 0, hello.len()));
                    covered.fill(false);
                } else {
                    prop_assert!(out.is_empty());
                }
            }
        }

        #[test]
        fn hostile_bytes_do_no_harm(mut data in proptest::collection::vec(any::<u8>(), 13..200)) {
            data[0] = HANDSHAKE;
            data[3..5].copy_from_slice(&[0, 0]);
            let length = (data.len() - 13) as u16;
            data[11..13].copy_from_slice(&length.to_be_bytes());
            let _ = Reassembler::default().pass(&data);
        }
    }
}
