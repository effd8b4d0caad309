//! `conclave config`, and what `serve` makes of a wrong configuration.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{Folder, run, stderr, stdout};

#[test]
fn the_example_in_the_repository_is_what_the_binary_prints() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/conclave.toml");
    let printed = stdout(&run(&["config", "example"]));
    if std::env::var_os("CONCLAVE_WRITE_SNAPSHOTS").is_some() {
        fs::write(&path, &printed).expect("the example is written");
    }
    assert_eq!(
        printed,
        fs::read_to_string(&path).expect("the example"),
        "the configuration has changed"
    );
}

#[test]
fn a_configuration_is_checked_and_shown_without_starting_anything() {
    let folder = Folder::new();
    fs::create_dir(&folder.0).expect("a folder");
    let file = folder.0.join("conclave.toml");
    let file = file.to_str().expect("a path");
    fs::write(file, "name = \"meet.example.org\"\n").expect("a file");
    let data = ["--config", file, "--data-dir", "/nowhere"];

    let good = run(&[&["config", "check"], &data[..]].concat());
    assert_eq!(good.status.code(), Some(0), "{}", stderr(&good));
    assert_eq!(stderr(&good), format!("conclave: {file} is in order\n"));

    let shown = run(&[&["config", "show", "--json", "--set", "log.level=warn"], &data[..]].concat());
    let shown: Value = serde_json::from_str(&stdout(&shown)).expect("JSON");
    let line = |key: &str| {
        let line = shown.as_array().expect("a list").iter().find(|line| line["key"] == key);
        let line = line.unwrap_or_else(|| panic!("no {key}"));
        (
            line["value"].as_str().map(str::to_owned),
            line["from"].as_str().map(str::to_owned),
        )
    };
    let pair = |value: &str, from: &str| (Some(value.to_owned()), Some(from.to_owned()));
    assert_eq!(line("name"), pair("\"meet.example.org\"", "file"));
    assert_eq!(line("listen.https"), pair("\"[::]:443\"", "default"));
    assert_eq!(line("tls.mode"), pair("\"acme\"", "default"));
    assert_eq!(line("log.level"), pair("\"warn\"", "option"));
    assert_eq!(line("data_dir"), pair("\"/nowhere\"", "option"));
    assert_eq!(line("limits.egress_mbit").0, None);

    fs::write(file, "nam = \"meet.example.org\"\n[limit]\n").expect("a file");
    for command in [&["config", "check"][..], &["config", "show"], &["serve"]] {
        let bad = run(&[command, &data].concat());
        assert_eq!(bad.status.code(), Some(3));
        assert_eq!(
            stderr(&bad),
            format!(
                "conclave: error: {file}:1: there is no key 'nam'\nconclave: hint: did you mean 'name'?\n\
                 conclave: error: {file}:2: there is no key 'limit'\nconclave: hint: did you mean 'limits'?\n"
            )
        );
    }
}
