//! The daemon as others meet it: real sockets on loopback, real database, real state machines, in this process.
//!
//! Every test runs behind the log guard, and ends by asking it whether anything forbidden was logged.

mod acme;
mod admin;
mod admission;
mod confined;
mod harness;
mod hostile;
mod http;
mod log;
mod media;
mod ports;
mod relay;
mod tap;
mod tickets;
mod tls;
mod turn;
mod turn_udp;
