//! The judgements: one function for each check, facts in, a sentence and a remedy out.

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use super::{
    Fails,
    facts::{Facts, Reach},
};

/// How bad it is.
#[derive(Serialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Good,
    /// Not wrong, or not to be found out from here.
    Note,
    /// Works, but less well or less safely than it could.
    Warning,
    /// People will notice.
    Fault,
}

/// The checks, in the order in which they are shown. Their names in JSON do not change.
#[derive(Serialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The server runs.
    Running,
    /// The name leads to this machine.
    Name,
    /// The TCP port.
    Ports,
    /// The UDP port.
    Udp,
    /// The certificate.
    Certificate,
    /// The clock.
    Clock,
    /// Open files.
    Files,
    /// Swap.
    Swap,
    /// Core dumps.
    CoreDumps,
    /// The sandbox around the server.
    Hardening,
    /// The line, and the way out to the certificate authority.
    Egress,
}

impl Check {
    /// What people cannot do when this check finds a fault.
    #[must_use]
    pub fn stops(self) -> Fails {
        let (join, media) = match self {
            Self::Running | Self::Name | Self::Ports | Self::Certificate | Self::Clock | Self::Files => (true, true),
            Self::Udp => (false, true),
            Self::Swap | Self::CoreDumps | Self::Hardening | Self::Egress => (false, false),
        };
        Fails {
            join,
            sound: media,
            picture: media,
        }
    }
}

/// What one check found.
#[derive(Serialize, Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which check.
    pub check: Check,
    /// How bad.
    pub level: Level,
    /// What is so.
    pub says: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

/// Level, sentence and remedy.
type Verdict = (Level, String, Option<String>);

fn good(says: impl Into<String>) -> Verdict {
    (Level::Good, says.into(), None)
}

fn found(level: Level, says: impl Into<String>, mend: impl Into<String>) -> Verdict {
    (level, says.into(), Some(mend.into()))
}

/// What one check makes of the facts.
type Judge = fn(&Facts) -> Verdict;

/// Runs all checks.
#[must_use]
pub fn diagnose(facts: &Facts) -> Vec<Finding> {
    let checks: [(Check, Judge); 11] = [
        (Check::Running, running),
        (Check::Name, name),
        (Check::Ports, ports),
        (Check::Udp, udp),
        (Check::Certificate, certificate),
        (Check::Clock, clock),
        (Check::Files, files),
        (Check::Swap, swap),
        (Check::CoreDumps, core_dumps),
        (Check::Hardening, hardening),
        (Check::Egress, egress),
    ];
    let judge = |(check, judge): (Check, Judge)| {
        let (level, says, mend) = judge(facts);
        Finding {
            check,
            level,
            says,
            mend,
        }
    };
    checks.into_iter().map(judge).collect()
}

fn running(facts: &Facts) -> Verdict {
    match facts.daemon {
        Some(_) => good("the server runs"),
        None => found(
            Level::Fault,
            "the server does not run, or this user may not ask it",
            "run this as root; 'systemctl start conclave' starts it, 'journalctl -u conclave' says why it ended",
        ),
    }
}

/// Loopback, private, link-local and the like: no way from outside leads there.
fn is_inside(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            // 100.64.0.0/10 is what carriers put their customers behind (RFC 6598).
            ip.is_loopback()
                || ip.is_private()
                || ip.is_link_local()
                || ip.is_unspecified()
                || (a == 100 && (64..128).contains(&b))
        }
        // fc00::/7 and fe80::/10.
        IpAddr::V6(ip) => {
            let first = ip.segments()[0];
            ip.is_loopback() || ip.is_unspecified() || first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80
        }
    }
}

fn name(facts: &Facts) -> Verdict {
    let Some(host) = &facts.host else {
        return found(
            Level::Note,
            "no name: the server is for this machine alone",
            "put 'name' into the configuration when others are to join",
        );
    };
    let Some(leads_to) = facts.name_leads_to.as_ref().filter(|list| !list.is_empty()) else {
        return found(
            Level::Fault,
            format!("{host} leads nowhere"),
            "make A and AAAA entries for it in the DNS; they may take an hour to be seen",
        );
    };
    let strangers = leads_to.iter().filter(|ip| !facts.own_addresses.contains(ip)).count();
    if strangers == 0 {
        return good(format!("{host} leads to this machine"));
    }
    // Behind NAT the machine does not know its own address unless it was told.
    if !facts.addresses_are_configured && facts.own_addresses.iter().all(is_inside) {
        return found(
            Level::Fault,
            format!("{host} leads to an address that no network card of this machine has: a router stands in between"),
            "put the outside address into 'public_addresses', and have the router pass on TCP and UDP 443",
        );
    }
    if strangers < leads_to.len() {
        return found(
            Level::Warning,
            format!(
                "{host} leads to this machine and elsewhere: {strangers} of {} entries are not this machine's",
                leads_to.len()
            ),
            "remove the old entries from the DNS, or put the missing addresses into 'public_addresses'",
        );
    }
    found(
        Level::Fault,
        format!("{host} leads to another machine"),
        "correct the A and AAAA entries in the DNS, or put this machine's outside addresses into 'public_addresses'",
    )
}

