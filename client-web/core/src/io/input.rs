//! What goes into a member: what the socket brought, what the browser's devices say, what the person wants.
//!
//! Does not check: [`crate::Member::handle`] takes any of it at any time, and passes over what means nothing then.

use conclave_protocol::ids::{MemberId, TrackKind};

/// Something happened outside. `now_ms` of the same call is the time at which it did.
pub enum Input<'a> {
    /// Nothing but time: the deadline of [`crate::Member::poll_timeout`] has come.
    Tick,
    /// The socket asked for is open.
    SocketOpen,
    /// One binary WebSocket frame.
    SocketFrame(&'a [u8]),
    /// The socket is gone, or could not be opened, without [`crate::Output::CloseSocket`] having asked for it.
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
    /// A host makes a personal invite, for [`crate::Event::Invite`].
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
