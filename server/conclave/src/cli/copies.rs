//! `conclave backup` and `conclave restore`.

use std::path::Path;

use serde::Serialize;

use super::{args::Output, voice};
use crate::{
    backup::{self, Copied},
    error::Error,
};

/// What was copied, as JSON.
#[derive(Serialize)]
struct Done {
    rooms: u64,
}

pub(super) fn backup(file: &Path, output: &Output) -> Result<(), Error> {
    let Copied { rooms } = backup::backup(&output.data.folder()?, file)?;
    if output.json {
        return voice::json(&Done { rooms });
    }
    voice::note(&format!("{} holds {}", file.display(), counted(rooms)));
    voice::hint("the configuration is not in it; keep that file too");
    Ok(())
}

pub(super) fn restore(file: &Path, replace: bool, output: &Output) -> Result<(), Error> {
    let Copied { rooms } = backup::restore(&output.data.folder()?, file, replace)?;
    if output.json {
        return voice::json(&Done { rooms });
    }
    voice::note(&format!("{} restored", counted(rooms)));
    voice::hint("rooms open only under the name that the server had when they were made");
    Ok(())
}

fn counted(rooms: u64) -> String {
    if rooms == 1 {
        "1 room".to_owned()
    } else {
        format!("{rooms} rooms")
    }
}
