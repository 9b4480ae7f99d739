//! What can go wrong, by what a caller does about it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use proto::frame::{ErrorCode, PrefaceError, ReplyError, RunError, VERSION};
use proto::{KeyError, TextError};

/// Why a request did not succeed.
///
/// | error | carried out? | what to do |
/// |---|---|---|
/// | [`Refused`](Error::Refused) | no | as the code says; [`Error::is_retryable`] |
/// | [`InvalidInput`](Error::InvalidInput) | no | mend the call |
/// | [`NotSent`](Error::NotSent) | no | try again later |
/// | [`Connect`](Error::Connect) | no | as the cause says; [`ConnectError::is_permanent`] |
/// | [`Closed`](Error::Closed) | no | make a new client |
/// | [`OutcomeUnknown`](Error::OutcomeUnknown), [`Timeout`](Error::Timeout), [`Unknown`](Error::Unknown), [`Protocol`](Error::Protocol) | not known | ask the server, or repeat what does no harm twice |
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server refused the request, which left no trace.
    #[error("the server refused the request: {message}")]
    Refused {
        /// Why, for a program.
        code: ErrorCode,
        /// Why, for a person.
        message: Box<str>,
    },
    /// The server replied that it does not know what became of the request, or with an error code that this client does
    /// not know. A write may or may not have happened, and may or may not survive a crash of the server. The connection
    /// goes on.
    #[error(
        "the server replied with error {code:#04x}: {message}; it is not known whether the request was carried out"
    )]
    OutcomeUnknown {
        /// Why, for a program: the status of the reply.
        code: u8,
        /// Why, for a person.
        message: Box<str>,
    },
    /// The request cannot be sent as it is. Nothing was sent.
    #[error(transparent)]
    InvalidInput(#[from] InvalidInput),
    /// The request was not sent within the request timeout, and will not be.
    #[error("not sent within {after:?}: {}", why_not_sent(.problem))]
    NotSent {
        /// The request timeout.
        after: Duration,
        /// Why there is no connection. None: there is one, but the requests before this one left no room.
        problem: Option<ConnectError>,
    },
    /// There is no connection, and waiting for one would be in vain. The request was not sent.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The client has been closed. The request was not sent.
    #[error("the client is closed")]
    Closed,
    /// The request was sent, and no reply came within the request timeout. It is not known whether it was or will be
    /// carried out; if it will be, then perhaps after requests that were made later.
    #[error("no reply within {after:?}; it is not known whether the request was or will be carried out")]
    Timeout {
        /// The request timeout.
        after: Duration,
    },
    /// The connection ended between the request and its reply. It is not known whether the request was or will be
    /// carried out; if it will be, then perhaps after requests that were made later, over the next connection. Never
    /// repeated by the client itself, because an increment would count twice.
    #[error("{0}; it is not known whether the request was or will be carried out")]
    Unknown(Lost),
    /// The server sent a reply that does not go with the request: a defect of the server.
    #[error(transparent)]
    Protocol(ProtocolError),
}

/// The errors after which a request is known not to have been carried out. Any other code, also one that a later
/// version of the protocol adds, may belong to a write that happened.
const LEFT_NO_TRACE: [ErrorCode; 14] = [
    ErrorCode::BadLength,
    ErrorCode::BadOpcode,
    ErrorCode::BadFlags,
    ErrorCode::BadType,
    ErrorCode::BadKey,
    ErrorCode::BadPayload,
    ErrorCode::BadValue,
    ErrorCode::Overflow,
    ErrorCode::TooLarge,
    ErrorCode::MemoryFull,
    ErrorCode::LogBehind,
    ErrorCode::LogDown,
    ErrorCode::Busy,
    ErrorCode::Unauthenticated,
];

/// What is wrong with the arguments of a call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidInput {
    /// The key is not valid.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A text holds a NUL character.
    #[error("the {what} {error}")]
    Text {
        /// Which text: a value, a member, a field.
        what: &'static str,
        /// Where the NUL is.
        error: TextError,
    },
    /// A float is NaN or infinite.
    #[error("a float must be finite")]
    NotFinite,
    /// The request is larger than the largest that the server takes.
    #[error("the request takes {bytes} bytes; the server takes at most {most}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The server's limit.
        most: usize,
    },
}

