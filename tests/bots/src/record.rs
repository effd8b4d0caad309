//! What a test wants to search a server's traffic for: a bot's own secrets and everything it gave to its sealer.

use std::sync::{Mutex, PoisonError};

use crate::scan::Runs;

/// Fills as the bot runs. Deliberately not wiped: it exists to be searched for.
#[derive(Default)]
pub struct Record {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    base_keys: Vec<[u8; 16]>,
    frames: Vec<Vec<u8>>,
    frame_bytes: usize,
}

/// Frames kept, in bytes: half a minute of one bot. Enough for any scan, and the set of their runs stays small.
const MAX_FRAME_BYTES: usize = 4 << 20;

impl Record {
    pub(crate) fn base_key(&self, key: &[u8; 16]) {
        self.lock().base_keys.push(*key);
    }

    pub(crate) fn frame(&self, media: &[u8]) {
        let mut inner = self.lock();
        if inner.frame_bytes < MAX_FRAME_BYTES {
            inner.frame_bytes += media.len();
            inner.frames.push(media.to_vec());
        }
    }

    /// The SFrame base keys of all epochs that the bot was in.
    #[must_use]
    pub fn base_keys(&self) -> Vec<[u8; 16]> {
        self.lock().base_keys.clone()
    }

    /// Adds every run of the recorded frames to a search.
    pub fn add_to(&self, runs: &mut Runs) {
        self.lock().frames.iter().for_each(|frame| runs.add(frame));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