fn ports(facts: &Facts) -> Verdict {
    let port = facts.https_port;
    if facts.https_bound == Some(false) {
        return found(
            Level::Fault,
            format!("nobody listens on TCP {port}"),
            "start the server; under systemd also 'systemctl start conclave.socket'",
        );
    }
    match facts.https_reach {
        Some(Reach::Answers) => good(format!("TCP {port} answers under the name (seen from this machine)")),
        Some(Reach::Refused) => found(
            Level::Fault,
            format!("TCP {port} refuses under the name"),
            format!("open TCP {port} in the firewall of this machine and of its hoster"),
        ),
        // Many routers do not lead a machine back to itself: seen from here this proves nothing.
        Some(Reach::Silent) => found(
            Level::Warning,
            format!("TCP {port} is silent under the name, seen from this machine"),
            format!("run this command on another machine; if it is silent there too, open TCP {port} in the firewalls"),
        ),
        None => found(
            Level::Note,
            format!("TCP {port} was not tried under a name"),
            "that needs a name",
        ),
    }
}

fn udp(facts: &Facts) -> Verdict {
    let port = facts.udp_port;
    if let (Some(true), Some(ip)) = (facts.udp_bound, facts.udp_answers_elsewhere) {
        return found(
            Level::Warning,
            format!(
                "people send to {ip}, and on UDP {port} its answers leave from another address: browsers drop them"
            ),
            format!("set 'listen.udp' to \"{}\"", SocketAddr::new(ip, port)),
        );
    }
    match facts.udp_bound {
        Some(true) if facts.udp_reach == Some(Reach::Refused) => found(
            Level::Fault,
            format!(
                "UDP {port} is open on this machine, and is sent back under the name: a router or firewall stands in between"
            ),
            format!("have the router pass on UDP {port}, and open it in the firewalls"),
        ),
        Some(true) if small_buffer(facts) => found(
            Level::Warning,
            format!("UDP {port} is open, with a small buffer: bursts of pictures lose packets"),
            "sysctl -w net.core.rmem_max=4194304 net.core.wmem_max=4194304, or start it by the systemd socket unit",
        ),
        Some(true) => good(match facts.udp_reach {
            Some(_) => format!(
                "UDP {port} is open on this machine, and under the name nobody sends it back; whether it passes from \
                 outside cannot be seen from here"
            ),
            None => format!("UDP {port} is open on this machine; whether it passes from outside was not tried"),
        }),
        Some(false) => found(
            Level::Fault,
            format!("nobody holds UDP {port}"),
            "start the server; under systemd also 'systemctl start conclave.socket'",
        ),
        None => found(
            Level::Note,
            format!("whether UDP {port} is open could not be found out"),
            "run this on the server itself",
        ),
    }
}

/// What 'media socket buffers' want; the unit of ours gets it from systemd whatever the system's limit is.
fn small_buffer(facts: &Facts) -> bool {
    let by_unit = facts
        .daemon
        .as_ref()
        .is_some_and(|daemon| daemon.is_filtered == Some(true));
    !by_unit && facts.receive_buffer_bytes.is_some_and(|bytes| bytes < 1 << 20)
}

/// Renewal begins thirty days before the end; a week before it, something has been broken for three weeks.
const CERTIFICATE_DAYS: i64 = 7;

fn certificate(facts: &Facts) -> Verdict {
    if facts.plain {
        return good("plain HTTP, for this machine or a proxy that ends TLS");
    }
    match (facts.certificate_days, facts.certificate_trusted) {
        (Some(days), _) if days < 0 => found(Level::Fault, "the certificate has ended", renew(facts)),
        (_, Some(false)) => found(
            Level::Fault,
            "browsers do not trust the certificate, or it is for another name",
            renew(facts),
        ),
        (Some(days), _) if days < CERTIFICATE_DAYS => found(
            Level::Warning,
            format!("the certificate ends in {days} days"),
            renew(facts),
        ),
        (Some(days), Some(true)) => good(format!("the certificate is good for {days} more days")),
        _ => found(
            Level::Note,
            "the certificate could not be looked at",
            "it is looked at when the server runs and the name leads to it",
        ),
    }
}

fn renew(facts: &Facts) -> &'static str {
    if facts.acme {
        "the server gets and renews it by itself over TCP 443: mend name and ports first, then 'systemctl restart conclave'"
    } else {
        "put a new one where 'tls.certificate' and 'tls.key' say; the server notices by itself"
    }
}

/// 2026-01-01: no copy of this program is older.
const BUILT_AFTER_S: u64 = 1_767_225_600;

fn clock(facts: &Facts) -> Verdict {
    if facts.clock_s < BUILT_AFTER_S {
        return found(
            Level::Fault,
            "the clock is years behind: browsers will refuse the certificate",
            "apt install systemd-timesyncd, or set it: timedatectl set-time",
        );
    }
    match facts.clock_is_kept {
        Some(true) => good("the clock is kept by a time service"),
        Some(false) => found(
            Level::Warning,
            "no time service keeps the clock: certificates and the last days of rooms depend on it",
            "apt install systemd-timesyncd",
        ),
        None => found(
            Level::Note,
            "whether a time service keeps the clock could not be found out",
            "'timedatectl' says it; a container has the clock of its host",
        ),
    }
}

