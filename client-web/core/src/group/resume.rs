//! Resume proofs: how a member that lost its state shows that a fresh leaf is its own.
//!
//! Does not decide who is taken back: the commit that puts a leaf in the place of another is checked by `policy`, a knock by the lobby. The proof
//! is a signature by the *old* leaf key over the *new* one, so it is worth nothing to whoever holds neither, and nothing in another call, under
//! another member id or with another new key. SPEC: protocol.md §2, "No external commits, no stored GroupInfo".

use conclave_protocol::ids::{CallId, MemberId};
use conclave_protocol::role::resume_bytes;

use super::{LeafKey, verify};

/// Made by whoever still has the old leaf's key.
pub(crate) fn prove_resume(old: &LeafKey, call: &CallId, member: &MemberId, new_key: &[u8; 32]) -> [u8; 64] {
    old.sign_labelled(&resume_bytes(call, member, new_key))
}

/// SECURITY: this is what keeps every other member, and every holder of the link, from taking somebody's place.
pub(crate) fn verify_resume(
    old_key: &[u8; 32],
    call: &CallId,
    member: &MemberId,
    new_key: &[u8; 32],
    proof: &[u8; 64],
) -> bool {
    verify(old_key, &resume_bytes(call, member, new_key), proof)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<const N: usize>(value: &serde_json::Value, key: &str) -> [u8; N] {
        let hex = value[key].as_str().unwrap();
        let bytes: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap())
            .collect();
        bytes.try_into().unwrap()
    }

    /// `tests/vectors/resume.json`, worked out with another library (pyca/cryptography).
    #[test]
    fn the_proof_is_the_one_of_the_vectors() {
        let text = include_str!("../../../../tests/vectors/resume.json");
        let vector: serde_json::Value = serde_json::from_str(text).unwrap();
        let old = LeafKey::from_seed(&bytes(&vector, "old_leaf_seed"));
        let new = LeafKey::from_seed(&bytes(&vector, "new_leaf_seed"));
        let (call, member) = (
            CallId::from_bytes(bytes(&vector, "call_id")),
            MemberId::from_bytes(bytes(&vector, "member_id")),
        );
        assert_eq!(new.public(), bytes(&vector, "new_leaf_key"));
        let signed: [u8; 82] = bytes(&vector, "signed");
        assert_eq!(resume_bytes(&call, &member, &new.public()), signed);
        let proof = prove_resume(&old, &call, &member, &new.public());
        assert_eq!(proof, bytes(&vector, "resume_proof"));
        assert!(verify_resume(&old.public(), &call, &member, &new.public(), &proof));
    }

    #[test]
    fn a_proof_counts_for_one_key_one_call_one_member_and_one_new_leaf() {
        let (old, new, other) = (
            LeafKey::from_seed(&[1; 32]),
            LeafKey::from_seed(&[2; 32]).public(),
            LeafKey::from_seed(&[3; 32]).public(),
        );
        let (call, member) = (CallId::from_bytes([4; 16]), MemberId::from_bytes([5; 16]));
        let proof = prove_resume(&old, &call, &member, &new);
        let key = old.public();
        assert!(verify_resume(&key, &call, &member, &new, &proof));
        assert!(!verify_resume(&other, &call, &member, &new, &proof), "another old key");
        assert!(
            !verify_resume(&key, &CallId::from_bytes([9; 16]), &member, &new, &proof),
            "another call"
        );
        assert!(
            !verify_resume(&key, &call, &MemberId::from_bytes([9; 16]), &new, &proof),
            "another member"
        );
        assert!(!verify_resume(&key, &call, &member, &other, &proof), "another new leaf");
    }
}
