//! Limits per address, without keeping an address.
//!
//! An address becomes a keyed hash the moment a connection is accepted, and nothing above has more than the hash. The key is random,
//! made at start and never written. An entry goes 60 s after the last of its connections. IPv6 counts by /64, because
//! one subscriber has a whole one.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long something is remembered of an address without connections.
const MEMORY: Duration = Duration::from_secs(60);

/// Entries of the table. When it is full of open connections, new addresses are refused: more would let a flood from many
/// addresses take memory, 64 bytes each.
const MAX_ADDRESSES: usize = 65_536;

/// A network as a keyed hash: /24 of IPv4, /48 of IPv6. No `Debug`, and no way back.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Network(u64);

/// One address as a keyed hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Address(u64);

struct Entry {
    open: usize,
    seen: Instant,
}

/// Open connections per address.
pub(crate) struct Peers {
    key: RandomState,
    per_address: usize,
    table: Mutex<HashMap<Address, Entry>>,
}

/// A connection's place under its address's limit. Given back when it is dropped.
pub(crate) struct Place {
    peers: Arc<Peers>,
    address: Address,
}

impl Peers {
    pub(crate) fn new(per_address: usize) -> Self {
        Self {
            key: RandomState::new(),
            per_address,
            table: Mutex::default(),
        }
    }

    fn table(&self) -> MutexGuard<'_, HashMap<Address, Entry>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The network that an address is in.
    pub(crate) fn network(&self, ip: IpAddr) -> Network {
        Network(match ip.to_canonical() {
            IpAddr::V4(v4) => self.key.hash_one(("network", 4, u32::from(v4) >> 8)),
            IpAddr::V6(v6) => self.key.hash_one(("network", 6, u128::from(v6) >> 80)),
        })
    }

    fn address(&self, ip: IpAddr) -> Address {
        Address(match ip.to_canonical() {
            IpAddr::V4(v4) => self.key.hash_one(("address", 4, u32::from(v4))),
            IpAddr::V6(v6) => self.key.hash_one(("address", 6, u128::from(v6) >> 64)),
        })
    }

    /// A place for one more connection of this address, if it may have one.
    pub(crate) fn enter(self: &Arc<Self>, now: Instant, ip: IpAddr) -> Option<Place> {
        let address = self.address(ip);
        let mut table = self.table();
        if table.len() >= MAX_ADDRESSES {
            table.retain(|_, entry| entry.open > 0);
        }
        if table.len() >= MAX_ADDRESSES && !table.contains_key(&address) {
            return None;
        }
        let entry = table.entry(address).or_insert(Entry { open: 0, seen: now });
        entry.seen = now;
        if entry.open >= self.per_address {
            return None;
        }
        entry.open += 1;
        Some(Place {
            peers: Arc::clone(self),
            address,
        })
    }

    /// Forgets addresses that have had no connection for a minute.
    pub(crate) fn sweep(&self, now: Instant) {
        let mut table = self.table();
        table.retain(|_, entry| entry.open > 0 || now.saturating_duration_since(entry.seen) < MEMORY);
        table.shrink_to_fit();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(entry) = self.peers.table().get_mut(&self.address) {
            entry.open = entry.open.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn each_address_has_its_own_places_and_a_v6_subscriber_only_one_set() {
        let (peers, now) = (Arc::new(Peers::new(2)), Instant::now());
        let first = peers.enter(now, ip("192.0.2.1"));
        let mapped = peers.enter(now, ip("::ffff:192.0.2.1"));
        assert!(first.is_some() && mapped.is_some());
        assert!(peers.enter(now, ip("192.0.2.1")).is_none());
        assert!(peers.enter(now, ip("192.0.2.2")).is_some());
        drop(first);
        assert!(
            peers.enter(now, ip("192.0.2.1")).is_some(),
            "a place that was given back"
        );

        let held = [
            peers.enter(now, ip("2001:db8::1")),
            peers.enter(now, ip("2001:db8::ffff:2")),
        ];
        assert!(held.iter().all(Option::is_some));
        assert!(peers.enter(now, ip("2001:db8::3")).is_none());
        assert!(peers.enter(now, ip("2001:db8:0:1::3")).is_some());
    }

    #[test]
    fn nothing_is_remembered_for_longer_than_a_minute() {
        let (peers, now) = (Arc::new(Peers::new(2)), Instant::now());
        let held = peers.enter(now, ip("192.0.2.1"));
        drop(peers.enter(now, ip("192.0.2.2")));
        peers.sweep(now + MEMORY);
        assert_eq!(peers.table().len(), 1, "only the one with a connection is left");
        drop(held);
        peers.sweep(now + MEMORY);
        assert!(peers.table().is_empty());
    }

    #[test]
    fn the_table_is_bounded() {
        let (peers, now) = (Arc::new(Peers::new(2)), Instant::now());
        let enter = |n: u32| peers.enter(now, IpAddr::from(std::net::Ipv4Addr::from(n)));
        let held: Vec<_> = (0..MAX_ADDRESSES as u32).map(enter).collect();
        assert!(held.iter().all(Option::is_some));
        assert!(enter(u32::MAX).is_none());
        drop(held);
        assert!(enter(u32::MAX).is_some());
    }

    #[test]
    fn networks_differ_between_processes() {
        let (one, other) = (Peers::new(1), Peers::new(1));
        let here = ip("192.0.2.1");
        assert!(one.network(here) == one.network(ip("192.0.2.200")));
        assert!(one.network(here) != one.network(ip("192.0.3.1")));
        assert!(one.network(here) != other.network(here), "the key is random");
    }
}
