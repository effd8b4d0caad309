//! What the test files share: keys of a small group, and hexadecimal.

#![allow(dead_code, reason = "each test file uses a part of it")]

use conclave_frame::{EpochKeys, OpenError, Opened, Receiver, Sender, TransportId};

pub const ALICE: TransportId = [0xA1; 16];
pub const BOB: TransportId = [0xB2; 16];
pub const CAROL: TransportId = [0xC3; 16];

/// Alice, Bob and Carol on leaves 0, 1, 2; the base key follows from the epoch.
pub fn keys(epoch: u64, own_leaf: u32) -> EpochKeys {
    let mut base_key = [0x5A; 16];
    base_key[..8].copy_from_slice(&epoch.to_be_bytes());
    EpochKeys {
        epoch,
        base_key,
        own_leaf,
        leaves: vec![(0, ALICE), (1, BOB), (2, CAROL)],
    }
}

pub fn sender(epoch: u64, leaf: u32) -> Sender {
    let mut sender = Sender::new();
    sender.set_epoch(&keys(epoch, leaf)).unwrap();
    sender
}

pub fn receiver(epoch: u64, leaf: u32) -> Receiver {
    let mut receiver = Receiver::new();
    receiver.add_epoch(0, &keys(epoch, leaf), 0, &[]).unwrap();
    receiver
}

/// The reason why a frame was not opened; opened frames cannot be formatted.
pub fn reason(result: Result<Opened, OpenError>) -> OpenError {
    match result {
        Ok(_) => panic!("the frame was opened"),
        Err(reason) => reason,
    }
}

pub fn opened(result: Result<Opened, OpenError>) -> Opened {
    match result {
        Ok(opened) => opened,
        Err(reason) => panic!("the frame was not opened: {reason}"),
    }
}

pub fn hex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2));
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}
