//! How a member shows a role: the proof that stands in its leaf, and what mandates are judged by.
//!
//! Deliberately absent: the group. A proof is bound to one call, one member and one leaf key, so it is of no use in another leaf; whether the
//! leaf is in the group is the caller's question. No clock: the day on which mandates are judged is agreed on in the group.
//!
//! SPEC: `docs/protocol.md`, section 1, "Roles".

use minicbor::{Decode, Encode};

use crate::{
    cbor,
    credential::{Mandate, Role},
    error::Error,
    ids::{CallId, MemberId, RoomFp},
    keys::{RootPk, Signer},
    limits::{MAX_HEIRS, MAX_REVOKED, MAX_REVOKED_INVITES},
    sheet::Sheet,
};

/// A leaf, as those who sign something about it name it.
#[derive(Clone, Copy, Eq, PartialEq, Ord, PartialOrd, Encode, Decode)]
#[cbor(map)]
pub struct LeafName {
    /// The member.
    #[n(0)]
    pub member: MemberId,
    /// The leaf's signature key.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub key: [u8; 32],
}

/// A mandate, shown by one leaf in one call.
#[derive(Clone, Eq, PartialEq)]
pub struct RoleProof {
    /// What the root signed.
    pub mandate: Mandate,
    signature: [u8; 64],
}

impl RoleProof {
    /// Bytes of a proof.
    pub const LEN: usize = Mandate::LEN + 64;

    /// Signs with the mandate's key.
    pub fn sign(mandate: Mandate, key: &Signer, call: &CallId, leaf: &LeafName) -> Self {
        let signature = key.sign(&signed_bytes(call, leaf));
        Self { mandate, signature }
    }

    /// The role that this leaf has by it, if the authority accepts the mandate.
    ///
    /// SECURITY: bound to call, member and leaf key: whoever copies a proof out of a tree has nothing.
    pub fn verify(&self, authority: &Authority, call: &CallId, leaf: &LeafName) -> Result<Role, Error> {
        authority.accepts(&self.mandate)?;
        self.mandate.pk.verify(&signed_bytes(call, leaf), &self.signature)?;
        Ok(self.mandate.role)
    }

    /// Mandate ‖ signature.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = self.mandate.to_bytes();
        out.extend(self.signature);
        out
    }

    /// Reads exactly 183 bytes. Nothing is verified yet.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, Error> {
        let (mandate, signature) = bytes.split_last_chunk::<64>().ok_or(Error::Malformed)?;
        Ok(Self {
            mandate: Mandate::from_slice(mandate)?,
            signature: *signature,
        })
    }
}

fn signed_bytes(call: &CallId, leaf: &LeafName) -> Vec<u8> {
    [
        b"conclave v1 role".as_slice(),
        call.as_bytes(),
        leaf.member.as_bytes(),
        &leaf.key,
    ]
    .concat()
}

/// What mandates are judged by in a call: the root, and what the sheet that was in force says of mandates.
#[derive(Clone, Eq, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Authority {
    /// The room's root.
    #[n(0)]
    pub root_pk: RootPk,
    /// The sheet that the next three are from.
    #[n(1)]
    pub sheet_seq: u32,
    /// Mandates below this serial do not count.
    #[n(2)]
    pub minimum_serial: u32,
    /// Mandates that no longer count, ascending.
    #[n(3)]
    pub revoked: Vec<u32>,
    /// Mandates that ended before this day do not count. The day of whoever signed last, in days since 1970-01-01: members whose clocks differ
    /// must still agree. 0 where the founder had no mandate.
    #[n(4)]
    pub day: u16,
    /// Personal invites that no longer count, ascending.
    #[cbor(n(5), skip_if = "Vec::is_empty")]
    pub revoked_invites: Vec<u32>,
}

impl Authority {
    /// As a sheet says.
    pub fn of(sheet: &Sheet, day: u16) -> Self {
        Self {
            root_pk: sheet.root_pk,
            sheet_seq: sheet.seq,
            minimum_serial: sheet.minimum_serial,
            revoked: sheet.revoked.clone(),
            day,
            revoked_invites: sheet.revoked_invites.clone(),
        }
    }

    /// Whether a mandate counts.
    pub fn accepts(&self, mandate: &Mandate) -> Result<(), Error> {
        mandate.verify(&self.root_pk)?;
        let counts = mandate.serial >= self.minimum_serial
            && mandate.not_after_day >= self.day
            && !self.revoked.contains(&mandate.serial);
        if counts { Ok(()) } else { Err(Error::NotAuthentic) }
    }

    /// Whether it is written as it has to be.
    pub fn is_canonical(&self) -> bool {
        self.revoked.len() <= MAX_REVOKED
            && self.revoked.is_sorted_by(|a, b| a < b)
            && self.revoked_invites.len() <= MAX_REVOKED_INVITES
            && self.revoked_invites.is_sorted_by(|a, b| a < b)
    }

