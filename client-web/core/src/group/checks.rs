//! The rules of membership by their ids, and the one door through which each of them is enforced.
//!
//! Does not look at anything itself: the places that do call [`demand`] with what they found. `docs/protocol.md` lists every id with its meaning,
//! each has a test named after it that fails when that one check is off, and a test holds the three lists against each other.

use core::fmt;

macro_rules! rules {
    ($($(#[$doc:meta])* $id:literal $name:ident),* $(,)?) => {
        /// Which rule a commit, a Welcome, a leaf or a member's words break. Each is one check of `docs/protocol.md`.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum PolicyFault { $($(#[$doc])* $name),* }

        impl PolicyFault {
            /// All of them, in the order of their ids.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its id.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id),* }
            }
        }
    };
}

rules! {
    /// Only private messages reach the group library.
    "MEM-001" PublicMessage,
    /// Whoever commits is a member.
    "MEM-002" ForeignSender,
    /// A commit holds Adds, Removes, our pre-shared key and a change of the rules, nothing else.
    "MEM-003" ProposalType,
    /// Proposals stand in the commit itself.
    "MEM-004" ProposalByReference,
    /// The sequence that the committer signed is the log's.
    "MEM-005" BaseSequence,
    /// The drop list that the committer signed is exactly the removed leaves.
    "MEM-006" DropList,
    /// The drop list that the server was shown is exactly the removed leaves.
    "MEM-007" ShownDropList,
    /// An added leaf says who it is, strictly.
    "MEM-008" LeafData,
    /// An added leaf's credential names the same member as its data.
    "MEM-009" CredentialId,
    /// No two leaves have one member id.
    "MEM-010" MemberIdTaken,
    /// No two leaves have one transport id.
    "MEM-011" TransportIdTaken,
    /// Whoever is removed and added in one commit holds the same leaf key, or proves by it that the new one is theirs.
    "MEM-012" LeafTaken,
    /// A group has at most 250 members.
    "MEM-013" TooManyMembers,
    /// Every Add mixes in the link's secret.
    "MEM-014" AddWithoutLinkKey,
    /// No other pre-shared key is mixed in, and none without an Add.
    "MEM-015" ForeignKey,
    /// A committer renews its encryption key and nothing else of its leaf.
    "MEM-016" CommitterLeaf,
    /// A Welcome mixed in the link's secret, and nothing else.
    "MEM-017" WelcomeLinkKey,
    /// A Welcome is to the call at which this member knocked.
    "MEM-018" WelcomeCall,
    /// The group's extension names this room, generation and call.
    "MEM-019" GroupData,
    /// The group's extension is signed by whom it names.
    "MEM-020" GroupSignature,
    /// Every leaf of a joined tree says who it is, strictly.
    "MEM-021" WelcomeLeaf,
    /// No two leaves of a joined tree have one member or transport id.
    "MEM-022" WelcomeIdTwice,
    /// One's own leaf in a joined tree is the one that was sent.
    "MEM-023" OwnLeaf,
    /// A key package is of the one suite, and for one use.
    "MEM-024" KeyPackageSuite,
    /// Commits and proposals outside the log are not even decrypted.
    "MEM-025" HandshakeOutsideLog,
    /// Somebody leaves by the signature of their own leaf.
    "MEM-026" Farewell,
    /// A call card is signed by the leaf key that it shows, for this room and call.
    "MEM-027" CardSignature,
    /// A group's rules are a host's or moderator's word, or the open ones.
    "MEM-028" GroupAuthority,
    /// Every appointment in a joined group is a host's.
    "MEM-029" WelcomeAppointment,
    /// Where the room's sheet asks for a host, a group without a host's or moderator's word is not joined.
    "MEM-030" FoundedWithoutHost,
    /// What a group says of mandates is what the room's sheet says.
    "MEM-031" SheetOfGroup,
    /// A leaf has the role that its proof shows, in this leaf and call, by a mandate that counts.
    "MEM-032" RoleProof,
    /// A change of the rules leaves room, call and root as they are.
    "MEM-033" RulesOfAnother,
    /// A change of the rules has the next sequence.
    "MEM-034" RulesSequence,
    /// A change of the rules is signed by whom it names.
    "MEM-035" RulesSignature,
    /// A change of the rules is by a member who was host or moderator in the epoch before, and shows it.
    "MEM-036" RulesSigner,
    /// Every appointment in a change of the rules is a host's.
    "MEM-037" Appointment,
    /// Appointments, mandates, the end for all, and what concerns hosts and moderators is changed by hosts alone.
    "MEM-038" HostsAlone,
    /// Nothing else in the group's context changes.
    "MEM-039" ContextExtension,
    /// Somebody removed for their silence is added under their id only by a proof that is good under their leaf's key.
    "MEM-040" PlaceNotProven,
    /// A proof that cannot be checked opens nothing.
    "MEM-041" ProofUnknown,
    /// Whoever left by a signed leave is not taken back.
    "MEM-042" PlaceLeft,
    /// A joined tree has at most 250 members.
    "MEM-043" WelcomeTooMany,
    /// Whoever comes under the id of somebody removed is shown as them only by such a proof.
    "MEM-044" ShownAsBack,
    /// An order is signed by the leaf of the member that it names, for this room and call.
    "MEM-045" OrderSignature,
    /// An order is not older than 64 epochs (the word for silence: one), and not of an epoch to come.
    "MEM-046" OrderAge,
    /// Hosts and moderators admit.
    "MEM-047" AdmitRole,
    /// Hosts and moderators remove.
    "MEM-048" RemoveRole,
    /// Hosts and moderators are removed by hosts alone.
    "MEM-049" RemoveOfEqual,
    /// A leaf is removed by its own word, by order, for its silence, or to be added anew.
    "MEM-050" RemovalUnordered,
    /// Silence is vouched for by enough of those who stay.
    "MEM-051" SilenceVouched,
    /// A commit's orders open under its epoch's key and decode strictly.
    "MEM-052" OrdersSealed,
    /// Where newcomers have to ask, whoever has no role and no place was admitted.
    "MEM-053" AddUnadmitted,
    /// Nobody is added who was barred.
    "MEM-054" AddBarred,
    /// Nobody is judged by others' words while they are heard.
    "MEM-055" EchoOfHeard,
    /// Where somebody has a role, they alone ask for comparisons of the number.
    "MEM-056" CompareRole,
    /// A comparison is of the epoch that it names.
    "MEM-057" CompareEpoch,
    /// Without a role nobody asks for comparisons again and again.
    "MEM-058" CompareTooSoon,
    /// A leaf that was in the call and went does not come in again.
    "MEM-059" LeafWasHere,
    /// A change of the rules is written in its one way, within the limits of its lists.
    "MEM-060" RulesForm,
    /// So are the rules of a joined group.
    "MEM-061" WelcomeRules,
    /// A commit's authenticated data decode strictly.
    "MEM-062" CommitDataForm,
    /// Nobody joins a group before they have seen the room's sheet.
    "MEM-063" SheetUnseen,
    /// By appointment moderates the leaf that is named, or the one that took its place by a proof.
    "MEM-064" AppointedLeaf,
    /// An invite that an added leaf shows is a host's, counts, and is this leaf's.
    "MEM-070" InviteProof,
    /// Nobody is added by an invite that was taken back.
    "MEM-071" InviteRevoked,
    /// One seat for each invite.
    "MEM-072" InviteTaken,
    /// An invite in a joined tree is a host's, and its leaf's.
    "MEM-073" WelcomeInvite,
    /// And stands there once.
    "MEM-074" WelcomeInviteTwice,
    /// A new link comes with the next generation, and only with it.
    "MEM-075" LinkOfGeneration,
    /// Nobody comes or goes in the commit that changes the link.
    "MEM-076" LinkChangeAlone,
    /// A role on a call card is by a mandate that the room's sheet accepts, shown by the leaf that it names, in that call.
    "MEM-077" CardProof,
    /// The gate that the server was shown is the one that the commit makes.
    "MEM-080" NextGate,
    /// Whom the server was shown as added is exactly who is added.
    "MEM-081" ShownAdded,
    /// A commit is signed by the gate of the epoch that it ends.
    "MEM-082" GateSignature,
}

impl fmt::Display for PolicyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl core::error::Error for PolicyFault {}

/// Refuses unless the rule holds.
pub(crate) fn demand(rule: PolicyFault, holds: bool) -> Result<(), PolicyFault> {
    #[cfg(test)]
    let holds = holds || off::is_off(rule);
    if holds { Ok(()) } else { Err(rule) }
}

/// Rules that a test has switched off, to see that its attack is stopped by that rule and by nothing else.
#[cfg(test)]
pub(crate) mod off {
    use super::PolicyFault;
    use std::cell::RefCell;

    thread_local!(static OFF: RefCell<Vec<PolicyFault>> = const { RefCell::new(Vec::new()) });

    pub(super) fn is_off(rule: PolicyFault) -> bool {
        OFF.with_borrow(|off| off.contains(&rule))
    }

    fn without<T>(rules: &[PolicyFault], run: impl FnOnce() -> T) -> T {
        OFF.with_borrow_mut(|off| *off = rules.to_vec());
        let result = run();
        OFF.with_borrow_mut(Vec::clear);
        result
    }

    /// The attack (which says whether it went through) is stopped by `rule`, and by nothing else.
    pub(crate) fn stopped_by(rule: PolicyFault, attack: impl Fn() -> bool) {
        stopped_by_one_of(rule, &[], attack);
    }

    /// As [`stopped_by`], where `others` would stop it too: each of several locks on one door is tried with the others open.
    pub(crate) fn stopped_by_one_of(rule: PolicyFault, others: &[PolicyFault], attack: impl Fn() -> bool) {
        assert!(!without(others, &attack), "{rule}: the attack goes through");
        let all: Vec<PolicyFault> = others.iter().copied().chain([rule]).collect();
        assert!(
            without(&all, &attack),
            "{rule} is off and the attack still fails: this test does not show that the check is alive"
        );
    }
}
