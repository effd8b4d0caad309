//! Holds the lists of membership checks against each other: the protocol page, the ids, the places of enforcement, the tests.

use std::collections::BTreeSet;

use super::PolicyFault;

const PAGE: &str = include_str!("../../../../docs/protocol.md");

/// Every file that enforces a rule or attacks one.
const SOURCES: &[&str] = &[
    include_str!("commit.rs"),
    include_str!("commit_attacks.rs"),
    include_str!("invite_attacks.rs"),
    include_str!("invites.rs"),
    include_str!("gate.rs"),
    include_str!("gate_attacks.rs"),
    include_str!("join_attacks.rs"),
    include_str!("keyring.rs"),
    include_str!("leaf.rs"),
    include_str!("message.rs"),
    include_str!("mod.rs"),
    include_str!("orders.rs"),
    include_str!("policy.rs"),
    include_str!("relink.rs"),
    include_str!("role_attacks.rs"),
    include_str!("rules.rs"),
    include_str!("../call/card.rs"),
    include_str!("../call/roster.rs"),
    include_str!("../call/takeback.rs"),
    include_str!("../call/watch/apart.rs"),
    include_str!("../call/watch/compare.rs"),
    include_str!("../call/words.rs"),
];

/// The three digits after each place of `mark`.
fn numbers<'a>(text: &'a str, mark: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(mark)
        .skip(1)
        .filter_map(|rest| rest.get(..3))
        .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
}

fn in_sources(mark: &str) -> Vec<&str> {
    SOURCES.iter().flat_map(|text| numbers(text, mark)).collect()
}

#[test]
fn every_check_stands_on_the_page_in_the_code_and_in_a_test() {
    let ids: Vec<&str> = PolicyFault::ALL.iter().filter_map(|f| f.id().get(4..)).collect();
    let set: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), set.len(), "an id stands twice");
    let rows: Vec<&str> = numbers(PAGE, "\n| MEM-").collect();
    assert_eq!(rows, ids, "the table of docs/protocol.md and the code differ");
    let enforced: BTreeSet<&str> = in_sources("// MEM-").into_iter().collect();
    assert_eq!(enforced, set, "a check is not enforced, or not marked where it is");
    let mut tested = in_sources("fn mem_");
    tested.sort_unstable();
    let all: Vec<&str> = set.into_iter().collect();
    assert_eq!(tested, all, "a check without exactly one test of its name");
}
