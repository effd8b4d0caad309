//! A plan is a list of named steps with what each needs; two lanes run beside each other, the rest after them.
//!
//! Every step's time is kept. A step whose needs failed is not run and counts as failed. Nothing is retried.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::place::Place;
use crate::run::{Failure, Result};
use crate::tally::Tally;

/// Of each step, at the end of a run.
const LINES_SAID_AGAIN: usize = 80;

/// When a step runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Building the client: its own target directories, so it runs beside `Checks`.
    Client,
    /// What reads the source without building the server.
    Checks,
    /// One after another, when both lanes are done: these are timed, or need everything.
    Then,
}

/// One named step.
pub struct Step {
    pub name: &'static str,
    /// What it shows, in half a line.
    pub about: &'static str,
    pub lane: Lane,
    pub needs: &'static [&'static str],
    pub run: fn(&Place) -> Result<Tally>,
}

struct Done {
    name: &'static str,
    took: Duration,
    result: Result<Tally>,
}

/// The steps named in `wanted` with all they need, in the plan's order; all steps if nothing is named.
pub fn select<'a>(steps: &'a [Step], wanted: &[&str]) -> Result<Vec<&'a Step>> {
    let mut open: Vec<&str> = wanted.to_vec();
    let mut chosen: Vec<&str> = Vec::new();
    while let Some(name) = open.pop() {
        let step = steps.iter().find(|step| step.name == name);
        let step =
            step.ok_or_else(|| Failure::new(format!("no such step: {name}")).hint("./x test --list names them"))?;
        if !chosen.contains(&step.name) {
            chosen.push(step.name);
            open.extend(step.needs);
        }
    }
    Ok(steps
        .iter()
        .filter(|step| wanted.is_empty() || chosen.contains(&step.name))
        .collect())
}

/// Runs them, prints the table and the closing line; fails if any step did.
pub fn run(place: &Place, steps: &[&Step]) -> Result<()> {
    let started = Instant::now();
    let lane = |lane| steps.iter().copied().filter(move |step| step.lane == lane);
    let mut done = std::thread::scope(|scope| {
        let client = scope.spawn(|| run_lane(place, lane(Lane::Client), Vec::new()));
        let mut done = run_lane(place, lane(Lane::Checks), Vec::new());
        done.extend(client.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        done
    });
    done = run_lane(place, lane(Lane::Then), done);
    let took = started.elapsed();
    say_again(&done);
    let total = report(&done, took);
    println!("{} passed, {} failed", total.passed, total.failed);
    if total.failed == 0 {
        Ok(())
    } else {
        Err(Failure::said())
    }
}

fn run_lane<'a>(place: &Place, steps: impl Iterator<Item = &'a Step>, mut done: Vec<Done>) -> Vec<Done> {
    for step in steps {
        let broken = step
            .needs
            .iter()
            .find(|need| done.iter().any(|done| done.name == **need && failed(&done.result)));
        let started = Instant::now();
        let result = if let Some(need) = broken {
            Err(Failure::new(format!("not run, because {need} failed")))
        } else {
            println!("x: {}: {}", step.name, step.about);
            (step.run)(place)
        };
        if let Err(failure) = &result {
            println!("x: {} failed: {failure}", step.name);
        }
        done.push(Done {
            name: step.name,
            took: started.elapsed(),
            result,
        });
    }
    done
}

fn failed(result: &Result<Tally>) -> bool {
    result.as_ref().map_or(true, |tally| tally.failed + tally.ignored > 0)
}

/// What failed, once more: where it stood first, thousands of lines may have followed.
fn say_again(done: &[Done]) {
    for step in done {
        let Ok(Tally { failures, .. }) = &step.result else {
            continue;
        };
        for (index, line) in failures.lines().enumerate() {
            if index == LINES_SAID_AGAIN {
                println!("[{}] … more stands above", step.name);
                break;
            }
            println!("[{}] {line}", step.name);
        }
    }
}

