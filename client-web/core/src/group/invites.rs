//! Personal invites in the tree: one seat each, checked where a leaf comes in.
//!
//! Does not make them and keeps no list. A leaf that shows an invite that does not count is not added at all, so that who is in the tree by an invite
//! was invited, and a seat cannot be held by a claim. Once in, a leaf stays when its invite ends. SPEC: protocol.md §1, "Personal invites".

use std::collections::BTreeSet;

use conclave_protocol::ids::CallId;
use conclave_protocol::invite::InviteProof;
use conclave_protocol::role::{Authority, LeafName};

use super::rules::GroupData;
use super::{Group, Leaf, LeafData, PolicyFault, demand};

/// A seat: the link's generation and the invite's number.
pub(crate) type Seat = (u16, u32);

/// What an invite is worth to somebody who knocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    /// Shows none.
    None,
    /// Counts.
    Good,
    /// Is another's, over, taken back, or its seat is taken: with it nobody is added.
    Bad,
}

/// The seat that a leaf shows.
pub(crate) fn seat(data: &LeafData) -> Option<Seat> {
    let grant = &data.invite.as_ref()?.grant;
    Some((grant.generation, grant.serial))
}

impl GroupData {
    /// Taken back, in the sheet or in the call.
    fn revoked(&self, serial: u32) -> bool {
        self.authority.revoked_invites.contains(&serial) || self.rules.revoked_invites.contains(&serial)
    }

    /// Whether whoever shows a good invite has to ask nobody.
    pub(super) fn invited_enter(&self) -> bool {
        self.rules.invited_enter && !self.rules.locked
    }

    /// An invite of a leaf that is to come in. `back`: it takes its own old leaf's place, and was in by the invite already, whatever the day.
    pub(super) fn check_invite(
        &self,
        leaf: &LeafName,
        proof: &InviteProof,
        back: bool,
        taken: impl Fn(&Seat) -> bool,
    ) -> Result<(), PolicyFault> {
        let grant = &proof.grant;
        let day = if back { 0 } else { self.authority.day };
        let authority = Authority {
            day,
            ..self.authority.clone()
        };
        let good = proof.verify(&authority, self.generation, &self.call_id, leaf).is_ok();
        demand(PolicyFault::InviteProof, good)?; // MEM-070
        demand(PolicyFault::InviteRevoked, !self.revoked(grant.serial))?; // MEM-071
        demand(PolicyFault::InviteTaken, !taken(&(grant.generation, grant.serial))) // MEM-072
    }

    /// The invites of a joined tree. Whether they would count today is not asked: their holders came in before.
    pub(super) fn check_seats<'a>(
        &self,
        leaves: impl Iterator<Item = (LeafName, &'a LeafData)>,
    ) -> Result<(), PolicyFault> {
        let mut seats: BTreeSet<Seat> = BTreeSet::new();
        for (name, data) in leaves {
            let (Some(proof), Some(seat)) = (&data.invite, seat(data)) else {
                continue;
            };
            let genuine = proof.is_genuine(&self.authority.root_pk, &self.call_id, &name).is_ok();
            demand(PolicyFault::WelcomeInvite, genuine && seat.0 <= self.generation)?; // MEM-073
            demand(PolicyFault::WelcomeInviteTwice, seats.insert(seat))?; // MEM-074
        }
        Ok(())
    }
}

impl Group {
    /// What the invite of somebody who knocks is worth in this epoch.
    pub(crate) fn standing(&self, key: Option<[u8; 32]>, data: &LeafData) -> Standing {
        let Some(proof) = &data.invite else {
            return Standing::None;
        };
        let (Some(key), Some(group)) = (key, self.data()) else {
            return Standing::Bad;
        };
        let leaves = self.leaves();
        let back = leaves.iter().any(|l| l.data.member_id == data.member_id);
        let taken = |wanted: &Seat| {
            let others = |l: &&Leaf| l.data.member_id != data.member_id;
            leaves.iter().filter(others).any(|l| seat(&l.data) == Some(*wanted))
        };
        let name = LeafName {
            member: data.member_id,
            key,
        };
        match group.check_invite(&name, proof, back, taken) {
            Ok(()) => Standing::Good,
            Err(_) => Standing::Bad,
        }
    }

    /// Whether an invite opens this call without asking anybody.
    pub(crate) fn opens_to_invited(&self) -> bool {
        self.data().is_some_and(|data| data.invited_enter())
    }
}

impl super::Identity {
    /// Puts the invite's proof for one call into the leaf, if the invite is of the link's present generation.
    pub(super) fn show_invite(&mut self, generation: u16, call: &CallId) {
        let name = self.name();
        let present = self.invite.as_ref().filter(|i| i.grant.generation == generation);
        self.data.invite = present.map(|invite| invite.prove(call, &name));
    }
}
