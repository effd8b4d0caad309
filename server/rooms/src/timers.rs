//! What is waiting for the time to pass, and for whom.
//!
//! A timer only says "look at this again": whoever is looked at decides anew whether anything is due. So a timer too many is harmless.

use std::collections::BTreeSet;

use conclave_protocol::ids::{CallId, RoomId};

use crate::io::ConnId;

/// Who asked.
#[derive(Clone, Copy, Eq, PartialEq, Ord, PartialOrd)]
pub(crate) enum Waiting {
    /// A connection that has yet to prove its link.
    Admission(ConnId),
    /// A connection with an unfinished long message.
    Assembly(ConnId),
    /// A call: its log, its restart, its end, its list of tracks.
    Call(RoomId, CallId),
}

/// All timers, soonest first.
#[derive(Default)]
pub(crate) struct Timers {
    set: BTreeSet<(u64, Waiting)>,
}

impl Timers {
    pub(crate) fn wait(&mut self, until_ms: u64, who: Waiting) {
        self.set.insert((until_ms, who));
    }

    pub(crate) fn next(&self) -> Option<u64> {
        self.set.first().map(|(at, _)| *at)
    }

    /// Takes one timer that is due.
    pub(crate) fn due(&mut self, now_ms: u64) -> Option<Waiting> {
        let (at, _) = self.set.first()?;
        if *at > now_ms {
            return None;
        }
        self.set.pop_first().map(|(_, who)| who)
    }
}
