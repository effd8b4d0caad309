//! One TURN client on a TLS stream: bytes to messages, messages to the session, datagrams to and from the media plane.
//!
//! One task does all of it. Reading and writing go on at the same time, and what cannot be written in time is lost, as on a
//! line that is too thin: sound that comes late is worse than sound that does not come.

use std::{io, net::SocketAddr, sync::Arc, time::Instant};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time,
};

use super::{
    TurnDoor, frame,
    plane::RelayEnd,
    session::{Action, Family, Session},
};
use crate::{ending::Ending, limits};

/// Read buffer: a dozen datagrams.
const READ_BUFFER: usize = 16 * 1_024;
/// Datagrams put into one write.
const WRITE_BATCH: usize = 16;
/// Refusals before the first allocation; then the connection is closed. A browser hears one. Afterwards nonces become stale once an hour.
const MAX_REFUSALS: u8 = 6;

/// Serves until the client leaves, breaks the rules, or `ending`.
pub(crate) async fn serve<S>(stream: S, door: Arc<TurnDoor>, mut ending: Ending)
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let Some(_place) = door.place() else { return };
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut client = Client {
        session: Session::new(&door.realm, &door.media),
        door: &door,
        relays: Vec::new(),
        input: Vec::with_capacity(READ_BUFFER),
        output: Vec::new(),
        written: 0,
        refusals: 0,
    };
    let mut tick = time::interval(limits::RELAY_TICK);
    tick.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    let unproven = time::sleep(limits::RELAY_PROOF_DEADLINE);
    tokio::pin!(unproven);
    let mut heard = Instant::now();
    let mut unflushed = false;
    loop {
        let pending = client.output.get(client.written..).unwrap_or_default();
        let more = tokio::select! {
            () = ending.reached() => false,
            () = &mut unproven, if !client.session.is_allocated() => false,
            read = reader.read_buf(&mut client.input) => {
                heard = Instant::now();
                matches!(read, Ok(1..)) && client.take_input().await
            }
            pushed = push(&mut writer, pending), if !pending.is_empty() || unflushed => match pushed {
                Ok(length) => {
                    unflushed = length > 0;
                    client.wrote(length);
                    true
                }
                Err(_) => false,
            },
            (relayed, datagram) = next_datagram(&mut client.relays), if pending.is_empty() && !unflushed => {
                client.take_datagrams(relayed, datagram).await
            }
            _ = tick.tick() => heard.elapsed() < limits::RELAY_IDLE && client.act(Vec::new()).await,
        };
        if !more {
            break;
        }
    }
    // The last answer and a proper end, as a web server makes; whoever does not take them is cut off.
    let farewell = async {
        writer
            .write_all(client.output.get(client.written..).unwrap_or_default())
            .await?;
        writer.shutdown().await
    };
    let _ = time::timeout(limits::SOCKET_CLOSE_DEADLINE, farewell).await;
}

/// Writes some of `pending`, or, if there is nothing, pushes out what rustls has kept back: before that no more is made.
async fn push(writer: &mut (impl AsyncWrite + Unpin), pending: &[u8]) -> io::Result<usize> {
    if pending.is_empty() {
        writer.flush().await?;
        return Ok(0);
    }
    match writer.write(pending).await? {
        0 => Err(io::ErrorKind::WriteZero.into()),
        length => Ok(length),
    }
}

/// The next datagram for the client. Never ready without a relayed address.
async fn next_datagram(relays: &mut [RelayEnd]) -> (SocketAddr, Vec<u8>) {
    std::future::poll_fn(|context| {
        for relay in relays.iter_mut() {
            if let std::task::Poll::Ready(Some(datagram)) = relay.datagrams.poll_recv(context) {
                return std::task::Poll::Ready((relay.address, datagram));
            }
        }
        std::task::Poll::Pending
    })
    .await
}

struct Client<'a> {
    session: Session,
    door: &'a TurnDoor,
    relays: Vec<RelayEnd>,
    input: Vec<u8>,
    output: Vec<u8>,
    written: usize,
    refusals: u8,
}

impl Client<'_> {
    /// Takes all whole messages out of the input. False: the connection ends.
    async fn take_input(&mut self) -> bool {
        let mut taken = 0;
        loop {
            let rest = self.input.get(taken..).unwrap_or_default();
            let Ok(first) = frame::first(rest) else { return false };
            let Some((on_stream, whole)) = first else { break };
            let message = rest.get(..whole).unwrap_or_default().to_vec();
            taken += on_stream;
            let now = Instant::now();
            let mut actions = Vec::new();
            let credentials = &self.door.credentials;
            self.session
                .handle_client(now, message, |name| credentials.password(now, name), &mut actions);
            if !self.act(actions).await {
                return false;
            }
        }
        self.input.drain(..taken);
        // Answers are small and few; a client that asks without reading them has to wait no longer.
        self.output.len() - self.written <= limits::RELAY_OUTPUT_BYTES
    }

    /// Puts this datagram, and those that wait behind it, into one write.
    async fn take_datagrams(&mut self, relayed: SocketAddr, datagram: Vec<u8>) -> bool {
        let (now, mut actions) = (Instant::now(), Vec::new());
        self.session.handle_plane(now, relayed, datagram, &mut actions);
        for relay in &mut self.relays {
            for _ in 1..WRITE_BATCH {
                let Ok(datagram) = relay.datagrams.try_recv() else {
                    break;
                };
                self.session.handle_plane(now, relay.address, datagram, &mut actions);
            }
        }
        self.act(actions).await
    }

    /// Does what the session wants, and lets its clock run. False: the connection ends.
    async fn act(&mut self, mut actions: Vec<Action>) -> bool {
        if actions.is_empty() {
            self.session.poll(Instant::now(), &mut actions);
        }
        let mut turn = actions.into_iter();
        let mut later = Vec::new();
        while let Some(action) = turn.next() {
            match action {
                Action::ToClient(message) => frame::push(&mut self.output, &message),
                Action::Refuse(message) => {
                    if !self.session.is_allocated() {
                        self.refusals += 1;
                        if self.refusals > MAX_REFUSALS {
                            return false;
                        }
                    }
                    frame::push(&mut self.output, &message);
                }
                Action::ToPlane(from, data) => {
                    if let Some(relay) = self.relays.iter().find(|relay| relay.address == from) {
                        relay.send(data);
                    }
                }
                Action::Allocate(family) => {
                    let relay = self.door.relays.open(family == Family::V4).await;
                    let address = relay.as_ref().map(|relay| relay.address);
                    self.relays.extend(relay);
                    self.session.allocated(Instant::now(), family, address, &mut later);
                }
                Action::Release(relayed) => self.relays.retain(|relay| relay.address != relayed),
                Action::End => return false,
            }
            if turn.len() == 0 && !later.is_empty() {
                turn = std::mem::take(&mut later).into_iter();
            }
        }
        true
    }

    fn wrote(&mut self, length: usize) {
        self.written += length;
        if self.written >= self.output.len() {
            self.output.clear();
            self.written = 0;
        }
    }
}
