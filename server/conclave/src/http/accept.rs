//! Accepts TCP connections and serves HTTP on each, within limits of number, size and time.
//!
//! The peer's address is dropped at once: nothing above this file has it.

use std::{sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time,
};

use crate::{ending::Ending, error::Error, limits};

/// Pause after the system refused an accept for want of files or memory: without it the loop would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts until `ending` says so.
pub(crate) async fn accept_loop(listener: TcpListener, router: Router, mut ending: Ending) -> Result<(), Error> {
    let places = Arc::new(Semaphore::new(limits::MAX_HTTP_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            () = ending.reached() => return Ok(()),
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        // SECURITY: above the limit a connection is closed unread; strangers bind no memory.
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            continue;
        };
        tokio::spawn(serve(stream, router.clone(), place, ending.clone()));
    }
}

async fn serve(stream: TcpStream, router: Router, place: OwnedSemaphorePermit, mut ending: Ending) {
    // Small frames, sent when they are due: waiting to fill a segment would cost up to 40 ms.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::REQUEST_HEAD_DEADLINE)
        .max_buf_size(limits::MAX_REQUEST_HEAD)
        .max_headers(limits::MAX_REQUEST_HEADERS)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    // After an upgrade this future ends and the socket lives on in a task of its own, under a limit of its own.
    // A peer's errors are the peer's.
    tokio::select! {
        _ = time::timeout(limits::HTTP_CONNECTION_LIFE, connection) => {}
        () = ending.reached() => {}
    }
    drop(place);
}
