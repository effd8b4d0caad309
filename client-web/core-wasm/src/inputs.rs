//! Intents and events that the worker gives in, as JSON objects with `t`.
//!
//! No logic. The worker is our own code; an object that does not fit is a bug there and gives `None`.

use conclave_core::{Input, MidRole, Role};
use conclave_protocol::ids::TrackKind;
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
