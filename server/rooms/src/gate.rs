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

use conclave_protocol::{ids::TransportId, keys::GatePk, limits::MAX_MEMBERS};

use crate::{election::Election, io::ConnId, roster::Roster};

mod votes;

use votes::{FINAL_MS, OPEN_MS, Verdict};

/// How long a member that has not proven a new gate keeps what it had. It is one of those who stay: whom a commit drops loses everything at once. So this guards nothing but against connections
/// of tabs that will never follow; members accept the keys of an epoch before for as long. Shorter cuts people on slow lines off at every commit of a large call.
const GRACE_MS: u64 = 10_000;

/// Candidates at once. Each is decided within a round trip; more than this is somebody filling the log with garbage, and waits.
const MAX_PENDING: usize = 16;

/// Commits that most others call void before their sender's connection is closed. One can happen to an honest client whose rules are behind; three in one
/// connection cannot.
const MAX_VOIDED: u8 = 3;

/// What a commit announces.
#[cfg_attr(test, derive(Clone, Hash))]
pub(crate) struct Candidate {
    pub(crate) seq: u64,
    pub(crate) gate: GatePk,
    /// The gate that signed for it.
    pub(crate) parent: GatePk,
    pub(crate) drop: Vec<TransportId>,
    pub(crate) add: Vec<TransportId>,
    pub(crate) author: ConnId,
    open_at: u64,
    final_at: u64,
    /// It waited for long enough, and most of those who spoke are for it: whom it brings in has rights for as long as that is so.
    opens: bool,
}

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

    /// Whether this tab may take part at all: the log brought it in, or the server has yet to learn who is.
    pub(crate) fn may_attach(&self, transport: TransportId) -> bool {
        self.live.is_none() || self.election.is_some() || self.reads(transport).is_some()
    }

    /// Which commits this tab may read: those after the first sequence, up to the second if it was removed there.
    pub(crate) fn reads(&self, transport: TransportId) -> Option<(u64, Option<u64>)> {
        let mut span = self.roster.span(transport);
        for c in &self.pending {
            let (dropped, added) = (c.drop.contains(&transport), c.add.contains(&transport));
            span = match span {
                // Removed and added in one commit: it was a member before and is one after.
                Some((from, None)) if dropped && !added => Some((from, Some(c.seq))),
                Some((_, Some(_))) | None if added => Some((c.seq, None)),
                other => other,
            };
        }
        span
    }

    /// Whether this tab was removed and has read that it was. If that is not decided yet it may come, and say that it is not so.
    pub(crate) fn was_removed(&self, transport: TransportId, have_seq: u64) -> bool {
        let span = self
            .roster
            .span(transport)
            .filter(|_| self.reads(transport) == self.roster.span(transport));
        span.and_then(|(_, until)| until).is_some_and(|until| have_seq >= until)
    }

    /// Whether a tab that was welcomed and does not take part yet still is.
    pub(crate) fn is_awaited(&self, transport: TransportId) -> bool {
        matches!(self.reads(transport), Some((_, None)))
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

    /// Whether this connection may speak, hear, send and receive.
    pub(crate) fn has_rights(&self, conn: ConnId) -> bool {
        self.stands.get(&conn).is_some_and(|stand| self.rights_of(stand))
    }

    fn rights_of(&self, stand: &Stand) -> bool {
        let is_in = self.roster.counts(stand.transport) || self.is_let_in(stand);
        stand.proven && is_in && !self.is_contested(stand.transport)
    }

    /// Stands at a commit that brought it in, which is not decided, and for which most of those are who spoke.
    fn is_let_in(&self, stand: &Stand) -> bool {
        let Some((_, at)) = stand.at else { return false };
        let brings = |c: &&Candidate| c.opens && c.add.contains(&stand.transport);
        self.pending.iter().filter(brings).any(|c| self.follows(at, c.gate))
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

    /// A connection proved where it stands; the signature was verified. Gives the sequence at which the log begins anew, if it does.
    pub(crate) fn prove(&mut self, now_ms: u64, conn: ConnId, seq: u64, gate: GatePk) -> Option<u64> {
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

    /// Whose rights have changed since this was last asked.
    pub(crate) fn changes(&mut self) -> Vec<(ConnId, bool)> {
        let now: Vec<(ConnId, bool)> = self.stands.iter().map(|(c, s)| (*c, self.rights_of(s))).collect();
        let changed = now.into_iter().filter(|(conn, on)| {
            let stand = self.stands.get_mut(conn);
            stand.is_some_and(|stand| std::mem::replace(&mut stand.told, *on) != *on)
        });
        changed.collect()
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

    /// Attached connections that have no place here, once it is known who has: removed for good (`true`), or never brought in.
    pub(crate) fn strangers(&self) -> Vec<(ConnId, bool)> {
        if self.live.is_none() || self.election.is_some() {
            return Vec::new();
        }
        let gone = |s: &Stand| !self.is_awaited(s.transport) && !self.is_contested(s.transport);
        let strangers = self.stands.iter().filter(|(_, s)| gone(s));
        strangers
            .map(|(conn, s)| (*conn, self.reads(s.transport).is_some()))
            .collect()
    }

    /// Somebody says that this tab is to go, and it is not decided. Removed and added in one commit it is a member before and after.
    fn is_contested(&self, transport: TransportId) -> bool {
        let goes = |c: &Candidate| c.drop.contains(&transport) && !c.add.contains(&transport);
        self.pending.iter().any(goes)
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

    /// Decides whatever can be decided. Gives the sequence at which the log begins anew, if the election was won.
    fn decide(&mut self, now_ms: u64) -> Option<u64> {
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

    fn adopt(&mut self, seq: u64, gate: GatePk, supporters: &[ConnId]) {
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

impl Candidate {
    /// What the commit at `seq` announces.
    pub(crate) fn new(
        seq: u64,
        (gate, parent): (GatePk, GatePk),
        drop: Vec<TransportId>,
        add: Vec<TransportId>,
        author: ConnId,
    ) -> Self {
        Self {
            seq,
            gate,
            parent,
            drop,
            add,
            author,
            open_at: 0,
            final_at: 0,
            opens: false,
        }
    }
}
