//! Taking a place back: who may, and what a member does that could not read a commit.
//!
//! Does not make commits. A member that lost its state comes with a fresh leaf and a proof by the old one's key; whoever shows neither is a
//! newcomer, and nobody at all under an id that somebody has or had. SPEC: protocol.md §2, "No external commits, no stored GroupInfo".

use conclave_protocol::envelope::{ClearPart, Envelope};
use conclave_protocol::ids::MemberId;

use super::inside::{Inside, Turn};
use super::knock::{self, Door, Waiting};
use super::log::Log;
use super::newcomer::Joined;
use super::roster::Roster;
use super::shared::Shared;
use crate::error::CoreError;
use crate::group::{Identity, Keyring, PolicyFault, demand};
use crate::limits::{LEFT_BEHIND_MS, WELCOME_LATE_MS};

/// What becomes of somebody who knocked.
pub(super) enum Admission {
    /// May be added from this time on.
    At(u64),
    /// Says that it was left behind in an epoch that this member has not left either.
    NotYet,
    /// Not under this id, this transport or this proof.
    Never,
}

/// A member that could not read a commit has asked the others to add it anew, and stays in its epoch meanwhile.
pub(super) struct Asking {
    keyring: Keyring,
    identity: Identity,
    pub(super) until: u64,
    answer: Answer,
}

/// What has come of it.
#[derive(PartialEq, Eq)]
enum Answer {
    /// Nothing yet: whether the others moved on is not known.
    Awaited,
    /// The others have taken the old leaf out; the welcome to the new one is on its way.
    Moved,
    /// Nothing in time, so the commit is taken to have been void for all. They may have answered nevertheless, and then only this leaf has a place.
    Late,
}

impl Asking {
    /// The old leaf is gone.
    pub(super) fn moved(&mut self, now: u64) {
        (self.answer, self.until) = (Answer::Moved, now + LEFT_BEHIND_MS);
    }

    /// The leaf that was asked for: it has the place if the others added it, and proves it by the old one's key if they did not.
    pub(super) fn into_heir(self) -> (Keyring, Identity) {
        (self.keyring, self.identity)
    }
}

/// What becomes of a knock, by what this member knows of everybody, in its epoch.
///
/// SECURITY: under the id of a member, or of one that was removed for their silence, is added only who holds that leaf's key or a proof by it;
/// whoever said goodbye has no place to come back to; and a proof that nobody can check counts for nothing.
pub(super) fn admission(now: u64, roster: &Roster, (epoch, log): (u64, &Log), waiting: &Waiting) -> Admission {
    judge(now, roster, (epoch, log), waiting).unwrap_or(Admission::Never)
}

fn judge(now: u64, roster: &Roster, (epoch, log): (u64, &Log), waiting: &Waiting) -> Result<Admission, PolicyFault> {
    let (id, transport) = (&waiting.data.member_id, &waiting.data.transport_id);
    // A transport that is another's would make the commit void for everyone.
    let taken = roster.has_transport(transport, Some(id));
    let Some(entry) = roster.entry(id) else {
        // SECURITY: a server can bring up the knock of somebody who is gone, as long as its lobby key is kept.
        let was_here = waiting.leaf_key().is_some_and(|key| roster.was_here(&key));
        demand(PolicyFault::LeafWasHere, !was_here)?; // MEM-059
        let known = roster.remembered_key(now, id);
        demand(
            PolicyFault::PlaceNotProven,
            known.is_none() || waiting.proven_by == known,
        )?; // MEM-040
        demand(
            PolicyFault::ProofUnknown,
            known.is_some() || waiting.data.resume.is_none(),
        )?; // MEM-041
        return Ok(if taken { Admission::Never } else { Admission::At(0) });
    };
    demand(PolicyFault::PlaceLeft, !entry.leaving)?; // MEM-042
    if taken || *id == roster.own() {
        return Ok(Admission::Never);
    }
    if waiting.signed_by(&entry.key) {
        // Added already under this very leaf: only if they were never heard since.
        let again = roster.readd_at(id).filter(|_| waiting.at > entry.added_at());
        return Ok(again.map_or(Admission::Never, Admission::At));
    }
    // Whoever is added without a good proof under a member's id makes a commit that all call void: MEM-012.
    Ok(match waiting.behind {
        _ if waiting.proven_by != Some(entry.key) => Admission::Never,
        Some((_, seq)) if log.was_void(seq) => Admission::Never,
        Some((behind, _)) if behind >= epoch => Admission::NotYet,
        _ => Admission::At(0),
    })
}

