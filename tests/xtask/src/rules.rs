//! Who may depend on whom, as cargo says it, and the lints that keep the pure crates pure.
//!
//! "The server cannot decrypt, because the code is not there" is a claim about this graph, so it is checked here on
//! every run. Each rule counts as one test; the tests below show that each can fail.
//!
//! Which workspace crates a crate names comes from `cargo metadata`. What it can reach comes from `cargo tree`, because
//! `metadata` also lists optional dependencies that no feature switches on.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::client::cargo;
use crate::place::Place;
use crate::run::{Failure, Result, Show};
use crate::tally::Tally;
use crate::units;

/// Every crate of the workspace and the workspace crates it may name: in its code, and besides in its tests.
const MAY_NAME: [(&str, &[&str], &[&str]); 12] = [
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
    ("conclave-impair", &[], &[]),
    ("conclave-membership", &["conclave-core"], &[]),
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

/// Dependencies by crate name.
type Edges = BTreeMap<String, BTreeSet<String>>;

/// What the crates of the workspace name, as `cargo metadata` reports it.
#[derive(Default)]
struct Graph {
    members: BTreeSet<String>,
    /// Normal and build dependencies.
    code: Edges,
    /// Development dependencies.
    tests: Edges,
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
    judge(
        "what ./x serve compiles, ./x test has compiled",
        units::compiled_twice(place)?,
    );
    let mut trees: BTreeMap<&str, Edges> = BTreeMap::new();
    for start in NEVER.iter().flat_map(|rule| rule.from) {
        if !trees.contains_key(start) {
            trees.insert(start, tree_of(place, start)?);
        }
    }
    for rule in &NEVER {
        judge(
            rule.says,
            rule.from
                .iter()
                .flat_map(|start| rule.broken(start, &trees[start]))
                .collect(),
        );
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
}

impl Never {
    /// Paths from `start` that break this rule: `a > b > c`.
    fn broken(&self, start: &str, edges: &Edges) -> Vec<String> {
        let mut faults = Vec::new();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut open = vec![(start.to_owned(), start)];
        while let Some((path, at)) = open.pop() {
            for next in Graph::edges(edges, at).filter(|next| seen.insert(next)) {
                let path = format!("{path} > {next}");
                if self.never.iter().any(|never| is_of(next, never)) {
                    faults.push(path);
                } else {
                    open.push((path, next));
                }
            }
        }
        faults
    }
}

/// All that is compiled into `package`, for every target, with the features that it switches on itself.
fn tree_of(place: &Place, package: &str) -> Result<Edges> {
    let arguments = [
        "tree",
        "--locked",
        "-e",
        "normal,build",
        "--target",
        "all",
        "--prefix",
        "depth",
        "-p",
        package,
    ];
    let output = cargo(place, "rules", Show::OnFailure).args(arguments).run()?;
    read_tree(&output, package)
}

/// Lines such as `2sha2 v0.11.0 (*)`: the depth, the name, the version, and a mark where the rest was listed before.
fn read_tree(text: &str, package: &str) -> Result<Edges> {
    let mut edges = Edges::new();
    let mut path: Vec<&str> = Vec::new();
    for line in text.lines() {
        let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
        let depth = line[..line.len() - rest.len()].parse::<usize>();
        let (Ok(depth), Some(name)) = (depth, rest.split_whitespace().next()) else {
            continue; // Cargo's own messages.
        };
        path.truncate(depth);
        if let Some(parent) = path.last() {
            edges.entry((*parent).to_owned()).or_default().insert(name.to_owned());
        }
        path.push(name);
    }
    // Nothing read would look like nothing forbidden.
    let complete = path.first() == Some(&package) && edges.contains_key(package);
    if complete {
        Ok(edges)
    } else {
        Err(Failure::new(format!("cargo tree of {package} could not be read")))
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
        assert_eq!(
            NEVER[0].broken("conclave", &bad.code),
            ["conclave > nice > openmls_traits"]
        );
        let good = graph(&[("conclave-core", "openmls"), ("conclave", "openmlsish")], &[]);
        assert!(NEVER[0].broken("conclave", &good.code).is_empty());
    }

    #[test]
    fn every_rule_about_reaching_can_fail() {
        for rule in &NEVER {
            for from in rule.from {
                for never in rule.never {
                    let bad = graph(&[(from, "between"), ("between", never)], &[]);
                    assert!(
                        !rule.broken(from, &bad.code).is_empty(),
                        "{}: {from} to {never}",
                        rule.says
                    );
                }
            }
        }
    }

    #[test]
    fn a_tree_is_read_with_its_repetitions() {
        let text =
            "    Blocking waiting for file lock\n0top v0.1.0 (/x)\n1a v1.0.0\n2b v1.0.0\n1c v2.0.0\n2a v1.0.0 (*)\n";
        let edges = read_tree(text, "top").expect("well formed");
        assert!(edges["top"].contains("a") && edges["top"].contains("c") && edges["a"].contains("b"));
        assert!(edges["c"].contains("a"));
        assert!(read_tree("warning: nothing to print\n", "top").is_err());
        assert!(read_tree(text, "other").is_err());
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
