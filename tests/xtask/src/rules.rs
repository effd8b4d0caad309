//! Who may depend on whom, read from `cargo metadata`, and the lints that keep the pure crates pure.
//!
//! "The server cannot decrypt, because the code is not there" is a claim about this graph, so it is checked here on
//! every run. Each rule counts as one test; the tests below show that each can fail.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::client::cargo;
use crate::place::Place;
use crate::run::{Failure, Result, Show};
use crate::tally::Tally;

/// Every crate of the workspace and the workspace crates it may name: in its code, and besides in its tests.
const MAY_NAME: [(&str, &[&str], &[&str]); 10] = [
    ("conclave-protocol", &[], &[]),
    ("conclave-rooms", &["conclave-protocol"], &[]),
    ("conclave-sfu", &[], &[]),
    (
        "conclave",
        &["conclave-protocol", "conclave-rooms", "conclave-sfu"],
        &[],
    ),
    // Its tests run members against the real delivery service, without sockets.
    ("conclave-core", &["conclave-protocol"], &["conclave-rooms"]),
    ("conclave-frame", &[], &[]),
    ("conclave-core-wasm", &["conclave-core", "conclave-protocol"], &[]),
    ("conclave-frame-wasm", &["conclave-frame"], &[]),
    (
        "conclave-bots",
        &[
            "conclave",
            "conclave-core",
            "conclave-frame",
            "conclave-protocol",
            "conclave-rooms",
            "conclave-sfu",
        ],
        &[],
    ),
    ("xtask", &[], &[]),
];

/// A crate whose name starts with one of `never` must not be reachable from `from`.
struct Never {
    says: &'static str,
    from: &'static [&'static str],
    never: &'static [&'static str],
}

const SERVER: &[&str] = &["conclave", "conclave-protocol", "conclave-rooms", "conclave-sfu"];
const PURE: &[&str] = &[
    "conclave-protocol",
    "conclave-rooms",
    "conclave-sfu",
    "conclave-core",
    "conclave-frame",
];

const NEVER: [Never; 5] = [
    Never {
        says: "no server crate reaches the MLS library or the SFrame cipher",
        from: SERVER,
        never: &["openmls", "mls-rs", "sframe", "conclave-core", "conclave-frame"],
    },
    Never {
        says: "the media module in the browser has no MLS",
        from: &["conclave-frame", "conclave-frame-wasm"],
        never: &["openmls", "mls-rs", "conclave-core", "conclave-protocol"],
    },
    Never {
        says: "rooms and the forwarding plane do not know each other",
        from: &["conclave-rooms"],
        never: &["conclave-sfu", "rtc"],
    },
    Never {
        says: "the forwarding plane knows packets, not the protocol of rooms",
        from: &["conclave-sfu"],
        never: &["conclave-rooms", "conclave-protocol"],
    },
    Never {
        says: "pure crates have no runtime, no sockets and no disk",
        from: PURE,
        never: &["tokio", "async-std", "smol", "axum", "hyper", "rusqlite"],
    },
];

/// The edges that `cargo metadata` reports, by crate name.
#[derive(Default)]
struct Graph {
    members: BTreeSet<String>,
    /// Normal and build dependencies.
    code: BTreeMap<String, BTreeSet<String>>,
    /// Development dependencies.
    tests: BTreeMap<String, BTreeSet<String>>,
}

/// The step `rules`.
pub fn check(place: &Place) -> Result<Tally> {
    let arguments = ["metadata", "--locked", "--format-version", "1"];
    let output = cargo(place, "rules", Show::OnFailure).args(arguments).run()?;
    // Cargo's own messages come before the one line of JSON.
    let json = output.lines().find(|line| line.starts_with('{')).unwrap_or_default();
    let graph = Graph::read(json)?;
    let mut tally = Tally::default();
    let mut judge = |says: &str, faults: Vec<String>| {
        for fault in &faults {
            println!("[rules] {says}: {fault}");
        }
        if faults.is_empty() {
            tally.passed += 1
        } else {
            tally.failed += 1
        }
    };
    judge("each crate names only what it may", graph.named());
    judge("nothing depends on tests", graph.on_tests());
    for rule in &NEVER {
        judge(rule.says, graph.reached(rule));
    }
    judge(
        "pure crates forbid clocks, randomness, files and sockets by lint",
        pure_lints(place),
    );
    Ok(tally)
}

