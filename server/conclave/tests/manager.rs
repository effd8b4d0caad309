//! The real binary under a service manager, played by this test: sockets by kind and name, signs of life, and what is refused.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream, UdpSocket},
    os::{fd::OwnedFd, unix::net::UnixDatagram},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

/// Everything here takes milliseconds on an idle machine.
const PATIENCE: Duration = Duration::from_secs(15);

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("conclave-manager-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the binary with two descriptors from 3 on. `pid` is what the manager says whom they are for.
fn start(folder: &Folder, first: OwnedFd, second: OwnedFd, names: &str, pid: &str) -> Started {
    let script = format!(
        "exec 3<&0 4<&1 0</dev/null 1>/dev/null; \
         LISTEN_PID={pid} LISTEN_FDS=2 LISTEN_FDNAMES={names} exec \"$@\""
    );
    let child = Command::new("sh")
        .args(["-c", &script, "sh", env!("CARGO_BIN_EXE_conclave"), "serve"])
        .args(["--listen", "127.0.0.1:0", "--name", "localhost:8443", "--data-dir"])
        .arg(folder.0.join("data"))
        .env("NOTIFY_SOCKET", folder.0.join("signs"))
        .env("WATCHDOG_USEC", "200000")
        .stdin(Stdio::from(first))
        .stdout(Stdio::from(second))
        .stderr(Stdio::piped())
        .spawn();
    Started(child.expect("the shell runs"))
}

fn hears(signs: &UnixDatagram, wanted: &str) -> bool {
    signs.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut buffer = [0; 256];
    // Bounded: what is not wanted is at most one sign of life every 100 ms.
    for _ in 0..200 {
        match signs.recv(&mut buffer) {
            Ok(length) if &buffer[..length] == format!("{wanted}\n").as_bytes() => return true,
            Ok(length) if &buffer[..length] == wanted.as_bytes() => return true,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
    false
}

fn healthy(listener: &TcpListener) -> bool {
    let mut stream = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).is_ok() && answer.ends_with("ok\n")
}

#[test]
fn it_serves_on_handed_over_sockets_and_says_when_it_is_ready_alive_and_stopping() {
    let folder = Folder::new();
    let signs = UnixDatagram::bind(folder.0.join("signs")).expect("a socket");
    let https = TcpListener::bind("127.0.0.1:0").expect("a port");
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a port");
    // The UDP socket first: kinds tell them apart, not places.
    let first = udp.try_clone().expect("a copy").into();
    let second = https.try_clone().expect("a copy").into();
    let mut server = start(&folder, first, second, "conclave.socket:https", "$$");
    assert!(hears(&signs, "READY=1"), "it never said that it is ready");
    assert!(healthy(&https), "it does not serve on the socket that was handed over");
    assert!(hears(&signs, "WATCHDOG=1"), "no sign of life");
    let id = server.0.id().to_string();
    assert!(Command::new("kill").arg(&id).status().expect("kill runs").success());
    assert!(hears(&signs, "STOPPING=1"), "it did not say that it stops");
    assert!(server.0.wait().expect("an end").success());
    // Ours are still open, and a connection made in between waits for the next server.
    let waiting = TcpStream::connect(https.local_addr().expect("an address"));
    assert!(waiting.is_ok(), "the kept socket refuses");
}

#[test]
fn sockets_that_are_for_somebody_else_are_left_alone() {
    let folder = Folder::new();
    let signs = UnixDatagram::bind(folder.0.join("signs")).expect("a socket");
    let https = TcpListener::bind("127.0.0.1:0").expect("a port");
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let first = https.try_clone().expect("a copy").into();
    let second = udp.try_clone().expect("a copy").into();
    let _server = start(&folder, first, second, "https:udp", "1");
    assert!(hears(&signs, "READY=1"), "it never said that it is ready");
    https.set_nonblocking(true).expect("a setting");
    let _client = TcpStream::connect(https.local_addr().expect("an address")).expect("a connection");
    // Nobody but this test may have taken it.
    let taken = (0..200).find_map(|_| {
        std::thread::sleep(Duration::from_millis(5));
        https.accept().ok()
    });
    assert!(taken.is_some(), "the server took a connection that was not its own");
}

#[test]
fn what_is_no_socket_is_refused_with_a_sentence() {
    let folder = Folder::new();
    let https = TcpListener::bind("127.0.0.1:0").expect("a port");
    let file = fs::File::open("/dev/null").expect("a file");
    let mut server = start(&folder, file.into(), https.into(), "https:udp", "$$");
    let mut said = String::new();
    let mut stderr = server.0.stderr.take().expect("captured");
    stderr.read_to_string(&mut said).expect("words");
    assert_eq!(server.0.wait().expect("an end").code(), Some(1));
    assert!(said.contains("neither a TCP nor a UDP socket"), "{said}");
}
