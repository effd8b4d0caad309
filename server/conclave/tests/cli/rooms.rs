//! What an operator can take away from a room, and databases that older versions wrote.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use serde_json::Value;

use crate::{Folder, Serving, stderr, stdout};

fn json(output: &std::process::Output) -> Value {
    assert!(output.status.success(), "{}", stderr(output));
    serde_json::from_str(&stdout(output)).expect("JSON")
}

/// `tests/data/rooms-v1.sqlite` was written by the last version that knew nothing else, with two rooms, 1 and 3; both open
/// under meet.example.org and end on 2035-02-08.
fn folder_of_version_1() -> Folder {
    let folder = Folder::new();
    fs::create_dir(&folder.0).expect("a folder");
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o700)).expect("a mode");
    let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/rooms-v1.sqlite");
    fs::copy(old, folder.0.join("rooms.sqlite")).expect("a copy");
    folder
}

#[test]
fn the_database_of_the_first_version_is_read_and_kept_as_it_was() {
    let server = Serving::start_in(folder_of_version_1());
    let list = json(&server.ask(&["room", "list", "--json"]));
    let numbers: Vec<_> = list
        .as_array()
        .expect("a list")
        .iter()
        .map(|room| room["number"].as_i64())
        .collect();
    assert_eq!(numbers, [Some(1), Some(3)]);
    let room = json(&server.ask(&["room", "show", "3", "--json"]));
    for (key, value) in [
        ("room_id", "b9664318b72882f2c56e9ff8aa7d8ed5"),
        (
            "admission_key",
            "1fd42bafa2b0c8a94310b89af4db43f50c77142fec71a131a12acb29d4d6a643",
        ),
        (
            "manage_key",
            "6406b536b9afba84a824c4e4ec142fbb68848e76268edbb94f3386e161949ed3",
        ),
        ("made", "2026-11-22"),
        ("expires", "2035-02-08"),
    ] {
        assert_eq!(room[key], value, "{key}");
    }
    assert_eq!(
        (&room["max_members"], &room["closed"]),
        (&Value::from(250), &Value::from(false))
    );
}

#[test]
fn what_the_operator_takes_away_outlives_a_restart_and_can_be_given_back() {
    let server = Serving::start_in(folder_of_version_1());
    let limited = json(&server.ask(&["room", "limits", "1", "--members", "20", "--seats", "2", "--json"]));
    assert_eq!(
        (
            &limited["max_members"],
            &limited["owner_max_members"],
            &limited["max_seats"],
            &limited["max_calls"]
        ),
        (&20.into(), &250.into(), &2.into(), &4.into())
    );
    let ends = json(&server.ask(&["room", "expire", "1", "--date", "2030-01-31", "--json"]));
    assert_eq!(
        (&ends["expires"], &ends["owner_expires"]),
        (&"2030-01-31".into(), &"2035-02-08".into())
    );
    let closed = json(&server.ask(&["room", "close", "1", "--json"]));
    assert_eq!(closed["closed"], true);

    let (_, _, folder) = server.terminate_and_keep();
    let server = Serving::start_in(folder);
    let list = stdout(&server.ask(&["room", "list"]));
    assert_eq!(
        list,
        "number  made        expires\n     1  2026-11-22  2030-01-31  closed\n     3  2026-11-22  2035-02-08\n"
    );
    let shown = stdout(&server.ask(&["room", "show", "1"]));
    assert!(shown.contains("members, most  20 (the owner allows 250)\n"), "{shown}");
    assert!(
        shown.contains("expires        2030-01-31 (the owner allows 2035-02-08)\n"),
        "{shown}"
    );
    assert!(shown.contains("closed         yes\n"), "{shown}");

    let opened = json(&server.ask(&["room", "open", "1", "--json"]));
    assert_eq!((&opened["closed"], &opened["max_members"]), (&false.into(), &20.into()));
    // More than the owner signed takes nothing away and gives nothing.
    let given_back = json(&server.ask(&["room", "limits", "1", "--members", "250", "--json"]));
    assert_eq!(given_back["max_members"], 250);
    let owners = json(&server.ask(&["room", "expire", "1", "--owner", "--json"]));
    assert_eq!(owners["expires"], "2035-02-08");

    let later = server.ask(&["room", "expire", "1", "--date", "2035-02-09"]);
    assert_eq!(later.status.code(), Some(1));
    assert!(stderr(&later).starts_with("conclave: error: the room's owner signed an earlier last day\n"));
    for command in [
        &["room", "close", "2"][..],
        &["room", "open", "2"],
        &["room", "limits", "2", "--calls", "1"],
    ] {
        assert_eq!(server.ask(command).status.code(), Some(6), "{command:?}");
    }
}
