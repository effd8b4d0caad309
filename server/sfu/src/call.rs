//! Who is in a call, who publishes what, and which slots show it. Membership and routing only: no packets, no transport.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{PeerId, TrackId};

/// A slot of a member: the member, and the slot's place in its list.
pub(crate) type SlotRef = (PeerId, usize);

#[derive(Default)]
pub(crate) struct Call {
    pub(crate) members: BTreeSet<PeerId>,
    sources: BTreeMap<TrackId, PeerId>,
    routes: BTreeMap<TrackId, Vec<SlotRef>>,
}

impl Call {
    /// Who publishes a track.
    pub(crate) fn source(&self, track: &TrackId) -> Option<PeerId> {
        self.sources.get(track).copied()
    }

    /// Tracks that a member publishes.
    pub(crate) fn tracks_of(&self, peer: PeerId) -> BTreeSet<TrackId> {
        self.sources
            .iter()
            .filter(|(_, source)| **source == peer)
            .map(|(track, _)| *track)
            .collect()
    }

    /// Makes a member the source of a track. A member that came back on a new connection takes over from its old one.
    pub(crate) fn add_source(&mut self, track: TrackId, peer: PeerId) {
        self.sources.insert(track, peer);
    }

    /// Ends a track, if it is still this member's.
    pub(crate) fn remove_source(&mut self, track: &TrackId, peer: PeerId) {
        if self.sources.get(track) == Some(&peer) {
            self.sources.remove(track);
        }
    }

    /// Slots that show a track.
    pub(crate) fn routes(&self, track: &TrackId) -> &[SlotRef] {
        self.routes.get(track).map(Vec::as_slice).unwrap_or_default()
    }

    pub(crate) fn add_route(&mut self, track: TrackId, slot: SlotRef) {
        let slots = self.routes.entry(track).or_default();
        if !slots.contains(&slot) {
            slots.push(slot);
        }
    }

    pub(crate) fn remove_route(&mut self, track: &TrackId, slot: SlotRef) {
        if let Some(slots) = self.routes.get_mut(track) {
            slots.retain(|other| *other != slot);
            if slots.is_empty() {
                self.routes.remove(track);
            }
        }
    }

    pub(crate) fn remove_routes_of(&mut self, peer: PeerId) {
        self.routes.retain(|_, slots| {
            slots.retain(|(member, _)| *member != peer);
            !slots.is_empty()
        });
    }
}
