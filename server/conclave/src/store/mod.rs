//! The rooms on disk: one SQLite file, nothing else, nobody's history.
//!
//! A row is what `protocol.md`, section 1, lets a server keep of a room, and a number by which the operator names it.
//! Calls, connections and times of use are never written. Deleted rows are overwritten (`secure_delete`), and the
//! rollback journal is removed after each transaction (`journal_mode=DELETE`), so that a deleted room is gone from the
//! file, as far as the disk below allows.
//!
//! Rule of use: calls block for a few milliseconds; from async code go through [`Store`], which uses a blocking thread.

mod data_dir;
mod schema;

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use conclave_protocol::{ids::RoomId, room::RoomRecord};
use rusqlite::{Connection, OptionalExtension};

pub use self::data_dir::{DataDir, admin_socket};
use crate::error::Error;

/// A room as the store knows it: the operator's number and the record.
pub struct StoredRoom {
    /// Number by which the operator names the room; a number of a deleted room may come again.
    pub number: i64,
    /// What the server holds of it.
    pub record: RoomRecord,
}

/// Handle to the database; clones share it.
#[derive(Clone)]
pub struct Store {
    connection: Arc<Mutex<Connection>>,
}

/// How an insertion ended.
pub enum Inserted {
    /// Stored under this number.
    As(i64),
    /// There is a room with this id already.
    Exists,
}

impl Store {
    /// Opens or makes the database and brings it to the newest version.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let mut connection = Connection::open(path)?;
        schema::prepare(&mut connection)?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
        })
    }

    /// Runs `work` on a blocking thread.
    async fn with<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, Error> + Send + 'static,
    {
        let connection = Arc::clone(&self.connection);
        tokio::task::spawn_blocking(move || work(&mut connection.lock().unwrap_or_else(PoisonError::into_inner)))
            .await
            .unwrap_or(Err(Error::TaskFailed("database")))
    }

    /// All rooms, by number.
    pub async fn rooms(&self) -> Result<Vec<StoredRoom>, Error> {
        self.with(|connection| {
            let mut statement =
                connection.prepare(&format!("SELECT {} FROM rooms ORDER BY number", schema::COLUMNS))?;
            let mut rows = statement.query([])?;
            let mut rooms = Vec::new();
            while let Some(row) = rows.next()? {
                rooms.push(schema::stored(row)?);
            }
            Ok(rooms)
        })
        .await
    }

    /// One room.
    pub async fn room(&self, number: i64) -> Result<Option<StoredRoom>, Error> {
        self.with(move |connection| {
            let mut statement =
                connection.prepare(&format!("SELECT {} FROM rooms WHERE number = ?1", schema::COLUMNS))?;
            let mut rows = statement.query([number])?;
            rows.next()?.map(schema::stored).transpose()
        })
        .await
    }

    /// Stores a room and gives it a number.
    pub async fn insert(&self, record: RoomRecord) -> Result<Inserted, Error> {
        self.with(move |connection| schema::insert(connection, &record)).await
    }

    /// Deletes a room; its id, if there was one.
    pub async fn delete(&self, number: i64) -> Result<Option<RoomId>, Error> {
        self.with(move |connection| {
            let id = connection
                .query_row(
                    "DELETE FROM rooms WHERE number = ?1 RETURNING room_id",
                    [number],
                    |row| row.get::<_, [u8; 16]>(0),
                )
                .optional()?;
            Ok(id.map(RoomId::from_bytes))
        })
        .await
    }

    /// Deletes rooms whose last day is before `today`; their ids.
    pub async fn delete_expired(&self, today: u16) -> Result<Vec<RoomId>, Error> {
        self.with(move |connection| {
            let mut statement = connection.prepare("DELETE FROM rooms WHERE day_expires < ?1 RETURNING room_id")?;
            let ids = statement.query_map([today], |row| row.get::<_, [u8; 16]>(0))?;
            ids.map(|id| Ok(RoomId::from_bytes(id?))).collect()
        })
        .await
    }
}
