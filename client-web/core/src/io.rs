//! What goes into a member and what comes out: the whole surface between the core and the shell that owns sockets, devices and the screen.
//!
//! Does not act. Names, ids and texts in here cannot be formatted: no type that carries one has `Debug`.

use zeroize::Zeroizing;

pub use conclave_protocol::credential::Role as MemberRole;
use conclave_protocol::ids::{CallId, MemberId, TrackId, TrackKind, TransportId};

/// Something happened outside. `now_ms` of the same call is the time at which it did.
pub enum Input<'a> {
    /// Nothing but time: the deadline of [`crate::Member::poll_timeout`] has come.
    Tick,
    /// The socket asked for is open.
    SocketOpen,
    /// One binary WebSocket frame.
    SocketFrame(&'a [u8]),
    /// The socket is gone, or could not be opened, without [`Output::CloseSocket`] having asked for it.
    SocketClosed {
        /// The WebSocket close code, 1006 if there is none.
        code: u16,
    },
    /// The peer connection exists; these are its media sections.
    MediaReady {
        /// Every section with its role.
        mids: Vec<MidRole>,
    },
    /// An offer to pass on.
    LocalOffer {
        /// SDP.
        sdp: String,
    },
    /// The person switched one of their tracks on or off.
    Publish {
        /// Which.
        kind: TrackKind,
        /// On or off.
        on: bool,
    },
    /// The person muted their microphone, or opened it again. Muted, it stays published and sends silence: the server sees no difference.
    Mute(bool),
    /// The person wrote.
    Chat {
        /// What.
        text: String,
    },
    /// The person raised or lowered their hand.
    Hand(bool),
    /// The person sent a reaction.
    Reaction(char),
    /// The tab was hidden or shown.
    Hidden(bool),
    /// The person asked for the safety number.
    ShowSafetyNumber,
    /// The person wants everybody to compare the number now: it stands still for a minute, and newcomers wait.
    CompareNow,
    /// A host or moderator lets somebody in who waits.
    Admit(MemberId),
    /// A host or moderator lets everybody in who waits.
    AdmitAll,
    /// A host or moderator does not let somebody in.
    Refuse(MemberId),
    /// A host or moderator removes somebody.
    Remove {
        /// Whom.
        member: MemberId,
        /// And never again in this call under the same id.
        bar: bool,
    },
    /// A host or moderator mutes somebody, or no longer: nobody plays those tracks.
    MuteMember {
        /// Whom.
        member: MemberId,
        /// Bit per track kind; bit 4 is writing.
        kinds: u8,
        /// Mutes, or no longer.
        on: bool,
    },
    /// A host or moderator mutes every guest who is in the call, or no longer. Whoever comes later is not meant, and each can be given the word back.
    MuteAll {
        /// Bit per track kind; bit 4 is writing.
        kinds: u8,
        /// Mutes, or no longer.
        on: bool,
    },
    /// Newcomers ask to join, or no longer.
    Lobby(bool),
    /// Nobody new comes in, or no longer.
    Lock(bool),
    /// What guests may do: bit per track kind; bit 4 is writing.
    Guests(u8),
    /// A host makes somebody a moderator of this call.
    Appoint(MemberId),
    /// A host takes that back; whoever moderates by a key of their own loses it, in this room for ever.
    Dismiss(MemberId),
    /// A host makes a personal invite, for [`Event::Invite`].
    Invite {
        /// For how many days from today one may come in by it; at most as long as the host's own mandate.
        days: u16,
    },
    /// A host or moderator takes a personal invite back; who came in by it stays until removed.
    RevokeInvite(u32),
    /// Whoever shows a personal invite comes in without asking, or no longer.
    InvitedEnter(bool),
    /// A host changes the room's link: those inside learn the new one, the old one opens nothing any more.
    ChangeLink,
    /// A host ends all owners' keys that are older than their own, in the call and at the server.
    EndOlderKeys,
    /// A host ends the call for everybody.
    EndForAll,
    /// The person leaves.
    Leave,
}

/// A media section of the offer and what it is for.
#[derive(Clone)]
pub struct MidRole {
    /// Its media id.
    pub mid: String,
    /// Its use.
    pub role: Role,
}

/// What a media section is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Sends a track of this member.
    Publish(TrackKind),
    /// Receives the sound of pair `k`.
    AudioSlot(u8),
    /// Receives the picture of pair `k`.
    CameraSlot(u8),
    /// Receives a shared screen.
    ScreenSlot,
    /// Receives a shared screen's sound.
    ScreenAudioSlot,
}

