//! The Debian package, by `cargo-deb` and the metadata in `server/conclave/Cargo.toml`.

use std::path::{Path, PathBuf};

use crate::client::{cargo, note};
use crate::place::Place;
use crate::run::{Failure, Result, Show, Task, at};

/// Pinned, because a package that comes out differently should be our own doing.
const CARGO_DEB: &str = "3.8.0";

/// Which binary goes in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Build {
    /// The one that the tests use; everything else in the package is the same.
    Dev,
    /// The one that ships.
    Release,
}

impl Build {
    fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}

/// Where `cargo-deb` is; installed into the build's own folder if it is not there (a minute or two).
pub fn cargo_deb(place: &Place) -> Result<PathBuf> {
    let tools = place.target.join("x/tools");
    let program = tools.join("bin/cargo-deb");
    let version = Task::new("cargo-deb", &program, &place.root)
        .args(["--version"])
        .show(Show::Nothing);
    if program.exists() && version.run().is_ok_and(|text| text.contains(CARGO_DEB)) {
        return Ok(program);
    }
    note("installing cargo-deb into the target folder");
    let arguments = [
        "install",
        "--locked",
        "--quiet",
        "cargo-deb",
        "--version",
        CARGO_DEB,
        "--root",
    ];
    cargo(place, "cargo-deb", Show::Lines)
        .args(arguments)
        .args([&tools])
        .env("CARGO_TARGET_DIR", place.target.join("x/tools-build"))
        // It is run twice per release: nobody waits for it to be fast.
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .run()?;
    Ok(program)
}

/// Builds the package around a binary that has been built; its path.
pub fn build(place: &Place, build: Build) -> Result<PathBuf> {
    let program = cargo_deb(place)?;
    let stage = place.target.join("x/packaging").join(build.folder());
    staged(place, build, &stage.join("release"))?;
    let out = place.target.join("debian").join(build.folder()).join("conclave.deb");
    if let Some(folder) = out.parent() {
        at(folder, std::fs::create_dir_all(folder))?;
    }
    Task::new("cargo-deb", program, &place.root)
        .args(["--no-build", "-p", "conclave", "--strip", "-o"])
        .args([&out])
        // It looks for what was built in here.
        .env("CARGO_TARGET_DIR", &stage)
        .show(Show::OnFailure)
        .run()?;
    Ok(out)
}

/// The binary, with manual pages and completions written by itself, in a folder as cargo would leave it.
fn staged(place: &Place, build: Build, folder: &Path) -> Result<()> {
    let made = folder.join("packaging");
    if folder.exists() {
        at(folder, std::fs::remove_dir_all(folder))?;
    }
    let man = made.join("man");
    at(&man, std::fs::create_dir_all(&man))?;
    let from = place.target.join(build.folder()).join("conclave");
    let binary = folder.join("conclave");
    at(&from, std::fs::copy(&from, &binary))?;
    let run = |words: &[&str]| {
        Task::new("conclave", &binary, &place.root)
            .args(words)
            .show(Show::Nothing)
            .run()
    };
    run(&["man", &man.to_string_lossy()])?;
    for shell in ["bash", "zsh", "fish"] {
        let file = made.join(format!("conclave.{shell}"));
        at(&file, std::fs::write(&file, run(&["completions", shell])?))?;
    }
    Ok(())
}

/// What must be in the package, with its mode.
const FILES: [(&str, &str); 12] = [
    ("-rwxr-xr-x", "./usr/bin/conclave"),
    ("-rw-r--r--", "./etc/conclave/conclave.toml"),
    ("-rw-r--r--", "./usr/lib/systemd/system/conclave.service"),
    ("-rw-r--r--", "./usr/lib/systemd/system/conclave.socket"),
    ("-rw-r--r--", "./usr/lib/systemd/system/conclave-http.socket"),
    ("-rw-r--r--", "./usr/share/man/man1/conclave.1"),
    ("-rw-r--r--", "./usr/share/man/man1/conclave-serve.1"),
    ("-rw-r--r--", "./usr/share/bash-completion/completions/conclave"),
    ("-rw-r--r--", "./usr/share/zsh/vendor-completions/_conclave"),
    ("-rw-r--r--", "./usr/share/fish/vendor_completions.d/conclave.fish"),
    ("-rw-r--r--", "./usr/share/doc/conclave/operators/install.md"),
    ("-rw-r--r--", "./usr/share/doc/conclave/copyright"),
];

/// Looks into the package as `dpkg` does.
pub fn contents(place: &Place, package: &Path) -> Result<()> {
    let list = dpkg_deb(place, &["--contents"], package)?;
    for (mode, path) in FILES {
        let line = list
            .lines()
            .find(|line| line.split_whitespace().nth(5) == Some(path))
            .ok_or_else(|| Failure::new(format!("{path} is missing")))?;
        let owner = line.split_whitespace().nth(1);
        if !line.starts_with(mode) || !matches!(owner, Some("0/0" | "root/root")) {
            return Err(Failure::new(format!("{path} has other rights: {line}")));
        }
    }
    // A unit too many would be enabled too.
    let units = list
        .lines()
        .filter(|line| line.contains("/systemd/system/") && !line.starts_with('d'));
    if units.count() != 3 {
        return Err(Failure::new("there are other units than our three"));
    }
    let fields = dpkg_deb(place, &["--field"], package)?;
    let depends = fields.lines().find(|line| line.starts_with("Depends:"));
    if !depends.is_some_and(|line| line.contains("libc6")) {
        return Err(Failure::new("the package does not say which libc it needs"));
    }
    let files = Task::new("deploy", "dpkg-deb", &place.root)
        .args(["--info"])
        .args([package])
        .args(["conffiles"])
        .show(Show::Nothing)
        .run()?;
    if files.trim() == "/etc/conclave/conclave.toml" {
        Ok(())
    } else {
        Err(Failure::new(format!("configuration files are: {}", files.trim())))
    }
}

fn dpkg_deb(place: &Place, words: &[&str], package: &Path) -> Result<String> {
    Task::new("deploy", "dpkg-deb", &place.root)
        .args(words)
        .args([package])
        .show(Show::Nothing)
        .run()
}
