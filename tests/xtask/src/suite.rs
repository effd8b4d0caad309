//! The steps of `./x test`, which is what CI runs, and of `./x check` and `./x fmt`.

use std::path::Path;

use crate::client::{self, Profile, cargo};
use crate::place::Place;
use crate::plan::{self, Lane, Step};
use crate::run::{Failure, Result, Show, Task, at};
use crate::tally::{self, Tally};
use crate::{deploy, forged, rules, tree};

const STEPS: [Step; 14] = [
    Step {
        name: "packages",
        about: "npm packages of the client and of the tests, by their lock files",
        lane: Lane::Client,
        needs: &[],
        run: packages,
    },
    Step {
        name: "wasm",
        about: "the client's two WebAssembly modules and their glue",
        lane: Lane::Client,
        needs: &[],
        run: |place| none(client::wasm_with(place, Profile::Ci, Show::Lines)),
    },
    Step {
        name: "client",
        about: "type check and bundle of the client",
        lane: Lane::Client,
        needs: &["packages", "wasm"],
        run: |place| none(client::bundle(place, Show::Lines)),
    },
    Step {
        name: "vitest",
        about: "the client's unit tests",
        lane: Lane::Client,
        needs: &["client"],
        run: vitest,
    },
    Step {
        name: "fmt",
        about: "formatting",
        lane: Lane::Checks,
        needs: &[],
        run: check_format,
    },
    Step {
        name: "rules",
        about: "who may depend on whom, and what keeps the pure crates pure",
        lane: Lane::Checks,
        needs: &[],
        run: rules::check,
    },
    Step {
        name: "tree",
        about: "paths that documents name, leftovers, lengths of files",
        lane: Lane::Checks,
        needs: &[],
        run: tree::check,
    },
    Step {
        name: "clippy",
        about: "lints, warnings are errors",
        lane: Lane::Checks,
        needs: &[],
        run: clippy,
    },
    Step {
        name: "forged",
        about: "proofs of a check that nobody made do not compile",
        lane: Lane::Checks,
        needs: &[],
        run: forged::check,
    },
    Step {
        name: "tools",
        about: "cargo-deb, into the target folder",
        lane: Lane::Checks,
        needs: &[],
        run: deploy::tools,
    },
    Step {
        name: "build",
        about: "the whole workspace, with the client inside the server",
        lane: Lane::Then,
        needs: &["client"],
        run: |place| {
            none(
                cargo(place, "build", Show::Lines)
                    .args(client::WORKSPACE)
                    .run()
                    .map(drop),
            )
        },
    },
    Step {
        name: "cargo-test",
        about: "unit and property tests, vectors, hostile bytes, native members against the real server",
        lane: Lane::Then,
        needs: &["build"],
        run: cargo_test,
    },
    Step {
        name: "deploy",
        about: "the unit judged, the package installed in a fresh Debian, the container's root; members meet on both",
        lane: Lane::Then,
        needs: &["build", "tools"],
        run: deploy::check,
    },
    Step {
        name: "browser",
        about: "real Chromium and Firefox against the real server",
        lane: Lane::Then,
        needs: &["build", "packages"],
        run: browser,
    },
];

/// `./x test [--list | STEP…]`.
pub fn test(place: &Place, words: &[&str]) -> Result<()> {
    if words == ["--list"] {
        plan::list(&STEPS);
        return Ok(());
    }
    plan::run(place, &plan::select(&STEPS, words)?)
}

/// `./x check`: what needs no running server.
pub fn check(place: &Place) -> Result<()> {
    plan::run(
        place,
        &plan::select(&STEPS, &["fmt", "rules", "tree", "clippy", "forged"])?,
    )
}

/// `./x fmt`.
pub fn format(place: &Place) -> Result<()> {
    cargo(place, "fmt", Show::Directly).args(["fmt", "--all"]).run()?;
    glue_format(place, false)
}

fn none(result: Result<()>) -> Result<Tally> {
    result.map(|()| Tally::default())
}

fn packages(place: &Place) -> Result<Tally> {
    client::packages(place, &place.client(), Show::Lines)?;
    client::packages(place, &place.root.join("tests/interop"), Show::Lines)?;
    none(client::packages(place, &place.root.join("tests/browser"), Show::Lines))
}

fn check_format(place: &Place) -> Result<Tally> {
    cargo(place, "fmt", Show::Lines)
        .args(["fmt", "--all", "--check"])
        .run()
        .map_err(|failure| failure.hint("./x fmt"))?;
    none(glue_format(place, true))
}

/// The glue program is a workspace of its own, so cargo's own `fmt --all` passes it by.
fn glue_format(place: &Place, check: bool) -> Result<()> {
    let manifest = place.root.join("tests/xtask/glue/Cargo.toml");
    let task = cargo(place, "fmt", Show::Lines)
        .args(["fmt", "--manifest-path"])
        .args([manifest]);
    if check { task.args(["--check"]) } else { task }.run().map(drop)
}

fn clippy(place: &Place) -> Result<Tally> {
    let arguments = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--keep-going",
        "--",
        "-D",
        "warnings",
    ];
    none(cargo(place, "clippy", Show::Lines).args(arguments).run().map(drop))
}

/// A runner's own exit code and its counts have to agree: no counts at all is a failure too.
pub fn counted(task: Task, count: fn(&str) -> Tally) -> Result<Tally> {
    let (status, output) = task.run_whatever()?;
    let mut tally = count(&output);
    if tally.passed + tally.failed == 0 {
        return Err(Failure::new(format!("no test ran ({status})")));
    }
    if !status.success() && tally.failed == 0 {
        tally.failed = 1;
    }
    Ok(tally)
}

/// The same dice in every run, so that a change is judged by what it changed; `./x long` throws new ones.
fn cargo_test(place: &Place) -> Result<Tally> {
    let task = cargo(place, "cargo-test", Show::Lines)
        .limit_minutes(25)
        .env("PROPTEST_RNG_SEED", "1");
    counted(
        task.args(["test", "--workspace", "--locked", "--no-fail-fast"]),
        tally::cargo,
    )
}

fn vitest(place: &Place) -> Result<Tally> {
    let task = Task::new("vitest", "npm", &place.client())
        .limit_minutes(5)
        .env("NO_COLOR", "1");
    counted(task.args(["run", "--silent", "test"]), tally::vitest)
}

/// Test files one after another (two cores carry one call, not three); within a file the tests say what may overlap.
fn browser(place: &Place) -> Result<Tally> {
    let files = specs(&place.root.join("tests/browser"))?;
    counted(browser_task(place, &files, 30), tally::node)
}

/// Browser tests of these files.
pub fn browser_task(place: &Place, files: &[String], limit_minutes: u64) -> Task {
    Task::new("browser", "node", &place.root.join("tests/browser"))
        .limit_minutes(limit_minutes)
        .env("CONCLAVE_BIN_DIR", place.target.join("debug"))
        .env("CONCLAVE_OUT_DIR", &place.target)
        .args(["--test", "--test-concurrency=1", "--test-reporter=spec"])
        .args(files)
}

/// Node 20 does not expand patterns itself.
pub fn specs(dir: &Path) -> Result<Vec<String>> {
    let folder = dir.join("specs");
    let mut names: Vec<String> = at(&folder, std::fs::read_dir(&folder))?
        .filter_map(|entry| Some(format!("specs/{}", entry.ok()?.file_name().to_string_lossy())))
        .filter(|name| name.ends_with(".test.mjs"))
        .collect();
    names.sort();
    Ok(names)
}