/// Something to be done outside.
pub enum Output {
    /// Open the socket (fixed path, fixed subprotocol) after a while; whatever socket is there is replaced.
    OpenSocket {
        /// How long to wait first, milliseconds.
        after_ms: u64,
    },
    /// Close the socket; no [`Input::SocketClosed`] is expected for it.
    CloseSocket,
    /// Send one binary frame.
    Send {
        /// May overtake frames that are not high.
        high: bool,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// The server's answer to the last offer.
    ApplyAnswer {
        /// SDP.
        sdp: String,
    },
    /// Where and as whom peer connections may ask for a relay, from the next one or the next restart on. Comes before either.
    Relay {
        /// `turns:` at the server that this member is connected to.
        url: String,
        /// TURN's user name.
        username: String,
        /// TURN's password.
        password: Zeroizing<String>,
    },
    /// Make a fresh peer connection, then give [`Input::MediaReady`] and [`Input::LocalOffer`].
    NeedOffer,
    /// Renew ICE on the connection that is there, then give [`Input::LocalOffer`].
    IceRestart,
    /// New media keys.
    Keys(EpochKeysOut),
    /// Fall silent (`true`) until keys or `false` come: the group has moved on without this member knowing the new key yet.
    Hold(bool),
    /// What the receiver of a slot must check for.
    Expect {
        /// The slot.
        mid: String,
        /// What kind of track it receives.
        kind: TrackKind,
        /// What was asked for; nothing if the slot is empty.
        track: Option<TrackId>,
    },
    /// The picture codec that everybody can decode: 1 VP8, 2 VP9.
    PreferCodec(u8),
    /// The record of this member's place in the call, for [`crate::Options::place`]: to be kept where a reloaded tab finds it, if the person
    /// allowed that. It replaces the one before.
    Place(Zeroizing<Vec<u8>>),
    /// The record counts no more and must be forgotten: this member left, was removed, or its call is over.
    PlaceGone,
    /// Something to show.
    Event(Event),
}

/// The media keys of an epoch.
pub struct EpochKeysOut {
    /// The group: epochs count only within it. A founder that gave way, or a member that joined anew, is in another.
    pub group: CallId,
    /// The epoch.
    pub epoch: u64,
    /// SFrame's base key.
    pub base_key: Zeroizing<[u8; 16]>,
    /// This member's leaf.
    pub own_leaf: u32,
    /// Every leaf with the transport id that it carries.
    pub leaves: Vec<(u32, TransportId)>,
    /// Leaves that are gone since the epoch before; their frames are refused at once.
    pub removed: Vec<u32>,
    /// How long frames of the old epoch are still accepted.
    pub drop_old_after_ms: u32,
    /// How long the sender stays in the old epoch.
    pub switch_after_ms: u32,
}

/// Something to show.
pub enum Event {
    /// Where this member stands.
    State(State),
    /// Everybody in the call, this member first.
    Roster(Vec<RosterEntry>),
    /// Somebody wrote.
    Chat {
        /// Who, by their leaf's credential.
        from: MemberId,
        /// Their cleaned name at that time.
        name: String,
        /// The cleaned text.
        text: String,
        /// It was this member.
        mine: bool,
        /// Counts the lines that this member was shown, for [`Event::Unsure`].
        line: u32,
        /// When it arrived, on the caller's clock.
        at_ms: u64,
    },
    /// A line of this member perhaps reached nobody, and is not said again: the connection died with it, and it was written too long ago or others have come since.
    Unsure {
        /// As in [`Event::Chat`].
        line: u32,
    },
    /// Somebody came. Always shown.
    Arrived {
        /// Cleaned name.
        name: String,
    },
    /// Somebody went. Always shown.
    Departed {
        /// Cleaned name.
        name: String,
        /// How.
        reason: DepartReason,
    },
    /// Somebody who had been lost is back, under the same member id. Always shown.
    Returned {
        /// Cleaned name.
        name: String,
    },
    /// Twenty digits in four groups, ASCII.
    SafetyNumber(String),
    /// Four groups of digits that tell this knock from others.
    WaitingCode(String),
    /// What somebody who waits waits for.
    Door(Door),
    /// Who waits to be let in; only to those who may let them.
    Lobby(Vec<LobbyEntry>),
    /// The room's cleaned title, as its owner signed it. Comes once, before anything of a call, if there is one.
    Title(String),
    /// The rules of the call, and this member's place in them.
    Rules(RulesView),
    /// A personal invite, to be given to one person.
    Invite(InviteView),
    /// The room has another link: what stands behind `#` in it. The page puts it in the place of the old one.
    LinkChanged(Zeroizing<String>),
    /// The text of a fresh working key, made of the deed or because the link changed: the owner keeps it, as a file, instead of the old one.
    Credential(Zeroizing<String>),
    /// Something the person should know.
    Notice(NoticeCode),
    /// All that may not be as it should at this moment.
    Alarms(AlarmsView),
    /// Somebody asked everybody to compare the number now.
    Compare(CompareView),
    /// That is over.
    CompareOver {
        /// The number on the screen is not the call's any more: somebody came or went.
        changed: bool,
    },
    /// Somebody reacted.
    Reaction {
        /// Who.
        from: MemberId,
        /// With what.
        char: char,
    },
}

/// Where a member stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// No connection yet.
    Connecting,
    /// Proving the link to the server.
    Admitting,
    /// Asked to be let in.
    Knocking,
    /// Asked some time ago.
    Waiting,
    /// In the group.
    InCall,
    /// In a call, but without a connection.
    Reconnecting,
    /// Over; the member is of no more use.
    Ended(EndReason),
}

