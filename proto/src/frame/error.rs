//! Error codes and what they mean: the only mapping from errors to replies.

use super::limits::{MAX_ETAGS, MAX_FOLLOW_WAIT_MILLIS, MAX_MULTI_ITEMS, MAX_SCAN_ENTRIES, MAX_TRANSACT_ITEMS};
use crate::key::KeyError;
use crate::limits::{MAX_IDEMPOTENCY_KEY_BYTES, MAX_TTL_MILLIS};
use crate::payload::PayloadError;
use crate::refusal::Refusal;
use crate::strings::StringsError;
use crate::text::TextError;

/// Why a request failed. It had no effect, unless its outcome is unknown. The upper four bits say what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ErrorCode {
    /// Invalid frame length. The connection is closed.
    BadLength = 0x80,
    /// The opcode is unknown.
    BadOpcode = 0x81,
    /// A flag is unknown, or a byte that must be zero is not.
    BadFlags = 0x82,
    /// The value type is unknown or not allowed with the opcode.
    BadType = 0x83,
    /// The key is invalid.
    BadKey = 0x84,
    /// The payload does not have the form that opcode and value type require.
    BadPayload = 0x85,
    /// The payload's form is valid, but its content cannot be stored: NUL in a text, a float that is not finite.
    BadValue = 0x86,
    /// The increment would overflow.
    Overflow = 0x90,
    /// The value would be too large, the request has too many items, or the reply does not fit into a frame.
    TooLarge = 0x91,
    /// The cursor is of a server that has ended; or the token is of another log, or of a place that is no longer kept.
    /// Beginning anew helps.
    Gone = 0x92,
    /// The idempotency key belongs to another request.
    KeyReused = 0x93,
    /// The server has no log, and so no changes to tell.
    NoLog = 0x94,
    /// The memory limit is reached. Deleting helps.
    MemoryFull = 0xA0,
    /// The log has pending writes up to its budget. Waiting helps.
    LogBehind = 0xA1,
    /// The log accepts no writes now.
    LogDown = 0xA2,
    /// A server limit is reached. Waiting helps.
    Busy = 0xA3,
    /// The server keeps as many idempotency keys as it may. Waiting helps, or a request without a key.
    TooManyKeys = 0xA4,
    /// The connection is not authenticated, or the token is wrong.
    Unauthenticated = 0xB0,
    /// The client may not do this.
    Forbidden = 0xB1,
    /// The write may or may not have been executed: the log has not confirmed it.
    OutcomeUnknown = 0xC0,
}

impl ErrorCode {
    /// Every code.
    pub const ALL: [Self; 20] = [
        Self::BadLength,
        Self::BadOpcode,
        Self::BadFlags,
        Self::BadType,
        Self::BadKey,
        Self::BadPayload,
        Self::BadValue,
        Self::Overflow,
        Self::TooLarge,
        Self::Gone,
        Self::KeyReused,
        Self::NoLog,
        Self::MemoryFull,
        Self::LogBehind,
        Self::LogDown,
        Self::Busy,
        Self::TooManyKeys,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::OutcomeUnknown,
    ];

    /// The error with this code.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|error| *error as u8 == code)
    }

    /// Whether the same request may succeed later, and repeating it cannot execute it twice.
    pub fn is_retryable(self) -> bool {
        self as u8 & 0xF0 == 0xA0
    }
}

impl From<&Refusal> for ErrorCode {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::Overflow { .. } => Self::Overflow,
            Refusal::TooLarge(_) | Refusal::ResponseTooLarge | Refusal::OutcomeTooLarge(_) => Self::TooLarge,
            Refusal::Memory { .. } => Self::MemoryFull,
            Refusal::RequestMemory | Refusal::ResponseMemory | Refusal::TooManyAttempts => Self::Busy,
            Refusal::TooManyKeys { .. } => Self::TooManyKeys,
            Refusal::KeyReused => Self::KeyReused,
            Refusal::LogBehind { .. } => Self::LogBehind,
            Refusal::LogClosed(_) | Refusal::LogDown | Refusal::LogFailed | Refusal::Fenced => Self::LogDown,
            Refusal::Unauthenticated => Self::Unauthenticated,
            Refusal::Forbidden => Self::Forbidden,
            Refusal::OutcomeUnknown => Self::OutcomeUnknown,
        }
    }
}

