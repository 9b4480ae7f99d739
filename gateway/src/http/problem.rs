//! What a request is refused for, and the one table of status codes.

use proto::{KeyError, Refusal, TextError};

use super::json::BadJson;
use super::number::BadNumber;
use super::percent::BadEncoding;
use super::response::{Response, Status};

/// Seconds after which a client that got 503 may try again.
const RETRY_SECONDS: &str = "1";

/// Why a request is not answered with success.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("expected the header Authorization: Bearer TOKEN, with the token of this server")]
    Unauthorized,
    #[error(
        "this server is not known as {0:?}; expected localhost, an IP address, or a name that it was started with (--allowed-hosts)"
    )]
    UnknownHost(String),
    #[error(
        "pages from {0:?} may not use this server; start it with --allowed-hosts and the name of their site if they should"
    )]
    OtherSite(String),
    #[error("no such path; expected {0}")]
    NoSuchPath(&'static str),
    #[error("wrong method for this path; expected {0}")]
    WrongMethod(&'static str),
    #[error("the path and query are too long; at most {} bytes are expected", crate::config::MAX_URI_BYTES)]
    UriTooLong,
    #[error(
        "the head is too large; at most {} bytes and {} headers are expected",
        crate::config::MAX_HEAD_BYTES,
        crate::config::MAX_HEADERS
    )]
    HeadTooLarge,
    #[error("{0}")]
    Malformed(String),
    #[error("{0}")]
    NotRepresentable(String),
    #[error("Transfer-Encoding: only chunked is supported")]
    NotImplemented,
    #[error("the body is too large; at most {limit} bytes are expected")]
    BodyTooLarge { limit: usize },
    #[error("the body comes in too slowly; this server has a minimum rate (--min-rate)")]
    TooSlow,
    #[error("Key {0} not found")]
    NoEntry(String),
    #[error("Field {field} of key {key} not found")]
    NoField { key: String, field: String },
    #[error("{0}")]
    Busy(&'static str),
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl Problem {
    fn status(&self) -> Status {
        match self {
            Self::Malformed(_) => Status(400, "Bad Request"),
            Self::Unauthorized => Status(401, "Unauthorized"),
            Self::OtherSite(_) => Status(403, "Forbidden"),
            Self::NoSuchPath(_) | Self::NoEntry(_) | Self::NoField { .. } => Status(404, "Not Found"),
            Self::WrongMethod(_) => Status(405, "Method Not Allowed"),
            Self::TooSlow => Status(408, "Request Timeout"),
            Self::Refused(Refusal::Overflow { .. }) => Status(409, "Conflict"),
            Self::BodyTooLarge { .. } | Self::Refused(Refusal::TooLarge(_)) => Status(413, "Content Too Large"),
            Self::UriTooLong => Status(414, "URI Too Long"),
            Self::UnknownHost(_) => Status(421, "Misdirected Request"),
            Self::NotRepresentable(_) => Status(422, "Unprocessable Content"),
            Self::HeadTooLarge => Status(431, "Request Header Fields Too Large"),
            Self::NotImplemented => Status(501, "Not Implemented"),
            Self::Busy(_)
            | Self::Refused(Refusal::Memory { .. } | Refusal::LogBehind { .. } | Refusal::LogClosed(_)) => {
                Status(503, "Service Unavailable")
            }
        }
    }

    pub(super) fn into_response(self) -> Response {
        let status = self.status();
        let response =
            Response::text(one_line(self.to_string())).with_status(status).with("X-Content-Type-Options", "nosniff");
        match (status.0, self) {
            (401, _) => response.with("WWW-Authenticate", "Bearer"),
            (503, _) => response.with("Retry-After", RETRY_SECONDS),
            (_, Self::WrongMethod(allowed)) => response.with("Allow", allowed),
            _ => response,
        }
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

/// The problem with text in `what`: in a body or path segment, NUL is well-formed but not representable.
pub(super) fn bad_text(what: &str, error: TextError) -> Problem {
    let message = format!("{what} {error}");
    match error {
        TextError::NotUtf8(_) => Problem::Malformed(message),
        TextError::Nul(_) => Problem::NotRepresentable(message),
    }
}
