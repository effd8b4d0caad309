//! A room as a server keeps it, and how one is made.
//!
//! The record is all that a server ever stores about a room: an id and two keys that differ on every server, two days, limits, and a sheet that it
//! cannot read. Deliberately absent: titles, names, the link, past calls.
//!
//! SPEC: `docs/protocol.md`, section 1, "Server's record of a room".

use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

use crate::{
    binary::Reader,
    cbor,
    credential::{Deed, HostCredential, Mandate, Role},
    error::Error,
    ids::{RoomFp, RoomId},
    keys::{AdmissionPk, LinkKeys, LinkSecret, ManagePk, MandatePk, MandateSeed, RootKeys, RootSeed, Signer},
    limits::{MAX_CALLS, MAX_MEMBERS, MAX_SEATS, SHEET_LEN},
    link::{GuestLink, LinkFlags},
    rules::Allowed,
    server_name::ServerName,
    sheet::{Found, Rules, Sheet, SheetSigner, SignedRecord},
};

/// What a room allows, announced to everyone who is admitted and signed in the sheet.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Limits {
    /// Connections in the room at one moment.
    #[n(0)]
    pub members: u16,
    /// Microphone seats in a call.
    #[n(1)]
    pub seats: u8,
    /// Calls in the room at one moment.
    #[n(2)]
    pub calls: u8,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            members: MAX_MEMBERS,
            seats: MAX_SEATS,
            calls: MAX_CALLS,
        }
    }
}

impl Limits {
    /// Whether none of these allows more than `signed`.
    pub fn is_within(&self, signed: &Self) -> bool {
        self.members <= signed.members && self.seats <= signed.seats && self.calls <= signed.calls
    }

    /// Whether no value is zero or above the protocol's own limit.
    pub fn is_valid(&self) -> bool {
        (1..=MAX_MEMBERS).contains(&self.members)
            && (1..=MAX_SEATS).contains(&self.seats)
            && (1..=MAX_CALLS).contains(&self.calls)
    }
}

/// All that a server stores about a room.
#[derive(Clone, Eq, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct RoomRecord {
    /// The room at this server.
    #[n(0)]
    pub room_id: RoomId,
    /// Admissions are checked against it.
    #[n(1)]
    pub admission_pk: AdmissionPk,
    /// Changes of this record are checked against it.
    #[n(2)]
    pub manage_pk: ManagePk,
    /// In days since 1970-01-01.
    #[n(3)]
    pub day_made: u16,
    /// The last day on which the room is there.
    #[n(4)]
    pub day_expires: u16,
    /// What the room allows.
    #[n(5)]
    pub limits: Limits,
    /// The sealed sheet, 4,096 bytes.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub sheet: Vec<u8>,
}

impl RoomRecord {
    /// Deterministic CBOR, for storing it and for registering it.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// Reads one, strictly.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > SHEET_LEN + 256 {
            return Err(Error::TooLarge);
        }
        let record: Self = cbor::decode(bytes)?;
        record.check()?;
        Ok(record)
    }

    /// What its encoding alone does not hold.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.sheet.len() != SHEET_LEN || !self.limits.is_valid() || self.day_expires < self.day_made {
            return Err(Error::Malformed);
        }
        Ok(())
    }
}

/// The id of a room at a server.
pub fn room_id(room: &RoomFp, server: &ServerName) -> RoomId {
    RoomId::of(room, server)
}

/// What a new room shall be.
pub struct RoomPlan {
    /// Where.
    pub server: ServerName,
    /// One line, or empty.
    pub title: String,
    /// Today, in days since 1970-01-01.
    pub day_made: u16,
    /// The last day on which it is there.
    pub day_expires: u16,
    /// What it allows.
    pub limits: Limits,
    /// The keys are made by the operator's command and not in the owner's browser; the link says so.
    pub operator_keys: bool,
}

/// Days for which an owner's mandate counts: the longest that a server's operator can let a room last (`limits.room_days`). Shorter, and an owner
/// who lets the room last longer would need the deed for it; a mandate outlives its room without harm.
pub const MANDATE_DAYS: u16 = 3_650;

