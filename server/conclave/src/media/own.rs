//! Which address of this machine others would see. Sends nothing and asks no list of network cards.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// A place far away that nobody has (RFC 5737, RFC 3849): the way to it is the default route.
const FAR_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const FAR_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
/// Any; nothing is sent there.
const PORT: u16 = 9;

/// The address of the default route, of the same family as `like`; nothing on a machine without a network.
///
/// A socket that is bound to all addresses answers from the one that the system chooses for the way back. On machines with one
/// address per family that is this one; with more of them the operator names the right ones.
pub(crate) fn outward(like: IpAddr) -> Option<IpAddr> {
    let (any, far) = match like {
        IpAddr::V4(_) => (IpAddr::V4(Ipv4Addr::UNSPECIFIED), FAR_V4),
        IpAddr::V6(_) => (IpAddr::V6(Ipv6Addr::UNSPECIFIED), FAR_V6),
    };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).ok()?;
    // Connecting a UDP socket asks the routing table and sends nothing.
    socket.connect(SocketAddr::new(far, PORT)).ok()?;
    let own = socket.local_addr().ok()?.ip();
    (!own.is_loopback() && !own.is_unspecified()).then_some(own)
}

/// Whether an address can be meant for the whole internet, as far as the address itself tells.
pub(crate) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            // RFC 6598: between a provider and its customers.
            let is_shared = a == 100 && (64..128).contains(&b);
            !(v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() || is_shared)
        }
        IpAddr::V6(v6) => {
            !(v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_loopback() || v6.is_unspecified())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_behind_nat_are_not_public() {
        for (text, public) in [
            ("203.0.113.5", true),
            ("2001:db8::5", true),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("192.168.1.1", false),
            ("100.64.0.1", false),
            ("100.128.0.1", true),
            ("169.254.1.1", false),
            ("127.0.0.1", false),
            ("0.0.0.0", false),
            ("fd00::1", false),
            ("fe80::1", false),
            ("::1", false),
        ] {
            assert_eq!(text.parse().map(is_public), Ok(public), "{text}");
        }
    }
}
