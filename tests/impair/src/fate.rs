//! What becomes of one datagram. No sockets and no clock, so that it can be tested.

use std::time::Duration;

/// Up is towards the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// From a browser to the server.
    Up,
    /// From the server to a browser.
    Down,
}

/// How bad the network is; holds for all flows, but for what a flow took over when it began.
#[derive(Clone, Copy, Default, Debug)]
pub struct Weather {
    /// New flows lose their n-th handshake datagram (from 1) in this direction, once.
    pub lose: Option<(Direction, u32)>,
    /// Each datagram's chance of being lost, 0 to 1.
    pub loss: f64,
    /// How long each datagram is under way in one direction.
    pub delay: Duration,
}

/// A seeded generator (SplitMix64): the same seed loses the same datagrams of the same sequence.
pub struct Dice(u64);

impl Dice {
    /// A generator that will always throw the same.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// True with this probability.
    pub fn throw(&mut self, probability: f64) -> bool {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // 53 bits are what an f64 holds exactly.
        ((mixed >> 11) as f64) < probability * (1u64 << 53) as f64
    }
}

/// STUN or DTLS, by the first byte (RFC 7983).
pub fn is_handshake(data: &[u8]) -> bool {
    matches!(data.first(), Some(0..=3 | 20..=63))
}

/// What one flow has seen.
pub struct Tally {
    lose: Option<(Direction, u32)>,
    up: u32,
    down: u32,
    /// The datagram that was to be lost has come, and was.
    pub lost_it: bool,
}

impl Tally {
    /// For a flow that begins now.
    pub fn new(weather: &Weather) -> Self {
        Self {
            lose: weather.lose,
            up: 0,
            down: 0,
            lost_it: false,
        }
    }

    /// Handshake datagrams so far in a direction.
    pub fn handshake(&self, direction: Direction) -> u32 {
        match direction {
            Direction::Up => self.up,
            Direction::Down => self.down,
        }
    }

    /// Whether this datagram arrives.
    pub fn arrives(&mut self, direction: Direction, data: &[u8], weather: &Weather, dice: &mut Dice) -> bool {
        if is_handshake(data) {
            let count = match direction {
                Direction::Up => &mut self.up,
                Direction::Down => &mut self.down,
            };
            *count = count.saturating_add(1);
            if self.lose == Some((direction, *count)) {
                self.lost_it = true;
                return false;
            }
        }
        !dice.throw(weather.loss)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_named_handshake_datagram_is_lost_and_media_is_not_counted() {
        let weather = Weather {
            lose: Some((Direction::Down, 2)),
            ..Weather::default()
        };
        let mut tally = Tally::new(&weather);
        let mut dice = Dice::new(1);
        let mut arrives = |direction, first| tally.arrives(direction, &[first, 0], &weather, &mut dice);
        assert!(arrives(Direction::Down, 0), "the first");
        assert!(arrives(Direction::Down, 0x80), "media");
        assert!(arrives(Direction::Up, 22), "the other direction");
        assert!(!arrives(Direction::Down, 22), "the second");
        assert!(arrives(Direction::Down, 22), "the third");
        assert!(tally.lost_it);
        assert_eq!(tally.handshake(Direction::Down), 3);
    }

    #[test]
    fn loss_is_as_frequent_as_asked_and_the_same_for_the_same_seed() {
        let throws = |seed| {
            let mut dice = Dice::new(seed);
            (0..10_000).map(|_| dice.throw(0.2)).collect::<Vec<_>>()
        };
        let lost = throws(7).iter().filter(|lost| **lost).count();
        assert!((1_800..2_200).contains(&lost), "{lost}");
        assert_eq!(throws(7), throws(7));
        assert_ne!(throws(7), throws(8));
        assert!(!Dice::new(1).throw(0.0) && Dice::new(1).throw(1.0));
    }
}
