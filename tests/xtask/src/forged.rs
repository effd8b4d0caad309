//! Lines that must not compile: proofs of a check that nobody made.
//!
//! A crate with proof types has files `forged.rs` with such lines, each marked with the error that it has to fail with. They are compiled once for each
//! kind of error (one kind can keep the compiler from coming to another), with the very module tree around them in which the proofs are made. All marked lines
//! have to fail, as they say, and nothing else: so a line cannot fail for another reason, and what surrounds it does compile. Each line counts as a test.
//!
//! `compile_fail` in documentation cannot do this: it is compiled outside the crate, where most of these types are out of sight, and it looks at the kind of
//! error in unstable compilers only.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::client::cargo;
use crate::place::Place;
use crate::run::{Failure, Result, Show, at};
use crate::tally::Tally;

const FORGED: [(&str, &[&str]); 2] = [
    ("conclave-rooms", &["server/rooms/src/forged.rs"]),
    (
        "conclave-core",
        &[
            "client-web/core/src/group/forged.rs",
            "client-web/core/src/call/forged.rs",
        ],
    ),
];

/// In front of an error's code, at the end of the line that has to fail with it.
const MARK: &str = "//~ ";

/// A file, a line in it, and the code of an error.
type Fails = BTreeSet<(String, u64, String)>;

/// The step `forged`.
pub fn check(place: &Place) -> Result<Tally> {
    let mut tally = Tally::default();
    for (name, files) in FORGED {
        let mut all = Fails::new();
        for file in files {
            let path = place.root.join(file);
            let lines = marked(file, &at(&path, std::fs::read_to_string(&path))?);
            if lines.is_empty() {
                return Err(Failure::new(format!("{file} has no line that must not compile")));
            }
            all.extend(lines);
        }
        let codes: BTreeSet<&String> = all.iter().map(|(_, _, code)| code).collect();
        for code in codes {
            let wanted: Fails = all.iter().filter(|(_, _, c)| c == code).cloned().collect();
            let with = format!("conclave_forge=\"{code}\"");
            let (_, output) = cargo(place, "forged", Show::Nothing)
                .args([
                    "rustc",
                    "--locked",
                    "--lib",
                    "--profile",
                    "check",
                    "--message-format",
                    "json",
                ])
                .args(["-p", name, "--", "--cfg", "conclave_forge", "--cfg", with.as_str()])
                .run_whatever()?;
            tally += compared(&wanted, &errors(&output));
        }
    }
    Ok(tally)
}

/// The lines that have to fail.
fn marked(file: &str, text: &str) -> Fails {
    let lines = (1..).zip(text.lines());
    let marks = lines.filter_map(|(number, line)| Some((number, line.split_once(MARK)?.1.trim())));
    marks
        .map(|(number, code)| (file.to_owned(), number, code.to_owned()))
        .collect()
}

/// Where the compiler says that something is wrong.
fn errors(output: &str) -> Fails {
    let messages = output
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut all = Fails::new();
    for message in messages.filter(|m| m["message"]["level"] == "error") {
        let code = message["message"]["code"]["code"].as_str().unwrap_or("no code");
        let spans = message["message"]["spans"].as_array().into_iter().flatten();
        for span in spans.filter(|span| span["is_primary"] == true) {
            let file = span["file_name"].as_str().unwrap_or_default();
            let line = span["line_start"].as_u64().unwrap_or_default();
            all.insert((file.to_owned(), line, code.to_owned()));
        }
    }
    all
}

fn compared(wanted: &Fails, found: &Fails) -> Tally {
    let mut tally = Tally::default();
    for (file, line, code) in wanted.union(found) {
        let one = (file.clone(), *line, code.clone());
        if wanted.contains(&one) && found.contains(&one) {
            tally.passed += 1;
            continue;
        }
        tally.failed += 1;
        tally.failures += &if wanted.contains(&one) {
            format!("{file}:{line} must not compile, and does not fail with {code}\n")
        } else {
            format!("{file}:{line} fails with {code}, which nobody expects\n")
        };
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "fn a() {\n    b(1); //~ E0308\n    c();\n}\n";

    fn says(level: &str, code: &str, line: u32) -> String {
        let spans = format!(
            r#"[{{"is_primary":true,"file_name":"f.rs","line_start":{line}}},{{"is_primary":false,"file_name":"f.rs","line_start":9}}]"#
        );
        format!(
            r#"{{"reason":"compiler-message","message":{{"level":"{level}","code":{{"code":"{code}"}},"spans":{spans}}}}}"#
        )
    }

    fn judged(output: &str) -> (u32, u32) {
        let tally = compared(&marked("f.rs", SOURCE), &errors(output));
        (tally.passed, tally.failed)
    }

    #[test]
    fn a_marked_line_fails_as_it_says_and_nothing_else_does() {
        let warned = says("warning", "unused", 3);
        let ended = r#"{"reason":"compiler-message","message":{"level":"error","code":null,"spans":[]}}"#;
        let good = format!("    Checking f\n{warned}\n{}\n{ended}\n", says("error", "E0308", 2));
        assert_eq!(judged(&good), (1, 0));
        assert_eq!(judged(""), (0, 1), "it compiles");
        assert_eq!(
            judged(&says("error", "E0433", 2)),
            (0, 2),
            "it fails for another reason"
        );
        assert_eq!(
            judged(&format!("{good}{}", says("error", "E0308", 3))),
            (1, 1),
            "something else fails"
        );
    }
}
