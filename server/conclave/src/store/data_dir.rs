//! The data folder: made closed, refused when open to others, held by one daemon at a time.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};

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
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join("lock"))
            .map_err(failed)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(Error::DataDirBusy(path.to_owned())),
            Err(errno) => Err(failed(io::Error::from(errno))),
        }
    }

    /// Where the database is, made with mode 0600 before SQLite opens it with the process's mask.
    pub fn database(&self) -> Result<PathBuf, Error> {
        let path = self.path.join("rooms.sqlite");
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(|source| Error::DataDir {
                path: self.path.clone(),
                source,
            })?;
        Ok(path)
    }
}

/// Where the admin socket of a data folder is unless the configuration says otherwise.
#[must_use]
pub fn admin_socket(data_dir: &Path) -> PathBuf {
    data_dir.join("admin.sock")
}
