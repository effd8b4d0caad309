//! Building: the client's WebAssembly, its glue, npm's packages, Vite's bundle, and the server around it.
//!
//! Order matters once: the server embeds `client-web/dist`, so the client comes first.

use std::path::{Path, PathBuf};

use crate::place::{Place, WasmToolchain};
use crate::run::{Failure, Result, Show, Task, at};
use crate::stamp::Stamp;

/// How the client's WebAssembly is compiled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Tests, CI and `./x serve`: no link-time optimisation, because it takes minutes on every change.
    Ci,
    /// What a release ships.
    Release,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Ci => "wasm-ci",
            Self::Release => "wasm",
        }
    }
}

/// The two modules: crate, the module's file name, folder below `client-web/src/generated`.
const MODULES: [(&str, &str, &str); 2] = [
    ("conclave-core-wasm", "conclave_core_wasm", "core"),
    ("conclave-frame-wasm", "conclave_frame_wasm", "frame"),
];

/// Everything: client, then server. Output goes straight to the terminal.
pub fn build_all(place: &Place, profile: Profile) -> Result<()> {
    packages(place, &place.client(), Show::OnFailure)?;
    wasm_with(place, profile, Show::Directly)?;
    bundle(place, Show::Lines)?;
    note("building the server");
    let arguments: &[&str] = match profile {
        Profile::Ci => &SERVER,
        Profile::Release => &["build", "--locked", "--release", "-p", "conclave"],
    };
    cargo(place, "server", Show::Directly).args(arguments).run().map(drop)
}

/// The server as released, around the client as the tests build it: minutes less, and nobody measures the client with it.
pub fn build_server_release(place: &Place) -> Result<()> {
    build_all(place, Profile::Ci)?;
    note("building the server as released; link-time optimisation takes minutes");
    let arguments = ["build", "--locked", "--release", "-p", "conclave"];
    cargo(place, "server", Show::Directly).args(arguments).run().map(drop)
}

/// How the tests build the whole workspace.
pub const WORKSPACE: [&str; 3] = ["build", "--workspace", "--locked"];

/// The server alone. With `--workspace`, so that crates get the same features as in [`WORKSPACE`] and are compiled once for
/// both; `--bin` keeps it to what the server needs. `rules` checks that it stays so.
pub const SERVER: [&str; 5] = ["build", "--workspace", "--locked", "--bin", "conclave"];

/// `./x wasm`.
pub fn wasm(place: &Place, profile: Profile) -> Result<()> {
    wasm_with(place, profile, Show::Directly)
}

/// Compiles both modules and writes their glue where it is out of date.
pub fn wasm_with(place: &Place, profile: Profile, show: Show) -> Result<()> {
    note("building the client's WebAssembly");
    compile(place, profile, show, &MODULES.map(|(package, ..)| package))?;
    for (_, file, folder) in MODULES {
        let module = wasm_target(place)
            .join("wasm32-unknown-unknown")
            .join(profile.name())
            .join(format!("{file}.wasm"));
        let out = place.client().join("src/generated").join(folder);
        let glue_source = place.root.join("tests/xtask/glue");
        let stamp = Stamp::of(place, &format!("glue-{folder}"), &[module.clone(), glue_source])?;
        if stamp.is_fresh(&out.join(format!("{file}_bg.wasm"))) {
            continue;
        }
        let glue = glue_program(place, show)?;
        Task::new("glue", glue, &place.root)
            .args([module.as_os_str(), out.as_os_str()])
            .show(show)
            .run()?;
        stamp.set()?;
    }
    Ok(())
}

/// The module of `./x bench membership` with its glue, which is in no client; the folder that it is in.
pub fn measuring(place: &Place) -> Result<PathBuf> {
    note("building what is measured, as WebAssembly");
    compile(place, Profile::Ci, Show::Directly, &["conclave-membership"])?;
    let built = wasm_target(place)
        .join("wasm32-unknown-unknown")
        .join(Profile::Ci.name())
        .join("conclave_membership.wasm");
    let out = place.target.join("x/measure");
    let glue = glue_program(place, Show::Directly)?;
    Task::new("glue", glue, &place.root).args([&built, &out]).run()?;
    Ok(out)
}

