//! Reads one socket: binary messages go on, everything else ends it.

use axum::extract::ws::{Message, WebSocket};
use conclave_protocol::message::RefusalCode;
use conclave_rooms::ConnId;
use futures_util::{StreamExt, stream::SplitStream};
use tokio::{sync::mpsc, time};

use crate::{control::ControlInput, limits, tap::FrameTap};

/// Reads until the peer leaves (`None`) or breaks the rules (`Some`).
///
/// Waiting for room in the control task's queue is the only back-pressure: then TCP slows the sender down. The queue
/// serves waiting readers in turn, so one that floods gets its share and no more.
pub(super) async fn run(
    stream: &mut SplitStream<WebSocket>,
    conn: ConnId,
    control: &mpsc::Sender<ControlInput>,
    tap: &dyn FrameTap,
) -> Option<RefusalCode> {
    loop {
        let message = match time::timeout(limits::SOCKET_IDLE, stream.next()).await {
            Ok(Some(Ok(message))) => message,
            // Framing that breaks RFC 6455 or the size limit; if the connection itself broke, nobody hears the code.
            Ok(Some(Err(_))) => return Some(RefusalCode::Malformed),
            Ok(None) | Err(_) => return None,
        };
        match message {
            Message::Binary(bytes) => {
                tap.socket_in(&bytes);
                if control.send(ControlInput::Frame { conn, bytes }).await.is_err() {
                    return Some(RefusalCode::Closing);
                }
            }
            // SPEC: protocol.md, section 2: binary only.
            Message::Text(_) => return Some(RefusalCode::Malformed),
            // Any frame is a sign of life; pings are answered below us.
            Message::Ping(_) | Message::Pong(_) => {}
            Message::Close(_) => return None,
        }
    }
}

/// Reads and forgets until the peer has closed its side too.
pub(super) async fn discard(stream: &mut SplitStream<WebSocket>) {
    while let Some(Ok(_)) = stream.next().await {}
}
