//! The sending side of a bot: frames at the pace of a microphone and a camera, sealed and packetised.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    time::Duration,
};

use conclave_frame::{Codec, Kind, OpenError, SealError};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{clip::Clip, crypto::Crypto, pattern, writer::Writer};
use crate::record::Record;

/// One Opus frame; what browsers use.
const AUDIO_EVERY: Duration = Duration::from_millis(20);

/// Twenty pictures a second: enough to show order and gaps, little enough for two cores.
const VIDEO_EVERY: Duration = Duration::from_millis(50);

/// Sizes as a small VP9 picture has them; several packets for a key frame.
const KEY_FRAME_LEN: usize = 6_000;
const DELTA_FRAME_LEN: usize = 1_500;

/// Opus at 24 kbit/s.
const AUDIO_FRAME_LEN: usize = 60;

/// Without a request a key frame comes this often, as a safety net against one that went astray.
const KEY_FRAME_EVERY: u32 = 200;

/// How a bot cheats, so that a scan can be shown to work.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Cheat {
    /// Not at all.
    #[default]
    No,
    /// It sends frames as they come from the encoder.
    SendsPlaintext,
}

/// What all of a bot's tasks share.
pub(crate) struct Shared {
    pub(crate) id: u64,
    pub(crate) start: Instant,
    pub(crate) crypto: Crypto,
    pub(crate) cheat: Cheat,
    pub(crate) clip: Option<Arc<Clip>>,
    pub(crate) record: Option<Arc<Record>>,
    /// 1 VP8, 2 VP9.
    pub(crate) codec: AtomicU8,
    pub(crate) on: [AtomicBool; Kind::COUNT],
    pub(crate) key_frame_wanted: [AtomicBool; Kind::COUNT],
    pub(crate) sealed: [AtomicU64; Kind::COUNT],
}

impl Shared {
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Why frames were not sealed or opened, in figures.
    pub(crate) fn faults(&self) -> String {
        let halves = self.crypto.lock();
        let refused = SealError::ALL.map(|reason| (reason.name(), halves.sender.counts().refused(reason)));
        let rejected = OpenError::ALL.map(|reason| (reason.name(), halves.receiver.counts().rejected(reason)));
        let all = refused.iter().chain(&rejected).filter(|(_, n)| *n > 0);
        all.map(|(name, n)| format!("{name} {n}"))
            .collect::<Vec<_>>()
            .join(", ")
    }

    fn video_codec(&self) -> Codec {
        match &self.clip {
            Some(clip) => clip.codec,
            None if self.codec.load(Ordering::Relaxed) == Codec::Vp8 as u8 => Codec::Vp8,
            None => Codec::Vp9,
        }
    }
}

/// One frame before sealing.
struct Raw {
    codec: Codec,
    key_frame: bool,
    media: Vec<u8>,
}

/// Makes frames of one kind until the connection is gone.
pub(crate) async fn publish(shared: Arc<Shared>, kind: Kind, mut writer: Writer) {
    let slot = usize::from(kind as u8);
    let (Some(on), Some(wanted), Some(sealed_count)) = (
        shared.on.get(slot),
        shared.key_frame_wanted.get(slot),
        shared.sealed.get(slot),
    ) else {
        return;
    };
    let mut ticks = interval(if kind.is_audio() { AUDIO_EVERY } else { VIDEO_EVERY });
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut source = Source { counter: 0, place: 0 };
    loop {
        ticks.tick().await;
        if !on.load(Ordering::Relaxed) {
            // The next picture that somebody sees must be one to begin with.
            wanted.store(true, Ordering::Relaxed);
            continue;
        }
        let key_frame = wanted.swap(false, Ordering::Relaxed);
        let raw = source.next(&shared, kind, key_frame);
        let now_ms = shared.now_ms();
        if let Some(record) = &shared.record {
            record.frame(&raw.media);
        }
        // Truncation is meant: media time wraps.
        let capture_ms = now_ms as u32;
        let sealed = match shared.cheat {
            Cheat::SendsPlaintext => raw.media.clone(),
            Cheat::No => {
                let mut halves = shared.crypto.lock();
                halves.sender.handle_time(now_ms);
                match halves
                    .sender
                    .seal(kind, raw.codec, raw.key_frame, capture_ms, &raw.media)
                {
                    Ok(sealed) => sealed,
                    Err(_) => {
                        wanted.store(true, Ordering::Relaxed);
                        continue;
                    }
                }
            }
        };
        sealed_count.fetch_add(1, Ordering::Relaxed);
        let timestamp = capture_ms.wrapping_mul(if kind.is_audio() { 48 } else { 90 });
        if writer.send(raw.codec, raw.key_frame, timestamp, &sealed).await.is_err() {
            return;
        }
    }
}

/// Where the frames come from: the pattern, or a clip in a loop.
struct Source {
    counter: u32,
    place: usize,
}

impl Source {
    fn next(&mut self, shared: &Shared, kind: Kind, key_wanted: bool) -> Raw {
        let counter = self.counter;
        self.counter = counter.wrapping_add(1);
        if kind.is_audio() {
            let media = pattern::frame(shared.id, kind, counter, AUDIO_FRAME_LEN);
            return Raw {
                codec: Codec::Opus,
                key_frame: false,
                media,
            };
        }
        if let Some(clip) = &shared.clip {
            // A clip's first frame is a key frame; whoever asks for one gets the beginning.
            if key_wanted || self.place >= clip.frames.len() {
                self.place = 0;
            }
            if let Some(frame) = clip.frames.get(self.place) {
                self.place += 1;
                return Raw {
                    codec: clip.codec,
                    key_frame: frame.key_frame,
                    media: frame.media.clone(),
                };
            }
        }
        let key_frame = key_wanted || counter.is_multiple_of(KEY_FRAME_EVERY);
        let len = if key_frame { KEY_FRAME_LEN } else { DELTA_FRAME_LEN };
        Raw {
            codec: shared.video_codec(),
            key_frame,
            media: pattern::frame(shared.id, kind, counter, len),
        }
    }
}
