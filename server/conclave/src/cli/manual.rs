//! Completions and manual pages, made from the same arguments as everything else.

use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;

use super::{args::Arguments, voice};
use crate::error::Error;

pub(super) fn completions(shell: Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "conclave", &mut script);
    voice::result(String::from_utf8_lossy(&script).trim_end());
}

/// One page for each command: `conclave.1`, `conclave-room.1`, `conclave-room-create.1` and so on.
pub(super) fn pages(folder: &Path) -> Result<(), Error> {
    clap_mangen::generate_to(Arguments::command(), folder).map_err(|source| Error::Local {
        what: "cannot write the manual pages",
        source,
    })
}
