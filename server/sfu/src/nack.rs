//! Asks a publisher for packets that did not arrive: soon, a few times, never for long.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Packets overtake each other by a few milliseconds on real paths; asking at once would double them.
const PATIENCE: Duration = Duration::from_millis(10);
/// Between two requests for one packet: a round trip within a continent. Shorter asks twice for what is on its way.
const RETRY: Duration = Duration::from_millis(60);
const MAX_TRIES: u8 = 10;
/// More missing at once is an outage: a keyframe is cheaper than repairing it.
const MAX_MISSING: usize = 256;
/// Sequence numbers per message: one datagram.
const MAX_LISTED: usize = 128;

struct Missing {
    next: Instant,
    tries: u8,
}

#[derive(Default)]
pub(crate) struct NackGenerator {
    highest: Option<u64>,
    missing: BTreeMap<u64, Missing>,
    gave_up: bool,
}

impl NackGenerator {
    /// A packet arrived, by whatever way.
    pub(crate) fn received(&mut self, now: Instant, number: u64) {
        let Some(highest) = self.highest else {
            self.highest = Some(number);
            return;
        };
        if number <= highest {
            self.missing.remove(&number);
            return;
        }
        self.highest = Some(number);
        if (number - highest) as usize + self.missing.len() > MAX_MISSING {
            self.missing.clear();
            self.gave_up = true;
            return;
        }
        let next = now + PATIENCE;
        self.missing
            .extend((highest + 1..number).map(|lost| (lost, Missing { next, tries: 0 })));
    }

    /// Numbers to ask for now, ascending.
    pub(crate) fn poll(&mut self, now: Instant) -> Vec<u64> {
        let mut list = Vec::new();
        let mut hopeless = false;
        self.missing.retain(|number, missing| {
            if missing.next > now || list.len() >= MAX_LISTED {
                return true;
            }
            if missing.tries >= MAX_TRIES {
                hopeless = true;
                return false;
            }
            missing.tries += 1;
            missing.next = now + RETRY;
            list.push(*number);
            true
        });
        self.gave_up |= hopeless;
        list
    }

    /// True once after packets were given up: decoders behind us need a keyframe.
    pub(crate) fn take_gave_up(&mut self) -> bool {
        std::mem::take(&mut self.gave_up)
    }

    // COST: at most 256 entries, and none on a path without loss.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.missing.values().map(|missing| missing.next).min()
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests need a first instant")]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_asked_for_after_patience_and_no_more_once_repaired() {
        let now = Instant::now();
        let mut nack = NackGenerator::default();
        nack.received(now, 10);
        nack.received(now, 13);
        assert!(nack.poll(now).is_empty(), "it may only be late");
        assert_eq!(nack.poll(now + PATIENCE), [11, 12]);
        nack.received(now + PATIENCE, 11);
        assert!(nack.poll(now + PATIENCE + RETRY / 2).is_empty());
        assert_eq!(nack.poll(now + PATIENCE + RETRY), [12]);
    }

    #[test]
    fn requests_end_and_are_bounded() {
        let mut now = Instant::now();
        let mut nack = NackGenerator::default();
        nack.received(now, 1);
        nack.received(now, 3);
        let mut asked = 0;
        while let Some(next) = nack.poll_timeout() {
            now = next;
            asked += nack.poll(now).len();
        }
        assert_eq!(asked, usize::from(MAX_TRIES));
        assert!(nack.take_gave_up());
        assert!(!nack.take_gave_up());
        nack.received(now, 1_000_000);
        assert!(
            nack.poll_timeout().is_none(),
            "an outage is not repaired packet by packet"
        );
        assert!(nack.take_gave_up());
    }
}
