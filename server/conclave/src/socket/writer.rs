//! Writes one socket: high before low, a ping now and then, and a close frame at the end.

use axum::{
    body::Bytes,
    extract::ws::{CloseFrame, Message, WebSocket},
};
use futures_util::{SinkExt, stream::SplitSink};
use tokio::time::{self, Instant, MissedTickBehavior};

use super::outbox::{Next, Outbox};
use crate::{limits, tap::FrameTap};

/// Writes until the outbox ends, or the peer does not take a message in time.
pub(super) async fn run(mut sink: SplitSink<WebSocket, Message>, outbox: &Outbox, tap: &dyn FrameTap) {
    let mut ping = time::interval_at(Instant::now() + limits::SOCKET_PING, limits::SOCKET_PING);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let message = tokio::select! {
            next = outbox.next() => match next {
                Next::Message(bytes) => {
                    tap.socket_out(&bytes);
                    Message::Binary(Bytes::from_owner(bytes))
                }
                Next::Close(code) => {
                    // The words of a close frame could name what went wrong; the code alone says enough.
                    let frame = CloseFrame { code: code.0, reason: "".into() };
                    let _ = time::timeout(limits::SOCKET_CLOSE_DEADLINE, sink.send(Message::Close(Some(frame)))).await;
                    return;
                }
            },
            _ = ping.tick() => Message::Ping(Bytes::new()),
        };
        match time::timeout(limits::SOCKET_WRITE_DEADLINE, sink.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return,
        }
    }
}
