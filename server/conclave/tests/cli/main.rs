//! The real binary, as an operator uses it. Help texts are held against the files in `tests/cli/`; after a wanted
//! change, run with `CONCLAVE_WRITE_SNAPSHOTS=1` and read the difference.

mod copies;
mod doctor;
mod making;
mod manual;
mod rooms;
mod serving;
mod settings;
mod status;
mod tickets;

use std::{
    fs,
    net::{TcpListener, UdpSocket},
    path::Path,
};

use serving::{Folder, Serving, conclave, run, stderr, stdout};

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
fn help_is_shown_where_a_command_is_missing() {
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("Usage: conclave <COMMAND>"),
        "{}",
        stderr(&output)
    );
}
