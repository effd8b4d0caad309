//! One HTTP connection, within limits of size and time, over whatever stream it comes on.
//!
//! Of the peer's address it knows a keyed hash, which goes with each request.

use std::sync::Arc;

use axum::Router;
use hyper::{server::conn::http1, service::Service};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::time;

use crate::{
    edge::Stream,
    ending::Ending,
    limits,
    peers::{Network, Place},
};

/// Where a connection comes from, as keyed hashes; goes with each of its requests, and with the socket that it may become.
#[derive(Clone)]
pub(crate) struct Whence {
    pub(crate) network: Network,
    /// The place under its address's limit, held until the last of them is gone.
    #[expect(dead_code, reason = "it is held, not read")]
    pub(crate) place: Option<Arc<Place>>,
}

/// Serves requests until the connection ends or becomes a socket. `place` is held as long as that takes.
pub(crate) async fn serve<P>(stream: impl Stream, router: Router, whence: Whence, place: P, mut ending: Ending) {
    let router = TowerToHyperService::new(router);
    let service = hyper::service::service_fn(move |request| {
        let mut request: hyper::Request<hyper::body::Incoming> = request;
        request.extensions_mut().insert(whence.clone());
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::REQUEST_HEAD_DEADLINE)
        .max_buf_size(limits::MAX_REQUEST_HEAD)
        .max_headers(limits::MAX_REQUEST_HEADERS)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    // After an upgrade this future ends and the socket lives on in a task of its own, under a limit of its own.
    // A peer's errors are the peer's.
    tokio::select! {
        _ = time::timeout(limits::HTTP_CONNECTION_LIFE, connection) => {}
        () = ending.reached() => {}
    }
    drop(place);
}
