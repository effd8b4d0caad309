//! The commands' side of the admin socket. Blocking: a command does one thing.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
};

use super::{Reply, Request};
use crate::{error::Error, limits, store::admin_socket};

/// Sends one request to the daemon that serves this data folder. A refusal is an error.
pub fn ask(data_dir: &Path, request: &Request) -> Result<Reply, Error> {
    ask_at(&admin_socket(data_dir), request)
}

/// Sends one request to the daemon behind this socket. A refusal is an error.
pub fn ask_at(socket: &Path, request: &Request) -> Result<Reply, Error> {
    let stream = UnixStream::connect(socket).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Error::NotRunning(socket.to_owned()),
        io::ErrorKind::PermissionDenied => Error::NotOperator(socket.to_owned()),
        _ => Error::AdminSocket(source),
    })?;
    match exchange(stream, request).map_err(Error::AdminSocket)? {
        Reply::Refused { reason } => Err(Error::Refused(reason)),
        reply => Ok(reply),
    }
}

fn exchange(mut stream: UnixStream, request: &Request) -> io::Result<Reply> {
    stream.set_read_timeout(Some(limits::ADMIN_DEADLINE))?;
    stream.set_write_timeout(Some(limits::ADMIN_DEADLINE))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    // A daemon that refuses this user answers before it reads; then writing fails and the answer is still there.
    let written = stream.write_all(&line);
    let mut answer = String::new();
    BufReader::new(stream.take(ANSWER_LIMIT)).read_line(&mut answer)?;
    if answer.is_empty() {
        written?;
    }
    Ok(serde_json::from_str(&answer)?)
}

/// Longest answer: a list of a hundred thousand rooms is 6 MB.
const ANSWER_LIMIT: u64 = 16 << 20;
