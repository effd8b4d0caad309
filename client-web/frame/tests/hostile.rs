//! Hostile bytes: nothing that was altered opens, nothing panics. Frames that no honest sender makes are
//! built here with the crate below ours.

mod common;

use common::{ALICE, keys, opened, reason, receiver, sender};
use conclave_frame::{Codec, Kind, OpenError, Receiver};
use proptest::prelude::*;
use sframe::{
    CipherSuite,
    frame::{MediaFrameView, SingleUseCounter},
    key::EncryptionKey,
};

/// Seals any plaintext as Alice's camera in epoch 1 would, with any metadata and counter.
fn forge(key_id: u64, counter: u64, plain: &[u8], metadata: [u8; 3]) -> Vec<u8> {
    let key = EncryptionKey::derive_from(CipherSuite::AesGcm128Sha256, key_id, keys(1, 0).base_key).unwrap();
    let mut buffer = Vec::new();
    MediaFrameView::try_with_meta_data(&mut SingleUseCounter::new(counter), plain, &metadata)
        .unwrap()
        .encrypt_into(&key, &mut buffer)
        .unwrap()
        .sframe_cipher_text()
        .to_vec()
}

const CAMERA: u64 = 0x10_0001;
const MICROPHONE: u64 = 0x00_0001;
const VP9: [u8; 3] = [1, 2, 0];

fn open(receiver: &mut Receiver, data: &[u8]) -> Result<conclave_frame::Opened, OpenError> {
    receiver.open(0, &[ALICE], Kind::Camera, Codec::Vp9, false, data)
}

#[test]
fn every_cut_and_every_flipped_bit_is_refused() {
    for (kind, codec, key) in [
        (Kind::Microphone, Codec::Opus, false),
        (Kind::Camera, Codec::Vp8, true),
        (Kind::Camera, Codec::Vp8, false),
        (Kind::Camera, Codec::Vp9, true),
        (Kind::Screen, Codec::Av1, false),
    ] {
        let mut bob = receiver(0x4_0001, 1);
        let mut alice = sender(0x4_0001, 0);
        // A counter that needs a byte of its own, so that every part of a header is there to be flipped.
        for _ in 0..20 {
            alice.seal(kind, codec, key, 3, b"0123456789").unwrap();
        }
        let sealed = alice.seal(kind, codec, key, 3, b"0123456789abcdefghij").unwrap();
        for len in 0..sealed.len() {
            assert!(
                bob.open(0, &[ALICE], kind, codec, key, &sealed[..len]).is_err(),
                "{codec:?} cut to {len}"
            );
        }
        for at in 0..sealed.len() * 8 {
            let mut bad = sealed.clone();
            bad[at / 8] ^= 1 << (at % 8);
            assert!(
                bob.open(0, &[ALICE], kind, codec, key, &bad).is_err(),
                "{codec:?} bit {at}"
            );
        }
        let longer = [&sealed[..], &[0]].concat();
        assert!(bob.open(0, &[ALICE], kind, codec, key, &longer).is_err());
        opened(bob.open(0, &[ALICE], kind, codec, key, &sealed));
    }
}

#[test]
fn the_forging_here_is_right() {
    let plain = [0x10, 0, 0, 2, 0, 0, 0, 9, b'h', b'i'];
    let frame = opened(open(&mut receiver(1, 1), &forge(CAMERA, 0, &plain, VP9)));
    assert!(frame.media == b"hi" && frame.key_frame);
}

#[test]
fn unknown_flag_bits_are_refused_although_authentic() {
    for bit in [0, 1, 2, 3, 6, 7] {
        let plain = [1 << bit, 0, 0, 2, 0, 0, 0, 9, b'h', b'i'];
        assert_eq!(
            reason(open(&mut receiver(1, 1), &forge(CAMERA, 0, &plain, VP9))),
            OpenError::Plaintext
        );
    }
}

#[test]
fn a_media_length_beyond_the_frame_is_refused() {
    for plain in [
        &[0, 0, 0, 3, 0, 0, 0, 9, b'h', b'i'][..],
        &[0, 0xFF, 0xFF, 0xFF, 0, 0, 0, 9],
        &[0, 0, 0, 0],
        &[],
    ] {
        assert_eq!(
            reason(open(&mut receiver(1, 1), &forge(CAMERA, 0, plain, VP9))),
            OpenError::Plaintext
        );
    }
}

#[test]
fn an_empty_picture_is_void() {
    let plain = [0, 0, 0, 0, 0, 0, 0, 9];
    assert_eq!(
        reason(open(&mut receiver(1, 1), &forge(CAMERA, 0, &plain, VP9))),
        OpenError::Void
    );
}

#[test]
fn an_extension_is_read_over() {
    let plain = [0x20, 0, 0, 2, 0, 0, 0, 9, 4, 0x7F, 2, 1, 2, b'h', b'i', 0, 0];
    assert!(opened(open(&mut receiver(1, 1), &forge(CAMERA, 0, &plain, VP9))).media == b"hi");
}

#[test]
fn other_metadata_is_not_authentic() {
    let plain = [0, 0, 0, 2, 0, 0, 0, 9, b'h', b'i'];
    for metadata in [[0, 2, 0], [2, 2, 0], [1, 1, 0], [1, 3, 0], [1, 2, 1]] {
        assert_eq!(
            reason(open(&mut receiver(1, 1), &forge(CAMERA, 0, &plain, metadata))),
            OpenError::NotAuthentic
        );
    }
}

