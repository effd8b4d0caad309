//! The order of commits in one call: a sequence, swapped if compared equal, and the newest commits for those who come back.
//!
//! The server cannot tell a commit from garbage: it counts, it does not judge. Members void what is void.

use std::collections::VecDeque;

use crate::outbox::{Frames, Refusal};

/// Commits kept. A member that missed more is added again, which then costs less than replaying.
const KEPT_COMMITS: usize = 64;

/// Bytes kept per call: four commits of full size. It bounds a room's memory.
const KEPT_BYTES: usize = 4 << 20;

/// How long commits are kept: a changed network or a tunnel, and nothing for who seizes the machine an hour later.
const KEPT_MS: u64 = 120_000;

struct Entry {
    seq: u64,
    at_ms: u64,
    bytes: usize,
    frames: Frames,
}

/// INVARIANT: entries have consecutive sequences and the last is `head_seq`.
pub(crate) struct CallLog {
    head_seq: u64,
    entries: VecDeque<Entry>,
    bytes: usize,
}

impl CallLog {
    pub(crate) fn starting_at(head_seq: u64) -> Self {
        Self {
            head_seq,
            entries: VecDeque::new(),
            bytes: 0,
        }
    }

    pub(crate) fn head_seq(&self) -> u64 {
        self.head_seq
    }

    /// The sequence that a commit on `base_seq` would get, if it may be taken.
    pub(crate) fn compare(&self, base_seq: u64) -> Result<u64, Refusal> {
        if base_seq != self.head_seq {
            return Err(Refusal::stale(self.head_seq));
        }
        self.head_seq
            .checked_add(1)
            .ok_or_else(|| Refusal::stale(self.head_seq))
    }

    /// Takes the commit that `compare` allowed.
    pub(crate) fn swap(&mut self, seq: u64, now_ms: u64, frames: Frames) {
        debug_assert_eq!(self.head_seq.checked_add(1), Some(seq), "compared before");
        let bytes = frames.iter().map(|f| f.len()).sum();
        self.head_seq = seq;
        self.bytes += bytes;
        self.entries.push_back(Entry {
            seq,
            at_ms: now_ms,
            bytes,
            frames,
        });
        self.forget(now_ms);
    }

    /// Drops what is too old or too much.
    pub(crate) fn forget(&mut self, now_ms: u64) {
        while let Some(oldest) = self.entries.front() {
            let expired = now_ms.saturating_sub(oldest.at_ms) >= KEPT_MS;
            if !expired && self.entries.len() <= KEPT_COMMITS && self.bytes <= KEPT_BYTES {
                return;
            }
            self.bytes -= oldest.bytes;
            self.entries.pop_front();
        }
    }

    /// When the next entry expires.
    pub(crate) fn next_expiry(&self) -> Option<u64> {
        self.entries.front().map(|e| e.at_ms + KEPT_MS)
    }

    /// Whether all commits after `have_seq` are there.
    pub(crate) fn reaches(&self, have_seq: u64) -> Result<(), Refusal> {
        if have_seq > self.head_seq {
            return Err(Refusal::stale(self.head_seq));
        }
        let first_kept = self.entries.front().map_or(self.head_seq + 1, |e| e.seq);
        if have_seq + 1 < first_kept {
            return Err(Refusal::backlog_gone(self.head_seq));
        }
        Ok(())
    }

    /// The commits after `after` and up to `until`, in order; those that are still kept.
    pub(crate) fn between(&self, after: u64, until: u64) -> impl Iterator<Item = (u64, &Frames)> {
        let wanted = move |e: &&Entry| e.seq > after && e.seq <= until;
        self.entries.iter().filter(wanted).map(|e| (e.seq, &e.frames))
    }

    /// The newest sequence that is no longer kept.
    pub(crate) fn forgotten(&self) -> u64 {
        self.entries.front().map_or(self.head_seq, |e| e.seq.saturating_sub(1))
    }
}
