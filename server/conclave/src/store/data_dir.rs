//! The data folder: made closed, refused when open to others, held by one daemon at a time.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, Gid, OFlags, Uid, fchown, flock};

use crate::error::Error;

/// The folder while a daemon holds it. The lock goes with the value, also if the process is killed.
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Makes the folder if needed, checks its mode and takes the lock.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::DataDir {
            path: path.to_owned(),
            source,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed)?;
        let metadata = fs::metadata(path).map_err(failed)?;
        // SECURITY: an open folder is refused rather than mended: it may be one that others are meant to use.
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(Error::DataDirOpen(path.to_owned()));
        }
        // A folder may be reached through a link (systemd makes one); what lies in it may not be one.
        let path = &path.canonicalize().map_err(failed)?;
        let lock = open_or_make(path, &path.join("lock")).map_err(failed)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(Error::DataDirBusy(path.to_owned())),
            Err(errno) => Err(failed(io::Error::from(errno))),
        }
    }

    /// The folder itself, without links.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the database is, made with mode 0600 before SQLite opens it with the process's mask.
    pub fn database(&self) -> Result<PathBuf, Error> {
        let path = database(&self.path);
        match open_or_make(&self.path, &path) {
            Ok(_) => Ok(path),
            Err(source) => Err(Error::DataDir {
                path: self.path.clone(),
                source,
            }),
        }
    }
}

/// Opens a file for writing, or makes it with mode 0600.
///
/// Root, who restores a backup before the service's first start, must not leave files that the service cannot open: a new one
/// belongs to whom the folder belongs. SECURITY: never through a link, and never one that was there before: the folder's user
/// must not be able to make root give files away.
fn open_or_make(folder: &Path, path: &Path) -> io::Result<File> {
    let no_link = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600).custom_flags(no_link);
    match options.clone().create_new(true).open(path) {
        Ok(file) => {
            let owner = fs::metadata(folder)?;
            if rustix::process::geteuid().is_root() && owner.uid() != 0 {
                fchown(
                    &file,
                    Some(Uid::from_raw(owner.uid())),
                    Some(Gid::from_raw(owner.gid())),
                )?;
            }
            Ok(file)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => options.open(path),
        Err(error) => Err(error),
    }
}

/// Where the database of a data folder is.
#[must_use]
pub(crate) fn database(data_dir: &Path) -> PathBuf {
    data_dir.join("rooms.sqlite")
}

/// Where the admin socket of a data folder is unless the configuration says otherwise.
#[must_use]
pub fn admin_socket(data_dir: &Path) -> PathBuf {
    data_dir.join("admin.sock")
}
