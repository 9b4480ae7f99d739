//! Errors, grouped by what the caller should do.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use proto::frame::{ErrorCode, PrefaceError, ReplyError, RunError, VERSION};

use crate::invalid::InvalidInput;
use crate::results::Etag;
use crate::value::Value;

/// Why a request failed.
///
/// | error | executed? | what to do |
/// |---|---|---|
/// | [`Refused`](Error::Refused) | no | depends on the code; see [`Error::is_retryable`] |
/// | [`ConditionFailed`](Error::ConditionFailed), [`BeyondBounds`](Error::BeyondBounds) | no | decide anew |
/// | [`InvalidInput`](Error::InvalidInput) | no | fix the call |
/// | [`NotSent`](Error::NotSent) | no | try again later |
/// | [`Connect`](Error::Connect) | no | depends on the cause; see [`ConnectError::is_permanent`] |
/// | [`Closed`](Error::Closed) | no | create a new client |
/// | [`OutcomeUnknown`](Error::OutcomeUnknown), [`Timeout`](Error::Timeout), [`Unknown`](Error::Unknown), [`Protocol`](Error::Protocol) | unknown | read the entry, or repeat the request if repeating is harmless; a transaction with a key of its own can be sent again |
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server rejected the request, which had no effect.
    #[error("the server refused the request: {message}")]
    Refused {
        /// The reason, for a program.
        code: ErrorCode,
        /// The reason, for a person.
        message: Box<str>,
    },
    /// A condition of a transaction does not hold. Nothing has happened.
    #[error("condition {number} of the transaction does not hold")]
    ConditionFailed {
        /// Its number, from 0.
        number: usize,
        /// The state of the entry, if there is one.
        etag: Option<Etag>,
        /// Its value, if it is small and may be told.
        value: Option<Box<Value>>,
    },
    /// An increment of a transaction would lead beyond its bounds. Nothing has happened.
    #[error("step {number} of the transaction would lead the counter, which is {before}, beyond its bounds")]
    BeyondBounds {
        /// The number of the step, from 0.
        number: usize,
        /// The counter's value.
        before: i64,
    },
    /// The server replied that it does not know the outcome of the request, or replied with an error code that this
    /// client does not know. A write may or may not have happened, and may or may not survive a crash of the server.
    /// The connection stays open.
    #[error(
        "the server replied with error {code:#04x}: {message}; it is not known whether the request was carried out"
    )]
    OutcomeUnknown {
        /// The reason, for a program: the status of the reply.
        code: u8,
        /// The reason, for a person.
        message: Box<str>,
    },
    /// The request is invalid. Nothing was sent.
    #[error(transparent)]
    InvalidInput(#[from] InvalidInput),
    /// The request was not sent within the request timeout, and will not be.
    #[error("not sent within {after:?}: {}", why_not_sent(.problem))]
    NotSent {
        /// The request timeout.
        after: Duration,
        /// Why there is no connection. `None`: there is one, but earlier requests left no room.
        problem: Option<ConnectError>,
    },
    /// There is no connection, and waiting for one would not help. The request was not sent.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The client has been closed. The request was not sent.
    #[error("the client is closed")]
    Closed,
    /// The request was sent, but no reply came within the request timeout. It is not known whether it was or will be
    /// executed. If it will be, this may be after requests that were made later.
    #[error("no reply within {after:?}; it is not known whether the request was or will be carried out")]
    Timeout {
        /// The request timeout.
        after: Duration,
    },
    /// The connection ended between the request and its reply. It is not known whether the request was or will be
    /// executed. If it will be, this may be after requests that were made later, over the next connection. The client
    /// never repeats such a request itself, because an increment would count twice.
    #[error("{0}; it is not known whether the request was or will be carried out")]
    Unknown(Lost),
    /// The server sent a reply that does not match the request: a defect of the server.
    #[error(transparent)]
    Protocol(ProtocolError),
}

/// The errors that mean that a request was certainly not executed. Any other code, including one added by a later
/// protocol version, may belong to a write that happened.
const LEFT_NO_TRACE: [ErrorCode; 19] = [
    ErrorCode::BadLength,
    ErrorCode::BadOpcode,
    ErrorCode::BadFlags,
    ErrorCode::BadType,
    ErrorCode::BadKey,
    ErrorCode::BadPayload,
    ErrorCode::BadValue,
    ErrorCode::Overflow,
    ErrorCode::TooLarge,
    ErrorCode::Gone,
    ErrorCode::KeyReused,
    ErrorCode::NoLog,
    ErrorCode::MemoryFull,
    ErrorCode::LogBehind,
    ErrorCode::LogDown,
    ErrorCode::Busy,
    ErrorCode::TooManyKeys,
    ErrorCode::Unauthenticated,
    ErrorCode::Forbidden,
];

