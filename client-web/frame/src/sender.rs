//! Sealing one's own frames.
//!
//! It does not decide when an epoch is superseded or when to fall silent: the core says so by way of
//! [`Sender::set_epoch`] and [`Sender::hold`].

use sframe::{
    frame::{MediaFrameView, SingleUseCounter},
    header::SframeHeader,
    key::EncryptionKey,
};

use crate::{AUDIO_FRAME_LEN, Codec, Counts, EpochError, EpochKeys, Kind, SUITE, SealError, key_id, payload, wrap};

/// Key and next counter of one track in one epoch.
struct Track {
    key: EncryptionKey,
    /// INVARIANT: no frame was ever sealed under `key` with this counter or a higher one. `None` once all
    /// are used.
    next: Option<u64>,
}

struct Epoch {
    number: u64,
    tracks: [Track; Kind::COUNT],
}

impl Epoch {
    fn derive(keys: &EpochKeys) -> Result<Self, EpochError> {
        let track = |kind| {
            let key_id = key_id::pack(keys.epoch, keys.own_leaf, kind).ok_or(EpochError::LeafOutOfRange)?;
            let key = EncryptionKey::derive_from(SUITE, key_id, keys.base_key.as_slice())
                .map_err(|_| EpochError::Derivation)?;
            Ok(Track { key, next: Some(0) })
        };
        Ok(Self {
            number: keys.epoch,
            tracks: [
                track(Kind::Microphone)?,
                track(Kind::Camera)?,
                track(Kind::Screen)?,
                track(Kind::ScreenAudio)?,
            ],
        })
    }

    fn track(&mut self, kind: Kind) -> &mut Track {
        let [microphone, camera, screen, screen_audio] = &mut self.tracks;
        match kind {
            Kind::Microphone => microphone,
            Kind::Camera => camera,
            Kind::Screen => screen,
            Kind::ScreenAudio => screen_audio,
        }
    }
}

/// Seals this member's frames under the newest epoch it was given, and never under an older one.
// SECURITY: not Clone and not serialisable: a copy would start from the same counters.
#[derive(Default)]
pub struct Sender {
    current: Option<Epoch>,
    /// The next epoch and the time from which it is used.
    staged: Option<(u64, Epoch)>,
    held: bool,
    counts: Counts,
}

impl Sender {
    /// A sender without keys: every frame is refused until the first epoch is set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Switches to an epoch at once and ends a hold. The keys of the one before are wiped.
    ///
    /// # Errors
    /// [`EpochError::Superseded`] if the epoch is not newer than any that was set before, staged ones
    /// included: the same epoch a second time would start its counters again.
    pub fn set_epoch(&mut self, keys: &EpochKeys) -> Result<(), EpochError> {
        self.check_newer(keys)?;
        self.current = Some(Epoch::derive(keys)?);
        self.staged = None;
        self.held = false;
        Ok(())
    }

    /// Switches to an epoch at `at_ms`, or as soon as a newer one comes: after an Add the others get a
    /// moment to derive it too. Never for a Remove.
    ///
    /// Until then the epoch before stays in use. Without one, or when held, this is
    /// [`set_epoch`](Self::set_epoch): there is nothing that may be sent until then.
    ///
    /// # Errors
    /// As [`set_epoch`](Self::set_epoch).
    pub fn set_epoch_at(&mut self, keys: &EpochKeys, at_ms: u64) -> Result<(), EpochError> {
        if self.current.is_none() || self.held {
            return self.set_epoch(keys);
        }
        self.check_newer(keys)?;
        let next = Epoch::derive(keys)?;
        // A staged epoch that is itself superseded becomes the one in use: going on with a still older one
        // would send in an epoch that two commits have left behind.
        if let Some((_, staged)) = self.staged.take() {
            self.current = Some(staged);
        }
        self.staged = Some((at_ms, next));
        Ok(())
    }

    /// Takes a staged epoch into use if its time has come.
    pub fn handle_time(&mut self, now_ms: u64) {
        if self.staged.as_ref().is_some_and(|(at_ms, _)| *at_ms <= now_ms) {
            self.current = self.staged.take().map(|(_, epoch)| epoch);
        }
    }

