//! A room with people in one call: what the tests of delivery have in common.

use super::{TestRoom, World, call, commit_clear, envelope, room, transport};
use conclave_protocol::{
    envelope::ClearPart,
    ids::{TrackKind, TransportId},
    message::ClientMessage,
    room::Limits,
};
use conclave_rooms::ConnId;

/// A server with one room.
pub fn start() -> (World, TestRoom) {
    let mut w = World::new();
    let r = room(1, Limits::default());
    w.add(&r);
    (w, r)
}

/// Some envelopes in one message.
pub fn submission(envelopes: impl IntoIterator<Item = Vec<u8>>) -> ClientMessage {
    ClientMessage::submission(envelopes)
}

/// A welcome to these tabs.
pub fn welcome(n: u32, to: &[u8]) -> Vec<u8> {
    envelope(
        ClearPart::welcome(call(1), to.iter().map(|t| transport(*t)).collect()),
        n,
        1024,
    )
}

/// Whom every commit of these tests adds: everybody whom a welcome of theirs is for.
pub fn newcomers() -> Vec<TransportId> {
    [3, 4, 5, 6, 7, 9].map(transport).to_vec()
}

/// A commit on this sequence.
pub fn commit(base_seq: u64, n: u32) -> Vec<u8> {
    envelope(commit_clear(call(1), base_seq, Vec::new(), newcomers()), n, 512)
}

/// Tabs that were members, and are away.
pub fn were_there(w: &mut World, r: &TestRoom, tabs: std::ops::RangeInclusive<u8>) {
    for n in tabs {
        let conn = w.attend(r, n, call(1), 0);
        w.close(conn);
    }
}

/// Switches a track on or off.
pub fn publish(w: &mut World, conn: ConnId, kind: TrackKind, on: bool) {
    w.send(
        conn,
        &ClientMessage::Publish {
            mid: "0".into(),
            kind,
            on,
        },
    );
}
