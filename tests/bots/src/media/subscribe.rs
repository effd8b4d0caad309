//! The receiving side of a bot: packets of the slots to frames, frames to figures in the view.

use std::collections::BTreeMap;

use conclave_frame::{OpenError, Opened, TransportId};
use rtc::rtp;

use super::{
    codecs::codec_of,
    lines::Line,
    packets::{Assembler, Frame},
    pattern,
    publish::Shared,
};
use crate::view::{Stats, View};

/// Whom the core asked for in a slot.
#[derive(Default)]
struct Expected {
    current: Option<TransportId>,
    /// The one before, until the first frame of the new one.
    before: Option<TransportId>,
}

/// The slots of one connection.
#[derive(Default)]
pub(crate) struct Subscriptions {
    expected: BTreeMap<String, Expected>,
    assemblers: BTreeMap<usize, Assembler>,
}

impl Subscriptions {
    /// The core asked the server for this member's track in this slot, or for none.
    pub(crate) fn expect(&mut self, mid: String, transport: Option<TransportId>) {
        let slot = self.expected.entry(mid).or_default();
        slot.before = slot.current;
        slot.current = transport;
    }

    /// Takes a packet of a slot; frames that it completes are opened and counted.
    pub(crate) fn packet(
        &mut self,
        shared: &Shared,
        line_at: usize,
        line: &Line,
        packet: &rtp::Packet,
        view: &mut View,
    ) -> bool {
        let Some(codec) = codec_of(packet.header.payload_type) else {
            return false;
        };
        let assembler = self.assemblers.entry(line_at).or_default();
        let header = &packet.header;
        let Some(frame) = assembler.push(
            codec,
            header.sequence_number,
            header.timestamp,
            header.marker,
            &packet.payload,
        ) else {
            return false;
        };
        self.frame(shared, line, &frame, view)
    }

    fn frame(&mut self, shared: &Shared, line: &Line, frame: &Frame, view: &mut View) -> bool {
        let Some(slot) = self.expected.get_mut(&line.mid) else {
            return false;
        };
        let asked: Vec<TransportId> = slot.current.into_iter().chain(slot.before).collect();
        let kind = line.role.kind();
        let now_ms = shared.now_ms();
        let opened =
            shared
                .crypto
                .lock()
                .receiver
                .open(now_ms, &asked, kind, frame.codec, frame.key_frame, &frame.sealed);
        match opened {
            Ok(opened) => {
                if Some(opened.transport) == slot.current {
                    slot.before = None;
                }
                let stats = view.tracks.entry((opened.transport, kind as u8)).or_default();
                count(stats, now_ms, &opened);
                true
            }
            Err(OpenError::Duplicate | OpenError::Silent) => false,
            Err(_) => {
                if let Some(transport) = slot.current {
                    view.tracks.entry((transport, kind as u8)).or_default().rejected += 1;
                }
                slot.current.is_some()
            }
        }
    }
}

fn count(stats: &mut Stats, now_ms: u64, opened: &Opened) {
    stats.opened += 1;
    stats.key_frames += u64::from(opened.key_frame);
    stats.first_ms.get_or_insert(now_ms);
    stats.last_capture_ms = opened.capture_ms;
    stats.last_leaf = Some(opened.leaf);
    if let Some(mark) = pattern::read(&opened.media) {
        stats.intact += 1;
        stats.last_id = Some(mark.id);
        stats.last_counter = Some(mark.counter);
    }
}
