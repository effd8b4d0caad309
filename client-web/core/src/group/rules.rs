//! What stands in the group's context (extension 0xF0C1): room and call, what mandates are judged by, and the rules of the call; and who may change it.
//!
//! Does not travel by itself: a change is this very structure with the next sequence, signed by a host or moderator, and any member may commit it. It
//! carries its signer's proof, so that it speaks for itself to a newcomer when the signer has gone. SPEC: protocol.md §2, "Rules of a call".

use minicbor::{Decode, Encode};
use openmls::prelude::{Extension, Extensions, GroupContext};

use conclave_protocol::credential::Role;
use conclave_protocol::ids::{CallId, MemberId, RoomFp};
use conclave_protocol::manage::Replacement;
use conclave_protocol::role::{Appointment, Authority, LeafName, RoleProof};
use conclave_protocol::rules::CallRules;
use conclave_protocol::sheet::{Found, Sheet};

use super::relink::{NewLink, NewSecret};
use super::{Group, Identity, Leaf, LeafData, LeafKey, PolicyFault, RoomBinding, demand, verify};
use crate::cbor;

/// Group context extension: which room and call this is, and its rules.
pub(super) const GROUP_EXTENSION: u16 = 0xF0C1;

/// See the module.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct GroupData {
    #[n(0)]
    pub(super) call_id: CallId,
    #[n(1)]
    pub(super) room_fp: RoomFp,
    #[n(2)]
    pub(super) generation: u16,
    /// Whose leaf key signed: the founder, or whoever changed the rules last.
    #[n(3)]
    pub(super) signer: LeafName,
    #[cbor(n(5), with = "minicbor::bytes")]
    signature: [u8; 64],
    /// 0 as founded, one more with each change.
    #[n(6)]
    pub(super) seq: u64,
    #[n(7)]
    pub(super) authority: Authority,
    #[n(8)]
    pub(super) rules: CallRules,
    /// The signer's role proof, if its role is by mandate.
    #[cbor(n(9), with = "minicbor::bytes")]
    pub(super) proof: Option<Vec<u8>>,
    /// The link's secret, since it was changed in this call.
    #[n(10)]
    pub(super) link: Option<NewSecret>,
    /// The server's record with that link, until the rules change again: COST: 4.4 kB in every Welcome.
    #[n(11)]
    pub(super) replacement: Option<Replacement>,
}

impl GroupData {
    /// As a founder begins a call. Without a role that the sheet accepts, only open rules are valid.
    pub(super) fn founded(room: &RoomBinding, sheet: &Sheet, call: CallId, founder: &Identity) -> Self {
        let authority = founder.authority(sheet);
        let proven = founder.data.proof.as_ref();
        let mut data = Self {
            call_id: call,
            room_fp: room.room_fp,
            generation: room.generation,
            signer: founder.name(),
            signature: [0; 64],
            seq: 0,
            authority,
            rules: proven.map_or_else(CallRules::open, |_| CallRules::of(sheet)),
            proof: proven.map(RoleProof::to_bytes),
            link: None,
            replacement: None,
        };
        data.sign(&founder.key);
        data
    }

    /// The next one: what `change` makes of this one, by `signer`.
    pub(super) fn changed(&self, signer: &Identity, change: impl FnOnce(&mut Self)) -> Self {
        let mut next = self.clone();
        next.seq = self.seq.saturating_add(1);
        next.signer = signer.name();
        next.proof = signer.data.proof.as_ref().map(RoleProof::to_bytes);
        next.replacement = None;
        change(&mut next);
        next.sign(&signer.key);
        next
    }

    pub(super) fn sign(&mut self, key: &LeafKey) {
        self.signature = key.sign_labelled(&self.signed_bytes());
    }

    /// Label ‖ all of it, with zeros in the signature's place.
    fn signed_bytes(&self) -> Vec<u8> {
        let blank = Self {
            signature: [0; 64],
            ..self.clone()
        };
        [b"conclave v1 group".to_vec(), cbor::encode(&blank)].concat()
    }

    fn is_signed(&self) -> bool {
        verify(&self.signer.key, &self.signed_bytes(), &self.signature)
    }

