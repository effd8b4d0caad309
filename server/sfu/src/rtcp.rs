//! The few RTCP messages that a forwarding plane speaks: reports, NACK, keyframe requests. Transport-wide feedback has its own file.
//!
//! Reads only what it acts on and skips the rest. SPEC: RFC 3550 §6, RFC 4585 §6, RFC 5104 §4.3.1 (FIR), RFC 5506 (reduced size).

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
pub(crate) const TRANSPORT_FEEDBACK: u8 = 205;
const PAYLOAD_FEEDBACK: u8 = 206;
const FMT_NACK: u8 = 1;
const FMT_PLI: u8 = 1;
const FMT_FIR: u8 = 4;
const SDES_CNAME: u8 = 1;

/// Entries of NACK or FIR read from one message: more than fit a datagram's worth of honest feedback.
const MAX_ENTRIES: usize = 256;

/// What a peer tells us.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Feedback {
    /// A publisher's clock: at this NTP time its RTP clock stood here.
    SenderReport { ssrc: u32, ntp: u64, rtp: u32 },
    /// Sequence numbers of `ssrc` that a subscriber lacks.
    Nack { ssrc: u32, lost: Vec<u16> },
    /// A subscriber needs a keyframe on `ssrc`.
    Keyframe { ssrc: u32 },
}

/// Reads a compound packet, up to the first thing that does not parse.
pub(crate) fn parse(mut data: &[u8]) -> Vec<Feedback> {
    let mut out = Vec::new();
    while let Some((head, after)) = data.split_first_chunk::<4>() {
        let [first, kind, len_hi, len_lo] = *head;
        let length = usize::from(u16::from_be_bytes([len_hi, len_lo])) * 4;
        if first >> 6 != 2 {
            break;
        }
        let Some((body, next)) = after.split_at_checked(length) else {
            break;
        };
        read_one(first & 0x1f, kind, body, &mut out);
        data = next;
    }
    out
}

fn word(data: &[u8], at: usize) -> Option<u32> {
    data.get(at..)?
        .first_chunk::<4>()
        .map(|bytes| u32::from_be_bytes(*bytes))
}

fn read_one(format: u8, kind: u8, body: &[u8], out: &mut Vec<Feedback>) {
    match (kind, format) {
        (SENDER_REPORT, _) => {
            if let (Some(ssrc), Some(high), Some(low), Some(rtp)) =
                (word(body, 0), word(body, 4), word(body, 8), word(body, 12))
            {
                out.push(Feedback::SenderReport {
                    ssrc,
                    ntp: u64::from(high) << 32 | u64::from(low),
                    rtp,
                });
            }
        }
        (TRANSPORT_FEEDBACK, FMT_NACK) => {
            let Some(ssrc) = word(body, 4) else { return };
            let mut lost = Vec::new();
            for entry in body.get(8..).unwrap_or_default().chunks_exact(4).take(MAX_ENTRIES) {
                let Some(pair) = word(entry, 0) else { continue };
                let first = (pair >> 16) as u16;
                lost.push(first);
                let following = (0..16u16).filter(|bit| pair & (1 << bit) != 0);
                lost.extend(following.map(|bit| first.wrapping_add(bit + 1)));
            }
            out.push(Feedback::Nack { ssrc, lost });
        }
        (PAYLOAD_FEEDBACK, FMT_PLI) => out.extend(word(body, 4).map(|ssrc| Feedback::Keyframe { ssrc })),
        (PAYLOAD_FEEDBACK, FMT_FIR) => {
            let entries = body.get(8..).unwrap_or_default().chunks_exact(8).take(MAX_ENTRIES);
            out.extend(
                entries
                    .filter_map(|entry| word(entry, 0))
                    .map(|ssrc| Feedback::Keyframe { ssrc }),
            );
        }
        _ => {}
    }
}

