//! This member's peer connection as the signalling sees it: sections, what is published, what the slots show.
//!
//! Does not touch media or devices. Requests go out only after the server answered the offer; a new connection starts from nothing. The receiver's
//! expectation leaves together with the request, so nothing that the server puts into a slot unasked is ever shown. SPEC: protocol.md §3.

use std::collections::{BTreeMap, VecDeque};

use conclave_protocol::ids::{TrackId, TrackKind};
use conclave_protocol::message::{ClientMessage, SlotRequest, TrackState};

use super::slots::{Candidate, Slots};
use super::socket::Connection;
use crate::io::{MidRole, Output, Role};
use crate::limits::{PAIRS, SEAT_KEPT_MS};

/// The one layer wanted until layers are chosen: the highest.
const TOP_LAYER: u8 = conclave_protocol::limits::MAX_LAYER;

/// Beside the bits of the track kinds: the microphone is muted. What is published and what is heard are two things, and the server learns only the first.
pub(crate) const MUTED: u8 = 1 << 7;

/// See the module.
#[derive(Default)]
pub(crate) struct Media {
    sections: Vec<MidRole>,
    answered: bool,
    /// Bit per track kind: the person wants it on. And [`MUTED`].
    wishes: u8,
    /// When the person muted. Nothing: they never spoke, and need no seat where seats are few.
    muted_at: Option<u64>,
    /// Muted for so long, with more members than seats, that the seat went back.
    seatless: bool,
    /// The server had no seat when the person wanted to speak.
    refused: bool,
    /// The tab is hidden: nobody looks at pictures.
    hidden: bool,
    /// The server has said that this member may send and receive.
    permitted: bool,
    /// Bit per track kind: the rules of the call do not let this member.
    forbidden: u8,
    /// What the server was told last, by section.
    published: BTreeMap<String, bool>,
    /// What each slot was pointed at last.
    shown: BTreeMap<String, TrackId>,
    tracks: Vec<TrackState>,
    pub(crate) slots: Slots,
}

fn bit(kind: TrackKind) -> u8 {
    1 << kind as u8
}

impl Media {
    /// Whether the server was told of any track.
    pub(crate) fn publishes(&self) -> bool {
        self.published.values().any(|on| *on)
    }

    /// A fresh attachment: the server knows nothing of media any more.
    pub(crate) fn restart(&mut self, out: &mut VecDeque<Output>) {
        self.sections.clear();
        self.answered = false;
        self.published.clear();
        self.expect_nothing(out);
        self.tracks.clear();
        out.push_back(Output::NeedOffer);
    }

    pub(crate) fn ready(&mut self, mids: Vec<MidRole>, out: &mut VecDeque<Output>) {
        self.sections = mids;
        self.published.clear();
        self.expect_nothing(out);
    }

    /// The server forgets what was published and asked for, whenever it gives or takes the right to it.
    pub(crate) fn permit(&mut self, on: bool) {
        self.permitted = on;
    }

    pub(crate) fn start_anew(&mut self, out: &mut VecDeque<Output>) {
        self.published.clear();
        self.expect_nothing(out);
        self.tracks.clear();
    }

    /// SECURITY: a receiver that still expected an old track would show it if the server put it there unasked.
    pub(crate) fn expect_nothing(&mut self, out: &mut VecDeque<Output>) {
        for (mid, track) in std::mem::take(&mut self.shown) {
            out.push_back(Output::Expect {
                mid,
                kind: track.kind,
                track: None,
            });
        }
    }

    pub(crate) fn answered(&mut self) {
        self.answered = true;
    }

    pub(crate) fn wish(&mut self, kind: TrackKind, on: bool) {
        if on {
            self.wishes |= bit(kind);
            // Asked for again: what the server said before says nothing of this time.
            self.refused &= kind != TrackKind::Microphone;
        } else {
            self.wishes &= !bit(kind);
        }
    }

    /// Mutes or unmutes. Unmuting asks for a seat again, if there was none.
    pub(crate) fn mute(&mut self, now: u64, muted: bool) {
        if muted {
            self.muted_at = Some(now);
            self.wishes |= MUTED;
            return;
        }
        self.wishes &= !MUTED;
        self.seatless = false;
        if std::mem::take(&mut self.refused) {
            self.wish(TrackKind::Microphone, true);
        }
    }

    /// Muted since before the call: no seat is needed where seats are few.
    pub(crate) fn mute_before(&mut self) {
        self.wishes |= MUTED;
    }

    pub(crate) fn hide(&mut self, hidden: bool) {
        self.hidden = hidden;
    }

    fn is_muted(&self) -> bool {
        self.wishes & MUTED != 0
    }

