//! Personal invites: a link for one seat, signed by a host, and the proof by which a leaf shows that it is the one invited.
//!
//! Deliberately absent: which seats are taken, which is the group's question, and a list of invites anywhere: a host's browser makes one without
//! asking anybody. Whoever holds the link holds the seat, so it is to be passed on like a guest link, to one person.
//!
//! SPEC: `docs/protocol.md`, section 1, "Personal invites".

use zeroize::Zeroizing;

use crate::{
    binary::Reader,
    credential::{HostCredential, Mandate, Role},
    error::{Error, LinkError},
    ids::{CallId, RoomFp},
    keys::{InvitePk, InviteSeed, RootPk, Signer},
    link::{GuestLink, fragment},
    role::{Authority, LeafName},
};

/// A host's word that whoever holds this key has one seat in the room.
#[derive(Clone, Eq, PartialEq)]
pub struct Grant {
    /// Of the link that it came with: changing the link ends all invites.
    pub generation: u16,
    /// The seat. Chosen at random by the host's browser, which keeps no list.
    pub serial: u32,
    /// The last day on which one may come in by it, in days since 1970-01-01.
    pub not_after_day: u16,
    /// Whose it is.
    pub pk: InvitePk,
    /// What makes the signer a host.
    pub mandate: Mandate,
    signature: [u8; 64],
}

impl Grant {
    /// Bytes of a grant.
    pub const LEN: usize = 2 + 4 + 2 + 32 + Mandate::LEN + 64;

    /// What the mandate's key signs.
    ///
    /// SECURITY: the room is named, for one key could be given mandates in two; the mandate's own fields are not, for the key stands for it.
    pub fn signed_bytes(room: &RoomFp, generation: u16, serial: u32, not_after_day: u16, pk: &InvitePk) -> Vec<u8> {
        [
            b"conclave v1 invitation".as_slice(),
            room.as_bytes(),
            &generation.to_be_bytes(),
            &serial.to_be_bytes(),
            &not_after_day.to_be_bytes(),
            pk.as_bytes(),
        ]
        .concat()
    }

    /// Signs one with the key of a host's mandate.
    pub fn sign(
        mandate: Mandate,
        key: &Signer,
        generation: u16,
        serial: u32,
        not_after_day: u16,
        pk: InvitePk,
    ) -> Self {
        let message = Self::signed_bytes(&mandate.room_fp, generation, serial, not_after_day, &pk);
        Self {
            generation,
            serial,
            not_after_day,
            pk,
            signature: key.sign(&message),
            mandate,
        }
    }

    /// Whether a host of the room with this root gave it. Whether it still counts is another question: [`InviteProof::verify`].
    pub fn verify(&self, root: &RootPk) -> Result<(), Error> {
        self.mandate.verify(root)?;
        if self.mandate.role != Role::Host {
            return Err(Error::NotAuthentic);
        }
        let room = &self.mandate.room_fp;
        let message = Self::signed_bytes(room, self.generation, self.serial, self.not_after_day, &self.pk);
        self.mandate.pk.verify(&message, &self.signature)
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.generation.to_be_bytes());
        out.extend(self.serial.to_be_bytes());
        out.extend(self.not_after_day.to_be_bytes());
        out.extend(self.pk.as_bytes());
        out.extend(self.mandate.to_bytes());
        out.extend(self.signature);
    }

    fn read(r: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            generation: r.u16()?,
            serial: r.u32()?,
            not_after_day: r.u16()?,
            pk: InvitePk::from_bytes(r.array()?),
            mandate: Mandate::from_slice(r.take(Mandate::LEN)?).ok()?,
            signature: r.array()?,
        })
    }
}

/// A grant with its key: what the invited person holds.
#[derive(Clone, Eq, PartialEq)]
pub struct Invite {
    /// What the host signed.
    pub grant: Grant,
    /// The key that it names.
    pub seed: InviteSeed,
}

impl Invite {
    /// Shows it in one leaf of one call.
    pub fn prove(&self, call: &CallId, leaf: &LeafName) -> InviteProof {
        let key = Signer::from_seed(self.seed.expose());
        InviteProof {
            grant: self.grant.clone(),
            signature: key.sign(&proof_bytes(call, leaf)),
        }
    }
}

/// The link for one person: `#i…z`.
#[derive(Clone, Eq, PartialEq)]
pub struct InviteLink {
    /// The room, as all guests have it.
    pub guest: GuestLink,
    /// The seat.
    pub invite: Invite,
}

impl InviteLink {
    /// Makes one by an owner's working key. `serial` and `seed` are fresh and random.
    pub fn make(host: &HostCredential, serial: u32, not_after_day: u16, seed: InviteSeed) -> Self {
        let key = Signer::from_seed(host.mandate_seed.expose());
        Self::grant(&host.guest, &host.mandate, &key, serial, not_after_day, seed)
    }

