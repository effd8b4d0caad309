//! The database's columns, read from the schema, with what each is.

use rusqlite::Connection;
use serde::Serialize;

use crate::{error::Error, store::schema};

/// A column of a table.
#[derive(Serialize)]
pub struct Column {
    /// Table and column.
    pub name: String,
    /// SQLite's type.
    pub kind: String,
    /// What stands there; `None`: nobody has written it down, which is a mistake.
    pub is: Option<&'static str>,
}

/// What each column is. The golden file says by which decision it is there.
const MEANINGS: &[(&str, &str)] = &[
    (
        "rooms.number",
        "the operator's number for a room; a deleted room's number may come again",
    ),
    (
        "rooms.room_id",
        "hash of the room's key and this server's name, different on every server; it opens nothing, but whoever has the \
         room's link can compute it and so find that the room is here",
    ),
    (
        "rooms.admission_pk",
        "public key against which knowledge of the link is checked; the link does not follow from it",
    ),
    (
        "rooms.manage_pk",
        "public key against which the owner's changes are checked",
    ),
    ("rooms.day_made", "day on which the room was made"),
    ("rooms.day_expires", "last day that the owner chose"),
    ("rooms.limit_members", "most people at a time, chosen by the owner"),
    ("rooms.limit_seats", "most open microphones, chosen by the owner"),
    ("rooms.limit_calls", "most calls at a time, chosen by the owner"),
    (
        "rooms.sheet",
        "4,096 sealed bytes with the room's title and rules; the key is in the link, which the server never sees",
    ),
    (
        "rooms.operator_members",
        "most people at a time, lowered by the operator",
    ),
    ("rooms.operator_seats", "most open microphones, lowered by the operator"),
    ("rooms.operator_calls", "most calls at a time, lowered by the operator"),
    ("rooms.operator_expires", "last day, set earlier by the operator"),
    ("rooms.closed", "whether the operator closed the room"),
    (
        "tickets.number",
        "the operator's number for an unused ticket; a used one's number may come again",
    ),
    (
        "tickets.hash",
        "hash of a ticket's secret; the secret is in the link and comes here with its use, which deletes this row",
    ),
    (
        "tickets.day_expires",
        "last day on which the ticket opens a room, chosen by the operator",
    ),
];

/// All columns of a database as this version makes it.
pub(super) fn columns() -> Result<Vec<Column>, Error> {
    let mut connection = Connection::open_in_memory()?;
    schema::migrate(&mut connection)?;
    let mut statement = connection.prepare(
        "SELECT tables.name || '.' || columns.name, columns.type \
         FROM sqlite_schema AS tables JOIN pragma_table_info(tables.name) AS columns \
         WHERE tables.type = 'table' ORDER BY tables.name, columns.cid",
    )?;
    let rows = statement.query_map([], |row| {
        let name: String = row.get(0)?;
        let is = MEANINGS
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, meaning)| *meaning);
        Ok(Column {
            is,
            kind: row.get(1)?,
            name,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
