//! Frame encryption: seals and opens whole encoded media frames with SFrame (RFC 9605), as fixed in
//! section 3 of the protocol page.
//!
//! It does not know MLS, codecs' insides, RTP or the network, keeps no clock and draws no randomness:
//! keys come from the group by way of [`EpochKeys`], time is an argument in milliseconds of any
//! monotonic clock.
//!
//! # Rule of use
//!
//! One [`Sender`] and one [`Receiver`] per member, group and process, both fed the same [`EpochKeys`] as
//! they come, each epoch once. A different group (a founder that gave way to another call) is a new
//! `Sender` and a new `Receiver`. Nothing here can be cloned, saved or restored, because a counter that
//! starts again under an old key reuses a nonce; so never give a second `Sender` keys that another one had.
//!
//! ```
//! use conclave_frame::{Codec, EpochKeys, Kind, Receiver, Sender};
//!
//! let keys = |own_leaf| EpochKeys { epoch: 7, base_key: [9; 16], own_leaf, leaves: vec![(0, [0xA0; 16]), (1, [0xB0; 16])] };
//! let mut sender = Sender::new();
//! sender.set_epoch(&keys(0)).ok();
//! let mut receiver = Receiver::new();
//! receiver.add_epoch(0, &keys(1), 10_000, &[]).ok();
//!
//! let sealed = sender.seal(Kind::Camera, Codec::Vp9, true, 40, b"a picture").unwrap();
//! let opened = receiver.open(1, &[[0xA0; 16]], Kind::Camera, Codec::Vp9, true, &sealed).ok().unwrap();
//! assert_eq!(opened.media, b"a picture");
//! assert_eq!((opened.leaf, opened.capture_ms, opened.key_frame), (0, 40, true));
//! ```

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod counts;
mod error;
mod key_id;
mod keys;
mod payload;
mod receiver;
mod replay;
mod sender;
mod wrap;

pub use counts::Counts;
pub use error::{EpochError, OpenError, SealError};
pub use keys::{EpochKeys, TransportId};
pub use payload::{AUDIO_FRAME_LEN, MAX_MEDIA_LEN};
pub use receiver::{Opened, Receiver};
pub use replay::{MAX_JUMP, REPLAY_WINDOW};
pub use sender::Sender;

/// The suite of every call: AES_128_GCM_SHA256_128, number 0x0004 (RFC 9605 §4.5).
///
/// Its 16-byte tag is the largest that SFrame registers; the short-tag suites would save 6 to 12 bytes a
/// frame and give an SFU that may try forgeries at line rate a real chance.
pub(crate) const SUITE: sframe::CipherSuite = sframe::CipherSuite::AesGcm128Sha256;

/// What a track carries; the number is also the context field of the SFrame key id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Voice.
    Microphone = 0,
    /// A person's picture.
    Camera = 1,
    /// A shared screen.
    Screen = 2,
    /// The sound that belongs to a shared screen.
    ScreenAudio = 3,
}

impl Kind {
    /// How many kinds there are; tables by kind have this length.
    pub const COUNT: usize = 4;

    /// The kind with this number, if there is one.
    #[must_use]
    pub fn from_u8(value: u8) -> Option<Self> {
        match value {
            0 => Some(Self::Microphone),
            1 => Some(Self::Camera),
            2 => Some(Self::Screen),
            3 => Some(Self::ScreenAudio),
            _ => None,
        }
    }

    /// Whether frames of this kind are sound, and so all of one size.
    #[must_use]
    pub fn is_audio(self) -> bool {
        matches!(self, Self::Microphone | Self::ScreenAudio)
    }
}

/// The codec of a frame, as told by the payload type in one's own session description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Codec {
    /// Opus, the only codec of sound.
    Opus = 0,
    /// VP8: one synthetic byte stays in front.
    Vp8 = 1,
    /// VP9: nothing stays in front.
    Vp9 = 2,
    /// AV1: one open bitstream unit is put around the ciphertext.
    Av1 = 3,
}

impl Codec {
    /// The codec with this number, if there is one.
    #[must_use]
    pub fn from_u8(value: u8) -> Option<Self> {
        match value {
            0 => Some(Self::Opus),
            1 => Some(Self::Vp8),
            2 => Some(Self::Vp9),
            3 => Some(Self::Av1),
            _ => None,
        }
    }

    /// Whether a track of this kind may use this codec.
    pub(crate) fn suits(self, kind: Kind) -> bool {
        (self == Self::Opus) == kind.is_audio()
    }
}
