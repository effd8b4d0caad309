//! Whose request it is, when a proxy stands in front.
//!
//! Only the last address of `X-Forwarded-For` was written by our own proxy; what stands before it is the client's own word. It becomes a
//! keyed hash at once, like the address of any connection.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName};

const HEADER: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address that our proxy has written, if it did.
pub(super) fn client(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all(HEADER).iter().next_back()?.to_str().ok()?;
    let text = last.rsplit(',').next()?.trim();
    text.parse()
        .ok()
        .or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_the_proxys_own_word_counts() {
        for (values, expected) in [
            (&[][..], None),
            (&["192.0.2.1"], Some("192.0.2.1")),
            (&["10.0.0.1, 192.0.2.1"], Some("192.0.2.1")),
            (&["10.0.0.1", "192.0.2.1"], Some("192.0.2.1")),
            (&["2001:db8::1"], Some("2001:db8::1")),
            (&["192.0.2.1:5000"], Some("192.0.2.1")),
            (&["192.0.2.1, unknown"], None),
            (&["192.0.2.1,"], None),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(HEADER, HeaderValue::from_static(value));
            }
            let expected = expected.map(|text| text.parse().expect("an address"));
            assert!(client(&headers) == expected, "{values:?}");
        }
    }
}