    /// When [`handle_time`](Self::handle_time) wants to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<u64> {
        self.staged.as_ref().map(|(at_ms, _)| *at_ms)
    }

    /// Falls silent, until `false` or the keys of a newer epoch come: the group has moved on, and this member
    /// does not know its keys yet.
    pub fn hold(&mut self, hold: bool) {
        self.held = hold;
    }

    /// Totals of what was sealed and refused.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Seals one encoded frame; what comes back is all that may go to the packetizer.
    ///
    /// `capture_ms` is milliseconds since joining. Sound is always [`AUDIO_FRAME_LEN`] bytes long afterwards;
    /// `key_frame` says nothing there. An audio frame of no bytes is sealed as silence of the same size.
    ///
    /// # Errors
    /// [`SealError`]; the frame must then be dropped.
    pub fn seal(
        &mut self,
        kind: Kind,
        codec: Codec,
        key_frame: bool,
        capture_ms: u32,
        media: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let sealed = self.try_seal(kind, codec, key_frame, capture_ms, media);
        match &sealed {
            Ok(_) => self.counts.count_sealed(kind),
            Err(reason) => self.counts.count_refused(*reason),
        }
        sealed
    }

    fn try_seal(
        &mut self,
        kind: Kind,
        codec: Codec,
        key_frame: bool,
        capture_ms: u32,
        media: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        if self.held {
            return Err(SealError::Held);
        }
        let track = self.current.as_mut().ok_or(SealError::NoEpoch)?.track(kind);
        // SECURITY: the counter is used up before anything can fail, so that no path, however it ends, can
        // come to seal two frames under one nonce. A frame that fails leaves a gap, which receivers allow.
        let counter = track.next.ok_or(SealError::Exhausted)?;
        track.next = counter.checked_add(1);

        if !codec.suits(kind) {
            return Err(SealError::CodecKind);
        }
        if media.is_empty() && !kind.is_audio() {
            return Err(SealError::Empty);
        }
        let key_frame = key_frame && !kind.is_audio();
        let plain_len = if kind.is_audio() {
            let overhead = SframeHeader::new(track.key.key_id(), counter)
                .len()
                .saturating_add(SUITE.auth_tag_len());
            Some(AUDIO_FRAME_LEN.saturating_sub(overhead))
        } else {
            None
        };
        let plain = payload::write(key_frame, capture_ms, media, plain_len).ok_or(SealError::TooLarge)?;

        let vp8_key = key_frame && codec == Codec::Vp8;
        let metadata = wrap::metadata(codec, vp8_key);
        let mut counter = SingleUseCounter::new(counter);
        let mut buffer = Vec::new();
        let sealed = MediaFrameView::try_with_meta_data(&mut counter, plain.as_slice(), &metadata)
            .and_then(|frame| frame.encrypt_into(&track.key, &mut buffer))
            .map_err(|_| SealError::Cipher)?;
        // COST: one copy of the frame, because the bytes in front take the metadata's place.
        Ok(wrap::wrap(codec, key_frame, sealed.sframe_cipher_text()))
    }

    fn check_newer(&self, keys: &EpochKeys) -> Result<(), EpochError> {
        let staged = self.staged.as_ref().map(|(_, epoch)| epoch.number);
        let newest = staged.or(self.current.as_ref().map(|epoch| epoch.number));
        match newest {
            Some(newest) if keys.epoch <= newest => Err(EpochError::Superseded),
            _ => Ok(()),
        }
    }

    /// Puts a track's counter where only years of sending would bring it.
    #[cfg(test)]
    pub(crate) fn skip_to(&mut self, kind: Kind, counter: u64) {
        self.current.as_mut().unwrap().track(kind).next = Some(counter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_counter_is_used_once_and_then_none() {
        let keys = EpochKeys {
            epoch: 1,
            base_key: [1; 16],
            own_leaf: 0,
            leaves: Vec::new(),
        };
        let mut sender = Sender::new();
        sender.set_epoch(&keys).unwrap();
        sender.skip_to(Kind::Camera, u64::MAX);
        assert!(sender.seal(Kind::Camera, Codec::Vp9, false, 0, b"x").is_ok());
        assert_eq!(
            sender.seal(Kind::Camera, Codec::Vp9, false, 0, b"x"),
            Err(SealError::Exhausted)
        );
        assert_eq!(
            sender.seal(Kind::Camera, Codec::Vp9, false, 0, b"x"),
            Err(SealError::Exhausted)
        );
    }
}
