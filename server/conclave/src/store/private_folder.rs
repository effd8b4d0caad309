//! A folder for secrets of the server's own: closed to others, files replaced whole.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use crate::error::Error;

/// A folder of mode 0700 with files of mode 0600.
pub(crate) struct PrivateFolder(PathBuf);

impl PrivateFolder {
    /// Makes it if it is not there.
    pub(crate) fn open(path: PathBuf) -> Result<Self, Error> {
        match DirBuilder::new().recursive(true).mode(0o700).create(&path) {
            Ok(()) => Ok(Self(path)),
            Err(source) => Err(Error::DataDir { path, source }),
        }
    }

    /// A whole file.
    pub(crate) fn read(&self, name: &str) -> io::Result<Zeroizing<Vec<u8>>> {
        fs::read(self.0.join(name)).map(Zeroizing::new)
    }

    /// Puts new content in the place of the old: after a crash there is one or the other.
    pub(crate) fn replace(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let (fresh, path) = (self.0.join(format!("{name}.new")), self.0.join(name));
        remove(&fresh)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&fresh)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&fresh, &path)?;
        File::open(&self.0)?.sync_all()
    }
}

/// What a crash may have left.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
