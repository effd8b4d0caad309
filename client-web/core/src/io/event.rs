//! What is shown because something happened or somebody stands elsewhere than before.
//!
//! Does not hold words for people: the page has them, one for each code.

use conclave_protocol::ids::MemberId;
use zeroize::Zeroizing;

use super::{AlarmsView, CompareView, InviteView, LobbyEntry, RosterEntry, RulesView};

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
    /// The message could not be sent: empty, too long, or not connected.
    ChatRefused,
    /// The message was not sent: nothing is, while somebody who was told to go is still in the group.
    ChatStopped,
    /// A comparison runs, was lately, or is for hosts and moderators to ask for.
    CompareRefused,
    /// Only a host can do that.
    NotAllowed,
    /// The rules of a call list no more moderators, or barred people, than are listed.
    ListFull,
    /// The server knows the new link, and the old one no longer.
    LinkInForce,
    /// The server did not take the new link: those inside have it, and the old one still opens the room.
    LinkNotInForce,
    /// Owners' keys that are older than this one count no more.
    OlderKeysEnded,
    /// The server did not take a change of the room. In the call it is in force.
    RoomNotChanged,
}
