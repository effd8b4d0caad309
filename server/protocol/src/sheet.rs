//! The room sheet: what a room's owner tells its guests through a server that cannot read it. Always 4,096 bytes.
//!
//! Rule of use: guests open it with the link's sheet key and believe it only because [`open`] has checked the owner's signature, that it is about
//! this room on this server, and that the server announced no higher limits. So a room that somebody else registered under the same id is seen.
//! Deliberately absent: the day on which a mandate ends, which is the caller's question.
//!
//! SPEC: `docs/protocol.md`, section 1, "Server's record of a room".

use minicbor::{Decode, Encode};

use crate::{
    cbor,
    credential::{Mandate, Role},
    envelope::{open_bytes, pad, seal_bytes, unpad},
    error::Error,
    ids::RoomFp,
    keys::{AdmissionPk, LinkKeys, ManagePk, RootPk, SheetKey, Signer},
    limits::{MAX_REVOKED, MAX_REVOKED_INVITES, MAX_TITLE, SEAL_OVERHEAD, SHEET_LEN},
    moderator::FIRST_MODERATOR_SERIAL,
    room::Limits,
    rules::{self, Allowed},
    server_name::ServerName,
};

const VERSION: u8 = 1;
const LABEL: &[u8] = b"conclave v1 sheet";
const SIGNATURE_LEN: usize = 64;
const SEALED_LEN: usize = SHEET_LEN - SIGNATURE_LEN;
const PADDED_LEN: usize = SEALED_LEN - SEAL_OVERHEAD;

/// Who may begin a call.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Encode, Decode)]
#[cbor(index_only)]
pub enum Found {
    /// Anyone with the link.
    #[n(0)]
    Anyone,
    /// A host or moderator.
    #[n(1)]
    Host,
}

/// The room's rules.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Rules {
    /// Who may begin a call.
    #[n(0)]
    pub found: Found,
    /// Newcomers wait until they are let in.
    #[n(1)]
    pub lobby: bool,
}

/// The server's record, as the owner registered it. Signed with the rest of the sheet.
#[derive(Clone, Eq, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct SignedRecord {
    /// The server that this sheet is for.
    #[n(0)]
    pub server: ServerName,
    /// The admission key at that server.
    #[n(1)]
    pub admission_pk: AdmissionPk,
    /// The manage key at that server.
    #[n(2)]
    pub manage_pk: ManagePk,
    /// The day on which it was made, in days since 1970-01-01.
    #[n(3)]
    pub day_made: u16,
    /// The last day on which it is there.
    #[n(4)]
    pub day_expires: u16,
    /// What the room allows.
    #[n(5)]
    pub limits: Limits,
}

/// What a sheet says.
#[derive(Clone, Eq, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Sheet {
    #[n(0)]
    v: u8,
    /// Raised with each change; members refuse a lower one than they have seen.
    #[n(1)]
    pub seq: u32,
    /// The room's title.
    #[n(2)]
    pub title: String,
    /// Its rules.
    #[n(3)]
    pub rules: Rules,
    /// Its root, of which the link holds the fingerprint.
    #[n(4)]
    pub root_pk: RootPk,
    /// Mandates that no longer count.
    #[cbor(n(5), skip_if = "Vec::is_empty")]
    pub revoked: Vec<u32>,
    /// Mandates below this serial do not count.
    #[n(6)]
    pub minimum_serial: u32,
    /// This server's record of the room.
    #[n(7)]
    pub record: SignedRecord,
    /// The host mandate whose key signed, if it was not the root.
    #[cbor(n(8), with = "minicbor::bytes")]
    mandate: Option<Vec<u8>>,
    /// Personal invites of this link that no longer count.
    #[cbor(n(9), skip_if = "Vec::is_empty")]
    pub revoked_invites: Vec<u32>,
    /// What guests may do when a host begins a call, as the bits of [`crate::rules`]; `None`: as the rules above give it.
    #[n(10)]
    pub guests: Option<Allowed>,
    /// Everybody stops sending while a removal that was ordered does not take effect, not only whoever ordered it.
    #[cbor(n(11), skip_if = "is_off")]
    pub strict: bool,
}

/// One spelling: what is off is not written.
fn is_off(rule: &bool) -> bool {
    !rule
}

/// Who signs a sheet.
pub enum SheetSigner<'a> {
    /// The root itself.
    Root(&'a Signer),
    /// A host, with the mandate that says so.
    Host(&'a Mandate, &'a Signer),
}

impl Sheet {
    /// A first sheet, with nothing revoked.
    pub fn new(title: String, rules: Rules, root_pk: RootPk, record: SignedRecord) -> Result<Self, Error> {
        let sheet = Self {
            v: VERSION,
            seq: 1,
            title,
            rules,
            root_pk,
            revoked: Vec::new(),
            minimum_serial: 1,
            record,
            mandate: None,
            revoked_invites: Vec::new(),
            guests: None,
            strict: false,
        };
        sheet.check()?;
        Ok(sheet)
    }

