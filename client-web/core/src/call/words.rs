//! What members say to each other inside MLS application messages.
//!
//! Does not say who speaks: that is the message's credential. Strict CBOR `[kind, body]` with integer keys; unknown kinds and keys are refused,
//! reserved beacon keys: 5 mute, 6 rename. SPEC: protocol.md §2.

use minicbor::{Decode, Encode};

use conclave_protocol::ids::{CallId, MemberId};
use conclave_protocol::order::Order;

use super::lines::LineNumber;
use crate::cbor;
use crate::error::CoreError;
use crate::group::{LeafKey, PolicyFault, demand, verify};

/// A member's regular sign of life.
#[derive(Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Beacon {
    /// Equal for members in the same epoch of the same history.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(crate) digest: [u8; 8],
    #[n(1)]
    pub(crate) hand: bool,
    #[n(2)]
    pub(crate) hidden: bool,
    /// Bit per track kind: switched on.
    #[n(3)]
    pub(crate) on: u8,
    /// Milliseconds since joining, the clock of this sender's frames.
    #[n(4)]
    pub(crate) capture_ms: u32,
}

/// One application message.
#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) enum Words {
    /// See [`Beacon`].
    #[n(1)]
    Beacon {
        #[n(0)]
        beacon: Beacon,
        /// What its sender heard of others: first four bytes of a member's id and of their digest, at most 24 times.
        #[cbor(n(1), with = "minicbor::bytes")]
        echoes: Vec<u8>,
    },
    /// Text.
    #[n(2)]
    Chat {
        #[n(0)]
        text: String,
        /// By which a line that is said again is known.
        #[cbor(n(1), with = "minicbor::bytes")]
        number: LineNumber,
    },
    /// Somebody goes, by the signature of their leaf; whoever passes it on.
    #[n(3)]
    Leave {
        #[n(0)]
        member: MemberId,
        #[cbor(n(1), with = "minicbor::bytes")]
        signature: [u8; 64],
    },
    /// One character.
    #[n(4)]
    Reaction {
        #[n(0)]
        char: char,
    },
    /// A decision that any member may carry out.
    #[n(5)]
    Order {
        #[n(0)]
        order: Order,
    },
    /// The next rules of the call, signed by a host or moderator.
    #[n(6)]
    Rules {
        #[cbor(n(0), with = "minicbor::bytes")]
        bytes: Vec<u8>,
    },
    /// A host or moderator refused a knock, by the reference of its key package.
    #[n(7)]
    Refuse {
        #[cbor(n(0), with = "minicbor::bytes")]
        package: [u8; 32],
    },
    /// Everybody compares the number of this epoch now.
    #[n(8)]
    Compare {
        #[cbor(n(0), with = "minicbor::bytes")]
        digest: [u8; 8],
    },
}

impl Words {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, CoreError> {
        cbor::decode(bytes)
    }

    /// The signed farewell of the leaf that holds `key`.
    pub(crate) fn leave(call: &CallId, member: MemberId, key: &LeafKey) -> Self {
        Self::Leave {
            member,
            signature: key.sign_labelled(&leave_bytes(call, &member)),
        }
    }
}

fn leave_bytes(call: &CallId, member: &MemberId) -> Vec<u8> {
    [b"conclave v1 leave".as_slice(), call.as_bytes(), member.as_bytes()].concat()
}

/// SECURITY: only the leaf's own key makes its member leave; no word of the server or of others does.
pub(crate) fn verify_leave(call: &CallId, member: &MemberId, key: &[u8; 32], signature: &[u8; 64]) -> bool {
    let signed = verify(key, &leave_bytes(call, member), signature);
    demand(PolicyFault::Farewell, signed).is_ok() // MEM-026
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::off::stopped_by;

    #[test]
    fn words_have_one_encoding() {
        let beacon = Beacon {
            digest: [1; 8],
            hand: true,
            hidden: false,
            on: 3,
            capture_ms: 9,
        };
        for words in [
            Words::Beacon {
                beacon,
                echoes: vec![7; 16],
            },
            Words::Compare { digest: [3; 8] },
            Words::Chat {
                text: "hé".into(),
                number: [5; 8],
            },
            Words::Reaction { char: '👍' },
        ] {
            let bytes = words.to_bytes();
            assert!(Words::from_bytes(&bytes).is_ok());
            let mut longer = bytes.clone();
            longer.push(0);
            assert!(Words::from_bytes(&longer).is_err());
            assert!(Words::from_bytes(&bytes[..bytes.len() - 1]).is_err());
        }
        assert!(Words::from_bytes(&[0x82, 9, 0xA0]).is_err(), "an unknown kind was read");
    }

    #[test]
    fn mem_026_somebody_leaves_by_their_own_word_alone() {
        let (key, other) = (LeafKey::from_seed(&[1; 32]), LeafKey::from_seed(&[9; 32]));
        let (call, member) = (CallId::from_bytes([2; 16]), MemberId::from_bytes([3; 16]));
        let elsewhere = CallId::from_bytes([9; 16]);
        let somebody = MemberId::from_bytes([9; 16]);
        let farewell = |call: &CallId, member: MemberId, by: &LeafKey| match Words::leave(call, member, by) {
            Words::Leave { signature, .. } => signature,
            _ => panic!("not a farewell"),
        };
        assert!(verify_leave(
            &call,
            &member,
            &key.public(),
            &farewell(&call, member, &key)
        ));
        for signature in [
            farewell(&elsewhere, member, &key),
            farewell(&call, somebody, &key),
            farewell(&call, member, &other),
        ] {
            stopped_by(PolicyFault::Farewell, || {
                verify_leave(&call, &member, &key.public(), &signature)
            });
        }
    }
}
