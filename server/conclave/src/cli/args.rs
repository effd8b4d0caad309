//! What may stand on the command line. The words here are the help text; a snapshot of it is held in `tests/cli/`.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use clap::{Args, Parser, Subcommand};

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
    Serve(ServeArguments),
    /// Make, list, show and delete rooms of the running server
    Room {
        #[command(subcommand)]
        command: RoomCommand,
    },
}

#[derive(Args)]
pub(super) struct ServeArguments {
    /// TCP address of the page
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8443")]
    pub(super) listen: SocketAddr,
    /// Name under which clients reach this server; it is part of every link and must not change
    /// [default: localhost with the port of --listen]
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(super) name: Option<String>,
    /// UDP address of sound and picture [default: the address of --listen]
    #[arg(long, value_name = "IP:PORT")]
    pub(super) udp: Option<SocketAddr>,
    /// Address at which clients reach the UDP port, if it is not the bound one; may be repeated
    #[arg(long, value_name = "IP")]
    pub(super) public_ip: Vec<IpAddr>,
    #[command(flatten)]
    pub(super) data: DataArguments,
}

#[derive(Args)]
pub(super) struct DataArguments {
    /// Folder of the database and the admin socket
    /// [default: $XDG_DATA_HOME/conclave or ~/.local/share/conclave]
    #[arg(long, value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(super) enum RoomCommand {
    /// Make a room and print its links, once
    Create {
        /// One line that members see
        #[arg(long, default_value = "")]
        title: String,
        /// Days until the room is deleted
        #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u16).range(1..=3650))]
        days: u16,
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
    /// Delete a room; whoever is in it is disconnected
    Delete {
        /// Number of the room
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
