//! A publisher and who watches it: what the tests of forwarding have in common.

use std::time::Instant;

use super::client::Packet;
use super::{Net, Shape};
use conclave_sfu::TrackKind;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;

/// What is published on section 1.
pub const CAMERA: TrackKind = TrackKind::Camera;
/// What is published on section 0.
pub const MICROPHONE: TrackKind = TrackKind::Microphone;
/// Mid of the first audio slot of [`Shape::default`].
pub const AUDIO_SLOT: &str = "2";
/// Mid of the first video slot.
pub const VIDEO_SLOT: &str = "4";

/// A publisher at 0 and a subscriber at 1 that shows the publisher's camera.
pub fn watching(shape: Shape) -> Net {
    let mut net = Net::new();
    net.join_connected(Shape::default());
    net.join_connected(shape);
    net.publish(0, "1", CAMERA, true);
    net.show(1, VIDEO_SLOT, Some(net.track(0, CAMERA)));
    net
}

/// The publisher sends a frame of one packet, filled with its number.
pub fn frame(net: &mut Net, sequence: u16, key: bool, size: usize) {
    let payload = vec![sequence as u8; size];
    net.clients[0].send_vp8(sequence, u32::from(sequence) * 3_000, key, &payload);
}

/// Their sequence numbers.
pub fn numbers(packets: &[&Packet]) -> Vec<u16> {
    packets.iter().map(|packet| packet.header.sequence_number).collect()
}

/// Each is the one before and one more.
pub fn follows(numbers: &[u16]) -> bool {
    numbers.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1))
}

/// When a publisher was asked for a keyframe.
pub fn keyframe_requests(net: &Net, at: usize) -> Vec<Instant> {
    let requests = rtcp_of::<PictureLossIndication>(net, at).into_iter();
    requests.map(|(time, _)| time).collect()
}

/// What one client got of one kind of control packet, and when.
pub fn rtcp_of<P: Clone + 'static>(net: &Net, at: usize) -> Vec<(Instant, P)> {
    let mut found = Vec::new();
    for (time, bytes) in &net.clients[at].rtcp {
        let packets = rtc::rtcp::packet::unmarshal(&mut bytes::Bytes::copy_from_slice(bytes)).unwrap();
        let wanted = packets
            .iter()
            .filter_map(|packet| packet.as_any().downcast_ref::<P>().cloned());
        found.extend(wanted.map(|packet| (*time, packet)));
    }
    found
}
