//! The page and the door to the socket, over HTTP/1.1.
//!
//! Three addresses: the client's files, `/v1/socket`, `/healthz`. What carries it, TLS or not, is `edge`'s.
//! It keeps no log of requests and never has a peer's address.

mod files;
mod forwarded;
mod headers;
mod origin;
mod redirect;
mod serve;

use std::{sync::Arc, time::Instant};

use axum::{
    Router,
    extract::{
        Extension, Request, State,
        ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderMap, Method, StatusCode},
    middleware::{self, Next},
    response::Response,
    routing::get,
};
use conclave_protocol::{message::SOCKET_PATH, server_name::ServerName};

use self::headers::SecurityHeaders;
pub(crate) use self::{
    files::plain,
    redirect::redirect,
    serve::{Whence, serve},
};
use crate::{
    peers::Peers,
    socket::{self, Door},
};

/// Answers `ok` while the daemon lives.
const HEALTH_PATH: &str = "/healthz";

/// What handlers share.
#[derive(Clone)]
struct Site {
    name: ServerName,
    headers: SecurityHeaders,
    door: Arc<Door>,
    /// Behind a proxy: limits per address are counted here, by what the proxy says.
    proxied: Option<Arc<Peers>>,
}

/// Builds the whole site. `None` if the name cannot stand in a header, which a [`ServerName`] always can.
pub(crate) fn router(name: &ServerName, door: Arc<Door>, proxied: Option<Arc<Peers>>) -> Option<Router> {
    let site = Site {
        name: name.clone(),
        headers: SecurityHeaders::new(name)?,
        door,
        proxied,
    };
    let router = Router::new()
        .route(SOCKET_PATH, get(open_socket))
        .route(HEALTH_PATH, get(|| async { plain(StatusCode::OK, "ok\n") }))
        .fallback(page)
        .layer(middleware::from_fn_with_state(site.clone(), guard))
        .with_state(site);
    Some(router)
}

/// Checks the name before anything else and puts the headers on every answer, errors too.
async fn guard(State(site): State<Site>, request: Request, next: Next) -> Response {
    // A health check comes from a machine, by address, and learns nothing: it may use any name.
    let ours = request.uri().path() == HEALTH_PATH || origin::host_is_ours(request.headers(), &site.name);
    let mut response = if ours {
        next.run(request).await
    } else {
        plain(StatusCode::MISDIRECTED_REQUEST, "this server has another name\n")
    };
    site.headers.apply(response.headers_mut());
    response
}

async fn page(method: Method, request: Request) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "only reading\n");
    }
    files::answer(request.uri().path(), request.headers())
}

/// Upgrades to the socket, if the page is ours and speaks our version.
async fn open_socket(
    State(site): State<Site>,
    Extension(mut whence): Extension<Whence>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    if !origin::origin_is_ours(&headers, &site.name) {
        return plain(StatusCode::FORBIDDEN, "not from this page\n");
    }
    if let (Some(peers), Some(client)) = (&site.proxied, forwarded::client(&headers)) {
        let Some(place) = peers.enter(Instant::now(), client) else {
            return plain(StatusCode::SERVICE_UNAVAILABLE, "too many connections from there\n");
        };
        whence = Whence {
            network: peers.network(client),
            place: Some(Arc::new(place)),
        };
    }
    match upgrade {
        Ok(upgrade) => socket::open(&site.door, upgrade, whence),
        Err(_) => plain(StatusCode::UPGRADE_REQUIRED, "this address speaks WebSocket\n"),
    }
}
