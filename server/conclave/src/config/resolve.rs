//! From what was written to what the server does: defaults that follow from other keys, and checks that need several.
//!
//! It reads no files: whether a certificate is there and fits is found out by whoever opens it.

use std::{
    env,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
};

use super::{
    Certificates, Config, DEFAULT_PORT, Limits, Transport,
    fault::Fault,
    host_and_port, is_local,
    load::Loaded,
    parse_name,
    settings::{Settings, TlsMode},
};
use crate::error::Error;

/// Data folder of an installed service.
pub const SYSTEM_DATA_DIR: &str = "/var/lib/conclave";

/// The port of the web, which is the default of a server with a public name.
const HTTPS: u16 = 443;

/// Every address, IPv4 as well.
const ANYWHERE: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

impl Config {
    /// Puts together what the layers said. All faults are reported.
    pub fn resolve(loaded: &Loaded) -> Result<Self, Error> {
        let settings = &loaded.settings;
        let mut faults = Vec::new();
        let name = match settings.name.as_deref().map(parse_name).transpose() {
            Ok(name) => name,
            Err(error) => {
                let mut fault = Fault::new("name", error.to_string());
                if let Some(hint) = error.hint() {
                    fault = fault.hint(hint);
                }
                return Err(Error::Config(vec![fault]));
            }
        };
        let local = name.as_ref().is_none_or(is_local);
        let port = name.as_ref().and_then(|name| host_and_port(name).1).unwrap_or(HTTPS);
        let behind_proxy = settings.listen.behind_proxy;
        let mode = settings.tls.mode.unwrap_or(match () {
            () if behind_proxy => TlsMode::Off,
            () if settings.tls.certificate.is_some() => TlsMode::Files,
            () if local => TlsMode::Off,
            () => TlsMode::Acme,
        });
        let loopback = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), DEFAULT_PORT);
        let listen = settings.listen.https.unwrap_or(if local || mode == TlsMode::Off {
            loopback
        } else {
            SocketAddr::new(ANYWHERE, port)
        });
        let udp = settings
            .listen
            .udp
            .or_else(|| behind_proxy.then(|| SocketAddr::new(ANYWHERE, port)));

        let transport = match mode {
            TlsMode::Off if behind_proxy => Transport::Proxied(settings.listen.proxy_addresses.clone()),
            TlsMode::Off => Transport::Plain,
            TlsMode::Files | TlsMode::Acme => match certificates(settings, mode, &mut faults) {
                Some(certificates) => Transport::Tls(certificates),
                None => Transport::Plain,
            },
        };
        check(settings, mode, local, listen, &mut faults);
        if mode == TlsMode::Acme
            && name
                .as_ref()
                .is_none_or(|name| is_local(name) || is_address(host_and_port(name).0))
        {
            faults.push(
                Fault::new("tls.mode", "a certificate from an authority needs a public name")
                    .hint("set 'name' to a name that the DNS leads to this machine, or use tls.mode = \"files\""),
            );
        }
        if !faults.is_empty() {
            return Err(Error::Config(faults));
        }
        let data_dir = match &settings.data_dir {
            Some(path) => path.clone(),
            None => default_data_dir(loaded.is_system)?,
        };
        Ok(Self {
            name,
            listen,
            udp,
            public_addresses: settings.public_addresses.clone(),
            admin_socket: settings.admin.socket.clone(),
            data_dir,
            transport,
            turn: settings.turn.enabled,
            limits: Limits {
                egress_mbit: settings.limits.egress_mbit,
                connections: usize::try_from(settings.limits.connections).unwrap_or(usize::MAX),
                connections_per_address: usize::try_from(settings.limits.connections_per_address).unwrap_or(usize::MAX),
                turn_allocations: usize::try_from(settings.limits.turn_allocations).unwrap_or(usize::MAX),
                room_days: settings.limits.room_days,
            },
            log_level: settings.log.level,
        })
    }
}

fn is_address(host: &str) -> bool {
    host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok()
}

fn certificates(settings: &Settings, mode: TlsMode, faults: &mut Vec<Fault>) -> Option<Certificates> {
    let tls = &settings.tls;
    if mode == TlsMode::Acme {
        return Some(Certificates::Acme {
            directory: tls.acme_directory.clone(),
            root: tls.acme_ca.clone(),
        });
    }
    match (&tls.certificate, &tls.key) {
        (Some(certificate), Some(key)) => Some(Certificates::Files {
            certificate: certificate.clone(),
            key: key.clone(),
        }),
        (certificate, _) => {
            let missing = if certificate.is_none() {
                "tls.certificate"
            } else {
                "tls.key"
            };
            faults.push(
                Fault::new(missing, "own certificates need both 'tls.certificate' and 'tls.key'")
                    .hint("give the paths of two files in PEM"),
            );
            None
        }
    }
}

/// Combinations that would not do what they seem to say.
fn check(settings: &Settings, mode: TlsMode, local: bool, listen: SocketAddr, faults: &mut Vec<Fault>) {
    if settings.listen.behind_proxy && mode != TlsMode::Off {
        faults.push(
            Fault::new(
                "listen.behind_proxy",
                format!("a proxy passes on plain HTTP, but tls.mode is \"{mode}\""),
            )
            .hint("take away one of the two"),
        );
    }
    if settings.listen.behind_proxy && settings.listen.proxy_addresses.is_empty() {
        faults.push(
            Fault::new(
                "listen.proxy_addresses",
                "without an address the proxy could not connect",
            )
            .hint("name the address from which it connects"),
        );
    }
    if mode == TlsMode::Off && !settings.listen.behind_proxy && !local && !listen.ip().is_loopback() {
        faults.push(
            Fault::new(
                "tls.mode",
                "plain HTTP under a public name would show pages and codes to the network",
            )
            .hint("leave tls.mode out, or set listen.behind_proxy = true if a proxy ends TLS"),
        );
    }
    if !settings.tls.acme_directory.starts_with("https://") {
        faults.push(Fault::new(
            "tls.acme_directory",
            "an ACME directory begins with https://",
        ));
    }
    for address in &settings.public_addresses {
        if address.ip.is_unspecified() || address.ip.is_multicast() || address.port == Some(0) {
            faults.push(
                Fault::new("public_addresses", format!("nobody can send to '{address}'"))
                    .hint("give the address that the DNS entry of the name has"),
            );
        }
    }
}

/// systemd's state folder, else the installed service's, else `$XDG_DATA_HOME/conclave`, else `~/.local/share/conclave`.
pub(super) fn default_data_dir(of_service: bool) -> Result<PathBuf, Error> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if let Some(path) = absolute("STATE_DIRECTORY") {
        return Ok(path);
    }
    if of_service {
        return Ok(Path::new(SYSTEM_DATA_DIR).to_owned());
    }
    if let Some(base) = absolute("XDG_DATA_HOME") {
        return Ok(base.join("conclave"));
    }
    absolute("HOME")
        .map(|home| home.join(".local/share/conclave"))
        .ok_or(Error::NoHome)
}
