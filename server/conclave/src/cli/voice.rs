//! How the program speaks: results to stdout, everything else to stderr behind the program's name, no capital, no full
//! stop, an `error:` line and, where there is something to do, a `hint:` line.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is the one file that writes to the terminal"
)]

use std::{
    io::{self, Write},
    panic,
    process::ExitCode,
};

use clap::error::ErrorKind;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::error::Error;

/// One line of the result. A reader that closed its end has seen enough: not an error.
pub(super) fn result(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// The result as JSON, one line. Wiped afterwards, because it may hold the keys of a new room.
pub(super) fn json(value: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_string(value)
        .map(Zeroizing::new)
        .map_err(|error| Error::Local {
            what: "cannot write JSON",
            source: error.into(),
        })?;
    result(&text);
    Ok(())
}

/// Something worth knowing.
pub(super) fn note(text: &str) {
    eprintln!("conclave: {text}");
}

/// Something to do.
pub(super) fn hint(text: &str) {
    eprintln!("conclave: hint: {text}");
}

/// Why the command failed.
pub(super) fn failure(error: &Error) {
    if let Error::Config(faults) = error {
        for fault in faults {
            eprintln!("conclave: error: {fault}");
            if let Some(text) = fault.what_to_do() {
                hint(text);
            }
        }
        return;
    }
    eprintln!("conclave: error: {error}");
    if let Some(text) = error.hint() {
        hint(&text);
    }
}

/// Help goes to stdout as it is; complaints about arguments are put into our own voice.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            print!("{}", error.render());
            ExitCode::SUCCESS
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            eprint!("{}", error.render());
            ExitCode::from(2)
        }
        _ => {
            let text = error.render().to_string();
            let complaint = complaint(&text);
            eprintln!("conclave: error: {complaint}");
            hint("'--help' behind a command shows what it takes");
            ExitCode::from(2)
        }
    }
}

/// The first paragraph of what the parser says, on one line, without its own mark.
fn complaint(text: &str) -> String {
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let line = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    line.strip_prefix("error: ").unwrap_or(&line).to_owned()
}

/// From now on a panic says where it happened and nothing else: its message could hold what it panicked over.
pub(super) fn panic_by_place_only() {
    panic::set_hook(Box::new(|info| {
        let place = info
            .location()
            .map_or_else(String::new, |at| format!(" at {}:{}", at.file(), at.line()));
        eprintln!("conclave: error: this program broke one of its own rules{place}");
    }));
}
