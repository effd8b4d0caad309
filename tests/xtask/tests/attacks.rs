//! Holds the table of attacks in `docs/threat-model.md` against the tests, both ways: each row names at least one and every one that is named exists; every
//! test of a file of attacks stands in a row, and one that carries an attack's id stands in that attack's row.
//!
//! Does not run them, and does not judge whether a test is what its row says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold what others wrote or what is built.
const NOT_OURS: &[&str] = &["target", "node_modules", "generated", "dist", ".git"];

/// Files that hold attacks and nothing else.
const ATTACKS: &[&str] = &["client-web/core/tests/cheats", "client-web/core/src/call/cheats.rs"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every source of tests, as text.
fn sources(folder: &Path, into: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
        if path.is_dir() {
            if !NOT_OURS.contains(&name.as_str()) {
                sources(&path, into);
            }
        } else if [".rs", ".ts", ".tsx", ".mjs"].iter().any(|ext| name.ends_with(ext)) {
            into.push(fs::read_to_string(&path).unwrap());
        }
    }
}

/// Names of the tests in a Rust source.
fn tests_in(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some((_, rest)) = line
            .split_once("fn ")
            .filter(|(before, _)| is_test && !before.contains('"'))
        {
            names.extend(rest.split('(').next());
            is_test = false;
        }
    }
    names
}

/// The attack whose id a test carries: `b5_somebody_does_it` is of `B5`.
fn attack_of(test: &str) -> Option<String> {
    let (id, _) = test.split_once('_')?;
    let number = id.strip_prefix(['a', 'b', 'c', 'd'])?;
    let is_id = (1..=2).contains(&number.len()) && number.chars().all(|c| c.is_ascii_digit());
    is_id.then(|| id.to_uppercase())
}

/// What stands between backticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// Attack → names of tests, from the page.
fn table(page: &str) -> BTreeMap<String, Vec<String>> {
    let lines = page.lines().filter_map(|line| line.strip_prefix("| "));
    let rows = lines.filter_map(|line| {
        let mut cells = line.split('|').map(str::trim);
        let id = cells.next()?;
        let is_id =
            id.len() <= 3 && id.starts_with(['A', 'B', 'C', 'D']) && id[1..].chars().all(|c| c.is_ascii_digit());
        let tests = cells.nth(1)?;
        is_id.then(|| (id.to_owned(), quoted(tests).into_iter().map(str::to_owned).collect()))
    });
    rows.filter(|(id, _)| id.len() > 1).collect()
}

#[test]
fn every_attack_of_the_page_has_its_tests() {
    let page = fs::read_to_string(root().join("docs/threat-model.md")).unwrap();
    let table = table(&page);
    assert!(table.len() >= 15, "the table was not found");
    let mut all = Vec::new();
    sources(&root(), &mut all);
    let mut missing = Vec::new();
    for (id, tests) in &table {
        if tests.is_empty() {
            missing.push(format!("{id}: no test"));
        }
        for test in tests {
            let (rust, script) = (format!("fn {test}("), format!("('{test}'"));
            if !all.iter().any(|text| text.contains(&rust) || text.contains(&script)) {
                missing.push(format!("{id}: {test}"));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "docs/threat-model.md names tests that are not there: {missing:#?}"
    );
}

#[test]
fn every_attack_among_the_tests_stands_on_the_page() {
    let page = fs::read_to_string(root().join("docs/threat-model.md")).unwrap();
    let table = table(&page);
    let named: BTreeSet<&str> = table.values().flatten().map(String::as_str).collect();
    let mut wrong = Vec::new();

    let mut cheats = Vec::new();
    for place in ATTACKS.iter().map(|place| root().join(place)) {
        if place.is_dir() {
            sources(&place, &mut cheats);
        } else {
            cheats.push(fs::read_to_string(place).unwrap());
        }
    }
    let cheats: Vec<&str> = cheats.iter().flat_map(|text| tests_in(text)).collect();
    assert!(cheats.len() >= 15, "the files of attacks were not found");
    wrong.extend(
        cheats
            .iter()
            .filter(|test| !named.contains(**test))
            .map(|test| format!("in no row: {test}")),
    );

    let mut all = Vec::new();
    sources(&root(), &mut all);
    for test in all.iter().flat_map(|text| tests_in(text)) {
        let Some(id) = attack_of(test) else { continue };
        if !table.get(&id).is_some_and(|row| row.iter().any(|name| name == test)) {
            wrong.push(format!("not in the row of {id}: {test}"));
        }
    }
    for (id, row) in &table {
        if row.iter().collect::<BTreeSet<_>>().len() < row.len() {
            wrong.push(format!("{id} names a test twice"));
        }
    }
    assert!(
        wrong.is_empty(),
        "docs/threat-model.md and the tests differ: {wrong:#?}"
    );
}

#[test]
fn tests_and_their_attacks_are_read_from_a_source() {
    let text =
        "#[test]\nfn b5_a() {\n}\nfn b6_not_a_test() {}\n#[tokio::test(flavor = \"x\")]\nasync fn c() -> Outcome {\n";
    assert_eq!(tests_in(text), ["b5_a", "c"]);
    let ids = ["b5_a", "a13_x", "c", "a_b", "b123_x", "mem_001"].map(attack_of);
    assert_eq!(ids, [Some("B5".into()), Some("A13".into()), None, None, None, None]);
}
