//! People who are added to a group and then do nothing: leaves for measurements. Each is the real core up to its knock; from there on its socket is
//! read and nothing is done with what comes.

use std::time::Duration;

use conclave_core::{Input, Member, Options, Output};
use conclave_protocol::link::GuestLink;
use tokio::{task::JoinHandle, time::Instant};

use crate::{
    error::BotError,
    socket::{Socket, SocketEvent},
};

/// What a knock has at least, and nothing before it: a sealed key package, padded.
const KNOCK_BYTES: usize = 4_096;

/// How long somebody may take to come as far as a knock.
const PATIENCE: Duration = Duration::from_secs(30);

/// Somebody whose leaf stays when they sleep. Gone when it is dropped.
pub struct Dormant(JoinHandle<()>);

impl Dormant {
    /// Somebody on the way to a room's call.
    ///
    /// # Errors
    /// If the link or the name cannot be used.
    pub fn knock(link: &str, name: &str) -> Result<Self, BotError> {
        let link = GuestLink::parse(link).map_err(|_| BotError::Link)?;
        let server = link.servers.first().ok_or(BotError::NoServer)?.clone();
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|_| BotError::Randomness)?;
        let options = Options {
            owner: None,
            invite: None,
            seed,
            place: None,
        };
        let mut member = Member::new(&link, &server, name, 3, &options)?;
        Ok(Self(tokio::spawn(async move {
            let start = Instant::now();
            let mut socket = None;
            let mut sent = 0;
            member.handle(0, Input::Tick);
            while start.elapsed() < PATIENCE && sent < KNOCK_BYTES {
                while let Some(output) = member.poll_output() {
                    match output {
                        Output::OpenSocket { after_ms } => socket = Some(Socket::open(&server, after_ms)),
                        Output::Send { high, bytes } => {
                            // A knock may come in pieces; small messages are not one.
                            sent = if bytes.len() > 512 { sent + bytes.len() } else { sent };
                            if let Some(socket) = &socket {
                                socket.send(high, bytes);
                            }
                        }
                        _ => {}
                    }
                }
                let at = start + Duration::from_millis(member.poll_timeout().unwrap_or(u64::MAX / 2).min(60_000));
                let event = tokio::select! {
                    event = async { match &mut socket { Some(socket) => socket.event().await, None => std::future::pending().await } } => event,
                    () = tokio::time::sleep_until(at) => None,
                };
                let now = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
                match event {
                    Some(SocketEvent::Open) => member.handle(now, Input::SocketOpen),
                    Some(SocketEvent::Frame(bytes)) => member.handle(now, Input::SocketFrame(&bytes)),
                    Some(SocketEvent::Closed(_)) => return,
                    None => member.handle(now, Input::Tick),
                }
            }
            while let Some(socket) = &mut socket
                && socket.event().await.is_some()
            {}
        })))
    }
}

impl Drop for Dormant {
    fn drop(&mut self) {
        self.0.abort();
    }
}
