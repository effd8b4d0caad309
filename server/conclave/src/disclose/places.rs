//! What stands elsewhere than in the database: memory, log, keys, and other people's machines. Written by hand, because no
//! schema holds it; whoever keeps something new in memory adds it here.

use serde::Serialize;

/// A class of data.
#[derive(Serialize)]
pub struct Class {
    /// Where, or at whom.
    pub at: &'static str,
    /// What.
    pub what: &'static str,
    /// For how long.
    pub how_long: &'static str,
}

/// What may lie in the data folder.
pub(super) const FILES: &[(&str, &str)] = &[
    ("rooms.sqlite", "the database: rooms, and unused tickets"),
    (
        "rooms.sqlite-journal",
        "the database's journal, there for the milliseconds of a change",
    ),
    ("lock", "empty; held while a server runs"),
    ("admin.sock", "the operator's socket, there while a server runs"),
    ("restore.sqlite", "a backup that is being restored"),
    (
        "acme",
        "this server's account key, certificate and its key, from the ACME authority",
    ),
];

/// Of the log.
pub(super) const LOG: &[&str] = &[
    "lines about the server itself: started, stopped, what failed on this machine. No line carries a time, an address, a room, \
     a link, a name or a message, at any level; whoever collects the log (journald) adds times",
    "events of libraries are dropped before they become text",
];

/// What an order, or whoever takes the machine over, could make it produce from then on.
pub(super) const FROM_NOW_ON: &[&str] = &[
    "addresses of those who connect, when, and which connections are in one room at the same time: by changing the program or \
     recording the network",
    "sizes and times of all packets, from which one can tell who has a camera on and how much moves, not what it shows",
    "a changed page for one person or all, which could send keys and pictures elsewhere: until clients are signed, this is what to \
     fear most",
    "refusal: any room, any address, everything",
];

/// What cannot be produced.
pub(super) const ABSENT: &[&str] = &[
    "sound, pictures, screens, chat, files, hands: sealed between the browsers, without a key on the server",
    "names of people and titles of rooms: inside the same encryption",
    "accounts, e-mail addresses, telephone numbers: there are none",
    "who was in a call that is over, when calls took place, how many came: never written, and gone from memory with the call",
    "links and their secrets: they stand behind the # of an address, which browsers send to nobody",
    "who got a ticket, and which room came of it: a used ticket's row is gone with the making of the room",
    "who spoke: sound has one size and rate, and no level",
];

pub(super) fn memory() -> Vec<Class> {
    let class = |at, what, how_long| Class { at, what, how_long };
    vec![
        class(
            "connections",
            "addresses and ports of people's devices, in the system's tables and beside the media transport; TLS keys; \
             a keyed hash of the address for limits",
            "while connected; the hash up to 65 seconds longer. Freed memory is not overwritten at once",
        ),
        class(
            "requests",
            "the head of an HTTP request, with the browser's User-Agent and language",
            "while it is answered",
        ),
        class(
            "admissions",
            "which connection is in which room and call, under an id that its browser made up for this call; a microphone seat; \
             which tracks are on; whose pictures at what size it asked for; how often it sent what, for limits",
            "while connected",
        ),
        class(
            "calls",
            "sealed commits (up to 4 MiB) and their order, the call's card with a public key to knock at, sealed messages on \
             their way, up to 16 MiB for each connection that reads slowly",
            "while the call runs, and up to a minute after the last one left",
        ),
        class(
            "media",
            "transport keys (they open packets whose content is sealed once more), packet sizes, times and sequence numbers, \
             the leaf number and epoch in each frame's head, estimates of each path, sealed packets of the last seconds for \
             repeats",
            "while connected",
        ),
        class(
            "TURN",
            "random user names and passwords, made for one connection; the relayed device's address",
            "while connected",
        ),
        class(
            "requests of organisers and owners",
            "a ticket's secret, or which room's owner asks for what, and over which connection",
            "for the milliseconds of the request, and as freed memory somewhat longer",
        ),
        class(
            "rooms",
            "the database's rows of rooms that are not closed",
            "while the server runs",
        ),
        class(
            "totals",
            "bytes and connections of the whole server, told only in coarse steps",
            "while the server runs",
        ),
    ]
}

pub(super) fn keys() -> Vec<Class> {
    let class = |at, what, how_long| Class { at, what, how_long };
    vec![
        class(
            "TLS certificate",
            "the server's name; public by nature",
            "until it ends, and for ever in certificate logs",
        ),
        class(
            "TLS and ACME keys",
            "in the data folder or in the files that the configuration names. Whoever has them can pose as this server to those \
             who connect later, and serve them a changed page; recorded traffic stays closed",
            "until replaced",
        ),
        class(
            "transport keys",
            "the DTLS certificate of the media plane, made at start and never written",
            "while the server runs",
        ),
    ]
}

pub(super) fn others() -> Vec<Class> {
    let class = |at, what, how_long| Class { at, what, how_long };
    vec![
        class(
            "hoster",
            "who pays for the machine; flow records: which address talked to it, when, how much; snapshots of disk and memory of a \
             running machine",
            "by the hoster's rules and the law of its country",
        ),
        class(
            "networks between",
            "the same flow records, at each person's own provider too; the server's name in the TLS hello",
            "by theirs",
        ),
        class(
            "registrar and DNS",
            "who holds the domain; resolvers see who asks for it",
            "for years",
        ),
        class(
            "certificate authority and certificate transparency logs",
            "that this name got a certificate on which days, in public; for ACME also this machine's address",
            "for ever",
        ),
        class(
            "proxy in front, if there is one",
            "whatever it logs: look there for addresses and times",
            "by its configuration",
        ),
        class(
            "log collector (journald) and backups",
            "when the server started, stopped and failed; rooms as they were on the day of the backup",
            "by the operator's rules",
        ),
        class(
            "people's own browsers",
            "the opened link in their history, and what they choose to record",
            "until they delete it",
        ),
    ]
}
