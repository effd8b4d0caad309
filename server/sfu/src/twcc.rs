//! Transport-wide feedback: tells a publisher when each of its packets arrived, so that its own estimator finds the rate.
//!
//! Estimates nothing itself. SPEC: draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::rtcp::TRANSPORT_FEEDBACK;
use crate::sequence::extend;

/// Interval between feedbacks. libwebrtc sends every 50–250 ms; at 100 ms feedback costs a publisher's downlink about 10 kbit/s.
const INTERVAL: Duration = Duration::from_millis(100);
/// Packets one feedback may speak of; a burst beyond is reported in the next one.
const MAX_SPAN: u64 = 512;
/// Arrivals kept between two feedbacks: 100 ms at 20,000 packets a second.
const MAX_PENDING: usize = 2_048;
const FMT_TWCC: u8 = 15;
/// Reference time counts 64 ms, deltas 250 µs.
const REFERENCE_US: u64 = 64_000;
const DELTA_US: i64 = 250;

pub(crate) struct TransportFeedback {
    epoch: Instant,
    highest: Option<u64>,
    arrivals: BTreeMap<u64, u64>,
    due: Option<Instant>,
    count: u8,
}

impl TransportFeedback {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            epoch: now,
            highest: None,
            arrivals: BTreeMap::new(),
            due: None,
            count: 0,
        }
    }

    /// Notes the transport-wide number in a packet's header extension.
    pub(crate) fn record(&mut self, now: Instant, number: u16) {
        // Start one round up, so that numbers just before the first fit below it.
        let index = self
            .highest
            .map_or(1 << 16 | u64::from(number), |highest| extend(highest, number));
        self.highest = Some(self.highest.map_or(index, |highest| highest.max(index)));
        if self.arrivals.len() < MAX_PENDING {
            let elapsed = now.saturating_duration_since(self.epoch);
            self.arrivals.entry(index).or_insert(elapsed.as_micros() as u64);
        }
        self.due.get_or_insert(now + INTERVAL);
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// Appends a feedback message if it is time.
    pub(crate) fn poll(&mut self, now: Instant, sender: u32, media: u32, out: &mut Vec<u8>) {
        if self.due.is_none_or(|due| now < due) {
            return;
        }
        self.due = None;
        let Some((&first, &first_us)) = self.arrivals.first_key_value() else {
            return;
        };
        let reference = first_us / REFERENCE_US;
        let mut statuses = Vec::new();
        let mut deltas = Vec::new();
        let mut clock = (reference * REFERENCE_US) as i64;
        while let Some((&index, &at)) = self.arrivals.first_key_value() {
            let ticks = (at as i64 - clock).div_euclid(DELTA_US);
            let Ok(delta) = i16::try_from(ticks) else { break };
            if index - first >= MAX_SPAN {
                break;
            }
            statuses.resize((index - first) as usize, 0u8);
            clock += ticks * DELTA_US;
            match u8::try_from(delta) {
                Ok(small) => {
                    statuses.push(1);
                    deltas.push(small);
                }
                Err(_) => {
                    statuses.push(2);
                    deltas.extend_from_slice(&delta.to_be_bytes());
                }
            }
            self.arrivals.pop_first();
        }
        if !self.arrivals.is_empty() {
            self.due = Some(now);
        }
        self.write(sender, media, first, reference, &statuses, &deltas, out);
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one message")]
    fn write(
        &mut self,
        sender: u32,
        media: u32,
        first: u64,
        reference: u64,
        statuses: &[u8],
        deltas: &[u8],
        out: &mut Vec<u8>,
    ) {
        let chunks = chunks(statuses);
        let body = 16 + chunks.len() * 2 + deltas.len();
        let padding = (4 - body % 4) % 4;
        out.push(0x80 | if padding > 0 { 0x20 } else { 0 } | FMT_TWCC);
        out.push(TRANSPORT_FEEDBACK);
        out.extend_from_slice(&((body + padding) as u16 / 4).to_be_bytes());
        out.extend_from_slice(&sender.to_be_bytes());
        out.extend_from_slice(&media.to_be_bytes());
        out.extend_from_slice(&(first as u16).to_be_bytes());
        out.extend_from_slice(&(statuses.len() as u16).to_be_bytes());
        let [.., r2, r1, r0] = reference.to_be_bytes();
        out.extend_from_slice(&[r2, r1, r0, self.count]);
        self.count = self.count.wrapping_add(1);
        for chunk in chunks {
            out.extend_from_slice(&chunk.to_be_bytes());
        }
        out.extend_from_slice(deltas);
        // The last byte of padding counts itself and the others.
        out.extend((1..=padding).map(|place| if place == padding { padding as u8 } else { 0 }));
    }
}

/// Packs two-bit statuses: a run where at least seven are equal, else seven at a time.
fn chunks(mut statuses: &[u8]) -> Vec<u16> {
    let mut out = Vec::new();
    while let Some(first) = statuses.first() {
        let run = statuses.iter().take_while(|status| *status == first).count();
        if run >= 7 {
            out.push(u16::from(*first) << 13 | run as u16);
            statuses = statuses.get(run..).unwrap_or_default();
        } else {
            let seven = statuses.iter().chain(std::iter::repeat(&0)).take(7);
            out.push(seven.fold(0b11, |chunk, status| chunk << 2 | u16::from(*status)));
            statuses = statuses.get(7..).unwrap_or_default();
        }
    }
    out
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests need a first instant")]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rtc::rtcp::transport_feedbacks::transport_layer_cc::{PacketStatusChunk, SymbolTypeTcc, TransportLayerCc};

    fn read(bytes: &[u8]) -> TransportLayerCc {
        let packets = rtc::rtcp::packet::unmarshal(&mut bytes::Bytes::copy_from_slice(bytes)).unwrap();
        packets[0].as_any().downcast_ref::<TransportLayerCc>().unwrap().clone()
    }

    fn received(feedback: &TransportLayerCc) -> Vec<u16> {
        let mut symbols = Vec::new();
        for chunk in &feedback.packet_chunks {
            match chunk {
                PacketStatusChunk::RunLengthChunk(run) => {
                    symbols.extend(std::iter::repeat_n(
                        run.packet_status_symbol,
                        usize::from(run.run_length),
                    ));
                }
                PacketStatusChunk::StatusVectorChunk(vector) => symbols.extend(&vector.symbol_list),
            }
        }
        let counted = symbols
            .iter()
            .take(usize::from(feedback.packet_status_count))
            .enumerate();
        let there = counted.filter(|(_, symbol)| **symbol != SymbolTypeTcc::PacketNotReceived);
        there
            .map(|(offset, _)| feedback.base_sequence_number.wrapping_add(offset as u16))
            .collect()
    }

    proptest! {
        #[test]
        fn an_independent_parser_reads_exactly_what_arrived(
            start in any::<u16>(),
            steps in proptest::collection::vec((1u16..6, 0u64..40_000), 1..60),
        ) {
            let begin = Instant::now();
            let mut feedback = TransportFeedback::new(begin);
            let (mut number, mut now) = (start, begin);
            let mut sent = Vec::new();
            for (step, micros) in steps {
                number = number.wrapping_add(step);
                now += Duration::from_micros(micros);
                feedback.record(now, number);
                sent.push(number);
            }
            let mut out = Vec::new();
            feedback.poll(now + INTERVAL, 1, 2, &mut out);
            prop_assert_eq!(received(&read(&out)), sent);
        }
    }

    #[test]
    fn a_gap_of_minutes_ends_a_message_and_starts_another() {
        let begin = Instant::now();
        let mut feedback = TransportFeedback::new(begin);
        feedback.record(begin, 1);
        feedback.record(begin + Duration::from_secs(60), 2);
        let (mut one, mut two) = (Vec::new(), Vec::new());
        let now = begin + Duration::from_secs(61);
        feedback.poll(now, 1, 2, &mut one);
        feedback.poll(now, 1, 2, &mut two);
        assert_eq!(received(&read(&one)), [1]);
        assert_eq!(received(&read(&two)), [2]);
        assert!(feedback.poll_timeout().is_none());
    }
}
