//! Bytes and texts from people who mean harm: nothing panics, and the others' call goes on.

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use common::{Net, Shape, dice};
use conclave_sfu::{CallKey, Input, OfferFault, PeerId, TrackKind};

const FIREFOX: &str = include_str!("fixtures/firefox-153-offer.sdp");
const CHROMIUM: &str = include_str!("fixtures/chromium-156-offer.sdp");

/// Two members in a call; the rest of a test harms a third, or their network.
fn call() -> Net {
    let mut net = Net::new();
    net.join_connected(Shape::default());
    net.join_connected(Shape::default());
    net.publish(0, "1", TrackKind::Camera, true);
    net.show(1, "4", Some(net.track(0, TrackKind::Camera)));
    net
}

/// The picture still gets through.
fn goes_on(net: &mut Net, sequence: u16) {
    let before = net.clients[1].seen("4").len();
    net.clients[0].send_vp8(sequence, u32::from(sequence) * 3_000, true, b"key");
    net.run(Duration::from_millis(50));
    assert_eq!(net.clients[1].seen("4").len(), before + 1);
}

#[test]
fn random_datagrams_from_anywhere_change_nothing() {
    let mut net = call();
    let known = net.clients[0].address;
    let mut roll = dice(7);
    let mut random = move || (roll() * 256.0) as u8;
    for round in 0..4_000u32 {
        let length = usize::from(random()) + usize::from(random() % 4) * 300;
        let mut data: Vec<u8> = (0..length).map(|_| random()).collect();
        if let Some(first) = data.first_mut() {
            // Each class of first byte in turn.
            *first = [0, 1, 22, 20, 23, 128, 144, 160, *first][round as usize % 9];
        }
        let stranger = SocketAddr::from(([198, 51, 100, random()], 1_000));
        let from = if round % 2 == 0 { known } else { stranger };
        net.sfu.handle(
            net.now,
            Input::Datagram {
                from,
                to_socket: 0,
                data: &data,
            },
        );
    }
    assert!(net.sfu.counters().unattributed >= 2_000);
    assert_eq!(net.sfu.counters().media_in, 0);
    goes_on(&mut net, 10);
}

#[test]
fn hellos_from_strangers_are_not_answered() {
    let mut net = call();
    let out = net.sfu.counters().datagrams_out;
    let stranger = SocketAddr::from(([198, 51, 100, 9], 1_000));
    let hello = [&[22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 1], [0u8; 19].as_slice()].concat();
    net.sfu.handle(
        net.now,
        Input::Datagram {
            from: stranger,
            to_socket: 0,
            data: &hello,
        },
    );
    net.run(Duration::from_millis(400));
    let answered = net.sfu.counters().datagrams_out - out;
    assert!(answered <= 4, "only reports to members: {answered}");
    assert_eq!(net.sfu.counters().unattributed, 1);
}

#[test]
fn a_member_cannot_take_anothers_address() {
    let mut net = call();
    let victim = net.clients[0].address;
    let attacker = net.join_connected(Shape::default());
    let honest = net.clients[attacker].address;
    net.clients[attacker].address = victim;
    net.clients[attacker].restart_ice();
    net.offer(attacker);
    net.run(Duration::from_millis(200));
    net.clients[attacker].address = honest;
    goes_on(&mut net, 10);
}

#[test]
fn a_members_own_hostile_media_stays_its_own() {
    let mut net = call();
    let attacker = net.join_connected(Shape::default());
    net.publish(attacker, "1", TrackKind::Camera, true);
    let mut roll = dice(3);
    let mut random = move || (roll() * 65_536.0) as u16;
    for round in 0..2_000u32 {
        let header = rtc::rtp::Header {
            payload_type: [96, 97, 98, 99, 111, 12][round as usize % 6],
            padding: round % 7 == 0,
            sequence_number: random(),
            timestamp: round,
            ssrc: u32::from(random() % 300),
            ..Default::default()
        };
        let length = usize::from(random() % 30);
        let payload: Vec<u8> = (0..length).map(|_| random() as u8).collect();
        net.clients[attacker].send_rtp(
            header,
            [Some("1"), Some("0"), Some("9"), None][round as usize % 4],
            &payload,
        );
        let mut report: Vec<u8> = (0..40).map(|_| random() as u8).collect();
        report[0] = 0x80 | report[0] & 0x1f;
        report[1] = [200, 201, 202, 205, 206][round as usize % 5];
        report[2..4].copy_from_slice(&[0, [9, 4, 200][round as usize % 3]]);
        net.clients[attacker].send_rtcp(&report);
    }
    net.run(Duration::from_secs(2));
    goes_on(&mut net, 10);
}

