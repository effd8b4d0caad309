//! The record of a member's place: what a reloaded tab needs to take it back.
//!
//! Does not store anything; the shell keeps it where the person allowed it to. Deterministic CBOR {0 v = 1, 1 member_id, 2 leaf seed, 3 transport seed,
//! 4 call_id}. SECURITY: whoever holds it can take the place; it opens nothing that was said, and no name stands in it. SPEC: protocol.md §2.

use minicbor::{Decode, Encode};
use zeroize::{Zeroize as _, Zeroizing};

use conclave_protocol::ids::{CallId, MemberId};

use crate::error::CoreError;

/// The one version of the record.
const VERSION: u8 = 1;
/// More than the record's 109 bytes: a buffer that grew would leave a copy of the seeds behind.
const ROOM: usize = 128;

/// See the module. Wiped on drop.
#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct Place {
    #[n(0)]
    version: u8,
    #[n(1)]
    pub(crate) member_id: MemberId,
    #[cbor(n(2), with = "minicbor::bytes")]
    pub(crate) leaf_seed: [u8; 32],
    #[cbor(n(3), with = "minicbor::bytes")]
    pub(crate) transport_seed: [u8; 32],
    #[n(4)]
    pub(crate) call_id: CallId,
}

impl Place {
    pub(crate) fn new(call_id: CallId, member_id: MemberId, leaf_seed: &[u8; 32], transport_seed: &[u8; 32]) -> Self {
        Self {
            version: VERSION,
            member_id,
            leaf_seed: *leaf_seed,
            transport_seed: *transport_seed,
            call_id,
        }
    }

    pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::with_capacity(ROOM));
        // Encoding into memory cannot fail.
        let _ = minicbor::encode(self, &mut *out);
        out
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, CoreError> {
        let place: Self = minicbor::decode(bytes).map_err(|_| CoreError::Malformed)?;
        if place.version == VERSION && place.to_bytes().as_slice() == bytes {
            Ok(place)
        } else {
            Err(CoreError::Malformed)
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leaf_seed.zeroize();
        self.transport_seed.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(value: &serde_json::Value, key: &str) -> Vec<u8> {
        let hex = value[key].as_str().unwrap();
        (0..hex.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn the_record_is_the_one_of_the_vectors_and_nothing_else_is_read() {
        let text = include_str!("../../../../tests/vectors/resume.json");
        let vector: serde_json::Value = serde_json::from_str(text).unwrap();
        let record = bytes(&vector, "place_record");
        let place = Place::from_bytes(&record).unwrap_or_else(|_| panic!("the vector was refused"));
        assert_eq!(place.member_id.as_bytes().to_vec(), bytes(&vector, "member_id"));
        assert_eq!(place.leaf_seed.to_vec(), bytes(&vector, "old_leaf_seed"));
        assert_eq!(place.transport_seed.to_vec(), bytes(&vector, "transport_seed"));
        assert_eq!(place.call_id.as_bytes().to_vec(), bytes(&vector, "call_id"));
        let again = Place::new(place.call_id, place.member_id, &place.leaf_seed, &place.transport_seed);
        assert_eq!(again.to_bytes().as_slice(), record);
        assert!(again.to_bytes().capacity() <= ROOM, "the buffer grew");
        for cut in 0..record.len() {
            assert!(Place::from_bytes(&record[..cut]).is_err());
        }
        let mut newer = record.clone();
        newer[2] = 2;
        assert!(
            Place::from_bytes(&newer).is_err(),
            "a record of another version was read"
        );
    }
}