    pub(super) fn of(extensions: &Extensions<GroupContext>) -> Option<Self> {
        Self::from_bytes(&extensions.unknown(GROUP_EXTENSION)?.0)
    }

    /// Strict in its encoding. Its lists are looked at where it is judged.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        cbor::decode(bytes).ok()
    }

    fn is_canonical(&self) -> bool {
        self.authority.is_canonical() && self.rules.is_canonical() && self.replaces_well()
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// Whether another one says the same, whoever signed it.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        self.rules == other.rules && !self.changes_link(other) && self.authority == other.authority
    }

    pub(crate) fn rules(&self) -> &CallRules {
        &self.rules
    }

    /// The role that the signer had, by the evidence that this structure itself carries.
    fn signers_role(&self) -> Option<Role> {
        if let Some(bytes) = &self.proof {
            let proof = RoleProof::from_slice(bytes).ok()?;
            return proof.verify(&self.authority, &self.call_id, &self.signer).ok();
        }
        self.rules.appoints(&self.signer).then_some(Role::Moderator)
    }

    fn appointments_hold(&self) -> bool {
        let mut all = self.rules.appointments.iter();
        all.all(|a| a.verify(&self.authority, &self.call_id).is_ok())
    }

    /// SECURITY: what a newcomer believes of a group: it is this room's (the link knows the root's fingerprint), this call's, and its rules are a
    /// host's or moderator's word; without such a word they can only be the open ones, and the room must allow that.
    pub(super) fn check(&self, room: &RoomBinding, call: &[u8]) -> Result<(), PolicyFault> {
        let fits = self.call_id.as_bytes() == call
            && self.room_fp == room.room_fp
            && self.authority.room() == room.room_fp
            && self.generation == room.generation;
        demand(PolicyFault::GroupData, fits)?; // MEM-019
        demand(PolicyFault::GroupSignature, self.is_signed())?; // MEM-020
        demand(PolicyFault::WelcomeRules, self.is_canonical())?; // MEM-061
        let role = self.signers_role();
        let open = self.rules == CallRules::open();
        demand(PolicyFault::GroupAuthority, role.is_some() || open)?; // MEM-028
        demand(PolicyFault::WelcomeAppointment, self.appointments_hold())?; // MEM-029
        demand(PolicyFault::SheetUnseen, room.sheet.is_some())?; // MEM-063
        let Some(sheet) = &room.sheet else { return Ok(()) };
        let founded_well = role.is_some() || sheet.rules.found == Found::Anyone;
        demand(PolicyFault::FoundedWithoutHost, founded_well)?; // MEM-030
        let theirs = &self.authority;
        let agrees = theirs.sheet_seq != sheet.seq
            || (theirs.minimum_serial == sheet.minimum_serial
                && theirs.revoked == sheet.revoked
                && theirs.revoked_invites == sheet.revoked_invites);
        // Without a role's word it cannot be newer than what this member was shown, nor older.
        let known = role.is_some() || theirs.sheet_seq == sheet.seq;
        demand(PolicyFault::SheetOfGroup, agrees && known) // MEM-031
    }
}

/// Nobody is appointed or dismissed; an appointed leaf may name the one that took its place.
fn appointments_stay(old: &GroupData, new: &GroupData) -> bool {
    let (old, new) = (&old.rules.appointments, &new.rules.appointments);
    old.len() == new.len() && new.iter().zip(old).all(|(new, old)| new.continues(old))
}

impl Group {
    /// What stands in the group's context. It was checked when this member joined, and with each change.
    pub(crate) fn data(&self) -> Option<GroupData> {
        GroupData::of(self.mls.extensions())
    }

