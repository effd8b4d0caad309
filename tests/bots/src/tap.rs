//! A recorder for everything that a server sees: socket messages, and media after SRTP is taken off.

use std::sync::{Mutex, MutexGuard, PoisonError};

use conclave::tap::FrameTap;

use crate::scan::{Runs, occurrences};

/// Bytes kept of each sort. A minute of five bots is about 20 MB; what comes after the limit is counted, not
/// kept, and a scan says so.
const MAX_BYTES: usize = 256 << 20;

/// Pieces of one sort, each as it came.
#[derive(Default)]
pub struct Pieces {
    pieces: Vec<Vec<u8>>,
    bytes: usize,
    dropped: usize,
}

impl Pieces {
    fn push(&mut self, piece: &[u8]) {
        if self.bytes.saturating_add(piece.len()) > MAX_BYTES {
            self.dropped += 1;
            return;
        }
        self.bytes += piece.len();
        self.pieces.push(piece.to_vec());
    }

    /// Bytes kept.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Pieces that did not fit; a scan over a recording with any is not complete.
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// How many places agree with a run.
    #[must_use]
    pub fn run_hits(&self, runs: &Runs) -> usize {
        self.pieces.iter().map(|piece| runs.hits(piece)).sum()
    }

    /// How often a needle stands in one of the pieces.
    #[must_use]
    pub fn needle_hits(&self, needle: &[u8]) -> usize {
        self.pieces.iter().map(|piece| occurrences(needle, piece)).sum()
    }
}

/// Keeps what it sees.
#[derive(Default)]
pub struct Recorder {
    socket: Mutex<Pieces>,
    media: Mutex<Pieces>,
}

impl Recorder {
    /// Socket messages of both directions, unmasked.
    pub fn socket(&self) -> MutexGuard<'_, Pieces> {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Media packets after SRTP was taken off.
    pub fn media(&self) -> MutexGuard<'_, Pieces> {
        self.media.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FrameTap for Recorder {
    fn socket_in(&self, message: &[u8]) {
        self.socket().push(message);
    }

    fn socket_out(&self, message: &[u8]) {
        self.socket().push(message);
    }

    fn media_in(&self, packet: &[u8]) {
        self.media().push(packet);
    }
}
