//! What the owner of a room does to it later, with the host credential: another title, rules, day or limits, or another link.
//!
//! Each change is a whole new record with a sheet of the next sequence, signed by the host's mandate, for [`crate::manage`] to bring to the server. Whoever
//! lost the credential makes another of the deed, in one step with ending the lost one. Single moderators' mandates end by [`revise`].
//!
//! SPEC: `docs/protocol.md`, section 1, "Changes by the owner".

use zeroize::Zeroizing;

use crate::{
    credential::{Deed, HostCredential},
    error::Error,
    keys::{AdmissionPk, LinkKeys, LinkSecret, ManagePk, MandateSeed, RootKeys, Signer},
    link::GuestLink,
    moderator::FIRST_MODERATOR_SERIAL,
    room::{Limits, MANDATE_DAYS, RoomRecord, room_id},
    rules::Allowed,
    server_name::ServerName,
    sheet::{self, Rules, Sheet, SheetSigner, SignedRecord},
};

/// What the owner may change in a room; begin with [`Terms::of`].
#[derive(Clone, Eq, PartialEq)]
pub struct Terms {
    /// One line, or empty.
    pub title: String,
    /// Who may begin, and whether newcomers ask.
    pub rules: Rules,
    /// What guests may do when a host begins a call; `None`: as the rules give it.
    pub guests: Option<Allowed>,
    /// Everybody stops sending while a removal does not take effect.
    pub strict: bool,
    /// The last day.
    pub day_expires: u16,
    /// What the room allows.
    pub limits: Limits,
}

impl Terms {
    /// As they are in a sheet.
    pub fn of(sheet: &Sheet) -> Self {
        Self {
            title: sheet.title.clone(),
            rules: sheet.rules,
            guests: sheet.guests,
            strict: sheet.strict,
            day_expires: sheet.record.day_expires,
            limits: sheet.record.limits,
        }
    }
}

/// Random bytes that [`rotate`] uses up: a link secret and the sheet's nonce.
pub const ROTATE_ENTROPY: usize = 32 + 24;

/// Random bytes that [`restore`] uses up: a mandate seed and the sheet's nonce.
pub const RESTORE_ENTROPY: usize = 32 + 24;

/// A change that comes with another credential: of the link, or of a lost key.
pub struct Rotated {
    /// For the server.
    pub record: RoomRecord,
    /// The owner's working key from now on; the old one opens or proves nothing any more.
    pub credential: HostCredential,
}

/// Reads a server's record of the credential's room.
///
/// SECURITY: C-OWNER-1. Signed by the room's root or a host, and about this very record: what a server shows instead is refused, so that a
/// change is never made from something that the server invented.
pub fn open_record(credential: &HostCredential, server: &ServerName, record: &RoomRecord) -> Result<Sheet, Error> {
    let guest = &credential.guest;
    let keys = LinkKeys::derive(&guest.link_secret);
    let sheet = sheet::open(&keys, &guest.room_fp, server, &record.limits, &record.sheet)?;
    let own = credential.manage_secret.manage(server).public();
    let signed = &sheet.record;
    let same = record.room_id == room_id(&guest.room_fp, server)
        && record.admission_pk == signed.admission_pk
        && record.manage_pk == signed.manage_pk
        && *record.manage_pk.as_bytes() == own
        && record.day_made == signed.day_made
        && record.day_expires == signed.day_expires
        && record.limits == signed.limits;
    credential.mandate.verify(&sheet.root_pk)?;
    if same { Ok(sheet) } else { Err(Error::NotAuthentic) }
}

/// The record with other terms. The nonce is 24 random bytes, fresh.
pub fn reissue(
    credential: &HostCredential,
    server: &ServerName,
    record: &RoomRecord,
    terms: &Terms,
    nonce: [u8; 24],
) -> Result<RoomRecord, Error> {
    let sheet = open_record(credential, server, record)?;
    let host = Signer::from_seed(credential.mandate_seed.expose());
    let signer = SheetSigner::Host(&credential.mandate, &host);
    seal(
        credential,
        &signer,
        server,
        sheet,
        terms,
        &credential.guest.link_secret,
        nonce,
    )
}

/// The record with another sheet: invites or mandates that count no more. The nonce is 24 random bytes, fresh.
pub fn revise(
    credential: &HostCredential,
    server: &ServerName,
    record: &RoomRecord,
    nonce: [u8; 24],
    change: impl FnOnce(&mut Sheet),
) -> Result<RoomRecord, Error> {
    let mut sheet = open_record(credential, server, record)?;
    change(&mut sheet);
    let terms = Terms::of(&sheet);
    let host = Signer::from_seed(credential.mandate_seed.expose());
    let signer = SheetSigner::Host(&credential.mandate, &host);
    let secret = &credential.guest.link_secret;
    seal(credential, &signer, server, sheet, &terms, secret, nonce)
}

