//! Tickets on disk: a hash of the secret and a last day. Neither who got one nor which room came of it is written: a used ticket's row is gone, in
//! the transaction that makes the room.

use conclave_protocol::{ids::RoomId, manage::TicketHash, room::RoomRecord};
use rusqlite::{Connection, ErrorCode, OptionalExtension, TransactionBehavior};

use super::{Inserted, Store, StoredRoom, find, schema};
use crate::error::Error;

/// A ticket as the store knows it.
#[derive(Clone, Copy)]
pub struct StoredTicket {
    /// Number by which the operator names it; a number of a used ticket may come again.
    pub number: i64,
    /// The last day on which it opens a room.
    pub day_expires: u16,
}

/// Takes all tickets out of a copy: whoever has an old backup must not be able to make used ones count again.
pub(crate) fn forget_all(connection: &Connection) -> Result<(), Error> {
    let known: bool = connection.query_row(
        "SELECT count(*) > 0 FROM sqlite_schema WHERE type = 'table' AND name = 'tickets'",
        [],
        |row| row.get(0),
    )?;
    if known {
        connection.pragma_update(None, "secure_delete", "ON")?;
        connection.execute("DELETE FROM tickets", [])?;
    }
    Ok(())
}

impl Store {
    /// Keeps a ticket; its number, or `None` if this very secret is kept already.
    pub async fn insert_ticket(&self, hash: TicketHash, day_expires: u16) -> Result<Option<i64>, Error> {
        self.with(move |connection| {
            let written = connection.execute(
                "INSERT INTO tickets (hash, day_expires) VALUES (?1, ?2)",
                (hash.as_bytes(), day_expires),
            );
            match written {
                Ok(_) => Ok(Some(connection.last_insert_rowid())),
                Err(rusqlite::Error::SqliteFailure(failure, _)) if failure.code == ErrorCode::ConstraintViolation => {
                    Ok(None)
                }
                Err(error) => Err(error.into()),
            }
        })
        .await
    }

    /// All tickets, by number.
    pub async fn tickets(&self) -> Result<Vec<StoredTicket>, Error> {
        self.with(|connection| {
            let mut statement = connection.prepare("SELECT number, day_expires FROM tickets ORDER BY number")?;
            let rows = statement.query_map([], |row| {
                Ok(StoredTicket {
                    number: row.get(0)?,
                    day_expires: row.get(1)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Forgets a ticket; true if there was one.
    pub async fn revoke_ticket(&self, number: i64) -> Result<bool, Error> {
        self.with(move |connection| Ok(connection.execute("DELETE FROM tickets WHERE number = ?1", [number])? == 1))
            .await
    }

    /// Forgets tickets whose last day is before `today`.
    pub async fn delete_expired_tickets(&self, today: u16) -> Result<(), Error> {
        self.with(move |connection| {
            connection.execute("DELETE FROM tickets WHERE day_expires < ?1", [today])?;
            Ok(())
        })
        .await
    }

    /// Makes a room of a ticket. `None`, and nothing is changed: no such ticket (unknown, used, revoked, expired), or the room is there already.
    pub async fn redeem(
        &self,
        ticket: TicketHash,
        record: RoomRecord,
        today: u16,
    ) -> Result<Option<StoredRoom>, Error> {
        self.with(move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let used = transaction.execute(
                "DELETE FROM tickets WHERE hash = ?1 AND day_expires >= ?2",
                (ticket.as_bytes(), today),
            )?;
            if used != 1 {
                return Ok(None);
            }
            match schema::insert(&transaction, &record)? {
                // The transaction is rolled back: the ticket still counts.
                Inserted::Exists => Ok(None),
                Inserted::As(number) => {
                    let room = find(&transaction, number)?;
                    transaction.commit()?;
                    Ok(room)
                }
            }
        })
        .await
    }

    /// A room that is not closed, by its id.
    pub async fn open_room(&self, id: RoomId) -> Result<Option<StoredRoom>, Error> {
        self.with(move |connection| open_room(connection, id)).await
    }

    /// Puts another record in a room's place if `judge` has nothing against it. The room as it is afterwards, `None` if there is none (any more).
    pub async fn replace<E, F>(&self, record: RoomRecord, judge: F) -> Result<Option<Result<StoredRoom, E>>, Error>
    where
        E: Send + 'static,
        F: FnOnce(&StoredRoom) -> Result<(), E> + Send + 'static,
    {
        self.with(move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let Some(mut room) = open_room(&transaction, record.room_id)? else {
                return Ok(None);
            };
            if let Err(error) = judge(&room) {
                return Ok(Some(Err(error)));
            }
            schema::replace(&transaction, &record)?;
            transaction.commit()?;
            room.record = record;
            Ok(Some(Ok(room)))
        })
        .await
    }

    /// Deletes a room by its id; true if there was one.
    pub async fn delete_by_owner(&self, id: RoomId) -> Result<bool, Error> {
        self.with(move |connection| {
            let deleted = connection.execute("DELETE FROM rooms WHERE room_id = ?1 AND NOT closed", [id.as_bytes()])?;
            Ok(deleted == 1)
        })
        .await
    }
}

fn open_room(connection: &Connection, id: RoomId) -> Result<Option<StoredRoom>, Error> {
    let number = connection
        .query_row(
            "SELECT number FROM rooms WHERE room_id = ?1 AND NOT closed",
            [id.as_bytes()],
            |row| row.get(0),
        )
        .optional()?;
    match number {
        Some(number) => find(connection, number),
        None => Ok(None),
    }
}
