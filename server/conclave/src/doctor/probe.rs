//! Asks the system, the name service and the network. It judges nothing and changes nothing; each question to the network has a deadline.
//!
//! Whom it asks: the system's resolver, the server's own name, and the certificate authority of the configuration. Nobody else.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs, UdpSocket},
    os::unix::net::UnixStream,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, SystemTime},
};

use super::{
    certificate,
    facts::{Daemon, Facts, Reach},
    system,
};
use crate::{
    config::{Certificates, Config, Transport, host_and_port, is_local},
    media::outward,
};

/// For a connection to be made. Larger: an unreachable name makes people wait. Smaller: the other end of the world seems silent.
const PATIENCE: Duration = Duration::from_secs(4);

/// For a router to say that a UDP port is closed. Those that say so do it at once.
const UDP_PATIENCE: Duration = Duration::from_millis(500);

/// Finds out all facts for this configuration.
#[must_use]
pub fn probe(config: &Config) -> Facts {
    let public = config.name.as_ref().filter(|name| !is_local(name));
    let (host, named_port) = match public {
        Some(name) => {
            let (host, port) = host_and_port(name);
            (Some(host.to_owned()), port.unwrap_or(443))
        }
        None => (None, config.listen.port()),
    };
    // The network's answers come while the rest is read.
    let resolving = host
        .clone()
        .map(|host| thread::spawn(move || reach_of(&host, named_port)));
    let directory = authority(config);
    let asking = directory.map(|(host, port)| thread::spawn(move || reach_of(&host, port).1));

    let configured = !config.public_addresses.is_empty();
    let own_addresses = if configured {
        config.public_addresses.iter().map(|address| address.ip).collect()
    } else {
        addresses_of_cards()
    };
    let udp = config.media_address(config.listen);
    let udp_port = udp.port();
    let mut facts = Facts {
        own_addresses,
        addresses_are_configured: configured,
        https_port: named_port,
        udp_port,
        plain: !matches!(config.transport, Transport::Tls(_)),
        acme: matches!(config.transport, Transport::Tls(Certificates::Acme { .. })),
        https_bound: bound("tcp", config.listen.port(), true),
        udp_bound: bound("udp", udp_port, false),
        udp_answers_elsewhere: answers_elsewhere(config, udp.ip()),
        clock_is_kept: clock_is_kept(),
        clock_s: SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs(),
        swap_bytes: read("/proc/swaps").and_then(|text| system::swap_bytes(&text)),
        cores_are_collected: read("/proc/sys/kernel/core_pattern").map(|text| text.starts_with('|')),
        processors: thread::available_parallelism().map_or(1, usize::from),
        memory_bytes: read("/proc/meminfo").and_then(|text| system::kilobytes(&text, "MemTotal")),
        egress_mbit: config.limits.egress_mbit,
        card_mbit: card_mbit(),
        connections: config.limits.connections,
        receive_buffer_bytes: read("/proc/sys/net/core/rmem_max").and_then(|text| text.trim().parse().ok()),
        daemon: running(&config.admin_socket()),
        host,
        ..Facts::default()
    };
    if let Some((addresses, reach)) = resolving.and_then(|thread| thread.join().ok()) {
        facts.name_leads_to = addresses;
        facts.https_reach = reach;
    }
    if facts.host.is_some() {
        let named = facts
            .name_leads_to
            .iter()
            .flatten()
            .map(|ip| SocketAddr::new(*ip, udp_port));
        let seen: Vec<SocketAddr> = if configured {
            config
                .public_addresses
                .iter()
                .map(|address| address.with_port_of(udp))
                .collect()
        } else {
            named.collect()
        };
        facts.udp_reach = udp_reach(&seen);
    }
    if let (Some(host), Some(authorities), false) = (&facts.host, certificate::authorities(), facts.plain)
        && facts.https_reach == Some(Reach::Answers)
        && let Some(ip) = facts.name_leads_to.iter().flatten().next()
    {
        let seen = certificate::look(SocketAddr::new(*ip, facts.https_port), host, authorities);
        facts.certificate_days = seen.days;
        facts.certificate_trusted = seen.trusted;
    }
    facts.authority_reach = asking.and_then(|thread| thread.join().ok()).flatten();
    facts
}

fn read(path: impl AsRef<Path>) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// Where a name leads, and whether anything there takes a TCP connection.
fn reach_of(host: &str, port: u16) -> (Option<Vec<IpAddr>>, Option<Reach>) {
    let Ok(found) = (host.trim_matches(['[', ']']), port).to_socket_addrs() else {
        return (None, None);
    };
    let mut addresses: Vec<SocketAddr> = found.collect();
    addresses.dedup();
    let mut reach = None;
    for address in &addresses {
        let this = match TcpStream::connect_timeout(address, PATIENCE) {
            Ok(_) => Reach::Answers,
            Err(error) if error.kind() == std::io::ErrorKind::TimedOut => Reach::Silent,
            Err(_) => Reach::Refused,
        };
        // One address that answers is enough for people to get in; their browsers try all.
        if reach != Some(Reach::Answers) {
            reach = Some(this);
        }
    }
    (Some(addresses.iter().map(SocketAddr::ip).collect()), reach)
}

