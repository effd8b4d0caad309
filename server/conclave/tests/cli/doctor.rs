//! `conclave doctor` on this machine: a server that runs, and one that does not. The judgements have tests of their own.

use serde_json::Value;

use crate::{Folder, Serving, run, stdout};

fn level<'a>(report: &'a Value, check: &str) -> &'a str {
    let findings = report["findings"].as_array().expect("findings");
    let finding = findings.iter().find(|finding| finding["check"] == check);
    finding
        .and_then(|finding| finding["level"].as_str())
        .unwrap_or("missing")
}

#[test]
fn the_doctor_sees_a_running_server_and_its_ports() {
    let serving = Serving::start();
    let listen = serving.origin.replace("http://localhost", "127.0.0.1");
    let folder = serving.folder.0.to_str().expect("a path");
    let output = run(&["doctor", "--json", "--listen", &listen, "--data-dir", folder]);
    let report: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(level(&report, "running"), "good");
    assert_eq!(
        level(&report, "core_dumps"),
        "good",
        "the server switched them off itself"
    );
    assert_ne!(level(&report, "files"), "note", "its limits can be read");
    assert_eq!(report["fails"]["join"], false);
    assert!(report["estimate"]["people"].as_u64() > Some(0));
    // For people: each finding on a line, and the estimate last.
    let page = stdout(&run(&["doctor", "--listen", &listen, "--data-dir", folder]));
    assert!(
        page.contains("good     the server runs") && page.contains("people at a time fit"),
        "{page}"
    );
}

#[test]
fn the_doctor_says_what_follows_when_no_server_runs() {
    let folder = Folder::new();
    // A name that is nowhere (RFC 2606), and a port that nobody is given (1).
    let arguments = [
        "doctor",
        "--json",
        "--name",
        "conclave.invalid",
        "--listen",
        "127.0.0.1:1",
        "--set",
        "tls.acme_directory=https://127.0.0.1:1/x",
        "--data-dir",
    ];
    let output = run(&[&arguments[..], &[folder.0.to_str().expect("a path")]].concat());
    assert_eq!(output.status.code(), Some(8));
    let report: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    for check in ["running", "name", "ports", "udp"] {
        assert_eq!(level(&report, check), "fault", "{check}");
    }
    for what in ["join", "sound", "picture"] {
        assert_eq!(report["fails"][what], true, "{what}");
    }
}
