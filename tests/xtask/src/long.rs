//! `./x long NAME [WORD…]`: searching for rare faults, for minutes or hours.
//!
//! Every change runs `./x test`, which replays what was found; this looks for what was not. `CONCLAVE_LONG` is set for all of it:
//! tests throw the dice more often and add rounds that now and then fail by other people's faults. A run that fails prints the seed or
//! the round, and its test then belongs into `./x test`.

use std::time::Instant;

use crate::client::{self, Profile, cargo};
use crate::place::Place;
use crate::run::{Failure, Result, Show, Task};
use crate::suite;
use crate::tally::{self, Tally};

/// Longest time of one search. A night; what needs longer is started again.
const LIMIT_MINUTES: u64 = 8 * 60;

struct Search {
    name: &'static str,
    about: &'static str,
    /// The words behind the name choose among spec files or tests.
    run: fn(&Place, &[&str]) -> Result<Tally>,
}

const SEARCHES: [Search; 4] = [
    Search {
        name: "browser",
        about: "all browser specs, or those whose file names hold a WORD: rare lost datagrams",
        run: browser,
    },
    Search {
        name: "members",
        about: "native members on the real server (tests whose names hold a WORD)",
        run: |place, words| tests(place, &["conclave-bots"], words),
    },
    Search {
        name: "core",
        about: "simulated members, groups and rooms in virtual time",
        run: |place, words| tests(place, &["conclave-core", "conclave-rooms"], words),
    },
    Search {
        name: "hostile",
        about: "hostile bytes at every parser",
        run: |place, words| {
            let parsers = ["conclave-protocol", "conclave-frame", "conclave-sfu", "conclave"];
            tests(place, &parsers, words)
        },
    },
];

/// Without a name: the names.
pub fn long(place: &Place, words: &[&str]) -> Result<()> {
    let [name, words @ ..] = words else {
        for search in &SEARCHES {
            println!("{:<9} {}", search.name, search.about);
        }
        return Ok(());
    };
    let search = SEARCHES.iter().find(|search| search.name == *name);
    let search = search.ok_or_else(|| Failure::new(format!("no such search: {name}")).hint("./x long names them"))?;
    let started = Instant::now();
    let tally = (search.run)(place, words)?;
    let minutes = started.elapsed().as_secs_f64() / 60.0;
    println!("{minutes:.1} minutes, {} passed, {} failed", tally.passed, tally.failed);
    if tally.failed == 0 {
        Ok(())
    } else {
        Err(Failure::said())
    }
}

fn searching(task: Task) -> Task {
    task.limit_minutes(LIMIT_MINUTES)
        .env("CONCLAVE_LONG", "1")
        .env("PROPTEST_CASES", "20000")
}

fn browser(place: &Place, words: &[&str]) -> Result<Tally> {
    client::build_all(place, Profile::Ci)?;
    cargo(place, "build", Show::Directly).args(client::WORKSPACE).run()?;
    let dir = place.root.join("tests/browser");
    client::packages(place, &dir, Show::OnFailure)?;
    let mut files = suite::specs(&dir)?;
    files.retain(|file| words.is_empty() || words.iter().any(|word| file.contains(word)));
    if files.is_empty() {
        return Err(Failure::new("no spec file has such a name"));
    }
    suite::counted(
        searching(suite::browser_task(place, &files, LIMIT_MINUTES)),
        tally::node,
    )
}

/// Tests of these packages only. Their dependencies may be compiled once more, with fewer features: minutes, where the search
/// takes hours.
fn tests(place: &Place, packages: &[&str], words: &[&str]) -> Result<Tally> {
    client::build_all(place, Profile::Ci)?;
    let mut task = cargo(place, "long", Show::Lines).args(["test", "--locked", "--no-fail-fast"]);
    for package in packages {
        task = task.args(["-p", package]);
    }
    if !words.is_empty() {
        task = task.args(["--"]).args(words);
    }
    suite::counted(searching(task), tally::cargo)
}