    /// The role of a leaf: by the proof in it, or by appointment.
    pub(super) fn role_in(data: &GroupData, leaf: &Leaf) -> Option<Role> {
        let name = leaf.name();
        if let Some(proof) = &leaf.data.proof {
            let role = proof.verify(&data.authority, &data.call_id, &name);
            if demand(PolicyFault::RoleProof, role.is_ok()).is_ok() {
                return Some(proof.mandate.role); // MEM-032
            }
        }
        let mut appointments = data.rules.appointments.iter();
        let moderates = |appointment: &Appointment| {
            let takes_place = |proof| appointment.passes_to(&data.call_id, &name, proof);
            let holds = appointment.holder() == name || leaf.data.resume.as_ref().is_some_and(takes_place);
            demand(PolicyFault::AppointedLeaf, holds).is_ok() // MEM-064
        };
        let appointed = appointments.any(|a| a.leaf.member == name.member && moderates(a));
        appointed.then_some(Role::Moderator)
    }

    /// A member's proof of a role by mandate, for the card: a host's if there is one.
    pub(crate) fn shown_role(&self) -> Option<(LeafName, RoleProof)> {
        let data = self.data()?;
        let mut all: Vec<(bool, LeafName, RoleProof)> = Vec::new();
        for leaf in self.leaves() {
            let (name, Some(proof)) = (leaf.name(), leaf.data.proof) else {
                continue;
            };
            if let Ok(role) = proof.verify(&data.authority, &data.call_id, &name) {
                all.push((role != Role::Host, name, proof));
            }
        }
        let first = all.into_iter().min_by_key(|(moderates, name, _)| (*moderates, *name))?;
        Some((first.1, first.2))
    }

    /// Every member who moderates by a key of their own, with its number.
    ///
    /// SECURITY: only by a proof that counts: whoever shows a copy of somebody else's must not have that one's key taken away.
    pub(crate) fn moderators_by_key(&self) -> Vec<(MemberId, u32)> {
        let Some(data) = self.data() else { return Vec::new() };
        let by_key = |leaf: &Leaf| {
            let proof = leaf.data.proof.as_ref().filter(|p| p.mandate.role == Role::Moderator)?;
            let counts = proof.verify(&data.authority, &data.call_id, &leaf.name());
            counts.ok().map(|_| (leaf.data.member_id, proof.mandate.serial))
        };
        self.leaves().iter().filter_map(by_key).collect()
    }

    /// Every member with a role.
    pub(crate) fn roles(&self) -> Vec<(MemberId, Role)> {
        let Some(data) = self.data() else { return Vec::new() };
        self.leaves()
            .iter()
            .filter_map(|leaf| Some((leaf.data.member_id, Self::role_in(&data, leaf)?)))
            .collect()
    }

    /// Whether the rules may go from `old` to `new`, in the present epoch.
    ///
    /// SECURITY: judged by the roles of the epoch that the change ends, so nobody makes themselves what they need to be.
    pub(crate) fn check_change(&self, old: &GroupData, new: &GroupData) -> Result<(), PolicyFault> {
        demand(PolicyFault::RulesForm, new.is_canonical())?; // MEM-060
        let same = new.call_id == old.call_id
            && new.room_fp == old.room_fp
            && new.authority.root_pk == old.authority.root_pk
            && new.authority.sheet_seq >= old.authority.sheet_seq;
        demand(PolicyFault::RulesOfAnother, same)?; // MEM-033
        old.check_link(new)?;
        demand(PolicyFault::RulesSequence, old.seq.checked_add(1) == Some(new.seq))?; // MEM-034
        demand(PolicyFault::RulesSignature, new.is_signed())?; // MEM-035
        let signer = self.leaves().into_iter().find(|leaf| leaf.name() == new.signer);
        let role = signer.and_then(|leaf| Self::role_in(old, &leaf));
        // And a newcomer must be able to see it without the old epoch.
        let shown = new.signers_role();
        demand(PolicyFault::RulesSigner, role.is_some() && shown.is_some())?; // MEM-036
        demand(PolicyFault::Appointment, new.appointments_hold())?; // MEM-037
        let hosts_alone = new.authority == old.authority
            && !old.changes_link(new)
            && appointments_stay(old, new)
            && old
                .rules
                .revoked_invites
                .iter()
                .all(|serial| new.rules.revoked_invites.contains(serial))
            && new.rules.ended == old.rules.ended
            && self.touches_only_guests(old, new);
        demand(PolicyFault::HostsAlone, role != Some(Role::Moderator) || hosts_alone) // MEM-038
    }

