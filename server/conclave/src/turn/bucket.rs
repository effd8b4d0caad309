//! A bucket of whole tokens that fills at a steady rate: so many a second, and at most a second's worth at once.

use std::time::{Duration, Instant};

pub(super) struct Bucket {
    per_second: u32,
    tokens: u32,
    /// Until when tokens have been counted.
    at: Instant,
}

impl Bucket {
    pub(super) fn new(per_second: u32, now: Instant) -> Self {
        Self {
            per_second,
            tokens: per_second,
            at: now,
        }
    }

    /// Whether there is one.
    pub(super) fn has(&mut self, now: Instant) -> bool {
        let each = Duration::from_secs(1) / self.per_second.max(1);
        let new = now.saturating_duration_since(self.at).as_nanos() / each.as_nanos().max(1);
        let new = u32::try_from(new).unwrap_or(u32::MAX);
        if new >= self.per_second.saturating_sub(self.tokens) {
            (self.tokens, self.at) = (self.per_second, now);
        } else {
            // The part of a token that is left over counts for the next.
            (self.tokens, self.at) = (self.tokens + new, self.at + each * new);
        }
        self.tokens > 0
    }

    /// Takes one, if there is one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let has = self.has(now);
        self.tokens = self.tokens.saturating_sub(1);
        has
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_gives_a_seconds_worth_at_once_and_then_its_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(50, start);
        let given = (0..1_000).filter(|_| bucket.take(start)).count();
        assert_eq!(given, 50);
        // Looked at every millisecond, which is no whole token, for ten seconds.
        let given = (1..=10_000)
            .filter(|ms| bucket.take(start + Duration::from_millis(*ms)))
            .count();
        assert_eq!(given, 500);
        let later = start + Duration::from_secs(86_400);
        assert_eq!((0..1_000).filter(|_| bucket.take(later)).count(), 50);
    }

    #[test]
    fn a_clock_that_stands_still_gives_nothing_new() {
        let now = Instant::now();
        let mut bucket = Bucket::new(1, now);
        assert!(bucket.has(now) && bucket.take(now) && !bucket.take(now));
        assert!(!bucket.take(now + Duration::from_millis(999)));
        assert!(bucket.take(now + Duration::from_secs(1)));
    }
}
