//! The same bytes as everyone: RFC 9605's vectors, and ours for whole frames.

mod common;

use common::{hex, opened};
use conclave_frame::{Codec, EpochKeys, Kind, Receiver, Sender};
use serde_json::Value;
use sframe::{
    CipherSuite,
    frame::{EncryptedFrameView, MediaFrameView, SingleUseCounter},
    header::SframeHeader,
    key::{DecryptionKey, EncryptionKey},
};

fn load(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn rfc9605() -> Value {
    load(include_str!("../../../tests/vectors/sframe-rfc9605.json"))
}

fn bytes(value: &Value, key: &str) -> Vec<u8> {
    hex(value[key].as_str().unwrap())
}

fn number(value: &Value, key: &str) -> u64 {
    value[key].as_u64().unwrap()
}

#[test]
fn rfc9605_headers_are_written_and_read() {
    let vectors = rfc9605();
    let headers = vectors["header"].as_array().unwrap();
    assert_eq!(headers.len(), 289);
    for vector in headers {
        let (key_id, counter) = (number(vector, "kid"), number(vector, "ctr"));
        let encoded = bytes(vector, "encoded");
        assert_eq!(Vec::from(&SframeHeader::new(key_id, counter)), encoded);
        let read = SframeHeader::deserialize(&encoded).unwrap();
        assert_eq!((read.key_id(), read.counter()), (key_id, counter));
    }
}

#[test]
fn rfc9605_aes_128_gcm_sha256_128_seals_and_opens() {
    let vectors = rfc9605();
    let vector = &vectors["sframe"];
    let (key_id, counter) = (number(vector, "kid"), number(vector, "ctr"));
    let (base_key, metadata) = (bytes(vector, "base_key"), bytes(vector, "metadata"));
    let (plain, sealed) = (bytes(vector, "pt"), bytes(vector, "ct"));

    let key = EncryptionKey::derive_from(CipherSuite::AesGcm128Sha256, key_id, &base_key).unwrap();
    let mut buffer = Vec::new();
    let ours = MediaFrameView::try_with_meta_data(&mut SingleUseCounter::new(counter), &plain, &metadata)
        .unwrap()
        .encrypt_into(&key, &mut buffer)
        .unwrap();
    assert_eq!(ours.sframe_cipher_text(), sealed);

    let key = DecryptionKey::derive_from(CipherSuite::AesGcm128Sha256, key_id, &base_key).unwrap();
    let opened = EncryptedFrameView::try_with_meta_data(&sealed, &metadata)
        .unwrap()
        .decrypt(&key)
        .unwrap();
    assert_eq!(opened.payload(), plain);
}

#[test]
fn rfc9605_authenticated_data_is_header_then_metadata() {
    let vectors = rfc9605();
    let vector = &vectors["sframe"];
    let header = SframeHeader::new(number(vector, "kid"), number(vector, "ctr"));
    assert_eq!(
        [Vec::from(&header), bytes(vector, "metadata")].concat(),
        bytes(vector, "aad")
    );
}

struct Frame {
    name: String,
    keys: EpochKeys,
    leaf: u32,
    kind: Kind,
    codec: Codec,
    key_frame: bool,
    capture_ms: u32,
    counter: u64,
    media: Vec<u8>,
    sealed: Vec<u8>,
}

fn frames() -> Vec<Frame> {
    let vectors = load(include_str!("../../../tests/vectors/sframe-frames.json"));
    let base_key: [u8; 16] = bytes(&vectors, "base_key").try_into().unwrap();
    let small = |value: &Value, key| u8::try_from(number(value, key)).unwrap();
    let frame = |value: &Value| {
        let leaf = u32::try_from(number(value, "leaf")).unwrap();
        Frame {
            name: value["name"].as_str().unwrap().to_owned(),
            keys: EpochKeys {
                epoch: number(value, "epoch"),
                base_key,
                own_leaf: leaf,
                leaves: vec![(leaf, [1; 16])],
            },
            leaf,
            kind: Kind::from_u8(small(value, "kind")).unwrap(),
            codec: Codec::from_u8(small(value, "codec")).unwrap(),
            key_frame: value["key_frame"].as_bool().unwrap(),
            capture_ms: u32::try_from(number(value, "capture_ms")).unwrap(),
            counter: number(value, "counter"),
            media: bytes(value, "media"),
            sealed: bytes(value, "sealed"),
        }
    };
    vectors["frames"].as_array().unwrap().iter().map(frame).collect()
}

#[test]
fn our_frames_open_to_what_the_vectors_say() {
    let frames = frames();
    assert_eq!(frames.len(), 9);
    for mut frame in frames {
        frame.keys.own_leaf = frame.leaf ^ 1;
        let mut receiver = Receiver::new();
        receiver.add_epoch(0, &frame.keys, 0, &[]).unwrap();
        let result = receiver.open(0, &[[1; 16]], frame.kind, frame.codec, frame.key_frame, &frame.sealed);
        if frame.media.is_empty() {
            assert_eq!(
                common::reason(result),
                conclave_frame::OpenError::Silent,
                "{}",
                frame.name
            );
            continue;
        }
        let opened = opened(result);
        assert!(opened.media == frame.media, "{}", frame.name);
        assert_eq!(
            (opened.leaf, opened.capture_ms, opened.key_frame),
            (frame.leaf, frame.capture_ms, frame.key_frame),
            "{}",
            frame.name
        );
    }
}

#[test]
fn our_frames_are_sealed_to_the_bytes_of_the_vectors() {
    for frame in frames() {
        // Counters cannot be set from outside; small ones are reached by sealing, large ones are left to the
        // test above.
        if frame.counter > 100 {
            continue;
        }
        let mut sender = Sender::new();
        sender.set_epoch(&frame.keys).unwrap();
        for _ in 0..frame.counter {
            sender.seal(frame.kind, frame.codec, false, 0, b"before").unwrap();
        }
        let sealed = sender
            .seal(frame.kind, frame.codec, frame.key_frame, frame.capture_ms, &frame.media)
            .unwrap();
        assert!(sealed == frame.sealed, "{}", frame.name);
    }
}
