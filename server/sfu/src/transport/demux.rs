//! Whose datagram is this? By ufrag for STUN, by address for everything else.
//!
//! An address belongs to a member only after an authenticated check came from it; nothing else is ever looked at from an
//! address that nobody owns. SPEC: RFC 7983 (first byte), RFC 5761 §4 (RTP against RTCP).

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::api::PeerId;

/// How long an address stays its owner's after the owner's last check from it. Browsers check every 2.5 s at the latest; two are
/// allowed to be lost. Longer delays a member who gets a NAT port that another just had; shorter lets somebody who forges
/// source addresses and is in the call himself take an address between two checks.
const CLAIM: Duration = Duration::from_secs(8);

/// Addresses one member may own at a time: a few networks, two families. The oldest gives way.
const MAX_ADDRESSES: usize = 8;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Class {
    Stun,
    Dtls,
    Rtp,
    Rtcp,
    Unknown,
}

pub(crate) fn classify(data: &[u8]) -> Class {
    match (data.first(), data.get(1)) {
        (Some(0..=3), _) => Class::Stun,
        (Some(20..=63), _) => Class::Dtls,
        (Some(128..=191), Some(192..=223)) => Class::Rtcp,
        (Some(128..=191), Some(_)) => Class::Rtp,
        _ => Class::Unknown,
    }
}

struct Claim {
    peer: PeerId,
    seen: Instant,
}

#[derive(Default)]
pub(crate) struct Demux {
    by_ufrag: HashMap<String, PeerId>,
    by_address: HashMap<SocketAddr, Claim>,
}

impl Demux {
    pub(crate) fn peer_of_ufrag(&self, ufrag: &str) -> Option<PeerId> {
        self.by_ufrag.get(ufrag).copied()
    }

    pub(crate) fn peer_of_address(&self, address: SocketAddr) -> Option<PeerId> {
        self.by_address.get(&address).map(|claim| claim.peer)
    }

    pub(crate) fn add_ufrag(&mut self, ufrag: &str, peer: PeerId) {
        self.by_ufrag.insert(ufrag.to_owned(), peer);
    }

    pub(crate) fn remove_ufrag(&mut self, ufrag: &str) {
        self.by_ufrag.remove(ufrag);
    }

    /// Notes an authenticated check of `peer` from `address`; false if the address is another's whose claim is alive.
    ///
    /// SECURITY: a member who forges another's source address must not be able to divert what that other sends.
    pub(crate) fn claim(&mut self, now: Instant, address: SocketAddr, peer: PeerId) -> bool {
        if let Some(claim) = self.by_address.get_mut(&address) {
            if claim.peer != peer && now.saturating_duration_since(claim.seen) < CLAIM {
                return false;
            }
            *claim = Claim { peer, seen: now };
            return true;
        }
        self.by_address.insert(address, Claim { peer, seen: now });
        let owned = || self.by_address.iter().filter(|(_, claim)| claim.peer == peer);
        // COST: looks at all addresses, but only when a member appears at a new one.
        if owned().count() > MAX_ADDRESSES
            && let Some(oldest) = owned().min_by_key(|(_, claim)| claim.seen).map(|(address, _)| *address)
        {
            self.by_address.remove(&oldest);
        }
        true
    }

    pub(crate) fn remove_peer(&mut self, peer: PeerId) {
        self.by_ufrag.retain(|_, owner| *owner != peer);
        self.by_address.retain(|_, claim| claim.peer != peer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    #[test]
    fn first_bytes_decide_the_class() {
        assert_eq!(classify(&[0, 1]), Class::Stun);
        assert_eq!(classify(&[22, 254]), Class::Dtls);
        assert_eq!(classify(&[0x80, 111]), Class::Rtp);
        assert_eq!(classify(&[0x90, 111 | 0x80]), Class::Rtp);
        assert_eq!(classify(&[0x80, 200]), Class::Rtcp);
        assert_eq!(classify(&[0x81, 206]), Class::Rtcp);
        assert_eq!(classify(&[64, 0]), Class::Unknown);
        assert_eq!(classify(&[]), Class::Unknown);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "tests need a first instant")]
    fn a_live_address_cannot_be_taken_over() {
        let now = Instant::now();
        let mut demux = Demux::default();
        assert!(demux.claim(now, at(1), PeerId(1)));
        assert!(!demux.claim(now + Duration::from_secs(1), at(1), PeerId(2)));
        assert!(demux.peer_of_address(at(1)) == Some(PeerId(1)));
        assert!(demux.claim(now + CLAIM, at(1), PeerId(2)), "the owner has been silent");
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "tests need a first instant")]
    fn a_member_that_wanders_gives_up_its_oldest_address() {
        let now = Instant::now();
        let mut demux = Demux::default();
        for port in 0..20 {
            assert!(demux.claim(now + Duration::from_secs(u64::from(port)), at(port), PeerId(1)));
        }
        assert!(demux.by_address.len() == MAX_ADDRESSES);
        assert!(demux.peer_of_address(at(19)).is_some());
        assert!(demux.peer_of_address(at(0)).is_none());
    }
}
