//! Sequence arithmetic that everything else rests on: extending 16-bit numbers, and remembering which were seen.

/// How far back a packet may arrive and still count. At 1,000 packets a second (a 9 Mbit/s stream) this is one second, as long
/// as retransmissions are worth anything. Larger costs 1 bit per number and stream; smaller drops late repairs.
pub(crate) const WINDOW: u64 = 1_024;
const WORDS: usize = (WINDOW / 64) as usize;

/// The 48-bit index whose low 16 bits are `sequence` and which lies nearest to `highest` (RFC 3711 §3.3.1, appendix A).
pub(crate) fn extend(highest: u64, sequence: u16) -> u64 {
    let delta = sequence.wrapping_sub(highest as u16) as i16;
    match highest.checked_add_signed(i64::from(delta)) {
        Some(index) => index,
        // A number from before the first wrap: there is no roll-over counter below zero.
        None => u64::from(sequence),
    }
}

/// What a [`Window`] says about a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Seen {
    /// Not seen so far.
    Fresh,
    /// Seen already.
    Duplicate,
    /// Too far behind the newest to know.
    TooOld,
}

/// Which of the last 1,024 numbers were seen. Used against replays on receiving and against nonce reuse on sending.
#[derive(Clone, Default)]
pub(crate) struct Window {
    highest: Option<u64>,
    bits: [u64; WORDS],
}

impl Window {
    /// The newest number recorded.
    pub(crate) fn highest(&self) -> Option<u64> {
        self.highest
    }

    fn slot(number: u64) -> (usize, u64) {
        ((number / 64) as usize % WORDS, 1 << (number % 64))
    }

    pub(crate) fn check(&self, number: u64) -> Seen {
        match self.highest {
            None => Seen::Fresh,
            Some(highest) if number > highest => Seen::Fresh,
            Some(highest) if highest - number >= WINDOW => Seen::TooOld,
            Some(_) => {
                let (word, bit) = Self::slot(number);
                match self.bits.get(word) {
                    Some(bits) if bits & bit == 0 => Seen::Fresh,
                    _ => Seen::Duplicate,
                }
            }
        }
    }

    /// Records a number and says what it was before. Only `Fresh` numbers change anything.
    pub(crate) fn record(&mut self, number: u64) -> Seen {
        let seen = self.check(number);
        if seen != Seen::Fresh {
            return seen;
        }
        match self.highest {
            None => self.highest = Some(number),
            Some(highest) if number > highest => {
                if number - highest >= WINDOW {
                    self.bits = [0; WORDS];
                } else {
                    for skipped in highest + 1..number {
                        let (word, bit) = Self::slot(skipped);
                        if let Some(bits) = self.bits.get_mut(word) {
                            *bits &= !bit;
                        }
                    }
                }
                self.highest = Some(number);
            }
            Some(_) => {}
        }
        let (word, bit) = Self::slot(number);
        if let Some(bits) = self.bits.get_mut(word) {
            *bits |= bit;
        }
        Seen::Fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn numbers_extend_across_the_wrap_in_both_directions() {
        assert_eq!(extend(65_535, 0), 65_536);
        assert_eq!(extend(65_536, 65_535), 65_535);
        assert_eq!(extend(5, 65_535), 65_535, "nothing lies before the first round");
        assert_eq!(extend(3 * 65_536 + 10, 20), 3 * 65_536 + 20);
        assert_eq!(extend(3 * 65_536 + 10, 65_530), 3 * 65_536 - 6);
    }

    #[test]
    fn a_jump_beyond_the_window_forgets_the_old_marks() {
        let mut window = Window::default();
        assert_eq!(window.record(7), Seen::Fresh);
        assert_eq!(window.record(7 + WINDOW), Seen::Fresh);
        assert_eq!(window.check(7), Seen::TooOld);
        assert_eq!(window.check(8), Seen::Fresh);
    }

    proptest! {
        #[test]
        fn no_number_is_ever_fresh_twice(steps in proptest::collection::vec(-2_000i64..2_000, 1..400)) {
            let mut window = Window::default();
            let mut taken = HashSet::new();
            let mut at = 100_000i64;
            for step in steps {
                at = (at + step).max(0);
                if window.record(at as u64) == Seen::Fresh {
                    prop_assert!(taken.insert(at));
                }
            }
        }
    }
}
