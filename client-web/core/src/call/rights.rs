//! What the server lets this member do: proving the gate, and what follows when rights come and go.
//!
//! Does not trust the server with anything: rights are only what an honest one carries and what a dishonest one could withhold anyway. A member says where it stands after
//! every commit, void ones too, for that is its vote on whether the server is to follow it. SPEC: protocol.md §2, "Gate".

use conclave_protocol::envelope::{ClearPart, Envelope, seal};
use conclave_protocol::gate::sign_commit;

use super::inside::{Inside, Turn};
use super::shared::Shared;
use crate::error::CoreError;
use crate::group::OwnCommit;
use crate::io::State;
use crate::limits::RIGHTS_WAIT_MS;

/// What the server said last, on this attachment.
#[derive(Default)]
pub(super) struct Rights {
    /// This member may speak, hear, send and receive.
    pub(super) on: bool,
    /// Since when it waits for that.
    asked_at: u64,
}

impl Rights {
    pub(super) fn asked(now: u64) -> Self {
        Self {
            on: false,
            asked_at: now,
        }
    }

    pub(super) fn until(&self) -> Option<u64> {
        (!self.on).then_some(self.asked_at + RIGHTS_WAIT_MS)
    }
}

impl Inside {
    /// Says in which epoch this member stands, having read the log so far.
    pub(super) fn prove(&mut self, now: u64, s: &mut Shared) {
        // Whoever could not read a commit does not know yet whether it was void.
        if !self.attached || self.is_undecided() {
            return;
        }
        self.rights.asked_at = now;
        if let Ok(gate) = self.group.gate() {
            let proof = s.connection.gate_proof(self.call, self.log.have_seq, &gate);
            s.send(&proof);
        }
    }

    /// The server gives or takes rights. What was said without them was not passed on, and what was published is forgotten.
    pub(super) fn rights_changed(&mut self, now: u64, on: bool, s: &mut Shared) {
        self.rights = Rights { on, asked_at: now };
        self.media.permit(on);
        self.media.start_anew(&mut s.out);
        if on {
            s.stand(State::InCall);
            // Without rights nobody was heard.
            self.roster.forgive(now);
            self.resubmit(now, s);
            self.lines.may_speak(now);
            self.say_wishes(s);
            self.remove_again(now, s);
            self.own.beacon_at = now;
            // What was to be shown before waited for this.
            self.cards.at = self.cards.at.map(|at| at.max(now));
        } else {
            s.stand(State::Reconnecting);
            // The server may have lost what it knew.
            self.prove(now, s);
        }
        self.refresh(now, s);
    }

    /// Time passed, without rights: either the server comes round or the others have gone on without this member.
    pub(super) fn without_rights(&self, now: u64) -> Turn {
        match self.rights.until() {
            Some(until) if now >= until => Turn::TakeBack,
            _ => Turn::Stay,
        }
    }

    /// A commit's envelope: what the server is shown of it, signed by the gate of the epoch that it ends.
    pub(super) fn seal_commit(&self, own: &OwnCommit, s: &mut Shared) -> Result<Vec<u8>, CoreError> {
        let (drop, added) = (own.drop.clone(), own.added.clone());
        let clear = ClearPart::commit(self.call, self.log.have_seq, drop, added, own.next_gate);
        let nonce = s.random.bytes();
        let mut envelope: Envelope = seal(&s.envelope_key, clear, &own.commit, nonce).map_err(|_| CoreError::Limit)?;
        sign_commit(&mut envelope, &self.group.gate()?);
        Ok(envelope.encode())
    }
}

/// How many one commit may send away: a third of the members, or one. The server believes the greater part of those who were there, and whoever is removed is one of them:
/// a commit that removed most at once would look to it as one that a single member made up. Many are removed by several commits, two a second.
pub(super) fn most_removed(members: usize) -> usize {
    (members / 3).max(1)
}