    /// The room.
    pub fn room(&self) -> RoomFp {
        RoomFp::of(&self.root_pk)
    }
}

/// A host's word that a leaf moderates in this call. It carries the host's own proof, so that it speaks for itself after the host has gone.
#[derive(Clone, Eq, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Appointment {
    /// Who moderates.
    #[n(0)]
    pub leaf: LeafName,
    /// Who says so.
    #[n(1)]
    pub host: LeafName,
    #[cbor(n(2), with = "minicbor::bytes")]
    proof: Vec<u8>,
    #[cbor(n(3), with = "minicbor::bytes")]
    signature: [u8; 64],
    /// The keys of the leaves that took the appointed leaf's place, each shown by the one before.
    #[cbor(n(4), skip_if = "Vec::is_empty")]
    heirs: Vec<Heir>,
}

/// A leaf key that took another one's place: the same member came back after losing its state.
#[derive(Clone, Eq, PartialEq, Encode, Decode)]
#[cbor(map)]
struct Heir {
    #[cbor(n(0), with = "minicbor::bytes")]
    key: [u8; 32],
    #[cbor(n(1), with = "minicbor::bytes")]
    proof: [u8; 64],
}

/// What the old leaf's key signs when a member takes its place back: label ‖ call_id ‖ member_id ‖ new leaf signature key.
pub fn resume_bytes(call: &CallId, member: &MemberId, new_key: &[u8; 32]) -> Vec<u8> {
    [
        b"conclave v1 resume".as_slice(),
        call.as_bytes(),
        member.as_bytes(),
        new_key,
    ]
    .concat()
}

impl Appointment {
    /// What the host's leaf key signs.
    pub fn signed_bytes(room: &RoomFp, call: &CallId, leaf: &LeafName, host: &LeafName) -> Vec<u8> {
        [
            b"conclave v1 appointment".as_slice(),
            room.as_bytes(),
            call.as_bytes(),
            leaf.member.as_bytes(),
            &leaf.key,
            host.member.as_bytes(),
            &host.key,
        ]
        .concat()
    }

    /// With a signature over [`Appointment::signed_bytes`] by the host's leaf key.
    pub fn new(leaf: LeafName, host: LeafName, proof: &RoleProof, signature: [u8; 64]) -> Self {
        Self {
            leaf,
            host,
            proof: proof.to_bytes(),
            signature,
            heirs: Vec::new(),
        }
    }

    /// The leaf that moderates by it now: the appointed one, or the one that took its place last.
    pub fn holder(&self) -> LeafName {
        LeafName {
            member: self.leaf.member,
            key: self.heirs.last().map_or(self.leaf.key, |heir| heir.key),
        }
    }

    /// Whether a leaf with this key takes the holder's place by this resume proof.
    pub fn passes_to(&self, call: &CallId, leaf: &LeafName, proof: &[u8; 64]) -> bool {
        let holder = self.holder();
        let message = resume_bytes(call, &leaf.member, &leaf.key);
        leaf.member == holder.member && crate::keys::verify(&holder.key, &message, proof).is_ok()
    }

    /// Passes it on to a leaf that took the holder's place.
    pub fn pass_to(&mut self, key: [u8; 32], proof: [u8; 64]) {
        self.heirs.push(Heir { key, proof });
    }

    /// Whether this is `older`, perhaps passed on since.
    pub fn continues(&self, older: &Self) -> bool {
        let heirs = self.heirs.get(..older.heirs.len()) == Some(older.heirs.as_slice());
        heirs
            && (self.leaf, self.host, self.signature) == (older.leaf, older.host, older.signature)
            && self.proof == older.proof
    }

    /// Whether a host of this room said it in this call.
    pub fn verify(&self, authority: &Authority, call: &CallId) -> Result<(), Error> {
        let role = RoleProof::from_slice(&self.proof)?.verify(authority, call, &self.host)?;
        let message = Self::signed_bytes(&authority.room(), call, &self.leaf, &self.host);
        crate::keys::verify(&self.host.key, &message, &self.signature)?;
        if self.heirs.len() > MAX_HEIRS {
            return Err(Error::TooLarge);
        }
        let mut key = self.leaf.key;
        for heir in &self.heirs {
            // SECURITY: only the leaf itself says which leaf takes its place.
            let message = resume_bytes(call, &self.leaf.member, &heir.key);
            crate::keys::verify(&key, &message, &heir.proof)?;
            key = heir.key;
        }
        match role {
            Role::Host => Ok(()),
            Role::Moderator => Err(Error::NotAuthentic),
        }
    }

    /// Deterministic CBOR.
    pub fn to_bytes(&self) -> Vec<u8> {
        cbor::encode(self)
    }
}
