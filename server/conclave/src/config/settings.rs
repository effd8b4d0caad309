//! Every key of the configuration, with the words that the annotated example shows.
//!
//! The example (`deploy/conclave.toml`) is made from this file, so a doc comment here is text for operators: what the key
//! does, its unit and range, what it costs to change it. Checks that need more than one key are in [`super::resolve`].

use std::{fmt, net::SocketAddr, path::PathBuf};

use confique::Config;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::address::{PublicAddress, list};

/// Configuration of a Conclave server.
///
/// Nothing but `name` is needed on a real server. Each line below that begins with one # and no blank shows a key with its default;
/// take the # away to change it. Each key is also an environment variable (`listen.https` is CONCLAVE_LISTEN_HTTPS) and an
/// option of the command line (`--set listen.https=[::]:8443`); options win over the environment, the environment over this
/// file. `conclave config check` says whether the server would take it, `conclave config show` what is in force.
#[derive(Config)]
#[config(layer_attr(derive(serde::Serialize, Clone)))]
pub struct Settings {
    /// Name under which people reach this server, such as "meet.example.org"; a port other than 443 belongs to it. It is part of
    /// every link and of every room's keys: rooms made under one name do not open under another. Without a name the server
    /// is for this machine alone, over plain HTTP on localhost:8443.
    pub name: Option<String>,

    /// Folder of the database, certificates and the admin socket, readable by nobody else. Default: /var/lib/conclave for a service that
    /// reads /etc/conclave/conclave.toml, otherwise ~/.local/share/conclave.
    pub data_dir: Option<PathBuf>,

    /// Addresses at which this machine is reached from outside, if they are not those of its own network cards: behind NAT, for
    /// example ["203.0.113.5", "2001:db8::5"]. If the router maps the UDP port to another number, say so: ["203.0.113.5:40443"]
    /// or [{ ip = "203.0.113.5", port = 40443 }]. Empty: the addresses of the network cards.
    #[config(default = [], deserialize_with = list)]
    pub public_addresses: Vec<PublicAddress>,

    /// Where the server listens.
    #[config(nested)]
    pub listen: ListenSettings,

    /// Certificates.
    #[config(nested)]
    pub tls: TlsSettings,

    /// Calls for people whose networks carry nothing but TCP 443.
    #[config(nested)]
    pub turn: TurnSettings,

    /// Limits of the whole server. `conclave doctor` estimates what this machine and its line can carry.
    #[config(nested)]
    pub limits: LimitSettings,

    /// The log, which never holds addresses, rooms, links or names at any level.
    #[config(nested)]
    pub log: LogSettings,

    /// The operator's door.
    #[config(nested)]
    pub admin: AdminSettings,
}

/// `[listen]`
#[derive(Config)]
#[config(layer_attr(derive(serde::Serialize, Clone)))]
pub struct ListenSettings {
    /// TCP address of page, sockets and TURN. [::] takes IPv4 as well. Default: [::] with the port of the name, 443 if it has none;
    /// 127.0.0.1:8443 without a name or behind a proxy.
    pub https: Option<SocketAddr>,

    /// UDP address of sound and picture. Default: the address of `https`; [::]:443 behind a proxy; without a name all addresses, with the
    /// port of `https`.
    pub udp: Option<SocketAddr>,

    /// A proxy in front of this server ends TLS and passes on plain HTTP. The server then believes the last address in
    /// `X-Forwarded-For`, which it uses for limits per address and never writes down.
    #[config(default = false)]
    pub behind_proxy: bool,

    /// Addresses or networks from which the proxy connects; anybody else is turned away. Used with `behind_proxy` only.
    #[config(default = ["127.0.0.0/8", "::1/128"], deserialize_with = list)]
    pub proxy_addresses: Vec<IpNet>,
}

/// `[tls]`
#[derive(Config)]
#[config(layer_attr(derive(serde::Serialize, Clone)))]
pub struct TlsSettings {
    /// "acme": get a certificate for `name` over port 443 and renew it. "files": read `certificate` and `key`. "off": plain HTTP, for
    /// loopback and proxies. Default: "acme"; "files" if `certificate` is set; "off" for localhost and behind a proxy.
    pub mode: Option<TlsMode>,

