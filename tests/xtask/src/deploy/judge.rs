//! systemd's own judgement of the units in `deploy/systemd`.

use std::path::PathBuf;

use crate::place::Place;
use crate::run::{Failure, Result, Show, Task, at};

/// Ten times the exposure that `systemd-analyze security` may find. It was 1.1 when this was written; a kernel interface more costs 0.1
/// to 0.3, the network, which we need, 0.9.
const THRESHOLD: &str = "15";

/// A folder with the units, of which the service starts a program that exists: the judge wants to see it.
fn units(place: &Place) -> Result<PathBuf> {
    let folder = place.target.join("x/units");
    at(&folder, std::fs::create_dir_all(&folder))?;
    for name in ["conclave.service", "conclave.socket", "conclave-http.socket"] {
        let from = place.root.join("deploy/systemd").join(name);
        let text = at(&from, std::fs::read_to_string(&from))?;
        // Neither the program nor its manual are installed on the machine that judges.
        let program = place.program("conclave").display().to_string();
        let text = text
            .replace("/usr/bin/conclave", &program)
            .replace("man:conclave(1)", "");
        let to = folder.join(name);
        at(&to, std::fs::write(&to, text))?;
    }
    Ok(folder)
}

pub fn exposure(place: &Place) -> Result<()> {
    let unit = units(place)?.join("conclave.service");
    let task = Task::new("deploy", "systemd-analyze", &place.root).show(Show::Nothing);
    let (status, output) = task
        .args(["security", "--offline=true", "--no-pager"])
        .args([format!("--threshold={THRESHOLD}")])
        .args([unit])
        .run_whatever()?;
    let verdict = output.lines().find(|line| line.contains("Overall exposure"));
    let verdict = verdict.ok_or_else(|| Failure::new("systemd-analyze gave no verdict"))?;
    println!("[deploy] {}", verdict.trim());
    if status.success() {
        Ok(())
    } else {
        Err(Failure::new(format!("more exposed than {THRESHOLD} tenths")))
    }
}

pub fn verified(place: &Place) -> Result<()> {
    let folder = units(place)?;
    let files = ["conclave.service", "conclave.socket", "conclave-http.socket"].map(|name| folder.join(name));
    let task = Task::new("deploy", "systemd-analyze", &place.root).show(Show::Nothing);
    let (status, output) = task.args(["verify", "--man=no"]).args(files).run_whatever()?;
    // What it says of other units of this machine is not ours.
    let ours: Vec<&str> = output
        .lines()
        .filter(|line| line.contains("conclave") || line.contains("Unknown"))
        .collect();
    if status.success() && ours.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(format!("{status}: {}", output.trim())))
    }
}
