//! Who is in a call, as far as a server may know: the gate of the group's epoch, the votes on each next one, and the rights that follow.
//!
//! The server cannot tell a commit from garbage, and a gate is a key that a commit only *announces*. So a new gate is a candidate until those who had
//! proven the last one have said where they stand: every member proves its gate after every commit, void or not, and that proof is its vote. Half of them carry a
//! candidate, more than half end it. Until then whoever it removes is out; from [`OPEN_MS`] on whoever it brings in is in, if the greater part of those who spoke
//! is for it; and after [`FINAL_MS`] that part decides. So a call in which most are asleep can move, and nothing is lost for good by having been asleep for a moment.
//!
//! Deliberately absent: envelopes, media and messages (the rest of the crate acts on [`Gates::changes`]), and who people are: a gate says "of this epoch", no more.
//!
//! INVARIANT: votes are counted by tabs that the log itself brought in ([`Roster`]), so nobody gains a vote by opening more connections.
//!
//! SPEC: `docs/protocol.md`, section 2, "Gate"; `docs/decisions/0029-the-gate.md`.

use std::collections::BTreeMap;

use conclave_protocol::{gate::GateProven, ids::TransportId, keys::GatePk};

use crate::{election::Election, io::ConnId, roster::Roster};

mod candidate;
mod deciding;
mod standing;
mod votes;

pub(crate) use candidate::Candidate;
use votes::{FINAL_MS, OPEN_MS};

/// Candidates at once. Each is decided within a round trip; more than this is somebody filling the log with garbage, and waits.
const MAX_PENDING: usize = 16;

/// An attached connection.
#[cfg_attr(test, derive(Clone, Hash))]
struct Stand {
    transport: TransportId,
    /// Its vote: having read the log so far, it stands at this gate. None: it has not said, or stood where nobody stands any more.
    at: Option<(u64, GatePk)>,
    /// It has proven the live gate on this connection, or a gate that follows from it as one of those who had rights under it.
    proven: bool,
    /// When that lapses, because the gate has moved on and this connection has not.
    lapses_at: Option<u64>,
    /// What was last given out by [`Gates::changes`].
    told: bool,
    voided: u8,
}

/// See the module.
#[cfg_attr(test, derive(Clone, Hash))]
pub(crate) struct Gates {
    live: Option<GatePk>,
    /// In the log's order.
    pending: Vec<Candidate>,
    roster: Roster,
    stands: BTreeMap<ConnId, Stand>,
    /// Which gate, and which log, where the server has no memory of the call.
    election: Option<Election>,
    /// Connections whose commits were called void too often.
    offenders: Vec<ConnId>,
}

impl Gates {
    /// Of a call that this server has just heard of. `asked`: whether there may be members who know more of it than whoever named it first.
    pub(crate) fn new(now_ms: u64, have_seq: u64, asked: bool) -> Self {
        Self {
            live: None,
            pending: Vec::new(),
            roster: Roster::default(),
            stands: BTreeMap::new(),
            election: asked.then(|| Election::begin(now_ms, have_seq > 0)),
            offenders: Vec::new(),
        }
    }

    /// How many milliseconds until it is known which log counts, if it is not.
    pub(crate) fn undecided(&self, now_ms: u64) -> Option<u64> {
        let election = self.election.as_ref().filter(|_| self.live.is_none())?;
        Some(election.first_at(now_ms).saturating_sub(now_ms).max(1))
    }

    /// Whether somebody may still know more of this call than the server.
    pub(crate) fn is_electing(&self, now_ms: u64) -> bool {
        self.election
            .as_ref()
            .is_some_and(|e| self.live.is_none() || e.is_open(now_ms))
    }

    pub(crate) fn attach(&mut self, now_ms: u64, conn: ConnId, transport: TransportId, have_seq: u64) {
        self.stands.insert(
            conn,
            Stand {
                transport,
                at: None,
                proven: false,
                lapses_at: None,
                told: false,
                voided: 0,
            },
        );
        if let Some(election) = &mut self.election {
            election.named(now_ms, have_seq);
        }
    }

    pub(crate) fn detach(&mut self, now_ms: u64, conn: ConnId) -> Option<u64> {
        self.stands.remove(&conn);
        if let Some(election) = &mut self.election {
            election.forget(conn);
        }
        self.decide(now_ms)
    }

    /// Where a connection stands, if it is somewhere.
    pub(crate) fn gate_of(&self, conn: ConnId) -> Option<GatePk> {
        self.stands.get(&conn)?.at.map(|(_, gate)| gate)
    }

    /// Whether one more candidate may be made, and its gate is like no other.
    pub(crate) fn has_place_for(&self, gate: GatePk) -> Result<bool, ()> {
        if self.live == Some(gate) || self.pending.iter().any(|c| c.gate == gate) {
            return Err(());
        }
        Ok(self.pending.len() < MAX_PENDING)
    }

