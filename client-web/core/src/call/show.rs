//! What the screen is told of the call: the roster, arrivals, the common codec; and what the slots follow.
//!
//! Does not change the call. Rule of use: [`Inside::refresh`] after anything that could show; it says something only if something changed.

use conclave_protocol::ids::TrackKind;

use super::inside::Inside;
use super::roster::Change;
use super::shared::Shared;
use super::slots::Candidate;
use crate::group::seat;
use crate::io::{Event, Output, RosterEntry};

/// Codec numbers of the frame format.
const VP8: u8 = 1;
/// See [`VP8`].
const VP9: u8 = 2;
/// Bit of VP9 in the leaf's codec mask.
const CAN_VP9: u8 = 0b010;

impl Inside {
    pub(super) fn announce(&mut self, changes: Vec<Change>, s: &mut Shared) {
        for change in changes {
            s.event(match change {
                Change::Arrived { name } => Event::Arrived { name },
                Change::Returned { name } => Event::Returned { name },
                Change::Departed { name, reason } => Event::Departed { name, reason },
            });
        }
    }

    /// Brings slots, roster and codec up to date.
    pub(super) fn refresh(&mut self, now: u64, s: &mut Shared) {
        let own = self.roster.own();
        let others: Vec<Candidate> = self
            .roster
            .in_order()
            .iter()
            .filter(|e| e.data.member_id != own)
            .map(|e| Candidate {
                member: e.data.member_id,
                transport: e.data.transport_id,
                // SECURITY: whoever is muted gets no slot, so that nothing of theirs is expected and no frame of theirs is opened.
                on: self.media.on(&e.data.transport_id) & !self.muted(&e.data.member_id),
            })
            .collect();
        self.media.forbid(self.muted(&own));
        self.media.update(now, &others, &mut s.connection, &mut s.out);
        let roster = self.entries();
        if roster != self.shown {
            self.shown.clone_from(&roster);
            s.event(Event::Roster(roster));
        }
        let codec = if self.roster.common_codecs() & CAN_VP9 != 0 {
            VP9
        } else {
            VP8
        };
        if self.codec != Some(codec) {
            self.codec = Some(codec);
            s.out.push_back(Output::PreferCodec(codec));
        }
    }

    fn entries(&self) -> Vec<RosterEntry> {
        let own = self.roster.own();
        let all = self.roster.in_order();
        all.iter()
            .map(|e| {
                let id = e.data.member_id;
                let is_self = id == own;
                // A member's own word, once there is one; until then what the server carries.
                let on = match (is_self, e.beacon) {
                    (true, _) => self.media.wishes(),
                    (false, Some(beacon)) => beacon.on,
                    (false, None) => self.media.on(&e.data.transport_id),
                };
                let has = |kind: TrackKind| on & (1 << kind as u8) != 0;
                RosterEntry {
                    role: self.roles_by_member(&id),
                    keyed: self.key_of(&id).is_some(),
                    muted: self.muted(&id),
                    invite: seat(&e.data).map(|seat| seat.1),
                    member_id: id,
                    name: e.name.clone(),
                    same_name: all.iter().any(|o| o.data.member_id != id && o.name == e.name),
                    is_self,
                    leaf: e.leaf,
                    transport_id: e.data.transport_id,
                    camera: has(TrackKind::Camera),
                    microphone: has(TrackKind::Microphone),
                    screen: has(TrackKind::Screen),
                    hand: if is_self {
                        self.own.hand
                    } else {
                        e.beacon.is_some_and(|b| b.hand)
                    },
                    hidden: if is_self { self.own.hidden } else { e.hidden() },
                    presence: e.presence(),
                    slot: self.media.slots.pair_of(&id),
                    screen_slot: self.media.slots.sharer() == Some(id),
                }
            })
            .collect()
    }
}
