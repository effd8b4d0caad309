//! The client's files, embedded in the binary: the same bytes on every server.
//!
//! Nothing is read from disk, so no path leads out of the embedded folder: a path is looked up as it came, neither
//! decoded nor normalised. No range requests, no conditional requests, no listing.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use rust_embed::{EmbeddedFile, RustEmbed};

/// Everything that the client's build made.
#[derive(RustEmbed)]
#[folder = "../../client-web/dist"]
struct Client;

/// Said where the binary was built without the client.
const NOT_BUILT: &str =
    "The client was not built into this server. Build it with ./x build, then build the server again.\n";

/// Answers a request for a path of the page.
pub fn answer(path: &str, request: &HeaderMap) -> Response {
    let file = match path {
        "/" => "index.html",
        // The name with which the page is stored has one address only: two would be two cache entries and two origins
        // of links.
        "/index.html" => return plain(StatusCode::NOT_FOUND, "not found\n"),
        _ => path.strip_prefix('/').unwrap_or_default(),
    };
    // Compressed twins are reached by negotiation only.
    if file.ends_with(COMPRESSED) {
        return plain(StatusCode::NOT_FOUND, "not found\n");
    }
    let Some(embedded) = Client::get(file) else {
        return match file {
            "index.html" => plain(StatusCode::SERVICE_UNAVAILABLE, NOT_BUILT),
            _ => plain(StatusCode::NOT_FOUND, "not found\n"),
        };
    };
    let twin = takes_brotli(request)
        .then(|| Client::get(&format!("{file}{COMPRESSED}")))
        .flatten();
    send(file, embedded, twin)
}

/// Suffix of the brotli twin that the client's build may leave beside a file.
const COMPRESSED: &str = ".br";

fn send(name: &str, plain: EmbeddedFile, compressed: Option<EmbeddedFile>) -> Response {
    let is_compressed = compressed.is_some();
    let data = compressed.unwrap_or(plain).data;
    let mut response = Response::new(match data {
        std::borrow::Cow::Borrowed(bytes) => Body::from(bytes),
        std::borrow::Cow::Owned(bytes) => Body::from(bytes),
    });
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(name)));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if is_compressed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
    }
    response
}

/// A short answer in words.
pub fn plain(status: StatusCode, text: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}

/// Content types of what a build makes; with `nosniff` an unknown one is not executed.
fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("json") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// True if the client lists brotli and does not refuse it with a weight of zero.
fn takes_brotli(request: &HeaderMap) -> bool {
    request
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|list| {
            list.split(',').any(|item| {
                let mut parts = item.split(';').map(str::trim);
                let is_brotli = parts.next().is_some_and(|coding| coding.eq_ignore_ascii_case("br"));
                let refused = parts.any(|weight| matches!(weight, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
                is_brotli && !refused
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brotli_is_sent_only_to_those_who_list_it() {
        for (value, expected) in [
            ("gzip, deflate, br", true),
            ("BR", true),
            ("gzip", false),
            ("br;q=0", false),
            ("br; q=0.5", true),
            ("brx", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
            assert_eq!(takes_brotli(&headers), expected, "{value}");
        }
        assert!(!takes_brotli(&HeaderMap::new()));
    }

    #[test]
    fn webassembly_and_scripts_have_the_types_that_browsers_demand() {
        assert_eq!(content_type("assets/x-abc.wasm"), "application/wasm");
        assert_eq!(content_type("assets/x-abc.js"), "text/javascript; charset=utf-8");
        assert_eq!(content_type("no-extension"), "application/octet-stream");
    }
}
