//! The codes that a person may meet, as the page knows them: for each a word on the wire to the page and, in the generated bindings, a TypeScript union of all
//! of them.
//!
//! No logic. The page's table of words (`client-web/src/text/en.ts`) is typed by these unions, and the matches are exhaustive: a new code of the core does not
//! compile here without a name, and the client does not build without words for it.

use conclave_core::organise::OrganiseFault;
use conclave_core::{DepartReason, Door, EndReason, MemberRole, NoticeCode, State};
use conclave_protocol::LinkError;
use wasm_bindgen::prelude::*;

use crate::owner::OwnerFault;

macro_rules! names {
    ($(#[$doc:meta])* $function:ident, $type:ty, $union:literal, $section:ident { $($code:pat => $name:literal,)+ }) => {
        $(#[$doc])*
        pub(crate) fn $function(code: $type) -> &'static str {
            match code {
                $($code => $name,)+
            }
        }

        #[wasm_bindgen(typescript_custom_section)]
        const $section: &str = concat!("export type ", $union, " =", $(" | '", $name, "'",)+ ";\n");
    };
}

names! {
    /// Where a member stands.
    state, State, "StateName", STATE {
        State::Connecting => "connecting",
        State::Admitting => "admitting",
        State::Knocking => "knocking",
        State::Waiting => "waiting",
        State::InCall => "inCall",
        State::Reconnecting => "reconnecting",
        State::Ended(_) => "ended",
    }
}

names! {
    /// What somebody who waits waits for.
    door, Door, "DoorName", DOOR {
        Door::NoCall => "noCall",
        Door::Asked => "asked",
        Door::Locked => "locked",
    }
}

names! {
    /// Why it is over.
    end, EndReason, "EndName", END {
        EndReason::Left => "left",
        EndReason::Removed => "removed",
        EndReason::Barred => "barred",
        EndReason::Refused => "refused",
        EndReason::InviteRefused => "inviteRefused",
        EndReason::EndedByHost => "endedByHost",
        EndReason::ForeignRoom => "foreignRoom",
        EndReason::NotAllowed => "notAllowed",
        EndReason::RoomFull => "roomFull",
        EndReason::ServerFull => "serverFull",
        EndReason::CallLimit => "callLimit",
        EndReason::ServerAway => "serverAway",
        EndReason::Closing => "closing",
        EndReason::Incompatible => "incompatible",
        EndReason::Internal => "internal",
    }
}

names! {
    /// Something the person should know.
    notice, NoticeCode, "NoticeName", NOTICE {
        NoticeCode::FloorFull => "floorFull",
        NoticeCode::MediaRefused => "mediaRefused",
        NoticeCode::ChangeUnreadable => "changeUnreadable",
        NoticeCode::PlaceBack => "placeBack",
        NoticeCode::PlaceLost => "placeLost",
        NoticeCode::ChatRefused => "chatRefused",
        NoticeCode::ChatStopped => "chatStopped",
        NoticeCode::CompareRefused => "compareRefused",
        NoticeCode::NotAllowed => "notAllowed",
        NoticeCode::ListFull => "listFull",
        NoticeCode::LinkInForce => "linkInForce",
        NoticeCode::LinkNotInForce => "linkNotInForce",
        NoticeCode::OlderKeysEnded => "olderKeysEnded",
        NoticeCode::RoomNotChanged => "roomNotChanged",
    }
}

names! {
    /// How somebody went.
    departure, DepartReason, "DepartureName", DEPARTURE {
        DepartReason::Left => "left",
        DepartReason::LostConnection => "lostConnection",
        DepartReason::Removed => "removed",
    }
}

names! {
    /// Roles, as the roster and the rules name them.
    role, Option<MemberRole>, "RoleName", ROLE {
        Some(MemberRole::Host) => "host",
        Some(MemberRole::Moderator) => "moderator",
        None => "guest",
    }
}

names! {
    /// Why an owner's key cannot be used.
    owner, OwnerFault, "OwnerFault", OWNER {
        OwnerFault::Text(LinkError::NotALink | LinkError::OwnerKey | LinkError::OtherKind) => "notAKey",
        OwnerFault::Text(LinkError::Cut) => "cut",
        OwnerFault::Text(LinkError::Checksum | LinkError::Malformed) => "damaged",
        OwnerFault::Text(LinkError::UnknownVersion | LinkError::UnknownCriticalFlag) => "newer",
        OwnerFault::OtherRoom => "otherRoom",
        OwnerFault::Expired => "expired",
        OwnerFault::Deed => "deed",
    }
}

names! {
    /// Why a room was not made or changed.
    organise, OrganiseFault, "OrganiseFault", ORGANISE {
        OrganiseFault::Ticket => "notATicket",
        OrganiseFault::Credential => "notTheKey",
        OrganiseFault::NotAllowed => "notAllowed",
        OrganiseFault::Title => "title",
        OrganiseFault::Days => "days",
        OrganiseFault::TooLong => "tooLong",
        OrganiseFault::Stale => "stale",
        OrganiseFault::ServerFull => "serverFull",
        OrganiseFault::Foreign => "foreign",
        OrganiseFault::Incompatible => "incompatible",
    }
}

names! {
    /// Why a link cannot be used.
    link, LinkError, "LinkFault", LINK {
        LinkError::NotALink => "notALink",
        LinkError::OwnerKey => "credential",
        LinkError::OtherKind => "notYetSupported",
        LinkError::Cut => "cut",
        LinkError::Checksum | LinkError::Malformed => "damaged",
        LinkError::UnknownVersion | LinkError::UnknownCriticalFlag => "newer",
    }
}
