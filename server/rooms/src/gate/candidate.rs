//! What a commit announces, until it is decided what becomes of it.
//!
//! Deliberately absent: whether it is signed: it is made of the proof that it is.

use conclave_protocol::{gate::CommitSigned, ids::TransportId, keys::GatePk};

use crate::io::ConnId;

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
    pub(super) open_at: u64,
    pub(super) final_at: u64,
    /// It waited for long enough, and most of those who spoke are for it: whom it brings in has rights for as long as that is so.
    pub(super) opens: bool,
}

impl Candidate {
    /// What the commit at `seq` announces: `gate` next, and what it shows besides.
    pub(crate) fn new(seq: u64, gate: GatePk, signed: &CommitSigned<'_>, author: ConnId) -> Self {
        let (drop, add) = (signed.clear().drop.clone(), signed.clear().to.clone());
        Self::announced(seq, (gate, signed.gate()), drop, add, author)
    }

    fn announced(
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

/// See [`super::Gates::prove_unsigned`].
#[cfg(test)]
impl Candidate {
    pub(crate) fn unsigned(
        seq: u64,
        gates: (GatePk, GatePk),
        drop: Vec<TransportId>,
        add: Vec<TransportId>,
        author: ConnId,
    ) -> Self {
        Self::announced(seq, gates, drop, add, author)
    }
}
