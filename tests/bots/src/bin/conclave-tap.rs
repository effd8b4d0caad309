//! The real server with its taps open: keeps what passes, in memory and bounded, and answers searches over it.
//!
//! For tests only. Nothing but this program switches the taps on; the server's own binary cannot.
//!
//! Lines on its input, each a JSON object, each answered by one line:
//! `{"scan": FILE, "run": 16}` counts runs of the frames in FILE (each u32 big-endian length and bytes) in media and on
//! sockets; `{"find": ["hex", …]}` counts needles.

use std::{
    fs,
    io::{Error, ErrorKind, Write as _},
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::Parser;
use conclave::{Config, Server, config::parse_name};
use conclave_bots::{
    input,
    scan::{RUN, Runs},
    tap::Recorder,
};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

/// Runs the server and keeps what passes.
#[derive(Parser)]
#[command(name = "conclave-tap")]
struct Arguments {
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    name: Option<String>,
    #[arg(long)]
    udp: Option<SocketAddr>,
    #[arg(long)]
    public_ip: Vec<IpAddr>,
    #[arg(long)]
    data_dir: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error may be closed; the exit code says it too.
            let _ = writeln!(std::io::stderr(), "conclave-tap: error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let config = Config {
        name: arguments.name.as_deref().map(parse_name).transpose()?,
        listen: arguments.listen,
        udp: arguments.udp,
        public_addresses: arguments.public_ip.into_iter().map(Into::into).collect(),
        ..Config::local(arguments.data_dir)
    };
    conclave::logging::install(config.log_level);
    let recorder = Arc::new(Recorder::default());
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let server = Server::bind(config).await?.with_tap(recorder.clone());
    let questions = tokio::spawn(answer_all(recorder));
    let ended = async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    };
    let result = server.run(ended).await;
    questions.abort();
    Ok(result?)
}

async fn answer_all(recorder: Arc<Recorder>) {
    let mut lines = input::lines();
    while let Some(line) = lines.recv().await {
        let recorder = Arc::clone(&recorder);
        let answered = tokio::task::spawn_blocking(move || answer(&recorder, &line)).await;
        let value = match answered {
            Ok(Ok(value)) => value,
            Ok(Err(error)) => json!({"error": error.to_string()}),
            Err(_) => json!({"error": "the search panicked"}),
        };
        let _ = writeln!(std::io::stdout().lock(), "{value}");
    }
}

fn answer(recorder: &Recorder, line: &str) -> Result<Value, Error> {
    let question: Value = serde_json::from_str(line)?;
    if let Some(file) = question["scan"].as_str() {
        if question["run"].as_u64() != Some(RUN as u64) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "only runs of 16 bytes are searched for",
            ));
        }
        return scan(recorder, Path::new(file));
    }
    if let Some(needles) = question["find"].as_array() {
        let needles: Option<Vec<Vec<u8>>> = needles.iter().map(|needle| unhex(needle.as_str()?)).collect();
        let needles = needles.ok_or_else(|| Error::new(ErrorKind::InvalidInput, "needles are hexadecimal text"))?;
        let hits = |needle: &Vec<u8>| recorder.media().needle_hits(needle) + recorder.socket().needle_hits(needle);
        return Ok(json!({"hits": needles.iter().map(hits).collect::<Vec<_>>()}));
    }
    Err(Error::new(ErrorKind::InvalidInput, "neither scan nor find"))
}

fn scan(recorder: &Recorder, file: &Path) -> Result<Value, Error> {
    let mut runs = Runs::default();
    let bytes = fs::read(file)?;
    let mut rest = bytes.as_slice();
    while let Some((len, tail)) = rest.split_first_chunk::<4>() {
        let cut = || Error::new(ErrorKind::InvalidData, "the file ends within a frame");
        let len = usize::try_from(u32::from_be_bytes(*len)).map_err(|_| cut())?;
        let (frame, tail) = tail.split_at_checked(len).ok_or_else(cut)?;
        runs.add(frame);
        rest = tail;
    }
    if runs.is_empty() {
        return Err(Error::new(ErrorKind::InvalidData, "there is nothing to search for"));
    }
    let (media, socket) = (recorder.media(), recorder.socket());
    Ok(json!({
        "hits": media.run_hits(&runs) + socket.run_hits(&runs),
        "runs": runs.len(),
        "media_bytes": media.bytes(),
        "socket_bytes": socket.bytes(),
        "dropped": media.dropped() + socket.dropped(),
    }))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?, 16).ok())
        .collect()
}
