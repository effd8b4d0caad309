//! The loop itself, and the thread it lives in.

use std::{collections::VecDeque, io, sync::Arc, thread, time::Instant};

use conclave_rooms::MediaCommand;
use conclave_sfu::{Input, Output, Sfu};
use tokio::{
    runtime,
    sync::{mpsc, oneshot},
    time,
};

use super::{
    bridge::{self, MediaResult},
    egress::Egress,
    socket::{Batch, MediaSocket},
};
use crate::{ending::Ending, limits, metrics::Traffic, tap::FrameTap};

/// Commands taken in one turn before sockets and timers get theirs.
const COMMANDS_PER_TURN: usize = 16;

/// What the loop is made of.
pub(crate) struct MediaLoop {
    pub(crate) sfu: Sfu,
    pub(crate) commands: mpsc::Receiver<MediaCommand>,
    pub(crate) results: mpsc::Sender<MediaResult>,
    pub(crate) tap: Arc<dyn FrameTap>,
    pub(crate) traffic: Arc<Traffic>,
    /// The operator's limit.
    pub(crate) egress_mbit: Option<u32>,
    pub(crate) ending: Ending,
}

/// Starts the thread. The receiver gives the loop's end; it fails if the thread panicked.
///
/// A thread of its own, because forwarding must not wait behind anything else that the process does.
pub(crate) fn spawn<S, F>(media: MediaLoop, open: F) -> io::Result<oneshot::Receiver<io::Result<()>>>
where
    S: MediaSocket,
    F: FnOnce() -> io::Result<S> + Send + 'static,
{
    let (ended, end) = oneshot::channel();
    thread::Builder::new().name("media".to_owned()).spawn(move || {
        let result = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .and_then(|runtime| runtime.block_on(async move { media.run(open()?).await }));
        // Nobody waits for the end when the process is ending anyway.
        let _ = ended.send(result);
    })?;
    Ok(end)
}

/// The forwarding plane and what it has not yet been able to say.
struct Plane {
    sfu: Sfu,
    tap: Arc<dyn FrameTap>,
    traffic: Arc<Traffic>,
    egress: Option<Egress>,
    waiting: VecDeque<MediaResult>,
}

impl MediaLoop {
    async fn run<S: MediaSocket>(self, mut socket: S) -> io::Result<()> {
        let Self {
            sfu,
            mut commands,
            results,
            tap,
            traffic,
            egress_mbit,
            mut ending,
        } = self;
        let mut plane = Plane {
            sfu,
            tap,
            traffic,
            egress: egress_mbit.map(|mbit| Egress::new(mbit, Instant::now())),
            waiting: VecDeque::new(),
        };
        let mut batch = Batch::default();
        let mut taken = Vec::with_capacity(COMMANDS_PER_TURN);
        loop {
            plane.drain(&mut socket);
            let deadline = plane.sfu.poll_timeout();
            let timer = async {
                match deadline {
                    Some(at) => time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = ending.reached() => return Ok(()),
                received = socket.recv(&mut batch) => {
                    received?;
                    plane.take_datagrams(&mut socket, &batch);
                    batch.clear();
                }
                // INVARIANT: each command makes a bounded number of results, and none is taken while the control task is
                // behind, so `waiting` is bounded.
                count = commands.recv_many(&mut taken, COMMANDS_PER_TURN), if plane.waiting.len() < limits::MEDIA_QUEUE => {
                    if count == 0 {
                        return Ok(());
                    }
                    for command in taken.drain(..) {
                        bridge::apply(&mut plane.sfu, Instant::now(), &command);
                        plane.drain(&mut socket);
                    }
                }
                permit = results.reserve(), if !plane.waiting.is_empty() => {
                    let Ok(permit) = permit else { return Ok(()) };
                    if let Some(result) = plane.waiting.pop_front() {
                        permit.send(result);
                    }
                }
                () = timer => plane.sfu.handle(Instant::now(), Input::Timeout),
            }
        }
    }
}

impl Plane {
    fn take_datagrams<S: MediaSocket>(&mut self, socket: &mut S, batch: &Batch) {
        let now = Instant::now();
        for (from, data) in batch.datagrams() {
            self.tap.datagram_in(data);
            self.traffic.received(data.len());
            self.sfu.handle(
                now,
                Input::Datagram {
                    from,
                    to_socket: 0,
                    data,
                },
            );
            self.drain(socket);
        }
    }

    fn drain<S: MediaSocket>(&mut self, socket: &mut S) {
        while let Some(output) = self.sfu.poll_output() {
            match output {
                Output::Datagram { to, data } => {
                    if let Some(egress) = &mut self.egress
                        && !egress.allows(Instant::now(), &data)
                    {
                        continue;
                    }
                    self.tap.datagram_out(&data);
                    self.traffic.sent(data.len());
                    socket.send(to, &data);
                }
                other => self.waiting.extend(bridge::result(other)),
            }
        }
    }
}
