//! The tabs of a call, as its log brought them in and took them out.
//!
//! The server counts votes by it and shows it to nobody. It is what every welcome's address says anyway; members hold it to the group (`MEM-081`), so no commit can bring in a tab that is not a
//! member's. Deliberately absent: what is not decided yet (`gate` lays that over it).

use std::collections::BTreeMap;

use conclave_protocol::{ids::TransportId, limits::MAX_MEMBERS};

use crate::gate::Candidate;

/// Tabs remembered: a full call, and as many again who were removed a moment ago. It bounds memory against members who rename themselves for sport.
const MAX_REMEMBERED: usize = 2 * MAX_MEMBERS as usize;

#[cfg_attr(test, derive(Clone, Hash))]
struct Span {
    /// It may read commits after this one.
    from: u64,
    /// And, if it was removed, up to the one that removed it.
    until: Option<u64>,
}

/// See the module.
#[derive(Default)]
#[cfg_attr(test, derive(Clone, Hash))]
pub(crate) struct Roster {
    spans: BTreeMap<TransportId, Span>,
}

impl Roster {
    pub(crate) fn span(&self, transport: TransportId) -> Option<(u64, Option<u64>)> {
        self.spans.get(&transport).map(|span| (span.from, span.until))
    }

    /// Is one of them, so that their voice counts.
    pub(crate) fn counts(&self, transport: TransportId) -> bool {
        self.spans.get(&transport).is_some_and(|span| span.until.is_none())
    }

    /// How many there are of them.
    pub(crate) fn len(&self) -> usize {
        self.spans.values().filter(|span| span.until.is_none()).count()
    }

    /// Proved to be one, while the server has to learn who is.
    pub(crate) fn learn(&mut self, transport: TransportId, seq: u64) {
        if self.spans.len() < MAX_REMEMBERED {
            self.spans.entry(transport).or_insert(Span { from: seq, until: None });
        }
    }

    /// What a commit changes.
    pub(crate) fn apply(&mut self, commit: &Candidate) {
        for dropped in &commit.drop {
            if let Some(span) = self.spans.get_mut(dropped) {
                span.until = Some(commit.seq);
            }
        }
        for added in &commit.add {
            let full = self.spans.len() >= MAX_REMEMBERED;
            match self.spans.get_mut(added) {
                // Removed and added in one commit: it was a member before and is one after.
                Some(span) if commit.drop.contains(added) => span.until = None,
                Some(span) if span.until.is_none() => {}
                Some(span) => {
                    *span = Span {
                        from: commit.seq,
                        until: None,
                    };
                }
                None if full => {}
                None => {
                    let span = Span {
                        from: commit.seq,
                        until: None,
                    };
                    self.spans.insert(*added, span);
                }
            }
        }
    }

    /// Forgets whoever was removed up to `seq`.
    pub(crate) fn forget_until(&mut self, seq: u64) {
        self.spans.retain(|_, span| span.until.is_none_or(|until| until > seq));
    }
}
