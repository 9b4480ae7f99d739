//! Replies and problems into responses. The only place that knows status codes.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, StatusCode};
use proto::{KeyError, Refusal, Reply, Text, TextError, Value};

use super::route::{BASE, BadEncoding};
use super::{json, number};
use crate::config::UNCOUNTED_BYTES;
use crate::service::{ResponseMemory, Service};

pub(super) type Response = hyper::Response<Full<Bytes>>;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const DELETED: HeaderName = HeaderName::from_static("deleted");
const READ_ONLY: HeaderName = HeaderName::from_static("kvs-read-only");
const YES: HeaderValue = HeaderValue::from_static("true");
const BEARER: HeaderValue = HeaderValue::from_static("Bearer");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");

/// Why a request is not answered with success.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("expected the header Authorization: Bearer TOKEN, with the token of this server")]
    Unauthorized,
    #[error("no such path; expected {BASE} and then for example int-get/KEY, see REST API v1")]
    NoSuchPath,
    #[error("wrong method for this path; expected {0}")]
    WrongMethod(Method),
    #[error("the path and query are too long; at most {} bytes are expected", crate::config::MAX_URI_BYTES)]
    UriTooLong,
    #[error("{0}")]
    Malformed(String),
    #[error("{0}")]
    NotRepresentable(String),
    #[error("the body is too large; at most {limit} bytes are expected")]
    BodyTooLarge { limit: usize },
    #[error("Key {0} not found")]
    NoEntry(String),
    #[error("Field {field} of key {key} not found")]
    NoField { key: String, field: String },
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl Problem {
    fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::NoSuchPath | Self::NoEntry(_) | Self::NoField { .. } => StatusCode::NOT_FOUND,
            Self::WrongMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::NotRepresentable(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Refused(refusal) => status_of(refusal),
        }
    }

    pub(super) fn into_response(self) -> Response {
        let status = self.status();
        let retry_after = match &self {
            Self::Refused(refusal) => refusal.retry_after(),
            _ => None,
        };
        let mut response = text(one_line(self.to_string()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, BEARER);
        }
        if let Some(pause) = retry_after {
            headers.insert(RETRY_AFTER, pause.as_secs().max(1).into());
        }
        if let Self::WrongMethod(allowed) = self {
            let allowed = if allowed == Method::GET { "GET, HEAD" } else { allowed_name(&allowed) };
            headers.insert(ALLOW, HeaderValue::from_static(allowed));
        }
        response
    }
}

/// The one table from what the service refuses to a status. The body says the rest.
fn status_of(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::Overflow { .. } => StatusCode::CONFLICT,
        Refusal::TooLarge(_) | Refusal::ResponseTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::Memory { .. }
        | Refusal::RequestMemory
        | Refusal::ResponseMemory
        | Refusal::LogBehind { .. }
        | Refusal::LogClosed(_)
        | Refusal::LogDown
        | Refusal::LogFailed
        | Refusal::Fenced => StatusCode::SERVICE_UNAVAILABLE,
        // No client and no proxy repeats a request by itself that got this.
        Refusal::OutcomeUnknown => StatusCode::GATEWAY_TIMEOUT,
    }
}

/// Says in any response that no write will be carried out any more.
pub(super) fn mark_read_only(response: &mut Response, because: &Refusal) {
    let reason = match because {
        Refusal::Fenced => "fenced",
        _ => "log-failed",
    };
    response.headers_mut().insert(READ_ONLY, HeaderValue::from_static(reason));
}

fn allowed_name(method: &Method) -> &'static str {
    match *method {
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::POST => "POST",
        _ => "GET, HEAD",
    }
}

/// The message on one line, whatever a key in it holds.
fn one_line(message: String) -> String {
    match message.contains(char::is_control) {
        false => message,
        true => message.chars().fold(String::new(), |line, c| match c.is_control() {
            true => line + &c.escape_default().to_string(),
            false => line + c.encode_utf8(&mut [0; 4]),
        }),
    }
}

impl From<BadEncoding> for Problem {
    fn from(bad: BadEncoding) -> Self {
        Self::Malformed(bad.to_string())
    }
}

impl From<KeyError> for Problem {
    fn from(bad: KeyError) -> Self {
        Self::Malformed(bad.to_string())
    }
}

/// The problem with text in `what`: in a body or path segment, NUL is well-formed but not representable.
pub(super) fn bad_text(what: &str, error: TextError) -> Problem {
    let message = format!("{what} {error}");
    match error {
        TextError::NotUtf8(_) => Problem::Malformed(message),
        TextError::Nul(_) => Problem::NotRepresentable(message),
    }
}

/// The response to an operation on `key`, and on `item` of it, that was carried out.
pub(super) fn from_reply(service: &Service, reply: Reply, key: &str, item: &str) -> Result<Response, Problem> {
    Ok(match reply {
        Reply::Stored => empty(),
        Reply::Value(value) => from_value(service, value)?,
        Reply::Field(value) => text(counted(service, as_body(value))?),
        Reply::NoEntry => return Err(Problem::NoEntry(key.into())),
        Reply::NoField => return Err(Problem::NoField { key: key.into(), field: item.into() }),
        Reply::Deleted(deleted) => {
            let mut response = empty();
            if deleted {
                response.headers_mut().insert(DELETED, YES);
            }
            response
        }
        Reply::Count(count) => text(count.to_string()),
        Reply::Has(has) => text(if has { "true" } else { "false" }),
    })
}

fn from_value(service: &Service, value: Value) -> Result<Response, Problem> {
    Ok(match value {
        Value::Int(number) => text(number.to_string()),
        Value::Uint(number) => text(number.to_string()),
        Value::Float(number) => text(number::format_float(number)),
        Value::Str(value) => text(counted(service, as_body(value))?),
        Value::Map(list) => with_type(counted(service, json::write_map(list.as_strings()).into())?, JSON),
        Value::Set(list) => with_type(counted(service, json::write_set(list.as_strings()).into())?, JSON),
    })
}

/// A larger answer, which counts against `--response-memory` until the client has taken it.
struct Counted {
    body: Bytes,
    _memory: ResponseMemory,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

fn counted(service: &Service, body: Bytes) -> Result<Bytes, Problem> {
    if body.len() <= UNCOUNTED_BYTES {
        return Ok(body);
    }
    let mut memory = service.response_memory(UNCOUNTED_BYTES);
    memory.grow_to(body.len())?;
    Ok(Bytes::from_owner(Counted { body, _memory: memory }))
}

/// The text as a body; a long one is not copied.
fn as_body(value: Text) -> Bytes {
    match &value {
        Text::Inline { .. } => Bytes::copy_from_slice(value.as_bytes()),
        Text::Shared(_) => Bytes::from_owner(value),
    }
}

/// 200 with plain text.
pub(super) fn text(body: impl Into<Bytes>) -> Response {
    with_type(body, TEXT)
}

fn with_type(body: impl Into<Bytes>, content_type: HeaderValue) -> Response {
    let mut response = Response::new(Full::new(body.into()));
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

fn empty() -> Response {
    Response::default()
}
