//! Who this member is in a group: the key of its leaf, what the leaf says, and what it can show for a role or a seat.

use conclave_protocol::credential::Mandate;
use conclave_protocol::ids::CallId;
use conclave_protocol::invite::Invite;
use conclave_protocol::keys::{MandateSeed, Signer};
use conclave_protocol::role::{Authority, LeafName, RoleProof};
use conclave_protocol::sheet::Sheet;

use super::RoomBinding;
use super::keys::LeafKey;
use super::leaf::LeafData;

/// This member's own leaf as it will stand in a tree.
pub(crate) struct Identity {
    pub(crate) key: LeafKey,
    pub(crate) data: LeafData,
    /// What it can show a role with.
    pub(crate) role: Option<RoleKey>,
    /// What it can show a seat with.
    pub(crate) invite: Option<Invite>,
}

/// A mandate and its key, and the day on which it is used.
#[derive(Clone)]
pub(crate) struct RoleKey {
    pub(crate) mandate: Mandate,
    pub(crate) seed: MandateSeed,
    pub(crate) today: u16,
}

impl Identity {
    /// Of somebody who has nothing to show.
    #[cfg(any(test, feature = "measure"))]
    pub(crate) fn plain(key: LeafKey, data: LeafData) -> Self {
        Self {
            key,
            data,
            role: None,
            invite: None,
        }
    }

    pub(crate) fn name(&self) -> LeafName {
        LeafName {
            member: self.data.member_id,
            key: self.key.public(),
        }
    }

    /// What mandates are judged by where this member signs: the sheet, on this member's day if it has a mandate itself.
    pub(super) fn authority(&self, sheet: &Sheet) -> Authority {
        let day = self
            .data
            .proof
            .as_ref()
            .and(self.role.as_ref())
            .map_or(0, |role| role.today);
        Authority::of(sheet, day)
    }

    /// Puts the role's and the invite's proofs for one call into the leaf; no role if the mandate does not count any more.
    pub(super) fn prove(&mut self, room: &RoomBinding, call: CallId) {
        self.show_invite(room.generation, &call);
        let name = self.name();
        self.data.proof = self.role.as_ref().zip(room.sheet.as_ref()).and_then(|(role, sheet)| {
            let key = Signer::from_seed(role.seed.expose());
            let proof = RoleProof::sign(role.mandate.clone(), &key, &call, &name);
            let counts = proof.verify(&Authority::of(sheet, role.today), &call, &name).is_ok();
            counts.then_some(proof)
        });
    }
}
