//! A sender: sizes, counters, epochs, silence.

mod common;

use std::collections::BTreeSet;

use common::{keys, sender};
use conclave_frame::{AUDIO_FRAME_LEN, Codec, EpochError, Kind, MAX_MEDIA_LEN, SealError, Sender};
use proptest::prelude::*;
use sframe::header::SframeHeader;

/// The header of a sealed frame that has nothing in front.
fn header(sealed: &[u8]) -> (u64, u64) {
    let header = SframeHeader::deserialize(sealed).unwrap();
    (header.key_id(), header.counter())
}

#[test]
fn without_keys_nothing_is_sealed() {
    let mut sender = Sender::new();
    assert_eq!(
        sender.seal(Kind::Camera, Codec::Vp9, true, 0, b"x"),
        Err(SealError::NoEpoch)
    );
    assert_eq!(sender.counts().refused(SealError::NoEpoch), 1);
}

#[test]
fn a_held_sender_is_silent_until_it_is_released() {
    let mut sender = sender(1, 0);
    sender.hold(true);
    assert_eq!(
        sender.seal(Kind::Camera, Codec::Vp9, true, 0, b"x"),
        Err(SealError::Held)
    );
    sender.hold(false);
    assert!(sender.seal(Kind::Camera, Codec::Vp9, true, 0, b"x").is_ok());
}

#[test]
fn the_keys_of_a_newer_epoch_end_a_hold_and_are_used_at_once() {
    for wait in [false, true] {
        let mut sender = sender(1, 0);
        sender.hold(true);
        let next = keys(2, 0);
        if wait {
            sender.set_epoch_at(&next, 300)
        } else {
            sender.set_epoch(&next)
        }
        .unwrap();
        let sealed = sender.seal(Kind::Microphone, Codec::Opus, false, 0, b"x").unwrap();
        assert_eq!(header(&sealed).0, 2);
    }
}

#[test]
fn keys_that_are_refused_do_not_end_a_hold() {
    let mut sender = sender(2, 0);
    sender.hold(true);
    assert_eq!(sender.set_epoch(&keys(2, 0)), Err(EpochError::Superseded));
    assert_eq!(
        sender.seal(Kind::Camera, Codec::Vp9, true, 0, b"x"),
        Err(SealError::Held)
    );
}

#[test]
fn the_same_or_an_older_epoch_is_never_taken_again() {
    let mut sender = sender(5, 0);
    assert_eq!(sender.set_epoch(&keys(5, 0)), Err(EpochError::Superseded));
    assert_eq!(sender.set_epoch(&keys(4, 0)), Err(EpochError::Superseded));
    assert_eq!(sender.set_epoch_at(&keys(5, 0), 100), Err(EpochError::Superseded));
    sender.set_epoch_at(&keys(6, 0), 100).unwrap();
    assert_eq!(sender.set_epoch(&keys(6, 0)), Err(EpochError::Superseded));
}

#[test]
fn a_staged_epoch_is_used_from_its_time_on() {
    let mut sender = sender(1, 0);
    sender.set_epoch_at(&keys(2, 0), 300).unwrap();
    assert_eq!(sender.poll_timeout(), Some(300));
    let epoch = |sender: &mut Sender| header(&sender.seal(Kind::Microphone, Codec::Opus, false, 0, b"x").unwrap()).0;
    sender.handle_time(299);
    assert_eq!(epoch(&mut sender), 1);
    sender.handle_time(300);
    assert_eq!(epoch(&mut sender), 2);
    assert_eq!(sender.poll_timeout(), None);
}

#[test]
fn an_epoch_set_at_once_overtakes_a_staged_one() {
    let mut sender = sender(1, 0);
    sender.set_epoch_at(&keys(2, 0), 300).unwrap();
    sender.set_epoch(&keys(3, 0)).unwrap();
    sender.handle_time(300);
    let sealed = sender.seal(Kind::Microphone, Codec::Opus, false, 0, b"x").unwrap();
    assert_eq!(header(&sealed).0, 3);
}

#[test]
fn a_staged_epoch_that_is_superseded_is_used_at_once() {
    let mut sender = sender(1, 0);
    sender.set_epoch_at(&keys(2, 0), 300).unwrap();
    sender.set_epoch_at(&keys(3, 0), 500).unwrap();
    let sealed = sender.seal(Kind::Microphone, Codec::Opus, false, 0, b"x").unwrap();
    assert_eq!(header(&sealed).0, 2);
}