/// What somebody who waits waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Door {
    /// For a call: only a host or moderator may begin one here, and none has.
    NoCall,
    /// For a host or moderator, who sees the knock.
    Asked,
    /// For the call to be unlocked: nobody is shown the knock.
    Locked,
}

/// Why it is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndReason {
    /// The person left.
    Left,
    /// The others removed this member.
    Removed,
    /// A host or moderator removed this member and barred its place: it cannot be taken back in this call.
    Barred,
    /// This member was not let in.
    Refused,
    /// The invite opens nothing: used by somebody else, over, or taken back; or a host said no.
    InviteRefused,
    /// A host ended the call for everybody.
    EndedByHost,
    /// The server shows the record of another room under this id.
    ForeignRoom,
    /// No such room, or not the right link: the server gives one answer for both.
    NotAllowed,
    /// The room is full.
    RoomFull,
    /// The server is full.
    ServerFull,
    /// The room has as many calls as it may.
    CallLimit,
    /// The server cannot be reached.
    ServerAway,
    /// The server goes down, or the room was deleted.
    Closing,
    /// Server and client do not understand each other.
    Incompatible,
    /// A fault of this program.
    Internal,
}

/// How somebody went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DepartReason {
    /// By their own signed word.
    Left,
    /// They were silent for too long.
    LostConnection,
    /// Others removed them.
    Removed,
}

/// Something the person should know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoticeCode {
    /// All microphone seats are taken.
    FloorFull,
    /// The server could not use the media offer.
    MediaRefused,
    /// A change of the group could not be read by this member; it may have to come back in.
    ChangeUnreadable,
    /// This member had lost its state and has its place back; what was said meanwhile is missing.
    PlaceBack,
    /// The place could not be taken back (the call is over, or nobody there knows it any more): this member goes on as a newcomer.
    PlaceLost,
    /// The message could not be sent: empty or too long.
    ChatRefused,
    /// A comparison runs, was lately, or is for hosts and moderators to ask for.
    CompareRefused,
    /// Only a host can do that.
    NotAllowed,
    /// The server knows the new link, and the old one no longer.
    LinkInForce,
    /// The server did not take the new link: those inside have it, and the old one still opens the room.
    LinkNotInForce,
    /// Owners' keys that are older than this one count no more.
    OlderKeysEnded,
    /// The server did not take a change of the room. In the call it is in force.
    RoomNotChanged,
}

/// A personal invite that a host made. Nobody keeps a list: the person who made it does, if they want to.
pub struct InviteView {
    /// Its number, for [`Input::RevokeInvite`] and in [`RosterEntry::invite`].
    pub serial: u32,
    /// The last day on which one may come in by it, in days since 1970-01-01.
    pub not_after_day: u16,
    /// What stands behind `#` in the link.
    pub fragment: Zeroizing<String>,
}

/// Somebody who waits to be let in.
#[derive(Clone, PartialEq, Eq)]
pub struct LobbyEntry {
    /// For [`Input::Admit`] and [`Input::Refuse`].
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
