//! Call cards: what a newcomer may read of a running call.
//!
//! Names nobody. To a newcomer without a host's proof the signature proves only that card and key belong together; the Welcome proves the rest.
//! SPEC: protocol.md §2, "Calls and founders".

use minicbor::{Decode, Encode};

use conclave_protocol::ids::CallId;

use crate::cbor;
use crate::error::CoreError;
use crate::group::{LeafKey, PolicyFault, RoomBinding, demand, verify};

/// Longest lobby key: X-Wing's is 1,216 bytes.
const MAX_LOBBY_KEY: usize = 2_048;
/// Most refused knocks on a card: in a flood the refused learn it late. More would grow every card.
const MAX_REFUSED: usize = 64;

/// A card, decoded and verified, or made by this member. Key 3 (role proof) is reserved.
#[derive(Clone, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Card {
    #[n(0)]
    pub(crate) epoch: u64,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) lobby_key: Vec<u8>,
    #[n(2)]
    pub(crate) members: u16,
    #[cbor(n(4), with = "minicbor::bytes")]
    leaf_key: [u8; 32],
    #[cbor(n(5), with = "minicbor::bytes")]
    signature: [u8; 64],
    /// Newcomers wait to be let in.
    #[n(6)]
    pub(crate) asks: bool,
    /// Marks of knocks that were refused lately: [`super::council::refusal_mark`].
    #[n(7)]
    pub(crate) refused: Vec<Mark>,
    /// Nobody new is even shown to those inside.
    #[n(8)]
    pub(crate) locked: bool,
}

/// Eight bytes.
#[derive(Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct Mark(#[cbor(with = "minicbor::bytes")] pub(crate) [u8; 8]);

/// What a card says of the lobby.
#[derive(Default)]
pub(crate) struct Door {
    pub(crate) asks: bool,
    pub(crate) locked: bool,
    pub(crate) refused: Vec<[u8; 8]>,
}

impl Card {
    pub(crate) fn sign(
        room: &RoomBinding,
        call: &CallId,
        epoch: u64,
        lobby_key: Vec<u8>,
        members: usize,
        key: &LeafKey,
        door: Door,
    ) -> Self {
        let members = u16::try_from(members).unwrap_or(u16::MAX);
        let mut card = Self {
            epoch,
            lobby_key,
            members,
            leaf_key: key.public(),
            signature: [0; 64],
            asks: door.asks,
            refused: door.refused.into_iter().take(MAX_REFUSED).map(Mark).collect(),
            locked: door.locked,
        };
        card.signature = key.sign_labelled(&card.signed_bytes(room, call));
        card
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    pub(crate) fn from_bytes(room: &RoomBinding, call: &CallId, bytes: &[u8]) -> Result<Self, CoreError> {
        let card: Self = cbor::decode(bytes)?;
        if card.lobby_key.len() > MAX_LOBBY_KEY || card.members == 0 || card.refused.len() > MAX_REFUSED {
            return Err(CoreError::Malformed);
        }
        let signed = verify(&card.leaf_key, &card.signed_bytes(room, call), &card.signature);
        demand(PolicyFault::CardSignature, signed)?; // MEM-027
        Ok(card)
    }

    /// What tells two cards apart.
    pub(crate) fn mark(&self) -> [u8; 64] {
        self.signature
    }

    fn signed_bytes(&self, room: &RoomBinding, call: &CallId) -> Vec<u8> {
        let mut out = b"conclave v1 card".to_vec();
        out.extend_from_slice(room.room_fp.as_bytes());
        out.extend_from_slice(call.as_bytes());
        out.extend_from_slice(&self.epoch.to_be_bytes());
        out.extend_from_slice(&self.members.to_be_bytes());
        out.extend_from_slice(&self.leaf_key);
        out.push(u8::from(self.asks));
        out.push(u8::from(self.locked));
        out.push(u8::try_from(self.refused.len()).unwrap_or(u8::MAX));
        for mark in &self.refused {
            out.extend_from_slice(&mark.0);
        }
        // Last, for its length is not said.
        out.extend_from_slice(&self.lobby_key);
        out
    }
}

/// Which of two calls a newcomer, or a lone founder, should be in: the one with more members, then the lower id. Role proofs will come before both.
pub(crate) fn is_better(this: (u16, &CallId), than: (u16, &CallId)) -> bool {
    this.0 > than.0 || (this.0 == than.0 && this.1 < than.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::off::stopped_by;
    use conclave_protocol::ids::RoomFp;

    #[test]
    fn a_card_counts_only_for_its_room_and_call_and_unaltered() {
        let room = RoomBinding {
            room_fp: RoomFp::from_bytes([1; 16]),
            generation: 0,
            sheet: None,
        };
        let other = RoomBinding {
            room_fp: RoomFp::from_bytes([2; 16]),
            generation: 0,
            sheet: None,
        };
        let call = CallId::from_bytes([3; 16]);
        let bytes = Card::sign(
            &room,
            &call,
            7,
            vec![5; 1_216],
            2,
            &LeafKey::from_seed(&[4; 32]),
            Door::default(),
        )
        .to_bytes();
        assert!(Card::from_bytes(&room, &call, &bytes).is_ok());
        assert!(Card::from_bytes(&other, &call, &bytes).is_err());
        assert!(Card::from_bytes(&room, &CallId::from_bytes([9; 16]), &bytes).is_err());
        for i in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[i] ^= 1;
            assert!(Card::from_bytes(&room, &call, &bad).is_err(), "byte {i} can be altered");
        }
    }

    #[test]
    fn mem_027_a_card_is_signed_by_the_key_that_it_shows() {
        let room = RoomBinding {
            room_fp: RoomFp::from_bytes([1; 16]),
            generation: 0,
            sheet: None,
        };
        let call = CallId::from_bytes([3; 16]);
        stopped_by(PolicyFault::CardSignature, || {
            let mut card = Card::sign(
                &room,
                &call,
                7,
                vec![5; 1_216],
                2,
                &LeafKey::from_seed(&[4; 32]),
                Door::default(),
            );
            card.lobby_key = vec![6; 1_216];
            Card::from_bytes(&room, &call, &card.to_bytes()).is_ok()
        });
    }

    #[test]
    fn more_members_win_then_the_lower_id() {
        let (low, high) = (CallId::from_bytes([1; 16]), CallId::from_bytes([2; 16]));
        assert!(is_better((2, &high), (1, &low)));
        assert!(is_better((1, &low), (1, &high)));
        assert!(!is_better((1, &low), (1, &low)));
    }
}
