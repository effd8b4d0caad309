//! Vectors and hostile bytes for everything that this module decodes.

use conclave_protocol::ids::{CallId, RoomFp};

use super::card::Card;
use super::knock;
use super::words::Words;
use crate::group::RoomBinding;

/// SHA-256("conclave v1 knock" ‖ "key package"), worked out with another tool.
#[test]
fn the_waiting_code_is_the_one_of_the_protocol_page() {
    assert_eq!(knock::waiting_code(b"key package"), "01808 15564 97177 89133");
}

proptest::proptest! {
    #[test]
    fn hostile_bytes_are_refused_and_nothing_breaks(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..600)) {
        let room = RoomBinding { room_fp: RoomFp::from_bytes([1; 16]), generation: 0, sheet: None };
        let call = CallId::from_bytes([2; 16]);
        proptest::prop_assert!(Card::from_bytes(&room, &call, &bytes).is_err());
        if let Ok(words) = Words::from_bytes(&bytes) {
            proptest::prop_assert!(words.to_bytes() == bytes);
        }
    }
}
