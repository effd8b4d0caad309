//! `conclave ticket`, with the real binary.

use std::fs;

use conclave_protocol::link::TicketLink;
use serde_json::Value;

use crate::{Folder, Serving, run, stderr, stdout};

fn json(output: &std::process::Output) -> Value {
    assert!(output.status.success(), "{}", stderr(output));
    serde_json::from_str(&stdout(output)).expect("JSON")
}

#[test]
fn a_ticket_from_its_making_to_its_end() {
    let server = Serving::start();
    assert_eq!(stdout(&server.ask(&["ticket", "list", "--json"])), "[]\n");
    // What `room create` gives unless told to make the keys here.
    let words = stdout(&server.ask(&["room", "create"]));
    assert!(words.starts_with("ticket 1, until "), "{words}");
    assert_eq!(words.matches("/#t").count(), 1, "{words}");

    let made = json(&server.ask(&["ticket", "create", "--expires", "2090-01-31", "--json"]));
    assert_eq!((&made["number"], &made["expires"]), (&2.into(), &"2090-01-31".into()));
    let link = made["ticket_link"].as_str().expect("a link");
    assert!(link.starts_with(&format!("{}/#t", server.origin)), "{link}");
    let ticket = TicketLink::parse(link).expect("a ticket link");
    assert!(server.origin.ends_with(ticket.server.as_str()));

    // The secret stays with whoever has the link.
    let secret = ticket.ticket_secret.expose();
    let mut read = 0;
    for entry in fs::read_dir(&server.folder.0).expect("a folder").flatten() {
        let Ok(bytes) = fs::read(entry.path()) else { continue };
        read += bytes.len();
        assert!(
            !bytes.windows(32).any(|window| window == secret),
            "{:?}",
            entry.file_name()
        );
    }
    assert!(read > 8_000, "the database was read");

    let list = json(&server.ask(&["ticket", "list", "--json"]));
    let keys: Vec<&str> = list
        .as_array()
        .expect("an array")
        .iter()
        .flat_map(|ticket| ticket.as_object().into_iter().flatten())
        .map(|(key, _)| key.as_str())
        .collect();
    assert_eq!(
        keys,
        ["expires", "number", "expires", "number"],
        "a list names nothing else"
    );
    assert!(server.ask(&["ticket", "revoke", "1"]).status.success());
    let gone = server.ask(&["ticket", "revoke", "1"]);
    assert_eq!(gone.status.code(), Some(6));
    assert!(stderr(&gone).starts_with("conclave: error: there is no unused ticket with this number\n"));
    assert_eq!(
        stdout(&server.ask(&["ticket", "list"])),
        "number  expires\n     2  2090-01-31\n"
    );
    assert_eq!(server.terminate().0, Some(0));
}

#[test]
fn a_backup_holds_no_tickets() {
    let server = Serving::start();
    assert!(server.ask(&["room", "create", "--print-links"]).status.success());
    let made = json(&server.ask(&["ticket", "create", "--json"]));
    let ticket = TicketLink::parse(made["ticket_link"].as_str().expect("a link")).expect("a ticket link");
    let hash = conclave_protocol::manage::TicketHash::of(&ticket.ticket_secret);
    let elsewhere = Folder::new();
    fs::create_dir(&elsewhere.0).expect("a folder");
    let file = elsewhere.0.join("backup.sqlite");
    let path = file.to_str().expect("a path");
    assert!(server.ask(&["backup", path]).status.success());
    let holds = |file: &std::path::Path| {
        let bytes = fs::read(file).expect("a file");
        bytes.windows(32).any(|window| window == hash.as_bytes())
    };
    assert!(holds(&server.folder.0.join("rooms.sqlite")), "the positive control");
    assert!(!holds(&file));
    assert_eq!(server.terminate().0, Some(0));
    let data = ["--data-dir", elsewhere.0.to_str().expect("a path")];
    assert_eq!(run(&[&["ticket", "list"], &data[..]].concat()).status.code(), Some(4));
}