    /// Certificate chain in PEM, server's own first. Read again when it changes.
    pub certificate: Option<PathBuf>,

    /// Private key in PEM. Must not be readable by other users.
    pub key: Option<PathBuf>,

    /// Directory of the ACME authority. No contact address is sent.
    #[config(default = "https://acme-v02.api.letsencrypt.org/directory")]
    pub acme_directory: String,

    /// Root certificate in PEM that is trusted for `acme_directory` in place of the public ones: for an authority of your own.
    pub acme_ca: Option<PathBuf>,
}

/// `[turn]`
#[derive(Config)]
#[config(layer_attr(derive(serde::Serialize, Clone)))]
pub struct TurnSettings {
    /// Serve TURN: over TLS on the port of `listen.https`, and over UDP on the media's. It reaches this server's own media and nothing else, so it is of no use
    /// to strangers, who get no answer. Without it, people behind networks that block UDP cannot join. It needs TLS of this server's own.
    #[config(default = true)]
    pub enabled: bool,
}

/// `[limits]`
#[derive(Config)]
#[config(layer_attr(derive(serde::Serialize, Clone)))]
pub struct LimitSettings {
    /// Most media that the whole server sends, in Mbit/s, 1 to 1000000. Above it pictures stand still now and then, and sound goes on;
    /// without it a full line loses both. Set it to four fifths of the line's upload. Default: no limit of its own.
    #[config(validate((1..=1_000_000).contains(egress_mbit), "must be 1 to 1000000 (Mbit/s)"))]
    pub egress_mbit: Option<u32>,

    /// People connected at a time, on the whole server, 1 to 65536. Each waiting connection takes up to 60 kB of memory.
    #[config(default = 2048)]
    #[config(validate((1..=65_536).contains(connections), "must be 1 to 65536"))]
    pub connections: u32,

    /// TCP connections at a time from one IPv4 address or one IPv6 /64, 4 to 65536. A browser holds up to seven. Schools, Tor exits and
    /// mobile carriers put many people behind one address.
    #[config(default = 256)]
    #[config(validate((4..=65_536).contains(connections_per_address), "must be 4 to 65536"))]
    pub connections_per_address: u32,

    /// TURN allocations at a time, on the whole server, 1 to 65536: people whose network blocks UDP, each one or two, for a moment three.
    #[config(default = 512)]
    #[config(validate((1..=65_536).contains(turn_allocations), "must be 1 to 65536"))]
    pub turn_allocations: u32,

    /// Days that a room may last from the day on which its organiser opens it with a ticket or its owner changes it, 1 to 3650. A lower value
    /// shortens no room that is there.
    #[config(default = 3650)]
    #[config(validate((1..=3_650).contains(room_days), "must be 1 to 3650"))]
    pub room_days: u16,
}

/// `[log]`
#[derive(Config)]
#[config(layer_attr(derive(serde::Serialize, Clone)))]
pub struct LogSettings {
    /// "error", "warn", "info" or "debug".
    #[config(default = "info")]
    pub level: LogLevel,
}

/// `[admin]`
#[derive(Config)]
#[config(layer_attr(derive(serde::Serialize, Clone)))]
pub struct AdminSettings {
    /// Unix socket of the commands. Only root and the server's own user may use it, whatever its mode. Default: admin.sock in the data
    /// folder.
    pub socket: Option<PathBuf>,
}

/// Where certificates come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsMode {
    /// From an authority, over TLS-ALPN-01.
    Acme,
    /// From the operator's files.
    Files,
    /// There are none.
    Off,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What ends the server.
    Error,
    /// And what an operator should look at.
    Warn,
    /// And what happens seldom.
    Info,
    /// And what developers look for.
    Debug,
}

impl fmt::Display for TlsMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Acme => "acme",
            Self::Files => "files",
            Self::Off => "off",
        })
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        })
    }
}
