//! The tree of files: documents that name paths, leftovers that must not be committed, files that grew too long.
//!
//! Reads what git tracks, plus what would be tracked by the next commit; ignored files are nobody's business.

use std::collections::BTreeSet;
use std::path::Path;

use crate::place::Place;
use crate::run::{Result, Show, Task};
use crate::tally::Tally;

/// Lines of one file, above which it is reported, and above which the step fails: style, "Files".
const LONG: usize = 500;
const TOO_LONG: usize = 800;

/// Whole words of code that mean "unfinished" or "switched off". Spelled in halves, so that this file is clean.
const LEFTOVERS: [&str; 9] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("#[ign", "ore"),
    concat!("dbg", "!("),
    concat!("@ts-", "ignore"),
    concat!("test.on", "ly("),
    concat!("it.sk", "ip("),
];

/// Directories of one person's machine.
const MACHINES: [&str; 4] = [
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("/wo", "rk/"),
];

/// Folders that exist only after a build; documents may name them.
const MADE: [&str; 4] = [
    "client-web/dist",
    "client-web/src/generated",
    "client-web/node_modules",
    "tests/browser/node_modules",
];

/// The step `tree`.
pub fn check(place: &Place) -> Result<Tally> {
    let arguments = ["ls-files", "--cached", "--others", "--exclude-standard"];
    let listed = Task::new("tree", "git", &place.root)
        .args(arguments)
        .show(Show::OnFailure)
        .run()?;
    let files: BTreeSet<&str> = listed.lines().filter(|file| place.root.join(file).is_file()).collect();
    let top: BTreeSet<&str> = files
        .iter()
        .filter_map(|file| file.split_once('/'))
        .map(|(top, _)| top)
        .collect();

    let mut faults = [Vec::new(), Vec::new(), Vec::new()];
    for file in &files {
        let Ok(text) = std::fs::read_to_string(place.root.join(file)) else {
            continue;
        };
        let folder = Path::new(file).parent().unwrap_or(Path::new(""));
        if file.ends_with(".md") {
            for named in named_paths(&text, &top) {
                let here = place.root.join(folder).join(&named);
                if !place.root.join(&named).exists()
                    && !here.exists()
                    && !MADE.iter().any(|made| named.starts_with(made))
                {
                    faults[0].push(format!("{file} names {named}, which does not exist"));
                }
            }
        }
        if !file.ends_with(".lock") && !file.ends_with("package-lock.json") {
            for (number, line) in text.lines().enumerate() {
                if let Some(what) = leftover(line, file) {
                    faults[1].push(format!("{file}:{}: {what}", number + 1));
                }
            }
        }
        let lines = code_lines(&text);
        if [".rs", ".ts", ".tsx", ".css", ".mjs"]
            .iter()
            .any(|end| file.ends_with(end))
            && lines > LONG
        {
            println!("[tree] {file} has {lines} lines without its tests: is it one idea?");
            if lines > TOO_LONG {
                faults[2].push(format!("{file} has {lines} lines, more than {TOO_LONG}"));
            }
        }
    }
    let mut tally = Tally::default();
    for faults in faults {
        for fault in &faults {
            println!("[tree] {fault}");
        }
        if faults.is_empty() {
            tally.passed += 1
        } else {
            tally.failed += 1
        }
    }
    Ok(tally)
}

/// What a document names as a path of this repository: targets of links, and code in backticks that starts with one of
/// the top folders. Patterns, commands, addresses and anchors are not paths.
fn named_paths(text: &str, top: &BTreeSet<&str>) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for quoted in text.split('`').skip(1).step_by(2) {
        let path = quoted.trim_end_matches(['.', '/']).trim_start_matches("./");
        let plain = path.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c));
        if plain && path.split_once('/').is_some_and(|(first, _)| top.contains(first)) {
            paths.insert(path.to_owned());
        }
    }
    for target in text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', '#', ' ']).next())
    {
        if !target.is_empty() && !target.contains(':') {
            paths.insert(target.to_owned());
        }
    }
    paths
}

fn leftover(line: &str, file: &str) -> Option<&'static str> {
    let prose = file.ends_with(".md");
    let in_code = || LEFTOVERS.into_iter().find(|word| line.contains(word));
    let path = MACHINES.into_iter().find(|path| line.contains(path));
    path.or_else(|| if prose { None } else { in_code() })
}

/// Lines before the tests that close a Rust file. Tests in a file of their own close nothing.
fn code_lines(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let closes = |pair: &[&str]| matches!(pair, [cfg, module] if cfg.trim() == "#[cfg(test)]" && module.ends_with('{'));
    lines.windows(2).position(closes).unwrap_or(lines.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_in_documents_are_found() {
        let top = BTreeSet::from(["server", "docs"]);
        let text = "See `server/rooms/src/lib.rs`, [a page](docs/a.md#part), `docs/*.md`, `a/b`, [x](https://x.org/y), `./x test`.";
        let found: Vec<String> = named_paths(text, &top).into_iter().collect();
        assert_eq!(found, ["docs/a.md", "server/rooms/src/lib.rs"]);
    }

    #[test]
    fn leftovers_are_found_in_code_and_machine_paths_everywhere() {
        let word = LEFTOVERS[0];
        assert!(leftover(&format!("// {word}: later"), "a.rs").is_some());
        assert!(leftover(&format!("{word} is a word"), "a.md").is_none());
        assert!(leftover(&format!("see {}me", MACHINES[0]), "a.md").is_some());
        assert!(leftover("plain", "a.rs").is_none());
    }

    #[test]
    fn tests_do_not_count_as_length() {
        assert_eq!(code_lines("a\nb\n#[cfg(test)]\nmod tests {\n}\n"), 2);
        assert_eq!(code_lines("#[cfg(test)]\nmod tests;\nb\n"), 3);
    }
}
