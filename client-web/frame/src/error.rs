//! Why a frame was not sealed or not opened, and why an epoch was not taken.
//!
//! None of these ends anything by itself: a frame is dropped and counted. Each reason has a stable number
//! for counters and for the worker's messages.

use thiserror::Error;

/// Why an epoch was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EpochError {
    /// The epoch is not newer than one that was taken before.
    #[error("the epoch is not newer than the one in use")]
    Superseded,
    /// A leaf index does not fit into twelve bits.
    #[error("a leaf index is out of range")]
    LeafOutOfRange,
    /// The key derivation of the suite failed.
    #[error("no keys could be derived")]
    Derivation,
}

/// Why a frame was not sealed. The frame must then be dropped, never sent as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SealError {
    /// No epoch has been set yet.
    #[error("no keys yet")]
    NoEpoch,
    /// The sender is told to be silent until newer keys come.
    #[error("held")]
    Held,
    /// This codec cannot be on a track of this kind.
    #[error("this codec does not belong to this kind of track")]
    CodecKind,
    /// A video frame without bytes.
    #[error("an empty video frame")]
    Empty,
    /// The audio frame does not fit into the one size that all have, or a video frame is above 16 MiB.
    #[error("the frame is too large")]
    TooLarge,
    /// Every counter of this epoch and kind is used.
    #[error("the counter is exhausted")]
    Exhausted,
    /// The cipher refused.
    #[error("the cipher failed")]
    Cipher,
}

impl SealError {
    /// How many reasons there are.
    pub const COUNT: usize = Self::ALL.len();

    /// All reasons, in the order of their numbers.
    pub const ALL: [Self; 7] = [
        Self::NoEpoch,
        Self::Held,
        Self::CodecKind,
        Self::Empty,
        Self::TooLarge,
        Self::Exhausted,
        Self::Cipher,
    ];

    /// Stable number of this reason, its index in the counters.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::NoEpoch => 0,
            Self::Held => 1,
            Self::CodecKind => 2,
            Self::Empty => 3,
            Self::TooLarge => 4,
            Self::Exhausted => 5,
            Self::Cipher => 6,
        }
    }

    /// Stable name of this reason, for the worker's messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoEpoch => "seal-no-epoch",
            Self::Held => "seal-held",
            Self::CodecKind => "seal-codec-kind",
            Self::Empty => "seal-empty",
            Self::TooLarge => "seal-too-large",
            Self::Exhausted => "seal-exhausted",
            Self::Cipher => "seal-cipher",
        }
    }
}

/// Why a frame was not opened. It must then be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// A copy of a frame that was opened before; networks make them, so it is not counted as a fault.
    #[error("a copy of an earlier frame")]
    Duplicate,
    /// An audio frame without sound; browsers hand them out, so it is not counted as a fault.
    #[error("an audio frame without sound")]
    Silent,
    /// This codec cannot be on a track of this kind.
    #[error("this codec does not belong to this kind of track")]
    CodecKind,
    /// The bytes that stay in front are not what codec and metadata imply.
    #[error("the bytes in front are wrong")]
    Wrapping,
    /// The SFrame header is cut or not in its shortest form.
    #[error("the header is malformed")]
    Header,
    /// An audio frame is not of the one size that all have.
    #[error("the audio frame has the wrong size")]
    AudioSize,
    /// No keys of this epoch: not yet, no longer, or never.
    #[error("no keys of this epoch")]
    UnknownEpoch,
    /// The epoch has no such leaf, or it was removed.
    #[error("no such leaf")]
    UnknownLeaf,
    /// The leaf is not the member whose track was asked for.
    #[error("not the member that was asked for")]
    WrongTransport,
    /// The key id names another kind of track.
    #[error("not the kind of track that was asked for")]
    WrongKind,
    /// The counter is behind the replay window.
    #[error("too old")]
    TooOld,
    /// The counter is further ahead than is believed.
    #[error("the counter jumps too far")]
    Jump,
    /// The tag does not fit: altered, or sealed under another key.
    #[error("not authentic")]
    NotAuthentic,
    /// Authentic, but the plaintext is not of our format.
    #[error("the plaintext is malformed")]
    Plaintext,
    /// An authentic video frame without a picture.
    #[error("an empty video frame")]
    Void,
}

impl OpenError {
    /// How many reasons there are.
    pub const COUNT: usize = Self::ALL.len();

    /// All reasons, in the order of their numbers.
    pub const ALL: [Self; 15] = [
        Self::Duplicate,
        Self::Silent,
        Self::CodecKind,
        Self::Wrapping,
        Self::Header,
        Self::AudioSize,
        Self::UnknownEpoch,
        Self::UnknownLeaf,
        Self::WrongTransport,
        Self::WrongKind,
        Self::TooOld,
        Self::Jump,
        Self::NotAuthentic,
        Self::Plaintext,
        Self::Void,
    ];

    /// Whether this happens in honest calls too and is to be dropped without a word.
    #[must_use]
    pub fn is_silent(self) -> bool {
        matches!(self, Self::Duplicate | Self::Silent)
    }

    /// Stable number of this reason, its index in the counters.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Duplicate => 0,
            Self::Silent => 1,
            Self::CodecKind => 2,
            Self::Wrapping => 3,
            Self::Header => 4,
            Self::AudioSize => 5,
            Self::UnknownEpoch => 6,
            Self::UnknownLeaf => 7,
            Self::WrongTransport => 8,
            Self::WrongKind => 9,
            Self::TooOld => 10,
            Self::Jump => 11,
            Self::NotAuthentic => 12,
            Self::Plaintext => 13,
            Self::Void => 14,
        }
    }

    /// Stable name of this reason, for the worker's messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Duplicate => "open-duplicate",
            Self::Silent => "open-silent",
            Self::CodecKind => "open-codec-kind",
            Self::Wrapping => "open-wrapping",
            Self::Header => "open-header",
            Self::AudioSize => "open-audio-size",
            Self::UnknownEpoch => "open-unknown-epoch",
            Self::UnknownLeaf => "open-unknown-leaf",
            Self::WrongTransport => "open-wrong-transport",
            Self::WrongKind => "open-wrong-kind",
            Self::TooOld => "open-too-old",
            Self::Jump => "open-jump",
            Self::NotAuthentic => "open-not-authentic",
            Self::Plaintext => "open-plaintext",
            Self::Void => "open-void",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_the_places_in_the_list() {
        assert!(
            SealError::ALL
                .iter()
                .enumerate()
                .all(|(at, reason)| usize::from(reason.code()) == at)
        );
        assert!(
            OpenError::ALL
                .iter()
                .enumerate()
                .all(|(at, reason)| usize::from(reason.code()) == at)
        );
    }
}
