//! Frames to RTP payloads and back, for Opus, VP8 and VP9: what a browser does around the encryption.
//!
//! SPEC: RFC 7741 §4.2 (VP8), RFC 9628 §4.2 (VP9, non-flexible mode), RFC 7587 §4.2 (Opus: one frame a packet).

use std::collections::BTreeMap;

use bytes::{BufMut, Bytes, BytesMut};
use conclave_frame::Codec;
use rtc::rtp::codec::{vp8::Vp8Packet, vp9::Vp9Packet};
use rtc::rtp::packetizer::Depacketizer;

/// Payload bytes a packet: browsers use 1,200-byte packets, and SRTP, extensions and UDP want their part.
const MAX_PAYLOAD: usize = 1_100;

/// Packets kept for putting a frame together. At 1,100 bytes a packet 512 are half a megabyte, far above any
/// frame here; more would only keep what is lost for good.
const MAX_WAITING: usize = 512;

/// Cuts one sealed frame into payloads; the last one gets the marker bit.
#[must_use]
pub fn split(codec: Codec, key_frame: bool, picture_id: u16, frame: &[u8]) -> Vec<Bytes> {
    if codec == Codec::Opus {
        return vec![Bytes::copy_from_slice(frame)];
    }
    let pieces: Vec<&[u8]> = frame.chunks(MAX_PAYLOAD).collect();
    let last = pieces.len().saturating_sub(1);
    let picture_id = (picture_id & 0x7FFF) | 0x8000;
    let piece = |(at, piece): (usize, &&[u8])| {
        let mut payload = BytesMut::with_capacity(piece.len() + 4);
        match codec {
            Codec::Vp8 => {
                // X, and S on the first; then I.
                payload.put_u8(0x80 | if at == 0 { 0x10 } else { 0 });
                payload.put_u8(0x80);
            }
            _ => {
                let inter = if key_frame { 0 } else { 0x40 };
                let begin = if at == 0 { 0x08 } else { 0 };
                let end = if at == last { 0x04 } else { 0 };
                payload.put_u8(0x80 | inter | begin | end);
            }
        }
        payload.put_u16(picture_id);
        payload.put_slice(piece);
        payload.freeze()
    };
    pieces.iter().enumerate().map(piece).collect()
}

/// One payload without its descriptor.
struct Piece {
    timestamp: u32,
    begins: bool,
    ends: bool,
    key_frame: bool,
    bytes: Bytes,
}

/// A frame as it goes into decryption.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    /// The codec of the payload type it came under.
    pub codec: Codec,
    /// What the descriptor (VP9) or the synthetic byte (VP8) says; `false` for sound.
    pub key_frame: bool,
    /// The sealed bytes.
    pub sealed: Vec<u8>,
}

/// Puts the frames of one incoming stream together again. Lost packets lose their frame and no other.
#[derive(Default)]
pub struct Assembler {
    highest: Option<u64>,
    waiting: BTreeMap<u64, Piece>,
}

impl Assembler {
    /// Takes one packet; gives the frame that it completes.
    pub fn push(
        &mut self,
        codec: Codec,
        sequence: u16,
        timestamp: u32,
        marker: bool,
        payload: &Bytes,
    ) -> Option<Frame> {
        if payload.is_empty() {
            return None;
        }
        if codec == Codec::Opus {
            return Some(Frame {
                codec,
                key_frame: false,
                sealed: payload.to_vec(),
            });
        }
        let number = self.unwrap(sequence);
        self.waiting.insert(number, piece(codec, timestamp, marker, payload)?);
        while self.waiting.len() > MAX_WAITING {
            self.waiting.pop_first();
        }
        self.complete(codec, number)
    }

    /// The sequence number without its wrap: the nearest one to the highest so far (RFC 3550 §A.1).
    fn unwrap(&mut self, sequence: u16) -> u64 {
        let number = match self.highest {
            // Far enough from zero that an early packet can come late.
            None => 0x1_0000 + u64::from(sequence),
            Some(highest) => {
                let step = i64::from(sequence.wrapping_sub(highest as u16) as i16);
                highest.saturating_add_signed(step)
            }
        };
        self.highest = self.highest.max(Some(number));
        number
    }