    fn check(&self) -> Result<(), Error> {
        if self.v != VERSION {
            return Err(Error::UnknownVersion);
        }
        check_title(&self.title)?;
        if self.revoked.len() > MAX_REVOKED || self.revoked_invites.len() > MAX_REVOKED_INVITES {
            return Err(Error::TooLarge);
        }
        if self.record.day_expires < self.record.day_made {
            return Err(Error::Days);
        }
        if self.guests.is_some_and(|guests| guests & !rules::ALL != 0) {
            return Err(Error::Malformed);
        }
        // One spelling: ascending, none twice.
        if self.revoked.is_sorted_by(|a, b| a < b) && self.revoked_invites.is_sorted_by(|a, b| a < b) {
            Ok(())
        } else {
            Err(Error::Malformed)
        }
    }

    /// Takes a personal invite back. More than fit are not listed: the link has to be changed.
    pub fn revoke_invite(&mut self, serial: u32) {
        if let Err(place) = self.revoked_invites.binary_search(&serial)
            && self.revoked_invites.len() < MAX_REVOKED_INVITES
        {
            self.revoked_invites.insert(place, serial);
        }
    }

    /// Takes a mandate away. More than fit are not listed: the answer is whether this one is.
    pub fn revoke_mandate(&mut self, serial: u32) -> bool {
        match self.revoked.binary_search(&serial) {
            Ok(_) => true,
            Err(place) if self.revoked.len() < MAX_REVOKED => {
                self.revoked.insert(place, serial);
                true
            }
            Err(_) => false,
        }
    }

    /// A serial for a host's mandate that replaces lost ones: above the minimum and above all hosts' that were revoked. Raising the minimum to it ends all
    /// older ones, and no moderator's, whose numbers are above all hosts'.
    pub fn next_serial(&self) -> u32 {
        let hosts = |serial: &&u32| **serial < FIRST_MODERATOR_SERIAL;
        let highest = self.revoked.iter().rev().find(hosts).copied().unwrap_or_default();
        self.minimum_serial.max(highest).saturating_add(1)
    }

    /// The host mandate with which it was signed; `None` if the root signed. The caller checks its day and serial.
    pub fn mandate(&self) -> Result<Option<Mandate>, Error> {
        self.mandate.as_deref().map(Mandate::from_slice).transpose()
    }

    /// Seals and signs. The nonce is 24 random bytes, fresh for each sheet.
    pub fn seal(mut self, key: &SheetKey, signer: &SheetSigner<'_>, nonce: [u8; 24]) -> Result<[u8; SHEET_LEN], Error> {
        self.check()?;
        let key_pair = match signer {
            SheetSigner::Root(root) => {
                self.mandate = None;
                root
            }
            SheetSigner::Host(mandate, host) => {
                self.mandate = Some(mandate.to_bytes());
                host
            }
        };
        let room = RoomFp::of(&self.root_pk);
        let padded = pad(&cbor::encode(&self), PADDED_LEN).ok_or(Error::TooLarge)?;
        let mut out = seal_bytes(key.expose(), &aad(&room), &padded, nonce)?;
        let signature = key_pair.sign(&signed_bytes(&room, self.seq, &out));
        out.extend(signature);
        out.try_into().map_err(|_| Error::TooLarge)
    }
}

/// Opens a sheet for the room `room` on `server`, with everything checked that does not need the day.
///
/// SECURITY: C-SHEET-1 the root is the link's; C-SHEET-2 the root or a host of it signed; C-SHEET-3 it is about this server and holds this
/// link's admission key; C-SHEET-4 the server announces no limits above those that were signed; below them
/// is a refusal, which the caller may tell.
pub fn open(
    keys: &LinkKeys,
    room: &RoomFp,
    server: &ServerName,
    announced: &Limits,
    bytes: &[u8],
) -> Result<Sheet, Error> {
    let (sealed, signature) = bytes.split_last_chunk::<SIGNATURE_LEN>().ok_or(Error::Malformed)?;
    if sealed.len() != SEALED_LEN {
        return Err(Error::Malformed);
    }
    let padded = open_bytes(keys.sheet().expose(), &aad(room), sealed)?;
    let sheet: Sheet = cbor::decode(unpad(&padded)?)?;
    sheet.check()?;
    let record = &sheet.record;
    let about_here = record.server == *server
        && *record.admission_pk.as_bytes() == keys.admission(server).public()
        && announced.is_within(&record.limits);
    if RoomFp::of(&sheet.root_pk) != *room || !about_here {
        return Err(Error::NotAuthentic);
    }
    let message = signed_bytes(room, sheet.seq, sealed);
    match sheet.mandate()? {
        None => sheet.root_pk.verify(&message, signature)?,
        Some(mandate) => {
            mandate.verify(&sheet.root_pk)?;
            if mandate.role != Role::Host {
                return Err(Error::NotAuthentic);
            }
            mandate.pk.verify(&message, signature)?;
        }
    }
    Ok(sheet)
}

/// A title: one line, no control characters, at most 120 bytes. May be empty.
pub fn check_title(title: &str) -> Result<(), Error> {
    if title.len() <= MAX_TITLE && !title.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(Error::Title)
    }
}

fn aad(room: &RoomFp) -> Vec<u8> {
    [LABEL, room.as_bytes()].concat()
}

/// Label ‖ room_fp ‖ "room" ‖ u32 seq ‖ nonce and ciphertext.
fn signed_bytes(room: &RoomFp, seq: u32, sealed: &[u8]) -> Vec<u8> {
    [LABEL, room.as_bytes(), b"room", &seq.to_be_bytes(), sealed].concat()
}
