//! What the keys of owners and moderators become: a role to show, and from a deed a fresh working key.
//!
//! Does not manage the room's record at the server. SPEC: protocol.md §1, "Roles".

use conclave_protocol::credential::Deed;
use conclave_protocol::keys::MandateSeed;
use conclave_protocol::sheet::Sheet;

use super::errand::Errands;
use super::shared::Shared;
use super::{Owner, OwnerKey};
use crate::group::RoleKey;
use crate::io::Event;

/// A deed that no working key was made of yet.
pub(crate) struct OwnersDeed {
    deed: Deed,
    today: u16,
}

impl OwnersDeed {
    pub(super) fn of(owner: Owner<'_>) -> Option<Self> {
        match owner.key {
            OwnerKey::Deed(deed) => Some(Self {
                deed: deed.clone(),
                today: owner.today,
            }),
            OwnerKey::Credential(_) | OwnerKey::Moderator(_) => None,
        }
    }
}

impl Errands {
    pub(super) fn of(owner: Owner<'_>) -> Option<Self> {
        match owner.key {
            OwnerKey::Credential(credential) => Some(Self::new(credential.clone())),
            OwnerKey::Deed(_) | OwnerKey::Moderator(_) => None,
        }
    }
}

impl RoleKey {
    pub(super) fn of(owner: Owner<'_>) -> Option<Self> {
        let (mandate, seed) = match owner.key {
            OwnerKey::Credential(credential) => (&credential.mandate, &credential.mandate_seed),
            OwnerKey::Moderator(key) => (&key.mandate, &key.mandate_seed),
            OwnerKey::Deed(_) => return None,
        };
        Some(Self {
            mandate: mandate.clone(),
            seed: seed.clone(),
            today: owner.today,
        })
    }
}

impl Shared {
    /// Makes a working key of the deed, once: its serial must be above all that were ended, which the sheet says.
    ///
    /// SECURITY: the lost key counts on until somebody raises the sheet's minimum to the new serial; who holds the deed can, and nobody else.
    pub(super) fn use_deed(&mut self, sheet: &Sheet) {
        let Some(OwnersDeed { deed, today }) = self.deed.take() else {
            return;
        };
        let seed = MandateSeed::from_bytes(*self.random.secret());
        let until = sheet.record.day_expires;
        if let Ok(made) = deed.credential(self.link.clone(), sheet.next_serial(), until, seed) {
            self.event(Event::Credential(made.to_text()));
            self.errands = Some(Errands::new(made.clone()));
            self.role = Some(RoleKey {
                mandate: made.mandate.clone(),
                seed: made.mandate_seed.clone(),
                today,
            });
        }
    }

    /// Whoever came by a newer link than the one in their key gets a key with it: the link may have been changed when they were not there, or had just gone.
    pub(super) fn renew_key(&mut self, sheet: &Sheet) {
        // The server may not know the link of the call yet.
        let admission = self.keys.admission(self.connection.server()).public();
        if *sheet.record.admission_pk.as_bytes() == admission
            && let Some(errands) = &mut self.errands
            && errands.follow(&self.link)
        {
            let text = errands.credential().to_text();
            self.event(Event::Credential(text));
        }
    }

    /// The invite with which this member came was taken back, or is of an older link: nobody would let it in.
    pub(super) fn invite_is_over(&self, sheet: &Sheet) -> bool {
        let grant = self.invite.as_ref().map(|invite| &invite.grant);
        grant.is_some_and(|grant| {
            let stale = grant.generation != self.room.generation;
            stale || sheet.revoked_invites.contains(&grant.serial) || grant.verify(&sheet.root_pk).is_err()
        })
    }
}
