//! Everything that this server could be made to produce, and what others hold: for the operator who receives an order, and for whoever
//! wonders what an operator could hand over.
//!
//! The tables come from the database's own schema, the files from the data folder; a table, column or file that nobody has described is
//! printed as such, and fails the tests. What stands in memory and at others cannot be read off and is written down in [`places`],
//! beside a golden file (`tests/golden/disclosure.txt`) of what the admin socket, the wire language, the metrics and the log can say:
//! a new field there fails until a decision record explains it.

#[cfg(test)]
mod golden;
mod places;
mod tables;

use std::{fs, path::Path};

use serde::Serialize;

use crate::error::Error;

/// All of it.
#[derive(Serialize)]
pub struct Disclosure {
    /// The database, column by column.
    pub database: Vec<tables::Column>,
    /// What lies in the data folder, if it can be read.
    pub files: Vec<File>,
    /// What stands in memory, by class.
    pub memory: Vec<places::Class>,
    /// Of the log.
    pub log: Vec<&'static str>,
    /// Certificates and keys.
    pub keys: Vec<places::Class>,
    /// What others hold, whatever this server does.
    pub others: Vec<places::Class>,
    /// What it could be made to produce from now on, by changing it.
    pub from_now_on: Vec<&'static str>,
    /// What cannot be produced, because it is not there.
    pub absent: Vec<&'static str>,
}

/// A file in the data folder.
#[derive(Serialize)]
pub struct File {
    /// Its name.
    pub name: String,
    /// What it is; `None`: not made by this program, or forgotten here.
    pub is: Option<&'static str>,
}

/// Puts it together. `data_dir` need not exist yet.
pub fn disclose(data_dir: &Path) -> Result<Disclosure, Error> {
    Ok(Disclosure {
        database: tables::columns()?,
        files: files(data_dir),
        memory: places::memory(),
        log: places::LOG.to_vec(),
        keys: places::keys(),
        others: places::others(),
        from_now_on: places::FROM_NOW_ON.to_vec(),
        absent: places::ABSENT.to_vec(),
    })
}

fn files(data_dir: &Path) -> Vec<File> {
    let Ok(entries) = fs::read_dir(data_dir) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    let file = |name: String| File {
        is: places::FILES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, is)| *is),
        name,
    };
    names.into_iter().map(file).collect()
}