/// Whether anybody on the way sends a datagram back (ICMP: nobody is there). The server itself is silent to strangers, so silence is
/// what a good way looks like from here, and a closed one that drops.
fn udp_reach(addresses: &[SocketAddr]) -> Option<Reach> {
    let reaches = addresses.iter().filter_map(|address| {
        let any = match address {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let socket = UdpSocket::bind(SocketAddr::new(any, 0)).ok()?;
        socket.set_read_timeout(Some(UDP_PATIENCE)).ok()?;
        socket.connect(address).ok()?;
        // One byte that is nothing: the media port drops it.
        socket.send(&[0]).ok()?;
        let refused =
            matches!(socket.recv(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused);
        Some(if refused { Reach::Refused } else { Reach::Silent })
    });
    // Browsers try all addresses; one that is not sent back may be the good one.
    reaches.reduce(|one, other| if one == Reach::Refused { other } else { one })
}

/// A socket of all addresses answers from the address that the system chooses for the way back. Which of the addresses that people are
/// sent to is on a card of this machine, and not that one? A socket of one address answers from it.
fn answers_elsewhere(config: &Config, bound: IpAddr) -> Option<IpAddr> {
    let cards = addresses_of_cards();
    let wrong = |ip: &IpAddr| cards.contains(ip) && outward(*ip).is_some_and(|answers| answers != *ip);
    let told = config.public_addresses.iter().map(|address| address.ip);
    if bound.is_unspecified() {
        told.into_iter().find(wrong)
    } else {
        None
    }
}

/// Host and port of the certificate authority's directory.
fn authority(config: &Config) -> Option<(String, u16)> {
    let Transport::Tls(Certificates::Acme { directory, .. }) = &config.transport else {
        return None;
    };
    let place = directory.strip_prefix("https://")?.split('/').next()?;
    Some(
        match place
            .rsplit_once(':')
            .and_then(|(host, port)| Some((host, port.parse().ok()?)))
        {
            Some((host, port)) => (host.to_owned(), port),
            None => (place.to_owned(), 443),
        },
    )
}

fn addresses_of_cards() -> Vec<IpAddr> {
    let mut all = read("/proc/net/fib_trie").map_or_else(Vec::new, |text| system::ipv4_addresses(&text));
    all.extend(read("/proc/net/if_inet6").map_or_else(Vec::new, |text| system::ipv6_addresses(&text)));
    all
}

/// Looks for the port in the tables of both families.
fn bound(kind: &str, port: u16, listeners_only: bool) -> Option<bool> {
    let tables: Vec<String> = [kind.to_owned(), format!("{kind}6")]
        .iter()
        .filter_map(|name| read(format!("/proc/net/{name}")))
        .collect();
    let any = tables.iter().any(|table| system::is_bound(table, port, listeners_only));
    (!tables.is_empty()).then_some(any)
}

/// systemd's word on the kernel's clock; without systemd there is none.
fn clock_is_kept() -> Option<bool> {
    if Path::new("/run/systemd/timesync/synchronized").exists() {
        return Some(true);
    }
    let output = Command::new("timedatectl")
        .args(["show", "--property=NTPSynchronized", "--value"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    match output.stdout.trim_ascii() {
        b"yes" => Some(true),
        b"no" => Some(false),
        _ => None,
    }
}

/// Cards that are up and say a speed; virtual ones often say none.
fn card_mbit() -> Option<u32> {
    let speed = |folder: fs::DirEntry| {
        let up = read(folder.path().join("operstate")).is_some_and(|state| state.trim() == "up");
        let speed = read(folder.path().join("speed"))?.trim().parse::<u32>().ok()?;
        (up && speed > 0).then_some(speed)
    };
    fs::read_dir("/sys/class/net").ok()?.flatten().filter_map(speed).max()
}

/// The process behind the admin socket: the kernel says who listens there.
fn running(admin_socket: &Path) -> Option<Daemon> {
    let stream = UnixStream::connect(admin_socket).ok()?;
    let process = rustix::net::sockopt::socket_peercred(&stream).ok()?.pid;
    let folder = Path::new("/proc").join(process.as_raw_nonzero().to_string());
    let status = read(folder.join("status"))?;
    let limits = read(folder.join("limits")).unwrap_or_default();
    let group = read(folder.join("cgroup")).and_then(|text| {
        text.lines()
            .find_map(|line| line.strip_prefix("0::/").map(str::to_owned))
    });
    let swap_max = group.and_then(|group| read(Path::new("/sys/fs/cgroup").join(group).join("memory.swap.max")));
    Some(system::daemon(&status, &limits, swap_max.as_deref()))
}
