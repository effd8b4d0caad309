//! Two native members meet on a server that runs in another root, on sockets that systemd's own activator holds.
//!
//! `systemd-socket-activate` opens one kind of socket, hands on those that it was given, and becomes the program at the first sign of
//! traffic: so one holds UDP and becomes one that holds TCP, which becomes the server.

use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, UdpSocket};
use std::ops::Range;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::place::Place;
use crate::room;
use crate::run::{Failure, Result, Show, Task};

use super::root::Root;

/// Below those that Linux gives to whoever leaves the choice to it (from 32,768 on), as tests that run meanwhile do; and not those that such tests choose themselves.
const PORTS: Range<u16> = 26_000..32_000;

/// How long the server may take to answer its operator. It takes milliseconds.
const START: Duration = Duration::from_secs(20);

/// How long the two stay. They meet within a second or two; the rest is for a busy machine.
const STAY: &str = "15";

/// Frames of each kind from the other: a second of a picture, less of sound.
const ENOUGH: u64 = 20;

/// Becomes the server in its root. In a mount namespace of its own, so that a root may be read-only but for the data folder.
const ENTER: &str = r#"root=$1 data=$2 user=$3 only=$4; shift 4
if [ "$only" = true ]; then
    mount --bind "$root" "$root"
    mount --bind "$root$data" "$root$data"
    mount -o remount,bind,ro "$root"
fi
exec chroot --userspec="$user:$user" "$root" "$@""#;

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // A polite end first: the socket's file goes with it.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            if matches!(self.0.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn on(place: &Place, root: &Root) -> Result<()> {
    let address = free_port()?;
    let _server = start(root, &address)?;
    let chroot = Task::new("deploy", "chroot", &root.path).args([&root.path]);
    let link = room::open(chroot.args([root.program]), Path::new(root.data))?;
    std::thread::scope(|scope| {
        let ada = scope.spawn(|| member(place, &link, "Ada"));
        let bo = scope.spawn(|| member(place, &link, "Bo"));
        let (ada, bo) = (joined(ada)?, joined(bo)?);
        met(&ada, "Ada", "Bo")?;
        met(&bo, "Bo", "Ada")
    })
}

fn joined(member: std::thread::ScopedJoinHandle<'_, Result<String>>) -> Result<String> {
    member.join().unwrap_or_else(|_| Err(Failure::new("a member panicked")))
}

/// A port that is free for both kinds of socket at this moment.
fn free_port() -> Result<String> {
    for port in PORTS {
        let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        if TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok() {
            return Ok(address.to_string());
        }
    }
    Err(Failure::new("no port is free for both TCP and UDP"))
}

fn start(root: &Root, address: &str) -> Result<Server> {
    let port = address.rsplit(':').next().unwrap_or_default();
    let activate = "systemd-socket-activate";
    let user = root.user.to_string();
    let child = Command::new(activate)
        .args(["--datagram", "-l", address, "--fdname=udp"])
        .args([activate, "-l", address, "--fdname=udp:https"])
        .args(["unshare", "--mount", "sh", "-euc", ENTER, "sh"])
        .arg(&root.path)
        .args([root.data, &user, if root.read_only { "true" } else { "false" }])
        .args([root.program, "serve", "--name", &format!("localhost:{port}")])
        .args(["--data-dir", root.data])
        .stdin(Stdio::null())
        .spawn()
        .map_err(|error| Failure::new(format!("{activate}: {error}")))?;
    let mut server = Server(child);
    let deadline = Instant::now() + START;
    let list = [root.program, "room", "list", "--json", "--data-dir", root.data];
    loop {
        // Traffic, until the server is there; it ignores this datagram, as any that is not of a call.
        if let Ok(knock) = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)) {
            let _ = knock.send_to(b"\0", address);
        }
        let asked = Task::new("deploy", "chroot", &root.path)
            .args([&root.path])
            .args(list)
            .show(Show::Nothing);
        if matches!(asked.run_whatever(), Ok((status, _)) if status.success()) {
            return Ok(server);
        }
        if let Ok(Some(status)) = server.0.try_wait() {
            return Err(Failure::new(format!("the server ended: {status}")));
        }
        if Instant::now() > deadline {
            return Err(Failure::new("the server does not answer its operator"));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn member(place: &Place, link: &str, name: &str) -> Result<String> {
    Task::new("member", place.program("conclave-bot"), &place.root)
        .args(["--link", link, "--name", name, "--seconds", STAY, "--clip", "none"])
        .show(Show::Nothing)
        .limit_minutes(2)
        .run()
}

/// Both kinds of the other's tracks were opened, and nothing that came failed to open.
fn met(lines: &str, who: &str, other: &str) -> Result<()> {
    for kind in ["microphone", "camera"] {
        let figures = lines
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|event| event["event"] == "media" && event["from"] == other && event["kind"] == kind);
        let opened = figures.filter_map(|event| event["opened"].as_u64()).max().unwrap_or(0);
        if opened < ENOUGH {
            return Err(Failure::new(format!("{who} got {opened} frames of {other}'s {kind}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_silent_track_is_no_meeting() {
        let line =
            |kind: &str, opened: u64| format!(r#"{{"event":"media","from":"Bo","kind":"{kind}","opened":{opened}}}"#);
        let both = format!("{}\n{}\n", line("microphone", 500), line("camera", 300));
        assert!(met(&both, "Ada", "Bo").is_ok());
        assert!(met(&both, "Ada", "Cy").is_err());
        assert!(met(&line("microphone", 500), "Ada", "Bo").is_err());
        assert!(met(&both.replace("300", "3"), "Ada", "Bo").is_err());
    }
}
