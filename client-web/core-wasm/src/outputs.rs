//! What the core wants done, as JavaScript objects with `t`. Binary values are `Uint8Array`s, ids on the screen are hex.
//!
//! No logic.

use conclave_core::{
    AlarmsView, CompareView, EpochKeysOut, Event, LobbyEntry, OffersLess, Output, Presence, RosterEntry, RulesView,
    State, Suspect,
};
use js_sys::{Array, BigInt, Object, Reflect, Uint8Array, Uint32Array};
use wasm_bindgen::JsValue;

use crate::names;

/// Sets a property of an object that was just made.
pub(crate) fn set(object: &Object, key: &str, value: impl Into<JsValue>) {
    // Setting a property of a plain, fresh object does not fail.
    let _ = Reflect::set(object, &JsValue::from_str(key), &value.into());
}

fn tagged(t: &str) -> Object {
    let object = Object::new();
    set(&object, "t", t);
    object
}

/// One output.
pub(crate) fn write(output: Output) -> JsValue {
    let object = match output {
        Output::OpenSocket { after_ms } => with("openSocket", "afterMs", after_ms as f64),
        Output::CloseSocket => tagged("closeSocket"),
        Output::Send { high, bytes } => {
            let object = with("send", "bytes", Uint8Array::from(bytes.as_slice()));
            set(&object, "high", high);
            object
        }
        Output::ApplyAnswer { sdp } => with("applyAnswer", "sdp", sdp),
        Output::Relay {
            url,
            username,
            password,
        } => {
            let object = with("relay", "url", url);
            set(&object, "username", username);
            set(&object, "password", password.as_str());
            object
        }
        Output::NeedOffer => tagged("needOffer"),
        Output::IceRestart => tagged("iceRestart"),
        Output::Keys(keys) => write_keys(&keys),
        Output::Hold(on) => with("hold", "on", on),
        Output::Expect { mid, kind, track } => {
            let object = with("expect", "mid", mid);
            set(&object, "kind", kind as u8);
            if let Some(track) = track {
                set(
                    &object,
                    "transport",
                    Uint8Array::from(track.transport.as_bytes().as_slice()),
                );
            }
            object
        }
        Output::PreferCodec(codec) => with("preferCodec", "codec", codec),
        Output::Place(bytes) => with("place", "bytes", Uint8Array::from(bytes.as_slice())),
        Output::PlaceGone => tagged("placeGone"),
        Output::Event(event) => write_event(event),
    };
    object.into()
}

fn with(t: &str, key: &str, value: impl Into<JsValue>) -> Object {
    let object = tagged(t);
    set(&object, key, value);
    object
}

fn write_keys(keys: &EpochKeysOut) -> Object {
    let mut leaves = Vec::with_capacity(keys.leaves.len() * 20);
    for (leaf, transport) in &keys.leaves {
        leaves.extend_from_slice(&leaf.to_be_bytes());
        leaves.extend_from_slice(transport.as_bytes());
    }
    let object = tagged("keys");
    set(&object, "group", Uint8Array::from(keys.group.as_bytes().as_slice()));
    set(&object, "epoch", BigInt::from(keys.epoch));
    set(&object, "baseKey", Uint8Array::from(keys.base_key.as_slice()));
    set(&object, "ownLeaf", keys.own_leaf);
    set(&object, "leaves", Uint8Array::from(leaves.as_slice()));
    set(&object, "removed", Uint32Array::from(keys.removed.as_slice()));
    set(&object, "dropOldAfterMs", keys.drop_old_after_ms);
    set(&object, "switchAfterMs", keys.switch_after_ms);
    object
}

fn write_event(event: Event) -> Object {
    match event {
        Event::State(state) => {
            let object = with("state", "state", names::state(state));
            if let State::Ended(reason) = state {
                set(&object, "reason", names::end(reason));
            }
            object
        }
        Event::Roster(roster) => with("roster", "members", roster.iter().map(write_entry).collect::<Array>()),
        Event::Chat {
            from,
            name,
            text,
            mine,
            line,
            at_ms,
        } => {
            let object = with("chat", "text", text);
            set(&object, "from", hex(from.as_bytes()));
            set(&object, "name", name);
            set(&object, "mine", mine);
            set(&object, "line", line);
            set(&object, "atMs", at_ms as f64);
            object
        }
        Event::Unsure { line } => with("unsure", "line", line),
        Event::Arrived { name } => with("arrived", "name", name),
        Event::Returned { name } => with("returned", "name", name),
        Event::Departed { name, reason } => {
            let object = with("departed", "name", name);
            set(&object, "reason", names::departure(reason));
            object
        }
        Event::SafetyNumber(digits) => with("safetyNumber", "digits", digits),
        Event::WaitingCode(digits) => with("waitingCode", "digits", digits),
        Event::Title(title) => with("title", "title", title),
        Event::Door(door) => with("door", "door", names::door(door)),
        Event::Lobby(entries) => with("lobby", "entries", entries.iter().map(write_waiting).collect::<Array>()),
        Event::Rules(view) => write_rules(&view),
        Event::Alarms(view) => write_alarms(&view),
        Event::Compare(view) => write_compare(view),
        Event::CompareOver { changed } => with("compareOver", "changed", changed),
        Event::Invite(invite) => {
            let object = with("invite", "fragment", invite.fragment.as_str());
            set(&object, "serial", invite.serial);
            set(&object, "notAfterDay", invite.not_after_day);
            object
        }
        Event::LinkChanged(fragment) => with("linkChanged", "fragment", fragment.as_str()),
        Event::Credential(text) => with("credential", "text", text.as_str()),
        Event::Notice(code) => with("notice", "code", names::notice(code)),
        Event::Reaction { from, char } => {
            let object = with("reaction", "from", hex(from.as_bytes()));
            set(&object, "char", char.to_string());
            object
        }
    }
}

