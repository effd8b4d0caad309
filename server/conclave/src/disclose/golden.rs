//! The golden file: every field that the admin socket, the wire language, the metrics, the log or the database can say, each with the
//! number of the decision record that explains why it names, locates and counts nobody in a room.
//!
//! It is read off the code: the database from its schema, the metrics from their text, messages and log lines from the sources.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use quote::ToTokens;
use syn::visit::{self, Visit};

use super::tables;
use crate::{config::Limits, metrics::Observer};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn parse(path: &Path) -> syn::File {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn tokens(of: &impl ToTokens) -> String {
    // The printer puts blanks between all tokens.
    let mut text = of.to_token_stream().to_string();
    for (wide, narrow) in [
        (" < ", "<"),
        (" > ", ">"),
        (" >", ">"),
        (" :: ", "::"),
        (" ,", ","),
        (" ; ", "; "),
        ("& ", "&"),
    ] {
        text = text.replace(wide, narrow);
    }
    text
}

/// Every public enum and struct of a source file, field by field.
fn types(kind: &str, path: &str, only: &[&str]) -> BTreeSet<String> {
    let mut entries = BTreeSet::new();
    let mut add = |owner: &str, fields: &syn::Fields| {
        if fields.is_empty() {
            entries.insert(format!("{kind} {owner}"));
        }
        for (index, field) in fields.iter().enumerate() {
            let name = field
                .ident
                .as_ref()
                .map_or_else(|| index.to_string(), ToString::to_string);
            entries.insert(format!("{kind} {owner}.{name}: {}", tokens(&field.ty)));
        }
    };
    for item in parse(&repository().join(path)).items {
        match item {
            syn::Item::Enum(item) if wanted(only, &item.ident) => {
                for variant in &item.variants {
                    add(&format!("{}::{}", item.ident, variant.ident), &variant.fields);
                }
            }
            syn::Item::Struct(item) if wanted(only, &item.ident) => add(&item.ident.to_string(), &item.fields),
            _ => {}
        }
    }
    assert!(!entries.is_empty(), "{path} holds no types: name the file that does");
    entries
}

fn wanted(only: &[&str], name: &syn::Ident) -> bool {
    only.is_empty() || only.iter().any(|wanted| name == wanted)
}

/// What is handed to `tracing`, in all of the server's sources.
fn log_lines() -> BTreeSet<String> {
    #[derive(Default)]
    struct Lines(BTreeSet<String>);
    impl<'ast> Visit<'ast> for Lines {
        fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
            let is_test = module
                .attrs
                .iter()
                .any(|attribute| tokens(attribute).contains("cfg (test)"));
            if !is_test {
                visit::visit_item_mod(self, module);
            }
        }

        fn visit_macro(&mut self, found: &'ast syn::Macro) {
            let path: Vec<String> = found.path.segments.iter().map(|part| part.ident.to_string()).collect();
            let level = path.last().map(String::as_str).unwrap_or_default();
            let levels = ["trace", "debug", "info", "warn", "error", "event", "span"];
            if path.len() == 1 && ["trace", "debug", "info", "warn", "span", "event"].contains(&level) {
                panic!("write tracing::{level}!, so that this test finds it");
            }
            if path.first().is_some_and(|first| first == "tracing") && levels.contains(&level) {
                self.0.insert(format!("log {level} {}", tokens(&found.tokens)));
            }
            visit::visit_macro(self, found);
        }
    }
    let mut lines = Lines::default();
    let mut folders = vec![repository().join("server")];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() && name != "tests" && name != "examples" {
                folders.push(path);
            } else if name.ends_with(".rs") && !name.ends_with("tests.rs") && name != "golden.rs" {
                lines.visit_file(&parse(&path));
                read += 1;
            }
        }
    }
    assert!(read > 50, "the sources were read");
    lines.0
}

