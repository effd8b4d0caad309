//! The SFrame key id: context (4 bits) above leaf (12 bits) above the epoch's low 8 bits.
//!
//! SPEC: RFC 9605 §5.2 with E = 8 and S = 12. Contexts 4 and 5 are kept for played files and 15 is
//! reserved; none is accepted here.

use sframe::mls::{MlsKeyId, MlsKeyIdBitRange};

use crate::Kind;

/// Bits for the epoch. Eight tell 256 successive epochs apart, and a receiver holds at most 32; fewer bits
/// would save nothing, because the field below is counted in whole bytes on the wire.
const EPOCH_BITS: u8 = 8;

/// Bits for the leaf. Twelve give 4,096 leaves where a group ends at 250 members: room for shards, and with
/// the epoch a microphone's key id still fits in three bytes.
const LEAF_BITS: u8 = 12;

/// One more than the largest leaf index that a key id can carry.
pub(crate) const MAX_LEAVES: u32 = 1 << LEAF_BITS;

/// One more than the largest key id: four bits of context stand above leaf and epoch.
const END: u64 = 1 << (EPOCH_BITS + LEAF_BITS + 4);

/// A key id taken apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyIdParts {
    pub(crate) context: u8,
    pub(crate) leaf: u32,
    pub(crate) epoch_low: u8,
}

/// The key id of a leaf's track of this kind in this epoch; `None` if the leaf index does not fit.
pub(crate) fn pack(epoch: u64, leaf: u32, kind: Kind) -> Option<u64> {
    let bits = MlsKeyIdBitRange::try_new(EPOCH_BITS, LEAF_BITS).ok()?;
    let id = MlsKeyId::try_new(kind as u8, epoch, leaf, bits).ok()?;
    Some(id.into())
}

/// Takes apart a key id of a received header; `None` if it is longer than ours ever are.
pub(crate) fn unpack(key_id: u64) -> Option<KeyIdParts> {
    if key_id >= END {
        return None;
    }
    let bits = MlsKeyIdBitRange::try_new(EPOCH_BITS, LEAF_BITS).ok()?;
    let id = MlsKeyId::from_key_id(key_id, bits);
    Some(KeyIdParts {
        context: u8::try_from(id.context_id()).ok()?,
        leaf: u32::try_from(id.member_index()).ok()?,
        epoch_low: u8::try_from(id.epoch_lsb()).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_context_stands_above_the_leaf_and_the_leaf_above_the_epoch() {
        assert_eq!(pack(0x1_23, 0xABC, Kind::ScreenAudio), Some(0x3A_BC23));
        assert_eq!(pack(0, 0, Kind::Camera), Some(0x10_0000));
        assert_eq!(pack(0, 1, Kind::Microphone), Some(0x100));
        assert_eq!(pack(255, 0, Kind::Microphone), Some(0xFF));
    }

    #[test]
    fn a_leaf_of_thirteen_bits_has_no_key_id() {
        assert_eq!(pack(0, MAX_LEAVES, Kind::Camera), None);
        assert!(pack(0, MAX_LEAVES - 1, Kind::Camera).is_some());
    }

    #[test]
    fn a_key_id_above_24_bits_is_refused() {
        assert!(unpack(END).is_none());
        assert!(unpack(u64::MAX).is_none());
        assert!(unpack(END - 1).is_some());
    }

    proptest! {
        #[test]
        fn unpack_undoes_pack(epoch: u64, leaf in 0..MAX_LEAVES, kind in 0u8..4) {
            let kind = Kind::from_u8(kind).unwrap();
            let parts = unpack(pack(epoch, leaf, kind).unwrap()).unwrap();
            prop_assert_eq!(parts.context, kind as u8);
            prop_assert_eq!(parts.leaf, leaf);
            prop_assert_eq!(u64::from(parts.epoch_low), epoch & 0xFF);
        }
    }
}