/// The room with another link: the generation is raised, older links open nothing at the server any more. `entropy` is random; the caller wipes it.
pub fn rotate(
    credential: &HostCredential,
    server: &ServerName,
    record: &RoomRecord,
    entropy: &[u8; ROTATE_ENTROPY],
) -> Result<Rotated, Error> {
    let mut sheet = open_record(credential, server, record)?;
    // They were of the old link, which opens nothing any more.
    sheet.revoked_invites.clear();
    let (secret, nonce) = entropy.split_at(32);
    let (secret, nonce): (Zeroizing<[u8; 32]>, [u8; 24]) = (
        Zeroizing::new(secret.try_into().map_err(|_| Error::Malformed)?),
        nonce.try_into().map_err(|_| Error::Malformed)?,
    );
    let link_secret = LinkSecret::from_bytes(*secret);
    let generation = credential.guest.generation.checked_add(1).ok_or(Error::TooLarge)?;
    let terms = Terms::of(&sheet);
    let host = Signer::from_seed(credential.mandate_seed.expose());
    let signer = SheetSigner::Host(&credential.mandate, &host);
    let record = seal(credential, &signer, server, sheet, &terms, &link_secret, nonce)?;
    let credential = HostCredential {
        guest: GuestLink {
            generation,
            link_secret,
            ..credential.guest.clone()
        },
        ..credential.clone()
    };
    Ok(Rotated { record, credential })
}

/// Reads a server's record of the deed's room, under the room's present link.
pub fn open_record_by_deed(
    deed: &Deed,
    guest: &GuestLink,
    server: &ServerName,
    record: &RoomRecord,
) -> Result<Sheet, Error> {
    // A key that only reads: its mandate is shown to nobody.
    let reader = deed.credential(guest.clone(), 0, 0, MandateSeed::from_bytes([0; 32]))?;
    open_record(&reader, server, record)
}

/// A fresh working key from the deed, for whoever lost theirs, and a record whose sheet ends all hosts' mandates before it, and with the lost key's the
/// invites that were made with it. Moderators' keys stay as they are: counting, or taken away. `entropy` is random; the caller wipes it.
pub fn restore(
    deed: &Deed,
    guest: &GuestLink,
    server: &ServerName,
    record: &RoomRecord,
    entropy: &[u8; RESTORE_ENTROPY],
) -> Result<Rotated, Error> {
    let mut sheet = open_record_by_deed(deed, guest, server, record)?;
    let (seed, nonce) = entropy.split_at(32);
    let (seed, nonce): (Zeroizing<[u8; 32]>, [u8; 24]) = (
        Zeroizing::new(seed.try_into().map_err(|_| Error::Malformed)?),
        nonce.try_into().map_err(|_| Error::Malformed)?,
    );
    let serial = sheet.next_serial();
    let signed = &sheet.record;
    let last_day = signed.day_made.saturating_add(MANDATE_DAYS).max(signed.day_expires);
    let credential = deed.credential(guest.clone(), serial, last_day, MandateSeed::from_bytes(*seed))?;
    sheet.minimum_serial = serial;
    // The minimum stands for hosts' numbers; a moderator's key that was taken away must not come back to life.
    sheet.revoked.retain(|serial| *serial >= FIRST_MODERATOR_SERIAL);
    let terms = Terms::of(&sheet);
    let root = RootKeys::derive(&deed.0).sign();
    let signer = SheetSigner::Root(&root);
    let record = seal(&credential, &signer, server, sheet, &terms, &guest.link_secret, nonce)?;
    Ok(Rotated { record, credential })
}

fn seal(
    credential: &HostCredential,
    signer: &SheetSigner<'_>,
    server: &ServerName,
    mut sheet: Sheet,
    terms: &Terms,
    link_secret: &LinkSecret,
    nonce: [u8; 24],
) -> Result<RoomRecord, Error> {
    if terms.day_expires < sheet.record.day_made {
        return Err(Error::Days);
    }
    if !terms.limits.is_valid() {
        return Err(Error::TooLarge);
    }
    let keys = LinkKeys::derive(link_secret);
    let signed = SignedRecord {
        server: server.clone(),
        admission_pk: AdmissionPk::from_bytes(keys.admission(server).public()),
        manage_pk: ManagePk::from_bytes(credential.manage_secret.manage(server).public()),
        day_made: sheet.record.day_made,
        day_expires: terms.day_expires,
        limits: terms.limits,
    };
    sheet.seq = sheet.seq.checked_add(1).ok_or(Error::TooLarge)?;
    sheet.title.clone_from(&terms.title);
    sheet.rules = terms.rules;
    sheet.guests = terms.guests;
    sheet.strict = terms.strict;
    sheet.record = signed.clone();
    let sealed = sheet.seal(&keys.sheet(), signer, nonce)?;
    Ok(RoomRecord {
        room_id: room_id(&credential.guest.room_fp, server),
        admission_pk: signed.admission_pk,
        manage_pk: signed.manage_pk,
        day_made: signed.day_made,
        day_expires: signed.day_expires,
        limits: signed.limits,
        sheet: sealed.to_vec(),
    })
}
