//! Totals that the running self-test compares with the browser's own statistics. Numbers only, never ids.

use crate::{Kind, OpenError, SealError};

/// What has been sealed, opened and dropped since the start; saturating.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    sealed: [u64; Kind::COUNT],
    opened: [u64; Kind::COUNT],
    refused: [u64; SealError::COUNT],
    rejected: [u64; OpenError::COUNT],
}

impl Counts {
    /// Frames of this kind that were sealed.
    #[must_use]
    pub fn sealed(&self, kind: Kind) -> u64 {
        at(&self.sealed, kind as u8)
    }

    /// Frames of this kind that were opened.
    #[must_use]
    pub fn opened(&self, kind: Kind) -> u64 {
        at(&self.opened, kind as u8)
    }

    /// Frames that were not sealed for this reason.
    #[must_use]
    pub fn refused(&self, reason: SealError) -> u64 {
        at(&self.refused, reason.code())
    }

    /// Frames that were not opened for this reason.
    #[must_use]
    pub fn rejected(&self, reason: OpenError) -> u64 {
        at(&self.rejected, reason.code())
    }

    /// Frames that were not opened for any reason that an honest call does not have by itself.
    #[must_use]
    pub fn faults(&self) -> u64 {
        let all: u64 = self.rejected.iter().fold(0, |sum, n| sum.saturating_add(*n));
        let silent = self
            .rejected(OpenError::Duplicate)
            .saturating_add(self.rejected(OpenError::Silent));
        all.saturating_sub(silent)
    }

    /// Everything in one row: sealed by kind (4), opened by kind (4), refused by reason code (7), rejected by
    /// reason code (15).
    #[must_use]
    pub fn row(&self) -> Vec<u64> {
        let parts: [&[u64]; 4] = [&self.sealed, &self.opened, &self.refused, &self.rejected];
        parts.concat()
    }

    /// The sum of a sender's and a receiver's totals.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Self {
        add(&mut self.sealed, &other.sealed);
        add(&mut self.opened, &other.opened);
        add(&mut self.refused, &other.refused);
        add(&mut self.rejected, &other.rejected);
        self
    }

    pub(crate) fn count_sealed(&mut self, kind: Kind) {
        bump(&mut self.sealed, kind as u8);
    }

    pub(crate) fn count_opened(&mut self, kind: Kind) {
        bump(&mut self.opened, kind as u8);
    }

    pub(crate) fn count_refused(&mut self, reason: SealError) {
        bump(&mut self.refused, reason.code());
    }

    pub(crate) fn count_rejected(&mut self, reason: OpenError) {
        bump(&mut self.rejected, reason.code());
    }
}

fn at(row: &[u64], index: u8) -> u64 {
    row.get(usize::from(index)).copied().unwrap_or(0)
}

fn bump(row: &mut [u64], index: u8) {
    if let Some(n) = row.get_mut(usize::from(index)) {
        *n = n.saturating_add(1);
    }
}

fn add(row: &mut [u64], other: &[u64]) {
    for (n, m) in row.iter_mut().zip(other) {
        *n = n.saturating_add(*m);
    }
}
