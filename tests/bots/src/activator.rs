//! Plays the service manager for one server: holds its sockets, starts the real binary with them, hears its signs of life, ends it and
//! starts it again, as `systemctl restart` and an upgrade of the package do.
//!
//! What it does not play: the sandbox and the limits of a unit.

use std::{
    env, fs,
    net::{TcpListener, UdpSocket},
    os::{
        fd::OwnedFd,
        unix::{fs::DirBuilderExt, net::UnixDatagram},
    },
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use conclave::config::parse_name;
use conclave_protocol::server_name::ServerName;

/// How long the server may take to say that it is ready, and to end. Both take milliseconds; CI is busy.
const PATIENCE: Duration = Duration::from_secs(15);

/// Moves two inherited sockets to where the protocol of sd_listen_fds(3) wants them, and becomes the program. Only the process
/// itself can say its own id, and a shell says it without `unsafe`.
const BECOME: &str = "exec 3<&0 4<&1 0</dev/null 1>&2; LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=https:udp exec \"$@\"";

/// The sockets and the folder of one server, which outlive its processes.
pub struct Activator {
    https: TcpListener,
    udp: UdpSocket,
    signs: UnixDatagram,
    folder: PathBuf,
    name: ServerName,
    program: PathBuf,
    child: Option<Child>,
}

impl Activator {
    /// Opens the sockets, on loopback. Nothing runs yet.
    ///
    /// # Panics
    /// If the machine has no ports or no temporary folder, or the binary was not built.
    #[must_use]
    pub fn new(label: &str) -> Self {
        let folder = env::temp_dir().join(format!("conclave-{label}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .unwrap_or_else(|error| panic!("no folder: {error}"));
        let https = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("no port: {error}"));
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("no port: {error}"));
        let signs = UnixDatagram::bind(folder.join("signs")).unwrap_or_else(|error| panic!("no socket: {error}"));
        let port = https.local_addr().map_or(0, |address| address.port());
        let name = parse_name(&format!("localhost:{port}")).unwrap_or_else(|error| panic!("no name: {error}"));
        Self {
            https,
            udp,
            signs,
            name,
            program: program(),
            folder,
            child: None,
        }
    }

    /// The name of the server.
    #[must_use]
    pub fn name(&self) -> &ServerName {
        &self.name
    }

    /// The server's data folder.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Starts the server and waits until it says that it is ready; how long that took.
    ///
    /// # Panics
    /// If it does not.
    pub fn start(&mut self) -> Duration {
        let stdin = self.https.try_clone().map(OwnedFd::from);
        let stdout = self.udp.try_clone().map(OwnedFd::from);
        let (Ok(stdin), Ok(stdout)) = (stdin, stdout) else {
            panic!("the sockets cannot be handed over")
        };
        let started = Instant::now();
        let child = Command::new("sh")
            .args(["-c", BECOME, "sh"])
            .arg(&self.program)
            .args(["serve", "--name", self.name.as_str(), "--data-dir"])
            .arg(self.data_dir())
            .env("NOTIFY_SOCKET", self.folder.join("signs"))
            .stdin(Stdio::from(stdin))
            .stdout(Stdio::from(stdout))
            .spawn();
        self.child = Some(child.unwrap_or_else(|error| panic!("the server cannot be started: {error}")));
        self.hears("READY=1");
        started.elapsed()
    }

    /// Waits for this sign of life.
    ///
    /// # Panics
    /// If it does not come.
    pub fn hears(&self, sign: &str) {
        let deadline = Instant::now() + PATIENCE;
        let mut buffer = [0; 256];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the server never said {sign}");
            let _ = self.signs.set_read_timeout(Some(left));
            if let Ok(length) = self.signs.recv(&mut buffer)
                && buffer
                    .get(..length)
                    .is_some_and(|text| text.split(|byte| *byte == b'\n').any(|line| line == sign.as_bytes()))
            {
                return;
            }
        }
    }

    /// Ends the server by this signal (`TERM`, `KILL`) and waits for its end.
    ///
    /// # Panics
    /// If it does not end.
    pub fn end(&mut self, signal: &str) -> ExitStatus {
        let Some(mut child) = self.child.take() else {
            panic!("no server runs")
        };
        let sent = Command::new("kill")
            .args(["-s", signal, &child.id().to_string()])
            .status();
        assert!(sent.is_ok_and(|status| status.success()), "the signal was not sent");
        let deadline = Instant::now() + PATIENCE;
        loop {
            match child.try_wait() {
                Ok(Some(status)) => return status,
                Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
                _ => panic!("the server does not end"),
            }
        }
    }

    /// The process of the running server.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }
}

impl Drop for Activator {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The server's binary lies beside the programs of this crate, or one folder above its tests.
fn program() -> PathBuf {
    let own = env::current_exe().unwrap_or_default();
    let folders = own.ancestors().skip(1).take(2);
    let found = folders
        .map(|folder| folder.join("conclave"))
        .find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!(
            "the server was not built beside {}: ./x build",
            Path::new(&own).display()
        )
    })
}
