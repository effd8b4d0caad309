//! Prints one file of `tests/vectors`, for when the wire language changes on purpose:
//! `cargo run -p conclave-protocol --example vectors -- link > tests/vectors/link.json`
//!
//! A changed vector is a changed protocol: it needs a decision record, and after the first release a new version.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/cases/mod.rs"]
mod cases;

fn main() {
    let Some(name) = std::env::args()
        .nth(1)
        .filter(|name| cases::FILES.contains(&name.as_str()))
    else {
        panic!("which file? one of {:?}", cases::FILES);
    };
    println!(
        "{}",
        serde_json::to_string_pretty(&cases::file(&name)).expect("strings and numbers only")
    );
}
