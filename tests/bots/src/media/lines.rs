//! The lines of the offer that every member makes, in their fixed order: four that send, eighteen that receive.
//!
//! Does not know which track a slot is pointed at.

use conclave_frame::Kind;

/// Pairs of an audio and a camera slot.
pub const PAIRS: u8 = 8;

/// What an m-line is for, by its place in the offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Sends one kind.
    Publish(Kind),
    /// Receives the sound of pair k.
    AudioSlot(u8),
    /// Receives the camera of pair k.
    CameraSlot(u8),
    /// Receives a shared screen's picture.
    ScreenSlot,
    /// Receives a shared screen's sound.
    ScreenAudioSlot,
}

impl Role {
    /// All lines in the order of the offer.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let sending = [Kind::Microphone, Kind::Camera, Kind::Screen, Kind::ScreenAudio].map(Self::Publish);
        sending
            .into_iter()
            .chain((0..PAIRS).map(Self::AudioSlot))
            .chain((0..PAIRS).map(Self::CameraSlot))
            .chain([Self::ScreenSlot, Self::ScreenAudioSlot])
    }

    /// The kind of track that this line carries.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::Publish(kind) => kind,
            Self::AudioSlot(_) => Kind::Microphone,
            Self::CameraSlot(_) => Kind::Camera,
            Self::ScreenSlot => Kind::Screen,
            Self::ScreenAudioSlot => Kind::ScreenAudio,
        }
    }
}

/// A line of the offer.
#[derive(Clone)]
pub struct Line {
    /// Its `a=mid`.
    pub mid: String,
    /// What it is for.
    pub role: Role,
}
