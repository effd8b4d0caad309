//! The control task: the one owner of [`Rooms`]. Everything that decides who hears what passes through it in one order.
//!
//! It waits for inputs and for time, never for a socket or the disk: messages go into outboxes that overflow, and the
//! media loop takes commands without waiting for this task.
//! INVARIANT: every connection that `Rooms` heard of by `Connected` has an outbox here until `Closed`.

use std::{collections::HashMap, sync::Arc};

use axum::body::Bytes;
use conclave_protocol::{
    ids::RoomId,
    message::{RefusalCode, ServerMessage},
    room::{Limits, RoomRecord},
};
use conclave_rooms::{ConnId, Input, MediaCommand, Output, Priority, RegistryAnswer, Rooms, Totals};
use tokio::{
    sync::{mpsc, oneshot},
    time::{self, Duration, Instant},
};

use crate::{
    ending::Ending,
    error::Error,
    media::MediaResult,
    peers::Network,
    registry::Asked,
    socket::{CloseCode, Lane, Outbox},
    turn::Credentials,
};

/// What other tasks tell this one.
pub(crate) enum ControlInput {
    /// A socket was opened.
    Connected {
        conn: ConnId,
        outbox: Arc<Outbox>,
        network: Network,
    },
    /// It sent a message.
    Frame { conn: ConnId, bytes: Bytes },
    /// It is gone.
    Closed { conn: ConnId },
    /// The operator asks for whole-server totals.
    Totals(oneshot::Sender<Totals>),
    /// The operator made a room, opened it again, or changed what he allows there.
    RoomAdded {
        /// As the owner signed it.
        record: RoomRecord,
        /// What the operator allows.
        allowed: Limits,
    },
    /// The operator deleted or closed a room, or its last day has passed.
    RoomDeleted(RoomId),
    /// The registry has done what a connection asked for, or not.
    RegistryAnswer {
        /// Who asked.
        conn: ConnId,
        /// What came of it.
        answer: RegistryAnswer,
    },
    /// Somebody wants to know whether this task still turns.
    Alive(oneshot::Sender<()>),
}

/// What the task is made of.
pub(crate) struct Control {
    pub(crate) rooms: Rooms,
    pub(crate) inputs: mpsc::Receiver<ControlInput>,
    pub(crate) results: mpsc::Receiver<MediaResult>,
    pub(crate) media: mpsc::Sender<MediaCommand>,
    pub(crate) registry: mpsc::Sender<Asked>,
    pub(crate) ending: Ending,
    /// What is handed to those who are admitted; `None`: TURN is off.
    pub(crate) relaying: Option<Arc<Credentials>>,
    pub(crate) outboxes: HashMap<ConnId, (Arc<Outbox>, Network)>,
    pub(crate) start: Instant,
}

impl Control {
    /// Runs until `ending`, then tells every connection.
    pub(crate) async fn run(mut self) -> Result<(), Error> {
        loop {
            let deadline = self
                .rooms
                .poll_timeout()
                .map(|at_ms| self.start + Duration::from_millis(at_ms));
            let timer = async {
                match deadline {
                    Some(at) => time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.ending.reached() => break,
                // Both senders live as long as the process; without them nothing is left to do.
                input = self.inputs.recv() => match input {
                    Some(input) => self.take(input)?,
                    None => break,
                },
                result = self.results.recv() => match result {
                    Some(result) => self.rooms.handle(self.now_ms(), result.into_input()),
                    // The media thread has ended, which ends everything.
                    None => {
                        self.ending.reached().await;
                        break;
                    }
                },
                () = timer => self.rooms.handle(self.now_ms(), Input::Timeout),
            }
            self.drain().await;
        }
        self.rooms.handle(self.now_ms(), Input::Shutdown);
        self.drain().await;
        // Those who were not admitted yet too, whatever the rooms thought of them.
        for (outbox, _) in self.outboxes.values() {
            outbox.end(RefusalCode::Closing.into());
        }
        Ok(())
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn take(&mut self, input: ControlInput) -> Result<(), Error> {
        let now = self.now_ms();
        match input {
            ControlInput::Connected { conn, outbox, network } => {
                let mut server_nonce = [0; 32];
                getrandom::fill(&mut server_nonce).map_err(|_| Error::Randomness)?;
                self.outboxes.insert(conn, (outbox, network));
                self.rooms.handle(now, Input::Connected { conn, server_nonce });
            }
            ControlInput::Frame { conn, bytes } => {
                // A frame may still be queued from a connection that was closed a moment ago.
                if self.outboxes.contains_key(&conn) {
                    self.rooms.handle(now, Input::Frame { conn, bytes: &bytes });
                }
            }
            ControlInput::Closed { conn } => {
                self.outboxes.remove(&conn);
                if let Some(credentials) = &self.relaying {
                    credentials.closed(Instant::now().into_std(), conn);
                }
                self.rooms.handle(now, Input::Closed { conn });
            }
            ControlInput::Totals(answer) => {
                // Whoever asked may have gone.
                let _ = answer.send(self.rooms.totals());
            }
            ControlInput::RoomAdded { record, allowed } => {
                let room = record.room_id;
                self.rooms.handle(now, Input::RoomAdded(record));
                self.rooms.handle(now, Input::RoomAllowance { room, limits: allowed });
            }
            ControlInput::RoomDeleted(room) => self.rooms.handle(now, Input::RoomDeleted(room)),
            ControlInput::RegistryAnswer { conn, answer } => {
                self.rooms.handle(now, Input::RegistryAnswer { conn, answer });
            }
            // Whoever asked may have given up waiting.
            ControlInput::Alive(answer) => drop(answer.send(())),
        }
        Ok(())
    }

    /// Hands an admitted connection its way around networks that block UDP. Without randomness it gets none.
    fn offer_relay(&mut self, conn: ConnId) {
        let (Some(credentials), Some((outbox, network))) = (&self.relaying, self.outboxes.get(&conn)) else {
            return;
        };
        let Ok(issued) = credentials.issue(Instant::now().into_std(), conn, Some(*network)) else {
            return;
        };
        let message = ServerMessage::Relay {
            username: issued.username,
            password: issued.password.to_string(),
        };
        outbox.push(Lane::High, message.encode().into());
    }

    async fn drain(&mut self) {
        while let Some(output) = self.rooms.poll_output() {
            match output {
                Output::Send { conn, priority, bytes } => {
                    let lane = match priority {
                        Priority::High => Lane::High,
                        Priority::Low => Lane::Low,
                    };
                    if let Some((outbox, _)) = self.outboxes.get(&conn) {
                        outbox.push(lane, bytes);
                    }
                }
                Output::Close { conn, code } => {
                    if let Some((outbox, _)) = self.outboxes.get(&conn) {
                        outbox.end(CloseCode::new(code));
                    }
                }
                Output::Admitted { conn } => self.offer_relay(conn),
                // Waits for room, which the media loop makes whatever this task does.
                Output::Media(command) => {
                    // Its death is noticed where its thread is watched.
                    let _ = self.media.send(command).await;
                }
                // Never waits: the registry itself waits for this task.
                Output::Registry { conn, request } => {
                    if self.registry.try_send((conn, request)).is_err() {
                        let answer = Err(RefusalCode::ServerFull);
                        let now = self.now_ms();
                        self.rooms.handle(now, Input::RegistryAnswer { conn, answer });
                    }
                }
            }
        }
    }
}
