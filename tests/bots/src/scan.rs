//! Searching what a server saw for what it must not see.
//!
//! A scan that finds nothing proves little by itself; every use of it has a positive control beside it, in
//! which the very same scan must hit.

use std::collections::HashSet;

/// Length of the runs that count as a find. Sixteen random bytes agree by chance never; shorter runs would hit
/// on headers, longer ones would miss a leak that is cut at a packet's edge.
pub const RUN: usize = 16;

/// A run with fewer different bytes says nothing: zeros and other filling stand in honest traffic too.
const MIN_DIFFERENT: usize = 5;

/// Every run of [`RUN`] bytes of what was sealed.
#[derive(Default)]
pub struct Runs(HashSet<[u8; RUN]>);

impl Runs {
    /// Adds every run of one frame.
    pub fn add(&mut self, frame: &[u8]) {
        self.0
            .extend(frame.array_windows::<RUN>().filter(|run| is_telling(run)));
    }

    /// How many runs are searched for.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing to search for; a scan would then prove nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many places in one piece of traffic agree with a run.
    #[must_use]
    pub fn hits(&self, traffic: &[u8]) -> usize {
        traffic
            .array_windows::<RUN>()
            .filter(|run| self.0.contains(*run))
            .count()
    }
}

fn is_telling(run: &[u8; RUN]) -> bool {
    let mut seen = [false; 256];
    for byte in run {
        if let Some(seen) = seen.get_mut(usize::from(*byte)) {
            *seen = true;
        }
    }
    seen.iter().filter(|seen| **seen).count() >= MIN_DIFFERENT
}

/// How often `needle` stands in `traffic`. An empty needle is nowhere.
#[must_use]
pub fn occurrences(needle: &[u8], traffic: &[u8]) -> usize {
    if needle.is_empty() {
        return 0;
    }
    traffic.windows(needle.len()).filter(|window| *window == needle).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_found_wherever_it_stands() {
        let frame: Vec<u8> = (0..100).collect();
        let mut runs = Runs::default();
        runs.add(&frame);
        assert_eq!(runs.len(), 85);
        assert_eq!(runs.hits(&[&[255; 7], &frame[50..66], &[255; 3]].concat()), 1);
        assert_eq!(runs.hits(&frame[50..65]), 0, "fifteen bytes are not a run");
        assert_eq!(runs.hits(&frame), 85);
    }

    #[test]
    fn filling_is_not_searched_for() {
        let mut runs = Runs::default();
        runs.add(&[0; 64]);
        runs.add(&[1, 2, 3, 4].repeat(16));
        runs.add(b"short");
        assert!(runs.is_empty());
    }

    #[test]
    fn needles_are_counted() {
        assert_eq!(occurrences(b"ab", b"abcab"), 2);
        assert_eq!(occurrences(b"", b"abc"), 0);
        assert_eq!(occurrences(b"abcd", b"abc"), 0);
    }
}
