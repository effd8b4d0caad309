//! Holds the table of attacks in `docs/threat-model.md` against the tests: each row names at least one, and every one that is named exists.
//!
//! Does not run them, and does not find tests that no row names.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold what others wrote or what is built.
const NOT_OURS: &[&str] = &["target", "node_modules", "generated", "dist", ".git"];

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
