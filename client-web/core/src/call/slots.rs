//! Which member's tracks stand in which receiving slot.
//!
//! Does not talk to the server. Stable: a member keeps their pair for as long as they are in the call, unless somebody with an open microphone needs
//! it; never by loudness, so that the requests do not tell the server who speaks. SPEC: protocol.md §3, design.md §5.

use conclave_protocol::ids::{MemberId, TrackId, TrackKind, TransportId};

use crate::limits::PAIRS;

/// Another member, as far as slots are concerned.
#[derive(Clone, Copy)]
pub(crate) struct Candidate {
    pub(crate) member: MemberId,
    pub(crate) transport: TransportId,
    /// Bit per track kind: switched on.
    pub(crate) on: u8,
}

impl Candidate {
    pub(crate) fn has(&self, kind: TrackKind) -> bool {
        self.on & (1 << kind as u8) != 0
    }

    fn track(&self, kind: TrackKind) -> Option<TrackId> {
        self.has(kind).then_some(TrackId {
            transport: self.transport,
            kind,
        })
    }
}

/// The assignment.
#[derive(Default)]
pub(crate) struct Slots {
    pairs: [Option<MemberId>; PAIRS],
    /// Members who share a screen, the newest last.
    sharers: Vec<MemberId>,
}

impl Slots {
    /// Follows who is there (in order of arrival) and what they have switched on.
    pub(crate) fn assign(&mut self, others: &[Candidate]) {
        let there = |id: &MemberId| others.iter().any(|c| c.member == *id);
        for pair in &mut self.pairs {
            if pair.is_some_and(|id| !there(&id)) {
                *pair = None;
            }
        }
        // Open microphones first, then pictures, then the rest.
        let mut queue: Vec<&Candidate> = others.iter().filter(|c| self.pair_of(&c.member).is_none()).collect();
        queue.sort_by_key(|c| (!c.has(TrackKind::Microphone), !c.has(TrackKind::Camera)));
        for candidate in queue {
            let free = self.pairs.iter().position(Option::is_none).or_else(|| {
                candidate
                    .has(TrackKind::Microphone)
                    .then(|| self.least_needed(others))
                    .flatten()
            });
            if let Some(pair) = free.and_then(|k| self.pairs.get_mut(k)) {
                *pair = Some(candidate.member);
            }
        }
        let shares = |id: &MemberId| others.iter().any(|c| c.member == *id && c.has(TrackKind::Screen));
        self.sharers.retain(shares);
        for candidate in others.iter().filter(|c| c.has(TrackKind::Screen)) {
            if !self.sharers.contains(&candidate.member) {
                self.sharers.push(candidate.member);
            }
        }
    }

    /// A pair whose member is muted, without a picture if possible, the highest such.
    fn least_needed(&self, others: &[Candidate]) -> Option<usize> {
        let muted = |k: &usize, camera: bool| {
            let id = self.pairs.get(*k).copied().flatten();
            others
                .iter()
                .any(|c| Some(c.member) == id && !c.has(TrackKind::Microphone) && c.has(TrackKind::Camera) == camera)
        };
        (0..PAIRS)
            .rev()
            .find(|k| muted(k, false))
            .or_else(|| (0..PAIRS).rev().find(|k| muted(k, true)))
    }

    pub(crate) fn pair_of(&self, member: &MemberId) -> Option<u8> {
        self.pairs
            .iter()
            .position(|p| *p == Some(*member))
            .and_then(|k| u8::try_from(k).ok())
    }

    pub(crate) fn sharer(&self) -> Option<MemberId> {
        self.sharers.last().copied()
    }

    /// What pair `k` shall receive of this kind.
    pub(crate) fn wanted(&self, k: u8, kind: TrackKind, others: &[Candidate]) -> Option<TrackId> {
        let member = self.pairs.get(usize::from(k)).copied().flatten()?;
        others.iter().find(|c| c.member == member)?.track(kind)
    }

    /// What the screen slots shall receive.
    pub(crate) fn wanted_screen(&self, kind: TrackKind, others: &[Candidate]) -> Option<TrackId> {
        let member = self.sharer()?;
        others.iter().find(|c| c.member == member)?.track(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIC: u8 = 1;
    const CAM: u8 = 2;
    const SCREEN: u8 = 4;

    fn someone(n: u8, on: u8) -> Candidate {
        Candidate {
            member: MemberId::from_bytes([n; 16]),
            transport: TransportId::from_bytes([n; 16]),
            on,
        }
    }

    fn pair(slots: &Slots, n: u8) -> Option<u8> {
        slots.pair_of(&MemberId::from_bytes([n; 16]))
    }

    #[test]
    fn everybody_keeps_their_pair_when_others_come_and_go() {
        let mut slots = Slots::default();
        slots.assign(&[someone(1, CAM), someone(2, MIC), someone(3, 0)]);
        let before = [pair(&slots, 1), pair(&slots, 3)];
        slots.assign(&[someone(1, 0), someone(3, CAM | MIC), someone(4, CAM)]);
        assert_eq!([pair(&slots, 1), pair(&slots, 3)], before);
        assert!(pair(&slots, 4).is_some() && pair(&slots, 2).is_none());
        assert!(
            slots
                .wanted(pair(&slots, 1).unwrap(), TrackKind::Camera, &[someone(1, 0)])
                .is_none()
        );
    }

    #[test]
    fn an_open_microphone_takes_the_pair_of_a_muted_member_but_never_of_a_speaking_one() {
        let mut slots = Slots::default();
        let mut all: Vec<Candidate> = (1..=8)
            .map(|n| someone(n, if n == 4 { 0 } else { MIC | CAM }))
            .collect();
        slots.assign(&all);
        all.push(someone(9, CAM));
        slots.assign(&all);
        assert_eq!(pair(&slots, 9), None, "a picture alone took a pair");
        let was = pair(&slots, 4);
        all[8] = someone(9, MIC);
        slots.assign(&all);
        assert_eq!(pair(&slots, 9), was);
        assert_eq!(pair(&slots, 4), None);
        all.push(someone(10, MIC));
        slots.assign(&all);
        assert_eq!(pair(&slots, 10), None, "a ninth microphone took a speaker's pair");
    }

    #[test]
    fn the_newest_screen_is_shown_and_the_older_comes_back() {
        let mut slots = Slots::default();
        slots.assign(&[someone(1, SCREEN), someone(2, 0)]);
        slots.assign(&[someone(1, SCREEN), someone(2, SCREEN)]);
        assert!(slots.sharer() == Some(MemberId::from_bytes([2; 16])));
        slots.assign(&[someone(1, SCREEN), someone(2, 0)]);
        assert!(slots.sharer() == Some(MemberId::from_bytes([1; 16])));
    }
}
