//! Rooms from their making to their end: what is printed, what is kept, what is sealed.

use std::fs;

use conclave::admin::{Reply, Request, client::ask, record_from_text};
use conclave_protocol::{
    credential::{Deed, HostCredential},
    keys::LinkKeys,
    link::GuestLink,
    moderator::ModeratorKey,
    sheet::{self, Found, Rules},
};
use serde_json::Value;

use crate::{Serving, stderr, stdout};

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
    let keys: Vec<ModeratorKey> = keys
        .iter()
        .filter_map(Value::as_str)
        .map(|text| ModeratorKey::parse(text).expect("a moderator's key"))
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
