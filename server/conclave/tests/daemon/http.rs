//! What the page is served with.

use std::collections::BTreeSet;

use crate::harness::{NAME, Running, http, parse, raw_http};

/// All headers that an answer may have, in alphabetical order.
const ALLOWED: [&str; 16] = [
    "cache-control",
    "connection",
    "content-length",
    "content-security-policy",
    "content-type",
    "cross-origin-embedder-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "date",
    "origin-agent-cluster",
    "permissions-policy",
    "referrer-policy",
    "vary",
    "x-content-type-options",
    "x-dns-prefetch-control",
    "x-frame-options",
];

const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; \
media-src 'self' blob: mediastream:; connect-src 'self' ws://localhost:8443 wss://localhost:8443; worker-src 'self'; \
base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types conclave";

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_exactly_these_headers() {
    let server = Running::start().await;
    for (method, path) in [
        ("GET", "/"),
        ("HEAD", "/"),
        ("GET", "/nothing"),
        ("POST", "/"),
        ("GET", "/healthz"),
        ("GET", "/v1/socket"),
        ("PUT", "/v1/socket"),
    ] {
        let (_, headers, _) = http(&server, method, path, "").await;
        let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        for (name, expected) in [
            ("cache-control", "no-store"),
            ("content-security-policy", POLICY),
            ("cross-origin-embedder-policy", "require-corp"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(value(name), Some(expected), "{method} {path}");
        }
        let permissions = value("permissions-policy").unwrap_or_default();
        for device in [
            "camera=(self)",
            "microphone=(self)",
            "display-capture=(self)",
            "geolocation=()",
        ] {
            assert!(permissions.contains(device), "{method} {path}: {device}");
        }
        let allowed: BTreeSet<&str> = ALLOWED.into_iter().collect();
        for name in headers.keys() {
            // `allow` comes with 405 and names methods, nothing more.
            assert!(
                allowed.contains(name.as_str()) || name == "allow",
                "{method} {path}: {name}"
            );
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_to_be_recognised_changes_nothing() {
    let server = Running::start().await;
    let conditional = "Cookie: a=b\r\nIf-None-Match: \"x\"\r\nIf-Modified-Since: Sat, 01 Jan 2028 00:00:00 GMT\r\nRange: bytes=0-1\r\n";
    let without_date =
        |(status, mut headers, body): (u16, tokio_tungstenite::tungstenite::http::HeaderMap, Vec<u8>)| {
            headers.remove("date");
            (status, headers, body)
        };
    let first = without_date(http(&server, "GET", "/", "").await);
    let second = without_date(http(&server, "GET", "/", conditional).await);
    assert_eq!(first, second);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_the_client_or_says_that_there_is_none() {
    let server = Running::start().await;
    let (status, headers, body) = http(&server, "GET", "/", "").await;
    let content_type = headers.get("content-type").and_then(|value| value.to_str().ok());
    match status {
        200 => {
            assert_eq!(content_type, Some("text/html; charset=utf-8"));
            let page = String::from_utf8(body).expect("UTF-8");
            // Every file that the page names is there, with a type that a browser executes.
            let scripts: Vec<&str> = page
                .split("src=\"")
                .skip(1)
                .filter_map(|rest| rest.split('"').next())
                .collect();
            assert!(!scripts.is_empty(), "the page loads a script");
            for script in scripts {
                let (status, headers, body) = http(
                    &server,
                    "GET",
                    &format!("/{}", script.trim_start_matches(['.', '/'])),
                    "",
                )
                .await;
                assert_eq!(status, 200, "{script}");
                assert_eq!(
                    headers.get("content-type").map(|value| value.as_bytes()),
                    Some(&b"text/javascript; charset=utf-8"[..])
                );
                assert!(!body.is_empty());
            }
        }
        503 => assert!(body.starts_with(b"The client was not built"), "an honest answer"),
        other => panic!("status {other}"),
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_path_leads_out_of_the_client() {
    let server = Running::start().await;
    for path in [
        "/../Cargo.toml",
        "/..%2fCargo.toml",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/assets/../../Cargo.toml",
        "//etc/passwd",
        "/etc/passwd",
        "/.git/config",
        "/index.html",
        "/index.html.br",
        "/rooms.sqlite",
        "/admin.sock",
        "/\u{0}",
        "/..\\..\\Cargo.toml",
    ] {
        let (status, _, body) = http(&server, "GET", path, "").await;
        assert!(status == 404 || status == 400, "{path}: {status}");
        assert!(body.len() < 64, "{path}: a body of {}", body.len());
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_our_own_name_is_served() {
    let server = Running::start().await;
    let ask = async |host: &str| {
        let request = format!("GET / HTTP/1.1\r\n{host}Connection: close\r\n\r\n");
        parse(&raw_http(&server, request.as_bytes()).await).0
    };
    assert_ne!(ask(&format!("Host: {NAME}\r\n")).await, 421);
    for host in [
        "Host: evil.example\r\n",
        "Host: 127.0.0.1:8443\r\n",
        "Host: localhost\r\n",
        "Host: localhost:8443\r\nHost: localhost:8443\r\n",
        "",
    ] {
        let status = ask(host).await;
        assert!(status == 421 || status == 400, "{host:?}: {status}");
    }
    server.stop().await;
}