fn header(out: &mut Vec<u8>, count: u8, kind: u8, words: usize) {
    out.push(0x80 | count & 0x1f);
    out.push(kind);
    out.extend_from_slice(&(words as u16).to_be_bytes());
}

/// PLI, RFC 4585 §6.3.1.
pub(crate) fn write_pli(out: &mut Vec<u8>, sender: u32, media: u32) {
    header(out, FMT_PLI, PAYLOAD_FEEDBACK, 2);
    out.extend_from_slice(&sender.to_be_bytes());
    out.extend_from_slice(&media.to_be_bytes());
}

/// NACK, RFC 4585 §6.2.1; `lost` in ascending order.
pub(crate) fn write_nack(out: &mut Vec<u8>, sender: u32, media: u32, lost: &[u64]) {
    let mut pairs: Vec<(u64, u16)> = Vec::new();
    for number in lost {
        match pairs.last_mut() {
            Some((first, mask)) if number.wrapping_sub(*first) <= 16 && number > first => {
                *mask |= 1 << (number - *first - 1);
            }
            _ => pairs.push((*number, 0)),
        }
    }
    header(out, FMT_NACK, TRANSPORT_FEEDBACK, 2 + pairs.len());
    out.extend_from_slice(&sender.to_be_bytes());
    out.extend_from_slice(&media.to_be_bytes());
    for (first, mask) in pairs {
        out.extend_from_slice(&(first as u16).to_be_bytes());
        out.extend_from_slice(&mask.to_be_bytes());
    }
}

/// One block of a receiver report.
pub(crate) struct ReportBlock {
    pub(crate) ssrc: u32,
    pub(crate) fraction_lost: u8,
    pub(crate) lost: u32,
    pub(crate) highest: u32,
    pub(crate) jitter: u32,
    pub(crate) last_sr: u32,
    pub(crate) delay: u32,
}

/// Receiver report, RFC 3550 §6.4.2; at most 31 blocks.
pub(crate) fn write_rr(out: &mut Vec<u8>, sender: u32, blocks: &[ReportBlock]) {
    let blocks = blocks.get(..31).unwrap_or(blocks);
    header(out, blocks.len() as u8, RECEIVER_REPORT, 1 + 6 * blocks.len());
    out.extend_from_slice(&sender.to_be_bytes());
    for block in blocks {
        out.extend_from_slice(&block.ssrc.to_be_bytes());
        out.extend_from_slice(&(u32::from(block.fraction_lost) << 24 | block.lost.min(0x7f_ffff)).to_be_bytes());
        out.extend_from_slice(&block.highest.to_be_bytes());
        out.extend_from_slice(&block.jitter.to_be_bytes());
        out.extend_from_slice(&block.last_sr.to_be_bytes());
        out.extend_from_slice(&block.delay.to_be_bytes());
    }
}

/// What a sender report says.
pub(crate) struct SenderInfo<'a> {
    pub(crate) ssrc: u32,
    pub(crate) ntp: u64,
    pub(crate) rtp: u32,
    pub(crate) packets: u32,
    pub(crate) octets: u32,
    pub(crate) cname: &'a str,
}

