//! What subscribers get: the right packets, once, in one unbroken stream, beginning at a keyframe.

mod common;

use std::time::Duration;

use common::client::Packet;
use common::{Net, Shape};
use conclave_sfu::{Input, PeerId, TrackKind};
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{TransportLayerNack, nack_pairs_from_sequence_numbers};
use rtc::rtp::Header;
use rtc::shared::marshal::Marshal;

const CAMERA: TrackKind = TrackKind::Camera;
const MICROPHONE: TrackKind = TrackKind::Microphone;
/// Mids of the first audio and video slot of [`Shape::default`].
const AUDIO_SLOT: &str = "2";
const VIDEO_SLOT: &str = "4";

/// A publisher at 0 and a subscriber at 1 that shows the publisher's camera.
fn watching(shape: Shape) -> Net {
    let mut net = Net::new();
    net.join_connected(Shape::default());
    net.join_connected(shape);
    net.publish(0, "1", CAMERA, true);
    net.show(1, VIDEO_SLOT, Some(net.track(0, CAMERA)));
    net
}

fn numbers(packets: &[&Packet]) -> Vec<u16> {
    packets.iter().map(|packet| packet.header.sequence_number).collect()
}

fn follows(numbers: &[u16]) -> bool {
    numbers.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1))
}

fn keyframe_requests(net: &Net, at: usize) -> Vec<std::time::Instant> {
    let mut times = Vec::new();
    for (time, bytes) in &net.clients[at].rtcp {
        let packets = rtc::rtcp::packet::unmarshal(&mut bytes::Bytes::copy_from_slice(bytes)).unwrap();
        let requests = packets
            .iter()
            .filter(|packet| packet.as_any().is::<PictureLossIndication>());
        times.extend(requests.map(|_| *time));
    }
    times
}

#[test]
fn a_picture_begins_at_a_keyframe_under_the_subscribers_payload_type() {
    let mut net = watching(Shape {
        vp8: 120,
        vp9: 122,
        ..Shape::default()
    });
    for sequence in 100..105u16 {
        net.clients[0].send_vp8(sequence, u32::from(sequence) * 3_000, false, b"before");
        net.run(Duration::from_millis(30));
    }
    assert!(net.clients[1].seen(VIDEO_SLOT).is_empty(), "no keyframe yet");
    for sequence in 105..115u16 {
        net.clients[0].send_vp8(
            sequence,
            u32::from(sequence) * 3_000,
            sequence == 105,
            &[sequence as u8; 40],
        );
        net.run(Duration::from_millis(30));
    }
    let seen = net.clients[1].seen(VIDEO_SLOT);
    assert_eq!(seen.len(), 10);
    assert!(follows(&numbers(&seen)));
    for (place, packet) in seen.iter().enumerate() {
        assert_eq!(packet.header.payload_type, 120);
        assert_eq!(packet.payload[2..], [105 + place as u8; 40]);
        assert!(packet.header.marker);
    }
    let steps: Vec<u32> = seen
        .windows(2)
        .map(|pair| pair[1].header.timestamp.wrapping_sub(pair[0].header.timestamp))
        .collect();
    assert!(steps.iter().all(|step| *step == 3_000));
}

#[test]
fn keyframe_requests_repeat_while_a_slot_waits_and_stop_when_a_picture_flows() {
    let mut net = watching(Shape::default());
    net.clients[0].send_vp8(1, 3_000, false, b"no key");
    net.run(Duration::from_secs(3));
    let requests = keyframe_requests(&net, 0);
    assert!(
        (6..=9).contains(&requests.len()),
        "about every 400 ms: {}",
        requests.len()
    );
    assert!(
        requests
            .windows(2)
            .all(|pair| pair[1] - pair[0] >= Duration::from_millis(295))
    );
    net.clients[0].send_vp8(2, 6_000, true, b"key");
    net.run(Duration::from_millis(500));
    let before = keyframe_requests(&net, 0).len();
    net.run(Duration::from_secs(3));
    assert_eq!(keyframe_requests(&net, 0).len(), before, "nobody waits any more");
}