fn metrics() -> BTreeSet<String> {
    let limits = Limits {
        egress_mbit: Some(1),
        ..Limits::default()
    };
    let text = Observer::new(std::sync::Arc::default(), limits, &std::env::temp_dir())
        .snapshot(0, 0)
        .open_metrics();
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let (series, _) = line.rsplit_once(' ')?;
            // Labels by name, not by value.
            Some(match series.split_once('{') {
                None => format!("metric {series}"),
                Some((name, labels)) => {
                    let labels: Vec<&str> = labels.split(',').filter_map(|label| label.split('=').next()).collect();
                    format!("metric {name}{{{}}}", labels.join(","))
                }
            })
        })
        .collect()
}

fn all() -> BTreeSet<String> {
    let columns = tables::columns().expect("the schema");
    let mut entries: BTreeSet<String> = columns
        .iter()
        .map(|column| format!("database {}: {}", column.name, column.kind))
        .collect();
    entries.extend(metrics());
    entries.extend(log_lines());
    entries.extend(types("admin", "server/conclave/src/admin/mod.rs", &[]));
    entries.extend(types(
        "admin",
        "server/conclave/src/metrics.rs",
        &["Resource", "Usage", "Snapshot"],
    ));
    entries.extend(types("wire", "server/protocol/src/message.rs", &[]));
    entries.extend(types(
        "wire",
        "server/protocol/src/manage.rs",
        &["RoomChange", "ManagedRoom", "Replacement"],
    ));
    entries.extend(types("wire", "server/protocol/src/refusal.rs", &["RefusalCode"]));
    entries.extend(types(
        "stored",
        "server/protocol/src/room.rs",
        &["RoomRecord", "Limits"],
    ));
    entries
}

/// `NNNN  entry`, sorted by entry; lines with # are comments.
fn written() -> BTreeMap<String, String> {
    let path = repository().join("tests/golden/disclosure.txt");
    let text = fs::read_to_string(path).expect("the golden file");
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| {
            let (record, entry) = line.split_once("  ").unwrap_or_else(|| panic!("no record in: {line}"));
            (entry.to_owned(), record.to_owned())
        })
        .collect()
}

#[test]
fn what_the_server_can_say_is_explained_by_decisions() {
    let (all, written) = (all(), written());
    let new: Vec<&String> = all.iter().filter(|entry| !written.contains_key(*entry)).collect();
    let gone: Vec<&String> = written.keys().filter(|entry| !all.contains(*entry)).collect();
    let listed = |entries: &[&String]| entries.iter().map(|entry| format!("  {entry}\n")).collect::<String>();
    assert!(
        new.is_empty() && gone.is_empty(),
        "What the server can say, store or log has changed.\n\nnew:\n{}gone:\n{}\n\
         A new field must not name, locate or count people in a room. Explain in a decision record (docs/decisions) what it tells \
         whom and why it is needed, then add the line to tests/golden/disclosure.txt with the record's number before it, as in\n  \
         0016  {}\nand take out the lines of what is gone. A field that names, locates or counts people has no place here.\n",
        listed(&new),
        listed(&gone),
        new.first().map_or("entry", |entry| entry.as_str()),
    );
    let records: BTreeSet<String> = fs::read_dir(repository().join("docs/decisions"))
        .expect("the records")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok()?.get(..4).map(str::to_owned))
        .collect();
    for (entry, record) in &written {
        assert!(
            record.bytes().all(|byte| byte.is_ascii_digit()) && records.contains(record),
            "there is no decision {record}, which shall explain: {entry}"
        );
    }
}

#[test]
fn every_column_and_file_is_described() {
    for column in tables::columns().expect("the schema") {
        assert!(column.is.is_some(), "say in disclose/tables.rs what {} is", column.name);
    }
}

#[test]
fn the_search_sees_a_field_a_line_and_a_column() {
    let all = all();
    for expected in [
        "admin Request::RoomClose.number: i64",
        "admin RoomLine.day_expires: u16",
        "wire ClientMessage::Hello.room_id: RoomId",
        "wire ServerMessage::Refused",
        "stored RoomRecord.sheet: Vec<u8>",
        "database rooms.sheet: BLOB",
        "metric conclave_connections",
        "metric conclave_build_info{version}",
        "log warn % error, \"expired rooms could not be deleted\"",
    ] {
        assert!(
            all.iter().any(|entry| entry.starts_with(expected)),
            "{expected}\n{all:#?}"
        );
    }
}
