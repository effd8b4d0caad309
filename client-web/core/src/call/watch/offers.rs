//! What the server offers, against what the room's owner signed.
//!
//! Does not end anything: a server may refuse to carry, and the person is told that it does. What it offers *more* than was signed is refused when the
//! sheet is opened (`conclave_protocol::sheet`).

use conclave_protocol::ids::TrackKind;
use conclave_protocol::room::Limits;

use super::super::inside::Inside;
use super::super::shared::Shared;
use crate::io::OffersLess;
use crate::limits::FLOOR_CHECK_MS;

/// What falls short: offered and signed, of each limit that is lower than signed.
pub(crate) type Less = OffersLess;

/// Compares what was announced with what was signed.
pub(crate) fn less(announced: &Limits, signed: &Limits) -> Less {
    let pair = |offered: u16, signed: u16| (offered < signed).then_some((offered, signed));
    Less {
        members: pair(announced.members, signed.members),
        seats: pair(announced.seats.into(), signed.seats.into()),
        calls: pair(announced.calls.into(), signed.calls.into()),
    }
}

impl Inside {
    /// What the server announced, and what it refused though the signed limits and its own list of tracks leave room.
    pub(super) fn offers_less(&self, now: u64, s: &Shared) -> Option<OffersLess> {
        let mut less = s.less;
        if let (Some(at), Some(sheet)) = (self.watch.floor_full_at, &s.room.sheet) {
            // The list of tracks may be a moment older than the refusal.
            let taken = self.media.count_on(TrackKind::Microphone);
            let signed = u16::from(sheet.record.limits.seats);
            if self.media.is_refused() && now.saturating_sub(at) >= FLOOR_CHECK_MS && taken < signed {
                less.seats.get_or_insert((taken, signed));
            }
        }
        (less != OffersLess::default()).then_some(less)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_lower_is_told() {
        let signed = Limits {
            members: 250,
            seats: 8,
            calls: 4,
        };
        assert!(less(&signed, &signed) == OffersLess::default());
        let told = less(
            &Limits {
                members: 10,
                seats: 8,
                calls: 3,
            },
            &signed,
        );
        assert!(told.members == Some((10, 250)) && told.seats.is_none() && told.calls == Some((3, 4)));
    }
}
