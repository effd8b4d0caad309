//! `./x serve`: build what is out of date, then become the server.
//!
//! The server replaces this process, so that ctrl-c, exit codes and its own messages (a taken port, for one) are its own.
//! The first room is made from outside, by the command line that an operator would use: keys never exist in the server.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::client::{self, Profile, note};
use crate::place::Place;
use crate::run::{Failure, Result, Show, Task, at};

/// Where the server keeps its rooms unless told, relative to the repository.
const DATA: &str = "conclave-data";

/// How long the first room waits for the server. Starting takes well under a second; a slow disk may take longer.
const START: Duration = Duration::from_secs(30);

/// Arguments are handed on to `conclave serve`; without any, it listens on localhost:8443.
pub fn serve(place: &Place, arguments: &[&str]) -> Result<()> {
    if arguments == ["--help"] {
        println!(
            "usage: ./x serve [any option of conclave serve]\n\nrooms are kept in {DATA} unless --data-dir says otherwise"
        );
        return Ok(());
    }
    let started = Instant::now();
    client::build_all(place, Profile::Ci)?;
    note(&format!(
        "built in {:.0} s; starting the server, ctrl-c stops it",
        started.elapsed().as_secs_f64()
    ));

    let given = arguments
        .iter()
        .position(|word| *word == "--data-dir")
        .and_then(|index| arguments.get(index + 1));
    let data = given.copied().unwrap_or(DATA);
    make_first_room_later(place, data)?;
    let mut server = Command::new(place.program("conclave"));
    server.current_dir(&place.root).arg("serve").args(arguments);
    if given.is_none() {
        server.args(["--data-dir", DATA]);
    }
    // A server that is installed on this machine is another one.
    if !arguments.contains(&"--config") {
        server.args(["--config", "/dev/null"]);
    }
    // Only returns if the program could not be started at all.
    let error = server.exec();
    Err(Failure::new(format!(
        "{}: {error}",
        place.program("conclave").display()
    )))
}

/// Starts `first_room` beside the server-to-be. Through a shell, so that it is nobody's child that the server would
/// have to wait for.
fn make_first_room_later(place: &Place, data: &str) -> Result<()> {
    let own = std::env::current_exe().map_err(|error| Failure::new(format!("own program: {error}")))?;
    let server = std::process::id().to_string();
    let mut shell = Command::new("sh");
    shell
        .current_dir(&place.root)
        .args(["-c", "\"$0\" \"$@\" &"])
        .arg(own)
        .args(["first-room", &server, data]);
    at(Path::new("sh"), shell.status()).map(drop)
}

/// Waits until the server answers, and makes a room and prints its links if there is none. Gives up when the server has
/// ended: it has then said why itself.
pub fn first_room(place: &Place, server: &str, data: &str) -> Result<()> {
    let deadline = Instant::now() + START;
    let rooms = loop {
        let list = ["room", "list", "--json", "--data-dir", data];
        let list = Task::new("room list", place.program("conclave"), &place.root)
            .args(list)
            .show(Show::Nothing);
        let (status, output) = list.run_whatever()?;
        if status.success() {
            break output;
        }
        // Unlike its folder, this link is gone as soon as the process has ended, waited for or not.
        if std::fs::read_link(Path::new("/proc").join(server).join("exe")).is_err() {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(Failure::new("the server does not answer, so there is no first room"));
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    if !rooms.lines().any(|line| line.trim() == "[]") {
        note("there are rooms already; their links were shown once, when they were made; for another room:");
        let program = place.program("conclave");
        let program = program.strip_prefix(&place.root).unwrap_or(&program);
        note(&format!(
            "  {} room create --print-links --data-dir {data}",
            program.display()
        ));
        return Ok(());
    }
    let create = [
        "room",
        "create",
        "--print-links",
        // So that one link and one click show what this is; a room of one's own has a host.
        "--begin",
        "anyone",
        "--title",
        "First room",
        "--data-dir",
        data,
    ];
    Task::new("room create", place.program("conclave"), &place.root)
        .args(create)
        .show(Show::Directly)
        .run()?;
    note("open the guest link in a browser, and give it to the others; in this first room anyone may begin");
    Ok(())
}