/// Why there is no connection to the server.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The name is not known, nobody listens, the connection broke before the welcome.
    #[error("cannot connect to {address}: {error}")]
    Io {
        /// The address of the options.
        address: Arc<str>,
        /// What the system says.
        error: Arc<io::Error>,
    },
    /// Connecting has not failed yet.
    #[error("connecting to {address} is still under way")]
    UnderWay {
        /// The address of the options.
        address: Arc<str>,
    },
    /// The server did not say welcome in time.
    #[error("{address} did not welcome this client within {after:?}")]
    Timeout {
        /// The address of the options.
        address: Arc<str>,
        /// The connect timeout.
        after: Duration,
    },
    /// The server has as many connections as it takes.
    #[error("the server has too many connections; try again later")]
    TooManyConnections,
    /// The server speaks another version of the protocol.
    #[error("the server speaks version {server} of the frame protocol, this client version {VERSION}")]
    Version {
        /// The server's version.
        server: u16,
    },
    /// The server says that the client does not speak the frame protocol: something between the two changes bytes.
    #[error("the server did not understand this client's preface")]
    NotUnderstood,
    /// What answers does not speak the frame protocol.
    #[error("{0}; is this the address of --frame-addr?")]
    NotKvs(#[from] PrefaceError),
    /// The server asks for a token, and the options have none.
    #[error("the server asks for a token; give one with Options::token")]
    TokenRequired,
    /// The server refused the token.
    #[error("the server refused the token: {0}")]
    TokenRefused(Box<str>),
    /// The server refused to authenticate the client for another reason.
    #[error("the server refused to authenticate this client: {message}")]
    Refused {
        /// Why, for a program.
        code: ErrorCode,
        /// Why, for a person.
        message: Box<str>,
    },
    /// The server's answer to the token is not one.
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
    /// The server could not divide what it received into requests: something between the two changes bytes.
    #[error("the server refused to read on: {0}")]
    Refused(Box<str>),
    /// It broke.
    #[error("the connection broke: {0}")]
    Io(Arc<io::Error>),
    /// The server said nothing although requests waited for replies.
    #[error("the server said nothing for {0:?}")]
    Silent(Duration),
    /// The server sent what is no reply.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// This client was closed.
    #[error("this client was closed")]
    ByClient,
}

/// How a server breaks the protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The bytes cannot be divided into replies.
    #[error("the server sent something else than replies: {0}")]
    Run(Box<str>),
    /// The bytes of a reply make no sense.
    #[error("the server sent what is no reply: {0}")]
    Reply(#[from] ReplyError),
    /// A reply has another number than the request whose turn it is.
    #[error("the server sent a reply to request {found}; the next is to request {expected}")]
    Id {
        /// The number of the oldest request without a reply.
        expected: u32,
        /// The number in the reply.
        found: u32,
    },
    /// A reply came although no request waits for one.
    #[error("the server sent a reply without a request")]
    Unsolicited,
    /// The reply is not of the kind that goes with the request.
    #[error("the server's reply does not go with a {0}")]
    Unexpected(&'static str),
}

impl Error {
    /// The error that a reply stands for.
    pub(crate) fn from_reply(code: ErrorCode, message: &str) -> Self {
        match LEFT_NO_TRACE.contains(&code) {
            true => Self::Refused { code, message: message.into() },
            false => Self::OutcomeUnknown { code: code as u8, message: message.into() },
        }
    }

    /// Whether the same request may succeed later, and repeating it cannot carry it out twice.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Refused { code, .. } => code.is_retryable(),
            Self::NotSent { .. } => true,
            Self::Connect(error) => !error.is_permanent(),
            Self::InvalidInput(_) | Self::Closed => false,
            Self::OutcomeUnknown { .. } | Self::Timeout { .. } | Self::Unknown(_) | Self::Protocol(_) => false,
        }
    }

    /// Whether the request may have been carried out in spite of the error, or may still be.
    pub fn is_outcome_unknown(&self) -> bool {
        matches!(self, Self::OutcomeUnknown { .. } | Self::Timeout { .. } | Self::Unknown(_) | Self::Protocol(_))
    }
}

impl ConnectError {
    /// Whether another attempt would end in the same way, until somebody mends the server or the options. Requests then
    /// do not wait for a connection.
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
        None => "the requests before it left no room".to_string(),
    }
}
