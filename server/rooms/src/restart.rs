//! A call that comes back after the server was restarted: members name the sequence they have, and the one that most name becomes the head.
//!
//! SPEC: `docs/protocol.md`, section 2, "Calls and founders". What it cannot do without the gate: if for two seconds nobody but a stranger names a
//! sequence, the stranger's counts, and the members are sent away to be added again or to found anew.

use std::collections::BTreeMap;

use crate::io::ConnId;

/// How long sequences are collected. SPEC: two seconds; clients come back within one. Longer delays the first commit after a restart.
pub(crate) const COLLECT_MS: u64 = 2_000;

/// The sequences named so far.
pub(crate) struct Restart {
    pub(crate) until_ms: u64,
    named: BTreeMap<ConnId, u64>,
}

impl Restart {
    pub(crate) fn begin(now_ms: u64) -> Self {
        Self {
            until_ms: now_ms + COLLECT_MS,
            named: BTreeMap::new(),
        }
    }

    pub(crate) fn name(&mut self, conn: ConnId, have_seq: u64) {
        self.named.insert(conn, have_seq);
    }

    pub(crate) fn forget(&mut self, conn: ConnId) {
        self.named.remove(&conn);
    }

    /// The sequence that most connections name, the higher of two that are named as often; `None` if all have left again.
    pub(crate) fn elect(&self) -> Option<u64> {
        let mut votes: BTreeMap<u64, usize> = BTreeMap::new();
        for seq in self.named.values() {
            *votes.entry(*seq).or_default() += 1;
        }
        votes.into_iter().max_by_key(|(seq, n)| (*n, *seq)).map(|(seq, _)| seq)
    }

    /// Who named what.
    pub(crate) fn named(&self) -> impl Iterator<Item = (ConnId, u64)> + '_ {
        self.named.iter().map(|(conn, seq)| (*conn, *seq))
    }
}
