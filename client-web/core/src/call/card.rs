//! Call cards: what a newcomer may read of a running call.
//!
//! Names nobody. To a newcomer without a host's proof the signature proves only that card and key belong together; the Welcome proves the rest.
//! SPEC: protocol.md §2, "Calls and founders".

use core::ops::Deref;

use minicbor::{Decode, Encode};

use conclave_protocol::credential::Role;
use conclave_protocol::ids::CallId;
use conclave_protocol::role::{Authority, LeafName, RoleProof};

use crate::cbor;
use crate::error::CoreError;
use crate::group::{LeafKey, PolicyFault, RoomBinding, demand, verify};

/// Longest lobby key: X-Wing's is 1,216 bytes.
const MAX_LOBBY_KEY: usize = 2_048;
/// Most refused knocks on a card: in a flood the refused learn it late. More would grow every card.
const MAX_REFUSED: usize = 64;

/// A card whose signature was checked, or made by this member: only [`Card::from_bytes`] and [`Card::sign`] make one. Bytes decode to what it says, which is
/// not a card.
#[derive(Clone)]
pub(crate) struct Card {
    said: Said,
    /// What the shown role is worth to whoever reads the card.
    rank: u8,
}

/// What stands on a card.
#[derive(Clone, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Said {
    #[n(0)]
    pub(crate) epoch: u64,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) lobby_key: Vec<u8>,
    #[n(2)]
    pub(crate) members: u16,
    /// A host or moderator of the call, who need not be its sender. It names nobody: ids are of this call alone.
    #[n(3)]
    shown: Option<Shown>,
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

impl Deref for Card {
    type Target = Said;

    fn deref(&self) -> &Said {
        &self.said
    }
}

/// A role proof with the leaf that it is of.
#[derive(Clone, Encode, Decode)]
#[cbor(map)]
struct Shown {
    #[n(0)]
    leaf: LeafName,
    #[cbor(n(1), with = "minicbor::bytes")]
    proof: Vec<u8>,
}

/// What makes one call better than another: a host, a moderator, more members.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Standing {
    rank: u8,
    members: u16,
}

impl Standing {
    pub(crate) fn new(role: Option<Role>, members: u16) -> Self {
        let rank = match role {
            Some(Role::Host) => 2,
            Some(Role::Moderator) => 1,
            None => 0,
        };
        Self { rank, members }
    }
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
    pub(crate) shown: Option<(LeafName, RoleProof)>,
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
        let mut said = Said {
            epoch,
            lobby_key,
            members,
            shown: door.shown.map(|(leaf, proof)| Shown {
                leaf,
                proof: proof.to_bytes(),
            }),
            leaf_key: key.public(),
            signature: [0; 64],
            asks: door.asks,
            refused: door.refused.into_iter().take(MAX_REFUSED).map(Mark).collect(),
            locked: door.locked,
        };
        said.signature = key.sign_labelled(&said.signed_bytes(room, call));
        Self { said, rank: 0 }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        cbor::encode(&self.said)
    }

    pub(crate) fn from_bytes(room: &RoomBinding, call: &CallId, bytes: &[u8]) -> Result<Self, CoreError> {
        let said: Said = cbor::decode(bytes)?;
        let malformed = said
            .shown
            .as_ref()
            .is_some_and(|shown| shown.proof.len() != RoleProof::LEN);
        if malformed || said.lobby_key.len() > MAX_LOBBY_KEY || said.members == 0 || said.refused.len() > MAX_REFUSED {
            return Err(CoreError::Malformed);
        }
        let signed = verify(&said.leaf_key, &said.signed_bytes(room, call), &said.signature);
        demand(PolicyFault::CardSignature, signed)?; // MEM-027
        let rank = Standing::new(said.role(room, call), 0).rank;
        Ok(Self { said, rank })
    }

    pub(crate) fn standing(&self) -> Standing {
        Standing {
            rank: self.rank,
            members: self.members,
        }
    }

    /// What tells two cards apart.
    pub(crate) fn mark(&self) -> [u8; 64] {
        self.signature
    }
}

impl Said {
    /// SECURITY: the day is not asked: a newcomer's clock is its own. Who replays a proof of somebody who left shows a host who was here.
    fn role(&self, room: &RoomBinding, call: &CallId) -> Option<Role> {
        let (shown, sheet) = (self.shown.as_ref()?, room.sheet.as_ref()?);
        let proof = RoleProof::from_slice(&shown.proof).ok()?;
        let role = proof.verify(&Authority::of(sheet, 0), call, &shown.leaf);
        demand(PolicyFault::CardProof, role.is_ok()).ok()?; // MEM-077
        Some(proof.mandate.role)
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
        out.push(u8::from(self.shown.is_some()));
        if let Some(shown) = &self.shown {
            out.extend_from_slice(shown.leaf.member.as_bytes());
            out.extend_from_slice(&shown.leaf.key);
            // Of one length, or it is none: see `RoleProof::from_slice`.
            out.extend_from_slice(&shown.proof);
        }
        // Last, for its length is not said.
        out.extend_from_slice(&self.lobby_key);
        out
    }
}

