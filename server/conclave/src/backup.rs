//! The database into one file and back.
//!
//! A backup is a database of its own, made with SQLite's online backup while the server runs or not. It holds what the database
//! holds: rooms, and nobody's name. Tickets stay out of it, or a restored server would take used ones again. Certificates and the configuration are not in it: the one is got anew, the other is the
//! operator's text. Restoring takes the data folder's lock, so it never happens under a running server, and overwrites the old
//! pages in place, so that rooms which are not in the backup are gone from the disk too.
//!
//! Both are often run by root over a folder of the service's user. SECURITY: nothing here follows a link that lies in the
//! folder, because whoever took over the service could have put it there for root to write through.

use std::{
    fs::{self, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, backup::Backup};

use crate::{
    error::Error,
    store::{self, DataDir, schema},
};

/// Pages copied in one step, under one lock: 4 MB. Larger: the server's own writes wait longer. Smaller: more steps, each of which
/// begins anew if the server wrote in between.
const PAGES_PER_STEP: std::ffi::c_int = 1_024;

/// Pause between steps, in which the server may write.
const PAUSE: Duration = Duration::from_millis(5);

/// How long a lock of the other side is waited for. A transaction of the server takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was copied.
pub struct Copied {
    /// Rooms in it.
    pub rooms: u64,
}

/// Writes a copy of the database to a new file that only this user can read.
pub fn backup(data_dir: &Path, to: &Path) -> Result<Copied, Error> {
    let from = data_dir.canonicalize().map_err(|source| Error::DataDir {
        path: data_dir.to_owned(),
        source,
    })?;
    let database = store::database(&from);
    if !database.exists() {
        return Err(Error::NoDatabase(database));
    }
    let source = Connection::open_with_flags(
        &database,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NOFOLLOW | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    source.busy_timeout(PATIENCE)?;
    let unusable = |source| Error::BackupFile {
        path: to.to_owned(),
        source,
    };
    // An existing file is never overwritten: it may be the only good backup.
    let file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(to)
        .map_err(unusable)?;
    let copied = (|| {
        let mut target = Connection::open(to)?;
        copy(&source, &mut target)?;
        store::forget_tickets(&target)?;
        sound(&target)
    })();
    match copied {
        Ok(rooms) => {
            file.sync_all().map_err(unusable)?;
            Ok(Copied { rooms })
        }
        Err(error) => {
            let _ = fs::remove_file(to);
            Err(error)
        }
    }
}

/// Puts a backup in the place of the database. Refused while a server runs, and, unless `replace`, where there are rooms.
pub fn restore(data_dir: &Path, from: &Path, replace: bool) -> Result<Copied, Error> {
    let unusable = |source| Error::BackupFile {
        path: from.to_owned(),
        source,
    };
    // Also the better words for a file that is not there.
    fs::File::open(from).map_err(unusable)?;
    let held = DataDir::open(data_dir)?;
    let staged = Staged::new(held.path())?;
    {
        let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let mut target = Connection::open_with_flags(&staged.0, WRITE)?;
        copy(&source, &mut target).map_err(|error| not_a_backup(error, from))?;
        sound(&target).map_err(|error| not_a_backup(error, from))?;
        // An old backup is brought to the newest version here, where nothing is lost if that fails.
        schema::prepare(&mut target)?;
        store::forget_tickets(&target)?;
    }
    let source = Connection::open_with_flags(&staged.0, WRITE)?;
    let rooms = sound(&source)?;
    // Every row must be one that the server can read, or it would not start.
    store::read_all(&source)?;

    let mut target = Connection::open_with_flags(held.database()?, WRITE)?;
    schema::prepare(&mut target)?;
    if !replace && sound(&target)? > 0 {
        return Err(Error::Usage(
            "there are rooms in this data folder, which would be lost",
            "add --replace if that is what you want",
        ));
    }
    copy(&source, &mut target)?;
    Ok(Copied { rooms })
}

const WRITE: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE
    .union(OpenFlags::SQLITE_OPEN_NOFOLLOW)
    .union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

fn copy(from: &Connection, to: &mut Connection) -> Result<(), Error> {
    Ok(Backup::new(from, to)?.run_to_completion(PAGES_PER_STEP, PAUSE, None)?)
}

/// Checks the file's inner order and counts rooms.
fn sound(connection: &Connection) -> Result<u64, Error> {
    let verdict: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Err(Error::DatabaseDamaged);
    }
    Ok(connection.query_row("SELECT count(*) FROM rooms", [], |row| row.get(0))?)
}

/// SQLite's words about a file that is none are about SQLite.
fn not_a_backup(error: Error, path: &Path) -> Error {
    match error {
        Error::Database(_) => Error::NotABackup(path.to_owned()),
        other => other,
    }
}

/// A file beside the database that goes when this is done.
struct Staged(PathBuf);

impl Staged {
    fn new(folder: &Path) -> Result<Self, Error> {
        let path = folder.join("restore.sqlite");
        let failed = |source| Error::DataDir {
            path: folder.to_owned(),
            source,
        };
        // Left over from a restore that was killed.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        Ok(Self(path))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
