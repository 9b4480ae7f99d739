//! The head of a request, as every API sees it, and the checks on it.
//!
//! hyper has parsed the head. Ambiguous heads that hyper accepts are refused here, because a proxy in front of this
//! server might read them differently (request smuggling).

use std::cell::RefCell;

use hyper::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN,
    TRANSFER_ENCODING,
};
use hyper::http::request::Parts;
use hyper::{Method, Version};

use super::problem::{BadMessage, Problem};
use crate::config::MAX_URI_BYTES;

/// A request's head.
#[derive(Debug)]
pub(super) struct Head<'r> {
    pub(super) method: &'r Method,
    /// The path, still percent-encoded.
    pub(super) path: &'r str,
    pub(super) query: Option<&'r str>,
    /// The host name that the client uses for this server. Only HTTP/1.0 requests may omit it.
    pub(super) host: Option<&'r [u8]>,
    pub(super) origin: Option<&'r [u8]>,
    pub(super) authorization: Option<&'r [u8]>,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub(super) expects_continue: bool,
    headers: &'r HeaderMap,
}

impl<'r> Head<'r> {
    /// Checks the head. A `known` host was checked before.
    pub(super) fn new(parts: &'r Parts, known: &KnownHost) -> Result<Self, Problem> {
        let uri = &parts.uri;
        if uri.path_and_query().map_or(0, |target| target.as_str().len()) > MAX_URI_BYTES {
            return Err(Problem::UriTooLong);
        }
        if !uri.path().starts_with('/') && uri.path() != "*" {
            return Err(bad("the request target is not a path; expected one that begins with /"));
        }
        let single = Single::collect(&parts.headers)?;
        let host = single.host.map(HeaderValue::as_bytes);
        if let Some(host) = host.filter(|host| !known.is(host)) {
            check_host(host)?;
        }
        if host.is_none() && parts.version != Version::HTTP_10 {
            return Err(bad("the header Host is missing; HTTP/1.1 requires it"));
        }
        let authority = uri.authority().map(|authority| authority.as_str().as_bytes());
        authority.map_or(Ok(()), check_host)?;
        Ok(Self {
            method: &parts.method,
            path: uri.path(),
            query: uri.query(),
            // The name in the target takes precedence over the header (RFC 9112, section 3.2.2).
            host: authority.or(host),
            origin: single.origin.map(HeaderValue::as_bytes),
            authorization: single.authorization.map(HeaderValue::as_bytes),
            expects_continue: single.expect.is_some(),
            headers: &parts.headers,
        })
    }

    /// The values of all headers of this name.
    pub(super) fn values(&self, name: &HeaderName) -> impl Iterator<Item = &'r [u8]> {
        self.headers.get_all(name).iter().map(HeaderValue::as_bytes)
    }
}

/// The last host that a client has used and that was accepted. Clients send the same one with every request, and comparing
/// it costs much less than checking it.
#[derive(Debug, Default)]
pub(super) struct KnownHost(RefCell<Option<Box<[u8]>>>);

impl KnownHost {
    pub(super) fn is(&self, host: &[u8]) -> bool {
        self.0.borrow().as_deref() == Some(host)
    }

    pub(super) fn set(&self, host: &[u8]) {
        self.0.replace(Some(host.into()));
    }
}

/// The headers that may occur only once.
#[derive(Default)]
struct Single<'r> {
    host: Option<&'r HeaderValue>,
    origin: Option<&'r HeaderValue>,
    authorization: Option<&'r HeaderValue>,
    content_type: Option<&'r HeaderValue>,
    content_length: Option<&'r HeaderValue>,
    expect: Option<&'r HeaderValue>,
}

impl<'r> Single<'r> {
    fn collect(headers: &'r HeaderMap) -> Result<Self, Problem> {
        let mut single = Self::default();
        let mut coded = false;
        for (name, value) in headers {
            let field = match *name {
                HOST => &mut single.host,
                ORIGIN => &mut single.origin,
                AUTHORIZATION => &mut single.authorization,
                CONTENT_TYPE => &mut single.content_type,
                CONTENT_LENGTH => &mut single.content_length,
                EXPECT => &mut single.expect,
                TRANSFER_ENCODING => {
                    coded = true;
                    continue;
                }
                _ => continue,
            };
            if field.replace(value).is_some() {
                return Err(BadMessage(format!("the header {name} occurs more than once; expected it once")).into());
            }
        }
        if coded {
            if single.content_length.is_some() {
                return Err(bad("expected either Content-Length or Transfer-Encoding, not both"));
            }
            check_codings(headers)?;
        }
        Ok(single)
    }
}

/// Refuses any transfer coding other than a single `chunked`. hyper has checked that chunked comes last.
fn check_codings(headers: &HeaderMap) -> Result<(), Problem> {
    let values = headers.get_all(TRANSFER_ENCODING).iter();
    let mut codings = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    let first = codings.find(|coding| !coding.is_empty()).unwrap_or_default();
    match (first.eq_ignore_ascii_case(b"chunked"), codings.any(|coding| !coding.is_empty())) {
        (true, false) => Ok(()),
        (true, true) => Err(bad("Transfer-Encoding: expected chunked once, and last")),
        (false, _) => Err(Problem::NotImplemented),
    }
}

/// Checks a host: a name or address, optionally with a port.
fn check_host(host: &[u8]) -> Result<(), Problem> {
    let is_part = |byte: &u8| byte.is_ascii_graphic() && !b"/?#@\\<>\"".contains(byte);
    match host.iter().all(is_part) {
        true => Ok(()),
        false => Err(bad("Host: expected a name or an address, optionally with a port")),
    }
}

fn bad(message: &str) -> Problem {
    BadMessage(message.into()).into()
}
