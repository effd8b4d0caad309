//! What membership costs in a group of a given size: joining, reading somebody else's additions, building and reading a removal.
//!
//! One procedure for the native program beside it and for a worker in a browser, over the core's own steps; only the clock differs. Figures
//! are milliseconds and bytes. It measures one member's work, never a network.
//!
//! The tree is cold: nobody but the host has committed since the people came, which makes for the dearest removal there is. `warm` are the same figures of a removal
//! after one in eight has renewed their keys, as members of large calls do by themselves.

use conclave_core::{CoreError, limits, measure::Crowd};
use serde_json::{Value, json};

/// Welcomes that are read. The 95th percentile of so few is the worst but one.
const JOINS: usize = 20;

/// Commits of the other kinds; the middle one is reported.
const TURNS: usize = 5;

/// Measures in a group of `size` members. `now` is a clock in milliseconds.
///
/// # Errors
/// If a step is refused: then there is nothing to report.
pub fn measure(size: usize, now: impl Fn() -> f64) -> Result<Value, CoreError> {
    let mut crowd = Crowd::new()?;
    while crowd.size() < size {
        let newcomers = crowd.newcomers((size - crowd.size()).min(limits::ADDS_PER_COMMIT))?;
        let added = crowd.build_adds(&newcomers)?;
        crowd.read(&added)?;
        crowd.echo()?;
    }

    // Somebody goes first, so that whoever joins makes the group exactly this large.
    let (mut removal_build, mut removal_process, mut add_process) = (Vec::new(), Vec::new(), Vec::new());
    let (mut commit_bytes, mut welcome_bytes) = (0, 0);
    for turn in 0..TURNS {
        let (took, removed) = timed(&now, || crowd.build_removal());
        let removed = removed?;
        removal_build.push(took);
        // Later ones are of a tree that the first has warmed.
        if turn == 0 {
            commit_bytes = removed.commit_bytes();
        }
        let (took, read) = timed(&now, || crowd.read(&removed));
        read?;
        removal_process.push(took);
        crowd.echo()?;

        let newcomer = crowd.newcomers(1)?;
        let added = crowd.build_adds(&newcomer)?;
        welcome_bytes = added.welcome_bytes();
        let (took, read) = timed(&now, || crowd.read(&added));
        read?;
        add_process.push(took);
        crowd.echo()?;
    }

    let removed = crowd.build_removal()?;
    crowd.read(&removed)?;
    crowd.echo()?;
    let mut joins = Vec::new();
    for _ in 0..JOINS {
        let mut newcomer = crowd.newcomers(1)?;
        let added = crowd.build_adds(&newcomer)?;
        let (took, joined) = timed(&now, || crowd.welcome(&mut newcomer, &added));
        joined?;
        joins.push(took);
        crowd.discard()?;
    }
    Ok(json!({
        "join_ms": { "p50": rank(&mut joins, 50), "p95": rank(&mut joins, 95) },
        "add_process_ms": rank(&mut add_process, 50),
        "removal_build_ms": removal_build.first(),
        "removal_process_ms": removal_process.first(),
        "commit_bytes": commit_bytes,
        "welcome_bytes": welcome_bytes,
        "warm": warm(size, &now)?,
    }))
}

/// A removal in a tree of this size that its members have warmed.
fn warm(size: usize, now: &impl Fn() -> f64) -> Result<Value, CoreError> {
    let mut crowd = Crowd::new()?;
    while crowd.size() < size {
        crowd.admit((size - crowd.size()).min(limits::ADDS_PER_COMMIT))?;
    }
    crowd.warm()?;
    let (built_ms, removed) = timed(now, || crowd.build_removal());
    let removed = removed?;
    let (read_ms, read) = timed(now, || crowd.read(&removed));
    read?;
    Ok(json!({
        "removal_build_ms": built_ms,
        "removal_process_ms": read_ms,
        "commit_bytes": removed.commit_bytes(),
    }))
}

/// The committer's and a member's work for a whole room that arrives: bytes are for each who joins.
///
/// # Errors
/// As [`measure`].
pub fn arrival(size: usize, now: impl Fn() -> f64) -> Result<Value, CoreError> {
    let mut crowd = Crowd::new()?;
    let (mut committer, mut member, mut joined, mut commits, mut welcomes) = (0.0, 0.0, 0_usize, 0_usize, 0_usize);
    while crowd.size() < size {
        let count = (size - crowd.size()).min(limits::ADDS_PER_COMMIT);
        let newcomers = crowd.newcomers(count)?;
        let (built_ms, added) = timed(&now, || crowd.build_adds(&newcomers));
        let added = added?;
        let (read_ms, read) = timed(&now, || crowd.read(&added));
        read?;
        let (merged_ms, merged) = timed(&now, || crowd.echo());
        merged?;
        committer += built_ms + merged_ms;
        member += read_ms;
        // Everybody who is there already gets the commit, and each newcomer the Welcome.
        commits += added.commit_bytes() * (crowd.size() - count);
        welcomes += added.welcome_bytes() * count;
        joined += count;
    }
    Ok(json!({
        "joined": joined,
        "committer_ms": committer,
        "member_ms": member,
        "commit_bytes_sent": commits,
        "welcome_bytes_sent": welcomes,
    }))
}

fn timed<T>(now: &impl Fn() -> f64, work: impl FnOnce() -> T) -> (f64, T) {
    let started = now();
    let result = work();
    (now() - started, result)
}

/// The value at this percentile, by nearest rank: one that was measured.
fn rank(values: &mut [f64], percent: usize) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let place = (values.len() * percent).div_ceil(100).saturating_sub(1);
    values.get(place).copied()
}

#[cfg(target_arch = "wasm32")]
mod browser {
    use wasm_bindgen::prelude::*;

    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_namespace = performance)]
        fn now() -> f64;
    }

    /// The figures for one size, as JSON; throws if a step was refused.
    #[wasm_bindgen]
    pub fn measure(size: usize) -> Result<String, JsValue> {
        let figures = super::measure(size, now).map_err(|_| JsValue::from_str("a step was refused"))?;
        Ok(figures.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_small_group_gives_every_figure() {
        let start = Instant::now();
        let figures = measure(4, || start.elapsed().as_secs_f64() * 1_000.0).unwrap();
        for key in ["add_process_ms", "removal_build_ms", "removal_process_ms"] {
            assert!(figures[key].as_f64().is_some_and(|ms| ms > 0.0), "{key}");
        }
        assert!(figures["join_ms"]["p50"].as_f64() <= figures["join_ms"]["p95"].as_f64());
        assert!(
            figures["commit_bytes"].as_u64() > Some(0)
                && figures["welcome_bytes"].as_u64() > figures["commit_bytes"].as_u64()
        );
        assert!(figures["warm"]["commit_bytes"].as_u64() > Some(0));
        let all = arrival(6, || start.elapsed().as_secs_f64() * 1_000.0).unwrap();
        assert_eq!(all["joined"], 4);
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let mut values: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!((rank(&mut values, 50), rank(&mut values, 95)), (Some(10.0), Some(19.0)));
        assert_eq!((rank(&mut [3.0], 95), rank(&mut [], 95)), (Some(3.0), None));
    }
}
