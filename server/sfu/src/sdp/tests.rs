//! Real offers of both browsers, and what we answer, read back by an independent parser.

use std::io::Cursor;

use rtc::sdp::SessionDescription;

use super::offer::{Use, parse};
use super::*;
use crate::entropy::Entropy;
use crate::subscriber::Subscriber;
use crate::transport::ice::Credentials;

const CHROMIUM: &str = include_str!("../../tests/fixtures/chromium-156-offer.sdp");
const FIREFOX: &str = include_str!("../../tests/fixtures/firefox-153-offer.sdp");

fn answer_to(text: &str) -> String {
    let offer = parse(text).unwrap();
    let mut entropy = Entropy::new(&[3; 32]);
    let mut subscriber = Subscriber::new();
    subscriber.negotiate(&offer.slot_lines(), &mut entropy);
    let local = Credentials::new(&mut entropy);
    let parts = answer::Parts {
        session_id: u64::MAX,
        version: 1,
        local: &local,
        fingerprint: &[0xab; 32],
        candidates: &["192.0.2.1:443".parse().unwrap(), "[2001:db8::1]:443".parse().unwrap()],
        slots: &subscriber.slots,
    };
    answer::write(&offer, &parts)
}

#[test]
fn both_browsers_offers_are_understood() {
    for text in [CHROMIUM, FIREFOX] {
        let offer = parse(text).unwrap();
        assert_eq!(offer.lines.len(), 22);
        assert_eq!(offer.send_lines().len(), 4);
        assert_eq!(offer.slot_lines().len(), 18);
        for line in &offer.lines {
            match line.media {
                Some(MediaKind::Audio) => assert_eq!(line.codecs.len(), 1),
                _ => {
                    let order: Vec<Codec> = line.codecs.iter().map(|entry| entry.codec).collect();
                    assert_eq!(order, [Codec::Vp8, Codec::Vp9], "both browsers' own order");
                    assert!(line.codecs.iter().all(|entry| entry.repair.is_some()));
                    assert!(
                        line.codecs
                            .iter()
                            .all(|entry| entry.feedback.nack && entry.feedback.pli)
                    );
                }
            }
            assert!(line.codecs.iter().all(|entry| entry.feedback.transport_cc));
            assert!(line.extensions.mid.is_some() && line.extensions.transport_cc.is_some());
        }
    }
}

#[test]
fn answers_hold_what_we_carry_and_nothing_else() {
    for text in [CHROMIUM, FIREFOX] {
        let answer = answer_to(text);
        let parsed = SessionDescription::unmarshal(&mut Cursor::new(answer.as_bytes())).unwrap();
        assert_eq!(parsed.media_descriptions.len(), 22);
        for absent in [
            "H264",
            "AV1",
            "red/",
            "ulpfec",
            "audio-level",
            "goog-remb",
            "telephone",
            "a=sendrecv",
            "G722",
        ] {
            assert!(!answer.contains(absent), "{absent}");
        }
        assert!(answer.contains("a=ice-lite\r\n") && answer.contains("a=setup:passive\r\n"));
        assert!(answer.contains("useinbandfec=0;usedtx=0;cbr=1;maxaveragebitrate=32000;stereo=0\r\n"));
        assert_eq!(answer.matches("a=candidate:").count(), 2, "once for the whole bundle");
        assert!(answer.contains(" 192.0.2.1 443 typ host") && answer.contains(" 2001:db8::1 443 typ host"));
        assert_eq!(answer.matches("a=sendonly\r\n").count(), 18);
        assert_eq!(answer.matches("a=recvonly\r\n").count(), 4);
        assert_eq!(answer.matches("a=ssrc-group:FID").count(), 9);
    }
}

#[test]
fn sound_and_picture_slots_of_one_place_share_a_stream() {
    for text in [CHROMIUM, FIREFOX] {
        let offer = parse(text).unwrap();
        let answer = answer_to(text);
        let mut streams: Vec<(MediaKind, String)> = Vec::new();
        for section in answer.split("\r\nm=").skip(1) {
            if let Some(line) = section.lines().find_map(|line| line.strip_prefix("a=msid:")) {
                let media = if section.starts_with("audio") {
                    MediaKind::Audio
                } else {
                    MediaKind::Video
                };
                streams.push((media, line.split(' ').next().unwrap().to_owned()));
            }
        }
        let of = |media| -> Vec<String> {
            streams
                .iter()
                .filter(|(kind, _)| *kind == media)
                .map(|(_, stream)| stream.clone())
                .collect()
        };
        let expected: Vec<String> = (0..9).map(|place| format!("pair{place}")).collect();
        assert_eq!(of(MediaKind::Audio), expected);
        assert_eq!(of(MediaKind::Video), expected, "the last of each is the screen's");
        assert_eq!(
            offer.lines.iter().filter(|line| line.role == Use::Send).count(),
            streams.len()
        );
    }
}

#[test]
fn m_lines_we_cannot_use_are_refused_one_by_one() {
    let data =
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:22\r\na=sctp-port:5000\r\n";
    let answer = answer_to(&format!("{FIREFOX}{data}"));
    assert!(answer.contains("m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"));
    let bundle = answer.lines().find(|line| line.starts_with("a=group:BUNDLE")).unwrap();
    assert!(bundle.ends_with(" 21"), "not in the bundle");
}

#[test]
fn the_offers_order_of_codecs_is_kept_so_that_members_choose_what_they_send() {
    // The same m-lines with the payload types of VP8 and VP9 exchanged in the list of formats.
    let offer = parse(FIREFOX).unwrap();
    let video = offer
        .lines
        .iter()
        .find(|line| line.media == Some(MediaKind::Video))
        .unwrap();
    let [first, second] = [&video.codecs[0], &video.codecs[1]].map(|entry| entry.payload_type.to_string());
    let swapped: String = FIREFOX
        .lines()
        .map(|line| match line.strip_prefix("m=video 9 UDP/TLS/RTP/SAVPF ") {
            Some(formats) => {
                let exchange = |format: &str| match format {
                    _ if format == first => second.clone(),
                    _ if format == second => first.clone(),
                    other => other.to_owned(),
                };
                let formats: Vec<String> = formats.split(' ').map(exchange).collect();
                format!("m=video 9 UDP/TLS/RTP/SAVPF {}\r\n", formats.join(" "))
            }
            None => format!("{line}\r\n"),
        })
        .collect();
    let offer = parse(&swapped).unwrap();
    let video = offer
        .lines
        .iter()
        .find(|line| line.media == Some(MediaKind::Video))
        .unwrap();
    assert_eq!(
        video.codecs.iter().map(|entry| entry.codec).collect::<Vec<_>>(),
        [Codec::Vp9, Codec::Vp8]
    );
    let answered = answer_to(&swapped);
    let line = answered.lines().find(|line| line.starts_with("m=video")).unwrap();
    assert!(line.starts_with(&format!("m=video 9 UDP/TLS/RTP/SAVPF {second} ")));
}

#[test]
fn a_line_with_one_codec_gets_that_one() {
    let only_vp8 = CHROMIUM.replace("VP9/90000", "XX/90000");
    let offer = parse(&only_vp8).unwrap();
    let video = offer
        .lines
        .iter()
        .find(|line| line.media == Some(MediaKind::Video))
        .unwrap();
    assert_eq!(
        video.codecs.iter().map(|entry| entry.codec).collect::<Vec<_>>(),
        [Codec::Vp8]
    );
}