fn wasm_target(place: &Place) -> PathBuf {
    place.target.join("wasm")
}

fn compile(place: &Place, profile: Profile, show: Show, packages: &[&str]) -> Result<()> {
    let toolchain = WasmToolchain::find(&place.root)?;
    let mut task = match toolchain {
        WasmToolchain::Rustup => cargo(place, "wasm", show),
        WasmToolchain::Debian => {
            let path = std::env::var("PATH").unwrap_or_default();
            Task::new("wasm", "/usr/bin/cargo", &place.root)
                .show(show)
                .env("PATH", format!("/usr/bin:{path}"))
                .env("RUSTC", "/usr/bin/rustc")
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "/usr/bin/wasm-ld-19")
                .env_remove("RUSTUP_TOOLCHAIN")
                .env_remove("CARGO")
        }
    };
    task = task.args([
        "build",
        "--locked",
        "--lib",
        "--target",
        "wasm32-unknown-unknown",
        "--profile",
        profile.name(),
    ]);
    task = task.args(packages.iter().flat_map(|package| ["-p", package]));
    task = task.args([Path::new("--target-dir"), &wasm_target(place)]);
    if matches!(toolchain, WasmToolchain::Debian) {
        task = task.args(["-Zbuild-std=std,panic_abort"]);
    }
    task.run().map(drop)
}

/// Builds the glue program (once, about a minute) and returns its path.
pub fn glue_program(place: &Place, show: Show) -> Result<PathBuf> {
    let target = place.target.join("glue");
    let manifest = place.root.join("tests/xtask/glue/Cargo.toml");
    cargo(place, "glue", show)
        .args(["build", "--locked", "--manifest-path"])
        .args([&manifest])
        .args([Path::new("--target-dir"), &target])
        .run()?;
    Ok(target.join("debug/conclave-glue"))
}

/// `npm ci` in `dir`, unless what is installed came from this very lock file.
pub fn packages(place: &Place, dir: &Path, show: Show) -> Result<()> {
    let lock = dir.join("package-lock.json");
    if !lock.exists() {
        return Err(Failure::new(format!("{} is missing", lock.display())));
    }
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let stamp = Stamp::of(place, &format!("npm-{name}"), &[lock])?;
    if stamp.is_fresh(&dir.join("node_modules/.package-lock.json")) {
        return Ok(());
    }
    note(&format!("installing npm packages for {name}"));
    let arguments = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
    Task::new("npm", "npm", dir)
        .args(arguments)
        .limit_minutes(10)
        .show(show)
        .run()?;
    stamp.set()
}

/// Type check and Vite, unless nothing they read has changed.
pub fn bundle(place: &Place, show: Show) -> Result<()> {
    let client = place.client();
    let not_read = ["core", "core-wasm", "frame", "frame-wasm", "dist", "node_modules"];
    let mut inputs = Vec::new();
    for entry in at(&client, std::fs::read_dir(&client))? {
        let entry = at(&client, entry)?;
        if !not_read.iter().any(|name| entry.file_name() == *name) {
            inputs.push(entry.path());
        }
    }
    inputs.sort();
    let stamp = Stamp::of(place, "bundle", &inputs)?;
    if stamp.is_fresh(&client.join("dist/index.html")) {
        return Ok(());
    }
    note("building the client");
    Task::new("client", "npm", &client)
        .args(["run", "--silent", "build"])
        .limit_minutes(10)
        .show(show)
        .run()?;
    let index = client.join("dist/index.html");
    at(&index, std::fs::metadata(&index))?;
    stamp.set()
}

/// Cargo of the pinned toolchain, in the repository.
pub fn cargo(place: &Place, name: &str, show: Show) -> Task {
    Task::new(name, "cargo", &place.root).show(show)
}

/// One line of progress.
pub fn note(text: &str) {
    eprintln!("x: {text}");
}