/// Sender report and source description, RFC 3550 §6.4.1 and §6.5.
pub(crate) fn write_sr(out: &mut Vec<u8>, info: &SenderInfo<'_>) {
    header(out, 0, SENDER_REPORT, 6);
    out.extend_from_slice(&info.ssrc.to_be_bytes());
    out.extend_from_slice(&info.ntp.to_be_bytes());
    out.extend_from_slice(&info.rtp.to_be_bytes());
    out.extend_from_slice(&info.packets.to_be_bytes());
    out.extend_from_slice(&info.octets.to_be_bytes());
    let cname = info.cname.as_bytes();
    let cname = cname.get(..255).unwrap_or(cname);
    // Chunk: SSRC, item type, item length, text, then one to four zeros up to a word.
    let padding = 4 - (2 + cname.len()) % 4;
    header(out, 1, SOURCE_DESCRIPTION, (4 + 2 + cname.len() + padding) / 4);
    out.extend_from_slice(&info.ssrc.to_be_bytes());
    out.extend_from_slice(&[SDES_CNAME, cname.len() as u8]);
    out.extend_from_slice(cname);
    out.extend(std::iter::repeat_n(0, padding));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
    use rtc::rtcp::receiver_report::ReceiverReport;
    use rtc::rtcp::sender_report::SenderReport;
    use rtc::rtcp::source_description::SourceDescription;
    use rtc::rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;

    fn read(bytes: &[u8]) -> Vec<Box<dyn rtc::rtcp::Packet>> {
        rtc::rtcp::packet::unmarshal(&mut bytes::Bytes::copy_from_slice(bytes)).unwrap()
    }

    #[test]
    fn an_independent_parser_reads_our_nack() {
        let mut out = Vec::new();
        let lost = [65_534, 65_535, 65_536, 65_550, 65_551, 65_600];
        write_nack(&mut out, 1, 2, &lost);
        let packets = read(&out);
        let nack = packets[0].as_any().downcast_ref::<TransportLayerNack>().unwrap();
        let listed: Vec<u16> = nack.nacks.iter().flat_map(|pair| pair.packet_list()).collect();
        assert_eq!(listed, lost.map(|number| number as u16));
        assert_eq!(parse(&out), [Feedback::Nack { ssrc: 2, lost: listed }]);
    }

    #[test]
    fn an_independent_parser_reads_our_reports() {
        for cname in ["", "a", "ab", "abc", "pair0"] {
            let mut out = Vec::new();
            let info = SenderInfo {
                ssrc: 9,
                ntp: 1 << 33 | 5,
                rtp: 77,
                packets: 3,
                octets: 4,
                cname,
            };
            write_sr(&mut out, &info);
            let packets = read(&out);
            let report = packets[0].as_any().downcast_ref::<SenderReport>().unwrap();
            assert!(report.ssrc == 9 && report.ntp_time == 1 << 33 | 5 && report.rtp_time == 77);
            let description = packets[1].as_any().downcast_ref::<SourceDescription>().unwrap();
            assert_eq!(description.chunks[0].items[0].text, cname.as_bytes());
            assert_eq!(
                parse(&out),
                [Feedback::SenderReport {
                    ssrc: 9,
                    ntp: 1 << 33 | 5,
                    rtp: 77
                }]
            );
        }
        let mut out = Vec::new();
        let block = ReportBlock {
            ssrc: 5,
            fraction_lost: 7,
            lost: 9,
            highest: 70_000,
            jitter: 3,
            last_sr: 11,
            delay: 13,
        };
        write_rr(&mut out, 1, &[block]);
        write_pli(&mut out, 1, 5);
        let packets = read(&out);
        let report = packets[0].as_any().downcast_ref::<ReceiverReport>().unwrap();
        let read = &report.reports[0];
        assert!(read.ssrc == 5 && read.fraction_lost == 7 && read.total_lost == 9);
        assert!(read.last_sequence_number == 70_000 && read.delay == 13);
        assert!(
            packets[1]
                .as_any()
                .downcast_ref::<PictureLossIndication>()
                .unwrap()
                .media_ssrc
                == 5
        );
    }

    proptest! {
        #[test]
        fn hostile_bytes_do_no_harm(data in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse(&data);
        }

        #[test]
        fn mutated_compounds_do_no_harm(at in 0usize..60, byte in any::<u8>()) {
            let mut out = Vec::new();
            write_sr(&mut out, &SenderInfo { ssrc: 9, ntp: 0, rtp: 0, packets: 0, octets: 0, cname: "x" });
            write_nack(&mut out, 1, 2, &[4, 5, 6]);
            if let Some(place) = out.get_mut(at) {
                *place = byte;
            }
            let _ = parse(&out);
        }
    }
}
