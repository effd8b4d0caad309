//! A receiver: whose frame it is, epochs and their end, replays, void frames.

mod common;

use common::{ALICE, BOB, CAROL, keys, opened, reason, receiver, sender};
use conclave_frame::{Codec, EpochError, Kind, OpenError, Receiver};

const CAMERA: (Kind, Codec) = (Kind::Camera, Codec::Vp9);

fn camera(sender: &mut conclave_frame::Sender) -> Vec<u8> {
    sender.seal(CAMERA.0, CAMERA.1, true, 1, b"picture").unwrap()
}

fn open(receiver: &mut Receiver, now_ms: u64, who: &[[u8; 16]], data: &[u8]) -> Result<(), OpenError> {
    receiver.open(now_ms, who, CAMERA.0, CAMERA.1, true, data).map(|_| ())
}

#[test]
fn every_codec_passes_from_one_member_to_another() {
    let mut alice = sender(9, 0);
    let mut bob = receiver(9, 1);
    for (kind, codec, key) in [
        (Kind::Microphone, Codec::Opus, false),
        (Kind::ScreenAudio, Codec::Opus, false),
        (Kind::Camera, Codec::Vp8, true),
        (Kind::Camera, Codec::Vp8, false),
        (Kind::Camera, Codec::Vp9, true),
        (Kind::Screen, Codec::Av1, false),
    ] {
        let sealed = alice.seal(kind, codec, key, 77, b"payload").unwrap();
        let opened = opened(bob.open(0, &[ALICE], kind, codec, key, &sealed));
        assert!(opened.media == b"payload" && opened.transport == ALICE);
        assert_eq!((opened.leaf, opened.capture_ms, opened.key_frame), (0, 77, key));
    }
    assert_eq!(bob.counts().faults(), 0);
    assert_eq!(bob.counts().opened(Kind::Camera), 3);
}

#[test]
fn a_frame_of_another_member_in_the_slot_is_refused() {
    let mut carol = receiver(1, 2);
    let sealed = camera(&mut sender(1, 0));
    assert_eq!(open(&mut carol, 0, &[BOB], &sealed), Err(OpenError::WrongTransport));
    assert_eq!(open(&mut carol, 0, &[], &sealed), Err(OpenError::WrongTransport));
    assert_eq!(
        open(&mut carol, 0, &[BOB, ALICE], &sealed),
        Ok(()),
        "during a switch both count"
    );
}

#[test]
fn a_frame_of_another_kind_in_the_slot_is_refused() {
    let mut bob = receiver(1, 1);
    let sealed = sender(1, 0).seal(Kind::Screen, Codec::Vp9, true, 0, b"screen").unwrap();
    assert_eq!(open(&mut bob, 0, &[ALICE], &sealed), Err(OpenError::WrongKind));
    let sealed = sender(1, 0)
        .seal(Kind::ScreenAudio, Codec::Opus, false, 0, b"sound")
        .unwrap();
    let result = bob.open(0, &[ALICE], Kind::Microphone, Codec::Opus, false, &sealed);
    assert_eq!(reason(result), OpenError::WrongKind);
}

#[test]
fn the_member_is_checked_before_the_kind() {
    let mut carol = receiver(1, 2);
    let sealed = sender(1, 0).seal(Kind::Screen, Codec::Vp9, true, 0, b"screen").unwrap();
    assert_eq!(open(&mut carol, 0, &[BOB], &sealed), Err(OpenError::WrongTransport));
}

#[test]
fn own_frames_that_come_back_are_nobodys() {
    let mut alice = receiver(1, 0);
    let sealed = camera(&mut sender(1, 0));
    assert_eq!(open(&mut alice, 0, &[ALICE], &sealed), Err(OpenError::UnknownLeaf));
}

#[test]
fn a_leaf_cannot_speak_under_the_transport_id_of_another() {
    // Bob's frame, with the key id rewritten to Alice's leaf: the keys differ, so the tag does not fit.
    let mut carol = receiver(1, 2);
    let mut sealed = camera(&mut sender(1, 1));
    assert_eq!(&sealed[..4], [0xA0, 0x10, 0x01, 0x01]);
    sealed[2] = 0;
    assert_eq!(open(&mut carol, 0, &[ALICE], &sealed), Err(OpenError::NotAuthentic));
}

