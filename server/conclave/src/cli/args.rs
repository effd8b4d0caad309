//! What may stand on the command line. The words here are the help text; a snapshot of it is held in `tests/cli/`.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};
use conclave_protocol::{
    moderator::MAX_MODERATOR_KEYS,
    sheet::{Found, Rules},
};

use crate::{
    config::{PublicAddress, admin_place, data_place, load::Sources},
    error::Error,
};

/// A meeting server that cannot hear the meetings it carries.
#[derive(Parser)]
#[command(name = "conclave", version, disable_help_subcommand = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Run the server
    Serve(SettingsArguments),
    /// Make, list, show, limit, close and delete rooms of the running server
    Room {
        #[command(subcommand)]
        command: RoomCommand,
    },
    /// Make, list and revoke one-use links with which organisers open rooms
    Ticket {
        #[command(subcommand)]
        command: TicketCommand,
    },
    /// Show totals of the running server and warn of what runs out
    Status {
        /// End with code 8 if something is at 80 % of its limit
        #[arg(long)]
        check: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Print totals of the running server as OpenMetrics
    Metrics {
        #[command(flatten)]
        data: DataArguments,
    },
    /// Show all that this server could be made to produce, and what others hold
    Disclose {
        #[command(flatten)]
        output: Output,
    },
    /// Write the database to one file, while the server runs or not
    Backup {
        /// New file; it holds rooms and nobody's name
        file: PathBuf,
        #[command(flatten)]
        output: Output,
    },
    /// Put a backup in the place of the database of a stopped server
    Restore {
        /// File that 'conclave backup' wrote
        file: PathBuf,
        /// Give up the rooms that are there now
        #[arg(long)]
        replace: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Check, show and explain the configuration
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Look for what would keep calls from working, say how to mend it, and estimate how many fit
    ///
    /// Run it on the server, as root. Exit code 8: something should be mended.
    Doctor {
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        settings: SettingsArguments,
    },
    /// Print a script with which a shell completes these commands
    Completions {
        /// Name of the shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages of all commands
    Man {
        /// Existing folder for them
        folder: PathBuf,
    },
}

/// What `serve` and `config` take: the same words, so that what was checked is what is served.
#[derive(Args)]
pub(super) struct SettingsArguments {
    /// Configuration file [default: $CONCLAVE_CONFIG, or /etc/conclave/conclave.toml if it is there]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Name under which clients reach this server; it is part of every link and must not change
    /// [default: localhost with the port of --listen]
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(super) name: Option<String>,
    /// TCP address of the page [default: [::]:443 with a public name, otherwise 127.0.0.1:8443]
    #[arg(long, value_name = "IP:PORT")]
    pub(super) listen: Option<SocketAddr>,
    /// UDP address of sound and picture
    /// [default: the address of --listen; without a public name all addresses, with its port]
    #[arg(long, value_name = "IP:PORT")]
    pub(super) udp: Option<SocketAddr>,
    /// Address at which clients reach the UDP port, if it is not the bound one; may be repeated
    #[arg(long, value_name = "IP[:PORT]")]
    pub(super) public_ip: Vec<PublicAddress>,
    /// Folder of the database and the admin socket
    /// [default: /var/lib/conclave for a service, otherwise ~/.local/share/conclave]
    #[arg(long, value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,
    /// Any key of the configuration, such as limits.egress_mbit=200; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) set: Vec<String>,
}

impl SettingsArguments {
    /// The layers of configuration that these words and this process make.
    pub(super) fn sources(&self) -> Result<Sources, Error> {
        let mut sources = Sources::of_process(self.config.clone());
        if let Some(name) = &self.name {
            sources.set("--name", "name", quoted(name));
        }
        if let Some(listen) = self.listen {
            sources.set("--listen", "listen.https", listen.to_string());
        }
        if let Some(udp) = self.udp {
            sources.set("--udp", "listen.udp", udp.to_string());
        }
        if !self.public_ip.is_empty() {
            let addresses: Vec<String> = self.public_ip.iter().map(ToString::to_string).collect();
            sources.set("--public-ip", "public_addresses", addresses.join(","));
        }
        if let Some(folder) = &self.data_dir {
            sources.set("--data-dir", "data_dir", quoted(&folder.to_string_lossy()));
        }
        for pair in &self.set {
            let (key, value) = pair.split_once('=').ok_or(Error::Usage(
                "--set takes a key and a value",
                "for example --set limits.egress_mbit=200",
            ))?;
            sources.set(&format!("--set {key}"), key.trim(), value.trim());
        }
        Ok(sources)
    }
}

/// As a TOML string, so that a name that looks like a number stays a name.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// How a command finds the running server.
#[derive(Args)]
pub(super) struct DataArguments {
    /// Folder of the running server, instead of what the configuration says
    #[arg(long, value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,
    /// Configuration file of the running server [default: $CONCLAVE_CONFIG, or /etc/conclave/conclave.toml if it is there]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

impl DataArguments {
    /// The server's data folder.
    pub(super) fn folder(&self) -> Result<PathBuf, Error> {
        data_place(self.data_dir.as_deref(), &Sources::of_process(self.config.clone()))
    }

    /// The running server's admin socket.
    pub(super) fn socket(&self) -> Result<PathBuf, Error> {
        admin_place(self.data_dir.as_deref(), &Sources::of_process(self.config.clone()))
    }
}

#[derive(Subcommand)]
pub(super) enum ConfigCommand {
    /// Say whether the server would start with this configuration
    Check(SettingsArguments),
    /// Show the configuration in force and where each value comes from
    Show {
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        settings: SettingsArguments,
    },
    /// Print an annotated configuration with all keys and defaults
    Example,
}

/// Who may begin a call in a new room.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Begin {
    /// A host or moderator; guests wait, and ask to be let in
    Host,
    /// Anyone with the link; nobody asks
    Anyone,
}

impl Begin {
    /// The rules of a room: who comes to a host's room asks, unless the operator chose otherwise.
    pub(super) fn rules(self, no_lobby: bool) -> Rules {
        match self {
            Self::Host => Rules {
                found: Found::Host,
                lobby: !no_lobby,
            },
            Self::Anyone => Rules {
                found: Found::Anyone,
                lobby: false,
            },
        }
    }
}

#[derive(Subcommand)]
pub(super) enum RoomCommand {
    /// Print a one-use ticket link, with which an organiser opens a room; or make one here
    Create {
        /// One line that members see
        #[arg(long, default_value = "", requires = "print_links")]
        title: String,
        /// Days until the room is deleted
        #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u16).range(1..=3650), requires = "print_links")]
        days: u16,
        /// Who may begin a call
        #[arg(long, value_enum, default_value_t = Begin::Host, requires = "print_links")]
        begin: Begin,
        /// Let guests of a room with a host come in without asking
        #[arg(long, requires = "print_links")]
        no_lobby: bool,
        /// Let everybody in a call fall silent while a removal does not take effect
        #[arg(long, requires = "print_links")]
        strict: bool,
        /// How many moderators' keys to make with the room
        #[arg(long, value_name = "NUMBER", default_value_t = 0, value_parser = clap::value_parser!(u8).range(..=i64::from(MAX_MODERATOR_KEYS)), requires = "print_links")]
        moderators: u8,
        /// Make the keys here and print guest link, host credential and deed; the room is marked as made by its operator
        #[arg(long)]
        print_links: bool,
        #[command(flatten)]
        output: Output,
    },
    /// List the rooms by number
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Show what the server keeps of a room
    Show {
        /// Number of the room
        number: i64,
        #[command(flatten)]
        output: Output,
    },
    /// Allow less in a room than its owner does; whoever is in it stays
    Limits {
        /// Number of the room
        number: i64,
        /// People in the room at one moment
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..=250))]
        members: Option<u16>,
        /// Open microphones in a call
        #[arg(long, value_parser = clap::value_parser!(u8).range(1..=8))]
        seats: Option<u8>,
        /// Calls in the room at one moment
        #[arg(long, value_parser = clap::value_parser!(u8).range(1..=4))]
        calls: Option<u8>,
        #[command(flatten)]
        output: Output,
    },
    /// Let a room end earlier than its owner does
    Expire {
        /// Number of the room
        number: i64,
        /// Last day
        #[arg(long, value_name = "YYYY-MM-DD", conflicts_with_all = ["days", "owner"])]
        date: Option<String>,
        /// Days from today to the last one
        #[arg(long, conflicts_with = "owner")]
        days: Option<u16>,
        /// The day that the owner chose, again
        #[arg(long)]
        owner: bool,
        #[command(flatten)]
        output: Output,
    },
    /// End the call in a room now and let nobody in until it is opened again
    Close {
        /// Number of the room
        number: i64,
        #[command(flatten)]
        output: Output,
    },
    /// Open a closed room again
    Open {
        /// Number of the room
        number: i64,
        #[command(flatten)]
        output: Output,
    },
    /// Delete a room for ever; whoever is in it is disconnected
    Delete {
        /// Number of the room
        number: i64,
        #[command(flatten)]
        data: DataArguments,
    },
}

#[derive(Subcommand)]
pub(super) enum TicketCommand {
    /// Print a link with which one organiser opens one room
    Create {
        /// Last day on which it does [default: in 30 days]
        #[arg(long, value_name = "YYYY-MM-DD")]
        expires: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// List unused tickets by number
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Let a ticket open nothing any more
    Revoke {
        /// Number of the ticket
        number: i64,
        #[command(flatten)]
        data: DataArguments,
    },
}

#[derive(Args)]
pub(super) struct Output {
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) data: DataArguments,
}
