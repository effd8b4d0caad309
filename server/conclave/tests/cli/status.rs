//! Totals, metrics and disclosure, as an operator asks for them.

use std::{
    io::{Read, Write},
    net::TcpStream,
    os::unix::net::UnixStream,
};

use serde_json::Value;

use crate::{Folder, Serving, run, stderr, stdout};

/// Opens a socket as a browser does, and leaves it waiting.
fn waiting_socket(server: &Serving) -> TcpStream {
    let host = server.origin.strip_prefix("http://").expect("plain HTTP");
    let port = host.rsplit_once(':').expect("a port").1;
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).expect("the port is open");
    let request = format!(
        "GET /v1/socket HTTP/1.1\r\nHost: {host}\r\nOrigin: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Protocol: conclave.1\r\n\r\n",
        server.origin
    );
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = Vec::new();
    let mut byte = [0];
    // The head, and the first bytes of the challenge: then the control task knows the connection.
    while !answer.windows(4).any(|window| window == b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("an answer");
        answer.extend(byte);
    }
    stream.read_exact(&mut byte).expect("a challenge");
    assert!(
        answer.starts_with(b"HTTP/1.1 101"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    stream
}

fn status(server: &Serving) -> Value {
    let output = server.ask(&["status", "--json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    serde_json::from_str(&stdout(&output)).expect("JSON")
}

#[test]
fn status_tells_totals_in_steps_and_warns_when_asked() {
    let server = Serving::start_with(Folder::new(), &["--set", "limits.connections=10"]);
    assert!(server.ask(&["room", "create", "--print-links"]).status.success());
    let told = |status: &Value| {
        let usage = status["usage"].as_array().expect("a list").clone();
        let line = usage.into_iter().find(|line| line["resource"] == "connections");
        line.expect("connections")
    };
    let quiet = status(&server);
    assert_eq!(
        (&quiet["rooms"], &quiet["version"]),
        (&1.into(), &env!("CARGO_PKG_VERSION").into())
    );
    assert_eq!((&told(&quiet)["used"], &told(&quiet)["limit"]), (&0.into(), &10.into()));

    let one = waiting_socket(&server);
    let with_one = status(&server);
    let two = waiting_socket(&server);
    assert_eq!(told(&with_one), told(&status(&server)), "one more is not seen");
    assert_eq!(told(&with_one)["used"], 10);
    let high = with_one["high"].as_array().expect("a list");
    assert!(high.contains(&"connections".into()), "{high:?}");

    let words = server.ask(&["status"]);
    assert_eq!(words.status.code(), Some(0));
    assert!(
        stdout(&words).contains("connections    up to 10 of 10 (100 %)\n"),
        "{}",
        stdout(&words)
    );
    assert!(
        stderr(&words).contains("conclave: warning: connections: 100 % of the limit\nconclave: hint: newcomers"),
        "{}",
        stderr(&words)
    );
    assert_eq!(server.ask(&["status", "--check"]).status.code(), Some(8));
    drop((one, two));
}

#[test]
fn metrics_come_by_command_and_over_the_socket_and_are_the_same() {
    let server = Serving::start();
    let printed = stdout(&server.ask(&["metrics"]));
    assert!(printed.ends_with("# EOF\n"), "{printed}");
    let mut socket = UnixStream::connect(server.folder.0.join("admin.sock")).expect("the socket is open");
    socket
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n")
        .expect("a request");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\nContent-Type: application/openmetrics-text;"),
        "{head}"
    );
    // Memory may have moved in between; what there is has not.
    let names = |text: &str| -> Vec<String> {
        text.lines()
            .map(|line| line.rsplit_once(' ').map_or(line, |(name, _)| name).to_owned())
            .collect()
    };
    assert_eq!(names(body), names(&printed));
}

#[test]
fn disclosure_needs_no_server_and_names_what_is_there() {
    let server = Serving::start();
    assert!(server.ask(&["room", "create", "--print-links"]).status.success());
    std::fs::write(server.folder.0.join("notes.txt"), "not ours").expect("a file");
    let told: Value = serde_json::from_str(&stdout(&server.ask(&["disclose", "--json"]))).expect("JSON");
    let files = told["files"].as_array().expect("a list");
    for file in files {
        let known = file["name"] != "notes.txt";
        assert_eq!(file["is"].is_string(), known, "{file}");
    }
    assert!(files.len() >= 4, "{files:?}");
    assert!(
        told["database"]
            .as_array()
            .expect("a list")
            .iter()
            .all(|column| column["is"].is_string())
    );
    for part in ["memory", "log", "keys", "others", "from_now_on", "absent"] {
        assert!(!told[part].as_array().expect("a list").is_empty(), "{part}");
    }

    let words = run(&["disclose", "--data-dir", "/nowhere"]);
    assert!(words.status.success(), "{}", stderr(&words));
    let words = stdout(&words);
    for part in [
        "rooms.sheet",
        "In memory",
        "hoster",
        "certificate transparency",
        "In the log",
        "cannot be produced",
    ] {
        assert!(words.contains(part), "{part}");
    }
    assert!(words.lines().all(|line| line.len() <= 100), "{words}");
}
