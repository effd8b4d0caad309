//! Tracks, codecs, networks and members that come and go.

mod common;

use std::time::Duration;

use common::watch::{AUDIO_SLOT, CAMERA, VIDEO_SLOT, follows, numbers, watching};
use common::{Net, Shape};
use conclave_sfu::{Input, PeerId};
use rtc::rtp::Header;

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
