//! Reading what the kernel says about itself: files under `/proc` and `/sys`, text in, values out.
//!
//! What is not there, or has another form, is `None`: an old kernel or a container is no fault.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::facts::Daemon;

/// Own IPv4 addresses, from `/proc/net/fib_trie`: an address line, and below it `/32 host LOCAL`.
pub(super) fn ipv4_addresses(text: &str) -> Vec<IpAddr> {
    let mut last = None;
    let mut own = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse::<Ipv4Addr>().ok();
        } else if line == "/32 host LOCAL"
            && let Some(address) = last
            && !own.contains(&IpAddr::V4(address))
        {
            own.push(IpAddr::V4(address));
        }
    }
    own
}

/// Own IPv6 addresses, from `/proc/net/if_inet6`: 32 hexadecimal digits first.
pub(super) fn ipv6_addresses(text: &str) -> Vec<IpAddr> {
    let address = |line: &str| {
        let digits = line.split_whitespace().next().filter(|digits| digits.len() == 32)?;
        u128::from_str_radix(digits, 16)
            .ok()
            .map(|bits| IpAddr::V6(Ipv6Addr::from(bits)))
    };
    text.lines().filter_map(address).collect()
}

/// Whether a local port is taken, from `/proc/net/{tcp,tcp6,udp,udp6}`; of TCP only listeners (state 0A).
pub(super) fn is_bound(table: &str, port: u16, listeners_only: bool) -> bool {
    table.lines().any(|line| {
        let mut fields = line.split_whitespace();
        let local = fields.nth(1).and_then(|local| local.rsplit_once(':'));
        let bound = local.and_then(|(_, digits)| u16::from_str_radix(digits, 16).ok());
        bound == Some(port) && (!listeners_only || fields.nth(1) == Some("0A"))
    })
}

/// Bytes of swap, from `/proc/swaps`: a heading, then a line for each with kilobytes in the third column.
pub(super) fn swap_bytes(text: &str) -> Option<u64> {
    text.lines().next()?;
    let kilobytes = |line: &str| line.split_whitespace().nth(2)?.parse::<u64>().ok();
    Some(text.lines().skip(1).filter_map(kilobytes).sum::<u64>() * 1024)
}

/// A line `Name:   123 kB` of `/proc/meminfo` or `/proc/PID/status`, in bytes.
pub(super) fn kilobytes(text: &str, name: &str) -> Option<u64> {
    field(text, name)?
        .split_whitespace()
        .next()?
        .parse::<u64>()
        .ok()
        .map(|kilobytes| kilobytes * 1024)
}

/// A line `Name:   value`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.map(str::trim)
}

/// The soft limit on this line of `/proc/PID/limits`.
fn limit(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    match rest.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

/// A process, from its `status` and `limits` and its control group's `memory.swap.max`.
pub(super) fn daemon(status: &str, limits: &str, swap_max: Option<&str>) -> Daemon {
    // Real, effective, saved and file system user.
    let is_root = field(status, "Uid").map(|ids| ids.split_whitespace().any(|id| id == "0"));
    let capabilities = field(status, "CapEff").and_then(|digits| u64::from_str_radix(digits, 16).ok());
    Daemon {
        open_files: limit(limits, "Max open files"),
        core_bytes: limit(limits, "Max core file size"),
        may_swap: swap_max.map(|most| most.trim() != "0"),
        is_root,
        has_capabilities: capabilities.map(|bits| bits != 0),
        may_gain_privileges: field(status, "NoNewPrivs").map(|set| set == "0"),
        // 2 is "filter".
        is_filtered: field(status, "Seccomp").map(|mode| mode == "2"),
        resident_bytes: kilobytes(status, "VmRSS"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_network_cards() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 10.0.2.0\n        /24 link UNICAST\n     |-- 10.0.2.15\n        /32 host LOCAL\n     |-- 10.0.2.255\n        /32 link BROADCAST\n";
        let twice = format!("{trie}Local:\n{trie}");
        assert_eq!(
            ipv4_addresses(&twice),
            ["10.0.2.15".parse::<IpAddr>().expect("an address")]
        );
        let six = "20010db8000000000000000000000005 02 40 00 80     eth0\n00000000000000000000000000000001 01 80 10 80       lo\nnonsense\n";
        let expected: Vec<IpAddr> = ["2001:db8::5", "::1"].iter().filter_map(|ip| ip.parse().ok()).collect();
        assert_eq!(ipv6_addresses(six), expected);
    }

    #[test]
    fn a_port_is_taken_only_by_a_listener() {
        let tcp = "  sl  local_address rem_address   st\n   0: 0100007F:01BB 00000000:0000 0A 0\n   1: 0100007F:0050 0100007F:9C40 01 0\n";
        assert!(is_bound(tcp, 443, true));
        assert!(!is_bound(tcp, 80, true), "an open connection is no listener");
        assert!(is_bound(tcp, 80, false));
        assert!(!is_bound(tcp, 8443, false));
        assert!(!is_bound("", 443, false));
    }

    #[test]
    fn what_the_kernel_says_of_a_process() {
        let status = "Name:\tconclave\nUid:\t61000\t61000\t61000\t61000\nVmRSS:\t   30000 kB\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n";
        let limits = "Limit                     Soft Limit           Hard Limit           Units\nMax core file size        0                    0                    bytes\nMax open files            65536                65536                files\n";
        let closed = Daemon {
            open_files: Some(65_536),
            core_bytes: Some(0),
            may_swap: Some(false),
            is_root: Some(false),
            has_capabilities: Some(false),
            may_gain_privileges: Some(false),
            is_filtered: Some(true),
            resident_bytes: Some(30_000 * 1024),
        };
        assert_eq!(daemon(status, limits, Some("0\n")), closed);
        let open = status
            .replace("61000", "0")
            .replace("NoNewPrivs:\t1", "NoNewPrivs:\t0")
            .replace("Seccomp:\t2", "Seccomp:\t0");
        let open = daemon(
            &open.replace("0000000000000000", "000001ffffffffff"),
            &limits.replace("0     ", "unlimited"),
            Some("max\n"),
        );
        assert_eq!(open.may_swap, Some(true));
        assert!(open.is_root == Some(true) && open.has_capabilities == Some(true));
        assert!(open.may_gain_privileges == Some(true) && open.is_filtered == Some(false));
        assert_eq!(open.core_bytes, Some(u64::MAX));
        assert_eq!(daemon("", "", None), Daemon::default(), "nothing said is nothing known");
    }

    #[test]
    fn swap_is_summed_and_none_is_zero() {
        let heading = "Filename\t\tType\t\tSize\t\tUsed\t\tPriority\n";
        assert_eq!(swap_bytes(heading), Some(0));
        assert_eq!(
            swap_bytes(&format!(
                "{heading}/swapfile file 1024 0 -2\n/dev/vdb partition 1024 0 -3\n"
            )),
            Some(2 << 20)
        );
        assert_eq!(swap_bytes(""), None);
    }
}
