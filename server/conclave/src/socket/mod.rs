//! One task per open socket: bytes in to the control task, bytes out from its outbox, and deadlines.
//!
//! It does not read messages: what they mean is decided in `conclave-rooms`, behind the control task. A peer that breaks
//! the framing (text, too large, no sign of life) ends here and nobody else notices.
//! SPEC: protocol.md, section 2, "Socket"; RFC 6455.

mod outbox;
mod reader;
mod writer;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use axum::{
    extract::ws::{WebSocket, WebSocketUpgrade},
    http::StatusCode,
    response::Response,
};
use conclave_protocol::{
    limits as wire,
    message::{RefusalCode, SUBPROTOCOL},
};
use conclave_rooms::ConnId;
use futures_util::StreamExt;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time,
};

pub(crate) use self::outbox::{Lane, Outbox};
use crate::{
    control::ControlInput,
    http::{Whence, plain},
    limits,
    tap::FrameTap,
};

/// Read buffer per socket, and the size from which writes are pushed out. tungstenite's own 128 kB twice would be most of what
/// a waiting connection costs; a message longer than this is read in steps.
const SOCKET_BUFFER: usize = 8 * 1_024;

/// Close code of a WebSocket: 1000, or 4000 + the number of a refusal. SPEC: RFC 6455 §7.4.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CloseCode(u16);

impl CloseCode {
    /// The peer reads too slowly: 4000 + `RateLimited`.
    const OVERFLOW: Self = Self(4_003);
    /// The peer left first, or gave no sign of life.
    const GONE: Self = Self(1_000);

    /// A code that the rooms chose.
    pub(crate) fn new(code: u16) -> Self {
        Self(code)
    }
}

impl From<RefusalCode> for CloseCode {
    fn from(code: RefusalCode) -> Self {
        Self(code.close_code())
    }
}

/// Where new sockets come in: limits and the way to the control task.
pub(crate) struct Door {
    places: Arc<Semaphore>,
    all_places: usize,
    last_conn: AtomicU64,
    control: mpsc::Sender<ControlInput>,
    tap: Arc<dyn FrameTap>,
}

impl Door {
    /// At most `places` sockets are open at a time.
    pub(crate) fn new(control: mpsc::Sender<ControlInput>, tap: Arc<dyn FrameTap>, places: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places)),
            all_places: places,
            last_conn: AtomicU64::new(0),
            control,
            tap,
        }
    }

    /// Waits until all sockets are closed, or as long as a close may take.
    pub(crate) async fn emptied(&self) {
        let all = u32::try_from(self.all_places).unwrap_or(u32::MAX);
        let _ = time::timeout(limits::SOCKET_CLOSE_DEADLINE, self.places.acquire_many(all)).await;
    }
}

/// Answers the upgrade request; the socket's task starts when the upgrade is through.
pub(crate) fn open(door: &Arc<Door>, upgrade: WebSocketUpgrade, whence: Whence) -> Response {
    let upgrade = upgrade.protocols([SUBPROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        return plain(StatusCode::BAD_REQUEST, "this server speaks conclave.1\n");
    }
    let Ok(place) = Arc::clone(&door.places).try_acquire_owned() else {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "this server is full\n");
    };
    let door = Arc::clone(door);
    upgrade
        .max_message_size(wire::MAX_FRAME)
        .max_frame_size(wire::MAX_FRAME)
        .read_buffer_size(SOCKET_BUFFER)
        .write_buffer_size(SOCKET_BUFFER)
        .max_write_buffer_size(4 * wire::MAX_FRAME)
        .on_upgrade(move |socket| serve(door, socket, whence, place))
}

/// The life of one socket.
async fn serve(door: Arc<Door>, socket: WebSocket, whence: Whence, place: OwnedSemaphorePermit) {
    let conn = ConnId(door.last_conn.fetch_add(1, Ordering::Relaxed));
    let outbox = Arc::new(Outbox::new());
    let connected = ControlInput::Connected {
        conn,
        outbox: Arc::clone(&outbox),
        network: whence.network,
    };
    if door.control.send(connected).await.is_err() {
        return;
    }
    let (sink, mut stream) = socket.split();
    {
        let reading = reader::run(&mut stream, conn, &door.control, &*door.tap);
        let writing = writer::run(sink, &outbox, &*door.tap);
        tokio::pin!(writing);
        tokio::select! {
            fault = reading => {
                // A peer that broke the rules is told why; one that has gone gets its close frame answered.
                outbox.end(fault.map_or(CloseCode::GONE, CloseCode::from));
                let _ = time::timeout(limits::SOCKET_CLOSE_DEADLINE, writing).await;
            }
            () = &mut writing => {}
        }
    }
    // The control task outlives every socket, but for the last moment of the process.
    let _ = door.control.send(ControlInput::Closed { conn }).await;
    // Closing a TCP connection with unread bytes resets it, and a reset can overtake the close frame that says why.
    let _ = time::timeout(limits::SOCKET_DISCARD, reader::discard(&mut stream)).await;
    drop((place, whence));
}
