//! What the operator decides before the daemon starts.
//!
//! [`load::Sources`] reads the layers (options, environment, file), [`Settings`] is what they say, [`Config`] what follows from it. The
//! daemon sees only the last. `confique` does layers, defaults and the annotated example.

mod address;
mod example;
mod fault;
pub mod keys;
pub mod load;
mod resolve;
mod settings;
mod show;
#[cfg(test)]
mod tests;

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
};

use conclave_protocol::server_name::ServerName;
use ipnet::IpNet;

pub use self::{
    address::PublicAddress,
    example::example,
    fault::Fault,
    resolve::SYSTEM_DATA_DIR,
    settings::{LogLevel, Settings, TlsMode},
    show::{Shown, show},
};
use crate::{
    error::Error,
    media::{is_public, outward},
    store,
};

/// Port of both the page and the media in the default configuration.
pub const DEFAULT_PORT: u16 = 8443;

/// Everything that [`crate::Server::bind`] needs.
///
/// No `Debug`: it is never meant for a log.
#[derive(Clone)]
pub struct Config {
    /// Name under which clients know this server; rooms' keys are derived with it, so it must not change later.
    /// `None`: `localhost` with the port that was bound.
    pub name: Option<ServerName>,
    /// TCP address of the page, the sockets and TURN.
    pub listen: SocketAddr,
    /// UDP address of the media and TURN; `None`: the same address and port as `listen`, or all addresses at that port where
    /// `listen` is loopback in the clear.
    pub udp: Option<SocketAddr>,
    /// Addresses written into answers; empty: the bound address itself, or those of the network cards.
    pub public_addresses: Vec<PublicAddress>,
    /// Folder of the database and the admin socket. Made with mode 0700 if it does not exist.
    pub data_dir: PathBuf,
    /// The admin socket, if it is not in the data folder.
    pub admin_socket: Option<PathBuf>,
    /// How bytes come in over TCP.
    pub transport: Transport,
    /// Whether TURN is served.
    pub turn: bool,
    /// Limits of the whole server.
    pub limits: Limits,
    /// How much is logged.
    pub log_level: LogLevel,
}

/// What the TCP port speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// HTTP, for names of this machine.
    Plain,
    /// HTTP from a proxy at one of these addresses, whose `X-Forwarded-For` is believed. Others are turned away.
    Proxied(Vec<IpNet>),
    /// TLS.
    Tls(Certificates),
}

/// Where certificates come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Certificates {
    /// Two files in PEM.
    Files {
        /// The chain, own certificate first.
        certificate: PathBuf,
        /// The private key.
        key: PathBuf,
    },
    /// An ACME authority.
    Acme {
        /// Its directory.
        directory: String,
        /// A root that is trusted for it besides the public ones.
        root: Option<PathBuf>,
    },
}

/// Limits of the whole server that the operator may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most that is sent, in Mbit/s.
    pub egress_mbit: Option<u32>,
    /// Sockets open at a time.
    pub connections: usize,
    /// TCP connections from one address at a time.
    pub connections_per_address: usize,
    /// TURN allocations at a time.
    pub turn_allocations: usize,
    /// Days that an owner may let a room last, from the day of the choice.
    pub room_days: u16,
}

impl Default for Limits {
    /// As the settings say, which a test holds.
    fn default() -> Self {
        Self {
            egress_mbit: None,
            connections: 2_048,
            connections_per_address: 256,
            turn_allocations: 512,
            room_days: 3_650,
        }
    }
}