/// Files that a server needs besides its connections: database, sockets, logs, the media's sockets.
const FILES_BESIDE: u64 = 64;

/// TCP connections for each person: the socket, and what a browser opens to load the page.
const FILES_PER_PERSON: u64 = 2;

fn files(facts: &Facts) -> Verdict {
    let wanted = u64::try_from(facts.connections)
        .unwrap_or(u64::MAX)
        .saturating_mul(FILES_PER_PERSON)
        + FILES_BESIDE;
    match facts.daemon.as_ref().and_then(|daemon| daemon.open_files) {
        Some(have) if have >= wanted => good(format!("{have} open files, {wanted} are enough for all connections")),
        Some(have) if have < 2 * FILES_BESIDE => found(
            Level::Fault,
            format!("only {have} open files: hardly anybody could join"),
            format!("LimitNOFILE={wanted} in the unit, or 'ulimit -n {wanted}' before the start"),
        ),
        Some(have) => found(
            Level::Warning,
            format!(
                "only {have} open files: about {} people could join, not {}",
                (have - FILES_BESIDE) / FILES_PER_PERSON,
                facts.connections
            ),
            format!("LimitNOFILE={wanted} in the unit, or 'ulimit -n {wanted}' before the start"),
        ),
        None => found(
            Level::Note,
            "the limit of open files could not be found out",
            "run this as root while the server runs",
        ),
    }
}

fn swap(facts: &Facts) -> Verdict {
    let may_swap = facts.daemon.as_ref().and_then(|daemon| daemon.may_swap);
    match (facts.swap_bytes, may_swap) {
        (Some(0), _) => good("no swap: nothing of a call reaches a disk that way"),
        (_, Some(false)) => good("there is swap, but not for the server"),
        (Some(_), _) => found(
            Level::Warning,
            "there is swap: addresses of people in a call may be written to the disk",
            "MemorySwapMax=0 in the unit (ours has it), or 'swapoff -a'",
        ),
        (None, _) => found(
            Level::Note,
            "whether there is swap could not be found out",
            "'swapon --show' says it",
        ),
    }
}

fn core_dumps(facts: &Facts) -> Verdict {
    match facts.daemon.as_ref().and_then(|daemon| daemon.core_bytes) {
        Some(0) => good("the server leaves no core dump"),
        Some(_) => found(
            Level::Warning,
            if facts.cores_are_collected == Some(true) {
                "a crash would hand the server's memory to a collector of core dumps"
            } else {
                "a crash would write the server's memory to the disk"
            },
            "LimitCORE=0 in the unit (ours has it)",
        ),
        None => found(
            Level::Note,
            "whether core dumps are off could not be found out",
            "run this as root while the server runs",
        ),
    }
}

fn hardening(facts: &Facts) -> Verdict {
    let Some(daemon) = &facts.daemon else {
        return found(
            Level::Note,
            "the sandbox is looked at while the server runs",
            "start it, and run this as root",
        );
    };
    let weak: Vec<&str> = [
        (daemon.is_root, true, "it runs as root"),
        (daemon.has_capabilities, true, "it holds capabilities"),
        (daemon.may_gain_privileges, true, "it may gain privileges"),
        (daemon.is_filtered, false, "its system calls are not filtered"),
    ]
    .into_iter()
    .filter(|(fact, bad, _)| *fact == Some(*bad))
    .map(|(.., says)| says)
    .collect();
    if weak.is_empty() {
        return good("the server runs without privileges, its system calls are filtered");
    }
    found(
        Level::Warning,
        weak.join(", "),
        "start it by the unit of the package: 'systemctl enable --now conclave'",
    )
}

fn egress(facts: &Facts) -> Verdict {
    if facts.acme && matches!(facts.authority_reach, Some(Reach::Refused | Reach::Silent)) {
        return found(
            Level::Warning,
            "the certificate authority cannot be reached from here: the certificate will not be renewed",
            "let this machine make TCP connections to port 443 of others",
        );
    }
    match (facts.egress_mbit, facts.card_mbit) {
        (Some(limit), Some(card)) if limit > card => found(
            Level::Warning,
            format!("the limit of {limit} Mbit/s is above what the network card does ({card})"),
            "set 'limits.egress_mbit' to four fifths of the line's upload",
        ),
        (Some(limit), _) => good(format!("the server sends at most {limit} Mbit/s")),
        (None, _) if facts.host.is_none() => good("no limit of what is sent, which this machine alone does not need"),
        (None, _) => found(
            Level::Note,
            "no limit of what the server sends: a full line hurts sound before pictures get smaller",
            "set 'limits.egress_mbit' to four fifths of the line's upload",
        ),
    }
}

#[cfg(test)]
#[path = "checks_tests.rs"]
mod tests;
