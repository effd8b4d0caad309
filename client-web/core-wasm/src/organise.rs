//! Rooms made with tickets and kept by their owners, for the core worker: one class each around `conclave_core::organise`.
//!
//! No logic. Terms are JSON: `{title, begin: 'host' | 'anyone', lobby, guests: bits or null, strict, lastDay}`; days are counted since 1970-01-01. A fault is `{ok: false, code}`
//! or, from a constructor and `request`, a thrown code: the words of `names.rs`.

use conclave_core::organise::{Errand, Keeping, Known, Opening, OrganiseFault};
use conclave_protocol::moderator::{MAX_MODERATOR_KEYS, MODERATOR_ENTROPY};
use conclave_protocol::owner::{RESTORE_ENTROPY, ROTATE_ENTROPY, Terms};
use conclave_protocol::room::{Limits, NEW_ROOM_ENTROPY};
use conclave_protocol::server_name::ServerName;
use conclave_protocol::sheet::{Found, Rules};
use js_sys::{Array, Object};
use serde_json::Value;
use wasm_bindgen::prelude::*;
use zeroize::Zeroizing;

use crate::names;
use crate::outputs::set;

/// Random bytes that [`RoomOpening`] takes for a room with so many moderators' keys, and each errand of [`RoomKeeping`] for none; no errand needs more.
#[wasm_bindgen(js_name = organiseEntropy)]
pub fn organise_entropy(moderators: u8) -> usize {
    NEW_ROOM_ENTROPY + MODERATOR_ENTROPY * usize::from(moderators.min(MAX_MODERATOR_KEYS))
}

/// A ticket that becomes a room.
#[wasm_bindgen]
pub struct RoomOpening(Opening);

#[wasm_bindgen]
impl RoomOpening {
    /// Makes the keys, with as many moderators' as there are bytes for. The caller wipes `entropy`.
    #[wasm_bindgen(constructor)]
    pub fn new(ticket: &str, server: &str, terms: &str, today: u16, entropy: &[u8]) -> Result<RoomOpening, JsValue> {
        let terms = read_terms(terms, Limits::default()).ok_or_else(incompatible)?;
        let server = ServerName::parse(server).map_err(|_| incompatible())?;
        let (entropy, rest) = entropy
            .split_first_chunk::<NEW_ROOM_ENTROPY>()
            .ok_or_else(incompatible)?;
        let (moderators, _) = rest.as_chunks::<MODERATOR_ENTROPY>();
        let opening = Opening::new(ticket, &server, &terms, today, entropy, moderators).map_err(thrown)?;
        Ok(Self(opening))
    }

    /// The frame to send, for the server's first.
    pub fn request(&self, frame: &[u8]) -> Result<Vec<u8>, JsValue> {
        self.0.request(frame).map_err(thrown)
    }

    /// The frame to send instead, if an earlier request's answer was lost: whether the room is there.
    pub fn inquiry(&self, frame: &[u8]) -> Result<Vec<u8>, JsValue> {
        self.0.inquiry(frame).map_err(thrown)
    }

    /// For the server's second frame: `{ok: true, guestLink, credential, deed, moderators, lastDay}`.
    pub fn settle(&self, frame: &[u8]) -> JsValue {
        let out = Object::new();
        match self.0.settle(frame) {
            Ok(opened) => {
                set(&out, "ok", true);
                set(&out, "guestLink", opened.guest_link.as_str());
                set(&out, "credential", opened.credential.as_str());
                set(&out, "deed", opened.deed.as_str());
                let moderators: Array = opened.moderators.iter().map(|key| JsValue::from_str(key)).collect();
                set(&out, "moderators", moderators);
                set(&out, "lastDay", u32::from(opened.last_day));
            }
            Err(fault) => refuse(&out, fault),
        }
        out.into()
    }
}

/// A room in its owner's hands.
#[wasm_bindgen]
pub struct RoomKeeping {
    keeping: Keeping,
    /// Not among the terms of this page, and so kept as they are.
    limits: Limits,
}

#[wasm_bindgen]
impl RoomKeeping {
    /// With a host credential, or with the deed and the room's guest link, at this server.
    #[wasm_bindgen(constructor)]
    pub fn new(owner: &str, link: Option<String>, server: &str) -> Result<RoomKeeping, JsValue> {
        let server = ServerName::parse(server).map_err(|_| incompatible())?;
        let keeping = Keeping::new(owner, link.as_deref(), &server).map_err(thrown)?;
        let limits = Limits::default();
        Ok(Self { keeping, limits })
    }

