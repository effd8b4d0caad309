//! Ports that have to be known before anybody listens there.
//!
//! Not from those that the system gives to whoever leaves the choice to it: every other test does, and now and then one of them would be given a port that was free a
//! moment ago.

use std::{
    net::{Ipv4Addr, TcpListener, UdpSocket},
    ops::Range,
    sync::Mutex,
};

/// Below what Linux gives away (from 32,768 on).
const PORTS: Range<u16> = 20_000..26_000;

/// A port that is taken at this address is meant for somebody, in this process or another one. By TCP: what listens there for UDP listens at every address.
const MARK: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

static MARKED: Mutex<Vec<TcpListener>> = Mutex::new(Vec::new());

/// A port of loopback at which nobody listens, by TCP or UDP, and which no other test is given as long as this process runs.
pub fn free() -> u16 {
    let here = Ipv4Addr::LOCALHOST;
    for port in PORTS {
        let Ok(mark) = TcpListener::bind((MARK, port)) else {
            continue;
        };
        if TcpListener::bind((here, port)).is_ok() && UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok() {
            MARKED.lock().expect("a lock").push(mark);
            return port;
        }
    }
    panic!("no port is free")
}
