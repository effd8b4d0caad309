//! `./x serve`: build what is out of date, then become the server.
//!
//! The server replaces this process, so that ctrl-c, exit codes and its own messages (a taken port, for one) are its own.

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Instant;

use crate::client::{self, Profile, note};
use crate::place::Place;
use crate::run::{Failure, Result};

const HELP: &str = "./x serve [--listen ADDRESS:PORT] [any other option of conclave serve]";

/// Arguments are handed on; without any, the server listens on localhost:8443 and keeps its data in `conclave-data`.
pub fn serve(place: &Place, arguments: &[&str]) -> Result<()> {
    if arguments == ["--help"] {
        println!("{HELP}");
        return Ok(());
    }
    let started = Instant::now();
    client::build_all(place, Profile::Ci)?;
    note(&format!(
        "built in {:.0} s; starting the server, ctrl-c stops it",
        started.elapsed().as_secs_f64()
    ));
    let mut server = Command::new(place.program("conclave"));
    server
        .current_dir(&place.root)
        .args(["serve", "--first-room"])
        .args(arguments);
    if !arguments.contains(&"--data-dir") {
        server.args(["--data-dir", "conclave-data"]);
    }
    // Only returns if the program could not be started at all.
    let error = server.exec();
    Err(Failure::new(format!(
        "{}: {error}",
        place.program("conclave").display()
    )))
}
