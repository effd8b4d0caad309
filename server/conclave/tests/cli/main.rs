//! The real binary, as an operator uses it. Help texts are held against the files in `tests/cli/`; after a wanted
//! change, run with `CONCLAVE_WRITE_SNAPSHOTS=1` and read the difference.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    net::{TcpListener, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
};

use conclave::admin::{Reply, Request, client::ask, record_from_text};
use conclave_protocol::{
    credential::{Deed, HostCredential},
    keys::LinkKeys,
    link::GuestLink,
    sheet::{self, Found, Rules},
};
use serde_json::Value;

mod copies;
mod doctor;
mod manual;
mod rooms;
mod settings;
mod status;
mod tickets;

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let unique = format!(
            "conclave-cli-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        Self(std::env::temp_dir().join(unique))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.0.as_os_str().is_empty() {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

fn conclave(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conclave"));
    command
        .args(arguments)
        .env_remove("XDG_DATA_HOME")
        // What the machine that tests has installed is not what is tested.
        .env("CONCLAVE_CONFIG", "/dev/null");
    command
}

fn run(arguments: &[&str]) -> Output {
    conclave(arguments).output().expect("the binary runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// A server started as its operator would.
struct Serving {
    child: Child,
    origin: String,
    folder: Folder,
}

impl Serving {
    fn start() -> Self {
        Self::start_in(Folder::new())
    }

    fn start_in(folder: Folder) -> Self {
        Self::start_with(folder, &[])
    }

    fn start_with(folder: Folder, more: &[&str]) -> Self {
        let mut child = conclave(&["serve", "--listen", "127.0.0.1:0", "--udp", "127.0.0.1:0", "--data-dir"])
            .arg(&folder.0)
            .args(more)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut lines = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let mut line = String::new();
        lines.read_line(&mut line).expect("a line");
        let origin = line
            .trim()
            .strip_prefix("conclave: listening on ")
            .unwrap_or_else(|| panic!("{line}"))
            .to_owned();
        child.stderr = Some(lines.into_inner());
        Self { child, origin, folder }
    }

    fn data_dir(&self) -> &str {
        self.folder.0.to_str().expect("a path in UTF-8")
    }

    fn ask(&self, arguments: &[&str]) -> Output {
        run(&[arguments, &["--data-dir", self.data_dir()]].concat())
    }

    /// Ends it as an operator does; its exit code and last words.
    fn terminate(self) -> (Option<i32>, String) {
        let (code, words, _) = self.terminate_and_keep();
        (code, words)
    }

    /// Likewise, and its data.
    fn terminate_and_keep(mut self) -> (Option<i32>, String, Folder) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it is running");
        let mut words = String::new();
        if let Some(stderr) = &mut self.child.stderr {
            stderr.read_to_string(&mut words).expect("UTF-8");
        }
        let code = self.child.wait().expect("it ends").code();
        // The drop below finds a process that has ended and a folder that is somebody else's.
        let folder = std::mem::replace(&mut self.folder, Folder(PathBuf::new()));
        (code, words, folder)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn help_texts_are_as_written_down() {
    for (file, arguments) in [
        ("help.txt", &["--help"][..]),
        ("serve.txt", &["serve", "--help"]),
        ("doctor.txt", &["doctor", "--help"]),
        ("room.txt", &["room", "--help"]),
        ("room-create.txt", &["room", "create", "--help"]),
        ("room-list.txt", &["room", "list", "--help"]),
        ("room-show.txt", &["room", "show", "--help"]),
        ("room-delete.txt", &["room", "delete", "--help"]),
        ("room-limits.txt", &["room", "limits", "--help"]),
        ("room-expire.txt", &["room", "expire", "--help"]),
        ("room-close.txt", &["room", "close", "--help"]),
        ("room-open.txt", &["room", "open", "--help"]),
        ("ticket.txt", &["ticket", "--help"]),
        ("ticket-create.txt", &["ticket", "create", "--help"]),
        ("ticket-list.txt", &["ticket", "list", "--help"]),
        ("ticket-revoke.txt", &["ticket", "revoke", "--help"]),
        ("status.txt", &["status", "--help"]),
        ("metrics.txt", &["metrics", "--help"]),
        ("disclose.txt", &["disclose", "--help"]),
        ("backup.txt", &["backup", "--help"]),
        ("restore.txt", &["restore", "--help"]),
        ("completions.txt", &["completions", "--help"]),
        ("man.txt", &["man", "--help"]),
        ("config.txt", &["config", "--help"]),
        ("config-check.txt", &["config", "check", "--help"]),
        ("config-show.txt", &["config", "show", "--help"]),
        ("config-example.txt", &["config", "example", "--help"]),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(0), "{file}");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli").join(file);
        if std::env::var_os("CONCLAVE_WRITE_SNAPSHOTS").is_some() {
            fs::write(&path, stdout(&output)).expect("the snapshot is written");
        }
        let written = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(stdout(&output), written, "{file}: the help text has changed");
    }
}

#[test]
fn complaints_have_the_programs_voice_and_a_hint() {
    for (arguments, complaint) in [
        (&["--wrong"][..], "unexpected argument '--wrong' found"),
        (
            &["serve", "--listen", "here"],
            "invalid value 'here' for '--listen <IP:PORT>'",
        ),
        (
            &["serve", "--name", "http://x"],
            "name: 'http://x' is not a server name",
        ),
        (
            &["room", "show"],
            "the following required arguments were not provided: <NUMBER>",
        ),
        (
            &["room", "create", "--title", "Choir"],
            "the following required arguments were not provided: --print-links",
        ),
        (&["room", "limits", "1"], "there is nothing to change"),
        (
            &["room", "limits", "1", "--seats", "9"],
            "invalid value '9' for '--seats <SEATS>'",
        ),
        (&["room", "expire", "1"], "there is no day"),
        (&["room", "expire", "1", "--date", "2026-02-30"], "that is not a date"),
        (
            &["ticket", "create", "--expires", "2020-01-31"],
            "that is not a day to come",
        ),
        (&["serve", "--set", "name"], "--set takes a key and a value"),
        (
            &["room", "create", "--moderators", "2"],
            "the following required arguments were not provided: --print-links",
        ),
        (
            &["room", "create", "--strict"],
            "the following required arguments were not provided: --print-links",
        ),
        (
            &["room", "create", "--print-links", "--moderators", "9"],
            "invalid value '9' for '--moderators <NUMBER>'",
        ),
        (
            &["room", "create", "--print-links", "--days", "0"],
            "invalid value '0' for '--days <DAYS>'",
        ),
    ] {
        let output = run(arguments);
        let code = if arguments.contains(&"--name") { 3 } else { 2 };
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        let words = stderr(&output);
        let lines: Vec<&str> = words.lines().collect();
        let [error, hint] = lines.as_slice() else {
            panic!("{arguments:?}: {words}")
        };
        assert!(error.starts_with(&format!("conclave: error: {complaint}")), "{words}");
        assert!(hint.starts_with("conclave: hint: "), "{words}");
        assert!(!error.ends_with('.') && !hint.ends_with('.'), "{words}");
    }
}

#[test]
fn a_command_without_a_server_says_so() {
    let folder = Folder::new();
    let output = run(&["room", "list", "--data-dir", folder.0.to_str().expect("a path")]);
    assert_eq!(output.status.code(), Some(4));
    let words = stderr(&output);
    assert!(words.starts_with("conclave: error: no conclave answers at "), "{words}");
    assert!(
        words.contains("conclave: hint: start it with 'conclave serve'"),
        "{words}"
    );
}

#[test]
fn a_taken_port_is_said_and_not_dodged() {
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a port");
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let (tcp, udp) = (
        tcp.local_addr().expect("a port").to_string(),
        (udp.local_addr().expect("a port").to_string(), udp, tcp),
    );
    for (arguments, what) in [
        (["--listen", tcp.as_str(), "--udp", "127.0.0.1:0"], format!("tcp {tcp}")),
        (
            ["--listen", "127.0.0.1:0", "--udp", udp.0.as_str()],
            format!("udp {}", udp.0),
        ),
    ] {
        let folder = Folder::new();
        let output = conclave(&["serve"])
            .args(arguments)
            .arg("--data-dir")
            .arg(&folder.0)
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(7));
        let words = stderr(&output);
        assert!(
            words.starts_with(&format!("conclave: error: cannot listen on {what}: ")),
            "{words}"
        );
        assert!(
            words.contains("conclave: hint: stop the program that uses this port"),
            "{words}"
        );
    }
}

#[test]
fn a_room_from_its_making_to_its_end() {
    let server = Serving::start();
    assert!(server.origin.starts_with("http://localhost:"), "{}", server.origin);
    let none = server.ask(&["room", "list", "--json"]);
    assert_eq!(stdout(&none), "[]\n");

    let made = server.ask(&[
        "room",
        "create",
        "--title",
        "Reading group",
        "--days",
        "3",
        "--moderators",
        "2",
        "--print-links",
        "--json",
    ]);
    assert!(made.status.success(), "{}", stderr(&made));
    let made: Value = serde_json::from_str(&stdout(&made)).expect("JSON");
    let text = |key: &str| {
        made.get(key)
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("no {key}"))
            .to_owned()
    };
    assert_eq!(made.get("number").and_then(Value::as_i64), Some(1));

    let link = text("guest_link");
    assert!(link.starts_with(&format!("{}/#g", server.origin)) && link.ends_with('z'));
    let guest = GuestLink::parse(&link).expect("a guest link");
    assert!(guest.flags.operator_keys(), "the link says who made the keys");
    let host = HostCredential::parse(&text("host_credential")).expect("a host credential");
    assert!(
        host.guest.room_fp == guest.room_fp,
        "link and credential are of one room"
    );
    assert!(Deed::parse(&text("deed")).is_ok(), "a deed");
    let keys = made.get("moderator_keys").and_then(Value::as_array).expect("a list");
    let keys: Vec<conclave_protocol::moderator::ModeratorKey> = keys
        .iter()
        .filter_map(Value::as_str)
        .map(|text| conclave_protocol::moderator::ModeratorKey::parse(text).expect("a moderator's key"))
        .collect();
    let [first, second] = keys.as_slice() else {
        panic!("{} moderators' keys", keys.len())
    };
    assert!(first.guest == guest && second.guest == guest);
    assert!(first.mandate.serial != second.mandate.serial && first.mandate.pk != second.mandate.pk);
    assert!(first.mandate.not_after_day == host.mandate.not_after_day);

    let words = server.ask(&["room", "create", "--print-links"]);
    let words = stdout(&words);
    assert!(words.starts_with("room 2, until "), "{words}");
    for mark in ["/#g", "conclave-host1:", "conclave-deed1:"] {
        assert_eq!(words.matches(mark).count(), 1, "{mark} once in {words}");
    }
    assert!(!words.contains("conclave-moderator1:"), "{words}");
    let words = stdout(&server.ask(&["room", "create", "--print-links", "--moderators", "3"]));
    assert_eq!(words.matches("conclave-moderator1:").count(), 3, "{words}");
    assert!(words.contains("moderator's key 3 of 3"), "{words}");
    assert!(server.ask(&["room", "delete", "3"]).status.success());

    let list = server.ask(&["room", "list", "--json"]);
    let list: Value = serde_json::from_str(&stdout(&list)).expect("JSON");
    let rooms = list.as_array().expect("an array");
    assert_eq!(
        rooms
            .iter()
            .filter_map(|room| room.get("number")?.as_i64())
            .collect::<Vec<_>>(),
        [1, 2]
    );
    let keys: Vec<&str> = rooms
        .iter()
        .flat_map(|room| room.as_object().into_iter().flatten())
        .map(|(key, _)| key.as_str())
        .collect();
    assert_eq!(
        keys,
        [
            "closed", "expires", "made", "number", "closed", "expires", "made", "number"
        ],
        "a list names nothing else"
    );

    let shown = server.ask(&["room", "show", "1"]);
    let shown = stdout(&shown);
    assert!(
        shown.contains("room id") && shown.contains("sealed sheet   4096 bytes"),
        "{shown}"
    );
    assert!(!shown.contains("Reading group"), "the title is sealed");

    assert!(server.ask(&["room", "delete", "1"]).status.success());
    let gone = server.ask(&["room", "show", "1"]);
    assert_eq!(gone.status.code(), Some(6));
    assert_eq!(
        stderr(&gone),
        "conclave: error: there is no room with this number\nconclave: hint: 'conclave room list' shows the numbers\n"
    );
    let limits = fs::read_to_string(format!("/proc/{}/limits", server.child.id())).expect("limits");
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .expect("a line for cores");
    assert_eq!(
        core.split_whitespace().filter(|word| *word == "0").count(),
        2,
        "no core dump: {core}"
    );
    let (code, last) = server.terminate();
    assert_eq!((code, last.as_str()), (Some(0), "conclave: stopped\n"));
}

#[test]
fn a_room_has_a_host_and_a_lobby_unless_its_operator_says_otherwise() {
    let server = Serving::start();
    for (words, found, lobby, strict) in [
        (&[][..], Found::Host, true, false),
        (&["--no-lobby"], Found::Host, false, false),
        (&["--begin", "anyone"], Found::Anyone, false, false),
        (&["--strict"], Found::Host, true, true),
        (&["--begin", "anyone", "--strict"], Found::Anyone, false, true),
    ] {
        let made = server.ask(&[&["room", "create", "--print-links", "--json"], words].concat());
        assert!(made.status.success(), "{}", stderr(&made));
        assert_eq!(
            stderr(&made).contains("calls in this room begin when its host comes in"),
            found == Found::Host,
            "{words:?}"
        );
        let made: Value = serde_json::from_str(&stdout(&made)).expect("JSON");
        let link = made.get("guest_link").and_then(Value::as_str).expect("a link");
        let guest = GuestLink::parse(link).expect("a guest link");
        let number = made.get("number").and_then(Value::as_i64).expect("a number");
        let Ok(Reply::Room { record, .. }) = ask(&server.folder.0, &Request::RoomShow { number }) else {
            panic!("the room is not shown");
        };
        let record = record_from_text(&record).expect("a record");
        let keys = LinkKeys::derive(&guest.link_secret);
        let [name] = guest.servers.as_slice() else {
            panic!("one server")
        };
        let sheet = sheet::open(&keys, &guest.room_fp, name, &record.limits, &record.sheet).expect("a sheet");
        assert!(sheet.rules == Rules { found, lobby }, "{words:?}");
        assert_eq!(sheet.strict, strict, "{words:?}");
    }
    assert_eq!(server.terminate().0, Some(0));
}

#[test]
fn nothing_that_was_printed_is_kept() {
    let server = Serving::start();
    let made = server.ask(&[
        "room",
        "create",
        "--title",
        "Reading group",
        "--moderators",
        "1",
        "--print-links",
        "--json",
    ]);
    let made: Value = serde_json::from_str(&stdout(&made)).expect("JSON");
    let secrets: Vec<Vec<u8>> = ["/guest_link", "/host_credential", "/deed", "/moderator_keys/0"]
        .iter()
        .filter_map(|key| {
            made.pointer(key)?
                .as_str()?
                .as_bytes()
                .last_chunk::<30>()
                .map(|end| end.to_vec())
        })
        .collect();
    let guest =
        GuestLink::parse(made.get("guest_link").and_then(Value::as_str).expect("a link")).expect("a guest link");
    let needles = [
        secrets,
        vec![guest.link_secret.expose().to_vec(), b"Reading group".to_vec()],
    ]
    .concat();
    assert_eq!(needles.len(), 6);
    let mut read = 0;
    for entry in fs::read_dir(&server.folder.0).expect("a folder").flatten() {
        // The admin socket is no file to read.
        let Ok(bytes) = fs::read(entry.path()) else { continue };
        read += bytes.len();
        for needle in &needles {
            assert!(
                !bytes.windows(needle.len()).any(|window| window == needle),
                "a secret is in {:?}",
                entry.file_name()
            );
        }
    }
    assert!(read > 8_000, "the database was read");
    let (code, _) = server.terminate();
    assert_eq!(code, Some(0));
}

#[test]
fn help_is_shown_where_a_command_is_missing() {
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("Usage: conclave <COMMAND>"),
        "{}",
        stderr(&output)
    );
}
