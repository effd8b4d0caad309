//! The keys as data: their paths, what looks like them, and the names of their environment variables.

use confique::{
    Config as _,
    meta::{FieldKind, Meta},
};

use super::settings::Settings;

/// What stands in front of every environment variable of ours.
pub const ENVIRONMENT: &str = "CONCLAVE_";

/// Names the file; not a key, because a file cannot say where it is.
pub const ENVIRONMENT_FILE: &str = "CONCLAVE_CONFIG";

/// How alike two names must be for one to be suggested for the other, from 0 to 1. Higher: real slips get no suggestion. Lower:
/// suggestions that only confuse.
const ALIKE: f64 = 0.6;

/// A difference of so many letters from one of our variables is a slip, not somebody else's variable.
const SLIP: usize = 2;

/// The paths of all keys, such as `listen.https`, in the order of the example.
#[must_use]
pub fn all() -> Vec<String> {
    fn walk(meta: &Meta, prefix: &str, into: &mut Vec<String>) {
        for field in meta.fields {
            let path = format!("{prefix}{}", field.name);
            match field.kind {
                FieldKind::Leaf { .. } => into.push(path),
                FieldKind::Nested { meta } => walk(meta, &format!("{path}."), into),
            }
        }
    }
    let mut keys = Vec::new();
    walk(&Settings::META, "", &mut keys);
    keys
}

/// The environment variable of a key.
#[must_use]
pub fn variable(key: &str) -> String {
    format!("{ENVIRONMENT}{}", key.replace('.', "_").to_uppercase())
}

/// What a path may be.
pub(super) enum Kind {
    /// A value stands here.
    Key,
    /// Keys stand below it.
    Section,
}

/// Whether there is such a key or section.
pub(super) fn kind(path: &str) -> Option<Kind> {
    let section = format!("{path}.");
    all().iter().find_map(|key| {
        if key == path {
            Some(Kind::Key)
        } else {
            key.starts_with(&section).then_some(Kind::Section)
        }
    })
}

/// The key or section that somebody meant who wrote `path`.
pub(super) fn nearest(path: &str) -> Option<String> {
    let mut candidates = all();
    let sections: Vec<String> = candidates
        .iter()
        .filter_map(|key| key.split_once('.').map(|(section, _)| section.to_owned()))
        .collect();
    candidates.extend(sections);
    let written = last(path);
    let likeness = |key: &str| {
        let whole = strsim::normalized_damerau_levenshtein(path, key);
        // The right key in the wrong section, or half of its name.
        let end = last(key);
        let misplaced = strsim::normalized_damerau_levenshtein(written, end);
        let half = written.len() >= 4 && (end.starts_with(written) || end.ends_with(written));
        // A long common beginning, as in public_ips for public_addresses.
        let beginning = strsim::jaro_winkler(written, end) * 0.72;
        [misplaced * 0.95, beginning, if half { 0.7 } else { 0.0 }]
            .into_iter()
            .fold(whole, f64::max)
    };
    candidates
        .into_iter()
        .map(|key| (likeness(&key), key))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, key)| key)
}

/// For a variable that is none of ours but looks like it was meant to be: in one of our sections, or a slip away.
pub(super) fn nearest_variable(name: &str) -> Option<String> {
    let keys = all();
    let section = keys
        .iter()
        .filter_map(|key| key.split_once('.'))
        .map(|(section, _)| format!("{}_", variable(section)))
        .find(|section| name.starts_with(section));
    keys.iter()
        .map(|key| variable(key))
        .chain([ENVIRONMENT_FILE.to_owned()])
        .map(|variable| (strsim::damerau_levenshtein(name, &variable), variable))
        .filter(|(distance, variable)| match &section {
            Some(section) => variable.starts_with(section),
            None => *distance <= SLIP,
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, variable)| variable)
}

fn last(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(_, last)| last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_met_with_the_right_key() {
        for (written, meant) in [
            ("nmae", "name"),
            ("listen.http", "listen.https"),
            ("listn.https", "listen.https"),
            ("https", "listen.https"),
            ("limits.egress", "limits.egress_mbit"),
            ("tls.cert", "tls.certificate"),
            ("certificate", "tls.certificate"),
            ("data-dir", "data_dir"),
            ("limit", "limits"),
            ("public_ips", "public_addresses"),
        ] {
            assert_eq!(nearest(written).as_deref(), Some(meant), "{written}");
        }
        assert_eq!(nearest("colour"), None);
    }

    #[test]
    fn only_variables_that_were_meant_for_us_are_taken_for_slips() {
        for (written, meant) in [
            ("CONCLAVE_NAM", Some("CONCLAVE_NAME")),
            ("CONCLAVE_LISTEN_HTTP", Some("CONCLAVE_LISTEN_HTTPS")),
            ("CONCLAVE_LIMITS_PEOPLE", Some("CONCLAVE_LIMITS_CONNECTIONS")),
            ("CONCLAVE_BIN_DIR", None),
            ("CONCLAVE_OUT_DIR", None),
            ("CONCLAVE_WRITE_SNAPSHOTS", None),
        ] {
            let found = nearest_variable(written);
            if meant.is_some_and(|meant| meant.ends_with("CONNECTIONS")) {
                assert!(found.is_some_and(|found| found.starts_with("CONCLAVE_LIMITS_")));
            } else {
                assert_eq!(found.as_deref(), meant, "{written}");
            }
        }
    }
}
