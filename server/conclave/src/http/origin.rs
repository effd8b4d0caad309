//! Who may talk to us from a browser: only our own page, under our own name.
//!
//! The `Host` check stops DNS rebinding (a strange page whose name suddenly points at this machine), the `Origin`
//! check stops strange pages that open our socket. Neither is a secret: a program that is no browser sends what it likes.

use axum::http::{HeaderMap, header};
use conclave_protocol::server_name::ServerName;

/// True if exactly one `Host` header names this server.
#[must_use]
pub fn host_is_ours(headers: &HeaderMap, name: &ServerName) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    host.to_str().is_ok_and(|host| same_name(host, name))
}

/// True if there is no `Origin` (no browser), or exactly one and it is our own page's.
#[must_use]
pub fn origin_is_ours(headers: &HeaderMap, name: &ServerName) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else {
        return true;
    };
    if origins.next().is_some() {
        return false;
    }
    let Ok(origin) = origin.to_str() else { return false };
    let host = origin
        .strip_prefix("https://")
        .or_else(|| origin.strip_prefix("http://"));
    host.is_some_and(|host| same_name(host, name))
}

/// Names are compared without case; the port that a scheme implies may be written out.
fn same_name(host: &str, name: &ServerName) -> bool {
    let name = name.as_str();
    host.eq_ignore_ascii_case(name)
        || (!name.contains(':')
            && host
                .strip_suffix(":443")
                .is_some_and(|bare| bare.eq_ignore_ascii_case(name)))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn with(key: header::HeaderName, values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(key.clone(), HeaderValue::from_static(value));
        }
        headers
    }

    fn name(text: &str) -> ServerName {
        ServerName::parse(text).unwrap_or_else(|_| unreachable!("a test's name"))
    }

    #[test]
    fn only_our_name_is_a_host() {
        let ours = name("localhost:8443");
        for (hosts, expected) in [
            (&["localhost:8443"][..], true),
            (&["LOCALHOST:8443"], true),
            (&["localhost"], false),
            (&["localhost:8444"], false),
            (&["127.0.0.1:8443"], false),
            (&["localhost:8443.evil.example"], false),
            (&["localhost:8443", "localhost:8443"], false),
            (&[], false),
        ] {
            assert_eq!(host_is_ours(&with(header::HOST, hosts), &ours), expected, "{hosts:?}");
        }
        assert!(host_is_ours(
            &with(header::HOST, &["meet.example:443"]),
            &name("meet.example")
        ));
    }

    #[test]
    fn only_our_page_is_an_origin() {
        let ours = name("localhost:8443");
        for (origins, expected) in [
            (&[][..], true),
            (&["http://localhost:8443"], true),
            (&["https://localhost:8443"], true),
            (&["null"], false),
            (&["http://evil.example"], false),
            (&["http://localhost:8443.evil.example"], false),
            (&["http://localhost:8443", "http://localhost:8443"], false),
        ] {
            assert_eq!(
                origin_is_ours(&with(header::ORIGIN, origins), &ours),
                expected,
                "{origins:?}"
            );
        }
    }
}