#[test]
fn counters_are_per_kind_and_begin_anew_only_with_a_new_epoch() {
    let mut sender = sender(1, 0);
    let mut next = |kind, codec| header(&sender.seal(kind, codec, false, 0, b"x").unwrap()).1;
    assert_eq!(next(Kind::Camera, Codec::Vp9), 0);
    assert_eq!(next(Kind::Camera, Codec::Vp9), 1);
    assert_eq!(next(Kind::Microphone, Codec::Opus), 0);
    assert_eq!(next(Kind::Screen, Codec::Vp9), 0);
    assert_eq!(next(Kind::ScreenAudio, Codec::Opus), 0);
    assert_eq!(next(Kind::Camera, Codec::Vp9), 2);
    sender.set_epoch(&keys(2, 0)).unwrap();
    let sealed = sender.seal(Kind::Camera, Codec::Vp9, false, 0, b"x").unwrap();
    assert_eq!(header(&sealed), (0x10_0002, 0));
}

#[test]
fn a_frame_that_cannot_be_sealed_uses_its_counter_up() {
    let mut sender = sender(1, 0);
    assert_eq!(
        sender.seal(Kind::Camera, Codec::Vp9, true, 0, b""),
        Err(SealError::Empty)
    );
    assert_eq!(
        sender.seal(Kind::Camera, Codec::Opus, true, 0, b"x"),
        Err(SealError::CodecKind)
    );
    assert_eq!(
        sender.seal(Kind::Camera, Codec::Vp9, true, 0, &vec![0; MAX_MEDIA_LEN + 1]),
        Err(SealError::TooLarge)
    );
    let sealed = sender.seal(Kind::Camera, Codec::Vp9, true, 0, b"x").unwrap();
    assert_eq!(header(&sealed).1, 3);
    assert_eq!(sender.counts().refused(SealError::TooLarge), 1);
    assert_eq!(sender.counts().sealed(Kind::Camera), 1);
}

#[test]
fn a_codec_of_the_other_sort_is_refused() {
    let mut sender = sender(1, 0);
    for (kind, codec) in [
        (Kind::Microphone, Codec::Vp8),
        (Kind::Microphone, Codec::Vp9),
        (Kind::ScreenAudio, Codec::Av1),
        (Kind::Screen, Codec::Opus),
    ] {
        assert_eq!(sender.seal(kind, codec, false, 0, b"x"), Err(SealError::CodecKind));
    }
}

#[test]
fn an_audio_frame_that_does_not_fit_is_refused_and_counted() {
    let mut sender = sender(1, 0);
    // One byte of header, eight of plaintext header, sixteen of tag.
    let room = AUDIO_FRAME_LEN - 1 - 8 - 16;
    assert!(
        sender
            .seal(Kind::Microphone, Codec::Opus, false, 0, &vec![1; room])
            .is_ok()
    );
    assert_eq!(
        sender.seal(Kind::Microphone, Codec::Opus, false, 0, &vec![1; room + 1]),
        Err(SealError::TooLarge)
    );
    assert_eq!(sender.counts().refused(SealError::TooLarge), 1);
}

#[test]
fn a_leaf_of_thirteen_bits_cannot_send() {
    assert_eq!(
        Sender::new().set_epoch(&keys(1, 4_096)),
        Err(EpochError::LeafOutOfRange)
    );
}

proptest! {
    #[test]
    fn every_audio_frame_has_the_same_size(
        epoch: u64,
        leaf in 0u32..4_096,
        screen: bool,
        frames in prop::collection::vec((any::<bool>(), any::<u32>(), prop::collection::vec(any::<u8>(), 0..150)), 1..20),
    ) {
        let kind = if screen { Kind::ScreenAudio } else { Kind::Microphone };
        let mut sender = Sender::new();
        sender.set_epoch(&keys(epoch, leaf)).unwrap();
        for (key, capture, media) in frames {
            prop_assert_eq!(sender.seal(kind, Codec::Opus, key, capture, &media).unwrap().len(), AUDIO_FRAME_LEN);
        }
    }

    #[test]
    fn no_key_id_and_counter_are_used_twice(
        steps in prop::collection::vec((0u8..5, 0u8..5, 0usize..400), 1..300),
    ) {
        let mut sender = sender(250, 3);
        let mut epoch = 250;
        let mut used = BTreeSet::new();
        for (kind, codec, len) in steps {
            let (Some(kind), Some(codec)) = (Kind::from_u8(kind), Codec::from_u8(codec % 3)) else {
                epoch += 1;
                sender.set_epoch(&keys(epoch, 3)).unwrap();
                continue;
            };
            let Ok(sealed) = sender.seal(kind, codec, false, 0, &vec![7; len]) else { continue };
            let sealed = if codec == Codec::Vp8 { &sealed[1..] } else { &sealed[..] };
            let (key_id, counter) = header(sealed);
            prop_assert!(used.insert((epoch, key_id, counter)));
        }
    }
}