impl Inside {
    /// Members who have shown that they lost their state, or were left behind in an epoch that is over, and wait to be added anew.
    pub(super) fn stateless(&self) -> impl Iterator<Item = MemberId> + '_ {
        let epoch = self.group.epoch();
        self.lobby
            .waiting
            .iter()
            .filter(move |w| {
                let is_over = |(behind, seq)| behind < epoch && !self.log.was_void(seq);
                w.behind.is_none_or(is_over)
                    && self
                        .roster
                        .entry(&w.data.member_id)
                        .is_some_and(|e| w.proven_by == Some(e.key))
            })
            .map(|w| w.data.member_id)
    }

    /// Knocks at this member's own call: others that read the commit are an epoch ahead, and still open what is sealed to this one.
    pub(super) fn ask_to_be_readded(&mut self, now: u64, seq: u64, s: &mut Shared) {
        if self.is_undecided() {
            return;
        }
        // If it cannot be asked, later words of the others will show that they moved on.
        if let Ok(asking) = self.ask(now, seq, s) {
            self.asking = Some(asking);
        }
    }

    /// Whether it is open if this member's epoch is still that of the others. It then says nothing of where it stands, and commits nothing: it would be alone with that.
    pub(super) fn is_undecided(&self) -> bool {
        self.asking.as_ref().is_some_and(|a| a.answer != Answer::Late)
    }

    fn ask(&mut self, now: u64, seq: u64, s: &mut Shared) -> Result<Asking, CoreError> {
        let (keyring, mut identity) = match self.asking.take() {
            // The others may have that leaf by now, and then take no other.
            Some(before) => before.into_heir(),
            None => (
                s.keyring()?,
                s.heir(&self.call, self.roster.own(), &self.group.identity().key),
            ),
        };
        let package = keyring.key_package(&mut identity, self.call)?;
        let door = Door {
            epoch: self.group.epoch(),
            lobby_key: self.lobby.public().ok_or(CoreError::NoGroup)?,
            behind: Some(seq),
        };
        let body = knock::seal(&keyring, &s.room, &self.call, &door, package)?;
        s.send_envelope(ClearPart::knock(self.call), &body)?;
        Ok(Asking {
            keyring,
            identity,
            until: now + LEFT_BEHIND_MS,
            answer: Answer::Awaited,
        })
    }

    /// Nobody welcomed this member in time: the commit was void for all, or their words will say otherwise. If the leaf was replaced and only
    /// the welcome is missing, the new leaf's key gets another.
    pub(super) fn stop_asking(&mut self, now: u64, s: &mut Shared) -> Turn {
        let Some(asking) = self.asking.as_mut().filter(|a| now >= a.until) else {
            return Turn::Stay;
        };
        match asking.answer {
            Answer::Moved => return Turn::TakeBack,
            Answer::Awaited => {
                (asking.answer, asking.until) = (Answer::Late, now + WELCOME_LATE_MS);
                self.prove(now, s);
            }
            Answer::Late => self.asking = None,
        }
        Turn::Stay
    }

    /// A welcome to this member's own call.
    pub(super) fn welcome(&mut self, seq: u64, envelope: &Envelope, s: &mut Shared) -> Turn {
        // SECURITY: a server can send this member anything. Whatever is not from the room ends nothing.
        let Ok(body) = s.open(envelope) else { return Turn::Stay };
        let Some(asking) = self.asking.take() else {
            return Turn::Stay;
        };
        let Asking {
            keyring,
            identity,
            until,
            answer,
        } = asking;
        match keyring.join(identity, self.call, &body) {
            Ok(group) => Turn::Readded(Box::new(Joined {
                group,
                seq,
                resumed: true,
                early: Vec::new(),
            })),
            Err(back) => {
                let (keyring, identity, _) = *back;
                self.asking = Some(Asking {
                    keyring,
                    identity,
                    until,
                    answer,
                });
                Turn::Stay
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use conclave_protocol::ids::{CallId, RoomFp, TransportId};
    use conclave_protocol::keys::Psk;

    use super::super::roster::Change;
    use super::*;
    use crate::group::off::{stopped_by, stopped_by_one_of};
    use crate::group::{Leaf, LeafData, LeafKey, RoomBinding, prove_resume};
    use crate::limits::REMEMBER_MS;

    const CALL: [u8; 16] = [7; 16];

    fn member(n: u8) -> MemberId {
        MemberId::from_bytes([n; 16])
    }

    fn identity(n: u8, key: u8) -> Identity {
        let data = LeafData::plain(member(n), TransportId::from_bytes([n; 16]), "somebody".to_owned(), 0b11);
        Identity::plain(LeafKey::from_seed(&[key; 32]), data)
    }

    fn leaf(n: u8) -> Leaf {
        let identity = identity(n, n);
        Leaf {
            index: u32::from(n),
            key: identity.key.public(),
            data: identity.data,
        }
    }

    /// Member 1's view of a call with 2, whose leaf key is made of 2.
    fn roster() -> Roster {
        let mut roster = Roster::new(member(1));
        let call = CallId::from_bytes(CALL);
        roster.follow(0, &call, vec![leaf(1), leaf(2)], &[], true);
        roster
    }

    fn without_2(mut roster: Roster) -> Roster {
        roster.follow(1_000, &CallId::from_bytes(CALL), vec![leaf(1)], &[2], false);
        roster
    }

    /// A knock under the id of 2 with leaf key 9, and a proof for it by `prover` in `call`.
    fn knock(roster: &Roster, prover: Option<u8>, call: [u8; 16], behind: Option<(u64, u64)>) -> Waiting {
        let mut heir = identity(2, 9);
        heir.data.resume = prover.map(|seed| {
            let old = LeafKey::from_seed(&[seed; 32]);
            prove_resume(&old, &CallId::from_bytes(call), &member(2), &heir.key.public())
        });
        let room = RoomBinding {
            room_fp: RoomFp::from_bytes([1; 16]),
            generation: 0,
            sheet: None,
        };
        let ring = Keyring::new(room, &Psk::from_bytes([1; 32])).unwrap();
        let package = ring
            .read_key_package(&ring.key_package(&mut heir, CallId::from_bytes(CALL)).unwrap())
            .unwrap();
        let known = roster.key_of(1_000, &member(2));
        Waiting::new(1_000, &CallId::from_bytes(CALL), package, known, behind)
    }

    fn let_in(roster: &Roster, waiting: &Waiting) -> bool {
        matches!(admission(1_000, roster, (5, &Log::new(9)), waiting), Admission::At(_))
    }

    #[test]
    fn whoever_proves_their_place_is_let_in_at_once() {
        let roster = roster();
        assert!(let_in(&roster, &knock(&roster, Some(2), CALL, None)));
        for (prover, call) in [(None, CALL), (Some(3), CALL), (Some(2), [8; 16])] {
            assert!(!let_in(&roster, &knock(&roster, prover, call, None)));
        }
        // Left behind by the commit of sequence 10: in the epoch before this one; in this one; or it was void here, too.
        let mut log = Log::new(9);
        assert!(let_in(&roster, &knock(&roster, Some(2), CALL, Some((4, 10)))));
        let here = knock(&roster, Some(2), CALL, Some((5, 10)));
        assert!(matches!(admission(1_000, &roster, (5, &log), &here), Admission::NotYet));
        log.advance(&mut std::collections::VecDeque::new());
        for epoch in [5, 6] {
            assert!(matches!(
                admission(1_000, &roster, (epoch, &log), &here),
                Admission::Never
            ));
        }
    }

    #[test]
    fn mem_040_a_place_of_before_needs_its_key() {
        let gone = without_2(roster());
        assert!(let_in(&gone, &knock(&gone, Some(2), CALL, None)), "the control");
        for (prover, call) in [(None, CALL), (Some(3), CALL), (Some(2), [8; 16])] {
            stopped_by(PolicyFault::PlaceNotProven, || {
                let_in(&gone, &knock(&gone, prover, call, None))
            });
        }
    }

    #[test]
    fn mem_041_a_proof_that_nobody_can_check_opens_nothing() {
        let gone = without_2(roster());
        let late = 1_000 + REMEMBER_MS;
        stopped_by(PolicyFault::ProofUnknown, || {
            let waiting = knock(&gone, Some(2), CALL, None);
            matches!(admission(late, &gone, (5, &Log::new(9)), &waiting), Admission::At(_))
        });
        // And so for whoever left by a signed leave: their key is not remembered.
        let mut leaving = roster();
        assert!(leaving.leaves(&member(2)).is_some());
        let left = without_2(leaving);
        stopped_by(PolicyFault::ProofUnknown, || {
            let_in(&left, &knock(&left, Some(2), CALL, None))
        });
    }

    #[test]
    fn mem_059_a_leaf_that_went_does_not_come_again() {
        let mut leaving = roster();
        assert!(leaving.leaves(&member(2)).is_some());
        let left = without_2(leaving);
        let knock_of_before = || {
            let room = RoomBinding {
                room_fp: RoomFp::from_bytes([1; 16]),
                generation: 0,
                sheet: None,
            };
            let ring = Keyring::new(room, &Psk::from_bytes([1; 32])).unwrap();
            let call = CallId::from_bytes(CALL);
            let package = ring.key_package(&mut identity(2, 2), call).unwrap();
            Waiting::new(1_000, &call, ring.read_key_package(&package).unwrap(), None, None)
        };
        stopped_by(PolicyFault::LeafWasHere, || let_in(&left, &knock_of_before()));
        // Nor does that of somebody who was told to go; and whoever was removed as silent needs a proof besides.
        let mut expelled = without_2(roster());
        stopped_by_one_of(PolicyFault::LeafWasHere, &[PolicyFault::PlaceNotProven], || {
            let_in(&expelled, &knock_of_before())
        });
        expelled.forget_places(&[member(2)]);
        stopped_by(PolicyFault::LeafWasHere, || let_in(&expelled, &knock_of_before()));
    }

    #[test]
    fn whoever_comes_under_an_id_of_before_is_back_only_by_a_proof_for_this_call_and_member() {
        let (here, elsewhere) = (CallId::from_bytes(CALL), CallId::from_bytes([8; 16]));
        let old = LeafKey::from_seed(&[2; 32]);
        let is_back = |call: &CallId, of: u8| {
            let mut heir = leaf(2);
            heir.key = LeafKey::from_seed(&[9; 32]).public();
            heir.data.resume = Some(prove_resume(&old, call, &member(of), &heir.key));
            let changes = without_2(roster()).follow(2_000, &here, vec![leaf(1), heir], &[], false);
            matches!(changes.as_slice(), [Change::Returned { .. }])
        };
        assert!(is_back(&here, 2));
        stopped_by(PolicyFault::ShownAsBack, || is_back(&elsewhere, 2));
        stopped_by(PolicyFault::ShownAsBack, || is_back(&here, 3));
    }

    #[test]
    fn mem_042_whoever_left_is_not_taken_back() {
        let mut leaving = roster();
        assert!(leaving.leaves(&member(2)).is_some());
        stopped_by(PolicyFault::PlaceLeft, || {
            let_in(&leaving, &knock(&leaving, Some(2), CALL, None))
        });
    }
}
