//! What the owner of a room keeps: the deed, the host credential, and the mandates that give roles. A moderator's text is in `moderator`.
//!
//! Deliberately absent: a URL form. Browsers keep opened links in their history whatever a page does, so an owner's key is text or a file.
//!
//! SPEC: `docs/protocol.md`, section 1.

use zeroize::Zeroizing;

use crate::{
    binary::Reader,
    error::{Error, LinkError},
    ids::RoomFp,
    keys::{ManageSecret, MandatePk, MandateSeed, RootKeys, RootPk, RootSeed, Signer},
    link::{GuestLink, base64, link_checksum, read, unbase64},
};

/// How a host credential's text begins.
pub(crate) const HOST_PREFIX: &str = "conclave-host1:";
/// How a deed's text begins.
pub(crate) const DEED_PREFIX: &str = "conclave-deed1:";
/// How a moderator's key begins as text.
pub(crate) const MODERATOR_PREFIX: &str = "conclave-moderator1:";

/// The root seed, shown once, to be kept offline.
#[derive(Clone, Eq, PartialEq)]
pub struct Deed(pub RootSeed);

impl Deed {
    /// `conclave-deed1:` ‖ base64url(seed ‖ checksum of kind `d`).
    pub fn to_text(&self) -> Zeroizing<String> {
        key_text(DEED_PREFIX, b"d", Zeroizing::new(self.0.expose().to_vec()))
    }

    /// Reads what `to_text` wrote, with white space around it.
    pub fn parse(text: &str) -> Result<Self, LinkError> {
        let body = text.trim().strip_prefix(DEED_PREFIX).ok_or(LinkError::NotALink)?;
        read(b"d", &unbase64(body)?, |r| {
            r.array()
                .map(|seed| Self(RootSeed::from_bytes(seed)))
                .ok_or(LinkError::Cut)
        })
    }
}

/// A role.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Role {
    /// Changes rules, appoints moderators, manages the room.
    Host = 1,
    /// Admits, mutes, removes.
    Moderator = 2,
}

/// A role in a room, given to a key and signed by the root.
#[derive(Clone, Eq, PartialEq)]
pub struct Mandate {
    /// The room.
    pub room_fp: RoomFp,
    /// The role.
    pub role: Role,
    /// Its number; the sheet can revoke it or raise the minimum.
    pub serial: u32,
    /// The last day on which it counts, in days since 1970-01-01.
    pub not_after_day: u16,
    /// Whose it is.
    pub pk: MandatePk,
    signature: [u8; 64],
}

impl Mandate {
    /// Bytes of a mandate.
    pub const LEN: usize = 16 + 1 + 4 + 2 + 32 + 64;

    /// Makes and signs one.
    pub fn sign(root: &Signer, room_fp: RoomFp, role: Role, serial: u32, not_after_day: u16, pk: MandatePk) -> Self {
        let mut mandate = Self {
            room_fp,
            role,
            serial,
            not_after_day,
            pk,
            signature: [0; 64],
        };
        mandate.signature = root.sign(&mandate.signed_bytes());
        mandate
    }

    /// Checks that `root` belongs to the mandate's room and signed it. Whether it still counts is the caller's question, with the day and the sheet.
    pub fn verify(&self, root: &RootPk) -> Result<(), Error> {
        // SECURITY: C-MANDATE-1, C-MANDATE-2. A valid signature by the root of another room is worth nothing here.
        if RoomFp::of(root) != self.room_fp {
            return Err(Error::NotAuthentic);
        }
        root.verify(&self.signed_bytes(), &self.signature)
    }

    fn fields(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::LEN);
        out.extend(self.room_fp.as_bytes());
        out.push(self.role as u8);
        out.extend(self.serial.to_be_bytes());
        out.extend(self.not_after_day.to_be_bytes());
        out.extend(self.pk.as_bytes());
        out
    }

    fn signed_bytes(&self) -> Vec<u8> {
        [b"conclave v1 mandate", self.fields().as_slice()].concat()
    }

    /// Its 119 bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = self.fields();
        out.extend(self.signature);
        out
    }

    /// Reads exactly 119 bytes. Nothing is verified yet.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(bytes);
        match Self::read(&mut r) {
            Some(mandate) if r.is_empty() => Ok(mandate),
            _ => Err(Error::Malformed),
        }
    }

    fn read(r: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            room_fp: RoomFp::from_bytes(r.array()?),
            role: match r.u8()? {
                1 => Role::Host,
                2 => Role::Moderator,
                _ => return None,
            },
            serial: r.u32()?,
            not_after_day: r.u16()?,
            pk: MandatePk::from_bytes(r.array()?),
            signature: r.array()?,
        })
    }
}

