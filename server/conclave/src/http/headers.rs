//! The headers of every answer: what the page may do, and that nothing of it stays behind.
//!
//! No cookie, no `ETag`, no `Last-Modified`: each is a name by which a browser that comes back can be known.
//! SPEC: Content Security Policy Level 3; Trusted Types.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use conclave_protocol::server_name::ServerName;

/// Headers that are the same on every server.
///
/// `no-store` for everything, assets with a hash in their name too. What a browser caches on disk shows whoever takes
/// the device that it has been here, and when. The cost: a reload fetches the client again (under 1 MB).
const FIXED: [(HeaderName, &str); 10] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_DNS_PREFETCH_CONTROL, "off"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-embedder-policy"), "require-corp"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("origin-agent-cluster"), "?1"),
    (HeaderName::from_static("permissions-policy"), PERMISSIONS),
];

/// Devices for our own page only; what a meeting never needs is off for everybody. Names that browsers do not know are left
/// out: each would be a warning on the page's console, where people look for real ones.
const PERMISSIONS: &str = "camera=(self), microphone=(self), display-capture=(self), autoplay=(self), \
fullscreen=(self), picture-in-picture=(self), screen-wake-lock=(self), speaker-selection=(self), accelerometer=(), \
clipboard-read=(), geolocation=(), gyroscope=(), hid=(), idle-detection=(), \
magnetometer=(), midi=(), payment=(), publickey-credentials-get=(), serial=(), usb=(), xr-spatial-tracking=()";

/// The whole set for one server name. Made once, cloned into each answer.
#[derive(Clone)]
pub struct SecurityHeaders(HeaderMap);

impl SecurityHeaders {
    /// Headers of the server with this name.
    ///
    /// Returns `None` if the name cannot stand in a header; a [`ServerName`] always can.
    #[must_use]
    pub fn new(name: &ServerName) -> Option<Self> {
        let mut headers = HeaderMap::with_capacity(FIXED.len() + 1);
        for (key, value) in FIXED {
            headers.insert(key, HeaderValue::from_static(value));
        }
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::try_from(policy(name)).ok()?,
        );
        Some(Self(headers))
    }

    /// Puts the set into an answer, over whatever was there.
    pub fn apply(&self, answer: &mut HeaderMap) {
        for (key, value) in &self.0 {
            answer.insert(key.clone(), value.clone());
        }
    }
}

/// The page's policy.
///
/// SECURITY: nothing inline, no `eval` beyond compiling WebAssembly, no third party, no form, no frame, and no string
/// may become script but through the client's one Trusted Types policy. The socket is named with its scheme because
/// older Firefox and Safari do not count `ws:` as `'self'`.
fn policy(name: &ServerName) -> String {
    let name = name.as_str();
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; \
         media-src 'self' blob: mediastream:; connect-src 'self' ws://{name} wss://{name}; worker-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
         trusted-types conclave"
    )
}