    /// As [`InviteLink::make`], by a mandate and its key, for this link.
    pub fn grant(
        guest: &GuestLink,
        mandate: &Mandate,
        key: &Signer,
        serial: u32,
        not_after_day: u16,
        seed: InviteSeed,
    ) -> Self {
        let pk = InvitePk::from_bytes(Signer::from_seed(seed.expose()).public());
        let grant = Grant::sign(mandate.clone(), key, guest.generation, serial, not_after_day, pk);
        Self {
            guest: guest.clone(),
            invite: Invite { grant, seed },
        }
    }

    /// The link at an origin such as `https://meet.example.org`.
    pub fn to_url(&self, origin: &str) -> Zeroizing<String> {
        Zeroizing::new(format!("{}/#{}", origin.trim_end_matches('/'), *self.to_fragment()))
    }

    /// `i<base64url>z`, without the `#`.
    pub fn to_fragment(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(640));
        self.guest.write_body(&mut bytes);
        let Grant {
            serial,
            not_after_day,
            mandate,
            signature,
            ..
        } = &self.invite.grant;
        bytes.extend(serial.to_be_bytes());
        bytes.extend(not_after_day.to_be_bytes());
        bytes.extend(self.invite.seed.expose());
        bytes.extend(mandate.to_bytes());
        bytes.extend(signature);
        fragment("i", &mut bytes)
    }

    /// Reads what `to_fragment` wrote. Mandate and link must be of one room. The signatures can only be checked with the root, which the sheet has.
    pub(crate) fn read_body(r: &mut Reader<'_>) -> Result<Self, LinkError> {
        let guest = GuestLink::read_body(r)?;
        let (serial, not_after_day) = (r.u32().ok_or(LinkError::Cut)?, r.u16().ok_or(LinkError::Cut)?);
        let seed = r.array().map(InviteSeed::from_bytes).ok_or(LinkError::Cut)?;
        let mandate = r.take(Mandate::LEN).ok_or(LinkError::Cut)?;
        let mandate = Mandate::from_slice(mandate).map_err(|_| LinkError::Malformed)?;
        let signature = r.array().ok_or(LinkError::Cut)?;
        if mandate.room_fp != guest.room_fp {
            return Err(LinkError::Malformed);
        }
        let grant = Grant {
            generation: guest.generation,
            serial,
            not_after_day,
            pk: InvitePk::from_bytes(Signer::from_seed(seed.expose()).public()),
            mandate,
            signature,
        };
        Ok(Self {
            guest,
            invite: Invite { grant, seed },
        })
    }
}

/// An invite, shown by one leaf in one call.
#[derive(Clone, Eq, PartialEq)]
pub struct InviteProof {
    /// What the host signed.
    pub grant: Grant,
    signature: [u8; 64],
}

impl InviteProof {
    /// Bytes of a proof.
    pub const LEN: usize = Grant::LEN + 64;

    /// Whether it is a host's, and this leaf's in this call.
    ///
    /// SECURITY: bound to call, member and leaf key, as a role proof is: whoever copies it out of a tree has no seat by it.
    pub fn is_genuine(&self, root: &RootPk, call: &CallId, leaf: &LeafName) -> Result<(), Error> {
        self.grant.verify(root)?;
        self.grant.pk.verify(&proof_bytes(call, leaf), &self.signature)
    }

    /// Whether one may come in by it: it is genuine, of this generation of the link, not over, and its host's mandate counts. Whether the seat is
    /// taken or was taken back is the caller's question.
    pub fn verify(&self, authority: &Authority, generation: u16, call: &CallId, leaf: &LeafName) -> Result<(), Error> {
        authority.accepts(&self.grant.mandate)?;
        self.is_genuine(&authority.root_pk, call, leaf)?;
        if self.grant.generation == generation && self.grant.not_after_day >= authority.day {
            Ok(())
        } else {
            Err(Error::NotAuthentic)
        }
    }

    /// Generation ‖ serial ‖ day ‖ key ‖ mandate ‖ the host's signature ‖ the invited leaf's.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::LEN);
        self.grant.write(&mut out);
        out.extend(self.signature);
        out
    }

    /// Reads exactly as many bytes. Nothing is verified yet.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(bytes);
        let (grant, signature) = (Grant::read(&mut r), r.array());
        match (grant, signature) {
            (Some(grant), Some(signature)) if r.is_empty() => Ok(Self { grant, signature }),
            _ => Err(Error::Malformed),
        }
    }
}

fn proof_bytes(call: &CallId, leaf: &LeafName) -> Vec<u8> {
    [
        b"conclave v1 invite".as_slice(),
        call.as_bytes(),
        leaf.member.as_bytes(),
        &leaf.key,
    ]
    .concat()
}
