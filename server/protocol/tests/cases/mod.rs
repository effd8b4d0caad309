//! The values behind `tests/vectors/*.json`, built from fixed bytes. The vector test compares them with the files; the example prints them.

pub mod envelopes;
pub mod invites;
pub mod links;
pub mod manage;
pub mod messages;
pub mod roles;
pub mod rooms;

use conclave_protocol::link::ServerName;
use serde_json::Value;

/// The files, by name without `.json`.
pub const FILES: [&str; 10] = [
    "link",
    "keys",
    "credentials",
    "admission",
    "room",
    "envelope",
    "messages",
    "roles",
    "manage",
    "invites",
];

/// The contents of one file.
pub fn file(name: &str) -> Value {
    match name {
        "link" => links::link(),
        "keys" => rooms::keys(),
        "credentials" => rooms::credentials(),
        "admission" => rooms::admission(),
        "room" => rooms::room(),
        "envelope" => envelopes::envelope(),
        "messages" => messages::messages(),
        "roles" => roles::roles(),
        "manage" => manage::manage(),
        "invites" => invites::invites(),
        other => panic!("no vector file {other}"),
    }
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

/// `N` bytes counting up from `start`.
pub fn counting<const N: usize>(start: u8) -> [u8; N] {
    std::array::from_fn(|i| start.wrapping_add(i as u8))
}

/// A server name that the test itself wrote.
pub fn server(name: &str) -> ServerName {
    ServerName::parse(name).unwrap()
}