/// What is wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum RequestError {
    #[error("a frame of {0} bytes is shorter than a header")]
    Length(usize),
    #[error("unknown opcode {0}")]
    Opcode(u8),
    #[error("unknown flags {0:#x}; expected 0, or 1 for a durable write")]
    Flags(u16),
    #[error("a byte that must be zero is not")]
    Reserved,
    #[error("the key's length {0} extends past the end of the frame")]
    KeyLength(usize),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("value type {0} is not allowed with this request")]
    Type(u8),
    #[error(transparent)]
    Payload(#[from] PayloadError),
    #[error("this request takes no key")]
    UnwantedKey,
    #[error("an idempotency key has 1 to {MAX_IDEMPOTENCY_KEY_BYTES} visible ASCII characters")]
    IdempotencyKey,
    #[error("this request takes no payload")]
    UnwantedPayload,
    #[error("a float must be finite")]
    NotFinite,
    #[error("items must be in ascending byte order, without duplicates")]
    Order,
    #[error("item {0} extends past the end of the frame")]
    ItemLength(usize),
    #[error("more than {MAX_MULTI_ITEMS} items")]
    Items,
    #[error("more than {MAX_TRANSACT_ITEMS} conditions or steps")]
    TransactItems,
    #[error("more than {MAX_ETAGS} states in a condition")]
    Etags,
    #[error("unknown condition {0}, or states where there are none")]
    Condition(u8),
    #[error("flags {0:#x} of a step are unknown, or do not go with its operation")]
    StepFlags(u16),
    #[error("an entry cannot live for {0} ms; expected 1 to {MAX_TTL_MILLIS}")]
    Ttl(u64),
    #[error("a page of {0} entries; expected 1 to {MAX_SCAN_ENTRIES}")]
    ScanLimit(u16),
    #[error("a wait of {0} ms; expected at most {MAX_FOLLOW_WAIT_MILLIS}")]
    Wait(u16),
}

/// Why bytes are not a valid reply: a defect of the server, or another version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum ReplyError {
    #[error("the reply is shorter than a header")]
    Header,
    #[error("unknown status {0} in a reply")]
    Status(u8),
    #[error("unknown value type {0} in a reply")]
    Type(u8),
    #[error("a byte of a reply that must be zero is not")]
    Reserved,
    #[error("the payload of a reply with status {0} has the wrong size")]
    Size(u8),
    #[error("an item of a reply extends past the end of the frame")]
    Item,
    #[error("replies within an item of a reply")]
    Nested,
    #[error("the key of an entry in a reply is invalid")]
    Key,
    #[error("a change in a reply is none")]
    Change,
    #[error("a reply: {0}")]
    Payload(#[from] PayloadError),
}

impl From<TextError> for ReplyError {
    fn from(error: TextError) -> Self {
        Self::Payload(error.into())
    }
}

impl RequestError {
    /// The code of a reply to such a request.
    pub fn code(self) -> ErrorCode {
        match self {
            Self::Length(_) => ErrorCode::BadLength,
            Self::Opcode(_) => ErrorCode::BadOpcode,
            Self::Flags(_) | Self::StepFlags(_) | Self::Reserved => ErrorCode::BadFlags,
            Self::KeyLength(_) | Self::Key(_) | Self::UnwantedKey | Self::IdempotencyKey => ErrorCode::BadKey,
            Self::Type(_) | Self::Payload(PayloadError::Type { .. }) => ErrorCode::BadType,
            Self::NotFinite => ErrorCode::BadValue,
            Self::Payload(error) if holds_nul(error) => ErrorCode::BadValue,
            Self::Payload(_)
            | Self::UnwantedPayload
            | Self::Order
            | Self::ItemLength(_)
            | Self::Condition(_)
            | Self::Ttl(_)
            | Self::ScanLimit(_)
            | Self::Wait(_) => ErrorCode::BadPayload,
            Self::Items | Self::TransactItems | Self::Etags => ErrorCode::TooLarge,
        }
    }
}

/// Whether the form is valid and the only problem is a NUL: in a text, or in a text of a list.
fn holds_nul(error: PayloadError) -> bool {
    match error {
        PayloadError::Text(error) | PayloadError::Strings(StringsError::Text { error, .. }) => {
            matches!(error, TextError::Nul(_))
        }
        PayloadError::Type { .. } | PayloadError::Size(_) | PayloadError::Strings(_) | PayloadError::Outcome(_) => {
            false
        }
    }
}
