//! What is shown as it stands: each view is whole and replaces the one before.
//!
//! Does not compute anything. Names in here are cleaned.

use conclave_protocol::ids::{MemberId, TransportId};
use zeroize::Zeroizing;

use super::MemberRole;

/// A personal invite that a host made. Nobody keeps a list: the person who made it does, if they want to.
pub struct InviteView {
    /// Its number, for [`crate::Input::RevokeInvite`] and in [`RosterEntry::invite`].
    pub serial: u32,
    /// The last day on which one may come in by it, in days since 1970-01-01.
    pub not_after_day: u16,
    /// What stands behind `#` in the link.
    pub fragment: Zeroizing<String>,
}

/// Somebody who waits to be let in.
#[derive(Clone, PartialEq, Eq)]
pub struct LobbyEntry {
    /// For [`crate::Input::Admit`] and [`crate::Input::Refuse`].
    pub member_id: MemberId,
    /// Cleaned, never empty. Whoever waits chose it.
    pub name: String,
    /// The code on their own screen: four groups of digits.
    pub code: String,
    /// For how long.
    pub waits_ms: u64,
    /// The number of their personal invite, if they showed one that counts.
    pub invite: Option<u32>,
}

/// The rules of a call, as one member stands in them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RulesView {
    /// This member's role.
    pub role: Option<MemberRole>,
    /// A host is in the call.
    pub host_present: bool,
    /// Newcomers ask to join.
    pub lobby: bool,
    /// Nobody new comes in.
    pub locked: bool,
    /// What guests may do: bit per track kind; bit 4 is writing.
    pub guests: u8,
    /// What this member may not do, likewise.
    pub muted: u8,
    /// Whoever shows a personal invite comes in without asking.
    pub invited_enter: bool,
}

/// What may not be as it should, all of it: what does not stand here any more is over.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AlarmsView {
    /// Members who stand in another history of the call than this one: whoever carries the words has split the call, or keeps somebody in the past.
    pub digests_differ: Vec<Suspect>,
    /// Members not heard for long. Those in a hidden tab are not among them.
    pub silent: Vec<Suspect>,
    /// Members not heard for long whom others do hear: their words are kept from this member.
    pub withheld: Vec<Suspect>,
    /// Members who were told to go, or left, and are still in the group. This member itself may be among them.
    pub removal_stuck: Vec<Suspect>,
    /// This member sends nothing until such a removal takes effect: it ordered it, or the room's rules ask it of everybody.
    pub stopped: bool,
    /// Nobody in the call has shown that they are a host.
    pub no_host: bool,
    /// The server allows less than the room's owner signed.
    pub server_offers_less: Option<OffersLess>,
}

/// Somebody whom an alarm is about.
#[derive(Clone, PartialEq, Eq)]
pub struct Suspect {
    /// For keys of lists only.
    pub member_id: MemberId,
    /// Cleaned, never empty.
    pub name: String,
}

/// Limits that are lower than signed: what is offered, and what was signed.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct OffersLess {
    /// Members in the room.
    pub members: Option<(u16, u16)>,
    /// Microphone seats.
    pub seats: Option<(u16, u16)>,
    /// Calls in the room.
    pub calls: Option<(u16, u16)>,
}

/// A comparison of the safety number.
#[derive(Clone, PartialEq, Eq)]
pub struct CompareView {
    /// Twenty digits in four groups, ASCII.
    pub digits: String,
    /// When it began, on the caller's clock.
    pub at_ms: u64,
    /// Until when the number is held.
    pub until_ms: u64,
    /// Cleaned name of who asked.
    pub by: String,
    /// It was this member.
    pub mine: bool,
}

/// One member as the screen shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct RosterEntry {
    /// By proof; guests have none.
    pub role: Option<MemberRole>,
    /// They moderate by a key of their own: dismissing them takes it away for good.
    pub keyed: bool,
    /// What nobody plays of theirs, by the rules: bit per track kind; bit 4 is writing.
    pub muted: u8,
    /// The number of the personal invite by which they came, if they did.
    pub invite: Option<u32>,
    /// For keys of lists only.
    pub member_id: MemberId,
    /// Cleaned, never empty.
    pub name: String,
    /// Somebody else has the same name.
    pub same_name: bool,
    /// This member.
    pub is_self: bool,
    /// The leaf in the tree.
    pub leaf: u32,
    /// What media of this member are bound to.
    pub transport_id: TransportId,
    /// Camera on.
    pub camera: bool,
    /// Microphone on.
    pub microphone: bool,
    /// Shares a screen.
    pub screen: bool,
    /// Hand raised.
    pub hand: bool,
    /// The tab is hidden.
    pub hidden: bool,
    /// Heard of lately.
    pub presence: Presence,
    /// Which audio and camera pair shows this member.
    pub slot: Option<u8>,
    /// The screen slot shows this member's screen.
    pub screen_slot: bool,
}

/// Whether a member was heard of lately.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presence {
    /// Yes.
    Present,
    /// Not for some time.
    LostConnection,
}
