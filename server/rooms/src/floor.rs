//! The tracks of one call and the seats at its microphones.
//!
//! The server learns who holds a seat, not who talks: a muted member keeps sending at constant rate. A seat is taken by switching the microphone's
//! track on and given back by switching it off or leaving.

use std::collections::BTreeMap;

use conclave_protocol::{
    ids::{TrackId, TrackKind, TransportId},
    message::{RefusalCode, TrackState},
};

/// Shortest time between two lists of tracks. The list of a full call is 20 kB to each of 250 members; a person does not see a tenth of a second.
const LIST_MS: u64 = 100;

/// Tracks, seats, and whether the members have yet to hear of a change.
#[derive(Default)]
pub(crate) struct Floor {
    tracks: BTreeMap<TrackId, bool>,
    changed: bool,
    not_before_ms: u64,
}

impl Floor {
    /// Switches a track on or off, within the seats.
    pub(crate) fn publish(&mut self, track: TrackId, on: bool, seats: u8) -> Result<(), RefusalCode> {
        let was_on = self.tracks.get(&track).copied();
        if on && was_on != Some(true) && track.kind == TrackKind::Microphone && self.seats_taken() >= usize::from(seats)
        {
            return Err(RefusalCode::FloorFull);
        }
        if was_on != Some(on) {
            self.tracks.insert(track, on);
            self.changed = true;
        }
        Ok(())
    }

    /// Removes all tracks of somebody who left.
    pub(crate) fn leave(&mut self, transport: TransportId) {
        let before = self.tracks.len();
        self.tracks.retain(|track, _| track.transport != transport);
        self.changed |= self.tracks.len() != before;
    }

    pub(crate) fn seats_taken(&self) -> usize {
        self.tracks
            .iter()
            .filter(|(track, on)| track.kind == TrackKind::Microphone && **on)
            .count()
    }

    /// The whole list.
    pub(crate) fn list(&self) -> Vec<TrackState> {
        self.tracks
            .iter()
            .map(|(track, on)| TrackState { track: *track, on: *on })
            .collect()
    }

    /// When the members are to be told, if there is anything to tell.
    pub(crate) fn next_list(&self) -> Option<u64> {
        self.changed.then_some(self.not_before_ms)
    }

    /// The list, if it is to be told now.
    pub(crate) fn take_list(&mut self, now_ms: u64) -> Option<Vec<TrackState>> {
        if !self.changed || now_ms < self.not_before_ms {
            return None;
        }
        self.changed = false;
        self.not_before_ms = now_ms + LIST_MS;
        Some(self.list())
    }
}