#[test]
fn a_newcomer_costs_no_keyframe_before_it_can_receive_and_gets_one_at_once_then() {
    let mut net = Net::new();
    net.join_connected(Shape::default());
    net.publish(0, "1", CAMERA, true);
    net.clients[0].send_vp8(1, 3_000, true, b"key");
    net.run(Duration::from_secs(1));
    net.delay = Duration::from_millis(100);
    let newcomer = net.join(Shape::default());
    net.show(newcomer, VIDEO_SLOT, Some(net.track(0, CAMERA)));
    // The handshake takes two round trips, a request to the publisher half of one.
    net.run(Duration::from_millis(250));
    assert!(!net.clients[newcomer].connected());
    assert!(
        keyframe_requests(&net, 0).is_empty(),
        "a keyframe for somebody who cannot receive it"
    );
    net.until("the newcomer is connected", Duration::from_secs(5), |net| {
        net.clients[newcomer].connected()
    });
    net.until("the publisher is asked", Duration::from_millis(150), |net| {
        !keyframe_requests(net, 0).is_empty()
    });
}

#[test]
fn wishes_of_many_subscribers_become_few_requests() {
    let mut net = watching(Shape::default());
    net.clients[0].send_vp8(1, 3_000, true, b"key");
    net.run(Duration::from_secs(1));
    let before = keyframe_requests(&net, 0).len();
    for _ in 0..20 {
        let media_ssrc = net.clients[1].slot_ssrcs(VIDEO_SLOT)[0];
        let wish = PictureLossIndication {
            sender_ssrc: 1,
            media_ssrc,
        };
        net.clients[1].send_rtcp(&wish.marshal().unwrap());
        net.run(Duration::from_millis(30));
    }
    net.run(Duration::from_secs(1));
    let asked = keyframe_requests(&net, 0).len() - before;
    assert!(
        (2..=3).contains(&asked),
        "600 ms of wishes at a distance of 300 ms: {asked}"
    );
}

