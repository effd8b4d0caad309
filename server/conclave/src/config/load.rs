//! Reads the layers and puts them on top of one another: options, environment, file, defaults.
//!
//! An unknown key is an error wherever it stands, and so is a variable of the environment that was meant for us: a limit that
//! was misspelt must not be silently absent. All faults are reported together.

use std::{
    collections::BTreeMap,
    env, fs, io,
    path::{Path, PathBuf},
};

use confique::{Config as _, Layer as _};
use toml::{
    Table, Value,
    de::{DeTable, DeValue},
};

use super::{
    fault::Fault,
    keys::{self, ENVIRONMENT, ENVIRONMENT_FILE, Kind},
    settings::Settings,
};
use crate::error::Error;

/// The file of an installed service.
pub const SYSTEM_FILE: &str = "/etc/conclave/conclave.toml";

/// Largest file that is read: thirty keys and their comments are 8 kB.
const MAX_FILE: u64 = 1 << 20;

type SettingsLayer = <Settings as confique::Config>::Layer;

/// An option of the command line that sets a key.
#[derive(Clone)]
pub struct Flag {
    /// As the operator knows it: `--listen`.
    pub option: String,
    /// Path of the key.
    pub key: String,
    /// Its value, as text.
    pub value: String,
}

/// Where the layers come from.
#[derive(Clone, Default)]
pub struct Sources {
    /// `--config`; without it `CONCLAVE_CONFIG`, else [`SYSTEM_FILE`] if there is one.
    pub file: Option<PathBuf>,
    /// Options, later ones win.
    pub flags: Vec<Flag>,
    /// Variables of the environment that begin with `CONCLAVE_`.
    pub environment: BTreeMap<String, String>,
    /// Where to look if no file was named; tests look nowhere.
    pub system_file: Option<PathBuf>,
}

/// Which layer a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Option,
    /// The environment.
    Environment,
    /// The file.
    File,
    /// Nobody said anything.
    Default,
}

/// The layers on top of one another.
pub struct Loaded {
    /// What they say together.
    pub settings: Settings,
    /// The file that was read, if there was one.
    pub file: Option<PathBuf>,
    /// True if it is the installed service's file and nobody named it.
    pub is_system: bool,
    origins: BTreeMap<String, Origin>,
}

impl Loaded {
    /// Where the value of a key comes from.
    #[must_use]
    pub fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).copied().unwrap_or(Origin::Default)
    }
}

impl Sources {
    /// What this process was given. Options are added by whoever parsed them.
    #[must_use]
    pub fn of_process(file: Option<PathBuf>) -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            file,
            flags: Vec::new(),
            environment: env::vars_os()
                .filter_map(text)
                .filter(|(name, _)| name.starts_with(ENVIRONMENT))
                .collect(),
            system_file: Some(PathBuf::from(SYSTEM_FILE)),
        }
    }

    /// Adds an option.
    pub fn set(&mut self, option: &str, key: &str, value: impl Into<String>) {
        self.flags.push(Flag {
            option: option.to_owned(),
            key: key.to_owned(),
            value: value.into(),
        });
    }

    /// Reads all layers.
    pub fn load(&self) -> Result<Loaded, Error> {
        let mut faults = Vec::new();
        let mut origins = BTreeMap::new();
        let mut layers = Vec::new();
        for flag in self.flags.iter().rev() {
            layers.push((
                Origin::Option,
                single(&flag.option, &flag.key, &flag.value, &mut faults),
            ));
        }
        layers.push((Origin::Environment, self.environment_layer(&mut faults)));
        let (file, is_system) = match self.file_to_read() {
            Some((path, named)) => (Some(path), !named),
            None => (None, false),
        };
        let mut read = None;
        if let Some(path) = &file {
            match read_file(path) {
                Ok(text) => {
                    layers.push((Origin::File, file_layer(path, &text, &mut faults)));
                    read = Some(path.clone());
                }
                Err(source) if is_system && source.kind() == io::ErrorKind::NotFound => {}
                Err(source) => {
                    return Err(Error::ConfigFile {
                        path: path.clone(),
                        source,
                    });
                }
            }
        }
        if !faults.is_empty() {
            return Err(Error::Config(faults));
        }
        let mut merged = SettingsLayer::empty();
        for (origin, layer) in layers {
            for key in keys_of(&layer) {
                origins.entry(key).or_insert(origin);
            }
            merged = merged.with_fallback(layer);
        }
        let settings = Settings::from_layer(merged.with_fallback(SettingsLayer::default_values()))
            .map_err(|error| Error::Config(vec![Fault::new("the configuration", error.to_string())]))?;
        Ok(Loaded {
            settings,
            is_system: is_system && read.is_some(),
            file: read,
            origins,
        })
    }

    /// The file, and whether somebody named it.
    fn file_to_read(&self) -> Option<(PathBuf, bool)> {
        let named = self.file.clone().or_else(|| {
            self.environment
                .get(ENVIRONMENT_FILE)
                .filter(|path| !path.is_empty())
                .map(PathBuf::from)
        });
        match named {
            Some(path) => Some((path, true)),
            None => self.system_file.clone().map(|path| (path, false)),
        }
    }

    fn environment_layer(&self, faults: &mut Vec<Fault>) -> SettingsLayer {
        let mut layer = SettingsLayer::empty();
        for key in keys::all() {
            let variable = keys::variable(&key);
            // Set but empty is how a unit or a container file says "not set".
            if let Some(value) = self.environment.get(&variable).filter(|value| !value.is_empty()) {
                layer = layer.with_fallback(single(&variable, &key, value, faults));
            }
        }
        let ours: Vec<String> = keys::all().iter().map(|key| keys::variable(key)).collect();
        for name in self.environment.keys() {
            if name == ENVIRONMENT_FILE || ours.contains(name) {
                continue;
            }
            if let Some(meant) = keys::nearest_variable(name) {
                faults.push(
                    Fault::new("the environment", format!("there is no variable '{name}'"))
                        .hint(format!("did you mean '{meant}'?")),
                );
            }
        }
        layer
    }
}

