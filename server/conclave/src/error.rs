//! What can go wrong for the operator, grouped by fault, each with words and a hint where there is something to do.
//!
//! Faults of people on the network are not here: they end a connection with a stable code and are never text.

use std::{io, path::PathBuf};

/// Why the daemon or a command ended.
///
/// Paths are the operator's own folders. No variant can hold an address of a person, a link or a room id; the
/// addresses below are those that the operator configured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An address of ours is in use, or is not ours to bind.
    #[error("cannot listen on {what} {address}: {source}")]
    Listen {
        /// `tcp` or `udp`.
        what: &'static str,
        /// The configured address.
        address: String,
        /// The system's reason.
        source: io::Error,
    },
    /// The service manager handed over something that we cannot use.
    #[error("the service manager handed over {0}")]
    HandedOver(&'static str),
    /// The media socket is bound to all addresses, and nobody said which ones clients can reach.
    #[error("the media address is a wildcard, so clients cannot be told where to send")]
    NoPublicAddress,
    /// The configured name is not a server name.
    #[error("'{0}' is not a server name")]
    ServerName(String),
    /// The configuration file cannot be read.
    #[error("cannot read the configuration {}: {source}", path.display())]
    ConfigFile {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The configuration says something that cannot be done; never empty.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Config(Vec<crate::config::Fault>),
    /// The data folder cannot be used.
    #[error("cannot use the data folder {}: {source}", path.display())]
    DataDir {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The data folder could be read by other users.
    #[error("the data folder {} is open to other users", .0.display())]
    DataDirOpen(PathBuf),
    /// Another daemon serves this data folder.
    #[error("another conclave serves the data folder {}", .0.display())]
    DataDirBusy(PathBuf),
    /// A file of the TLS certificate cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    CertificateFile {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Certificate and key cannot be used.
    #[error("the certificate in {} cannot be used: {reason}", path.display())]
    Certificate {
        /// The certificate's file.
        path: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
    /// No home folder to derive the default data folder from.
    #[error("no data folder was given and there is no home folder")]
    NoHome,
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[from] rusqlite::Error),
    /// The database was written by a newer version.
    #[error("the database has version {found}, this program knows {known}")]
    DatabaseNewer {
        /// Version in the file.
        found: i64,
        /// Newest version known here.
        known: i64,
    },
    /// The database holds something that is not a room.
    #[error("the database is damaged")]
    DatabaseDamaged,
    /// There is nothing to back up.
    #[error("there is no database at {}", .0.display())]
    NoDatabase(PathBuf),
    /// A file that a backup is written to or read from cannot be used.
    #[error("cannot use the backup file {}: {source}", path.display())]
    BackupFile {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file is something else, or damaged.
    #[error("{} is not a backup of a conclave", .0.display())]
    NotABackup(PathBuf),
    /// Nobody answers on the admin socket.
    #[error("no conclave answers at {}", .0.display())]
    NotRunning(PathBuf),
    /// The admin socket is there, but this user may not use it.
    #[error("this user may not use the admin socket {}", .0.display())]
    NotOperator(PathBuf),
    /// The admin socket broke off or talked nonsense.
    #[error("the admin socket failed: {0}")]
    AdminSocket(io::Error),
    /// The daemon refused a request of the operator.
    #[error("{}", .0.text())]
    Refused(crate::admin::Refusal),
    /// A wrong combination of flags.
    #[error("{0}")]
    Usage(&'static str, &'static str),
    /// A room could not be made from what was asked.
    #[error("{0}")]
    RoomUnusable(&'static str),
    /// The system has no randomness to give.
    #[error("the system gave no randomness")]
    Randomness,
    /// A file, socket or thread of our own failed.
    #[error("{what}: {source}")]
    Local {
        /// What was attempted.
        what: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// A task that must not end has ended: a bug in this program.
    #[error("the {0} task failed, so the server stopped")]
    TaskFailed(&'static str),
}

impl Error {
    /// What the operator can do about it, if anything.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Listen { what, source, .. } if source.kind() == io::ErrorKind::AddrInUse => {
                let flag = if *what == "udp" { "--udp" } else { "--listen" };
                return Some(format!(
                    "stop the program that uses this port, or choose another with {flag}"
                ));
            }
            Self::Listen { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "ports below 1024 need a privilege; choose a higher one"
            }
            Self::HandedOver(_) => "the socket unit may have TCP and UDP sockets; see docs/operators/install.md",
            Self::NoPublicAddress => {
                "this machine shows no public address: name those that clients can reach with --public-ip, or in public_addresses; behind NAT the router's"
            }
            Self::ServerName(_) => {
                "a name is a lowercase host with an optional port, such as meet.example or localhost:8443"
            }
            Self::DataDirOpen(path) => {
                return Some(format!("chmod 700 {}", path.display()));
            }
            Self::DataDirBusy(_) => "stop the other one, or choose another folder with --data-dir",
            Self::NoHome => "give one with --data-dir",
            Self::DatabaseNewer { .. } => "run the newer version, or restore a backup made with this one",
            Self::DatabaseDamaged => "restore a backup",
            Self::NotRunning(_) => "start it with 'conclave serve', or name its folder with --data-dir",
            Self::NoDatabase(_) => "name the server's folder with --data-dir, or its configuration with --config",
            Self::BackupFile { source, .. } if source.kind() == io::ErrorKind::AlreadyExists => {
                "a backup never overwrites a file; choose another name"
            }
            Self::NotOperator(_) => "run this as the user that runs the server",
            Self::Usage(_, hint) => hint,
            Self::TaskFailed(_) => "this is a bug; the log above says which part failed",
            Self::Refused(refusal) => return refusal.hint().map(str::to_owned),
            _ => return None,
        };
        Some(hint.to_owned())
    }

    /// Exit code of the process. Scripts rely on them: `docs/operators/cli.md` lists them and a test compares.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        use crate::admin::Refusal;
        match self {
            Self::Usage(..) | Self::ServerName(_) | Self::RoomUnusable(_) => exit::USAGE,
            Self::Config(_) | Self::ConfigFile { .. } | Self::NoPublicAddress | Self::NoHome => exit::CONFIGURATION,
            Self::NotRunning(_) => exit::NOT_RUNNING,
            Self::NotOperator(_) | Self::Refused(Refusal::NotOperator) => exit::NOT_ALLOWED,
            Self::Refused(Refusal::NoSuchRoom | Refusal::NoSuchTicket) => exit::NOT_FOUND,
            Self::DataDirBusy(_) => exit::IN_USE,
            Self::Listen { source, .. } if source.kind() == io::ErrorKind::AddrInUse => exit::IN_USE,
            _ => exit::FAILED,
        }
    }
}

/// Exit codes of the process, which do not change. 0 is success.
pub mod exit {
    /// Anything that has no code of its own.
    pub const FAILED: u8 = 1;
    /// The command line makes no sense.
    pub const USAGE: u8 = 2;
    /// The configuration is wrong.
    pub const CONFIGURATION: u8 = 3;
    /// No server answers.
    pub const NOT_RUNNING: u8 = 4;
    /// This user may not do it.
    pub const NOT_ALLOWED: u8 = 5;
    /// There is no such room or ticket.
    pub const NOT_FOUND: u8 = 6;
    /// A port or folder is in use: by another program, or by a running server.
    pub const IN_USE: u8 = 7;
    /// Nothing failed, and something should be mended: `status --check`, `doctor`.
    pub const WARNING: u8 = 8;
}