    /// The frame around packet `number`, if all of it is here.
    fn complete(&mut self, codec: Codec, number: u64) -> Option<Frame> {
        let timestamp = self.waiting.get(&number)?.timestamp;
        let part = |n: u64| self.waiting.get(&n).filter(|piece| piece.timestamp == timestamp);
        let mut first = number;
        while !part(first)?.begins {
            first = first.checked_sub(1)?;
        }
        let mut last = number;
        while !part(last)?.ends {
            last = last.checked_add(1)?;
        }
        let key_frame = part(first)?.key_frame;
        let mut sealed = Vec::new();
        for n in first..=last {
            sealed.extend_from_slice(&part(n)?.bytes);
        }
        self.waiting = self.waiting.split_off(&last.saturating_add(1));
        // A VP8 descriptor has no key bit: the frame's own first byte, synthetic here, says it.
        let key_frame = if codec == Codec::Vp8 {
            sealed.first()? & 1 == 0
        } else {
            key_frame
        };
        Some(Frame {
            codec,
            key_frame,
            sealed,
        })
    }
}

fn piece(codec: Codec, timestamp: u32, marker: bool, payload: &Bytes) -> Option<Piece> {
    match codec {
        Codec::Vp8 => {
            let mut descriptor = Vp8Packet::default();
            let bytes = descriptor.depacketize(payload).ok()?;
            let begins = descriptor.s == 1 && descriptor.pid == 0;
            Some(Piece {
                timestamp,
                begins,
                ends: marker,
                key_frame: false,
                bytes,
            })
        }
        _ => {
            let mut descriptor = Vp9Packet::default();
            let bytes = descriptor.depacketize(payload).ok()?;
            let Vp9Packet { p, b, e, .. } = descriptor;
            Some(Piece {
                timestamp,
                begins: b,
                ends: e,
                key_frame: !p,
                bytes,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(codec: Codec, len: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..len).map(|n| (n * 31 % 251) as u8).collect();
        if codec == Codec::Vp8 {
            bytes[0] = 0x10;
        }
        bytes
    }

    /// Feeds packets in the given order and counts frames that came out whole.
    fn play(codec: Codec, order: impl Fn(Vec<usize>) -> Vec<usize>) -> usize {
        let bytes = frame(codec, 3_500);
        let mut packets = Vec::new();
        for n in 0..20u16 {
            let parts = split(codec, true, n, &bytes);
            let last = parts.len() - 1;
            for (at, part) in parts.into_iter().enumerate() {
                packets.push((65_500 + packets.len(), u32::from(n) * 3_000, at == last, part));
            }
        }
        let mut assembler = Assembler::default();
        let mut whole = 0;
        for at in order((0..packets.len()).collect()) {
            let (sequence, timestamp, marker, payload) = &packets[at];
            if let Some(frame) = assembler.push(codec, *sequence as u16, *timestamp, *marker, payload) {
                assert!(frame.sealed == bytes && frame.key_frame == (codec != Codec::Opus));
                whole += 1;
            }
        }
        whole
    }

    #[test]
    fn frames_come_out_as_they_went_in_over_the_wrap_of_sequence_numbers() {
        for codec in [Codec::Vp8, Codec::Vp9] {
            assert_eq!(play(codec, |order| order), 20);
        }
    }

    #[test]
    fn packets_may_change_places() {
        let swap = |mut order: Vec<usize>| {
            order.chunks_mut(3).for_each(<[usize]>::reverse);
            order
        };
        for codec in [Codec::Vp8, Codec::Vp9] {
            assert_eq!(play(codec, swap), 20);
        }
    }

    #[test]
    fn a_lost_packet_loses_its_frame_only() {
        let lose = |order: Vec<usize>| order.into_iter().filter(|at| *at != 5).collect();
        for codec in [Codec::Vp8, Codec::Vp9] {
            assert_eq!(play(codec, lose), 19);
        }
    }

    #[test]
    fn sound_is_one_packet_a_frame() {
        let parts = split(Codec::Opus, false, 0, &[7; 200]);
        assert_eq!(parts.len(), 1);
        let frame = Assembler::default().push(Codec::Opus, 1, 1, false, &parts[0]);
        assert!(frame.is_some_and(|frame| frame.sealed == [7; 200]));
    }

    #[test]
    fn a_cut_descriptor_is_no_frame() {
        let mut assembler = Assembler::default();
        for codec in [Codec::Vp8, Codec::Vp9] {
            for len in 0..3 {
                assert!(
                    assembler
                        .push(codec, 1, 1, true, &Bytes::from(vec![0xFF; len]))
                        .is_none()
                );
            }
        }
    }
}
