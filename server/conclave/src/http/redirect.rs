//! Port 80: sends people on to HTTPS, for those who type the name without "https".
//!
//! Nothing else is served in the clear. What stands in a link's fragment never leaves the browser, so it does not pass here either.

use axum::{
    Router,
    extract::Request,
    http::{
        HeaderValue, Method, StatusCode,
        header::{CACHE_CONTROL, LOCATION},
    },
    response::Response,
};
use conclave_protocol::server_name::ServerName;

use super::plain;

/// Answers everything with the same path under our own name, whatever name was asked for.
pub(crate) fn redirect(name: &ServerName) -> Router {
    let origin = format!("https://{}", name.as_str());
    Router::new().fallback(move |request: Request| {
        let answer = send_on(&origin, &request);
        async move { answer }
    })
}

fn send_on(origin: &str, request: &Request) -> Response {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "only reading\n");
    }
    // Only a path: what else may stand in a request line could name another server.
    let path = Some(request.uri().path()).filter(|path| path.starts_with('/'));
    let Ok(location) = HeaderValue::from_str(&format!("{origin}{}", path.unwrap_or("/"))) else {
        return plain(StatusCode::BAD_REQUEST, "no such address\n");
    };
    let mut response = plain(StatusCode::PERMANENT_REDIRECT, "over HTTPS only\n");
    response.headers_mut().insert(LOCATION, location);
    // A browser that remembers it for ever could not be told otherwise.
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn answer(method: Method, target: &str) -> (StatusCode, Option<String>) {
        let request = Request::builder()
            .method(method)
            .uri(target)
            .body(Body::empty())
            .expect("a request");
        let response = send_on("https://meet.example", &request);
        let location = response.headers().get(LOCATION);
        (
            response.status(),
            location.and_then(|value| value.to_str().ok()).map(str::to_owned),
        )
    }

    #[test]
    fn everything_leads_to_our_own_name() {
        let to = |path: &str| {
            (
                StatusCode::PERMANENT_REDIRECT,
                Some(format!("https://meet.example{path}")),
            )
        };
        assert_eq!(answer(Method::GET, "/"), to("/"));
        assert_eq!(answer(Method::HEAD, "/assets/a.js?x=1"), to("/assets/a.js"));
        assert_eq!(answer(Method::GET, "http://evil.example/there"), to("/there"));
        assert_eq!(answer(Method::GET, "//evil.example/"), to("//evil.example/"));
        assert_eq!(answer(Method::POST, "/"), (StatusCode::METHOD_NOT_ALLOWED, None));
    }
}
