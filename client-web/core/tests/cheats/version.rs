//! The server, or a link, claims another version.

use conclave_core::Input;
use conclave_protocol::envelope::Envelope;
use conclave_protocol::message::ServerMessage;

use super::world::World;

/// A5: there is one version and one suite; whatever says that it is of another is read by nobody.
#[test]
fn a5_an_envelope_of_another_version_is_read_by_nobody() {
    let mut world = World::new(1);
    // Every envelope is given again, as one of version 0 or 2, before the real one.
    let tabs = world.call_of(&["A", "B"]);
    for version in [0u8, 2, 23] {
        let key = conclave_protocol::keys::LinkKeys::derive(&world.link.link_secret).envelope();
        let (call, head) = world.head.unwrap();
        let clear = conclave_protocol::envelope::ClearPart::card(call);
        let sealed = conclave_protocol::envelope::seal(&key, clear, b"card", [7; 24]).unwrap();
        let mut bytes = sealed.encode();
        // An array of two byte strings; the first holds a map whose first key is the version.
        assert_eq!(&bytes[3..5], [0, 1], "key 0 of the clear part is not the version");
        bytes[4] = version;
        assert!(Envelope::decode(&bytes).is_err(), "version {version} is read");
        for seq in [None, Some(head), Some(head + 9)] {
            let message = ServerMessage::EnvelopeIn {
                seq,
                envelope: bytes.clone(),
            };
            world.give(tabs[0], Input::SocketFrame(&message.encode()));
        }
        world.run(3_000);
        world.until("the call goes on", 10_000, |w| w.together(&tabs));
    }
}
