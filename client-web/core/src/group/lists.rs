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
    include_str!("order_attacks.rs"),
    include_str!("orders.rs"),
    include_str!("policy.rs"),
    include_str!("proposal_attacks.rs"),
    include_str!("relink.rs"),
    include_str!("role_attacks.rs"),
    include_str!("rules.rs"),
    include_str!("rules_attacks.rs"),
    include_str!("welcome.rs"),
    include_str!("../call/card.rs"),
    include_str!("../call/roster/arrivals.rs"),
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

/// The places of `mark` with these digits, each with what stands before it on its own line and the few above, and what follows up to the end of its function.
fn around<'a>(text: &'a str, mark: &'a str) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
    text.match_indices(mark).filter_map(move |(at, _)| {
        let (before, rest) = (&text[..at], &text[at + mark.len()..]);
        let above = before.rmatch_indices('\n').nth(LINES_ABOVE).map_or(0, |(at, _)| at);
        let ends = ["\n}\n", "\n    }\n"].iter().filter_map(|end| rest.find(end)).min();
        let digits = rest
            .get(..3)
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
        Some((digits, &before[above..], &rest[..ends.unwrap_or(rest.len())]))
    })
}

/// A demand spreads over no more lines than this.
const LINES_ABOVE: usize = 5;

/// The rule's name in code.
fn named(digits: &str) -> Option<String> {
    let rule = PolicyFault::ALL.iter().find(|f| f.id().get(4..) == Some(digits))?;
    Some(format!("PolicyFault::{rule:?}"))
}

/// That the numbers are there says little if they stand at something else.
#[test]
fn an_id_stands_where_its_own_rule_is_demanded_and_names_the_test_that_switches_that_one_off() {
    let mut wrong = Vec::new();
    for text in SOURCES {
        for (digits, above, _) in around(text, "// MEM-") {
            if !named(digits).is_some_and(|rule| above.contains(&rule)) {
                wrong.push(format!("// MEM-{digits} stands beside another rule"));
            }
        }
        for (digits, _, body) in around(text, "fn mem_") {
            if !named(digits).is_some_and(|rule| body.contains(&rule) && body.contains("stopped_by")) {
                wrong.push(format!("mem_{digits} switches another rule off"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
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
