//! The receiving half of a member: its slots, and what its RTCP asks of them.
//!
//! Does not know who publishes.

use std::time::{Duration, Instant};

use crate::api::{MediaKind, TrackId};
use crate::entropy::Entropy;
use crate::incoming::ClockSample;
use crate::sdp::SlotLine;
use crate::slot::{Slot, SlotNumbers};
use crate::transport::srtp::Sealer;

/// Sender reports: two are needed before receivers can play a pair in step, so this bounds how long lips are off after a switch.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

pub(crate) struct Subscriber {
    pub(crate) slots: Vec<Slot>,
    wishes: Vec<(String, TrackId)>,
    next_report: Option<Instant>,
}

impl Subscriber {
    pub(crate) fn new() -> Self {
        Self {
            slots: Vec::new(),
            wishes: Vec::new(),
            next_report: None,
        }
    }

    /// A subscriber without slots that remembers what this one's slots wanted.
    pub(crate) fn successor(&self) -> Self {
        let wishes = self
            .slots
            .iter()
            .filter_map(|slot| Some((slot.mid.clone(), slot.wanted?)))
            .collect();
        Self {
            slots: Vec::new(),
            wishes,
            next_report: None,
        }
    }

    /// Wants nothing any more.
    pub(crate) fn forget_wishes(&mut self) {
        self.wishes.clear();
        for slot in &mut self.slots {
            slot.wanted = None;
        }
    }

    /// Gives slots the wishes of their predecessors.
    pub(crate) fn restore_wishes(&mut self) {
        for (mid, track) in std::mem::take(&mut self.wishes) {
            if let Some(slot) = self.slots.iter_mut().find(|slot| slot.mid == mid) {
                slot.wanted = Some(track);
            }
        }
    }

    /// Takes over the receiving m-lines of an offer. The k-th audio and the k-th video slot are a pair. Slots that were there keep
    /// their numbers and what they show.
    pub(crate) fn negotiate(&mut self, lines: &[SlotLine], entropy: &mut Entropy) {
        let mut old = std::mem::take(&mut self.slots);
        let (mut audio, mut video) = (0, 0);
        for line in lines {
            let place = match line.media {
                MediaKind::Audio => &mut audio,
                MediaKind::Video => &mut video,
            };
            let pair = format!("pair{place}");
            *place += 1;
            let known = old
                .iter()
                .position(|slot| slot.mid == line.mid && slot.media == line.media);
            let mut slot = match known {
                Some(at) => old.swap_remove(at),
                None => Slot::new(&line.mid, line.media, String::new(), &self.numbers(&old, entropy)),
            };
            slot.pair = pair;
            slot.codecs.clone_from(&line.codecs);
            self.slots.push(slot);
        }
    }

    fn numbers(&self, old: &[Slot], entropy: &mut Entropy) -> SlotNumbers {
        let (ssrc, repair_ssrc) = (self.unused_ssrc(old, entropy), self.unused_ssrc(old, entropy));
        SlotNumbers {
            ssrc,
            repair_ssrc,
            sequence: entropy.u32() as u16,
            timestamp: entropy.u32(),
        }
    }

    fn unused_ssrc(&self, old: &[Slot], entropy: &mut Entropy) -> u32 {
        loop {
            let ssrc = entropy.u32();
            let used = |slot: &Slot| slot.ssrc == ssrc || slot.repair_ssrc == ssrc;
            if ssrc != 0 && !self.slots.iter().chain(old).any(used) {
                return ssrc;
            }
        }
    }

    pub(crate) fn slot_of_mid(&self, mid: &str) -> Option<usize> {
        self.slots.iter().position(|slot| slot.mid == mid)
    }

    // COST: linear in slots (at most 128), once per RTCP message.
    pub(crate) fn slot_of_ssrc(&mut self, ssrc: u32) -> Option<&mut Slot> {
        self.slots.iter_mut().find(|slot| slot.ssrc == ssrc)
    }

    /// Repair packets for what a subscriber says it lacks.
    pub(crate) fn handle_nack(&mut self, now: Instant, ssrc: u32, lost: &[u16], sealer: &mut Sealer) -> Vec<Vec<u8>> {
        let Some(slot) = self.slot_of_ssrc(ssrc) else {
            return Vec::new();
        };
        lost.iter()
            .filter_map(|sequence| slot.repair(now, *sequence, sealer))
            .collect()
    }

    /// A slot has begun to show something: report as soon as possible.
    pub(crate) fn report_soon(&mut self, now: Instant) {
        self.next_report = Some(now);
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.next_report
    }

    /// Whether reports are due. If so the next ones are planned, as long as any slot is assigned.
    pub(crate) fn take_report_due(&mut self, now: Instant) -> bool {
        let due = self.next_report.is_some_and(|at| now >= at);
        if due {
            self.next_report = None;
            if self.slots.iter().any(|slot| slot.assigned.is_some()) {
                self.next_report = Some(now + REPORT_INTERVAL);
            }
            self.slots.iter_mut().for_each(|slot| slot.forget_old(now));
        }
        due
    }

    /// Sender reports for slots whose publisher's clock is known, by slot.
    pub(crate) fn reports(&self, now: Instant, clocks: &[(usize, ClockSample)]) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        for (slot, sample) in clocks {
            let Some(slot) = self.slots.get(*slot) else { continue };
            let mut packet = Vec::new();
            slot.report(now, sample, &mut packet);
            if !packet.is_empty() {
                packets.push(packet);
            }
        }
        packets
    }
}
