//! Reads an owner's or moderator's key before it is used, so that the page can say what is wrong with it while the person still has it at hand.
//!
//! Does not decide whether the room accepts it: that takes the room sheet, and every member checks it anew. The key itself goes to the page as little as possible: what
//! comes back is the guest link that it holds, and its last day.

use conclave_core::OwnerKey;
use conclave_protocol::LinkError;
use conclave_protocol::credential::{Deed, HostCredential};
use conclave_protocol::ids::RoomFp;
use conclave_protocol::keys::RootKeys;
use conclave_protocol::link::{GuestLink, Link};
use conclave_protocol::moderator::ModeratorKey;
use js_sys::{Array, Object};
use wasm_bindgen::prelude::*;

use crate::names;
use crate::outputs::set;

/// Why a key is of no use here.
pub(crate) enum OwnerFault {
    /// It cannot be read.
    Text(LinkError),
    /// It is of another room than the link.
    OtherRoom,
    /// Its last day is over.
    Expired,
    /// It is the deed, which names no server: it needs the room's guest link beside it.
    Deed,
}

/// What an owner or moderator pasted.
pub(crate) enum OwnerText {
    Credential(HostCredential),
    Deed(Deed),
    Moderator(ModeratorKey),
}

impl OwnerText {
    pub(crate) fn parse(text: &str) -> Result<Self, LinkError> {
        // The fault of the first tells more, unless it was not one at all.
        match HostCredential::parse(text).map(Self::Credential) {
            Err(LinkError::NotALink) => {}
            read => return read,
        }
        match ModeratorKey::parse(text).map(Self::Moderator) {
            Err(LinkError::NotALink) => Deed::parse(text).map(Self::Deed),
            read => read,
        }
    }

    pub(crate) fn room(&self) -> RoomFp {
        match self {
            Self::Credential(credential) => credential.guest.room_fp,
            Self::Moderator(key) => key.guest.room_fp,
            Self::Deed(deed) => RoomFp::of(&RootKeys::derive(&deed.0).root_pk()),
        }
    }

    pub(crate) fn key(&self) -> OwnerKey<'_> {
        match self {
            Self::Credential(credential) => OwnerKey::Credential(credential),
            Self::Moderator(key) => OwnerKey::Moderator(key),
            Self::Deed(deed) => OwnerKey::Deed(deed),
        }
    }
}

/// Reads a host credential or a moderator's key, or the deed if a link is given. `link`: the guest link that is open, or nothing; `today`: days since 1970-01-01. Gives `{ok: true, moderator, link, servers, operatorKeys, notAfterDay}`, where
/// `link` is the guest link (a fragment) that the key holds, or `{ok: false, code}`.
#[wasm_bindgen(js_name = readOwner)]
pub fn read_owner(text: &str, link: Option<String>, today: u16) -> JsValue {
    let out = Object::new();
    match read(text, link.as_deref(), today) {
        Ok((guest, last_day, moderator)) => {
            let servers: Array = guest.servers.iter().map(|s| JsValue::from_str(s.as_str())).collect();
            set(&out, "ok", true);
            set(&out, "moderator", moderator);
            set(&out, "link", guest.to_fragment().as_str());
            set(&out, "servers", servers);
            set(&out, "operatorKeys", guest.flags.operator_keys());
            // A deed has no last day.
            if let Some(day) = last_day {
                set(&out, "notAfterDay", u32::from(day));
            }
        }
        Err(fault) => {
            set(&out, "ok", false);
            set(&out, "code", names::owner(fault));
        }
    }
    out.into()
}

fn read(text: &str, link: Option<&str>, today: u16) -> Result<(GuestLink, Option<u16>, bool), OwnerFault> {
    let owner = OwnerText::parse(text).map_err(OwnerFault::Text)?;
    let link = match link.map(Link::parse) {
        None => None,
        Some(Ok(Link::Guest(link))) => Some(link),
        Some(Ok(Link::Invite(link))) => Some(link.guest),
        Some(_) => return Err(OwnerFault::OtherRoom),
    };
    if link.as_ref().is_some_and(|link| link.room_fp != owner.room()) {
        return Err(OwnerFault::OtherRoom);
    }
    match owner {
        OwnerText::Deed(_) => link.map(|link| (link, None, false)).ok_or(OwnerFault::Deed),
        OwnerText::Credential(HostCredential { mandate, .. }) | OwnerText::Moderator(ModeratorKey { mandate, .. })
            if mandate.not_after_day < today =>
        {
            Err(OwnerFault::Expired)
        }
        OwnerText::Credential(credential) => Ok((credential.guest, Some(credential.mandate.not_after_day), false)),
        // The mandate outlives a changed link; nobody sends its holder a new key then, only the link.
        OwnerText::Moderator(key) => Ok((link.unwrap_or(key.guest), Some(key.mandate.not_after_day), true)),
    }
}
