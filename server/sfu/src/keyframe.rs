//! When to ask a publisher for a keyframe: many subscribers' wishes become few requests.

use std::time::{Duration, Instant};

/// Requests for one track keep this distance however many ask: a keyframe costs ten times a delta frame. Shorter lets one
/// subscriber with a bad line spoil everyone's picture; longer is felt when joining.
const MIN_GAP: Duration = Duration::from_millis(300);
/// Repeat while somebody waits: Chromium ignores a request that comes soon after a keyframe, and requests get lost.
const REPEAT: Duration = Duration::from_millis(400);
/// The same for a track that sends nothing: a camera being started, or a publisher that is gone.
const REPEAT_SILENT: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(crate) struct KeyframeRequests {
    last: Option<Instant>,
    due: Option<Instant>,
    asked: bool,
}

impl KeyframeRequests {
    /// Somebody needs a keyframe: as soon as the distance allows.
    pub(crate) fn want(&mut self, now: Instant) {
        let earliest = self.last.map_or(now, |last| (last + MIN_GAP).max(now));
        self.due = Some(self.due.map_or(earliest, |due| due.min(earliest)));
        self.asked = true;
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// If it is time: whether somebody asked, or it is only a repetition. Forgets the wish.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<bool> {
        self.due.filter(|due| now >= *due)?;
        self.due = None;
        Some(std::mem::take(&mut self.asked))
    }

    /// A request went out. It is repeated until a frame has come, if `waiting`.
    pub(crate) fn sent(&mut self, now: Instant, waiting: bool, alive: bool) {
        self.last = Some(now);
        self.due = waiting.then(|| now + if alive { REPEAT } else { REPEAT_SILENT });
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests need a first instant")]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_coalesced_and_repeated_while_somebody_waits() {
        let start = Instant::now();
        let mut requests = KeyframeRequests::default();
        requests.want(start);
        assert!(requests.take_due(start) == Some(true), "the first goes out at once");
        requests.sent(start, true, true);
        for millis in [1, 50, 299] {
            requests.want(start + Duration::from_millis(millis));
        }
        assert!(requests.take_due(start + Duration::from_millis(299)).is_none());
        assert!(requests.take_due(start + MIN_GAP) == Some(true));
        requests.sent(start + MIN_GAP, true, true);
        assert!(requests.poll_timeout() == Some(start + MIN_GAP + REPEAT));
        requests.sent(start + MIN_GAP, false, true);
        assert!(requests.poll_timeout().is_none(), "nobody waits any more");
    }
}