#[test]
fn a_vp8_frame_that_says_key_outside_and_not_inside_is_refused() {
    let delta = [0, 0, 0, 2, 0, 0, 0, 9, b'h', b'i'];
    let key = [0x10, 0, 0, 2, 0, 0, 0, 9, b'h', b'i'];
    for (outside, plain) in [(true, delta), (false, key)] {
        let sealed = forge(CAMERA, 0, &plain, [1, 1, u8::from(outside)]);
        let wrapped = [&[if outside { 0x10 } else { 0x11 }], &sealed[..]].concat();
        let result = receiver(1, 1).open(0, &[ALICE], Kind::Camera, Codec::Vp8, outside, &wrapped);
        assert_eq!(reason(result), OpenError::Plaintext);
    }
}

#[test]
fn sound_that_calls_itself_a_key_frame_is_refused() {
    let mut plain = [0; 200 - 16 - 1];
    plain[..10].copy_from_slice(&[0x10, 0, 0, 2, 0, 0, 0, 9, b'h', b'i']);
    let sealed = forge(MICROPHONE, 0, &plain, [1, 0, 0]);
    let result = receiver(1, 1).open(0, &[ALICE], Kind::Microphone, Codec::Opus, false, &sealed);
    assert_eq!(reason(result), OpenError::Plaintext);
}

#[test]
fn a_header_that_is_longer_than_needed_is_refused() {
    // Key id 0x10_0001 in four bytes instead of three.
    let sealed = forge(CAMERA, 0, &[0, 0, 0, 1, 0, 0, 0, 9, b'h'], VP9);
    assert_eq!(&sealed[..4], [0xA0, 0x10, 0x00, 0x01]);
    let longer = [&[0xB0, 0x00, 0x10, 0x00, 0x01], &sealed[4..]].concat();
    assert_eq!(reason(open(&mut receiver(1, 1), &longer)), OpenError::Header);
}

#[test]
fn reserved_contexts_and_long_key_ids_are_refused() {
    let plain = [0, 0, 0, 1, 0, 0, 0, 9, b'h'];
    for context in 4..16u64 {
        let sealed = forge(context << 20 | 1, 0, &plain, VP9);
        assert_eq!(reason(open(&mut receiver(1, 1), &sealed)), OpenError::WrongKind);
    }
    let sealed = forge(1 << 24 | CAMERA, 0, &plain, VP9);
    assert_eq!(reason(open(&mut receiver(1, 1), &sealed)), OpenError::Header);
}

#[test]
fn a_counter_that_jumps_too_far_is_refused_and_moves_nothing() {
    let plain = [0, 0, 0, 1, 0, 0, 0, 9, b'h'];
    let mut bob = receiver(1, 1);
    opened(open(&mut bob, &forge(CAMERA, 5, &plain, VP9)));
    assert_eq!(
        reason(open(&mut bob, &forge(CAMERA, 6 + (1 << 20), &plain, VP9))),
        OpenError::Jump
    );
    opened(open(&mut bob, &forge(CAMERA, 6, &plain, VP9)));
    opened(open(&mut bob, &forge(CAMERA, 6 + (1 << 20), &plain, VP9)));
    assert_eq!(
        reason(open(&mut bob, &forge(CAMERA, 7, &plain, VP9))),
        OpenError::TooOld
    );
    opened(open(&mut receiver(1, 1), &forge(CAMERA, u64::MAX, &plain, VP9)));
}

#[test]
fn a_malformed_plaintext_is_authentic_and_so_not_taken_twice() {
    let mut bob = receiver(1, 1);
    let sealed = forge(CAMERA, 0, &[0xFF; 12], VP9);
    assert_eq!(reason(open(&mut bob, &sealed)), OpenError::Plaintext);
    assert_eq!(reason(open(&mut bob, &sealed)), OpenError::Duplicate);
}

proptest! {
    #[test]
    fn any_bytes_are_refused_without_a_panic(
        kind in 0u8..4, codec in 0u8..4, key: bool, data in prop::collection::vec(any::<u8>(), 0..300)
    ) {
        let (kind, codec) = (Kind::from_u8(kind).unwrap(), Codec::from_u8(codec).unwrap());
        prop_assert!(receiver(1, 1).open(0, &[ALICE], kind, codec, key, &data).is_err());
    }

    #[test]
    fn any_authentic_plaintext_is_judged_without_a_panic(
        counter: u64, plain in prop::collection::vec(any::<u8>(), 0..64)
    ) {
        let _ = open(&mut receiver(1, 1), &forge(CAMERA, counter, &plain, VP9));
    }

    #[test]
    fn what_was_sealed_opens(
        epoch: u64, codec in 1u8..4, key: bool, capture: u32, media in prop::collection::vec(any::<u8>(), 1..5_000)
    ) {
        let codec = Codec::from_u8(codec).unwrap();
        let sealed = sender(epoch, 0).seal(Kind::Camera, codec, key, capture, &media).unwrap();
        let frame = opened(receiver(epoch, 1).open(0, &[ALICE], Kind::Camera, codec, key, &sealed));
        prop_assert!(frame.media == media && frame.capture_ms == capture && frame.key_frame == key);
    }
}
