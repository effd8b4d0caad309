//! The one binary of Conclave as a library: sockets, disk, tasks, the operator's commands.
//!
//! It decides nothing about meetings. Who is admitted and what is delivered is decided in `conclave-rooms`, which packet
//! goes where in `conclave-sfu`; both are pure state machines, and this crate gives them bytes, time and randomness. It
//! cannot decrypt: no crate below it reaches the MLS library or the frame cipher.
//!
//! ```text
//!  TCP ── http ── socket (a task per connection) ──┐  bounded     ┌── control task (Rooms) ──┐ bounded
//!                    ▲ outbox: high, low, bounded  ├──────────────┤                          ├────────── media thread (Sfu) ── UDP
//!                    └─────────────────────────────┘              └──────────────────────────┘
//!  admin.sock ── admin ── store (SQLite: rooms only)
//! ```
//!
//! Rule of use: [`Server::bind`] with a [`config::Config`], then [`Server::run`] with a future that ends it. Tests may put a
//! [`tap::FrameTap`] or a [`media::MediaSocket`] of their own in between; the binary cannot.
//!
//! Deliberately absent: accounts, a log of requests, a history of calls, metrics per room, any way from an address to a
//! room or back.

pub mod admin;
pub mod backup;
mod calendar;
pub mod cli;
pub mod config;
mod control;
pub mod disclose;
pub mod doctor;
mod edge;
mod ending;
pub mod error;
pub mod hardening;
mod http;
mod limits;
pub mod logging;
pub mod manager;
pub mod media;
pub mod metrics;
mod peers;
mod registry;
mod server;
mod socket;
pub mod store;
pub mod tap;
mod tasks;
mod tls;
mod turn;

pub use self::{config::Config, error::Error, server::Server};