/// The limit that the threat model states: keys are the group's, so a member can seal as any leaf, and a server that routes the result as that leaf's
/// track completes the forgery. When senders sign, this test has to be turned around.
#[test]
fn b1_with_the_servers_help_a_member_forges_media_of_another() {
    // Bob seals as Alice, for he has all that her keys are made of.
    let forged = camera(&mut sender(1, 0));
    let mut carol = receiver(1, 2);
    assert_eq!(
        open(&mut carol, 0, &[BOB], &forged),
        Err(OpenError::WrongTransport),
        "and without the server's help?"
    );
    assert_eq!(open(&mut carol, 0, &[ALICE], &forged), Ok(()));
}

#[test]
fn a_codec_that_the_sender_did_not_use_is_not_authentic() {
    let mut bob = receiver(1, 1);
    let sealed = camera(&mut sender(1, 0));
    let wrapped = [&[0x10], &sealed[..]].concat();
    assert_eq!(
        reason(bob.open(0, &[ALICE], Kind::Camera, Codec::Vp8, true, &wrapped)),
        OpenError::NotAuthentic
    );
    assert_eq!(
        reason(bob.open(0, &[ALICE], Kind::Camera, Codec::Opus, true, &sealed)),
        OpenError::CodecKind
    );
}

#[test]
fn a_vp8_frame_turned_from_key_to_delta_is_not_authentic() {
    let mut bob = receiver(1, 1);
    let mut sealed = sender(1, 0)
        .seal(Kind::Camera, Codec::Vp8, true, 0, b"picture")
        .unwrap();
    sealed[0] = 0x11;
    assert_eq!(
        reason(bob.open(0, &[ALICE], Kind::Camera, Codec::Vp8, false, &sealed)),
        OpenError::NotAuthentic
    );
    assert_eq!(
        reason(bob.open(0, &[ALICE], Kind::Camera, Codec::Vp8, true, &sealed)),
        OpenError::Wrapping
    );
}

#[test]
fn a_copy_is_dropped_and_not_a_fault() {
    let mut bob = receiver(1, 1);
    let sealed = camera(&mut sender(1, 0));
    assert_eq!(open(&mut bob, 0, &[ALICE], &sealed), Ok(()));
    assert_eq!(open(&mut bob, 0, &[ALICE], &sealed), Err(OpenError::Duplicate));
    assert!(OpenError::Duplicate.is_silent());
    assert_eq!(bob.counts().rejected(OpenError::Duplicate), 1);
    assert_eq!(bob.counts().faults(), 0);
}

#[test]
fn a_forgery_uses_no_place_in_the_replay_window() {
    let mut bob = receiver(1, 1);
    let sealed = camera(&mut sender(1, 0));
    let mut forged = sealed.clone();
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(open(&mut bob, 0, &[ALICE], &forged), Err(OpenError::NotAuthentic));
    assert_eq!(open(&mut bob, 0, &[ALICE], &sealed), Ok(()));
}

#[test]
fn frames_may_come_late_within_the_window() {
    let mut bob = receiver(1, 1);
    let mut alice = sender(1, 0);
    let frames: Vec<_> = (0..1_025).map(|_| camera(&mut alice)).collect();
    assert_eq!(open(&mut bob, 0, &[ALICE], &frames[1_024]), Ok(()));
    assert_eq!(open(&mut bob, 0, &[ALICE], &frames[1]), Ok(()));
    assert_eq!(open(&mut bob, 0, &[ALICE], &frames[0]), Err(OpenError::TooOld));
}

#[test]
fn the_windows_of_kinds_and_members_are_apart() {
    let mut carol = receiver(1, 2);
    for leaf in [0, 1] {
        let mut sender = sender(1, leaf);
        let who = if leaf == 0 { ALICE } else { BOB };
        for (kind, codec) in [
            (Kind::Camera, Codec::Vp9),
            (Kind::Screen, Codec::Vp9),
            (Kind::Microphone, Codec::Opus),
        ] {
            let sealed = sender.seal(kind, codec, false, 0, b"x").unwrap();
            opened(carol.open(0, &[who], kind, codec, false, &sealed));
        }
    }
}

#[test]
fn an_old_epoch_ends_after_its_time() {
    let mut bob = receiver(1, 1);
    let mut alice = sender(1, 0);
    bob.add_epoch(1_000, &keys(2, 1), 2_000, &[]).unwrap();
    assert_eq!(bob.poll_timeout(), Some(3_000));
    assert_eq!(open(&mut bob, 2_999, &[ALICE], &camera(&mut alice)), Ok(()));
    assert_eq!(
        open(&mut bob, 3_000, &[ALICE], &camera(&mut alice)),
        Err(OpenError::UnknownEpoch)
    );
    assert_eq!(open(&mut bob, 3_000, &[ALICE], &camera(&mut sender(2, 0))), Ok(()));
    assert_eq!(bob.poll_timeout(), None);
}

