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

use super::{Inserted, OperatorLimits, StoredRoom};
use crate::error::Error;

/// Migration *n* leads from version *n* to *n* + 1.
///
/// Without AUTOINCREMENT: its own table would keep the highest number ever used, a count of rooms that are gone.
const MIGRATIONS: [&str; 3] = [
    "CREATE TABLE rooms (
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
) STRICT",
    // What the operator took away from what the owner's keys sign; NULL: nothing.
    "ALTER TABLE rooms ADD COLUMN operator_members INTEGER CHECK (operator_members BETWEEN 1 AND 65535);
    ALTER TABLE rooms ADD COLUMN operator_seats INTEGER CHECK (operator_seats BETWEEN 1 AND 255);
    ALTER TABLE rooms ADD COLUMN operator_calls INTEGER CHECK (operator_calls BETWEEN 1 AND 255);
    ALTER TABLE rooms ADD COLUMN operator_expires INTEGER CHECK (operator_expires BETWEEN 0 AND 65535);
    ALTER TABLE rooms ADD COLUMN closed INTEGER NOT NULL DEFAULT 0 CHECK (closed IN (0, 1))",
    // Of a ticket its hash alone; a used one leaves nothing.
    "CREATE TABLE tickets (
    number      INTEGER PRIMARY KEY,
    hash        BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    day_expires INTEGER NOT NULL CHECK (day_expires BETWEEN 0 AND 65535)
) STRICT",
];

/// Columns in the order that [`stored`] reads.
pub(super) const COLUMNS: &str = "number, room_id, admission_pk, manage_pk, day_made, day_expires, limit_members, \
                                  limit_seats, limit_calls, sheet, operator_members, operator_seats, operator_calls, \
                                  operator_expires, closed";

/// Writes what the operator allows; true if there is such a room.
pub(super) fn restrict(connection: &Connection, number: i64, limits: OperatorLimits) -> Result<bool, Error> {
    let changed = connection.execute(
        "UPDATE rooms SET operator_members = ?2, operator_seats = ?3, operator_calls = ?4, operator_expires = ?5 \
         WHERE number = ?1",
        params![number, limits.members, limits.seats, limits.calls, limits.day_expires],
    )?;
    Ok(changed == 1)
}

/// Sets what makes deleted rows disappear, then migrates.
pub(crate) fn prepare(connection: &mut Connection) -> Result<(), Error> {
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get(0))?;
    let secure: i64 = connection.pragma_query_value(None, "secure_delete", |row| row.get(0))?;
    // SECURITY: a file that insists on a write-ahead log would keep deleted rooms beside itself.
    if !mode.eq_ignore_ascii_case("delete") || secure != 1 {
        return Err(Error::DatabaseDamaged);
    }
    migrate(connection)
}

/// Brings the tables to the newest version.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), Error> {
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
        operator: OperatorLimits {
            members: row.get("operator_members")?,
            seats: row.get("operator_seats")?,
            calls: row.get("operator_calls")?,
            day_expires: row.get("operator_expires")?,
        },
        closed: row.get("closed")?,
    })
}

/// Puts what the owner may change of a record in the place of what was there.
pub(super) fn replace(connection: &Connection, record: &RoomRecord) -> Result<(), Error> {
    let limits = record.limits;
    connection.execute(
        "UPDATE rooms SET admission_pk = ?2, day_expires = ?3, limit_members = ?4, limit_seats = ?5, limit_calls = ?6, sheet = ?7 \
         WHERE room_id = ?1",
        params![
            record.room_id.as_bytes(),
            record.admission_pk.as_bytes(),
            record.day_expires,
            limits.members,
            limits.seats,
            limits.calls,
            record.sheet,
        ],
    )?;
    Ok(())
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn columns(connection: &Connection) -> Vec<String> {
        let mut statement = connection
            .prepare(
                "SELECT tables.name || ' ' || columns.name || ' ' || columns.type || ' ' || columns.\"notnull\" \
                 FROM sqlite_schema AS tables JOIN pragma_table_info(tables.name) AS columns \
                 WHERE tables.type = 'table' ORDER BY tables.name, columns.cid",
            )
            .expect("a statement");
        let rows = statement.query_map([], |row| row.get(0)).expect("rows");
        rows.collect::<Result<_, _>>().expect("text")
    }

    /// Opens a copy in memory, because the file in the repository must stay what it is.
    fn committed(version: usize) -> (Connection, Gone) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/rooms-v{version}.sqlite"));
        assert!(
            path.exists(),
            "keep a database of version {version} at {}",
            path.display()
        );
        let file = std::env::temp_dir().join(format!("conclave-schema-{}-{version}.sqlite", std::process::id()));
        std::fs::copy(path, &file).expect("a copy");
        let connection = Connection::open(&file).expect("a database");
        (connection, Gone(file))
    }

    struct Gone(std::path::PathBuf);

    impl Drop for Gone {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    #[test]
    fn every_older_version_becomes_the_newest_and_keeps_its_rooms() {
        let fresh = Connection::open_in_memory().expect("a database");
        for migration in MIGRATIONS {
            fresh.execute_batch(migration).expect("a migration");
        }
        for version in 1..MIGRATIONS.len() {
            let (mut old, _file) = committed(version);
            let found: usize = old
                .pragma_query_value(None, "user_version", |row| row.get(0))
                .expect("a version");
            assert_eq!(found, version);
            let before: i64 = old
                .query_row("SELECT count(*) FROM rooms", [], |row| row.get(0))
                .expect("a count");
            assert!(before > 0, "a database without rooms shows nothing");
            prepare(&mut old).expect("it is brought to the newest version");
            assert_eq!(columns(&old), columns(&fresh), "version {version}");
            let rooms = crate::store::read_all(&old).expect("its rooms are read");
            assert_eq!(rooms.len(), usize::try_from(before).expect("a count"));
            // Version 2 is of a server whose operator had closed and limited its room 3.
            for room in rooms {
                let restricted = version == 2 && room.number == 3;
                assert_eq!(room.closed, restricted, "version {version}");
                assert_eq!(room.operator.members, restricted.then_some(20), "version {version}");
            }
            let tickets: i64 = old
                .query_row("SELECT count(*) FROM tickets", [], |row| row.get(0))
                .expect("a count");
            assert_eq!(tickets, 0);
        }
        let (mut future, _file) = committed(1);
        future.pragma_update(None, "user_version", 1_000).expect("a version");
        assert!(matches!(
            prepare(&mut future),
            Err(Error::DatabaseNewer { found: 1_000, .. })
        ));
    }
}
