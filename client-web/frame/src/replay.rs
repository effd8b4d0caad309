//! The replay window of one track: which counters have been seen.
//!
//! It judges and records in two steps, because a counter is only the sender's word once the frame has
//! authenticated: a forged counter must neither move the window nor use a place in it.

/// How many counters back a frame may come late. At 50 frames a second 1,024 are twenty seconds, beyond any
/// jitter buffer and any retransmission; smaller would lose late repairs of large bursts, larger costs memory
/// (128 bytes per track) and nothing else.
pub const REPLAY_WINDOW: u64 = 1_024;

/// The largest step forward that is believed: 2^20 frames are almost six hours of sound at 50 a second, and
/// an epoch lasts ten minutes. A larger step is a defect or mischief, and following it would make every
/// honest frame after it "too old".
pub const MAX_JUMP: u64 = 1 << 20;

const WORDS: usize = (REPLAY_WINDOW / 64) as usize;

/// Why a counter is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replay {
    Duplicate,
    TooOld,
    Jump,
}

/// Seen counters of one (epoch, leaf, kind).
#[derive(Default)]
pub(crate) struct ReplayWindow {
    /// The highest recorded counter; `None` before the first frame.
    highest: Option<u64>,
    /// INVARIANT: bit `c % 1024` is set exactly for the recorded counters c with highest − 1024 < c ≤ highest.
    seen: [u64; WORDS],
}

impl ReplayWindow {
    /// Whether this counter may be opened. Changes nothing.
    pub(crate) fn check(&self, counter: u64) -> Result<(), Replay> {
        // The first frame of a track may carry any counter: who asks for a picture late starts in mid-epoch.
        let Some(highest) = self.highest else { return Ok(()) };
        if counter > highest {
            let jump = counter.saturating_sub(highest);
            return if jump > MAX_JUMP { Err(Replay::Jump) } else { Ok(()) };
        }
        if highest.saturating_sub(counter) >= REPLAY_WINDOW {
            Err(Replay::TooOld)
        } else if self.is_set(counter) {
            Err(Replay::Duplicate)
        } else {
            Ok(())
        }
    }

    /// Marks a counter that was checked and whose frame has authenticated.
    pub(crate) fn record(&mut self, counter: u64) {
        match self.highest {
            Some(highest) if counter <= highest => {}
            Some(highest) => {
                let jump = counter.saturating_sub(highest);
                if jump >= REPLAY_WINDOW {
                    self.seen = [0; WORDS];
                } else {
                    for offset in 1..=jump {
                        self.set(highest.saturating_add(offset), false);
                    }
                }
                self.highest = Some(counter);
            }
            None => self.highest = Some(counter),
        }
        self.set(counter, true);
    }

    fn place(counter: u64) -> (usize, u64) {
        let bit = counter % REPLAY_WINDOW;
        // Below WORDS by construction, so the conversion cannot fail; 0 only satisfies the type.
        (usize::try_from(bit / 64).unwrap_or(0), 1 << (bit % 64))
    }

    fn is_set(&self, counter: u64) -> bool {
        let (word, mask) = Self::place(counter);
        self.seen.get(word).is_some_and(|bits| bits & mask != 0)
    }

    fn set(&mut self, counter: u64, on: bool) {
        let (word, mask) = Self::place(counter);
        if let Some(bits) = self.seen.get_mut(word) {
            if on {
                *bits |= mask;
            } else {
                *bits &= !mask;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn take(window: &mut ReplayWindow, counter: u64) -> Result<(), Replay> {
        window.check(counter)?;
        window.record(counter);
        Ok(())
    }

    #[test]
    fn a_check_alone_changes_nothing() {
        let mut window = ReplayWindow::default();
        take(&mut window, 5).unwrap();
        assert_eq!(window.check(9), Ok(()));
        assert_eq!(window.check(5_000), Ok(()));
        assert_eq!(window.check(4), Ok(()));
        assert_eq!(window.check(4), Ok(()));
        assert_eq!(take(&mut window, 4), Ok(()));
        assert_eq!(window.check(4), Err(Replay::Duplicate));
    }

    #[test]
    fn the_window_has_1024_places() {
        let mut window = ReplayWindow::default();
        take(&mut window, 2_000).unwrap();
        assert_eq!(window.check(2_000 - 1_023), Ok(()));
        assert_eq!(window.check(2_000 - 1_024), Err(Replay::TooOld));
    }

    #[test]
    fn a_step_of_two_to_the_twenty_is_the_largest() {
        let mut window = ReplayWindow::default();
        take(&mut window, 7).unwrap();
        assert_eq!(window.check(7 + MAX_JUMP + 1), Err(Replay::Jump));
        assert_eq!(take(&mut window, 7 + MAX_JUMP), Ok(()));
    }

    #[test]
    fn the_last_counter_of_all_is_taken_once() {
        let mut window = ReplayWindow::default();
        take(&mut window, u64::MAX).unwrap();
        assert_eq!(window.check(u64::MAX), Err(Replay::Duplicate));
        assert_eq!(window.check(0), Err(Replay::TooOld));
    }

    proptest! {
        /// Against a set of all taken counters, which is what the bits abbreviate.
        #[test]
        fn the_bits_agree_with_a_set(start in 0u64..10_000, steps in prop::collection::vec((any::<bool>(), 0u64..2_500), 1..400)) {
            let mut window = ReplayWindow::default();
            let mut taken = BTreeSet::new();
            let mut counter = start;
            for (forward, step) in steps {
                counter = if forward { counter + step } else { counter.saturating_sub(step) };
                let highest = taken.last().copied();
                let expected = match highest {
                    None => Ok(()),
                    Some(_) if taken.contains(&counter) && highest.unwrap() - counter < REPLAY_WINDOW => Err(Replay::Duplicate),
                    Some(highest) if counter <= highest && highest - counter >= REPLAY_WINDOW => Err(Replay::TooOld),
                    Some(_) => Ok(()),
                };
                prop_assert_eq!(take(&mut window, counter), expected);
                if expected.is_ok() {
                    taken.insert(counter);
                }
            }
        }
    }
}
