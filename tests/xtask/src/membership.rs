//! `./x bench membership`: what membership costs, in each size of group, native and in WebAssembly; how fast a removal takes effect, and how fast a
//! room fills.
//!
//! Measured: the steps (`tests/membership`); on the real server (`tests/browser/bench/membership.mjs`) removals among 25 live members in a full room that its members have warmed, and
//! arrivals of fifty at a time. Reckoned from what was measured: the bytes for one who joins until the room is full, and the line that twenty
//! joins a second need. `null` for the forwarding: it was not cut off.

use serde_json::{Value, json};

use crate::client::{self, Profile, cargo};
use crate::place::Place;
use crate::run::{Failure, Result, Show, Task};

/// Joins a second that a server is to bear, for which the line is reckoned.
const JOINS_PER_SECOND: f64 = 20.0;

pub fn bench(place: &Place) -> Result<Value> {
    client::build_all(place, Profile::Ci)?;
    let dir = place.root.join("tests/browser");
    client::packages(place, &dir, Show::OnFailure)?;
    let module = client::measuring(place)?;
    client::note("building the native members");
    cargo(place, "members", Show::Directly)
        .args(client::WORKSPACE)
        .args(["--bin", "conclave-removal", "--bin", "conclave-membership"])
        .run()?;
    client::note("measuring; anything else that runs on this machine shows in the figures");
    let native = figures(Task::new("native", place.program("conclave-membership"), &place.root).limit_minutes(10))?;
    let browser = figures(
        Task::new("membership", "node", &dir)
            .limit_minutes(20)
            .env("CONCLAVE_BIN_DIR", place.target.join("debug"))
            .env("MEASURE_DIR", module)
            .args(["bench/membership.mjs"]),
    )?;
    report(&native, &browser)
}

fn figures(task: Task) -> Result<Value> {
    let output = task.run()?;
    let line = output.lines().rev().find(|line| line.starts_with('{'));
    let line = line.ok_or_else(|| Failure::new("the measurement printed no figures"))?;
    serde_json::from_str(line).map_err(|error| Failure::new(format!("the measurement's figures: {error}")))
}

fn report(native: &Value, browser: &Value) -> Result<Value> {
    let number = |value: &Value, what: &str| {
        value
            .as_f64()
            .ok_or_else(|| Failure::new(format!("no figure of {what}")))
    };
    let arrival = &native["arrival"];
    println!(
        "the largest room arrives: {:.0} ms of the committer's processor, {:.0} ms of each member's",
        number(&arrival["committer_ms"], "the committer")?,
        number(&arrival["member_ms"], "a member")?
    );
    let sent = number(&arrival["commit_bytes_sent"], "commits")? + number(&arrival["welcome_bytes_sent"], "welcomes")?;
    let bytes_per_join = sent / number(&arrival["joined"], "people")?;
    let mut sizes = serde_json::Map::new();
    for (size, figures) in native["sizes"].as_object().into_iter().flatten() {
        let both = json!({ "wasm": browser["wasm"][size], "native": figures });
        sizes.insert(size.clone(), both);
    }
    Ok(json!({
        "bench": "membership",
        "sizes": sizes,
        "removal": browser["removal"],
        "joins_per_second": browser["joins_per_second"],
        "bytes_per_join": bytes_per_join.round(),
        "line_mbit_needed": bytes_per_join * JOINS_PER_SECOND * 8.0 / 1_000_000.0,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_line_are_of_one_who_joins() {
        let native = json!({ "sizes": { "10": { "join_ms": 1 } }, "arrival": {
            "joined": 100, "committer_ms": 1, "member_ms": 1, "commit_bytes_sent": 9_000_000, "welcome_bytes_sent": 1_000_000
        }});
        let browser = json!({ "wasm": { "10": { "join_ms": 2 } }, "removal": {}, "joins_per_second": 30 });
        let report = report(&native, &browser).expect("figures");
        assert_eq!(report["bytes_per_join"], 100_000.0);
        assert_eq!(report["line_mbit_needed"], 16.0);
        assert_eq!(report["sizes"]["10"]["wasm"]["join_ms"], 2);
        assert!(super::report(&json!({}), &browser).is_err());
    }
}
