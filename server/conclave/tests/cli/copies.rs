//! Backup and restore with the real binary.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::{Folder, Serving, run, stderr, stdout};

#[test]
fn a_backup_of_a_running_server_is_the_server_elsewhere() {
    let server = Serving::start();
    for _ in 0..3 {
        assert!(server.ask(&["room", "create", "--print-links"]).status.success());
    }
    assert!(server.ask(&["room", "delete", "2"]).status.success());
    assert!(server.ask(&["room", "close", "3"]).status.success());
    let list = stdout(&server.ask(&["room", "list", "--json"]));
    let elsewhere = Folder::new();
    fs::create_dir(&elsewhere.0).expect("a folder");
    let file = elsewhere.0.join("backup.sqlite");
    let file = file.to_str().expect("a path");

    let written = server.ask(&["backup", file, "--json"]);
    assert_eq!(stdout(&written), "{\"rooms\":2}\n", "{}", stderr(&written));
    let mode = fs::metadata(file).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = server.ask(&["backup", file]);
    assert_eq!(again.status.code(), Some(1));
    assert!(
        stderr(&again).contains("hint: a backup never overwrites a file"),
        "{}",
        stderr(&again)
    );

    // Over the running server: refused, and nothing has changed.
    let busy = server.ask(&["restore", file, "--replace"]);
    assert_eq!(busy.status.code(), Some(7), "{}", stderr(&busy));
    assert_eq!(stdout(&server.ask(&["room", "list", "--json"])), list);

    // Over a stopped server with other rooms: only if it is said so.
    assert!(server.ask(&["room", "create", "--print-links"]).status.success());
    let (_, _, folder) = server.terminate_and_keep();
    let data = ["--data-dir", folder.0.to_str().expect("a path")];
    let lost = run(&[&["restore", file], &data[..]].concat());
    assert_eq!(lost.status.code(), Some(2), "{}", stderr(&lost));
    assert!(stderr(&lost).contains("hint: add --replace"), "{}", stderr(&lost));
    let restored = run(&[&["restore", file, "--replace", "--json"], &data[..]].concat());
    assert_eq!(stdout(&restored), "{\"rooms\":2}\n", "{}", stderr(&restored));
    let left: Vec<_> = fs::read_dir(&folder.0)
        .expect("a folder")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name != "lock" && name != "rooms.sqlite")
        .collect();
    assert!(left.is_empty(), "{left:?}");
    let server = Serving::start_in(folder);
    assert_eq!(stdout(&server.ask(&["room", "list", "--json"])), list);

    // Into a folder that was not there.
    let fresh = Folder::new();
    let data = ["--data-dir", fresh.0.to_str().expect("a path")];
    let restored = run(&[&["restore", file], &data[..]].concat());
    assert_eq!(restored.status.code(), Some(0), "{}", stderr(&restored));
    let server = Serving::start_in(fresh);
    assert_eq!(stdout(&server.ask(&["room", "list", "--json"])), list);
}

#[test]
fn restoring_overwrites_what_was_there() {
    let empty = Serving::start();
    let backups = Folder::new();
    fs::create_dir(&backups.0).expect("a folder");
    let file = backups.0.join("empty.sqlite");
    let file = file.to_str().expect("a path");
    assert!(empty.ask(&["backup", file]).status.success());

    let server = Serving::start();
    assert!(server.ask(&["room", "create", "--print-links"]).status.success());
    let shown: serde_json::Value =
        serde_json::from_str(&stdout(&server.ask(&["room", "show", "1", "--json"]))).expect("JSON");
    let id = shown["room_id"].as_str().expect("an id").to_owned();
    let (_, _, folder) = server.terminate_and_keep();
    let database = folder.0.join("rooms.sqlite");
    let holds_the_room = || {
        let file = fs::read(&database).expect("a database");
        file.windows(16)
            .any(|window| window.iter().map(|byte| format!("{byte:02x}")).collect::<String>() == id)
    };
    assert!(holds_the_room(), "the search finds what is there");
    let data = ["--data-dir", folder.0.to_str().expect("a path")];
    assert!(
        run(&[&["restore", file, "--replace"], &data[..]].concat())
            .status
            .success()
    );
    assert!(!holds_the_room(), "the old room is still on the disk");
}

#[test]
fn what_is_no_backup_changes_nothing() {
    let server = Serving::start();
    assert!(server.ask(&["room", "create", "--print-links"]).status.success());
    let (_, _, folder) = server.terminate_and_keep();
    let database = folder.0.join("rooms.sqlite");
    let before = fs::read(&database).expect("a database");
    let data = ["--data-dir", folder.0.to_str().expect("a path")];
    let other = Folder::new();
    fs::create_dir(&other.0).expect("a folder");
    let text = other.0.join("text");
    fs::write(&text, "no database at all, but long enough to be looked at".repeat(100)).expect("a file");
    // Cut in the middle, as by a full disk.
    let torn = other.0.join("torn");
    fs::write(&torn, before.get(..before.len() / 2).expect("a half")).expect("a file");
    for (file, code) in [(&text, 1), (&torn, 1), (&other.0.join("absent"), 1)] {
        let file = file.to_str().expect("a path");
        let refused = run(&[&["restore", file, "--replace"], &data[..]].concat());
        assert_eq!(refused.status.code(), Some(code), "{}", stderr(&refused));
        assert!(stderr(&refused).contains(file), "{}", stderr(&refused));
        assert_eq!(fs::read(&database).expect("a database"), before);
        assert!(!folder.0.join("restore.sqlite").exists());
    }
}

#[test]
fn root_leaves_files_that_the_services_user_can_open() {
    // Only root can give files away; elsewhere there is nothing to test.
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let server = Serving::start();
    let backups = Folder::new();
    fs::create_dir(&backups.0).expect("a folder");
    let file = backups.0.join("backup.sqlite");
    let file = file.to_str().expect("a path");
    assert!(server.ask(&["backup", file]).status.success());

    let folder = Folder::new();
    fs::create_dir(&folder.0).expect("a folder");
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o700)).expect("a mode");
    std::os::unix::fs::chown(&folder.0, Some(65_534), Some(65_534)).expect("given away");
    let data = ["--data-dir", folder.0.to_str().expect("a path")];
    assert!(run(&[&["restore", file], &data[..]].concat()).status.success());
    for name in ["lock", "rooms.sqlite"] {
        use std::os::unix::fs::MetadataExt;
        assert_eq!(
            fs::metadata(folder.0.join(name)).expect("a file").uid(),
            65_534,
            "{name}"
        );
    }

    // A link that the service's user put there is not followed.
    let target = backups.0.join("target");
    fs::write(&target, "not yours").expect("a file");
    fs::remove_file(folder.0.join("lock")).expect("gone");
    std::os::unix::fs::symlink(&target, folder.0.join("lock")).expect("a link");
    let refused = run(&[&["restore", file, "--replace"], &data[..]].concat());
    assert!(!refused.status.success());
    fs::remove_file(folder.0.join("lock")).expect("gone");
    fs::remove_file(folder.0.join("rooms.sqlite")).expect("gone");
    std::os::unix::fs::symlink(&target, folder.0.join("rooms.sqlite")).expect("a link");
    let refused = run(&[&["restore", file, "--replace"], &data[..]].concat());
    assert!(!refused.status.success());
    assert_eq!(fs::read_to_string(&target).expect("a file"), "not yours");
}
