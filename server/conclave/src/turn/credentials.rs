//! Who may use the relay: a name and password for each admitted connection, in memory, gone with it.
//!
//! Also from which networks somebody is admitted at the moment, as keyed hashes: only there does the server admit that it
//! speaks TURN. It opens no doors by itself; the password does.

use std::{
    collections::{HashMap, hash_map},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use conclave_rooms::ConnId;
use zeroize::Zeroizing;

use crate::{error::Error, peers::Network};

/// A socket that broke off is often back within seconds, under new credentials; until then the old ones let a browser make its
/// allocation. Larger: a name and password that somebody else got hold of live longer. Smaller: a join in which the socket
/// breaks once must be repeated. An allocation that exists does not depend on it.
const GRACE: Duration = Duration::from_secs(60);

/// 96 bits name a user, 192 bits are its password: guessing is hopeless, and both fit one line.
const NAME_BYTES: usize = 12;
const PASSWORD_BYTES: usize = 24;

/// Handed out once, inside an admitted socket. No `Debug`.
pub(crate) struct Issued {
    pub(crate) username: String,
    pub(crate) password: Zeroizing<String>,
}

struct Entry {
    conn: ConnId,
    password: Zeroizing<String>,
    network: Option<Network>,
    /// The socket is gone; from then on nobody gets in with this.
    until: Option<Instant>,
}

/// All credentials of the moment.
#[derive(Default)]
pub(crate) struct Credentials(Mutex<Table>);

#[derive(Default)]
struct Table {
    by_name: HashMap<String, Entry>,
    /// How many entries are of each network, so that floods from elsewhere cost one look each.
    networks: HashMap<Network, usize>,
}

impl Credentials {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// New ones for a connection that was admitted.
    pub(crate) fn issue(&self, now: Instant, conn: ConnId, network: Option<Network>) -> Result<Issued, Error> {
        let issued = Issued {
            username: random_text::<NAME_BYTES>()?.to_string(),
            password: random_text::<PASSWORD_BYTES>()?,
        };
        let mut table = self.table();
        table.sweep(now);
        let entry = Entry {
            conn,
            password: issued.password.clone(),
            network,
            until: None,
        };
        if let Some(network) = network {
            *table.networks.entry(network).or_default() += 1;
        }
        table.by_name.insert(issued.username.clone(), entry);
        Ok(issued)
    }

    /// The connection is gone.
    pub(crate) fn closed(&self, now: Instant, conn: ConnId) {
        let mut table = self.table();
        // COST: looks at all of at most 2,048 entries, once per connection that goes.
        for entry in table.by_name.values_mut().filter(|entry| entry.conn == conn) {
            entry.until = Some(now + GRACE);
        }
        table.sweep(now);
    }

    /// The password of a name that is in force.
    pub(super) fn password(&self, now: Instant, username: &str) -> Option<Zeroizing<String>> {
        let table = self.table();
        let entry = table.by_name.get(username).filter(|entry| entry.is_alive(now))?;
        Some(entry.password.clone())
    }

    /// Whether somebody from this network is admitted, or was a minute ago.
    pub(crate) fn expects(&self, now: Instant, network: Network) -> bool {
        let table = self.table();
        // The count still holds those whose minute has passed; it only says when a look is worth its cost.
        table.networks.contains_key(&network)
            && table
                .by_name
                .values()
                .any(|entry| entry.network == Some(network) && entry.is_alive(now))
    }
}

impl Entry {
    fn is_alive(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl Table {
    fn sweep(&mut self, now: Instant) {
        let Self { by_name, networks } = self;
        by_name.retain(|_, entry| {
            let alive = entry.is_alive(now);
            if !alive
                && let Some(network) = entry.network
                && let hash_map::Entry::Occupied(mut count) = networks.entry(network)
            {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
            }
            alive
        });
    }
}

fn random_text<const N: usize>() -> Result<Zeroizing<String>, Error> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|_| Error::Randomness)?;
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::Peers;

    #[test]
    fn credentials_live_as_long_as_their_socket_and_a_minute() {
        let (table, start) = (Credentials::default(), Instant::now());
        let peers = Peers::new(4);
        let here = peers.network(std::net::IpAddr::from([192, 0, 2, 1]));
        let there = peers.network(std::net::IpAddr::from([198, 51, 100, 1]));
        let issued = table.issue(start, ConnId(7), Some(here)).expect("randomness");
        let long_after = start + Duration::from_secs(86_400);
        assert!(table.password(long_after, &issued.username).as_ref() == Some(&issued.password));
        assert!(table.expects(long_after, here) && !table.expects(long_after, there));
        assert!(table.password(start, "somebody").is_none());

        table.closed(long_after, ConnId(7));
        assert!(
            table
                .password(long_after + GRACE - Duration::from_secs(1), &issued.username)
                .is_some()
        );
        assert!(table.password(long_after + GRACE, &issued.username).is_none());
        assert!(!table.expects(long_after + GRACE, here));
        table.closed(long_after + GRACE, ConnId(8));
        let left = table.table();
        assert!(
            left.by_name.is_empty() && left.networks.is_empty(),
            "nothing is kept of those who have gone"
        );
    }
}