/// Which of two calls a newcomer, or a lone founder, should be in: the one with a host, with a moderator, with more members, with the lower id.
pub(crate) fn is_better(this: (Standing, &CallId), than: (Standing, &CallId)) -> bool {
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
        let of = |n: u8| RoomBinding {
            room_fp: RoomFp::from_bytes([n; 16]),
            generation: 0,
            sheet: None,
        };
        let (call, elsewhere) = (CallId::from_bytes([3; 16]), CallId::from_bytes([9; 16]));
        let signed = |room: &RoomBinding, call: &CallId| {
            let key = LeafKey::from_seed(&[4; 32]);
            Card::sign(room, call, 7, vec![5; 1_216], 2, &key, Door::default())
        };
        let counts = |card: &Card| Card::from_bytes(&of(1), &call, &card.to_bytes()).is_ok();
        assert!(counts(&signed(&of(1), &call)));
        for change in [
            (|said| said.lobby_key = vec![6; 1_216]) as fn(&mut Said),
            |said| said.leaf_key = LeafKey::from_seed(&[6; 32]).public(),
            |said| said.members = 9,
        ] {
            stopped_by(PolicyFault::CardSignature, || {
                let mut card = signed(&of(1), &call);
                change(&mut card.said);
                counts(&card)
            });
        }
        stopped_by(PolicyFault::CardSignature, || counts(&signed(&of(2), &call)));
        stopped_by(PolicyFault::CardSignature, || counts(&signed(&of(1), &elsewhere)));
    }

    #[test]
    fn a_host_wins_then_a_moderator_then_more_members_then_the_lower_id() {
        let (low, high) = (CallId::from_bytes([1; 16]), CallId::from_bytes([2; 16]));
        let with = |role, members| Standing::new(role, members);
        let (host, moderator) = (Some(Role::Host), Some(Role::Moderator));
        for (this, than) in [
            ((with(host, 1), &high), (with(moderator, 9), &low)),
            ((with(moderator, 1), &high), (with(None, 9), &low)),
            ((with(host, 2), &high), (with(host, 1), &low)),
            ((with(None, 2), &high), (with(None, 1), &low)),
            ((with(None, 1), &low), (with(None, 1), &high)),
        ] {
            assert!(is_better(this, than) && !is_better(than, this));
        }
        assert!(!is_better((with(None, 1), &low), (with(None, 1), &low)));
    }

    /// How a host's proof on a card came about; as it should by default.
    struct Proof {
        /// 0xA0 is this room's root.
        root: u8,
        call: u8,
        serial: u32,
        /// The key of the leaf that it was made for.
        leaf: u8,
    }

    const GOOD: Proof = Proof {
        root: 0xA0,
        call: 3,
        serial: 1,
        leaf: 4,
    };

    /// Whether the card of a call with such a proof is that of a call with a host.
    fn shows_host(made: &Proof) -> bool {
        use conclave_protocol::credential::Mandate;
        use conclave_protocol::ids::MemberId;
        use conclave_protocol::keys::{MandatePk, RootKeys, RootSeed, Signer};
        use conclave_protocol::sheet::{Found, Rules};

        let mut room = crate::group::test_binding(Rules {
            found: Found::Anyone,
            lobby: false,
        });
        if let Some(sheet) = &mut room.sheet {
            sheet.revoked = vec![5];
        }
        // The card is another member's, as it is for most of a call.
        let (call, key) = (CallId::from_bytes([3; 16]), LeafKey::from_seed(&[7; 32]));
        let leaf = |n: u8| LeafName {
            member: MemberId::from_bytes([5; 16]),
            key: LeafKey::from_seed(&[n; 32]).public(),
        };
        let signer = Signer::from_seed(&[6; 32]);
        let root = RootKeys::derive(&RootSeed::from_bytes([made.root; 32])).sign();
        let pk = MandatePk::from_bytes(signer.public());
        let mandate = Mandate::sign(&root, room.room_fp, Role::Host, made.serial, 20_100, pk);
        let proof = RoleProof::sign(mandate, &signer, &CallId::from_bytes([made.call; 16]), &leaf(made.leaf));
        let door = Door {
            shown: Some((leaf(GOOD.leaf), proof)),
            ..Door::default()
        };
        let bytes = Card::sign(&room, &call, 7, vec![5; 1_216], 2, &key, door).to_bytes();
        let card = Card::from_bytes(&room, &call, &bytes).unwrap_or_else(|_| panic!("the card was refused"));
        card.standing() == Standing::new(Some(Role::Host), 2)
    }

    #[test]
    fn mem_077_a_role_on_a_card_is_one_in_this_room_and_call() {
        assert!(shows_host(&GOOD));
        for made in [
            Proof { root: 0xA1, ..GOOD },
            Proof { call: 4, ..GOOD },
            Proof { leaf: 9, ..GOOD },
            // Below what the sheet accepts, and taken back by it.
            Proof { serial: 0, ..GOOD },
            Proof { serial: 5, ..GOOD },
        ] {
            stopped_by(PolicyFault::CardProof, || shows_host(&made));
        }
    }
}