/// Each pure crate has a `clippy.toml`, and they are all the same.
fn pure_lints(place: &Place) -> Vec<String> {
    let file = |folder: &str| place.root.join(folder).join("clippy.toml");
    let read = |folder| std::fs::read_to_string(file(folder)).unwrap_or_default();
    let model = read("server/rooms");
    let mut faults = Vec::new();
    for banned in [
        "std::time::Instant::now",
        "std::time::SystemTime::now",
        "std::net::UdpSocket",
        "std::fs::File",
        "getrandom::fill",
    ] {
        if !model.contains(banned) {
            faults.push(format!("server/rooms/clippy.toml does not forbid {banned}"));
        }
    }
    for folder in ["server/protocol", "server/sfu", "client-web/core", "client-web/frame"] {
        if read(folder) != model {
            faults.push(format!(
                "{folder}/clippy.toml is not the same as server/rooms/clippy.toml"
            ));
        }
    }
    faults
}

impl Graph {
    fn read(json: &str) -> Result<Self> {
        let bad = || Failure::new("cargo metadata answered something unexpected");
        let data: Value = serde_json::from_str(json).map_err(|_| bad())?;
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let mut names = BTreeMap::new();
        for package in list(&data["packages"]) {
            if let (Some(id), Some(name)) = (package["id"].as_str(), package["name"].as_str()) {
                names.insert(id.to_owned(), name.to_owned());
            }
        }
        let name = |id: &Value| id.as_str().and_then(|id| names.get(id)).cloned().ok_or_else(bad);
        let mut graph = Self::default();
        for member in list(&data["workspace_members"]) {
            graph.members.insert(name(&member)?);
        }
        for node in list(&data["resolve"]["nodes"]) {
            let from = name(&node["id"])?;
            for dependency in list(&node["deps"]) {
                let to = name(&dependency["pkg"])?;
                for kind in list(&dependency["dep_kinds"]) {
                    let edges = if kind["kind"] == "dev" {
                        &mut graph.tests
                    } else {
                        &mut graph.code
                    };
                    edges.entry(from.clone()).or_default().insert(to.clone());
                }
            }
        }
        if graph.members.is_empty() || graph.code.is_empty() {
            Err(bad())
        } else {
            Ok(graph)
        }
    }

    fn edges<'a>(map: &'a BTreeMap<String, BTreeSet<String>>, from: &str) -> impl Iterator<Item = &'a String> {
        map.get(from).into_iter().flatten()
    }

    fn named(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for member in &self.members {
            let Some((_, code, tests)) = MAY_NAME.iter().find(|(name, ..)| name == member) else {
                faults.push(format!("{member} is new: give it a line in tests/xtask/src/rules.rs"));
                continue;
            };
            let inside = |edge: &&String| self.members.contains(*edge);
            for edge in Self::edges(&self.code, member)
                .filter(inside)
                .filter(|edge| !code.contains(&edge.as_str()))
            {
                faults.push(format!("{member} depends on {edge}"));
            }
            let both = |edge: &&String| !code.contains(&edge.as_str()) && !tests.contains(&edge.as_str());
            for edge in Self::edges(&self.tests, member).filter(inside).filter(both) {
                faults.push(format!("the tests of {member} depend on {edge}"));
            }
        }
        faults
    }

    fn on_tests(&self) -> Vec<String> {
        let all = self.members.iter().flat_map(|from| {
            let edges = Self::edges(&self.code, from).chain(Self::edges(&self.tests, from));
            edges
                .filter(|to| matches!(to.as_str(), "conclave-bots" | "xtask"))
                .map(move |to| format!("{from} depends on {to}"))
        });
        all.collect()
    }

    /// Paths that break `rule`: `a > b > c`. The tests of a crate count as far as their direct dependencies go.
    fn reached(&self, rule: &Never) -> Vec<String> {
        let mut faults = Vec::new();
        for start in rule.from {
            let mut seen: BTreeSet<&str> = BTreeSet::new();
            let mut open = vec![((*start).to_owned(), *start)];
            while let Some((path, at)) = open.pop() {
                for next in Self::edges(&self.code, at).filter(|next| seen.insert(next)) {
                    let path = format!("{path} > {next}");
                    if rule.never.iter().any(|never| is_of(next, never)) {
                        faults.push(path);
                    } else {
                        open.push((path, next));
                    }
                }
            }
        }
        faults
    }
}