fn read_file(path: &Path) -> io::Result<String> {
    use io::Read as _;
    let mut text = String::new();
    fs::File::open(path)?.take(MAX_FILE).read_to_string(&mut text)?;
    Ok(text)
}

/// A layer of one key. A value is TOML if it reads as a number, a truth, a list, a table or a quoted string, otherwise it is
/// the string itself, so that nobody has to quote twice.
fn single(at: &str, key: &str, value: &str, faults: &mut Vec<Fault>) -> SettingsLayer {
    match keys::kind(key) {
        Some(Kind::Key) => {}
        Some(Kind::Section) => {
            faults.push(Fault::new(at, format!("'{key}' is a section; name one of its keys")));
            return SettingsLayer::empty();
        }
        None => {
            faults.push(unknown(at, key));
            return SettingsLayer::empty();
        }
    }
    let parsed = format!("value = {value}")
        .parse::<Table>()
        .ok()
        .filter(|table| table.len() == 1)
        .and_then(|mut table| table.remove("value"))
        .filter(|value| !value.is_datetime());
    let mut wrapped = parsed.unwrap_or_else(|| Value::String(value.to_owned()));
    for part in key.rsplit('.') {
        wrapped = Value::Table(Table::from_iter([(part.to_owned(), wrapped)]));
    }
    match wrapped.try_into::<SettingsLayer>() {
        Ok(layer) => layer,
        Err(error) => {
            faults.push(Fault::new(at, first_line(error.message())));
            SettingsLayer::empty()
        }
    }
}

fn file_layer(path: &Path, text: &str, faults: &mut Vec<Fault>) -> SettingsLayer {
    let at = |offset: Option<usize>| match offset {
        Some(offset) => format!("{}:{}", path.display(), line(text, offset)),
        None => path.display().to_string(),
    };
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            let start = error.span().map(|span| span.start);
            faults.push(Fault::new(at(start), first_line(error.message())));
            return SettingsLayer::empty();
        }
    };
    let before = faults.len();
    let mut unknown = Vec::new();
    unknown_keys(table.get_ref(), "", &mut unknown);
    // The table is sorted by key; the operator reads from top to bottom.
    unknown.sort_by_key(|(offset, _)| *offset);
    faults.extend(unknown.iter().map(|(offset, key)| key.fault(&at(Some(*offset)))));
    if faults.len() > before {
        return SettingsLayer::empty();
    }
    match toml::from_str(text) {
        Ok(layer) => layer,
        Err(error) => {
            let start = error.span().map(|span| span.start);
            faults.push(Fault::new(at(start), first_line(error.message())));
            SettingsLayer::empty()
        }
    }
}

/// A key that does not belong where it stands.
enum Misplaced {
    Unknown(String),
    Section(String),
}

impl Misplaced {
    fn fault(&self, at: &str) -> Fault {
        match self {
            Self::Unknown(key) => unknown(at, key),
            Self::Section(key) => Fault::new(at, format!("'{key}' is a section; write [{key}] and its keys below")),
        }
    }
}

/// Every key in the file that is none of ours, with the place where it begins.
fn unknown_keys(table: &DeTable<'_>, prefix: &str, found: &mut Vec<(usize, Misplaced)>) {
    for (key, value) in table.iter() {
        let path = format!("{prefix}{}", key.get_ref());
        let start = key.span().start;
        match (keys::kind(&path), value.get_ref()) {
            (Some(Kind::Section), DeValue::Table(inner)) => unknown_keys(inner, &format!("{path}."), found),
            (Some(Kind::Section), _) => found.push((start, Misplaced::Section(path))),
            (Some(Kind::Key), _) => {}
            (None, _) => found.push((start, Misplaced::Unknown(path))),
        }
    }
}

fn unknown(at: &str, key: &str) -> Fault {
    let fault = Fault::new(at, format!("there is no key '{key}'"));
    match keys::nearest(key) {
        Some(meant) => fault.hint(format!("did you mean '{meant}'?")),
        None => fault.hint("'conclave config example' shows all keys"),
    }
}

/// The keys that a layer sets.
fn keys_of(layer: &SettingsLayer) -> Vec<String> {
    let table = Table::try_from(layer).unwrap_or_default();
    let set = |key: &String| {
        let mut value: Option<&Value> = None;
        for part in key.split('.') {
            let inside = match value {
                None => Some(&table),
                Some(value) => value.as_table(),
            };
            value = Some(inside?.get(part)?);
        }
        value.map(|_| key.clone())
    };
    keys::all().iter().filter_map(set).collect()
}

fn line(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
