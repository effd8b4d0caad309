//! Turns the numbers of whatever track a slot shows into one unbroken RTP stream.
//!
//! Sequence numbers go on without a gap across a switch, holes left by loss stay holes, padding is squeezed out, and timestamps
//! move by the time that really passed. Knows nothing of packets' content.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::api::MediaKind;
use crate::incoming::ticks;

/// Squeezed-out numbers remembered, so that late packets from before them map right. Older ones are folded into the base.
const MAX_SKIPPED: usize = 64;
/// A pause longer than this is not carried into the timestamp: half the clock's range is 6.6 hours at 90 kHz.
const MAX_PAUSE: Duration = Duration::from_secs(3_600);

struct Source {
    first: u64,
    base: u64,
    highest: u64,
    skipped: VecDeque<u64>,
    shift: u32,
}

pub(crate) struct Rewriter {
    media: MediaKind,
    next: u64,
    timestamp: u32,
    last: Option<Instant>,
    source: Option<Source>,
}

impl Rewriter {
    /// `sequence` is cut to 15 bits: receivers guess a roll-over count of zero (RFC 3711 §3.3.1 wants it below 2^15).
    pub(crate) fn new(media: MediaKind, sequence: u16, timestamp: u32) -> Self {
        Self {
            media,
            next: u64::from(sequence >> 1),
            timestamp,
            last: None,
            source: None,
        }
    }

    /// From here on the stream is another. `number` is its first packet to be passed on.
    pub(crate) fn begin(&mut self, now: Instant, number: u64, timestamp: u32) {
        let pause = self.last.map_or(Duration::ZERO, |last| {
            now.saturating_duration_since(last).min(MAX_PAUSE)
        });
        // At least one tick: two frames never share a timestamp.
        let target = self.timestamp.wrapping_add(ticks(pause, self.media).max(1));
        self.source = Some(Source {
            first: number,
            base: self.next,
            highest: number,
            skipped: VecDeque::new(),
            shift: target.wrapping_sub(timestamp),
        });
    }

    pub(crate) fn end(&mut self) {
        self.source = None;
    }

    /// A number that will never be passed on. If later ones have been passed on already its hole cannot be closed any more.
    pub(crate) fn skip(&mut self, number: u64) {
        let Some(source) = &mut self.source else { return };
        if number <= source.highest {
            return;
        }
        source.highest = number;
        source.skipped.push_back(number);
        if source.skipped.len() > MAX_SKIPPED
            && let Some(oldest) = source.skipped.pop_front()
        {
            // Everything above `oldest` keeps its place; below it nothing is passed on any more.
            source.base += oldest - source.first;
            source.first = oldest + 1;
        }
    }

    /// The slot's number and timestamp for a packet of the current stream; nothing if it lies before the beginning.
    ///
    /// INVARIANT: injective. Two numbers of one stream never map to the same place, and a new stream begins above all that was used.
    pub(crate) fn map(&mut self, now: Instant, number: u64, timestamp: u32) -> Option<(u64, u32)> {
        let source = self.source.as_mut()?;
        let distance = number.checked_sub(source.first)?;
        let squeezed = source.skipped.iter().take_while(|skipped| **skipped < number).count() as u64;
        let mapped = source.base + distance.checked_sub(squeezed)?;
        let shifted = timestamp.wrapping_add(source.shift);
        if number >= source.highest {
            source.highest = number;
            self.timestamp = shifted;
            self.last = Some(now);
        }
        self.next = self.next.max(mapped + 1);
        Some((mapped, shifted))
    }

    /// A timestamp of the current stream on the slot's clock.
    pub(crate) fn shift(&self, timestamp: u32) -> Option<u32> {
        Some(timestamp.wrapping_add(self.source.as_ref()?.shift))
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests need a first instant")]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    fn numbers(rewriter: &mut Rewriter, now: Instant, range: impl IntoIterator<Item = u64>) -> Vec<u64> {
        range
            .into_iter()
            .filter_map(|number| rewriter.map(now, number, 0))
            .map(|(mapped, _)| mapped)
            .collect()
    }

    #[test]
    fn a_switch_leaves_no_gap_and_the_wrap_is_crossed() {
        let now = Instant::now();
        let mut rewriter = Rewriter::new(MediaKind::Video, 20, 0);
        rewriter.begin(now, 65_530, 0);
        assert_eq!(
            numbers(&mut rewriter, now, 65_530..65_545),
            (10..25).collect::<Vec<_>>()
        );
        rewriter.begin(now, 7, 0);
        assert_eq!(numbers(&mut rewriter, now, [7, 8, 9]), [25, 26, 27]);
        assert!(rewriter.map(now, 6, 0).is_none(), "before the key frame");
    }

    #[test]
    fn loss_stays_a_hole_and_padding_is_squeezed_out() {
        let now = Instant::now();
        let mut rewriter = Rewriter::new(MediaKind::Video, 0, 0);
        rewriter.begin(now, 100, 0);
        assert_eq!(numbers(&mut rewriter, now, [100, 103]), [0, 3]);
        rewriter.skip(104);
        rewriter.skip(105);
        assert_eq!(numbers(&mut rewriter, now, [106, 101, 107]), [4, 1, 5]);
        rewriter.skip(102);
        assert_eq!(numbers(&mut rewriter, now, [108]), [6], "too late to close");
    }

    #[test]
    fn timestamps_move_by_the_time_that_passed() {
        let now = Instant::now();
        let mut rewriter = Rewriter::new(MediaKind::Video, 0, u32::MAX - 10);
        rewriter.begin(now, 1, 5_000);
        let (_, first) = rewriter.map(now, 1, 5_000).unwrap();
        let (_, second) = rewriter.map(now, 2, 8_000).unwrap();
        assert_eq!(second.wrapping_sub(first), 3_000);
        let later = now + Duration::from_millis(500);
        rewriter.begin(later, 1, 4_000_000_000);
        let (_, third) = rewriter.map(later, 1, 4_000_000_000).unwrap();
        assert_eq!(third.wrapping_sub(second), 45_000);
    }

    proptest! {
        #[test]
        fn no_two_packets_share_a_number(
            steps in proptest::collection::vec((0u8..4, -20i64..40), 1..500),
        ) {
            let now = Instant::now();
            let mut rewriter = Rewriter::new(MediaKind::Video, 0, 0);
            let (mut stream, mut at) = (0u32, 1_000i64);
            rewriter.begin(now, 1_000, 0);
            let mut used = HashMap::new();
            let mut seen = std::collections::HashSet::new();
            for (action, step) in steps {
                if action == 3 {
                    stream += 1;
                    at = 1_000 + step.abs();
                    rewriter.begin(now, at as u64, 0);
                } else {
                    at = (at + step).max(0);
                }
                // As the publisher guarantees: each number once per stream.
                if !seen.insert((stream, at)) {
                    continue;
                }
                if action == 1 {
                    rewriter.skip(at as u64);
                } else if let Some((mapped, _)) = rewriter.map(now, at as u64, 0) {
                    prop_assert!(used.insert(mapped, (stream, at)).is_none());
                }
            }
        }
    }
}
