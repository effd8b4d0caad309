//! "Nothing is compiled twice": what `./x serve` builds must be among what `./x test` has built, crate by crate with the same
//! features, or starting the server after the tests takes minutes for nothing.
//!
//! Asked of cargo itself (`--unit-graph`), which compiles nothing for it.

use std::collections::BTreeSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use serde_json::Value;

use crate::client::{SERVER, WORKSPACE, cargo};
use crate::place::Place;
use crate::run::{Failure, Result, Show};

/// What the server's build would compile although the workspace's build has not.
pub fn compiled_twice(place: &Place) -> Result<Vec<String>> {
    let (server, workspace) = (units_of(place, &SERVER)?, units_of(place, &WORKSPACE)?);
    Ok(missing(&server, &workspace))
}

/// One compilation: what it is called, and a digest of everything that tells it from others, its dependencies included.
type Unit = (String, u64);

fn missing(wanted: &BTreeSet<Unit>, built: &BTreeSet<Unit>) -> Vec<String> {
    wanted.difference(built).map(|(name, _)| name.clone()).collect()
}

fn units_of(place: &Place, command: &[&str]) -> Result<BTreeSet<Unit>> {
    // The graph is an unstable option of a stable cargo; if it changes its form, this check says so.
    let output = cargo(place, "rules", Show::OnFailure)
        .env("RUSTC_BOOTSTRAP", "1")
        .args(command)
        .args(["-Zunstable-options", "--unit-graph"])
        .run()?;
    let json = output.lines().find(|line| line.starts_with('{')).unwrap_or_default();
    read(json).ok_or_else(|| Failure::new("cargo's unit graph could not be read"))
}

fn read(json: &str) -> Option<BTreeSet<Unit>> {
    let graph: Value = serde_json::from_str(json).ok()?;
    let units = graph["units"].as_array()?;
    let mut digests = vec![None; units.len()];
    let mut all = BTreeSet::new();
    for index in 0..units.len() {
        let digest = digest(units, index, &mut digests)?;
        let unit = &units[index];
        let name = format!(
            "{} ({}) with {}",
            unit["pkg_id"].as_str()?,
            unit["mode"],
            unit["features"]
        );
        all.insert((name, digest));
    }
    (!all.is_empty()).then_some(all)
}

fn digest(units: &[Value], index: usize, digests: &mut [Option<u64>]) -> Option<u64> {
    if let Some(known) = digests.get(index)? {
        return Some(*known);
    }
    let unit = units.get(index)?;
    let mut hasher = DefaultHasher::new();
    for part in ["pkg_id", "target", "profile", "platform", "mode", "features"] {
        unit[part].to_string().hash(&mut hasher);
    }
    for dependency in unit["dependencies"].as_array()? {
        let to = usize::try_from(dependency["index"].as_u64()?).ok()?;
        digest(units, to, digests)?.hash(&mut hasher);
    }
    let digest = hasher.finish();
    *digests.get_mut(index)? = Some(digest);
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(features: &str) -> BTreeSet<Unit> {
        let unit = |id: &str, features: &str, needs: &str| {
            format!(
                r#"{{"pkg_id":"{id}","target":{{}},"profile":{{}},"mode":"build","features":[{features}],"dependencies":[{needs}]}}"#
            )
        };
        let units = [unit("app", "", r#"{"index":1}"#), unit("lib", features, "")];
        read(&format!(r#"{{"units":[{}]}}"#, units.join(","))).expect("well formed")
    }

    #[test]
    fn other_features_are_another_compilation_and_so_is_all_above() {
        assert!(missing(&graph(r#""std""#), &graph(r#""std""#)).is_empty());
        assert_eq!(missing(&graph(r#""std""#), &graph(r#""std","more""#)).len(), 2);
    }

    #[test]
    fn what_cannot_be_read_is_no_empty_graph() {
        assert!(read("").is_none());
        assert!(read(r#"{"units":[]}"#).is_none());
    }
}
