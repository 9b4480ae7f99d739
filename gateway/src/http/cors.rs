//! Cross-origin requests: which web pages may read responses (<https://fetch.spec.whatwg.org/#http-cors-protocol>).

use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderValue, VARY,
};
use hyper::{Method, StatusCode};

use super::head::Head;
use super::response::Response;
use crate::config::CorsOrigin;

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, PUT, PATCH, POST, DELETE");
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Kvs-Durability, Kvs-Min-Token, Kvs-Ttl, Last-Event-ID, X-Request-Id",
);
const RESPONSE_HEADERS: HeaderValue = HeaderValue::from_static(
    "Deleted, ETag, Idempotency-Replayed, Kvs-Durable-Lsn, Kvs-Expires, Kvs-Lsn, Kvs-Read-Only, Kvs-Token, Retry-After, X-Request-Id",
);
const ORIGIN: HeaderValue = HeaderValue::from_static("Origin");
const ANY: HeaderValue = HeaderValue::from_static("*");

/// Seconds for which a browser need not ask again.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// The value of `Access-Control-Allow-Origin` for a request from `origin`; `None` if it may not read responses.
fn allowed(origins: &[CorsOrigin], origin: &[u8]) -> Option<HeaderValue> {
    origins.iter().find_map(|allowed| match allowed {
        CorsOrigin::Any => Some(ANY),
        CorsOrigin::One(one) if one.as_bytes().eq_ignore_ascii_case(origin) => HeaderValue::from_bytes(origin).ok(),
        CorsOrigin::One(_) => None,
    })
}

/// Whether pages of `origin` may use the server.
pub(super) fn allows(origins: &[CorsOrigin], origin: &[u8]) -> bool {
    allowed(origins, origin).is_some()
}

/// The response to a browser that asks whether it may send a request. It sends no token with that.
pub(super) fn preflight(origins: &[CorsOrigin], head: &Head<'_>) -> Option<Response> {
    let is_preflight = *head.method == Method::OPTIONS && head.values(&ACCESS_CONTROL_REQUEST_METHOD).next().is_some();
    if !is_preflight || !allows(origins, head.origin?) {
        return None;
    }
    let response = Response::empty().with_status(StatusCode::NO_CONTENT);
    Some(
        response
            .with(ACCESS_CONTROL_ALLOW_METHODS, METHODS)
            .with(ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS)
            .with(ACCESS_CONTROL_MAX_AGE, MAX_AGE),
    )
}

/// Lets pages of `origin` read the response, if they may.
pub(super) fn expose(origins: &[CorsOrigin], origin: Option<&HeaderValue>, response: Response) -> Response {
    // A cache must know that another origin gets another response.
    let response = response.with(VARY, ORIGIN);
    match origin.and_then(|origin| allowed(origins, origin.as_bytes())) {
        None => response,
        Some(allowed) => {
            response.with(ACCESS_CONTROL_ALLOW_ORIGIN, allowed).with(ACCESS_CONTROL_EXPOSE_HEADERS, RESPONSE_HEADERS)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_exact() {
        let one = ["https://app.example".parse().unwrap()];
        assert!(allows(&one, b"https://APP.example"));
        for other in [&b"http://app.example"[..], b"https://app.example:1", b"https://app.example.evil", b"null"] {
            assert!(!allows(&one, other) && allows(&[CorsOrigin::Any], other));
        }
    }
}