/// Random bytes that [`make_room`] uses up: root seed, link secret, mandate seed, the sheet's nonce.
pub const NEW_ROOM_ENTROPY: usize = 32 + 32 + 32 + 24;

/// A new room: what the server gets, what guests get, what the owner keeps.
pub struct NewRoom {
    /// For the server.
    pub record: RoomRecord,
    /// For everyone who is invited.
    pub guest_link: GuestLink,
    /// To be kept offline.
    pub deed: Deed,
    /// The owner's working key.
    pub host_credential: HostCredential,
}

/// Makes a room from random bytes, in which anyone with the link may begin a call and nobody asks. The same bytes make the same room; the caller
/// wipes them.
pub fn make_room(entropy: &[u8; NEW_ROOM_ENTROPY], plan: &RoomPlan) -> Result<NewRoom, Error> {
    let rules = Rules {
        found: Found::Anyone,
        lobby: false,
    };
    make_room_with_rules(entropy, plan, rules)
}

/// As [`make_room`], with these rules.
pub fn make_room_with_rules(entropy: &[u8; NEW_ROOM_ENTROPY], plan: &RoomPlan, rules: Rules) -> Result<NewRoom, Error> {
    make_room_for(entropy, plan, rules, None, false)
}

/// As [`make_room_with_rules`], and with what guests may do when a host begins (`None`: as the rules give it) and whether everybody stops sending while a removal
/// does not take effect.
pub fn make_room_for(
    entropy: &[u8; NEW_ROOM_ENTROPY],
    plan: &RoomPlan,
    rules: Rules,
    guests: Option<Allowed>,
    strict: bool,
) -> Result<NewRoom, Error> {
    if plan.day_expires < plan.day_made {
        return Err(Error::Days);
    }
    if !plan.limits.is_valid() {
        return Err(Error::TooLarge);
    }
    let mut r = Reader::new(entropy);
    let mut next = || Zeroizing::new(r.array::<32>().unwrap_or_default());
    let (root_seed, link_secret, mandate_seed) = (
        RootSeed::from_bytes(*next()),
        LinkSecret::from_bytes(*next()),
        MandateSeed::from_bytes(*next()),
    );
    let nonce = r.array::<24>().unwrap_or_default();

    let root = RootKeys::derive(&root_seed);
    let room_fp = RoomFp::of(&root.root_pk());
    let manage_secret = root.manage_secret();
    let keys = LinkKeys::derive(&link_secret);
    let admission_pk = AdmissionPk::from_bytes(keys.admission(&plan.server).public());
    let manage_pk = ManagePk::from_bytes(manage_secret.manage(&plan.server).public());

    let signed = SignedRecord {
        server: plan.server.clone(),
        admission_pk,
        manage_pk,
        day_made: plan.day_made,
        day_expires: plan.day_expires,
        limits: plan.limits,
    };
    let root_signer = root.sign();
    let mut sheet = Sheet::new(plan.title.clone(), rules, root.root_pk(), signed)?;
    sheet.guests = guests;
    sheet.strict = strict;
    let sheet = sheet.seal(&keys.sheet(), &SheetSigner::Root(&root_signer), nonce)?;

    let mandate_pk = MandatePk::from_bytes(Signer::from_seed(mandate_seed.expose()).public());
    let mandate_day = plan.day_made.saturating_add(MANDATE_DAYS).max(plan.day_expires);
    let mandate = Mandate::sign(&root_signer, room_fp, Role::Host, 1, mandate_day, mandate_pk);
    let guest_link = GuestLink {
        flags: LinkFlags::new(plan.operator_keys),
        generation: 0,
        room_fp,
        link_secret,
        servers: vec![plan.server.clone()],
    };
    Ok(NewRoom {
        record: RoomRecord {
            room_id: RoomId::of(&room_fp, &plan.server),
            admission_pk,
            manage_pk,
            day_made: plan.day_made,
            day_expires: plan.day_expires,
            limits: plan.limits,
            sheet: sheet.to_vec(),
        },
        host_credential: HostCredential {
            guest: guest_link.clone(),
            mandate,
            mandate_seed,
            manage_secret,
        },
        guest_link,
        deed: Deed(root_seed),
    })
}
