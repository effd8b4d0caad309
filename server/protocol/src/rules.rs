//! The rules of a running call: who has to ask, who may show what, who moderates, who is barred.
//!
//! Deliberately absent: who may change them, which is the group's question, and microphone seats, which the server gives.
//!
//! SPEC: `docs/protocol.md`, section 2, "Rules of a call".

use minicbor::{Decode, Encode};

use crate::{
    ids::{MemberId, TrackKind},
    limits::{MAX_APPOINTMENTS, MAX_MEMBERS, MAX_REVOKED_INVITES},
    role::{Appointment, LeafName},
    sheet::{Found, Sheet},
};

/// Bit per track kind, and [`WRITE`].
pub type Allowed = u8;

/// Writing in the chat, beside the bits of the four track kinds.
pub const WRITE: Allowed = 1 << 4;
/// Everything.
pub const ALL: Allowed = 0b1_1111;
/// What guests may do in a room with a host, until the host says otherwise: speak, be seen, write; no screen.
pub const GUESTS: Allowed = 1 << TrackKind::Microphone as u8 | 1 << TrackKind::Camera as u8 | WRITE;

/// Somebody whose tracks nobody plays.
#[derive(Clone, Copy, Eq, PartialEq, Ord, PartialOrd, Encode, Decode)]
#[cbor(map)]
pub struct Mute {
    /// Who.
    #[n(0)]
    pub member: MemberId,
    /// Which kinds of theirs, as bits.
    #[n(1)]
    pub kinds: Allowed,
}

/// The rules of a call.
#[derive(Clone, Eq, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct CallRules {
    /// Newcomers without a role wait until a host or moderator lets them in.
    #[n(0)]
    pub lobby: bool,
    /// Nobody even waits.
    #[n(1)]
    pub locked: bool,
    /// The call is over for all.
    #[n(2)]
    pub ended: bool,
    /// What guests may do.
    #[n(3)]
    pub guests: Allowed,
    /// Ascending by member.
    #[n(4)]
    pub mutes: Vec<Mute>,
    /// Who may not come back, ascending.
    #[n(5)]
    pub bars: Vec<MemberId>,
    /// Who moderates besides those with a mandate, ascending by leaf.
    #[n(6)]
    pub appointments: Vec<Appointment>,
    /// Whoever shows a personal invite comes in without asking, unless the call is locked.
    #[n(7)]
    pub invited_enter: bool,
    /// Invites that were taken back in this call, besides those of the sheet, ascending.
    #[n(8)]
    pub revoked_invites: Vec<u32>,
}

impl CallRules {
    /// The rules of a call that was founded without any proof: nobody asks, everybody may do everything.
    pub fn open() -> Self {
        Self {
            lobby: false,
            locked: false,
            ended: false,
            guests: ALL,
            mutes: Vec::new(),
            bars: Vec::new(),
            appointments: Vec::new(),
            invited_enter: true,
            revoked_invites: Vec::new(),
        }
    }

    /// How a host or moderator begins a call in a room with this sheet.
    pub fn of(sheet: &Sheet) -> Self {
        let usual = match sheet.rules.found {
            Found::Anyone => ALL,
            Found::Host => GUESTS,
        };
        Self {
            lobby: sheet.rules.lobby,
            guests: sheet.guests.unwrap_or(usual),
            ..Self::open()
        }
    }

    /// Whether it is written in its one way, within its limits.
    pub fn is_canonical(&self) -> bool {
        self.guests & !ALL == 0
            && self.mutes.len() <= usize::from(MAX_MEMBERS)
            && self.bars.len() <= usize::from(MAX_MEMBERS)
            && self.appointments.len() <= MAX_APPOINTMENTS
            && self.mutes.iter().all(|m| m.kinds != 0 && m.kinds & !ALL == 0)
            && self.mutes.is_sorted_by(|a, b| a.member < b.member)
            && self.bars.is_sorted_by(|a, b| a < b)
            && self.appointments.is_sorted_by(|a, b| a.leaf < b.leaf)
            && self.revoked_invites.len() <= MAX_REVOKED_INVITES
            && self.revoked_invites.is_sorted_by(|a, b| a < b)
    }

    /// Whether newcomers have to be let in.
    pub fn asks(&self) -> bool {
        self.lobby || self.locked
    }

    /// Whether somebody was appointed.
    pub fn appoints(&self, leaf: &LeafName) -> bool {
        self.appointments.iter().any(|a| a.holder() == *leaf)
    }

    /// Which of a member's kinds are muted.
    pub fn muted(&self, member: &MemberId) -> Allowed {
        self.mutes.iter().find(|m| m.member == *member).map_or(0, |m| m.kinds)
    }

    /// Mutes kinds of a member, or no longer. Where the list is full, those are forgotten who are not there any more; `false` if it is still full then.
    pub fn mute(&mut self, member: MemberId, kinds: Allowed, on: bool, is_here: impl Fn(&MemberId) -> bool) -> bool {
        let before = self.muted(&member);
        let kinds = if on { before | kinds } else { before & !kinds };
        self.mutes.retain(|m| m.member != member);
        if kinds == 0 {
            return true;
        }
        if self.mutes.len() >= usize::from(MAX_MEMBERS) {
            self.mutes.retain(|m| is_here(&m.member));
        }
        let fits = self.mutes.len() < usize::from(MAX_MEMBERS);
        if fits {
            self.mutes.push(Mute { member, kinds });
            self.mutes.sort_unstable();
        }
        fits
    }

    /// Takes a personal invite back. More than fit are not listed: the link has to be changed.
    pub fn revoke_invite(&mut self, serial: u32) {
        if let Err(place) = self.revoked_invites.binary_search(&serial)
            && self.revoked_invites.len() < MAX_REVOKED_INVITES
        {
            self.revoked_invites.insert(place, serial);
        }
    }

    /// Bars a member; `false` if no more are listed. Nobody is forgotten for it: all of them have gone.
    pub fn bar(&mut self, member: MemberId) -> bool {
        match self.bars.binary_search(&member) {
            Ok(_) => true,
            Err(place) if self.bars.len() < usize::from(MAX_MEMBERS) => {
                self.bars.insert(place, member);
                true
            }
            Err(_) => false,
        }
    }

    /// Lists an appointment. Where the list is full, those are forgotten who are not there any more; `false` if it is still full then.
    pub fn appoint(&mut self, appointment: Appointment, is_here: impl Fn(&MemberId) -> bool) -> bool {
        if self.appointments.len() >= MAX_APPOINTMENTS {
            self.appointments.retain(|a| is_here(&a.leaf.member));
        }
        let fits = self.appointments.len() < MAX_APPOINTMENTS;
        if fits {
            self.appointments.push(appointment);
            self.appointments.sort_by_key(|a| a.leaf);
        }
        fits
    }
}
