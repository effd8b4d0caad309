//! Opening other members' frames, and deciding whose they are.
//!
//! It does not know slots or tracks: whoever asks says which member's frames of which kind are expected, and
//! a frame is opened only if everything agrees. The order of the checks is part of the protocol.

use std::collections::BTreeMap;

use sframe::{frame::EncryptedFrameView, header::SframeHeader, key::DecryptionKey};
use zeroize::Zeroizing;

use crate::{
    AUDIO_FRAME_LEN, Codec, Counts, EpochError, EpochKeys, Kind, OpenError, SUITE, TransportId,
    key_id::{self, MAX_LEAVES},
    payload,
    replay::{Replay, ReplayWindow},
    wrap,
};

/// How many epochs are held at most. Old ones go by time, after 2 or 10 s; 32 are a commit every 300 ms over
/// ten seconds, more than the server takes. Fewer would drop late frames in a storm of joins, and far more
/// would let the low 8 bits of two held epochs agree.
const MAX_EPOCHS: usize = 32;

/// One track of one leaf in one epoch.
struct Track {
    key: DecryptionKey,
    window: ReplayWindow,
}

/// One member in one epoch.
struct Leaf {
    transport: TransportId,
    /// Derived when the first frame comes: most members are never seen on every kind.
    tracks: [Option<Track>; Kind::COUNT],
}

struct Epoch {
    number: u64,
    base_key: Zeroizing<[u8; 16]>,
    /// From then on frames of this epoch are refused; `None` for the newest.
    drop_at_ms: Option<u64>,
    leaves: BTreeMap<u32, Leaf>,
}

/// An opened frame.
// SECURITY: no Debug: it holds what people said and who they are to the server.
pub struct Opened {
    /// What the sender's encoder made.
    pub media: Vec<u8>,
    /// The sender's leaf in the epoch of the frame.
    pub leaf: u32,
    /// The sender's transport id: one of those that were expected.
    pub transport: TransportId,
    /// When the frame was captured, in milliseconds since its sender joined.
    pub capture_ms: u32,
    /// Whether the sender's encoder called it a key frame; never for sound.
    pub key_frame: bool,
}

/// Opens frames of the newest epochs.
#[derive(Default)]
pub struct Receiver {
    /// INVARIANT: ascending by number, with different low 8 bits, at most [`MAX_EPOCHS`].
    epochs: Vec<Epoch>,
    counts: Counts,
}

impl Receiver {
    /// A receiver without keys.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the keys of a new epoch. Older ones are refused `drop_old_after_ms` later, and frames of the
    /// `removed` leaves at once, in all of them.
    ///
    /// # Errors
    /// [`EpochError::Superseded`] if the epoch is not newer than any that was added before.
    pub fn add_epoch(
        &mut self,
        now_ms: u64,
        keys: &EpochKeys,
        drop_old_after_ms: u32,
        removed: &[u32],
    ) -> Result<(), EpochError> {
        if self.epochs.last().is_some_and(|newest| keys.epoch <= newest.number) {
            return Err(EpochError::Superseded);
        }
        if keys.own_leaf >= MAX_LEAVES || keys.leaves.iter().any(|(leaf, _)| *leaf >= MAX_LEAVES) {
            return Err(EpochError::LeafOutOfRange);
        }
        let drop_at = now_ms.saturating_add(u64::from(drop_old_after_ms));
        for old in &mut self.epochs {
            old.drop_at_ms = Some(old.drop_at_ms.map_or(drop_at, |at| at.min(drop_at)));
            for leaf in removed {
                old.leaves.remove(leaf);
            }
        }
        self.handle_time(now_ms);
        let low = |number: u64| number & 0xFF;
        self.epochs.retain(|old| low(old.number) != low(keys.epoch));
        if self.epochs.len() >= MAX_EPOCHS {
            self.epochs.remove(0);
        }
        // Own frames are never expected back: a server that reflects them finds no such leaf.
        let leaves = keys
            .leaves
            .iter()
            .filter(|(leaf, _)| *leaf != keys.own_leaf)
            .map(|(leaf, transport)| {
                (
                    *leaf,
                    Leaf {
                        transport: *transport,
                        tracks: [None, None, None, None],
                    },
                )
            })
            .collect();
        self.epochs.push(Epoch {
            number: keys.epoch,
            base_key: Zeroizing::new(keys.base_key),
            drop_at_ms: None,
            leaves,
        });
        Ok(())
    }

    /// Wipes the keys of epochs whose time is over.
    pub fn handle_time(&mut self, now_ms: u64) {
        self.epochs
            .retain(|epoch| epoch.drop_at_ms.is_none_or(|at| now_ms < at));
    }

