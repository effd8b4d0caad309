//! Counting what test runners report: cargo's, Vitest's, Node's.
//!
//! Numbers are taken from the runners' own closing lines; a runner that prints none counts as nothing passed. What
//! failed is kept too, as its runner told it, so that a run can say it again at its end.

use std::ops::AddAssign;

/// Tests that passed and failed.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub struct Tally {
    pub passed: u32,
    pub failed: u32,
    /// Switched off in the code. The house allows none, so a step with any of these fails.
    pub ignored: u32,
    /// The runner's own words on each failed test.
    pub failures: String,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
        self.failures += &other.failures;
    }
}

/// `test result: ok. 3 passed; 0 failed; 0 ignored; …`, once per test binary.
pub fn cargo(output: &str) -> Tally {
    let mut sum = Tally::default();
    for line in output
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("test result: "))
    {
        let counted = |word| number_before(line, word);
        sum += Tally {
            passed: counted("passed"),
            failed: counted("failed"),
            ignored: counted("ignored"),
            ..Tally::default()
        };
    }
    sum.failures = told(output, |line| line.starts_with("---- "), |line| line == "failures:");
    sum
}

/// `Tests  2 failed | 41 passed | 1 skipped (44)`, once per run.
pub fn vitest(output: &str) -> Tally {
    let mut sum = Tally::default();
    for line in output.lines() {
        let line = without_colours(line);
        if let Some(rest) = line.trim_start().strip_prefix("Tests ") {
            let counted = |word| number_before(rest, word);
            sum += Tally {
                passed: counted("passed"),
                failed: counted("failed"),
                ignored: counted("skipped") + counted("todo"),
                ..Tally::default()
            };
        }
    }
    let plain = without_colours(output);
    sum.failures = told(
        &plain,
        |line| line.contains(" FAIL "),
        |line| line.contains(" Test Files "),
    );
    sum
}

/// `ℹ pass 12`, `ℹ fail 0`, `ℹ skipped 0`, one line each.
pub fn node(output: &str) -> Tally {
    let mut sum = Tally::default();
    for line in output.lines() {
        let mut words = line.trim_start_matches(['ℹ', '#', ' ']).split_whitespace();
        if !line.starts_with(['ℹ', '#']) {
            continue;
        }
        if let (Some(word), Some(Ok(number)), None) = (words.next(), words.next().map(str::parse::<u32>), words.next())
        {
            match word {
                "pass" => sum.passed += number,
                "fail" | "cancelled" => sum.failed += number,
                "skipped" | "todo" => sum.ignored += number,
                _ => {}
            }
        }
    }
    sum.failures = told(output, |line| line == "✖ failing tests:", |_| false);
    sum
}

/// The lines from one that opens an account of failures to one that closes it.
fn told(output: &str, opens: fn(&str) -> bool, closes: fn(&str) -> bool) -> String {
    let mut inside = false;
    let mut text = String::new();
    for line in output.lines() {
        inside = opens(line) || inside && !closes(line);
        if inside {
            text += line;
            text.push('\n');
        }
    }
    text
}

fn number_before(line: &str, word: &str) -> u32 {
    let mut previous = None;
    for item in line
        .split(|c: char| !c.is_alphanumeric())
        .filter(|item| !item.is_empty())
    {
        if item == word {
            return previous.and_then(|number: &str| number.parse().ok()).unwrap_or(0);
        }
        previous = Some(item);
    }
    0
}

fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        if c == '\u{1b}' {
            // A colour is ESC [ … m.
            rest.by_ref().find(|c| *c == 'm');
        } else {
            plain.push(c);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_sums_all_binaries() {
        let output = "running 3 tests\ntest result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out\n\
                      test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s\n";
        assert_eq!(
            cargo(output),
            Tally {
                passed: 13,
                failed: 2,
                ignored: 1,
                ..Tally::default()
            }
        );
    }

    #[test]
    fn vitest_with_colours() {
        let output =
            " Test Files  2 passed (2)\n\u{1b}[2m      Tests \u{1b}[22m \u{1b}[1m2 failed\u{1b}[22m | 41 passed (43)\n";
        assert_eq!(
            vitest(output),
            Tally {
                passed: 41,
                failed: 2,
                ignored: 0,
                ..Tally::default()
            }
        );
    }

    #[test]
    fn node_counts_cancelled_as_failed() {
        let output = "✔ a test (3ms)\nℹ tests 5\nℹ pass 3\nℹ fail 1\nℹ cancelled 1\nℹ skipped 0\nℹ duration_ms 71.5\n";
        assert_eq!(
            node(output),
            Tally {
                passed: 3,
                failed: 2,
                ignored: 0,
                ..Tally::default()
            }
        );
    }

    #[test]
    fn what_failed_is_kept_in_the_runners_words() {
        let output = "test a ... ok\ntest b ... FAILED\n\nfailures:\n\n---- b stdout ----\nleft: 1\nright: 2\n\n\
                      failures:\n    b\n\ntest result: FAILED. 1 passed; 1 failed; 0 ignored\n";
        assert_eq!(cargo(output).failures, "---- b stdout ----\nleft: 1\nright: 2\n\n");
        let output = "✖ a test (3ms)\nℹ fail 1\n\n✖ failing tests:\n\n✖ a test (3ms)\n  too late\n";
        assert!(node(output).failures.ends_with("a test (3ms)\n  too late\n"));
        let output = " \u{1b}[31m FAIL \u{1b}[39m src/a.test.ts > b\nexpected 1\n\n Test Files  1 failed (1)\n";
        assert_eq!(vitest(output).failures, "  FAIL  src/a.test.ts > b\nexpected 1\n\n");
    }

    #[test]
    fn text_that_only_looks_alike_is_not_counted() {
        assert_eq!(cargo("3 passed; 1 failed"), Tally::default());
        assert_eq!(node("pass 3"), Tally::default());
    }
}