impl Config {
    /// Loopback, the default port, and the given data folder.
    #[must_use]
    pub fn local(data_dir: PathBuf) -> Self {
        Self {
            name: None,
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), DEFAULT_PORT),
            udp: None,
            public_addresses: Vec::new(),
            data_dir,
            admin_socket: None,
            transport: Transport::Plain,
            turn: true,
            limits: Limits::default(),
            log_level: LogLevel::Info,
        }
    }

    /// The configured name, or `localhost` with this port.
    pub(crate) fn name_for(&self, port: u16) -> Result<ServerName, Error> {
        match &self.name {
            Some(name) => Ok(name.clone()),
            None => parse_name(&format!("localhost:{port}")),
        }
    }

    /// Where the admin socket is.
    #[must_use]
    pub fn admin_socket(&self) -> PathBuf {
        self.admin_socket
            .clone()
            .unwrap_or_else(|| store::admin_socket(&self.data_dir))
    }

    /// Whether this server is the one that somebody tries on their own machine: the page on loopback, nothing said about media.
    fn is_tried_locally(&self) -> bool {
        self.udp.is_none()
            && self.public_addresses.is_empty()
            && self.transport == Transport::Plain
            && self.listen.ip().is_loopback()
    }

    /// Where media is taken if the page is at `page`.
    ///
    /// Firefox sends no media to a loopback address. So while the page stays on loopback, media is taken at all addresses, where
    /// nothing is answered that does not know a password from the page.
    pub(crate) fn media_address(&self, page: SocketAddr) -> SocketAddr {
        match (self.udp, page.ip()) {
            (Some(udp), _) => udp,
            (None, IpAddr::V4(_)) if self.is_tried_locally() => {
                SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), page.port())
            }
            (None, IpAddr::V6(_)) if self.is_tried_locally() => {
                SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), page.port())
            }
            (None, _) => page,
        }
    }

    /// Addresses that clients are told to send media to.
    pub(crate) fn candidates(&self, bound: SocketAddr) -> Result<Vec<SocketAddr>, Error> {
        if !self.public_addresses.is_empty() {
            return Ok(self
                .public_addresses
                .iter()
                .map(|address| address.with_port_of(bound))
                .collect());
        }
        if bound.ip().is_unspecified() && self.is_tried_locally() {
            let own = [Some(self.listen.ip()), outward(self.listen.ip())];
            return Ok(own
                .into_iter()
                .flatten()
                .map(|ip| SocketAddr::new(ip, bound.port()))
                .collect());
        }
        if !bound.ip().is_unspecified() {
            return Ok(vec![bound]);
        }
        // A socket of IPv6 takes IPv4 as well.
        let own = [
            outward(Ipv4Addr::UNSPECIFIED.into()),
            outward(Ipv6Addr::UNSPECIFIED.into()).filter(|_| bound.is_ipv6()),
        ];
        public_candidates(own.into_iter().flatten(), bound.port())
    }
}

/// What a public server offers of its own addresses. One behind NAT would offer what nobody outside can reach, and then the first
/// person who joins would find out; so its operator is asked.
fn public_candidates(own: impl Iterator<Item = IpAddr>, port: u16) -> Result<Vec<SocketAddr>, Error> {
    let public: Vec<_> = own
        .filter(|ip| is_public(*ip))
        .map(|ip| SocketAddr::new(ip, port))
        .collect();
    if public.is_empty() {
        return Err(Error::NoPublicAddress);
    }
    Ok(public)
}

/// Reads a server name as the operator typed it.
pub fn parse_name(text: &str) -> Result<ServerName, Error> {
    ServerName::parse(text).map_err(|_| Error::ServerName(text.to_owned()))
}

/// Splits a name. The host of an IPv6 address keeps its brackets.
#[must_use]
pub fn host_and_port(name: &ServerName) -> (&str, Option<u16>) {
    let name = name.as_str();
    match name.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (host, port.parse().ok()),
        _ => (name, None),
    }
}

/// True for names that mean the machine itself, on every machine.
#[must_use]
pub fn is_local(name: &ServerName) -> bool {
    let (host, _) = host_and_port(name);
    host == "localhost"
        || host.ends_with(".localhost")
        || host == "[::1]"
        || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
}

/// Where the page of a server is: plain HTTP on this machine's own names, HTTPS everywhere else.
///
/// Browsers give camera and microphone to secure contexts only, and these are the two kinds there are.
#[must_use]
pub fn origin(name: &ServerName) -> String {
    format!("{}://{}", if is_local(name) { "http" } else { "https" }, name.as_str())
}

/// Where the commands find the running server: an explicit data folder wins over every configuration.
pub fn admin_place(data_dir: Option<&Path>, sources: &load::Sources) -> Result<PathBuf, Error> {
    match (data_dir, &sources.file) {
        (Some(folder), None) => Ok(store::admin_socket(folder)),
        _ => Ok(of_commands(data_dir, sources)?.admin_socket()),
    }
}

/// Where the commands find the data, likewise.
pub fn data_place(data_dir: Option<&Path>, sources: &load::Sources) -> Result<PathBuf, Error> {
    match (data_dir, &sources.file) {
        (Some(folder), None) => Ok(folder.to_owned()),
        _ => Ok(of_commands(data_dir, sources)?.data_dir),
    }
}

fn of_commands(data_dir: Option<&Path>, sources: &load::Sources) -> Result<Config, Error> {
    let mut sources = sources.clone();
    if let Some(folder) = data_dir {
        let folder = toml::Value::String(folder.to_string_lossy().into_owned());
        sources.set("--data-dir", "data_dir", folder.to_string());
    }
    Config::resolve(&sources.load()?)
}
