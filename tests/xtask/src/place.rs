//! Where things are: the repository, the build's output, and which WebAssembly toolchain this machine has.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{Failure, Result};

/// The directories that everything else is relative to.
pub struct Place {
    /// The repository's root.
    pub root: PathBuf,
    /// Cargo's output; `CARGO_TARGET_DIR` is respected.
    pub target: PathBuf,
}

impl Place {
    /// Found from where this crate lies; the program is only ever run by `cargo run` in the repository.
    pub fn find() -> Result<Self> {
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest
            .ancestors()
            .nth(2)
            .ok_or_else(|| Failure::new("this crate is not where it should be"))?;
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(dir) => root.join(dir),
            None => root.join("target"),
        };
        Ok(Self {
            root: root.to_path_buf(),
            target,
        })
    }

    /// The client's directory: `package.json`, `src`, `dist`.
    pub fn client(&self) -> PathBuf {
        self.root.join("client-web")
    }

    /// A program of the workspace, as the dev profile builds it.
    pub fn program(&self, name: &str) -> PathBuf {
        self.target.join("debug").join(name)
    }
}

/// The two ways to Rust's `wasm32-unknown-unknown`; `./x` installs one of them.
pub enum WasmToolchain {
    /// The target was fetched by rustup: plain `cargo build --target`.
    Rustup,
    /// Debian's `rustc-web` with the standard library built from `rust-web-src`, where rustup cannot fetch anything.
    Debian,
}

impl WasmToolchain {
    /// Prefers rustup's, because it is the pinned version; `X_WASM=debian` asks for the other one, to test it.
    pub fn find(root: &Path) -> Result<Self> {
        if std::env::var_os("X_WASM").is_some_and(|wanted| wanted == "debian") {
            return Ok(Self::Debian);
        }
        let sysroot = Command::new("rustc")
            .args(["--print", "sysroot"])
            .current_dir(root)
            .output();
        let sysroot = sysroot.map_err(|error| Failure::new(format!("rustc: {error}")))?;
        let sysroot = PathBuf::from(String::from_utf8_lossy(&sysroot.stdout).trim());
        if sysroot.join("lib/rustlib/wasm32-unknown-unknown/lib").is_dir() {
            return Ok(Self::Rustup);
        }
        let debian = [
            "/usr/bin/cargo",
            "/usr/bin/rustc",
            "/usr/bin/wasm-ld-19",
            "/usr/lib/rustlib/src",
        ];
        if debian.iter().all(|path| Path::new(path).exists()) {
            return Ok(Self::Debian);
        }
        Err(Failure::new("Rust's target wasm32-unknown-unknown is missing").hint("./x build installs it"))
    }
}