fn write_waiting(entry: &LobbyEntry) -> JsValue {
    let object = Object::new();
    set(&object, "id", hex(entry.member_id.as_bytes()));
    set(&object, "name", entry.name.as_str());
    set(&object, "code", entry.code.as_str());
    // Exact below 2^53 ms.
    set(&object, "waitsMs", entry.waits_ms as f64);
    if let Some(serial) = entry.invite {
        set(&object, "invite", serial);
    }
    object.into()
}

fn write_rules(view: &RulesView) -> Object {
    let object = with("rules", "role", names::role(view.role));
    set(&object, "hostPresent", view.host_present);
    set(&object, "lobby", view.lobby);
    set(&object, "locked", view.locked);
    set(&object, "guests", f64::from(view.guests));
    set(&object, "muted", f64::from(view.muted));
    set(&object, "invitedEnter", view.invited_enter);
    object
}

fn write_alarms(view: &AlarmsView) -> Object {
    let suspects = |all: &[Suspect]| all.iter().map(write_suspect).collect::<Array>();
    let object = with("alarms", "digestsDiffer", suspects(&view.digests_differ));
    set(&object, "silent", suspects(&view.silent));
    set(&object, "withheld", suspects(&view.withheld));
    set(&object, "removalStuck", suspects(&view.removal_stuck));
    set(&object, "stopped", view.stopped);
    set(&object, "noHost", view.no_host);
    if let Some(less) = view.server_offers_less {
        set(&object, "serverOffersLess", write_less(less));
    }
    object
}

fn write_suspect(suspect: &Suspect) -> JsValue {
    let object = Object::new();
    set(&object, "id", hex(suspect.member_id.as_bytes()));
    set(&object, "name", suspect.name.as_str());
    object.into()
}

/// Of each limit that is lower than signed: what is offered, and what was signed.
fn write_less(less: OffersLess) -> Object {
    let object = Object::new();
    for (key, pair) in [("members", less.members), ("seats", less.seats), ("calls", less.calls)] {
        if let Some((offered, signed)) = pair {
            let limit = Object::new();
            set(&limit, "offered", offered);
            set(&limit, "signed", signed);
            set(&object, key, limit);
        }
    }
    object
}

fn write_compare(view: CompareView) -> Object {
    let object = with("compare", "digits", view.digits);
    set(&object, "atMs", view.at_ms as f64);
    set(&object, "untilMs", view.until_ms as f64);
    set(&object, "by", view.by);
    set(&object, "mine", view.mine);
    object
}

fn write_entry(entry: &RosterEntry) -> JsValue {
    let object = Object::new();
    set(&object, "id", hex(entry.member_id.as_bytes()));
    set(&object, "role", names::role(entry.role));
    if entry.keyed {
        set(&object, "keyed", true);
    }
    set(&object, "muted", f64::from(entry.muted));
    set(&object, "transport", hex(entry.transport_id.as_bytes()));
    if let Some(serial) = entry.invite {
        set(&object, "invite", serial);
    }
    set(&object, "name", entry.name.as_str());
    set(&object, "sameName", entry.same_name);
    set(&object, "self", entry.is_self);
    set(&object, "leaf", entry.leaf);
    set(&object, "camera", entry.camera);
    set(&object, "microphone", entry.microphone);
    set(&object, "screen", entry.screen);
    set(&object, "hand", entry.hand);
    set(&object, "hidden", entry.hidden);
    set(&object, "lost", entry.presence == Presence::LostConnection);
    if let Some(slot) = entry.slot {
        set(&object, "slot", slot);
    }
    set(&object, "screenSlot", entry.screen_slot);
    object.into()
}

fn hex(bytes: &[u8; 16]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |n: u8| DIGITS.get(usize::from(n)).map_or('0', |d| char::from(*d));
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]).collect()
}
