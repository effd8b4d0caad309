//! A call that comes back after the server forgot it: members name the log they have and prove the gate of their epoch, and the pair that most name counts.
//!
//! Nobody takes a call over by being first: for [`CLOSE_MS`] a larger number takes it from a smaller one, whoever came first and whatever sequence they name. What it
//! cannot do: a holder of the link who opens more connections than there are members outnumbers them, as they could fill the room. They
//! read nothing by it; the members found anew.
//!
//! SPEC: `docs/protocol.md`, section 2, "Calls and founders"; `docs/decisions/0029-the-gate.md`.

use std::collections::BTreeMap;

use conclave_protocol::keys::GatePk;

use crate::io::ConnId;

/// How long sequences are collected before the first decision. SPEC: two seconds; clients come back within one. Longer delays the first commit after a restart.
pub(crate) const COLLECT_MS: u64 = 2_000;

/// How long a larger number still takes the call over. Clients try again after at most seven and a half seconds. Longer keeps whoever missed the last commit waiting
/// for a decision that has long been made.
const CLOSE_MS: u64 = 8_000;

/// How long those who prove the live gate are taken for members without a commit that brought them in: a tunnel, a slow start of a
/// laptop. Whoever comes later is added anew, which takes a second; longer gives a member's second connection a vote.
const LEARN_MS: u64 = 60_000;

/// See the module.
#[cfg_attr(test, derive(Clone, Hash))]
pub(crate) struct Election {
    began: u64,
    /// Somebody has named a sequence above nought: there is something to remember.
    remembered: bool,
    claims: BTreeMap<ConnId, (u64, GatePk)>,
}

impl Election {
    pub(crate) fn begin(now_ms: u64, remembered: bool) -> Self {
        Self {
            began: now_ms,
            remembered,
            claims: BTreeMap::new(),
        }
    }

    /// Somebody attached.
    pub(crate) fn named(&mut self, now_ms: u64, seq: u64) {
        if seq > 0 && now_ms < self.began + CLOSE_MS {
            self.remembered = true;
        }
    }

    /// When the first decision is made. A call that is being founded need not wait.
    pub(crate) fn first_at(&self, now_ms: u64) -> u64 {
        if self.remembered {
            self.began + COLLECT_MS
        } else {
            now_ms
        }
    }

    /// Stands elsewhere than at the live gate.
    pub(crate) fn claim(&mut self, conn: ConnId, seq: u64, gate: GatePk) {
        self.claims.insert(conn, (seq, gate));
    }

    pub(crate) fn forget(&mut self, conn: ConnId) {
        self.claims.remove(&conn);
    }

    pub(crate) fn is_open(&self, now_ms: u64) -> bool {
        now_ms < self.began + CLOSE_MS
    }

    pub(crate) fn is_learning(&self, now_ms: u64) -> bool {
        now_ms < self.began + LEARN_MS
    }

    pub(crate) fn is_over(&self, now_ms: u64) -> bool {
        now_ms >= self.began + LEARN_MS
    }

    /// What counts from now on, if that changes: the pair that most name, of two that are named as often the higher sequence. `holders`: how many
    /// stand behind what counts now.
    pub(crate) fn winner(&mut self, now_ms: u64, holders: Option<usize>) -> Option<(u64, GatePk, Vec<ConnId>)> {
        let closed = holders.is_some() && now_ms >= self.began + CLOSE_MS;
        if closed || now_ms < self.first_at(now_ms) {
            return None;
        }
        let mut votes: BTreeMap<(u64, GatePk), Vec<ConnId>> = BTreeMap::new();
        for (conn, pair) in &self.claims {
            votes.entry(*pair).or_default().push(*conn);
        }
        let ((seq, gate), supporters) = votes.into_iter().max_by_key(|(pair, who)| (who.len(), *pair))?;
        (supporters.len() > holders.unwrap_or(0)).then_some((seq, gate, supporters))
    }

    /// Who stands elsewhere although it is decided what counts.
    pub(crate) fn losers(&mut self, now_ms: u64) -> Vec<(ConnId, u64)> {
        if now_ms < self.began + CLOSE_MS {
            return Vec::new();
        }
        std::mem::take(&mut self.claims)
            .into_iter()
            .map(|(conn, (seq, _))| (conn, seq))
            .collect()
    }

    pub(crate) fn deadlines(&self) -> [u64; 3] {
        [self.began + COLLECT_MS, self.began + CLOSE_MS, self.began + LEARN_MS]
    }
}