/// The owner's working key: what lets one enter as host and manage the room's records.
#[derive(Clone, Eq, PartialEq)]
pub struct HostCredential {
    /// The room, as its guests have it.
    pub guest: GuestLink,
    /// The host's role.
    pub mandate: Mandate,
    /// The mandate's key.
    pub mandate_seed: MandateSeed,
    /// Manages the records at the servers.
    pub manage_secret: ManageSecret,
}

impl HostCredential {
    /// `conclave-host1:` ‖ base64url(guest link's bytes without their checksum ‖ mandate ‖ mandate seed ‖ manage secret ‖ checksum of kind `h`).
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut bytes = mandated_bytes(&self.guest, &self.mandate, &self.mandate_seed);
        bytes.extend(self.manage_secret.expose());
        key_text(HOST_PREFIX, b"h", bytes)
    }

    /// Reads what `to_text` wrote. Its parts must belong together: mandate and link to one room, seed and mandate to one key. A moderator's mandate makes no owner.
    pub fn parse(text: &str) -> Result<Self, LinkError> {
        let read = Mandated::parse(text, HOST_PREFIX, b"h", Role::Host)?;
        Ok(Self {
            guest: read.guest,
            mandate: read.mandate,
            mandate_seed: read.mandate_seed,
            manage_secret: read.manage_secret.ok_or(LinkError::Cut)?,
        })
    }
}

/// What the text of a key with a mandate holds: a host's has the manage secret, a moderator's has not.
pub(crate) struct Mandated {
    pub(crate) guest: GuestLink,
    pub(crate) mandate: Mandate,
    pub(crate) mandate_seed: MandateSeed,
    manage_secret: Option<ManageSecret>,
}

impl Mandated {
    /// Reads one whose parts belong together, and whose mandate is of this role.
    pub(crate) fn parse(text: &str, prefix: &str, kind: &[u8; 1], role: Role) -> Result<Self, LinkError> {
        let body = text.trim().strip_prefix(prefix).ok_or(LinkError::NotALink)?;
        let key = read(kind, &unbase64(body)?, |r| {
            let guest = GuestLink::read_body(r)?;
            let mandate = r.take(Mandate::LEN).ok_or(LinkError::Cut)?;
            Ok(Self {
                guest,
                mandate: Mandate::from_slice(mandate).map_err(|_| LinkError::Malformed)?,
                mandate_seed: r.array().map(MandateSeed::from_bytes).ok_or(LinkError::Cut)?,
                manage_secret: match role {
                    Role::Host => Some(r.array().map(ManageSecret::from_bytes).ok_or(LinkError::Cut)?),
                    Role::Moderator => None,
                },
            })
        })?;
        let own_key = Signer::from_seed(key.mandate_seed.expose()).public();
        let consistent = key.mandate.role == role
            && key.mandate.room_fp == key.guest.room_fp
            && *key.mandate.pk.as_bytes() == own_key;
        if consistent { Ok(key) } else { Err(LinkError::Malformed) }
    }
}

/// What all texts with a mandate begin with.
pub(crate) fn mandated_bytes(guest: &GuestLink, mandate: &Mandate, seed: &MandateSeed) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(512));
    guest.write_body(&mut bytes);
    bytes.extend(mandate.to_bytes());
    bytes.extend(seed.expose());
    bytes
}

impl Deed {
    /// A fresh working key from the deed, for whoever lost theirs: a new mandate, with a serial that no mandate has that still counts. `guest` is the room's
    /// present link; fails if the deed is another room's.
    pub fn credential(
        &self,
        guest: GuestLink,
        serial: u32,
        not_after_day: u16,
        mandate_seed: MandateSeed,
    ) -> Result<HostCredential, Error> {
        let keys = RootKeys::derive(&self.0);
        if RoomFp::of(&keys.root_pk()) != guest.room_fp {
            return Err(Error::NotAuthentic);
        }
        let pk = MandatePk::from_bytes(Signer::from_seed(mandate_seed.expose()).public());
        Ok(HostCredential {
            mandate: Mandate::sign(&keys.sign(), guest.room_fp, Role::Host, serial, not_after_day, pk),
            guest,
            mandate_seed,
            manage_secret: keys.manage_secret(),
        })
    }
}

/// The text of a key: its prefix, then its bytes with their checksum.
pub(crate) fn key_text(prefix: &str, kind: &[u8; 1], mut bytes: Zeroizing<Vec<u8>>) -> Zeroizing<String> {
    let sum = link_checksum(kind, &bytes);
    bytes.extend(sum);
    Zeroizing::new(format!("{prefix}{}", *base64(&bytes)))
}