    /// A commit was taken; its author stands by it. SECURITY: whom it drops has no rights from here on, before anything is passed on.
    pub(crate) fn announce(&mut self, now_ms: u64, mut candidate: Candidate) -> Option<u64> {
        candidate.open_at = now_ms + OPEN_MS;
        candidate.final_at = now_ms + FINAL_MS;
        if let Some(author) = self.stands.get_mut(&candidate.author) {
            author.at = Some((candidate.seq, candidate.gate));
        }
        self.pending.push(candidate);
        self.decide(now_ms)
    }

    /// A connection proved where it stands. Gives the sequence at which the log begins anew, if it does.
    pub(crate) fn prove(&mut self, now_ms: u64, conn: ConnId, proven: GateProven) -> Option<u64> {
        let (seq, gate) = proven.into_parts();
        self.stands_at(now_ms, conn, seq, gate)
    }

    fn stands_at(&mut self, now_ms: u64, conn: ConnId, seq: u64, gate: GatePk) -> Option<u64> {
        if self.live.is_none() && self.election.is_none() {
            // A call that nobody can remember more of: its founder.
            self.adopt(seq, gate, &[conn]);
            return Some(seq);
        }
        let knows = self.reaches_live(gate);
        let open = self.election.as_ref().is_some_and(|e| e.is_learning(now_ms));
        let stand = self.stands.get_mut(&conn)?;
        if stand.at.is_some_and(|(before, _)| seq < before) {
            return None;
        }
        if !knows {
            // A gate of before, which a member will leave as it reads on, or learn that it was removed; or of a branch that ended, or of a call that this server has forgotten.
            if let Some(election) = &mut self.election
                && self.roster.span(stand.transport).is_none()
            {
                election.claim(conn, seq, gate);
            }
            return self.decide(now_ms);
        }
        let read = self
            .pending
            .iter()
            .find(|c| c.gate == gate)
            .is_none_or(|c| seq >= c.seq);
        if !read {
            return None;
        }
        let transport = stand.transport;
        if self.live == Some(gate) && open {
            self.roster.learn(transport, seq);
        }
        stand.at = Some((seq, gate));
        stand.proven = true;
        stand.lapses_at = None;
        if let Some(election) = &mut self.election {
            election.forget(conn);
        }
        self.decide(now_ms)
    }

    /// Time passed.
    pub(crate) fn tick(&mut self, now_ms: u64) -> Option<u64> {
        for stand in self.stands.values_mut() {
            if stand.lapses_at.is_some_and(|at| now_ms >= at) {
                stand.lapses_at = None;
                stand.proven = false;
            }
        }
        self.decide(now_ms)
    }

    /// Connections that stand elsewhere although it is decided what counts, and the sequence that they named.
    pub(crate) fn losers(&mut self, now_ms: u64) -> Vec<(ConnId, u64)> {
        let election = self.election.as_mut().filter(|_| self.live.is_some());
        election.map(|e| e.losers(now_ms)).unwrap_or_default()
    }

    /// Connections that are to be closed: most others called their commits void.
    pub(crate) fn offenders(&mut self) -> Vec<ConnId> {
        std::mem::take(&mut self.offenders)
    }

    /// The log no longer holds what is up to `seq`: nor does anybody need to be remembered who was removed there.
    pub(crate) fn forget_until(&mut self, seq: u64) {
        self.roster.forget_until(seq);
    }

    /// When the next thing happens by itself. What was due and found nobody to decide it waits for somebody to come.
    pub(crate) fn next_deadline(&self, now_ms: u64) -> Option<u64> {
        let decide = self.pending.iter().flat_map(|c| [c.open_at, c.final_at]);
        let lapse = self.stands.values().filter_map(|s| s.lapses_at);
        let election = self.election.iter().flat_map(Election::deadlines);
        decide.chain(lapse).chain(election).filter(|at| *at > now_ms).min()
    }

    /// Whether `gate` is the live one or a candidate that follows from it.
    fn reaches_live(&self, gate: GatePk) -> bool {
        self.live.is_some_and(|live| self.follows(gate, live))
    }

    /// Whether `gate` is `from` or a candidate that follows from it.
    fn follows(&self, gate: GatePk, from: GatePk) -> bool {
        let mut at = gate;
        // A candidate's parent stands before it in the list, so this ends.
        for c in self.pending.iter().rev() {
            if at == from {
                return true;
            }
            if c.gate == at {
                at = c.parent;
            }
        }
        at == from
    }
}

/// Models of the gate go through millions of steps, too many to sign them all. What signatures are bound to is tested in `conclave-protocol`.
#[cfg(test)]
impl Gates {
    pub(crate) fn prove_unsigned(&mut self, now_ms: u64, conn: ConnId, seq: u64, gate: GatePk) -> Option<u64> {
        self.stands_at(now_ms, conn, seq, gate)
    }
}
