//! Intents and events that the worker gives in, as JSON objects with `t`.
//!
//! No logic. The worker is our own code; an object that does not fit is a bug there and gives `None`.

use conclave_core::{Input, MidRole, Role};
use conclave_protocol::ids::{MemberId, TrackKind};
use serde_json::Value;

/// Reads one input.
pub(crate) fn read(json: &str) -> Option<Input<'static>> {
    let value: Value = serde_json::from_str(json).ok()?;
    Some(match value.get("t")?.as_str()? {
        "tick" => Input::Tick,
        "socketOpen" => Input::SocketOpen,
        "socketClosed" => Input::SocketClosed {
            code: u16::try_from(value.get("code")?.as_u64()?).ok()?,
        },
        "mediaReady" => Input::MediaReady {
            mids: value
                .get("mids")?
                .as_array()?
                .iter()
                .map(section)
                .collect::<Option<_>>()?,
        },
        "localOffer" => Input::LocalOffer {
            sdp: text(&value, "sdp")?,
        },
        "publish" => Input::Publish {
            kind: kind(&value)?,
            on: on(&value)?,
        },
        "mute" => Input::Mute(on(&value)?),
        "chat" => Input::Chat {
            text: text(&value, "text")?,
        },
        "hand" => Input::Hand(on(&value)?),
        "reaction" => Input::Reaction(text(&value, "char")?.chars().next()?),
        "hidden" => Input::Hidden(on(&value)?),
        "showSafetyNumber" => Input::ShowSafetyNumber,
        "compareNow" => Input::CompareNow,
        "admit" => Input::Admit(member(&value)?),
        "admitAll" => Input::AdmitAll,
        "refuse" => Input::Refuse(member(&value)?),
        "remove" => Input::Remove {
            member: member(&value)?,
            bar: value.get("bar")?.as_bool()?,
        },
        "muteMember" => Input::MuteMember {
            member: member(&value)?,
            kinds: bits(&value, "kinds")?,
            on: on(&value)?,
        },
        "muteAll" => Input::MuteAll {
            kinds: bits(&value, "kinds")?,
            on: on(&value)?,
        },
        "lobby" => Input::Lobby(on(&value)?),
        "lock" => Input::Lock(on(&value)?),
        "guests" => Input::Guests(bits(&value, "allowed")?),
        "appoint" => Input::Appoint(member(&value)?),
        "dismiss" => Input::Dismiss(member(&value)?),
        "invite" => Input::Invite {
            days: u16::try_from(value.get("days")?.as_u64()?).ok()?,
        },
        "revokeInvite" => Input::RevokeInvite(u32::try_from(value.get("serial")?.as_u64()?).ok()?),
        "invitedEnter" => Input::InvitedEnter(on(&value)?),
        "changeLink" => Input::ChangeLink,
        "endOlderKeys" => Input::EndOlderKeys,
        "endForAll" => Input::EndForAll,
        "leave" => Input::Leave,
        _ => return None,
    })
}

fn text(value: &Value, key: &str) -> Option<String> {
    Some(value.get(key)?.as_str()?.to_owned())
}

fn on(value: &Value) -> Option<bool> {
    value.get("on")?.as_bool()
}

fn bits(value: &Value, key: &str) -> Option<u8> {
    u8::try_from(value.get(key)?.as_u64()?).ok()
}

/// A member by the id that the roster gave: 32 hexadecimal digits.
fn member(value: &Value) -> Option<MemberId> {
    let text = value.get("member")?.as_str()?;
    let digits: Vec<u8> = text
        .chars()
        .map(|c| u8::try_from(c.to_digit(16)?).ok())
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits
        .chunks_exact(2)
        .filter_map(|pair| Some(pair.first()? << 4 | pair.last()?))
        .collect();
    (digits.len() == 32).then(|| MemberId::from_slice(&bytes)).flatten()
}

fn kind(value: &Value) -> Option<TrackKind> {
    TrackKind::from_u8(u8::try_from(value.get("kind")?.as_u64()?).ok()?)
}

fn section(value: &Value) -> Option<MidRole> {
    let k = || u8::try_from(value.get("k")?.as_u64()?).ok();
    let role = match value.get("role")?.as_str()? {
        "microphone" => Role::Publish(TrackKind::Microphone),
        "camera" => Role::Publish(TrackKind::Camera),
        "screen" => Role::Publish(TrackKind::Screen),
        "screenAudio" => Role::Publish(TrackKind::ScreenAudio),
        "audioSlot" => Role::AudioSlot(k()?),
        "cameraSlot" => Role::CameraSlot(k()?),
        "screenSlot" => Role::ScreenSlot,
        "screenAudioSlot" => Role::ScreenAudioSlot,
        _ => return None,
    };
    Some(MidRole {
        mid: text(value, "mid")?,
        role,
    })
}