    /// When a muted microphone gives its seat back, with so many others in the call. SPEC: protocol.md §3 (Floor).
    pub(crate) fn seat_at(&self, others: usize) -> Option<u64> {
        let holds = self.is_muted() && !self.seatless && self.wishes & bit(TrackKind::Microphone) != 0;
        (holds && others >= PAIRS).then(|| self.muted_at.map_or(0, |at| at + SEAT_KEPT_MS))
    }

    /// Bit per track kind: what this member is heard and seen with, for the beacon.
    pub(crate) fn wishes(&self) -> u8 {
        let silent = if self.is_muted() { bit(TrackKind::Microphone) } else { 0 };
        self.wishes & !MUTED & !silent & !self.forbidden
    }

    /// Everything the person has switched, to be kept, whatever the rules are.
    pub(crate) fn switches(&self) -> u8 {
        self.wishes
    }

    /// What the rules forbid from here on. The others play none of it anyway.
    pub(crate) fn forbid(&mut self, kinds: u8) {
        self.forbidden = kinds;
    }

    pub(crate) fn tracks(&mut self, tracks: Vec<TrackState>) {
        self.tracks = tracks;
    }

    /// Bit per track kind: what the server says a member has switched on. It decides what is asked for, never what is believed.
    pub(crate) fn on(&self, transport: &conclave_protocol::ids::TransportId) -> u8 {
        self.tracks
            .iter()
            .filter(|t| t.on && t.track.transport == *transport)
            .fold(0, |on, t| on | bit(t.track.kind))
    }

    /// The server has no seat for the microphone.
    pub(crate) fn floor_full(&mut self) {
        self.wish(TrackKind::Microphone, false);
        self.refused = true;
        let mics: Vec<String> = self.mids_of(Role::Publish(TrackKind::Microphone));
        for mid in mics {
            self.published.insert(mid, false);
        }
    }

    /// The server had no seat when the person wanted to speak.
    pub(crate) fn is_refused(&self) -> bool {
        self.refused
    }

    /// How many tracks of a kind the server says are on.
    pub(crate) fn count_on(&self, kind: TrackKind) -> u16 {
        let on = self.tracks.iter().filter(|t| t.on && t.track.kind == kind).count();
        u16::try_from(on).unwrap_or(u16::MAX)
    }

    fn mids_of(&self, role: Role) -> Vec<String> {
        self.sections
            .iter()
            .filter(|s| s.role == role)
            .map(|s| s.mid.clone())
            .collect()
    }

    /// Brings the server and the receivers up to date with what is wanted.
    pub(crate) fn update(
        &mut self,
        now: u64,
        others: &[Candidate],
        connection: &mut Connection,
        out: &mut VecDeque<Output>,
    ) {
        self.slots.assign(others);
        self.seatless |= self.seat_at(others.len()).is_some_and(|at| now >= at);
        if !self.answered || !self.permitted || !connection.is_up() {
            return;
        }
        let mut requests = Vec::new();
        for section in &self.sections {
            let (kind, want) = match section.role {
                Role::Publish(kind) => {
                    let waits = kind == TrackKind::Microphone && self.seatless;
                    let on = self.wishes & !self.forbidden & bit(kind) != 0 && !waits;
                    if self.published.get(&section.mid).copied().unwrap_or(false) != on {
                        self.published.insert(section.mid.clone(), on);
                        connection.send(
                            &ClientMessage::Publish {
                                mid: section.mid.clone(),
                                kind,
                                on,
                            },
                            out,
                        );
                    }
                    continue;
                }
                Role::AudioSlot(k) => (
                    TrackKind::Microphone,
                    self.slots.wanted(k, TrackKind::Microphone, others),
                ),
                Role::CameraSlot(k) => (TrackKind::Camera, self.slots.wanted(k, TrackKind::Camera, others)),
                Role::ScreenSlot => (TrackKind::Screen, self.slots.wanted_screen(TrackKind::Screen, others)),
                Role::ScreenAudioSlot => (
                    TrackKind::ScreenAudio,
                    self.slots.wanted_screen(TrackKind::ScreenAudio, others),
                ),
            };
            // Sound goes on in a hidden tab; pictures would only cost.
            let want =
                want.filter(|track| !(self.hidden && matches!(track.kind, TrackKind::Camera | TrackKind::Screen)));
            if self.shown.get(&section.mid).copied() == want {
                continue;
            }
            match want {
                Some(track) => self.shown.insert(section.mid.clone(), track),
                None => self.shown.remove(&section.mid),
            };
            out.push_back(Output::Expect {
                mid: section.mid.clone(),
                kind,
                track: want,
            });
            requests.push(SlotRequest {
                mid: section.mid.clone(),
                track: want,
                layer: TOP_LAYER,
            });
        }
        if !requests.is_empty() {
            connection.send(&ClientMessage::Slots { slots: requests }, out);
        }
    }
}