    /// When [`handle_time`](Self::handle_time) wants to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<u64> {
        self.epochs.iter().filter_map(|epoch| epoch.drop_at_ms).min()
    }

    /// Totals of what was opened and rejected.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Opens one frame as it came out of the depacketizer.
    ///
    /// `expected` are the transport ids of the member that was asked for in this slot: one, or two during a
    /// switch. `kind` is the kind of the slot, `codec` comes from the payload type in one's own session
    /// description, and `key_frame_meta` is what the depacketizer says (it counts for VP8 only).
    ///
    /// # Errors
    /// [`OpenError`]; the frame must then be dropped.
    pub fn open(
        &mut self,
        now_ms: u64,
        expected: &[TransportId],
        kind: Kind,
        codec: Codec,
        key_frame_meta: bool,
        data: &[u8],
    ) -> Result<Opened, OpenError> {
        self.handle_time(now_ms);
        let opened = self.try_open(expected, kind, codec, key_frame_meta, data);
        match &opened {
            Ok(_) => self.counts.count_opened(kind),
            Err(reason) => self.counts.count_rejected(*reason),
        }
        opened
    }

    fn try_open(
        &mut self,
        expected: &[TransportId],
        kind: Kind,
        codec: Codec,
        key_frame_meta: bool,
        data: &[u8],
    ) -> Result<Opened, OpenError> {
        if !codec.suits(kind) {
            return Err(OpenError::CodecKind);
        }
        if kind.is_audio() && data.is_empty() {
            return Err(OpenError::Silent);
        }
        let (vp8_key, ciphertext) = wrap::unwrap(codec, key_frame_meta, data)?;
        if kind.is_audio() && ciphertext.len() != AUDIO_FRAME_LEN {
            return Err(OpenError::AudioSize);
        }
        let header = SframeHeader::deserialize(ciphertext).map_err(|_| OpenError::Header)?;
        let counter = header.counter();
        // A header has one form; a longer one would be a second name for the same key and counter.
        if header != SframeHeader::new(header.key_id(), counter) {
            return Err(OpenError::Header);
        }
        let id = key_id::unpack(header.key_id()).ok_or(OpenError::Header)?;
        let epoch = self
            .epochs
            .iter_mut()
            .find(|epoch| epoch.number & 0xFF == u64::from(id.epoch_low))
            .ok_or(OpenError::UnknownEpoch)?;

        // SECURITY: leaf of the key id, then that leaf's transport id against the track that was asked for,
        // then the kind. Only all together make a frame a certain member's; the server alone can fake none.
        let leaf = epoch.leaves.get_mut(&id.leaf).ok_or(OpenError::UnknownLeaf)?;
        if !expected.contains(&leaf.transport) {
            return Err(OpenError::WrongTransport);
        }
        if id.context != kind as u8 {
            return Err(OpenError::WrongKind);
        }

        let transport = leaf.transport;
        let track = leaf.track(kind, header.key_id(), &epoch.base_key)?;
        track.window.check(counter).map_err(|replay| match replay {
            Replay::Duplicate => OpenError::Duplicate,
            Replay::TooOld => OpenError::TooOld,
            Replay::Jump => OpenError::Jump,
        })?;
        let metadata = wrap::metadata(codec, vp8_key);
        let mut buffer = Zeroizing::new(Vec::new());
        let plain = EncryptedFrameView::try_with_meta_data(ciphertext, &metadata)
            .and_then(|frame| frame.decrypt_into(&track.key, &mut *buffer))
            .map_err(|_| OpenError::NotAuthentic)?;
        track.window.record(counter);

        let parts = payload::read(plain.payload()).ok_or(OpenError::Plaintext)?;
        if kind.is_audio() && parts.key_frame || codec == Codec::Vp8 && parts.key_frame != vp8_key {
            return Err(OpenError::Plaintext);
        }
        if parts.media.is_empty() {
            return Err(if kind.is_audio() {
                OpenError::Silent
            } else {
                OpenError::Void
            });
        }
        Ok(Opened {
            media: parts.media.to_vec(),
            leaf: id.leaf,
            transport,
            capture_ms: parts.capture_ms,
            key_frame: parts.key_frame,
        })
    }
}

impl Leaf {
    /// The track of this kind; its key is derived the first time.
    fn track(&mut self, kind: Kind, key_id: u64, base_key: &[u8; 16]) -> Result<&mut Track, OpenError> {
        let [microphone, camera, screen, screen_audio] = &mut self.tracks;
        let track = match kind {
            Kind::Microphone => microphone,
            Kind::Camera => camera,
            Kind::Screen => screen,
            Kind::ScreenAudio => screen_audio,
        };
        if let Some(track) = track {
            return Ok(track);
        }
        let key =
            DecryptionKey::derive_from(SUITE, key_id, base_key.as_slice()).map_err(|_| OpenError::NotAuthentic)?;
        Ok(track.insert(Track {
            key,
            window: ReplayWindow::default(),
        }))
    }
}
