//! Errors of requests, and the one table of their status codes.

use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{ALLOW, ETAG, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS};
use proto::{KeyError, Refusal, TextError, Trace};

use super::json::BadJson;
use super::number::BadNumber;
use super::percent::BadEncoding;
use super::response::Response;

const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const BEARER: HeaderValue = HeaderValue::from_static("Bearer");

/// When to try again if the connection limit is reached, the clock is wrong, or the state not as new as wanted.
const RETRY_AFTER_PAUSE: Duration = Duration::from_secs(1);

/// Why a request has failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("{0:?} is not a name of this server; expected localhost, an IP address, or a name in --allowed-hosts")]
    UnknownHost(String),
    #[error("pages from {0:?} may not use this server; to allow them, add the name of their site to --allowed-hosts")]
    OtherSite(String),
    #[error("no such path; expected {0}")]
    NoSuchPath(&'static str),
    #[error("wrong method for this path; expected {0}")]
    WrongMethod(&'static str),
    #[error("the path and query are too long; expected at most {} bytes", crate::config::MAX_URI_BYTES)]
    UriTooLong,
    #[error("{0}")]
    Malformed(String),
    #[error(transparent)]
    BadMessage(#[from] BadMessage),
    #[error("{0}")]
    NotRepresentable(String),
    #[error("Transfer-Encoding: only chunked is supported")]
    NotImplemented,
    #[error("the body is too large; expected at most {limit} bytes")]
    BodyTooLarge { limit: usize },
    #[error("the body arrives too slowly; expected at least the minimum rate of this server (--min-rate)")]
    TooSlow,
    #[error("Key {0} not found")]
    NoEntry(String),
    #[error("Field {field} of key {key} not found")]
    NoField { key: String, field: String },
    #[error("too many connections; try again later")]
    TooManyConnections,
    #[error("the clock of the server's machine is wrong; expected a year from 1970 to 9999; set it, then try again")]
    OddClock,
    #[error(transparent)]
    Refused(#[from] Refusal),

    // Of REST API v2.
    #[error("the condition does not hold: {}", if etag.is_some() { "the entry has another state" } else { "there is no such entry" })]
    Condition {
        /// Of the present entry, if there is one.
        etag: Option<String>,
        /// Its value, if it is small and may be read.
        value: Option<serde_json::Value>,
    },
    #[error("the increment would lead beyond the limits of the request; the value is {before}")]
    Limit { before: i64 },
    #[error("{0}")]
    Gone(&'static str),
    #[error("the changes after this place are no longer kept; begin anew, or with the oldest that are kept")]
    NoLongerKept {
        /// The token of the oldest place from which everything is kept.
        oldest: String,
    },
    #[error("the server has no log, which the feed would tell")]
    NoLog,
    #[error("the only representation here is {0}, which the header Accept excludes")]
    NotAcceptable(&'static str),
    #[error("the body has an unknown Content-Type; expected {0}")]
    UnsupportedMedia(&'static str),
    #[error("too many operations; expected at most {0}")]
    TooMany(usize),
    #[error("this server's state is not as new as Kvs-Min-Token; try again later")]
    NotYet,
    #[error("the log has not confirmed what the response would show; try again later")]
    NotDurable,
    #[error("{place} {number}: {problem}")]
    InBatch {
        /// `op` or `if`.
        place: &'static str,
        /// Its number, from 0.
        number: usize,
        problem: Box<Problem>,
    },
}

/// An ambiguous message. A proxy in front of this server might read it differently, and so disagree about where the
/// next request begins (request smuggling).
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct BadMessage(pub(super) String);

impl Problem {
    /// Whether the connection must be closed, because what follows the head cannot be relied on.
    pub(super) fn ends_connection(&self) -> bool {
        matches!(self, Self::BadMessage(_) | Self::NotImplemented | Self::TooSlow)
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) | Self::BadMessage(_) => StatusCode::BAD_REQUEST,
            Self::OtherSite(_) => StatusCode::FORBIDDEN,
            Self::NoSuchPath(_) | Self::NoEntry(_) | Self::NoField { .. } => StatusCode::NOT_FOUND,
            Self::WrongMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::UnknownHost(_) => StatusCode::MISDIRECTED_REQUEST,
            Self::NotRepresentable(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::NotImplemented => StatusCode::NOT_IMPLEMENTED,
            Self::TooManyConnections | Self::OddClock | Self::NotYet | Self::NotDurable => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Refused(refusal) => status_of(refusal),
            Self::Condition { .. } => StatusCode::PRECONDITION_FAILED,
            Self::Limit { .. } | Self::NoLog => StatusCode::CONFLICT,
            Self::Gone(_) | Self::NoLongerKept { .. } => StatusCode::GONE,
            Self::NotAcceptable(_) => StatusCode::NOT_ACCEPTABLE,
            Self::UnsupportedMedia(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooMany(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::InBatch { problem, .. } => problem.status(),
        }
    }

    /// The refusal that it is, or that an operation of a batch has got.
    pub(super) fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::InBatch { problem, .. } => problem.refusal(),
            _ => None,
        }
    }

    pub(super) fn into_response(self) -> Response {
        self.with_headers(Response::text(one_line(self.to_string())).with_status(self.status()))
    }

    /// The headers of every response to it.
    pub(super) fn with_headers(&self, response: Response) -> Response {
        let response = response.with(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
        let response = match self.retry_after() {
            Some(pause) => response.with(RETRY_AFTER, pause.as_secs().max(1).into()),
            None => response,
        };
        match self {
            Self::Refused(Refusal::Unauthenticated) => response.with(WWW_AUTHENTICATE, BEARER),
            Self::WrongMethod(allowed) => response.with(ALLOW, HeaderValue::from_static(allowed)),
            Self::Condition { etag: Some(etag), .. } => response.with_text(ETAG, etag),
            _ => response,
        }
    }

    /// When to try again, if that makes sense.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after(),
            Self::TooManyConnections | Self::OddClock | Self::NotYet | Self::NotDurable => Some(RETRY_AFTER_PAUSE),
            Self::InBatch { problem, .. } => problem.retry_after(),
            _ => None,
        }
    }

    /// Whether the request may have had an effect.
    pub(super) fn trace(&self) -> Trace {
        match self {
            Self::Refused(refusal) => refusal.trace(),
            Self::InBatch { problem, .. } => problem.trace(),
            // Found out before anything was done.
            _ => Trace::None,
        }
    }
}

/// The one table from refusals of the service to status codes. The body of the response has the details.
fn status_of(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::Overflow { .. } => StatusCode::CONFLICT,
        Refusal::TooLarge(_) | Refusal::ResponseTooLarge | Refusal::OutcomeTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::Memory { .. }
        | Refusal::RequestMemory
        | Refusal::ResponseMemory
        | Refusal::LogBehind { .. }
        | Refusal::LogClosed(_)
        | Refusal::LogDown
        | Refusal::LogFailed
        | Refusal::Fenced
        | Refusal::TooManyKeys { .. } => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::Unauthenticated => StatusCode::UNAUTHORIZED,
        Refusal::Forbidden => StatusCode::FORBIDDEN,
        Refusal::TooManyAttempts => StatusCode::TOO_MANY_REQUESTS,
        // Clients and proxies do not retry this status automatically.
        Refusal::OutcomeUnknown => StatusCode::GATEWAY_TIMEOUT,
    }
}

/// The message on one line, with the control characters of keys escaped.
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

impl From<BadNumber> for Problem {
    fn from(bad: BadNumber) -> Self {
        match bad {
            BadNumber::Malformed(message) => Self::Malformed(message),
            BadNumber::OutOfRange(message) => Self::NotRepresentable(message),
        }
    }
}

impl From<BadJson> for Problem {
    fn from(bad: BadJson) -> Self {
        match bad {
            BadJson::Malformed { .. } => Self::Malformed(bad.to_string()),
            BadJson::Text(_) => Self::NotRepresentable(bad.to_string()),
        }
    }
}

/// The problem with the text of `what`, a body or path segment. There NUL is well-formed but not representable.
pub(super) fn bad_text(what: &str, error: TextError) -> Problem {
    let message = format!("{what} {error}");
    match error {
        TextError::NotUtf8(_) => Problem::Malformed(message),
        TextError::Nul(_) => Problem::NotRepresentable(message),
    }
}