/// Why there is no connection to the server.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The name is unknown, nothing listens there, or the connection broke before the server's preface.
    #[error("cannot connect to {address}: {error}")]
    Io {
        /// The address from the options.
        address: Arc<str>,
        /// The error from the system.
        error: Arc<io::Error>,
    },
    /// Connecting has not failed yet.
    #[error("still connecting to {address}")]
    UnderWay {
        /// The address from the options.
        address: Arc<str>,
    },
    /// The server did not accept the connection in time.
    #[error("{address} did not accept this client within {after:?}")]
    Timeout {
        /// The address from the options.
        address: Arc<str>,
        /// The connect timeout.
        after: Duration,
    },
    /// The server has reached its connection limit.
    #[error("the server has too many connections; try again later")]
    TooManyConnections,
    /// The server has a different version of the protocol.
    #[error("the server has version {server} of the frame protocol, this client has version {VERSION}")]
    Version {
        /// The server's version.
        server: u16,
    },
    /// The server says that the client does not use the frame protocol: something between the two changes bytes.
    #[error("the server did not understand this client's preface")]
    NotUnderstood,
    /// The other side does not use the frame protocol.
    #[error("{0}; is this the address of --frame-addr?")]
    NotKvs(#[from] PrefaceError),
    /// The server requires a token, and the options have none.
    #[error("the server asks for a token; give one with Options::token")]
    TokenRequired,
    /// The server rejected the token.
    #[error("the server refused the token: {0}")]
    TokenRefused(Box<str>),
    /// The server did not authenticate the client, for another reason.
    #[error("the server refused to authenticate this client: {message}")]
    Refused {
        /// The reason, for a program.
        code: ErrorCode,
        /// The reason, for a person.
        message: Box<str>,
    },
    /// The server's reply to the token is not a valid reply.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
}

/// Why a connection ended.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Lost {
    /// The server closed it.
    #[error("the server closed the connection")]
    ByServer,
    /// The server could not split what it received into requests: something between the two changes bytes.
    #[error("the server stopped reading: {0}")]
    Refused(Box<str>),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Io(Arc<io::Error>),
    /// The server sent nothing although requests waited for replies.
    #[error("the server sent nothing for {0:?}")]
    Silent(Duration),
    /// The server sent an invalid reply.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// This client was closed.
    #[error("this client was closed")]
    ByClient,
}

/// How a server violates the protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The bytes cannot be split into replies.
    #[error("the server sent something other than replies: {0}")]
    Run(Box<str>),
    /// The bytes of a reply are invalid.
    #[error("the server sent an invalid reply: {0}")]
    Reply(#[from] ReplyError),
    /// A reply's id is not that of the next request.
    #[error("the server sent a reply to request {found}; expected one to request {expected}")]
    Id {
        /// The id of the oldest request without a reply.
        expected: u32,
        /// The id in the reply.
        found: u32,
    },
    /// A reply came although no request was waiting for one.
    #[error("the server sent a reply without a request")]
    Unsolicited,
    /// The kind of reply does not match the request.
    #[error("the server's reply does not match a {0}")]
    Unexpected(&'static str),
}

impl Error {
    /// The error for a reply.
    pub(crate) fn from_reply(code: ErrorCode, message: &str) -> Self {
        match LEFT_NO_TRACE.contains(&code) {
            true => Self::Refused { code, message: message.into() },
            false => Self::OutcomeUnknown { code: code as u8, message: message.into() },
        }
    }

    /// Whether the same request may succeed later, and repeating it cannot execute it twice.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Refused { code, .. } => code.is_retryable(),
            Self::NotSent { .. } => true,
            Self::Connect(error) => !error.is_permanent(),
            Self::InvalidInput(_) | Self::Closed | Self::ConditionFailed { .. } | Self::BeyondBounds { .. } => false,
            Self::OutcomeUnknown { .. } | Self::Timeout { .. } | Self::Unknown(_) | Self::Protocol(_) => false,
        }
    }

    /// Whether the request may have been executed despite the error, or may still be.
    pub fn is_outcome_unknown(&self) -> bool {
        matches!(self, Self::OutcomeUnknown { .. } | Self::Timeout { .. } | Self::Unknown(_) | Self::Protocol(_))
    }
}

impl ConnectError {
    /// Whether another attempt would fail in the same way until the server or the options are fixed. If so, requests do
    /// not wait for a connection.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Io { .. } | Self::UnderWay { .. } | Self::Timeout { .. } | Self::TooManyConnections => false,
            Self::Refused { code, .. } => !code.is_retryable(),
            Self::Version { .. }
            | Self::NotUnderstood
            | Self::NotKvs(_)
            | Self::TokenRequired
            | Self::TokenRefused(_)
            | Self::Protocol(_) => true,
        }
    }
}

impl From<RunError> for ProtocolError {
    fn from(error: RunError) -> Self {
        Self::Run(error.to_string().into())
    }
}

impl From<io::Error> for Lost {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

fn why_not_sent(problem: &Option<ConnectError>) -> String {
    match problem {
        Some(problem) => problem.to_string(),
        None => "earlier requests left no room".to_string(),
    }
}
