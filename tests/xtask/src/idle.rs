//! `./x bench idle`: what a server costs that nobody talks on. Memory at rest, memory for each connection that was admitted and waits,
//! time from start to ready, size of the program.
//!
//! Measured on the release build (with the client of the tests inside, which is a little larger than a release's), as a service manager sees it: "ready" is the word that the server itself sends (sd_notify).

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{self, cargo};
use crate::place::Place;
use crate::room;
use crate::run::{Failure, Result, Show, Task, at};

/// Waiting connections: four full rooms. More would measure the same, fewer would measure the allocator's steps.
const WAITING: usize = 1_000;

/// Rooms that they wait in, since one lets in only so many.
const ROOMS: usize = 10;

/// Starts, of which the middle one is reported.
const STARTS: usize = 5;

/// After which nothing more is freed or filled.
const SETTLE: Duration = Duration::from_secs(3);

/// Open files for a thousand connections, on either side.
const FILES: &str = "ulimit -n 8192; exec \"$@\"";

struct Running {
    child: Child,
    folder: PathBuf,
    start_ms: f64,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

pub fn bench(place: &Place) -> Result<Value> {
    client::build_server_release(place)?;
    client::note("building the crowd");
    cargo(place, "crowd", Show::Directly)
        .args(["build", "--workspace", "--locked", "--bin", "conclave-crowd"])
        .run()?;
    let program = place.target.join("release/conclave");
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        starts.push(start(&program)?.start_ms);
    }
    starts.sort_by(f64::total_cmp);

    let server = start(&program)?;
    std::thread::sleep(SETTLE);
    let rest = resident(&server)?;
    let links: Vec<String> = (0..ROOMS)
        .map(|_| {
            let task = Task::new("room create", &program, &place.root);
            room::open(task, &server.folder.join("data"))
        })
        .collect::<Result<_>>()?;
    client::note(&format!("{WAITING} connections are admitted and wait"));
    let crowd = crowd(place, &links)?;
    std::thread::sleep(SETTLE);
    let with_crowd = resident(&server)?;
    go(crowd)?;
    Ok(json!({
        "bench": "idle",
        "rest_bytes": rest,
        "waiting_connection_bytes": with_crowd.saturating_sub(rest) / WAITING as u64,
        "start_ms": starts.get(STARTS / 2),
        "binary_bytes": at(&program, fs::metadata(&program))?.len(),
        "waiting_connections": WAITING,
        "transport": "plain",
    }))
}

fn start(program: &Path) -> Result<Running> {
    let folder = std::env::temp_dir().join(format!("conclave-idle-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    at(&folder, fs::create_dir_all(&folder))?;
    let signs = folder.join("signs");
    let socket = at(&signs, UnixDatagram::bind(&signs))?;
    at(&signs, socket.set_read_timeout(Some(Duration::from_secs(20))))?;
    let started = Instant::now();
    let child = Command::new("sh")
        .args(["-c", FILES, "sh"])
        .arg(program)
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(folder.join("data"))
        // All of the crowd come from one address.
        .args(["--set", "limits.connections_per_address=65536"])
        .env("NOTIFY_SOCKET", &signs)
        .stderr(Stdio::null())
        .spawn();
    let child = at(program, child)?;
    let mut running = Running {
        child,
        folder,
        start_ms: 0.0,
    };
    let mut sign = [0; 256];
    let length = at(&signs, socket.recv(&mut sign))?;
    running.start_ms = started.elapsed().as_secs_f64() * 1000.0;
    let said = sign.get(..length).unwrap_or_default();
    if said.starts_with(b"READY=1") {
        Ok(running)
    } else {
        Err(Failure::new("the server said something else before it was ready"))
    }
}

/// Memory of the process that lies in this machine's memory, shared pages of the program itself included.
fn resident(server: &Running) -> Result<u64> {
    let path = PathBuf::from(format!("/proc/{}/status", server.child.id()));
    let text = at(&path, fs::read_to_string(&path))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes
        .map(|kilobytes| kilobytes * 1024)
        .ok_or_else(|| Failure::new("the system does not say how much memory the server uses"))
}

/// Starts the crowd and waits until all are in.
fn crowd(place: &Place, links: &[String]) -> Result<Child> {
    let program = place.program("conclave-crowd");
    let crowd = Command::new("sh")
        .args(["-c", FILES, "sh"])
        .arg(&program)
        .args(["--count", &WAITING.to_string()])
        .args(links.iter().flat_map(|link| ["--link", link]))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut crowd = at(&program, crowd)?;
    let mut line = String::new();
    if let Some(output) = crowd.stdout.take() {
        let _ = BufReader::new(output).read_line(&mut line);
    }
    if line.contains("admitted") {
        return Ok(crowd);
    }
    let _ = crowd.kill();
    let _ = crowd.wait();
    Err(Failure::new("not all of the crowd were admitted"))
}

/// Sends the crowd home; all must have waited to the end.
fn go(mut crowd: Child) -> Result<()> {
    drop(crowd.stdin.take());
    match crowd.wait() {
        Ok(status) if status.success() => Ok(()),
        _ => Err(Failure::new("some of the crowd were sent away while they waited")),
    }
}