    /// The frame to send, for the server's first. `errand`: `read`, `change` (with terms), `rotate`, `restore` or `delete`. The caller wipes `entropy`.
    pub fn request(&mut self, frame: &[u8], errand: &str, terms: &str, entropy: &[u8]) -> Result<Vec<u8>, JsValue> {
        let errand = match errand {
            "read" => Errand::Read,
            "delete" => Errand::Delete,
            "change" => Errand::Change(
                read_terms(terms, self.limits).ok_or_else(incompatible)?,
                *entropy.first_chunk().ok_or_else(incompatible)?,
            ),
            "rotate" => {
                let entropy: &[u8; ROTATE_ENTROPY] = entropy.first_chunk().ok_or_else(incompatible)?;
                Errand::Rotate(Zeroizing::new(*entropy))
            }
            "restore" => {
                let entropy: &[u8; RESTORE_ENTROPY] = entropy.first_chunk().ok_or_else(incompatible)?;
                Errand::Restore(Zeroizing::new(*entropy))
            }
            _ => return Err(incompatible()),
        };
        self.keeping.request(frame, errand).map_err(thrown)
    }

    /// For the server's second frame: `{ok: true, room}`, where `room` is `null` once it is deleted, and otherwise `{title, begin, lobby, guests, lastDay, lastDayInForce, latestDay,
    /// members, membersInForce, generation, guestLink, byDeed, credential?}`.
    pub fn settle(&mut self, frame: &[u8]) -> JsValue {
        let out = Object::new();
        match self.keeping.settle(frame) {
            Ok(room) => {
                set(&out, "ok", true);
                set(&out, "room", room.map_or(JsValue::NULL, |known| self.show(&known)));
            }
            Err(fault) => refuse(&out, fault),
        }
        out.into()
    }

    fn show(&mut self, known: &Known) -> JsValue {
        let terms = &known.terms;
        self.limits = terms.limits;
        let out = Object::new();
        set(&out, "title", terms.title.as_str());
        let begin = match terms.rules.found {
            Found::Host => "host",
            Found::Anyone => "anyone",
        };
        set(&out, "begin", begin);
        set(&out, "lobby", terms.rules.lobby);
        set(&out, "guests", terms.guests.map_or(JsValue::NULL, JsValue::from));
        set(&out, "strict", terms.strict);
        set(&out, "lastDay", u32::from(terms.day_expires));
        set(&out, "lastDayInForce", u32::from(known.last_day));
        set(&out, "latestDay", u32::from(known.latest_day));
        set(&out, "members", u32::from(terms.limits.members));
        set(&out, "membersInForce", u32::from(known.limits.members));
        set(&out, "generation", u32::from(known.generation));
        set(&out, "guestLink", known.guest_link.as_str());
        set(&out, "byDeed", known.by_deed);
        if let Some(credential) = &known.credential {
            set(&out, "credential", credential.as_str());
        }
        out.into()
    }
}

fn read_terms(json: &str, limits: Limits) -> Option<Terms> {
    let value: Value = serde_json::from_str(json).ok()?;
    let found = match value.get("begin")?.as_str()? {
        "host" => Found::Host,
        "anyone" => Found::Anyone,
        _ => return None,
    };
    let lobby = value.get("lobby")?.as_bool()?;
    let guests = match value.get("guests")? {
        Value::Null => None,
        bits => Some(u8::try_from(bits.as_u64()?).ok()?),
    };
    Some(Terms {
        title: value.get("title")?.as_str()?.to_owned(),
        rules: Rules { found, lobby },
        guests,
        strict: value.get("strict")?.as_bool()?,
        day_expires: u16::try_from(value.get("lastDay")?.as_u64()?).ok()?,
        limits,
    })
}

fn refuse(out: &Object, fault: OrganiseFault) {
    set(out, "ok", false);
    set(out, "code", names::organise(fault));
}

fn thrown(fault: OrganiseFault) -> JsValue {
    JsValue::from_str(names::organise(fault))
}

fn incompatible() -> JsValue {
    thrown(OrganiseFault::Incompatible)
}
