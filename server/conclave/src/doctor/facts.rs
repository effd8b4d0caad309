//! What is known about machine, name and server at one moment. Plain values; `None` always means "could not be found out".

use std::net::IpAddr;

/// How an attempt to reach something went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It answered.
    Answers,
    /// It refused, or there was no way.
    Refused,
    /// Nothing came back in time: a firewall, or a machine that is off.
    Silent,
}

/// What the system says about the process of the running server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Daemon {
    /// Most open files.
    pub open_files: Option<u64>,
    /// Largest core dump in bytes.
    pub core_bytes: Option<u64>,
    /// Its memory may be written to swap.
    pub may_swap: Option<bool>,
    /// It runs as root.
    pub is_root: Option<bool>,
    /// It holds capabilities.
    pub has_capabilities: Option<bool>,
    /// It may gain privileges through programs that it starts.
    pub may_gain_privileges: Option<bool>,
    /// Its system calls are filtered.
    pub is_filtered: Option<bool>,
    /// Memory in use, in bytes.
    pub resident_bytes: Option<u64>,
}

/// Everything that the checks look at.
///
/// No `Debug`: it holds the machine's addresses, which belong on the operator's screen and in no log.
#[derive(Clone, Default)]
pub struct Facts {
    /// The configured name without its port; `None`: the server is for this machine alone.
    pub host: Option<String>,
    /// Addresses to which the name leads.
    pub name_leads_to: Option<Vec<IpAddr>>,
    /// Addresses at which this machine can be reached: configured ones, otherwise those of its network cards.
    pub own_addresses: Vec<IpAddr>,
    /// The addresses were configured by the operator.
    pub addresses_are_configured: bool,
    /// TCP port of the page.
    pub https_port: u16,
    /// UDP port of the media.
    pub udp_port: u16,
    /// TLS ends at a proxy, or there is none.
    pub plain: bool,
    /// Certificates come from an ACME authority.
    pub acme: bool,
    /// TCP connection to the name and port, from this machine.
    pub https_reach: Option<Reach>,
    /// Somebody on this machine listens on the TCP port.
    pub https_bound: Option<bool>,
    /// Somebody on this machine holds the UDP port.
    pub udp_bound: Option<bool>,
    /// A datagram from this machine to the UDP port as it is seen from outside. Never [`Reach::Answers`]: the server does not answer
    /// strangers.
    pub udp_reach: Option<Reach>,
    /// An address of this machine that people are sent to, though answers from the UDP port leave from another one.
    pub udp_answers_elsewhere: Option<IpAddr>,
    /// Days until the certificate that is served ends; negative: it has ended.
    pub certificate_days: Option<i64>,
    /// The certificate that is served is for the name and from an authority that browsers trust.
    pub certificate_trusted: Option<bool>,
    /// The clock is kept by a time service.
    pub clock_is_kept: Option<bool>,
    /// Seconds since 1970 on this machine's clock.
    pub clock_s: u64,
    /// Bytes of swap that are switched on.
    pub swap_bytes: Option<u64>,
    /// Something on this machine collects core dumps.
    pub cores_are_collected: Option<bool>,
    /// The certificate authority, from this machine.
    pub authority_reach: Option<Reach>,
    /// Processors.
    pub processors: usize,
    /// Memory in bytes.
    pub memory_bytes: Option<u64>,
    /// The configured limit of what the server sends.
    pub egress_mbit: Option<u32>,
    /// Speed of the fastest network card that is up, as it says itself.
    pub card_mbit: Option<u32>,
    /// Most connections at a time, as configured.
    pub connections: usize,
    /// Largest receive buffer that a socket may ask for.
    pub receive_buffer_bytes: Option<u64>,
    /// The running server; `None`: it does not run, or not for this user to see.
    pub daemon: Option<Daemon>,
}
