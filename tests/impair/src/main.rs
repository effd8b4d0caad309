//! A bad network on loopback: carries datagrams between browsers and the real server, and loses, delays or re-addresses
//! them as it is told. For tests only.
//!
//! The server runs on one address and names this program's address as its own (`--public-ip`), so that browsers know no
//! other way. Orders come as lines on standard input; each is answered by one line of JSON on standard output:
//!
//! - `lose up|down N`: every flow that begins from now on loses its N-th STUN or DTLS datagram in that direction, once;
//!   `lose none` ends that
//! - `loss P`, `delay MS`: chance of loss of every datagram; time under way, each direction
//! - `rebind`: a new address at the server for every flow; `kill`: every present flow carries nothing any more
//! - `reset`: forget all flows; `counts`: what the flows have seen; `trace`: their newest handshake datagrams, in words

mod fate;
mod proxy;
mod trace;

use std::io::{self, BufRead, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use fate::Direction;
use proxy::Proxy;
use serde_json::json;
use tokio::sync::mpsc;

/// A satellite has 300 ms one way; more would be a mistake in the test.
const MAX_DELAY_MS: u64 = 2_000;

/// A bad network on loopback, for tests.
#[derive(Parser)]
struct Arguments {
    /// Where browsers send to.
    #[arg(long)]
    listen: SocketAddr,
    /// The server.
    #[arg(long)]
    to: SocketAddr,
    /// Which datagrams random loss takes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match serve(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "conclave-impair: error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(arguments: &Arguments) -> io::Result<()> {
    let mut proxy = Proxy::bind(arguments.listen, arguments.to, arguments.seed).await?;
    let mut lines = read_lines();
    say(&json!({ "listening": true }))?;
    while let Some(line) = proxy.run_until_line(&mut lines).await? {
        let answer = obey(&mut proxy, &line).await?;
        say(&answer.unwrap_or_else(|| json!({ "error": "not understood" })))?;
    }
    Ok(())
}

async fn obey(proxy: &mut Proxy, line: &str) -> io::Result<Option<serde_json::Value>> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    Ok(match words.as_slice() {
        ["lose", "none"] => {
            proxy.weather.lose = None;
            Some(json!({}))
        }
        ["lose", direction, number] => {
            let direction = match *direction {
                "up" => Some(Direction::Up),
                "down" => Some(Direction::Down),
                _ => None,
            };
            proxy.weather.lose = direction.zip(number.parse().ok());
            proxy.weather.lose.map(|_| json!({}))
        }
        ["loss", probability] => probability.parse().ok().filter(|p| (0.0..=1.0).contains(p)).map(|p| {
            proxy.weather.loss = p;
            json!({})
        }),
        ["delay", ms] => ms.parse().ok().filter(|ms| *ms <= MAX_DELAY_MS).map(|ms| {
            proxy.weather.delay = Duration::from_millis(ms);
            json!({})
        }),
        ["rebind"] => Some(json!({ "flows": proxy.rebind().await? })),
        ["kill"] => Some(json!({ "flows": proxy.kill() })),
        ["reset"] => {
            proxy.reset();
            Some(json!({}))
        }
        ["trace"] => Some(json!({ "flows": proxy.traces() })),
        ["counts"] => {
            let counts = proxy.counts();
            Some(json!({
                "flows": counts.flows,
                "lostIt": counts.lost_it,
                "mostUp": counts.most_up,
                "mostDown": counts.most_down,
            }))
        }
        _ => None,
    })
}

/// A thread, because standard input cannot be waited for otherwise; it ends with the process.
fn read_lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

fn say(answer: &serde_json::Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{answer}")?;
    out.flush()
}
