//! Root file systems to start the server in: a Debian with the package installed, and the container's.

use std::path::{Path, PathBuf};

use crate::place::Place;
use crate::run::{Failure, Result, Show, Task, at};

/// A root on this machine's disk, removed with the value.
pub struct Root {
    pub path: PathBuf,
    /// The program inside.
    pub program: &'static str,
    /// Whom it runs as, and whose its data folder is.
    pub user: u32,
    /// Its data folder inside.
    pub data: &'static str,
    /// Whether it is mounted read-only but for the data folder.
    pub read_only: bool,
    place: PathBuf,
}

impl Drop for Root {
    fn drop(&mut self) {
        // What stays behind is in the build's own folder.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// `nobody`: what DynamicUser stands for here.
const NOBODY: u32 = 65_534;

/// The user of the container, by number, as orchestrators want it.
const CONTAINER: u32 = 65_532;

/// The release that this machine runs: a binary built here needs its libc.
fn suite() -> Result<String> {
    let path = Path::new("/etc/os-release");
    let text = at(path, std::fs::read_to_string(path))?;
    let name = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    name.map(|name| name.trim_matches('"').to_owned())
        .ok_or_else(|| Failure::new("this system does not say its code name"))
}

/// An empty place for a root.
fn fresh(place: &Place, name: &str) -> Result<PathBuf> {
    let path = place.target.join("x/roots").join(name);
    if path.exists() {
        at(&path, std::fs::remove_dir_all(&path))?;
    }
    if let Some(parent) = path.parent() {
        at(parent, std::fs::create_dir_all(parent))?;
    }
    Ok(path)
}

/// A fresh Debian, into which apt installs the package with what it depends on.
pub fn installed(place: &Place, package: &Path) -> Result<Root> {
    let path = fresh(place, "debian")?;
    let copy = format!("copy-in {} /tmp", package.display());
    let install =
        "chroot \"$1\" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends /tmp/conclave.deb";
    Task::new("mmdebstrap", "mmdebstrap", &place.root)
        .args(["--variant=apt", "--quiet"])
        .args([
            format!("--customize-hook={copy}"),
            format!("--customize-hook={install}"),
        ])
        .args([suite()?])
        .args([&path])
        .limit_minutes(10)
        .run()?;
    let root = Root {
        path,
        program: "/usr/bin/conclave",
        user: NOBODY,
        data: "/var/lib/conclave",
        read_only: false,
        place: place.root.clone(),
    };
    // As StateDirectory= would.
    root.data_folder()?;
    Ok(root)
}

/// The container's root, by the script that the container file runs.
pub fn container(place: &Place) -> Result<Root> {
    let path = fresh(place, "container")?;
    Task::new("rootfs", place.root.join("deploy/container/rootfs"), &place.root)
        .args([place.program("conclave"), path.clone()])
        .env("SUITE", suite()?)
        .limit_minutes(10)
        .run()?;
    let root = Root {
        path,
        program: "/conclave",
        user: CONTAINER,
        data: "/data",
        read_only: true,
        place: place.root.clone(),
    };
    root.data_folder()?;
    Ok(root)
}

impl Root {
    /// Runs a program inside, as root.
    pub fn run(&self, words: &[&str]) -> Result<String> {
        Task::new("deploy", "chroot", &self.place)
            .args([&self.path])
            .args(words)
            .show(Show::OnFailure)
            .run()
    }

    fn data_folder(&self) -> Result<()> {
        let folder = self.path.join(self.data.trim_start_matches('/'));
        at(&folder, std::fs::create_dir_all(&folder))?;
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        at(&folder, std::fs::set_permissions(&folder, mode))?;
        at(
            &folder,
            std::os::unix::fs::chown(&folder, Some(self.user), Some(self.user)),
        )
    }

    /// After installing: the configuration is the annotated one, the server takes it, systemd would start the sockets.
    pub fn is_ready(&self) -> Result<()> {
        self.run(&[self.program, "config", "check"])?;
        for unit in [
            "multi-user.target.wants/conclave.service",
            "sockets.target.wants/conclave.socket",
            "sockets.target.wants/conclave-http.socket",
        ] {
            let link = self.path.join("etc/systemd/system").join(unit);
            at(&link, std::fs::symlink_metadata(&link))?;
        }
        Ok(())
    }

    /// `apt-get remove` and `purge`.
    pub fn removed(&self) -> Result<()> {
        let file = self.path.join("etc/conclave/conclave.toml");
        self.run(&["apt-get", "remove", "-y", "-qq", "conclave"])?;
        if self.path.join("usr/bin/conclave").exists() || !file.exists() {
            return Err(Failure::new("removing took too little or too much"));
        }
        self.run(&["apt-get", "purge", "-y", "-qq", "conclave"])?;
        if file.exists() {
            return Err(Failure::new("purging left the configuration"));
        }
        Ok(())
    }

    /// No shell, no package manager, nothing that runs as somebody else; under 60 MB without the server itself.
    pub fn is_small(&self) -> Result<()> {
        for unwanted in [
            "bin/sh",
            "usr/bin/sh",
            "usr/bin/apt-get",
            "usr/bin/dpkg",
            "usr/bin/perl",
        ] {
            if std::fs::symlink_metadata(self.path.join(unwanted)).is_ok() {
                return Err(Failure::new(format!("{unwanted} is in it")));
            }
        }
        let find = |words: &[&str]| {
            Task::new("deploy", "find", &self.path)
                .args(["."])
                .args(words)
                .show(Show::Nothing)
                .run()
        };
        let privileged = find(&["-perm", "/6000"])?;
        if !privileged.trim().is_empty() {
            return Err(Failure::new(format!(
                "these run as somebody else: {}",
                privileged.trim()
            )));
        }
        let sizes = find(&["-type", "f", "!", "-path", "./conclave", "-printf", "%s\n"])?;
        let bytes: u64 = sizes.lines().filter_map(|line| line.parse::<u64>().ok()).sum();
        println!("[deploy] the container's root without the server: {} kB", bytes / 1000);
        if bytes > 60_000_000 {
            return Err(Failure::new(format!("{bytes} bytes without the server")));
        }
        Ok(())
    }
}