    /// No mute or bar of a host or moderator differs, one's own apart.
    fn touches_only_guests(&self, old: &GroupData, new: &GroupData) -> bool {
        self.roles()
            .iter()
            .filter(|(id, _)| *id != new.signer.member)
            .all(|(id, _)| {
                old.rules.muted(id) == new.rules.muted(id) && old.rules.bars.contains(id) == new.rules.bars.contains(id)
            })
    }

    /// The new group data of a commit that changes the context, if it does; everything else in the context must stay.
    pub(super) fn check_context(&self, new: &Extensions<GroupContext>) -> Result<Option<GroupData>, PolicyFault> {
        let rest = |e: &Extensions<GroupContext>| -> Vec<Extension> {
            let ours = |x: &&Extension| !matches!(x, Extension::Unknown(GROUP_EXTENSION, _));
            e.iter().filter(ours).cloned().collect()
        };
        let old = self.mls.extensions();
        if new == old {
            return Ok(None);
        }
        demand(PolicyFault::ContextExtension, rest(new) == rest(old))?; // MEM-039
        let before = self.data().ok_or(PolicyFault::GroupData)?;
        let Some(after) = GroupData::of(new) else {
            return demand(PolicyFault::RulesForm, false).map(|()| None);
        };
        self.check_change(&before, &after)?;
        Ok(Some(after))
    }
}

impl Group {
    /// The next rules, signed by this member.
    #[cfg(test)]
    pub(crate) fn change_rules(&self, data: &GroupData, change: impl FnOnce(&mut CallRules)) -> GroupData {
        self.change_data(data, None, None, change)
    }

    /// The next rules, signed by this member; if wanted with a new link, and with what a newer sheet says of mandates.
    pub(crate) fn change_data(
        &self,
        data: &GroupData,
        link: Option<&NewLink>,
        sheet: Option<&Sheet>,
        change: impl FnOnce(&mut CallRules),
    ) -> GroupData {
        data.changed(&self.identity, |next| {
            change(&mut next.rules);
            if let Some(link) = link {
                next.relink(link);
            }
            if let Some(sheet) = sheet {
                next.authority = Authority::of(sheet, next.authority.day);
            }
        })
    }

    /// This member's word that a leaf moderates, if it can show a mandate.
    pub(crate) fn appoint(&self, leaf: LeafName) -> Option<Appointment> {
        let proof = self.identity.data.proof.as_ref()?;
        let host = self.identity.name();
        let message = Appointment::signed_bytes(&self.keyring.room.room_fp, &self.call, &leaf, &host);
        Some(Appointment::new(
            leaf,
            host,
            proof,
            self.identity.key.sign_labelled(&message),
        ))
    }

    /// Whether this member moderates as the heir of an appointed leaf, and the rules do not say so yet.
    pub(crate) fn inherits(&self) -> bool {
        let (name, Some(data)) = (self.identity.name(), self.data()) else {
            return false;
        };
        let Some(proof) = &self.identity.data.resume else {
            return false;
        };
        let passes = |a: &Appointment| a.passes_to(&self.call, &name, proof);
        !data.rules.appoints(&name) && data.rules.appointments.iter().any(passes)
    }

    /// Writes this member's leaf into the appointment of the leaf whose place it took.
    pub(crate) fn inherit(&self, rules: &mut CallRules) {
        let name = self.identity.name();
        if let Some(proof) = self.identity.data.resume {
            let mut all = rules.appointments.iter_mut();
            if let Some(appointment) = all.find(|a| a.passes_to(&self.call, &name, &proof)) {
                appointment.pass_to(name.key, proof);
            }
        }
    }

    /// Whether somebody with this leaf has to be let in.
    pub(crate) fn must_be_admitted(&self, key: Option<[u8; 32]>, data: &LeafData) -> bool {
        let Some(group) = self.data().filter(|group| group.rules.asks()) else {
            return false;
        };
        let leaf = key.map(|key| Leaf {
            index: 0,
            key,
            data: data.clone(),
        });
        leaf.is_none_or(|leaf| Self::role_in(&group, &leaf).is_none())
    }
}
