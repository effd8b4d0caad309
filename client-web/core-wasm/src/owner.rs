//! Reads an owner's working key before it is used, so that the page can say what is wrong with it while the person still has it at hand.
//!
//! Does not decide whether the room accepts it: that takes the room sheet, and every member checks it anew. The key itself goes to the page as little as possible: what
//! comes back is the guest link that it holds, and its last day.

use conclave_protocol::LinkError;
use conclave_protocol::credential::HostCredential;
use conclave_protocol::link::GuestLink;
use js_sys::{Array, Object};
use wasm_bindgen::prelude::*;

use crate::names;
use crate::outputs::set;

/// How a deed begins: it is not used in calls, and whoever gives it by mistake should be told so.
const DEED: &str = "conclave-deed1:";

/// Why a key is of no use here.
pub(crate) enum OwnerFault {
    /// It cannot be read.
    Text(LinkError),
    /// It is of another room than the link.
    OtherRoom,
    /// Its last day is over.
    Expired,
    /// It is the deed.
    Deed,
}

/// Reads a host credential. `link`: the guest link that is open, or nothing; `today`: days since 1970-01-01. Gives `{ok: true, link, servers, operatorKeys, notAfterDay}`, where
/// `link` is the guest link (a fragment) that the credential holds, or `{ok: false, code}`.
#[wasm_bindgen(js_name = readOwner)]
pub fn read_owner(text: &str, link: Option<String>, today: u16) -> JsValue {
    let out = Object::new();
    match read(text, link.as_deref(), today) {
        Ok(credential) => {
            let servers: Array = credential
                .guest
                .servers
                .iter()
                .map(|s| JsValue::from_str(s.as_str()))
                .collect();
            set(&out, "ok", true);
            set(&out, "link", credential.guest.to_fragment().as_str());
            set(&out, "servers", servers);
            set(&out, "operatorKeys", credential.guest.flags.operator_keys());
            set(&out, "notAfterDay", u32::from(credential.mandate.not_after_day));
        }
        Err(fault) => {
            set(&out, "ok", false);
            set(&out, "code", names::owner(fault));
        }
    }
    out.into()
}

fn read(text: &str, link: Option<&str>, today: u16) -> Result<HostCredential, OwnerFault> {
    if text.trim_start().starts_with(DEED) {
        return Err(OwnerFault::Deed);
    }
    let credential = HostCredential::parse(text).map_err(OwnerFault::Text)?;
    if let Some(link) = link {
        let link = GuestLink::parse(link).map_err(|_| OwnerFault::OtherRoom)?;
        if link.room_fp != credential.guest.room_fp {
            return Err(OwnerFault::OtherRoom);
        }
    }
    if credential.mandate.not_after_day < today {
        return Err(OwnerFault::Expired);
    }
    Ok(credential)
}