/// The table, in minutes. A step that failed without a failed test of its own counts as one.
fn report(done: &[Done], took: Duration) -> Tally {
    let mut total = Tally::default();
    println!("\n{:<12} {:>8}  {:>7} {:>7}", "step", "minutes", "passed", "failed");
    if let Some(setup) = setup_seconds(took) {
        println!(
            "{:<12} {:>8.1}  {:>7} {:>7}   tools, and this program itself",
            "setup",
            setup / 60.0,
            "",
            ""
        );
    }
    for step in done {
        let mut tally = step.result.as_ref().ok().cloned().unwrap_or_default();
        let mut remark = String::new();
        if tally.ignored > 0 {
            remark = format!("   {} switched off, which is not allowed here", tally.ignored);
        }
        if failed(&step.result) && tally.failed == 0 {
            tally.failed = 1;
        }
        if let Err(failure) = &step.result {
            remark = format!("   {failure}");
        }
        let minutes = step.took.as_secs_f64() / 60.0;
        println!(
            "{:<12} {minutes:>8.1}  {:>7} {:>7}{remark}",
            step.name, tally.passed, tally.failed
        );
        total += tally;
    }
    println!(
        "{:<12} {:>8.1}  {:>7} {:>7}",
        "all",
        took.as_secs_f64() / 60.0,
        total.passed,
        total.failed
    );
    total
}

/// From the start of `./x`, which leaves the time in the environment, to the start of the plan.
fn setup_seconds(took: Duration) -> Option<f64> {
    let started: u64 = std::env::var("X_STARTED").ok()?.parse().ok()?;
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH + Duration::from_secs(started))
        .ok()?;
    Some(since.saturating_sub(took).as_secs_f64())
}

/// `./x test --list`.
pub fn list(steps: &[Step]) {
    let mut by_lane: BTreeMap<u8, Vec<&Step>> = BTreeMap::new();
    for step in steps {
        by_lane.entry(step.lane as u8).or_default().push(step);
    }
    for step in by_lane.into_values().flatten() {
        println!("{:<12} {}", step.name, step.about);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: [Step; 3] = [
        Step {
            name: "first",
            about: "",
            lane: Lane::Client,
            needs: &[],
            run: |_| Err(Failure::new("broken")),
        },
        Step {
            name: "second",
            about: "",
            lane: Lane::Then,
            needs: &["first"],
            run: |_| Ok(Tally::default()),
        },
        Step {
            name: "other",
            about: "",
            lane: Lane::Checks,
            needs: &[],
            run: |_| {
                Ok(Tally {
                    passed: 2,
                    ..Tally::default()
                })
            },
        },
    ];

    fn place() -> Place {
        Place {
            root: "/".into(),
            target: "/nowhere".into(),
        }
    }

    fn names(wanted: &[&str]) -> Vec<&'static str> {
        select(&STEPS, wanted)
            .expect("known")
            .iter()
            .map(|step| step.name)
            .collect()
    }

    #[test]
    fn a_step_brings_what_it_needs() {
        assert_eq!(names(&["second"]), ["first", "second"]);
        assert_eq!(names(&[]), ["first", "second", "other"]);
        assert!(select(&STEPS, &["none"]).is_err());
    }

    #[test]
    fn a_broken_need_fails_the_run_and_what_hangs_on_it() {
        let all: Vec<&Step> = STEPS.iter().collect();
        assert!(run(&place(), &all).is_err());
        assert!(run(&place(), &select(&STEPS, &["other"]).expect("known")).is_ok());
    }

    #[test]
    fn switched_off_tests_are_failures() {
        let step = Step {
            name: "lazy",
            about: "",
            lane: Lane::Then,
            needs: &[],
            run: |_| {
                Ok(Tally {
                    passed: 5,
                    ignored: 1,
                    ..Tally::default()
                })
            },
        };
        assert!(run(&place(), &[&step]).is_err());
    }
}
