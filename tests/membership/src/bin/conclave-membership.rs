//! The native half of `./x bench membership`: one JSON object with the figures for each size, and for a room that arrives.

use std::{io::Write as _, process::ExitCode, time::Instant};

use conclave_membership::{arrival, measure};
use serde_json::{Map, json};

/// A committee, a class, the largest group.
const SIZES: [usize; 3] = [10, 100, 250];

fn main() -> ExitCode {
    let start = Instant::now();
    let now = || start.elapsed().as_secs_f64() * 1_000.0;
    let mut sizes = Map::new();
    for size in SIZES {
        match measure(size, now) {
            Ok(figures) => drop(sizes.insert(size.to_string(), figures)),
            Err(error) => return failed(&format!("{size} members: {error}")),
        }
    }
    match arrival(SIZES[2], now) {
        Ok(arrival) => {
            let _ = writeln!(std::io::stdout(), "{}", json!({ "sizes": sizes, "arrival": arrival }));
            ExitCode::SUCCESS
        }
        Err(error) => failed(&format!("arrival: {error}")),
    }
}

fn failed(why: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "conclave-membership: error: {why}");
    ExitCode::FAILURE
}
