//! Many connections that proved a room's link and wait: what each costs the server is what is measured (`./x bench idle`).
//!
//! They take part in nothing and send nothing but pongs. Prints one line when all are admitted, and holds them until its input ends.

use std::{io::Write as _, process::ExitCode, time::Duration};

use clap::Parser;
use conclave_bots::{BotError, input, visitor::Visitor};
use conclave_protocol::link::GuestLink;
use futures_util::future::join_all;
use tokio::{task::JoinSet, time::timeout};

/// Connections that are being opened at a time: a room that arrives together, not an attack.
const AT_A_TIME: usize = 50;

/// How long one may take to be admitted.
const PATIENCE: Duration = Duration::from_secs(20);

/// A crowd that waits.
#[derive(Parser)]
#[command(name = "conclave-crowd")]
struct Arguments {
    /// Guest link of a room; several spread the crowd, because a room lets in only so many
    #[arg(long, required = true)]
    link: Vec<String>,
    /// How many
    #[arg(long, default_value_t = 1_000)]
    count: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let Ok(links) = arguments
        .link
        .iter()
        .map(|link| GuestLink::parse(link))
        .collect::<Result<Vec<_>, _>>()
    else {
        let _ = writeln!(std::io::stderr(), "conclave-crowd: error: {}", BotError::Link);
        return ExitCode::FAILURE;
    };
    let mut waiting = JoinSet::new();
    let mut left = arguments.count;
    while left > 0 {
        let batch = left.min(AT_A_TIME);
        for admitted in join_all(
            links
                .iter()
                .cycle()
                .take(batch)
                .map(|link| timeout(PATIENCE, Visitor::admitted(link))),
        )
        .await
        {
            let Ok(Some(visitor)) = admitted else {
                let _ = writeln!(
                    std::io::stderr(),
                    "conclave-crowd: error: a connection was not admitted"
                );
                return ExitCode::FAILURE;
            };
            // Read on, so that pings are answered.
            waiting.spawn(visitor.stays());
        }
        left -= batch;
    }
    let _ = writeln!(std::io::stdout(), "{{\"admitted\":{}}}", arguments.count);
    let mut lines = input::lines();
    while lines.recv().await.is_some() {}
    // Whoever was closed meanwhile did not wait: the measurement would be of fewer.
    let all_here = std::iter::from_fn(|| waiting.try_join_next()).count() == 0;
    if all_here { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
