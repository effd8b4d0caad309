//! Days since 1970-01-01 as dates, and today, in UTC.

use std::time::{SystemTime, UNIX_EPOCH};

const SECONDS_PER_DAY: u64 = 86_400;

/// Today's day number.
pub(crate) fn today() -> u16 {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    u16::try_from(seconds / SECONDS_PER_DAY).unwrap_or(u16::MAX)
}

/// A day as `YYYY-MM-DD`.
pub(crate) fn date(day: u16) -> String {
    let mut rest = u32::from(day);
    let mut year = 1970;
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if rest < length {
            break;
        }
        rest -= length;
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if rest < length {
            break;
        }
        rest -= length;
        month += 1;
    }
    format!("{year:04}-{month:02}-{:02}", rest + 1)
}

/// Reads `YYYY-MM-DD`.
pub(crate) fn day(text: &str) -> Option<u16> {
    // 65,535 dates are few enough to look one up, and then there is one rule about leap years and not two.
    (text.len() == 10).then_some(())?;
    (0..=u16::MAX).find(|day| date(*day) == text)
}

/// The Gregorian rule; 65,535 days end in 2149, so 2100 matters.
fn is_leap(year: u32) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_date_is_no_day() {
        for text in [
            "",
            "2026-02-29",
            "2026-11-31",
            "2026-1-1",
            "1969-12-31",
            "2149-06-07",
            "22.11.2026",
        ] {
            assert_eq!(day(text), None, "{text}");
        }
    }

    #[test]
    fn known_days_have_their_dates() {
        // From `date -u -d @$((day * 86400)) +%F`.
        for (day, text) in [
            (0, "1970-01-01"),
            (58, "1970-02-28"),
            (59, "1970-03-01"),
            (789, "1972-02-29"),
            (11_016, "2000-02-29"),
            (20_779, "2026-11-22"),
            (47_540, "2100-02-28"),
            (47_541, "2100-03-01"),
            (65_535, "2149-06-06"),
        ] {
            assert_eq!(date(day), text, "day {day}");
            assert_eq!(super::day(text), Some(day), "{text}");
        }
    }
}
