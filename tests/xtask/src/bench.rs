//! `./x bench NAME`: measurements. The last line each prints is one JSON object.
//!
//! A bench reports what it measured on this machine and judges nothing; limits belong to tests.

use std::time::Instant;

use serde_json::json;

use crate::client::{self, Profile};
use crate::idle;
use crate::membership;
use crate::place::Place;
use crate::run::{Failure, Result, Show, Task};

struct Bench {
    name: &'static str,
    about: &'static str,
    run: fn(&Place) -> Result<serde_json::Value>,
}

const BENCHES: [Bench; 6] = [
    Bench {
        name: "join",
        about: "from the click on Join to the first picture, in Chromium, and what of it takes how long",
        run: |place| join(place, Profile::Ci),
    },
    Bench {
        name: "join-release",
        about: "the same with what a release ships, which takes minutes to build",
        run: |place| join(place, Profile::Release),
    },
    Bench {
        name: "idle",
        about: "memory at rest and for each waiting connection, time to start, size of the released server",
        run: idle::bench,
    },
    Bench {
        name: "membership",
        about: "joining, adding and removing in groups of 10 to 250, native and in Chromium; removals on a real server",
        run: membership::bench,
    },
    Bench {
        name: "sizes",
        about: "bytes of the client's files and of the server",
        run: sizes,
    },
    Bench {
        name: "rebuild",
        about: "seconds of ./x build when nothing has changed",
        run: rebuild,
    },
];

/// Without a name: the names.
pub fn bench(place: &Place, words: &[&str]) -> Result<()> {
    let [name] = words else {
        for bench in &BENCHES {
            println!("{:<13} {}", bench.name, bench.about);
        }
        return Ok(());
    };
    let bench = BENCHES.iter().find(|bench| bench.name == *name);
    let bench = bench.ok_or_else(|| Failure::new(format!("no such bench: {name}")).hint("./x bench names them"))?;
    println!("{}", (bench.run)(place)?);
    Ok(())
}

/// The measuring itself is `tests/browser/bench/join.mjs`; its progress is shown as it comes.
fn join(place: &Place, profile: Profile) -> Result<serde_json::Value> {
    client::build_all(place, profile)?;
    let dir = place.root.join("tests/browser");
    client::packages(place, &dir, Show::OnFailure)?;
    let mut arguments = vec!["build", "--locked", "-p", "conclave-bots"];
    let folder = match profile {
        Profile::Ci => "debug",
        Profile::Release => {
            arguments.push("--release");
            "release"
        }
    };
    client::note("building the native members");
    client::cargo(place, "bots", Show::Directly).args(arguments).run()?;
    client::note("measuring; anything else that runs on this machine shows in the figures");
    let output = Task::new("join", "node", &dir)
        .limit_minutes(10)
        .env("CONCLAVE_BIN_DIR", place.target.join(folder))
        .args(["bench/join.mjs"])
        .run()?;
    let figures = output.lines().rev().find(|line| line.starts_with('{'));
    let figures = figures.ok_or_else(|| Failure::new("the measurement printed no figures"))?;
    serde_json::from_str(figures).map_err(|error| Failure::new(format!("the measurement's figures: {error}")))
}

fn sizes(place: &Place) -> Result<serde_json::Value> {
    client::build_all(place, Profile::Ci)?;
    let mut files = serde_json::Map::new();
    let mut total = 0;
    let mut open = vec![place.client().join("dist")];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(
                std::fs::read_dir(&path)
                    .into_iter()
                    .flatten()
                    .flatten()
                    .map(|entry| entry.path()),
            );
        } else if let (Ok(data), Ok(name)) = (path.metadata(), path.strip_prefix(place.client().join("dist"))) {
            total += data.len();
            files.insert(name.to_string_lossy().into_owned(), data.len().into());
        }
    }
    let server = std::fs::metadata(place.program("conclave")).map(|data| data.len()).ok();
    Ok(json!({ "bench": "sizes", "client_bytes": total, "client_files": files, "server_dev_bytes": server }))
}

fn rebuild(place: &Place) -> Result<serde_json::Value> {
    client::build_all(place, Profile::Ci)?;
    let started = Instant::now();
    client::build_all(place, Profile::Ci)?;
    Ok(json!({ "bench": "rebuild", "seconds": started.elapsed().as_secs_f64() }))
}