#[test]
fn a_switch_between_publishers_leaves_no_gap() {
    let mut net = watching(Shape::default());
    net.join_connected(Shape::default());
    net.publish(2, "1", CAMERA, true);
    let mut sequences = [65_530u16, 30_000];
    let mut sent = 0;
    for round in 0..6usize {
        let from = round % 2;
        let at = [0, 2][from];
        net.show(1, VIDEO_SLOT, Some(net.track(at, CAMERA)));
        for frame in 0..10u32 {
            for (publisher, sequence) in [0, 2].into_iter().zip(&mut sequences) {
                let timestamp = (publisher as u32 + 1) * 1_000_000_000 + (round as u32 * 10 + frame) * 3_000;
                net.clients[publisher].send_vp8(*sequence, timestamp, frame == 3, &[publisher as u8; 30]);
                *sequence = sequence.wrapping_add(1);
            }
            net.run(Duration::from_millis(33));
        }
        let seen = net.clients[1].seen(VIDEO_SLOT);
        sent += 7;
        assert_eq!(seen.len(), sent, "seven frames from the keyframe on in round {round}");
        assert!(
            seen[sent - 7..].iter().all(|packet| packet.payload[2] == at as u8),
            "the right picture"
        );
    }
    let seen = net.clients[1].seen(VIDEO_SLOT);
    assert!(follows(&numbers(&seen)));
    let forward = seen.windows(2).all(|pair| {
        let step = pair[1].header.timestamp.wrapping_sub(pair[0].header.timestamp);
        (1..90_000).contains(&step)
    });
    assert!(forward, "time goes on, by about what passed");
}

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
        net.clients[0].send_vp8(
            sequence,
            u32::from(sequence) * 3_000,
            sequence == 1,
            &[sequence as u8; 20],
        );
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
        net.clients[0].send_vp8(
            sequence,
            u32::from(sequence) * 3_000,
            sequence == 10,
            &[sequence as u8; 20],
        );
    }
    net.run(Duration::from_millis(100));
    let asked: Vec<u16> = net.clients[0]
        .rtcp
        .iter()
        .flat_map(|(_, bytes)| rtc::rtcp::packet::unmarshal(&mut bytes::Bytes::copy_from_slice(bytes)).unwrap())
        .filter_map(|packet| packet.as_any().downcast_ref::<TransportLayerNack>().cloned())
        .flat_map(|nack| {
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
fn sound_and_picture_of_a_pair_are_reported_on_one_clock() {
    let mut net = watching(Shape::default());
    net.publish(0, "0", MICROPHONE, true);
    net.show(1, AUDIO_SLOT, Some(net.track(0, MICROPHONE)));
    // The publisher's clock stands at an odd place; at one moment its streams stand at these timestamps.
    let (ntp, sound, picture) = (777u64 << 32, 480_000u32, 9_000_000u32);
    for (line, rtp_time) in [(0, sound), (1, picture)] {
        let report = SenderReport {
            ssrc: net.clients[0].ssrc(line),
            ntp_time: ntp,
            rtp_time,
            ..Default::default()
        };
        net.clients[0].send_rtcp(&report.marshal().unwrap());
    }
    // The first packets begin the streams, so that reports have something to belong to.
    net.clients[0].send_opus(1, sound, b"sound");
    net.clients[0].send_vp8(1, picture, true, b"key");
    net.run(Duration::from_millis(20));
    for (line, rtp_time) in [(0, sound), (1, picture)] {
        let report = SenderReport {
            ssrc: net.clients[0].ssrc(line),
            ntp_time: ntp,
            rtp_time,
            ..Default::default()
        };
        net.clients[0].send_rtcp(&report.marshal().unwrap());
    }
    net.run(Duration::from_secs(3));
    let reports: Vec<SenderReport> = net.clients[1]
        .rtcp
        .iter()
        .flat_map(|(_, bytes)| rtc::rtcp::packet::unmarshal(&mut bytes::Bytes::copy_from_slice(bytes)).unwrap())
        .filter_map(|packet| packet.as_any().downcast_ref::<SenderReport>().cloned())
        .collect();
    // Where both clocks stood at the publisher's moment, according to what the subscriber was told: NTP of the first packet.
    let moment = |mid: &str, rate: f64| {
        let first = net.clients[1].seen(mid)[0];
        let report = reports
            .iter()
            .rev()
            .find(|report| report.ssrc == first.header.ssrc)
            .expect("a report");
        let ago = f64::from(report.rtp_time.wrapping_sub(first.header.timestamp)) / rate;
        (report.ntp_time as f64) / 4_294_967_296.0 - ago
    };
    let skew = moment(AUDIO_SLOT, 48_000.0) - moment(VIDEO_SLOT, 90_000.0);
    assert!(skew.abs() < 0.001, "sound and picture of one moment are {skew} s apart");
    assert!(
        reports.iter().all(|report| report.ntp_time >> 32 > 1_000_000),
        "the member's own clock is not passed on"
    );
}

#[test]
fn tracks_that_come_and_go_are_told() {
    let mut net = Net::new();
    net.join_connected(Shape::default());
    net.join_connected(Shape::default());
    let camera = net.track(0, CAMERA);
    net.show(1, VIDEO_SLOT, Some(camera));
    assert!(net.told(1, VIDEO_SLOT).is_none(), "not there yet");
    net.publish(0, "1", CAMERA, true);
    assert!(net.told(1, VIDEO_SLOT) == Some(camera));
    net.publish(0, "1", CAMERA, false);
    assert!(net.told(1, VIDEO_SLOT).is_none());
    net.publish(0, "1", CAMERA, true);
    assert!(net.told(1, VIDEO_SLOT) == Some(camera));
    net.sfu.handle(net.now, Input::Leave { peer: PeerId(1) });
    net.run(Duration::from_millis(1));
    assert!(net.told(1, VIDEO_SLOT).is_none());
    net.show(0, VIDEO_SLOT, Some(camera));
    net.show(1, AUDIO_SLOT, Some(camera));
    assert!(net.told(1, AUDIO_SLOT).is_none(), "a picture does not fit a sound slot");
}

#[test]
fn a_subscriber_without_the_codec_gets_nothing_until_it_fits() {
    let mut net = watching(Shape {
        vp8: 0,
        ..Shape::default()
    });
    assert!(net.told(1, VIDEO_SLOT).is_some(), "it may yet be VP9");
    net.clients[0].send_vp8(1, 3_000, true, b"key");
    net.run(Duration::from_millis(50));
    assert!(net.told(1, VIDEO_SLOT).is_none());
    assert!(net.clients[1].rtp.is_empty());
    net.run(Duration::from_secs(2));
    let header = Header {
        marker: true,
        payload_type: 98,
        sequence_number: 2,
        timestamp: 200_000,
        ssrc: net.clients[0].ssrc(1),
        ..Default::default()
    };
    net.clients[0].send_rtp(header, Some("1"), &[0x88, 0x01, 9, 9]);
    net.run(Duration::from_millis(50));
    assert!(net.told(1, VIDEO_SLOT).is_some());
    assert_eq!(net.clients[1].seen(VIDEO_SLOT).len(), 1);
}

#[test]
fn a_changed_network_costs_nothing_and_an_ice_restart_keeps_the_keys() {
    let mut net = watching(Shape::default());
    net.clients[0].send_vp8(1, 3_000, true, b"key");
    net.run(Duration::from_millis(50));
    // The subscriber appears at another address; its next check nominates it there.
    net.clients[1].address.set_port(6_000);
    net.run(Duration::from_millis(2_100));
    net.clients[0].send_vp8(2, 6_000, false, b"moved");
    net.run(Duration::from_millis(50));
    assert_eq!(net.clients[1].seen(VIDEO_SLOT).len(), 2);
    // Both restart ICE: new credentials, same certificate.
    for at in [0, 1] {
        net.clients[at].restart_ice();
        net.offer(at);
        net.clients[at].address.set_port(7_000 + at as u16);
    }
    net.run(Duration::from_millis(100));
    net.clients[0].send_vp8(3, 9_000, false, b"restarted");
    net.run(Duration::from_millis(50));
    let seen = net.clients[1].seen(VIDEO_SLOT);
    assert_eq!(seen.len(), 3, "no keyframe was needed");
    assert!(follows(&numbers(&seen)));
    assert_eq!(net.sfu.counters().handshakes, 2);
}

#[test]
fn a_member_that_comes_back_is_shown_again_and_sees_again() {
    let mut net = watching(Shape::default());
    net.clients[0].send_vp8(1, 3_000, true, b"key");
    net.run(Duration::from_millis(50));
    for at in [0, 1] {
        net.clients[at].start_over();
        net.offer(at);
        net.until("connected again", Duration::from_secs(5), |net| {
            net.clients[at].connected()
        });
    }
    net.clients[0].send_vp8(1, 9_000, true, b"again");
    net.run(Duration::from_millis(50));
    assert_eq!(
        net.clients[1].seen(VIDEO_SLOT).len(),
        1,
        "roles and wishes outlive a connection"
    );
}

#[test]
fn calls_do_not_see_each_other() {
    let mut net = Net::new();
    net.join_connected(Shape::default());
    net.join_connected(Shape::default());
    net.publish(0, "1", CAMERA, true);
    let peer = PeerId(net.clients[1].id);
    let transport = net.clients[1].transport_id();
    net.sfu.handle(
        net.now,
        Input::Join {
            peer,
            call: conclave_sfu::CallKey(2),
            transport,
        },
    );
    net.offer(1);
    net.show(1, VIDEO_SLOT, Some(net.track(0, CAMERA)));
    assert!(net.told(1, VIDEO_SLOT).is_none());
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
