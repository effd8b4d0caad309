//! Between the languages of `conclave-rooms` and `conclave-sfu`, which do not know each other.

use std::time::Instant;

use conclave_protocol::ids::{TrackId, TrackKind, TransportId};
use conclave_rooms::{ConnId, Input as RoomsInput, MediaCommand};
use conclave_sfu::{CallKey, Input, Output, PeerId, Sfu, TrackId as SfuTrackId, TrackKind as SfuTrackKind};

/// What the forwarding plane has to say to a connection.
pub(crate) enum MediaResult {
    Answer {
        conn: ConnId,
        sdp: String,
    },
    Refused {
        conn: ConnId,
    },
    Assigned {
        conn: ConnId,
        mid: String,
        track: Option<TrackId>,
    },
}

impl MediaResult {
    /// The same, as the rooms' input.
    pub(crate) fn into_input(self) -> RoomsInput<'static> {
        match self {
            Self::Answer { conn, sdp } => RoomsInput::SfuAnswer { conn, sdp },
            Self::Refused { conn } => RoomsInput::SfuRefused { conn },
            Self::Assigned { conn, mid, track } => RoomsInput::SfuAssigned { conn, mid, track },
        }
    }
}

/// Gives one command of the rooms to the forwarding plane.
pub(super) fn apply(sfu: &mut Sfu, now: Instant, command: &MediaCommand) {
    match command {
        MediaCommand::Join { conn, call, transport } => sfu.handle(
            now,
            Input::Join {
                peer: PeerId(conn.0),
                call: CallKey(call.0),
                transport: *transport.as_bytes(),
            },
        ),
        MediaCommand::Leave { conn } => sfu.handle(now, Input::Leave { peer: PeerId(conn.0) }),
        MediaCommand::Silence { conn } => sfu.handle(now, Input::Silence { peer: PeerId(conn.0) }),
        MediaCommand::Offer { conn, sdp } => sfu.handle(
            now,
            Input::Offer {
                peer: PeerId(conn.0),
                sdp,
            },
        ),
        MediaCommand::Publish { conn, mid, kind, on } => {
            sfu.handle(
                now,
                Input::Publish {
                    peer: PeerId(conn.0),
                    mid,
                    kind: to_sfu_kind(*kind),
                    on: *on,
                },
            );
        }
        MediaCommand::Slots { conn, slots } => {
            let slots: Vec<_> = slots
                .iter()
                .map(|(mid, track, layer)| (mid.clone(), track.map(to_sfu_track), *layer))
                .collect();
            sfu.handle(
                now,
                Input::Slots {
                    peer: PeerId(conn.0),
                    slots: &slots,
                },
            );
        }
    }
}

/// What an output of the forwarding plane means for the rooms; a datagram means nothing to them.
pub(super) fn result(output: Output) -> Option<MediaResult> {
    match output {
        Output::Datagram { .. } => None,
        Output::Answer { peer, sdp } => Some(MediaResult::Answer {
            conn: ConnId(peer.0),
            sdp,
        }),
        Output::OfferRefused { peer, reason } => {
            tracing::info!(%reason, "an offer was refused");
            Some(MediaResult::Refused { conn: ConnId(peer.0) })
        }
        Output::Assigned { peer, mid, track } => Some(MediaResult::Assigned {
            conn: ConnId(peer.0),
            mid,
            track: track.map(from_sfu_track),
        }),
    }
}

fn to_sfu_track(track: TrackId) -> SfuTrackId {
    SfuTrackId {
        transport: *track.transport.as_bytes(),
        kind: to_sfu_kind(track.kind),
    }
}

fn from_sfu_track(track: SfuTrackId) -> TrackId {
    let kind = match track.kind {
        SfuTrackKind::Microphone => TrackKind::Microphone,
        SfuTrackKind::Camera => TrackKind::Camera,
        SfuTrackKind::Screen => TrackKind::Screen,
        SfuTrackKind::ScreenAudio => TrackKind::ScreenAudio,
    };
    TrackId {
        transport: TransportId::from_bytes(track.transport),
        kind,
    }
}

fn to_sfu_kind(kind: TrackKind) -> SfuTrackKind {
    match kind {
        TrackKind::Microphone => SfuTrackKind::Microphone,
        TrackKind::Camera => SfuTrackKind::Camera,
        TrackKind::Screen => SfuTrackKind::Screen,
        TrackKind::ScreenAudio => SfuTrackKind::ScreenAudio,
    }
}
