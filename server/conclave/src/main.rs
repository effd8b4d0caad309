//! The one binary. Everything is in the library, where tests reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    conclave::cli::main(std::env::args_os())
}