#[test]
fn an_end_that_was_set_is_never_put_off() {
    let mut bob = receiver(1, 1);
    let mut alice = sender(1, 0);
    bob.add_epoch(0, &keys(2, 1), 2_000, &[]).unwrap();
    bob.add_epoch(500, &keys(3, 1), 10_000, &[]).unwrap();
    assert_eq!(open(&mut bob, 1_999, &[ALICE], &camera(&mut alice)), Ok(()));
    assert_eq!(
        open(&mut bob, 2_000, &[ALICE], &camera(&mut alice)),
        Err(OpenError::UnknownEpoch)
    );
    assert_eq!(open(&mut bob, 10_499, &[ALICE], &camera(&mut sender(2, 0))), Ok(()));
}

#[test]
fn a_removed_leaf_is_deaf_and_dumb_at_once_in_every_epoch() {
    let mut carol = receiver(1, 2);
    let (mut alice, mut bob) = (sender(1, 0), sender(1, 1));
    assert_eq!(open(&mut carol, 0, &[BOB], &camera(&mut bob)), Ok(()));
    let mut next = keys(2, 2);
    next.leaves.retain(|(leaf, _)| *leaf != 1);
    carol.add_epoch(0, &next, 2_000, &[1]).unwrap();
    assert_eq!(
        open(&mut carol, 0, &[BOB], &camera(&mut bob)),
        Err(OpenError::UnknownLeaf)
    );
    assert_eq!(open(&mut carol, 0, &[ALICE], &camera(&mut alice)), Ok(()));
}

#[test]
fn epochs_only_go_forward() {
    let mut bob = receiver(5, 1);
    assert_eq!(bob.add_epoch(0, &keys(5, 1), 0, &[]), Err(EpochError::Superseded));
    assert_eq!(bob.add_epoch(0, &keys(4, 1), 0, &[]), Err(EpochError::Superseded));
    let mut far = keys(6, 1);
    far.leaves.push((4_096, CAROL));
    assert_eq!(bob.add_epoch(0, &far, 0, &[]), Err(EpochError::LeafOutOfRange));
}

#[test]
fn an_epoch_256_later_takes_the_place_of_its_namesake() {
    let mut bob = receiver(7, 1);
    bob.add_epoch(0, &keys(7 + 256, 1), 10_000, &[]).unwrap();
    assert_eq!(
        open(&mut bob, 0, &[ALICE], &camera(&mut sender(7, 0))),
        Err(OpenError::NotAuthentic)
    );
    assert_eq!(open(&mut bob, 0, &[ALICE], &camera(&mut sender(7 + 256, 0))), Ok(()));
}

#[test]
fn held_epochs_are_bounded() {
    let mut bob = receiver(1, 1);
    for epoch in 2..=33 {
        bob.add_epoch(0, &keys(epoch, 1), 10_000, &[]).unwrap();
    }
    assert_eq!(
        open(&mut bob, 0, &[ALICE], &camera(&mut sender(1, 0))),
        Err(OpenError::UnknownEpoch)
    );
    assert_eq!(open(&mut bob, 0, &[ALICE], &camera(&mut sender(2, 0))), Ok(()));
}

#[test]
fn sound_without_bytes_is_dropped_silently() {
    let mut bob = receiver(1, 1);
    let result = bob.open(0, &[ALICE], Kind::Microphone, Codec::Opus, false, &[]);
    assert_eq!(reason(result), OpenError::Silent);
    let silence = sender(1, 0).seal(Kind::Microphone, Codec::Opus, false, 0, b"").unwrap();
    let result = bob.open(0, &[ALICE], Kind::Microphone, Codec::Opus, false, &silence);
    assert_eq!(reason(result), OpenError::Silent);
    assert_eq!(bob.counts().faults(), 0);
}

#[test]
fn sound_of_another_size_is_refused() {
    let mut bob = receiver(1, 1);
    let sealed = sender(1, 0)
        .seal(Kind::Microphone, Codec::Opus, false, 0, b"x")
        .unwrap();
    for bad in [&sealed[..199], &[&sealed[..], &[0]].concat()] {
        assert_eq!(
            reason(bob.open(0, &[ALICE], Kind::Microphone, Codec::Opus, false, bad)),
            OpenError::AudioSize
        );
    }
}

#[test]
fn a_receiver_without_keys_opens_nothing() {
    let sealed = camera(&mut sender(1, 0));
    assert_eq!(
        open(&mut Receiver::new(), 0, &[ALICE], &sealed),
        Err(OpenError::UnknownEpoch)
    );
}
