//! A host who was out of the call when its own new link came into force, and finds out by which of the two links the call goes on.
//!
//! Does not guess: by what opens under the new link's keys, which has gone to the group alone. SECURITY: a hostile member could show such a thing too early, so the
//! last call card counts, either way. SPEC: protocol.md §1, "Changing the link".

use conclave_protocol::envelope::{Envelope, EnvelopeType, open};
use conclave_protocol::keys::{LinkKeys, LinkSecret};
use conclave_protocol::message::ServerMessage;
use conclave_protocol::sheet;

use super::newcomer::Newcomer;
use super::shared::Shared;
use crate::error::CoreError;
use crate::group::NewLink;

/// The link that this host goes on by, as it proposed it, and the one before.
pub(super) struct Found {
    pub(super) link: (u16, NewLink),
    pub(super) before: (u16, LinkSecret),
}

impl Newcomer {
    /// Goes over to the other of two links, if the server's message shows that the call has it.
    pub(super) fn find_own_link(&mut self, now: u64, message: &ServerMessage, s: &mut Shared) -> Result<(), CoreError> {
        let Some((generation, secret)) = s.relinking.other_link() else {
            return Ok(());
        };
        if shows(message, &LinkKeys::derive(&secret), s) {
            let before = (s.link.generation, s.link.link_secret.clone());
            s.relink(now, generation, &secret);
            s.relinking.go_over(now, before);
            self.relink(generation, &secret)?;
        }
        Ok(())
    }
}

/// Whether something that only this link opens is shown; of the server's list a call card rather than the room's sheet, which may have been brought early.
fn shows(message: &ServerMessage, keys: &LinkKeys, s: &Shared) -> bool {
    let opens = |keys: &LinkKeys, bytes: &[u8]| {
        let shown = |e: &Envelope| matches!(e.clear.kind, EnvelopeType::Card | EnvelopeType::Welcome);
        Envelope::decode(bytes).is_ok_and(|e| shown(&e) && open(&keys.envelope(), &e).is_ok())
    };
    match message {
        ServerMessage::EnvelopeIn { envelope, .. } => opens(keys, envelope),
        ServerMessage::Admitted { calls, limits, sheet } => {
            let card = |keys: &LinkKeys| calls.iter().filter_map(|c| c.card.as_deref()).any(|c| opens(keys, c));
            let opens_sheet = || sheet::open(keys, &s.room.room_fp, s.connection.server(), limits, sheet).is_ok();
            card(keys) || !card(&s.keys) && opens_sheet()
        }
        _ => false,
    }
}
