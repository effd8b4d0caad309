//! What a decision does: a candidate becomes the gate or comes to nothing, or, where the server has no memory, an election is won.
//!
//! Deliberately absent: counting what was said (`votes`) and what was named (`election`).

use conclave_protocol::{keys::GatePk, limits::MAX_MEMBERS};

use super::{Gates, votes::Verdict};
use crate::{io::ConnId, roster::Roster};

/// How long a member that has not proven a new gate keeps what it had. It is one of those who stay: whom a commit drops loses everything at once. So this guards nothing but against connections
/// of tabs that will never follow; members accept the keys of an epoch before for as long. Shorter cuts people on slow lines off at every commit of a large call.
const GRACE_MS: u64 = 10_000;

/// Commits that most others call void before their sender's connection is closed. One can happen to an honest client whose rules are behind; three in one
/// connection cannot.
const MAX_VOIDED: u8 = 3;

impl Gates {
    /// Decides whatever can be decided. Gives the sequence at which the log begins anew, if the election was won.
    pub(super) fn decide(&mut self, now_ms: u64) -> Option<u64> {
        let begun = self.elect(now_ms);
        // Each turn removes a candidate.
        while let Some((at, verdict)) = self.next_verdict(now_ms) {
            match verdict {
                Verdict::Live => self.carry(now_ms, at),
                Verdict::Void { by_most } => self.reject(at, by_most),
                Verdict::Open => break,
            }
        }
        let opens: Vec<bool> = self.pending.iter().map(|c| self.opens(now_ms, c)).collect();
        for (c, opens) in self.pending.iter_mut().zip(opens) {
            c.opens = opens;
        }
        begun
    }

    fn next_verdict(&self, now_ms: u64) -> Option<(usize, Verdict)> {
        let verdicts = self.pending.iter().map(|c| self.judge(now_ms, c)).enumerate();
        verdicts
            .into_iter()
            .find(|(_, verdict)| !matches!(verdict, Verdict::Open))
    }

    /// A candidate is the gate from here on; what it follows from has happened, what does not follow from it has not.
    fn carry(&mut self, now_ms: u64, at: usize) {
        let Some(gate) = self.pending.get(at).map(|c| c.gate) else {
            return;
        };
        let ancestors: Vec<GatePk> = self
            .pending
            .iter()
            .map(|c| c.gate)
            .filter(|g| self.follows(gate, *g))
            .collect();
        let counted = self.stands.iter().filter(|(_, s)| self.roster.counts(s.transport));
        let counted: Vec<ConnId> = counted.map(|(conn, _)| *conn).collect();
        for c in self.pending.iter().filter(|c| ancestors.contains(&c.gate)) {
            self.roster.apply(c);
        }
        let after: Vec<bool> = self
            .pending
            .iter()
            .map(|c| c.gate != gate && self.follows(c.gate, gate))
            .collect();
        let standing: Vec<ConnId> = self
            .stands
            .iter()
            .filter(|(_, s)| s.at.is_some_and(|(_, g)| self.follows(g, gate)))
            .map(|(conn, _)| *conn)
            .collect();
        let mut keep = after.into_iter();
        self.pending.retain(|_| keep.next().unwrap_or(false));
        self.live = Some(gate);
        let grace = now_ms + GRACE_MS;
        for (conn, stand) in &mut self.stands {
            if standing.contains(conn) {
                stand.proven = true;
                stand.lapses_at = None;
            } else if !counted.contains(conn) {
                // What it proved before it was one of them, with a key that somebody gave it, was no proof of this.
                stand.proven = false;
            } else if stand.proven {
                stand.lapses_at = Some(stand.lapses_at.map_or(grace, |at| at.min(grace)));
            }
        }
    }

    /// A candidate came to nothing: whom it dropped is back, and whoever stood there or at what followed stands nowhere.
    fn reject(&mut self, at: usize, by_most: bool) {
        let Some((gate, author)) = self.pending.get(at).map(|c| (c.gate, c.author)) else {
            return;
        };
        let fallen: Vec<ConnId> = self
            .stands
            .iter()
            .filter(|(_, s)| s.at.is_some_and(|(_, g)| self.follows(g, gate)))
            .map(|(conn, _)| *conn)
            .collect();
        let mut keep: Vec<bool> = self.pending.iter().map(|c| !self.follows(c.gate, gate)).collect();
        let mut keep = keep.drain(..);
        self.pending.retain(|_| keep.next().unwrap_or(true));
        for conn in fallen {
            if let Some(stand) = self.stands.get_mut(&conn) {
                stand.at = None;
                stand.proven = false;
                stand.lapses_at = None;
            }
        }
        if by_most && let Some(stand) = self.stands.get_mut(&author) {
            stand.voided = stand.voided.saturating_add(1);
            if stand.voided >= MAX_VOIDED {
                self.offenders.push(author);
            }
        }
    }

    /// Where the server has no memory: takes the log and gate that most name.
    fn elect(&mut self, now_ms: u64) -> Option<u64> {
        let holders = self.stands.values();
        let holders = holders.filter(|s| s.proven && self.roster.counts(s.transport)).count();
        let election = self.election.as_mut()?;
        let winner = election.winner(now_ms, self.live.map(|_| holders));
        if let Some((seq, gate, supporters)) = winner {
            self.adopt(seq, gate, &supporters);
            return Some(seq);
        }
        if election.is_over(now_ms) && self.live.is_some() {
            self.election = None;
        }
        None
    }

    pub(super) fn adopt(&mut self, seq: u64, gate: GatePk, supporters: &[ConnId]) {
        if let Some(election) = &mut self.election {
            // Whoever stood by what counted until now has not changed their mind: a still larger number may yet be on their side.
            let held = self.stands.iter().filter(|(_, s)| self.roster.counts(s.transport));
            for (conn, (seq, gate)) in held.filter_map(|(conn, s)| Some((conn, s.at?))) {
                election.claim(*conn, seq, gate);
            }
        }
        self.live = Some(gate);
        self.pending.clear();
        self.roster = Roster::default();
        for stand in self.stands.values_mut() {
            stand.at = None;
            stand.proven = false;
            stand.lapses_at = None;
        }
        for conn in supporters.iter().take(usize::from(MAX_MEMBERS)) {
            if let Some(stand) = self.stands.get_mut(conn) {
                stand.at = Some((seq, gate));
                stand.proven = true;
                self.roster.learn(stand.transport, seq);
            }
            if let Some(election) = &mut self.election {
                election.forget(*conn);
            }
        }
    }
}
