//! The command line: arguments in, words and exit codes out.
//!
//! Keys of rooms are made here, in the short-lived process of a command, never in the daemon. No command names, counts
//! or locates people.

mod args;
mod config;
mod copies;
mod disclose;
mod doctor;
mod identifiers;
mod manual;
mod room;
mod serve;
mod status;
mod ticket;
mod voice;

use std::{ffi::OsString, process::ExitCode};

use clap::Parser;

use self::args::{Arguments, Command};

/// Runs one command line, program name first.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let command = match Arguments::try_parse_from(arguments) {
        Ok(Arguments { command }) => command,
        Err(error) => return voice::usage(&error),
    };
    let result = match command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Room { command } => room::run(command),
        Command::Ticket { command } => ticket::run(command),
        Command::Status { check, output } => match status::status(check, &output) {
            Ok(code) => return ExitCode::from(code),
            Err(error) => Err(error),
        },
        Command::Disclose { output } => disclose::run(&output),
        Command::Metrics { data } => status::metrics(&data),
        Command::Backup { file, output } => copies::backup(&file, &output),
        Command::Restore { file, replace, output } => copies::restore(&file, replace, &output),
        Command::Config { command } => config::run(command),
        Command::Doctor { json, settings } => match doctor::run(json, &settings) {
            Ok(code) => return ExitCode::from(code),
            Err(error) => Err(error),
        },
        Command::Completions { shell } => {
            manual::completions(shell);
            Ok(())
        }
        Command::Man { folder } => manual::pages(&folder),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            voice::failure(&error);
            ExitCode::from(error.exit_code())
        }
    }
}
