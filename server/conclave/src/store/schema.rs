//! The tables, their versions, and the way from rows to records.
//!
//! `user_version` counts the migrations that a file has seen. A released migration is never edited; a new one is
//! appended, and a file from the future is refused.

use conclave_protocol::{
    ids::RoomId,
    keys::{AdmissionPk, ManagePk},
    limits::SHEET_LEN,
    room::{Limits, RoomRecord},
};
use rusqlite::{Connection, ErrorCode, Row, TransactionBehavior, params};

use super::{Inserted, StoredRoom};
use crate::error::Error;

/// Migration *n* leads from version *n* to *n* + 1.
///
/// Without AUTOINCREMENT: its own table would keep the highest number ever used, a count of rooms that are gone.
const MIGRATIONS: [&str; 1] = ["CREATE TABLE rooms (
    number        INTEGER PRIMARY KEY,
    room_id       BLOB NOT NULL UNIQUE CHECK (length(room_id) = 16),
    admission_pk  BLOB NOT NULL CHECK (length(admission_pk) = 32),
    manage_pk     BLOB NOT NULL CHECK (length(manage_pk) = 32),
    day_made      INTEGER NOT NULL CHECK (day_made BETWEEN 0 AND 65535),
    day_expires   INTEGER NOT NULL CHECK (day_expires BETWEEN day_made AND 65535),
    limit_members INTEGER NOT NULL CHECK (limit_members > 0),
    limit_seats   INTEGER NOT NULL CHECK (limit_seats > 0),
    limit_calls   INTEGER NOT NULL CHECK (limit_calls > 0),
    sheet         BLOB NOT NULL CHECK (length(sheet) = 4096)
) STRICT"];

/// Columns in the order that [`stored`] reads.
pub(super) const COLUMNS: &str = "number, room_id, admission_pk, manage_pk, day_made, day_expires, limit_members, \
                                  limit_seats, limit_calls, sheet";

/// Sets what makes deleted rows disappear, then migrates.
pub(super) fn prepare(connection: &mut Connection) -> Result<(), Error> {
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get(0))?;
    let secure: i64 = connection.pragma_query_value(None, "secure_delete", |row| row.get(0))?;
    // SECURITY: a file that insists on a write-ahead log would keep deleted rooms beside itself.
    if !mode.eq_ignore_ascii_case("delete") || secure != 1 {
        return Err(Error::DatabaseDamaged);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(Error::DatabaseNewer { found, known });
    }
    for migration in MIGRATIONS
        .iter()
        .skip(usize::try_from(found).map_err(|_| Error::DatabaseDamaged)?)
    {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    Ok(transaction.commit()?)
}

/// Reads one row.
pub(super) fn stored(row: &Row<'_>) -> Result<StoredRoom, Error> {
    let record = RoomRecord {
        room_id: RoomId::from_bytes(row.get("room_id")?),
        admission_pk: AdmissionPk::from_bytes(row.get("admission_pk")?),
        manage_pk: ManagePk::from_bytes(row.get("manage_pk")?),
        day_made: row.get("day_made")?,
        day_expires: row.get("day_expires")?,
        limits: Limits {
            members: row.get("limit_members")?,
            seats: row.get("limit_seats")?,
            calls: row.get("limit_calls")?,
        },
        sheet: row.get("sheet")?,
    };
    if !record.limits.is_valid() || record.sheet.len() != SHEET_LEN {
        return Err(Error::DatabaseDamaged);
    }
    Ok(StoredRoom {
        number: row.get("number")?,
        record,
    })
}

/// Writes one row.
pub(super) fn insert(connection: &Connection, record: &RoomRecord) -> Result<Inserted, Error> {
    let limits = record.limits;
    let written = connection.execute(
        "INSERT INTO rooms (room_id, admission_pk, manage_pk, day_made, day_expires, limit_members, limit_seats, limit_calls, \
         sheet) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            record.room_id.as_bytes(),
            record.admission_pk.as_bytes(),
            record.manage_pk.as_bytes(),
            record.day_made,
            record.day_expires,
            limits.members,
            limits.seats,
            limits.calls,
            record.sheet,
        ],
    );
    match written {
        Ok(_) => Ok(Inserted::As(connection.last_insert_rowid())),
        Err(rusqlite::Error::SqliteFailure(failure, _)) if failure.code == ErrorCode::ConstraintViolation => {
            Ok(Inserted::Exists)
        }
        Err(error) => Err(error.into()),
    }
}