#[test]
fn real_offers_are_answered_and_mutations_of_them_do_no_harm() {
    let mut net = call();
    let peer = PeerId(99);
    net.sfu.handle(
        net.now,
        Input::Join {
            peer,
            call: CallKey(1),
            transport: [9; 16],
        },
    );
    for text in [CHROMIUM, FIREFOX] {
        net.sfu.handle(net.now, Input::Offer { peer, sdp: text });
    }
    net.run(Duration::from_millis(1));
    assert!(net.refused.is_empty());
    let mut roll = dice(11);
    for round in 0..600 {
        let text = if round % 2 == 0 { FIREFOX } else { CHROMIUM };
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for _ in 0..1 + (roll() * 8.0) as usize {
            let at = (roll() * lines.len() as f64) as usize;
            let other = (roll() * lines.len() as f64) as usize;
            match (roll() * 5.0) as u8 {
                0 => {
                    lines.remove(at);
                }
                1 => lines.swap(at, other),
                2 => {
                    let cut = (roll() * lines[at].len() as f64) as usize;
                    if lines[at].is_char_boundary(cut) {
                        lines[at].truncate(cut);
                    }
                }
                3 => {
                    let line = lines[at].clone();
                    lines.insert(other, line);
                }
                _ => lines[at] = lines[at].replace(['0', ':'], "é9"),
            }
        }
        net.sfu.handle(
            net.now,
            Input::Offer {
                peer,
                sdp: &lines.join("\r\n"),
            },
        );
    }
    net.run(Duration::from_millis(1));
    assert!(!net.refused.is_empty());
    goes_on(&mut net, 10);
}

#[test]
fn unusable_offers_are_refused_with_the_reason() {
    let mut net = Net::new();
    let mut refusal = |sdp: &str| {
        net.sfu.handle(net.now, Input::Offer { peer: PeerId(7), sdp });
        net.run(Duration::from_millis(1));
        net.refused.pop().map(|(_, reason)| reason)
    };
    assert_eq!(refusal(FIREFOX), Some(OfferFault::NotJoined));
    let mut net = Net::new();
    net.sfu.handle(
        net.now,
        Input::Join {
            peer: PeerId(7),
            call: CallKey(1),
            transport: [7; 16],
        },
    );
    let mut refusal = |sdp: &str| {
        net.sfu.handle(net.now, Input::Offer { peer: PeerId(7), sdp });
        net.run(Duration::from_millis(1));
        net.refused.pop().map(|(_, reason)| reason)
    };
    assert_eq!(refusal(FIREFOX), None);
    assert_eq!(refusal(""), Some(OfferFault::Malformed));
    assert_eq!(refusal("v=0\r\n"), Some(OfferFault::NoMedia));
    assert_eq!(refusal(&"v=0\r\n".repeat(100_000)), Some(OfferFault::TooLarge));
    assert_eq!(
        refusal(&format!("v=0\r\n{}", "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n".repeat(200))),
        Some(OfferFault::TooLarge)
    );
    assert_eq!(
        refusal(&FIREFOX.replace("a=mid:1\r\n", "a=mid:0\r\n")),
        Some(OfferFault::BadMid)
    );
    assert_eq!(
        refusal(&FIREFOX.replace("a=mid:0\r\n", "a=mid:a b\r\n")),
        Some(OfferFault::BadMid)
    );
    assert_eq!(
        refusal(&FIREFOX.replace("BUNDLE 0 1", "BUNDLE")),
        Some(OfferFault::NotBundled)
    );
    assert_eq!(
        refusal(&FIREFOX.replace("a=ice-pwd:", "a=x-pwd:")),
        Some(OfferFault::NoIce)
    );
    assert_eq!(
        refusal(&FIREFOX.replace("sha-256", "sha-1")),
        Some(OfferFault::NoFingerprint)
    );
    assert_eq!(
        refusal(&FIREFOX.replace("actpass", "passive")),
        Some(OfferFault::DtlsRole)
    );
    assert_eq!(
        refusal(&FIREFOX.replace("opus", "x").replace("VP", "W")),
        Some(OfferFault::NoMedia)
    );
}
