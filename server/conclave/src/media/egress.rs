//! The operator's limit on what the whole server sends (`limits.egress_mbit`): a bucket that fills at that rate.
//!
//! When it runs low, packets of pictures are dropped here instead of at random in the line's own queue, where sound would be lost with them and
//! everything would come late. What is kept: sound, handshakes, path checks, feedback. It does not choose smaller
//! pictures; somebody whose packets are dropped sees a picture stand still until there is room.

use std::time::{Duration, Instant};

/// RTP packets up to this long are taken for sound: a padded frame of 20 ms is about 250 bytes on the wire, one of 60 ms under 600. Larger:
/// the ends of pictures count as sound. Smaller: sound is dropped.
const SOUND_LEN: usize = 600;

/// How much may leave at once after a pause. Larger: bursts fill the line's queue. Smaller: keyframes are cut though the line is idle.
const BURST: Duration = Duration::from_millis(200);

/// Part of the bucket that pictures leave to everything else, in hundredths.
const RESERVE_PERCENT: i64 = 25;

/// Bytes of Ethernet, IP and UDP around a datagram, which the line carries too.
const OVERHEAD: i64 = 46;

/// The bucket.
pub(crate) struct Egress {
    bytes_per_second: i64,
    full: i64,
    tokens: i64,
    at: Instant,
}

impl Egress {
    pub(crate) fn new(mbit: u32, now: Instant) -> Self {
        let bytes_per_second = i64::from(mbit) * 125_000;
        let full = bytes_per_second * i64::try_from(BURST.as_millis()).unwrap_or(i64::MAX) / 1_000;
        Self {
            bytes_per_second,
            full,
            tokens: full,
            at: now,
        }
    }

    /// Whether this datagram may leave now; if so it is paid for.
    pub(crate) fn allows(&mut self, now: Instant, datagram: &[u8]) -> bool {
        let micros = i64::try_from(now.saturating_duration_since(self.at).as_micros()).unwrap_or(i64::MAX);
        let filled = micros.saturating_mul(self.bytes_per_second) / 1_000_000;
        // The remainder of a division must not be lost at every packet, or the bucket would fill too slowly.
        if filled > 0 {
            self.at = now;
            self.tokens = self.tokens.saturating_add(filled).min(self.full);
        }
        if is_picture(datagram) && self.tokens < self.full * RESERVE_PERCENT / 100 {
            return false;
        }
        let cost = i64::try_from(datagram.len())
            .unwrap_or(i64::MAX)
            .saturating_add(OVERHEAD);
        // What is never dropped may put the bucket into debt, but not so deep that pictures stay away for long.
        self.tokens = self.tokens.saturating_sub(cost).max(-self.full);
        true
    }
}

/// Long RTP. SPEC: RFC 7983 (what the first byte says), RFC 5761 §4 (RTCP among it by its type).
fn is_picture(datagram: &[u8]) -> bool {
    let (Some(first), Some(second)) = (datagram.first(), datagram.get(1)) else {
        return false;
    };
    let rtp = (128..=191).contains(first) && !(192..=223).contains(second);
    rtp && datagram.len() > SOUND_LEN
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(first: u8, second: u8, len: usize) -> Vec<u8> {
        let mut packet = vec![0; len];
        packet[0] = first;
        packet[1] = second;
        packet
    }

    /// Ten seconds: a voice of 20 ms for each of `voices`, and pictures of 1,200 bytes at `picture_mbit`. What got through.
    fn run(limit_mbit: u32, voices: u32, picture_mbit: u32) -> (f64, u32, u32, u32) {
        let start = Instant::now();
        let mut egress = Egress::new(limit_mbit, start);
        let (voice, picture) = (packet(0x80, 111, 250), packet(0x80, 96, 1_200));
        let (mut bytes, mut voices_lost, mut sent, mut offered) = (0, 0, 0, 0);
        for millis in 0..10_000_u32 {
            let now = start + Duration::from_millis(u64::from(millis));
            if millis % 20 == 0 {
                for _ in 0..voices {
                    if egress.allows(now, &voice) {
                        bytes += 250 + 46;
                    } else {
                        voices_lost += 1;
                    }
                }
            }
            let due = u64::from(picture_mbit) * 125 * u64::from(millis + 1) / 1_200;
            while u64::from(offered) < due {
                offered += 1;
                if egress.allows(now, &picture) {
                    sent += 1;
                    bytes += 1_200 + 46;
                }
            }
        }
        (f64::from(bytes) * 8.0 / 10_000_000.0, voices_lost, sent, offered)
    }

    #[test]
    fn above_the_limit_pictures_are_dropped_and_sound_is_not() {
        let (mbit, voices_lost, sent, offered) = run(20, 40, 60);
        assert_eq!(voices_lost, 0);
        // The burst at the start is a fifth of a second, two hundredths of these ten.
        assert!((19.0..=20.5).contains(&mbit), "{mbit} Mbit/s");
        assert!(sent > 0 && sent < offered / 2, "{sent} of {offered}");
    }

    #[test]
    fn below_the_limit_nothing_is_dropped() {
        let (mbit, voices_lost, sent, offered) = run(100, 40, 60);
        assert!(voices_lost == 0 && sent == offered, "{sent} of {offered}");
        assert!(mbit > 60.0, "{mbit} Mbit/s");
    }

    #[test]
    fn handshakes_path_checks_and_feedback_are_never_dropped() {
        let start = Instant::now();
        let mut egress = Egress::new(1, start);
        let picture = packet(0x80, 96, 1_200);
        while egress.allows(start, &picture) {}
        for kept in [
            packet(0, 1, 100),
            packet(22, 254, 1_200),
            packet(0x81, 205, 1_200),
            packet(0x80, 111, 600),
        ] {
            assert!(egress.allows(start, &kept), "first byte {:?}", kept.first());
        }
        assert!(!egress.allows(start, &picture));
        assert!(
            egress.allows(start + Duration::from_secs(1), &picture),
            "a second later there is room again"
        );
    }
}
