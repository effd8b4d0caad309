//! Loss: what is not forwarded twice, what comes again, and what is asked for.

mod common;

use std::time::Duration;

use common::Shape;
use common::client::Packet;
use common::watch::{VIDEO_SLOT, follows, frame, numbers, rtcp_of, watching};
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{TransportLayerNack, nack_pairs_from_sequence_numbers};
use rtc::rtp::Header;
use rtc::shared::marshal::Marshal;

#[test]
fn duplicates_and_repairs_of_what_arrived_are_not_forwarded() {
    let mut net = watching(Shape::default());
    net.clients[0].send_vp8(1, 3_000, true, b"key");
    net.clients[0].send_vp8(2, 6_000, false, b"next");
    net.run(Duration::from_millis(50));
    // A probe: packet 2 again, on the repair source.
    let ssrc = net.clients[0].ssrc(0x20);
    for probe in 0..5u16 {
        let header = Header {
            payload_type: 97,
            sequence_number: 500 + probe,
            timestamp: 6_000,
            ssrc,
            ..Default::default()
        };
        let payload = [&[0, 2, 0x10, 0x11], b"next".as_slice()].concat();
        net.clients[0].send_rtp(header, Some("1"), &payload);
    }
    net.run(Duration::from_millis(50));
    assert_eq!(net.clients[1].seen(VIDEO_SLOT).len(), 2);
    assert_eq!(net.sfu.counters().duplicates, 5);
}

#[test]
fn padding_probes_are_not_forwarded_and_leave_no_hole() {
    let mut net = watching(Shape::default());
    net.clients[0].send_vp8(1, 3_000, true, b"key");
    for sequence in 2..5u16 {
        let header = Header {
            payload_type: 96,
            padding: true,
            sequence_number: sequence,
            timestamp: 3_000,
            ssrc: net.clients[0].ssrc(1),
            ..Default::default()
        };
        let mut padding = vec![0; 100];
        padding[99] = 100;
        net.clients[0].send_rtp(header, Some("1"), &padding);
    }
    net.clients[0].send_vp8(5, 6_000, false, b"next");
    net.run(Duration::from_millis(100));
    let seen = net.clients[1].seen(VIDEO_SLOT);
    assert_eq!(seen.len(), 2);
    assert!(follows(&numbers(&seen)));
    assert_eq!(net.sfu.counters().padding, 3);
}

#[test]
fn what_a_subscriber_lost_comes_again_on_the_repair_source() {
    let mut net = watching(Shape::default());
    for sequence in 1..6u16 {
        frame(&mut net, sequence, sequence == 1, 20);
    }
    net.run(Duration::from_millis(50));
    let [media, repair] = net.clients[1].slot_ssrcs(VIDEO_SLOT)[..] else {
        panic!("two sources")
    };
    let lost = net.clients[1].seen(VIDEO_SLOT)[2].clone();
    let number = lost.header.sequence_number;
    let ask = TransportLayerNack {
        sender_ssrc: 1,
        media_ssrc: media,
        nacks: nack_pairs_from_sequence_numbers(&[number, number.wrapping_add(500)]),
    };
    let ask = ask.marshal().unwrap();
    net.clients[1].send_rtcp(&ask);
    net.clients[1].send_rtcp(&ask);
    net.run(Duration::from_millis(50));
    let repairs: Vec<Packet> = net.clients[1]
        .rtp
        .iter()
        .filter(|packet| packet.header.ssrc == repair)
        .cloned()
        .collect();
    assert_eq!(repairs.len(), 1, "asked for twice at once, sent once");
    assert_eq!(repairs[0].header.payload_type, 97);
    assert_eq!(repairs[0].payload[..2], number.to_be_bytes());
    assert_eq!(repairs[0].payload[2..], lost.payload[..]);
    assert_eq!(
        net.clients[1].seen(VIDEO_SLOT).len(),
        5,
        "the media source never repeats a number"
    );
    for _ in 0..20 {
        net.run(Duration::from_millis(40));
        net.clients[1].send_rtcp(&ask);
    }
    net.run(Duration::from_millis(50));
    assert!(
        net.sfu.counters().retransmitted <= 5,
        "asking cannot make us send without end"
    );
}

#[test]
fn what_the_server_lacks_is_asked_for_and_fills_its_place() {
    let mut net = watching(Shape::default());
    for sequence in [10u16, 11, 14, 15] {
        frame(&mut net, sequence, sequence == 10, 20);
    }
    net.run(Duration::from_millis(100));
    let asked: Vec<u16> = rtcp_of::<TransportLayerNack>(&net, 0)
        .into_iter()
        .flat_map(|(_, nack)| {
            nack.nacks
                .iter()
                .flat_map(|pair| pair.packet_list())
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(asked.starts_with(&[12, 13]), "{asked:?}");
    for sequence in [13u16, 12] {
        let header = Header {
            payload_type: 97,
            sequence_number: 900 + sequence,
            timestamp: u32::from(sequence) * 3_000,
            ssrc: net.clients[0].ssrc(0x20),
            ..Default::default()
        };
        let payload = [&sequence.to_be_bytes(), [0x10, 0x11].as_slice(), &[sequence as u8; 20]].concat();
        net.clients[0].send_rtp(header, Some("1"), &payload);
    }
    net.run(Duration::from_millis(50));
    let mut seen: Vec<(u16, u8)> = net.clients[1]
        .seen(VIDEO_SLOT)
        .iter()
        .map(|packet| (packet.header.sequence_number, packet.payload[2]))
        .collect();
    seen.sort_unstable();
    assert_eq!(
        seen.iter().map(|(_, body)| *body).collect::<Vec<_>>(),
        [10, 11, 12, 13, 14, 15]
    );
    assert!(follows(&seen.iter().map(|(number, _)| *number).collect::<Vec<_>>()));
    assert_eq!(net.sfu.counters().recovered, 2);
}

#[test]
fn loss_on_every_path_never_repeats_a_number_and_pictures_go_on() {
    for seed in 1..=5 {
        let mut net = watching(Shape::default());
        let mut roll = common::dice(seed);
        net.loss = Box::new(move |_, data| data[0] >= 128 && roll() < 0.2);
        for sequence in 0..600u16 {
            let number = 65_300u16.wrapping_add(sequence);
            net.clients[0].send_vp8(number, u32::from(sequence) * 3_000, sequence % 50 == 0, &[1; 20]);
            net.run(Duration::from_millis(10));
        }
        let seen = net.clients[1].seen(VIDEO_SLOT);
        let mut distinct = numbers(&seen);
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), seen.len(), "seed {seed}");
        assert!(seen.len() > 300, "seed {seed}: {} of 600 at 36 % loss", seen.len());
    }
}
