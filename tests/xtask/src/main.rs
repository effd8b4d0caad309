//! All logic behind `./x`: builds, checks, tests and measurements of this repository.
//!
//! `./x` itself only installs what is missing. This crate deliberately holds no product code and nothing depends on it.
//! Each module is one subject; `plan` runs steps and keeps their times, `suite` lists the steps that CI runs.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line program talks to its terminal"
)]

mod bench;
mod client;
mod deploy;
mod forged;
mod idle;
mod long;
mod membership;
mod place;
mod plan;
mod room;
mod rules;
mod run;
mod serve;
mod stamp;
mod suite;
mod tally;
mod tree;
mod units;

use std::process::ExitCode;

use place::Place;
use run::Failure;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = Place::find().and_then(|place| match words.as_slice() {
        ["serve", rest @ ..] => serve::serve(&place, rest),
        // Started by `serve` beside the server.
        ["first-room", server, data] => serve::first_room(&place, server, data),
        ["test", rest @ ..] => suite::test(&place, rest),
        ["check"] => suite::check(&place),
        ["build"] => client::build_all(&place, client::Profile::Ci),
        ["build", "--release"] => client::build_all(&place, client::Profile::Release),
        ["package"] => deploy::package(&place),
        ["wasm"] => client::wasm(&place, client::Profile::Ci),
        ["fmt"] => suite::format(&place),
        ["bench", rest @ ..] => bench::bench(&place, rest),
        ["long", rest @ ..] => long::long(&place, rest),
        _ => Err(Failure::new("unknown command or arguments").hint("./x help lists the commands")),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            ExitCode::FAILURE
        }
    }
}
