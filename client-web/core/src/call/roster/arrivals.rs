//! The list follows the tree: who came, who went, and who is back.
//!
//! Does not judge a commit: `group` did. SECURITY: nobody is shown as back without a proof.

use std::collections::BTreeMap;

use conclave_protocol::ids::{CallId, MemberId};

use super::{Entry, Roster};
use crate::group::{Leaf, PolicyFault, demand, verify_resume};
use crate::io::DepartReason;
use crate::limits::{GONE_KEPT_MS, MAX_REMEMBERED, REMEMBER_MS};

/// Somebody came or went.
pub(crate) enum Change {
    Arrived { name: String },
    Returned { name: String },
    Departed { name: String, reason: DepartReason },
}

/// What is kept of somebody who fell silent.
pub(super) struct Remembered {
    pub(super) key: [u8; 32],
    order: u64,
    pub(super) since: u64,
}

impl Roster {
    /// Follows the tree. `first` is the picture at joining: nobody of it "arrives". `removed`: leaves that the commit removed; who is still there was added anew.
    pub(crate) fn follow(
        &mut self,
        now: u64,
        call: &CallId,
        leaves: Vec<Leaf>,
        removed: &[u32],
        first: bool,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        let present: BTreeMap<MemberId, Leaf> = leaves.into_iter().map(|l| (l.data.member_id, l)).collect();
        let remembered = &mut self.remembered;
        remembered.retain(|_, r| now.saturating_sub(r.since) < REMEMBER_MS);
        let gone = &mut self.gone;
        gone.retain(|_, since| now.saturating_sub(*since) < GONE_KEPT_MS);
        self.entries.retain(|id, entry| {
            let stays = present.contains_key(id);
            if present.get(id).is_none_or(|leaf| leaf.key != entry.key) {
                gone.insert(entry.key, now);
            }
            if !stays && !entry.leaving {
                // SECURITY: whoever said goodbye is not remembered; their key opens no way back.
                let gone = Remembered {
                    key: entry.key,
                    order: entry.order,
                    since: now,
                };
                remembered.insert(*id, gone);
            }
            if !stays {
                let reason = match (entry.leaving, entry.lost) {
                    (true, _) => DepartReason::Left,
                    (false, true) => DepartReason::LostConnection,
                    (false, false) => DepartReason::Removed,
                };
                // Whoever said goodbye was announced then.
                if !entry.leaving {
                    changes.push(Change::Departed {
                        name: entry.name.clone(),
                        reason,
                    });
                }
            }
            stays
        });
        let mut fresh: Vec<Leaf> = Vec::new();
        for (id, leaf) in present {
            match self.entries.get_mut(&id) {
                Some(entry) if removed.contains(&entry.leaf) => changes.extend(entry.added_anew(now, leaf)),
                Some(entry) => entry.leaf = leaf.index,
                None => fresh.push(leaf),
            }
        }
        fresh.sort_by_key(|l| l.index);
        for leaf in fresh {
            let back = self.remembered.remove(&leaf.data.member_id).filter(|r| {
                let (id, proof) = (&leaf.data.member_id, leaf.data.resume);
                let proven = proof.is_some_and(|proof| verify_resume(&r.key, call, id, &leaf.key, &proof));
                demand(PolicyFault::ShownAsBack, proven).is_ok() // MEM-044
            });
            let order = back.as_ref().map_or(self.next_order, |r| r.order);
            self.next_order = self.next_order.max(order + 1);
            let entry = Entry::new(now, leaf, order);
            if !first && entry.data.member_id != self.own {
                let name = entry.name.clone();
                // SECURITY: without a good proof somebody under an id of before is a stranger.
                changes.push(match back {
                    Some(_) => Change::Returned { name },
                    None => Change::Arrived { name },
                });
            }
            self.entries.insert(entry.data.member_id, entry);
        }
        while self.remembered.len() > MAX_REMEMBERED {
            let oldest = self.remembered.iter().min_by_key(|(_, r)| r.since).map(|(id, _)| *id);
            let Some(oldest) = oldest else { break };
            self.remembered.remove(&oldest);
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use conclave_protocol::ids::TransportId;

    use super::*;
    use crate::group::off::stopped_by;
    use crate::group::{LeafData, LeafKey, prove_resume};

    fn leaf(n: u8, key: u8) -> Leaf {
        Leaf {
            index: u32::from(n),
            key: LeafKey::from_seed(&[key; 32]).public(),
            data: LeafData::plain(
                MemberId::from_bytes([n; 16]),
                TransportId::from_bytes([n; 16]),
                "somebody".to_owned(),
                0,
            ),
        }
    }

    /// Member 2 falls silent, is removed, and a leaf with key 9 comes under its id; gives whether it is shown as being back.
    fn shown_as_back(call: &CallId, proof: Option<[u8; 64]>) -> bool {
        let mut roster = Roster::new(MemberId::from_bytes([1; 16]));
        roster.follow(0, call, vec![leaf(1, 1), leaf(2, 2)], &[], true);
        roster.follow(1, call, vec![leaf(1, 1)], &[2], false);
        let mut heir = leaf(2, 9);
        heir.data.resume = proof;
        let changes = roster.follow(2, call, vec![leaf(1, 1), heir], &[], false);
        matches!(changes.as_slice(), [Change::Returned { .. }])
    }

    #[test]
    fn mem_044_only_who_proves_it_is_shown_as_being_back() {
        let call = CallId::from_bytes([7; 16]);
        let (id, new) = (MemberId::from_bytes([2; 16]), leaf(2, 9).key);
        let by = |seed| prove_resume(&LeafKey::from_seed(&[seed; 32]), &call, &id, &new);
        assert!(shown_as_back(&call, Some(by(2))));
        for proof in [None, Some(by(3))] {
            stopped_by(PolicyFault::ShownAsBack, || shown_as_back(&call, proof));
        }
    }
}
