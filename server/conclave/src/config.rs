//! What the operator decides before the daemon starts. Plain values, checked here, no files read.

use std::{
    env,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use conclave_protocol::server_name::ServerName;

use crate::error::Error;

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
    /// TCP address of the page and the sockets.
    pub listen: SocketAddr,
    /// UDP address of the media; `None`: the same address and port as `listen`.
    pub udp: Option<SocketAddr>,
    /// Addresses written into answers, each with the UDP port; empty: the bound address itself.
    pub public_ips: Vec<IpAddr>,
    /// Folder of the database and the admin socket. Made with mode 0700 if it does not exist.
    pub data_dir: PathBuf,
}

impl Config {
    /// Loopback, the default port, and the given data folder.
    #[must_use]
    pub fn local(data_dir: PathBuf) -> Self {
        Self {
            name: None,
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), DEFAULT_PORT),
            udp: None,
            public_ips: Vec::new(),
            data_dir,
        }
    }

    /// The configured name, or `localhost` with this port.
    pub(crate) fn name_for(&self, port: u16) -> Result<ServerName, Error> {
        match &self.name {
            Some(name) => Ok(name.clone()),
            None => parse_name(&format!("localhost:{port}")),
        }
    }

    /// Addresses that clients are told to send media to.
    pub(crate) fn candidates(&self, bound: SocketAddr) -> Result<Vec<SocketAddr>, Error> {
        if !self.public_ips.is_empty() {
            return Ok(self
                .public_ips
                .iter()
                .map(|ip| SocketAddr::new(*ip, bound.port()))
                .collect());
        }
        if bound.ip().is_unspecified() {
            return Err(Error::NoPublicAddress);
        }
        Ok(vec![bound])
    }
}

/// Reads a server name as the operator typed it.
pub fn parse_name(text: &str) -> Result<ServerName, Error> {
    ServerName::parse(text).map_err(|_| Error::ServerName(text.to_owned()))
}

/// `$XDG_DATA_HOME/conclave`, else `~/.local/share/conclave`.
pub fn default_data_dir() -> Result<PathBuf, Error> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if let Some(base) = absolute("XDG_DATA_HOME") {
        return Ok(base.join("conclave"));
    }
    absolute("HOME")
        .map(|home| home.join(".local/share/conclave"))
        .ok_or(Error::NoHome)
}

/// Where the page of a server is: plain HTTP on this machine's own names, HTTPS everywhere else.
///
/// Browsers give camera and microphone to secure contexts only, and these are the two kinds there are.
#[must_use]
pub fn origin(name: &ServerName) -> String {
    let name = name.as_str();
    let host = match name.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => name,
    };
    let local = host == "localhost"
        || host.ends_with(".localhost")
        || host == "[::1]"
        || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback());
    format!("{}://{name}", if local { "http" } else { "https" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_served_in_the_clear() {
        for (name, expected) in [
            ("localhost:8443", "http://localhost:8443"),
            ("127.0.0.1:80", "http://127.0.0.1:80"),
            ("[::1]:8443", "http://[::1]:8443"),
            ("a.localhost", "http://a.localhost"),
            ("meet.example", "https://meet.example"),
            ("localhost.evil.example", "https://localhost.evil.example"),
            ("192.0.2.1:8443", "https://192.0.2.1:8443"),
        ] {
            assert_eq!(
                parse_name(name).map(|name| origin(&name)).ok().as_deref(),
                Some(expected)
            );
        }
    }

    #[test]
    fn a_wildcard_needs_public_addresses() {
        let mut config = Config::local(PathBuf::new());
        let bound = SocketAddr::from(([0, 0, 0, 0], 9));
        assert!(matches!(config.candidates(bound), Err(Error::NoPublicAddress)));
        config.public_ips.push(IpAddr::from([192, 0, 2, 7]));
        assert_eq!(
            config.candidates(bound).ok(),
            Some(vec![SocketAddr::from(([192, 0, 2, 7], 9))])
        );
    }
}
