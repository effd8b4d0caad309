//! Orders: what a member decided or vouches for, signed by its leaf key, so that any other member may carry it out.
//!
//! Deliberately absent: who may order what. An order travels to the members as a message, and in the commit that carries it out, sealed to the
//! members of that commit's epoch, so that who orders does not show to whoever has the link and the server's help.
//!
//! SPEC: `docs/protocol.md`, section 2, "Orders".

use minicbor::{Decode, Encode};

use crate::{
    cbor,
    envelope::{open_bytes, pad, padded_len, seal_bytes, unpad},
    error::Error,
    ids::{CallId, MemberId, RoomFp},
    keys,
    limits::MAX_ORDERS,
    role::LeafName,
};

const LABEL: &[u8] = b"conclave v1 order";
const LEAVE_LABEL: &[u8] = b"conclave v1 leave";
const SEAL_LABEL: &[u8] = b"conclave v1 orders";

/// What an order says.
#[derive(Clone, Copy, Eq, PartialEq, Ord, PartialOrd, Encode, Decode)]
#[cbor(map)]
pub enum Decision {
    /// Let in whoever sent this key package; a host or moderator says so. The key package's reference (RFC 9420 §5.2).
    #[n(1)]
    Admit {
        #[cbor(n(0), with = "minicbor::bytes")]
        /// See the variant.
        package: [u8; 32],
    },
    /// Remove this leaf; a host or moderator says so. It names the key, so it does not count for the same person's next leaf.
    #[n(2)]
    Remove {
        #[n(0)]
        /// See the variant.
        leaf: LeafName,
    },
    /// This leaf was silent for 90 seconds; anybody may vouch for that.
    #[n(3)]
    Silent {
        #[n(0)]
        /// See the variant.
        leaf: LeafName,
    },
    /// Whoever signs leaves.
    #[n(4)]
    Leave {},
}

/// A signed decision.
#[derive(Clone, Eq, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Order {
    /// What.
    #[n(0)]
    pub decision: Decision,
    /// Whose leaf key signed.
    #[n(1)]
    pub by: MemberId,
    /// The epoch in which it was signed. Orders are not carried out for ever.
    #[n(2)]
    pub epoch: u64,
    #[cbor(n(3), with = "minicbor::bytes")]
    signature: [u8; 64],
}

impl Order {
    /// What the leaf key signs. A farewell names no epoch: it is final.
    pub fn signed_bytes(room: &RoomFp, call: &CallId, decision: &Decision, by: &MemberId, epoch: u64) -> Vec<u8> {
        if let Decision::Leave {} = decision {
            return [LEAVE_LABEL, call.as_bytes(), by.as_bytes()].concat();
        }
        [
            LABEL,
            room.as_bytes(),
            call.as_bytes(),
            by.as_bytes(),
            &epoch.to_be_bytes(),
            &cbor::encode(decision),
        ]
        .concat()
    }

    /// With a signature over [`Order::signed_bytes`].
    pub fn new(decision: Decision, by: MemberId, epoch: u64, signature: [u8; 64]) -> Self {
        Self {
            decision,
            by,
            epoch,
            signature,
        }
    }

    /// Whether the holder of `key` signed it for this room and call.
    pub fn verify(&self, room: &RoomFp, call: &CallId, key: &[u8; 32]) -> Result<(), Error> {
        let message = Self::signed_bytes(room, call, &self.decision, &self.by, self.epoch);
        keys::verify(key, &message, &self.signature)
    }

    /// The signature: a farewell is passed on as that alone.
    pub fn signature(&self) -> [u8; 64] {
        self.signature
    }
}

/// Seals a commit's orders under its epoch's orders key. Padded, and there also where there are none, so that a commit's size does not say
/// whether somebody ordered it. The nonce is 24 random bytes, fresh for each commit.
pub fn seal(key: &[u8; 32], call: &CallId, base_seq: u64, orders: &[Order], nonce: [u8; 24]) -> Result<Vec<u8>, Error> {
    if orders.len() > MAX_ORDERS {
        return Err(Error::TooLarge);
    }
    let body = cbor::encode(&orders.to_vec());
    let padded = padded_len(body.len())
        .and_then(|to| pad(&body, to))
        .ok_or(Error::TooLarge)?;
    seal_bytes(key, &aad(call, base_seq), &padded, nonce)
}

/// Undoes [`seal`]; strict.
pub fn open(key: &[u8; 32], call: &CallId, base_seq: u64, sealed: &[u8]) -> Result<Vec<Order>, Error> {
    let padded = open_bytes(key, &aad(call, base_seq), sealed)?;
    let body = unpad(&padded)?;
    let orders: Vec<Order> = cbor::decode(body)?;
    if orders.len() > MAX_ORDERS || padded_len(body.len()) != Some(padded.len()) {
        return Err(Error::Malformed);
    }
    Ok(orders)
}

fn aad(call: &CallId, base_seq: u64) -> Vec<u8> {
    [SEAL_LABEL, call.as_bytes(), &base_seq.to_be_bytes()].concat()
}
