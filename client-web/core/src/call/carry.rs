//! The server's record with a new link, signed by the host who made it, brought by whoever is in the call when that host may have gone.
//!
//! Does not sign and does not judge the signature: the server does. Hosts do not carry; they tell the server themselves (`relink`), for a key with the new link.
//! SPEC: protocol.md §1, "Changing the link".

use conclave_protocol::ids::RoomId;
use conclave_protocol::manage::Replacement;
use conclave_protocol::message::ClientMessage;

use super::inside::Inside;
use super::relink::Relinking;
use super::shared::Shared;
use crate::limits::{ERRAND_TRIES, LINK_CARRIERS, LINK_CARRY_AGAIN_MS, LINK_CARRY_MS, LINK_CARRY_STEP_MS};

/// A record that this member may have to bring.
pub(crate) struct Carried {
    replacement: Replacement,
    /// When it is the turn of the first in the committers' order.
    since: u64,
    /// When this member looks again whether it is its own.
    at: u64,
    tries: u32,
}

impl Carried {
    /// SECURITY: only a record of this room that admits by the link that is in force in the call now, so that no member shuts the others out with a host's older word.
    pub(super) fn of(now: u64, replacement: Replacement, s: &Shared) -> Option<Self> {
        let (record, server) = (&replacement.record, s.connection.server());
        let fits = record.room_id == RoomId::of(&s.room.room_fp, server)
            && *record.admission_pk.as_bytes() == s.keys.admission(server).public();
        let since = now + LINK_CARRY_MS;
        fits.then_some(Self {
            replacement,
            since,
            at: since,
            tries: 0,
        })
    }

    pub(super) fn at(&self) -> u64 {
        self.at
    }
}

impl Relinking {
    /// The server has the record, or will not take it.
    pub(super) fn carry_no_more(&mut self) {
        self.carried = None;
    }
}

impl Inside {
    /// Brings the record, if it is this member's turn. Whoever was before it may have fallen silent, so that is looked at again, and not with everything that
    /// comes in: the order of a large call is dear.
    pub(super) fn carry_link(&mut self, now: u64, s: &mut Shared) {
        let Some(carried) = s.relinking.carried.as_mut().filter(|c| now >= c.at) else {
            return;
        };
        let turn = match self.place() {
            Some(place) if place < LINK_CARRIERS => carried.since + LINK_CARRY_STEP_MS * place as u64,
            _ => now + LINK_CARRY_AGAIN_MS,
        };
        if now < turn {
            carried.at = turn;
            return;
        }
        let replacement = carried.replacement.clone();
        carried.tries += 1;
        carried.at = now + LINK_CARRY_AGAIN_MS;
        if carried.tries >= ERRAND_TRIES {
            s.relinking.carry_no_more();
        }
        s.send(&ClientMessage::Replace { replacement });
    }
}
