//! What subscribers get: the right packets, once, in one unbroken stream, beginning at a keyframe.

mod common;

use std::time::Duration;

use common::watch::{
    AUDIO_SLOT, CAMERA, MICROPHONE, VIDEO_SLOT, follows, frame, keyframe_requests, numbers, rtcp_of, watching,
};
use common::{Net, Shape};
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::sender_report::SenderReport;
use rtc::shared::marshal::Marshal;

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
        frame(&mut net, sequence, sequence == 105, 40);
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
fn sound_and_picture_of_a_pair_are_reported_on_one_clock() {
    let mut net = watching(Shape::default());
    net.publish(0, "0", MICROPHONE, true);
    net.show(1, AUDIO_SLOT, Some(net.track(0, MICROPHONE)));
    // The publisher's clock stands at an odd place; at one moment its streams stand at these timestamps.
    let (ntp, sound, picture) = (777u64 << 32, 480_000u32, 9_000_000u32);
    let report = |net: &mut Net| {
        for (line, rtp_time) in [(0, sound), (1, picture)] {
            let report = SenderReport {
                ssrc: net.clients[0].ssrc(line),
                ntp_time: ntp,
                rtp_time,
                ..Default::default()
            };
            net.clients[0].send_rtcp(&report.marshal().unwrap());
        }
    };
    report(&mut net);
    // The first packets begin the streams, so that reports have something to belong to.
    net.clients[0].send_opus(1, sound, b"sound");
    net.clients[0].send_vp8(1, picture, true, b"key");
    net.run(Duration::from_millis(20));
    report(&mut net);
    net.run(Duration::from_secs(3));
    let reports = rtcp_of::<SenderReport>(&net, 1);
    // Where both clocks stood at the publisher's moment, according to what the subscriber was told: NTP of the first packet.
    let moment = |mid: &str, rate: f64| {
        let first = net.clients[1].seen(mid)[0];
        let (_, report) = reports
            .iter()
            .rev()
            .find(|(_, report)| report.ssrc == first.header.ssrc)
            .expect("a report");
        let ago = f64::from(report.rtp_time.wrapping_sub(first.header.timestamp)) / rate;
        (report.ntp_time as f64) / 4_294_967_296.0 - ago
    };
    let skew = moment(AUDIO_SLOT, 48_000.0) - moment(VIDEO_SLOT, 90_000.0);
    assert!(skew.abs() < 0.001, "sound and picture of one moment are {skew} s apart");
    assert!(
        reports.iter().all(|(_, report)| report.ntp_time >> 32 > 1_000_000),
        "the member's own clock is not passed on"
    );
}
