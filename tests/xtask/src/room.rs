//! An open room on a server that runs, by the command line that an operator would use.

use std::path::Path;

use serde_json::Value;

use crate::run::{Failure, Result, Show, Task};

/// Makes a room in which anyone begins; its guest link. `task` is the program, wherever it is run.
pub fn open(task: Task, data: &Path) -> Result<String> {
    let output = task
        .args([
            "room",
            "create",
            "--begin",
            "anyone",
            "--print-links",
            "--json",
            "--data-dir",
        ])
        .args([data])
        .show(Show::Nothing)
        .run()?;
    let json = output.lines().find(|line| line.starts_with('{')).unwrap_or_default();
    let made: Value = serde_json::from_str(json).map_err(|error| Failure::new(format!("room create: {error}")))?;
    let link = made["guest_link"].as_str();
    link.map(str::to_owned)
        .ok_or_else(|| Failure::new("room create gave no guest link"))
}
