//! The rooms and unused tickets on disk: one SQLite file, nothing else, nobody's history.
//!
//! A row is what `protocol.md`, section 1, lets a server keep of a room, and a number by which the operator names it.
//! Calls, connections and times of use are never written. Deleted rows are overwritten (`secure_delete`), and the
//! rollback journal is removed after each transaction (`journal_mode=DELETE`), so that a deleted room is gone from the
//! file, as far as the disk below allows.
//!
//! Rule of use: calls block for a few milliseconds; from async code go through [`Store`], which uses a blocking thread.

mod data_dir;
mod private_folder;
pub(crate) mod schema;
mod tickets;

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use conclave_protocol::{
    ids::RoomId,
    room::{Limits, RoomRecord},
};
use rusqlite::{Connection, OptionalExtension};

pub(crate) use self::data_dir::database;
pub use self::data_dir::{DataDir, admin_socket};
pub(crate) use self::private_folder::PrivateFolder;
pub use self::tickets::StoredTicket;
pub(crate) use self::tickets::forget_all as forget_tickets;
use crate::error::Error;

/// A room as the store knows it: the operator's number and the record.
pub struct StoredRoom {
    /// Number by which the operator names the room; a number of a deleted room may come again.
    pub number: i64,
    /// What the server holds of it: the owner's limits and last day, which the owner's keys sign.
    pub record: RoomRecord,
    /// What the operator took away from that.
    pub operator: OperatorLimits,
    /// The operator closed it: nobody is let in.
    pub closed: bool,
}

/// An operator can take away from what the owner signed, never add to it. `None`: nothing taken away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OperatorLimits {
    /// Connections in the room at one moment.
    pub members: Option<u16>,
    /// Microphone seats in a call.
    pub seats: Option<u8>,
    /// Calls at one moment.
    pub calls: Option<u8>,
    /// Last day.
    pub day_expires: Option<u16>,
}

impl StoredRoom {
    /// Limits in force: the lower of the owner's and the operator's values.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let (owner, operator) = (self.record.limits, self.operator);
        Limits {
            members: operator.members.map_or(owner.members, |own| own.min(owner.members)),
            seats: operator.seats.map_or(owner.seats, |own| own.min(owner.seats)),
            calls: operator.calls.map_or(owner.calls, |own| own.min(owner.calls)),
        }
    }

    /// Last day in force.
    #[must_use]
    pub fn day_expires(&self) -> u16 {
        let owner = self.record.day_expires;
        self.operator.day_expires.map_or(owner, |own| own.min(owner))
    }
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

/// All rooms, by number.
pub(crate) fn read_all(connection: &Connection) -> Result<Vec<StoredRoom>, Error> {
    let mut statement = connection.prepare(&format!("SELECT {} FROM rooms ORDER BY number", schema::COLUMNS))?;
    let mut rows = statement.query([])?;
    let mut rooms = Vec::new();
    while let Some(row) = rows.next()? {
        rooms.push(schema::stored(row)?);
    }
    Ok(rooms)
}

fn find(connection: &Connection, number: i64) -> Result<Option<StoredRoom>, Error> {
    let mut statement = connection.prepare(&format!("SELECT {} FROM rooms WHERE number = ?1", schema::COLUMNS))?;
    let mut rows = statement.query([number])?;
    rows.next()?.map(schema::stored).transpose()
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
        self.with(|connection| read_all(connection)).await
    }

    /// One room.
    pub async fn room(&self, number: i64) -> Result<Option<StoredRoom>, Error> {
        self.with(move |connection| find(connection, number)).await
    }

    /// Stores a room and gives it a number.
    pub async fn insert(&self, record: RoomRecord) -> Result<Inserted, Error> {
        self.with(move |connection| schema::insert(connection, &record)).await
    }

    /// Changes what the operator takes away; the room as it is afterwards, if there is one.
    pub async fn restrict(
        &self,
        number: i64,
        change: impl FnOnce(&mut OperatorLimits) + Send + 'static,
    ) -> Result<Option<StoredRoom>, Error> {
        self.with(move |connection| {
            let Some(mut room) = find(connection, number)? else {
                return Ok(None);
            };
            change(&mut room.operator);
            schema::restrict(connection, number, room.operator)?;
            Ok(Some(room))
        })
        .await
    }

    /// Closes a room or opens it again; the room as it is afterwards, if there is one.
    pub async fn set_closed(&self, number: i64, closed: bool) -> Result<Option<StoredRoom>, Error> {
        self.with(move |connection| {
            connection.execute("UPDATE rooms SET closed = ?2 WHERE number = ?1", (number, closed))?;
            find(connection, number)
        })
        .await
    }

    /// How many rooms there are.
    pub async fn count(&self) -> Result<u64, Error> {
        self.with(|connection| Ok(connection.query_row("SELECT count(*) FROM rooms", [], |row| row.get(0))?))
            .await
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
            let mut statement = connection.prepare(
                "DELETE FROM rooms WHERE min(day_expires, ifnull(operator_expires, day_expires)) < ?1 RETURNING room_id",
            )?;
            let ids = statement.query_map([today], |row| row.get::<_, [u8; 16]>(0))?;
            ids.map(|id| Ok(RoomId::from_bytes(id?))).collect()
        })
        .await
    }
}
