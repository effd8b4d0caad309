//! Makes sure that the folder of the built client exists, so that the crate compiles before the client was built, and
//! has the crate rebuilt when a file in it appears, changes or goes: the embedding macro notices only changes of files
//! that it already knew.

use std::{fs, path::Path};

fn main() -> std::io::Result<()> {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../client-web/dist");
    fs::create_dir_all(&dist)?;
    println!("cargo:rerun-if-changed={}", dist.display());
    Ok(())
}