/// `openmls` stands for `openmls` and `openmls_rust_crypto`, `rtc` for `rtc-dtls`, but `conclave` not for `conclavex`.
fn is_of(name: &str, family: &str) -> bool {
    name.strip_prefix(family)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(code: &[(&str, &str)], tests: &[(&str, &str)]) -> Graph {
        let mut graph = Graph {
            members: MAY_NAME.iter().map(|(name, ..)| (*name).to_owned()).collect(),
            ..Graph::default()
        };
        for (from, to) in code {
            graph
                .code
                .entry((*from).to_owned())
                .or_default()
                .insert((*to).to_owned());
        }
        for (from, to) in tests {
            graph
                .tests
                .entry((*from).to_owned())
                .or_default()
                .insert((*to).to_owned());
        }
        graph
    }

    #[test]
    fn a_server_crate_that_reaches_mls_through_another_is_found() {
        let bad = graph(&[("conclave", "nice"), ("nice", "openmls_traits")], &[]);
        assert_eq!(bad.reached(&NEVER[0]), ["conclave > nice > openmls_traits"]);
        let good = graph(&[("conclave-core", "openmls"), ("conclave", "openmlsish")], &[]);
        assert!(good.reached(&NEVER[0]).is_empty());
    }

    #[test]
    fn every_rule_about_reaching_can_fail() {
        for rule in &NEVER {
            for from in rule.from {
                for never in rule.never {
                    let bad = graph(&[(from, "between"), ("between", never)], &[]);
                    assert!(!bad.reached(rule).is_empty(), "{}: {from} to {never}", rule.says);
                }
            }
        }
    }

    #[test]
    fn rooms_and_sfu_may_not_name_each_other() {
        assert_eq!(graph(&[("conclave-sfu", "conclave-rooms")], &[]).named().len(), 1);
        assert_eq!(graph(&[], &[("conclave-rooms", "conclave-sfu")]).named().len(), 1);
        assert!(graph(&[], &[("conclave-core", "conclave-rooms")]).named().is_empty());
    }

    #[test]
    fn a_crate_without_a_line_is_told_so() {
        let mut unknown = graph(&[], &[]);
        unknown.members.insert("conclave-extra".to_owned());
        assert_eq!(unknown.named().len(), 1);
    }

    #[test]
    fn nothing_may_depend_on_tests_not_even_tests() {
        assert_eq!(graph(&[], &[("conclave", "conclave-bots")]).on_tests().len(), 1);
        assert!(graph(&[("conclave-bots", "conclave")], &[]).on_tests().is_empty());
    }

    #[test]
    fn metadata_is_read_by_kind() {
        let json = r#"{"packages":[{"id":"a#1","name":"conclave"},{"id":"b#1","name":"b"},{"id":"c#1","name":"c"}],
            "workspace_members":["a#1"],"resolve":{"nodes":[{"id":"a#1","deps":[
            {"pkg":"b#1","dep_kinds":[{"kind":null}]},{"pkg":"c#1","dep_kinds":[{"kind":"dev"}]}]}]}}"#;
        let graph = Graph::read(json).expect("well formed");
        assert!(graph.code["conclave"].contains("b") && !graph.code["conclave"].contains("c"));
        assert!(graph.tests["conclave"].contains("c"));
        assert!(Graph::read("{}").is_err());
    }
}
