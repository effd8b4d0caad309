//! A moderator's key: a mandate to moderate every call of a room, as text that its holder keeps.
//!
//! Deliberately absent: the manage secret. Whoever holds this key changes nothing at the server and makes no invites; what a moderator may do in a
//! call is the group's question. Nobody keeps a list of these keys: a host takes one away by the number that its holder shows in a call.
//!
//! SPEC: `docs/protocol.md`, section 1, "Moderators' keys".

use zeroize::Zeroizing;

use crate::{
    credential::{Deed, MODERATOR_PREFIX, Mandate, Mandated, Role, key_text, mandated_bytes},
    error::{Error, LinkError},
    ids::RoomFp,
    keys::{MandatePk, MandateSeed, RootKeys, Signer},
    link::GuestLink,
    room::NewRoom,
};

/// Moderators' serials begin here; hosts' stay below. Two ranges, so that ending lost host keys by the minimum serial leaves moderators alone, and a
/// moderator's revoked number never pushes a host's next one up. Half of all each: smaller would make two keys with one number likely, for they are random.
pub const FIRST_MODERATOR_SERIAL: u32 = 0x8000_0000;

/// Random bytes that one key uses up: its seed and its number.
pub const MODERATOR_ENTROPY: usize = 32 + 4;

/// Most keys that are made together with a room. More would be a list that nobody reads; one key may be given to several people.
pub const MAX_MODERATOR_KEYS: u8 = 8;

/// What lets one moderate every call of a room without being appointed.
#[derive(Clone, Eq, PartialEq)]
pub struct ModeratorKey {
    /// The room, as its guests have it.
    pub guest: GuestLink,
    /// The moderator's role.
    pub mandate: Mandate,
    /// The mandate's key.
    pub mandate_seed: MandateSeed,
}

impl ModeratorKey {
    /// `conclave-moderator1:` ‖ base64url(guest link's bytes without their checksum ‖ mandate ‖ mandate seed ‖ checksum of kind `m`).
    pub fn to_text(&self) -> Zeroizing<String> {
        let bytes = mandated_bytes(&self.guest, &self.mandate, &self.mandate_seed);
        key_text(MODERATOR_PREFIX, b"m", bytes)
    }

    /// Reads what `to_text` wrote. Its parts must belong together, and its mandate must be a moderator's: a text with a host's would look like less than it is.
    pub fn parse(text: &str) -> Result<Self, LinkError> {
        let read = Mandated::parse(text, MODERATOR_PREFIX, b"m", Role::Moderator)?;
        if read.mandate.serial < FIRST_MODERATOR_SERIAL {
            return Err(LinkError::Malformed);
        }
        Ok(Self {
            guest: read.guest,
            mandate: read.mandate,
            mandate_seed: read.mandate_seed,
        })
    }
}

impl Deed {
    /// A moderator's key. `guest` is the room's present link, `serial` at least [`FIRST_MODERATOR_SERIAL`] and random; fails if the deed is another room's.
    pub fn moderator(
        &self,
        guest: GuestLink,
        serial: u32,
        not_after_day: u16,
        mandate_seed: MandateSeed,
    ) -> Result<ModeratorKey, Error> {
        let keys = RootKeys::derive(&self.0);
        if RoomFp::of(&keys.root_pk()) != guest.room_fp {
            return Err(Error::NotAuthentic);
        }
        if serial < FIRST_MODERATOR_SERIAL {
            return Err(Error::Malformed);
        }
        let pk = MandatePk::from_bytes(Signer::from_seed(mandate_seed.expose()).public());
        Ok(ModeratorKey {
            mandate: Mandate::sign(&keys.sign(), guest.room_fp, Role::Moderator, serial, not_after_day, pk),
            guest,
            mandate_seed,
        })
    }
}

impl NewRoom {
    /// A moderator's key for this room, good for as long as its owner's. `entropy` is random; the caller wipes it.
    pub fn moderator(&self, entropy: &[u8; MODERATOR_ENTROPY]) -> Result<ModeratorKey, Error> {
        let (seed, number) = entropy.split_last_chunk::<4>().ok_or(Error::Malformed)?;
        let seed = Zeroizing::new(<[u8; 32]>::try_from(seed).map_err(|_| Error::Malformed)?);
        let serial = u32::from_be_bytes(*number) | FIRST_MODERATOR_SERIAL;
        let not_after_day = self.host_credential.mandate.not_after_day;
        self.deed.moderator(
            self.guest_link.clone(),
            serial,
            not_after_day,
            MandateSeed::from_bytes(*seed),
        )
    }
}
