//! Every error that a request can get: the one list from which REST, frames and logs take theirs.

use std::sync::Arc;
use std::time::Duration;

use crate::counter::CounterType;
use crate::limits::{MAX_OUTCOME_BYTES, MAX_VALUE_BYTES};
use crate::value::ValueType;

/// Delay before retrying a request that met a limit or a log that is down.
const SOON: Duration = Duration::from_secs(1);

/// Delay before retrying a request that needs another server to replace this one.
const AFTER_A_RESTART: Duration = Duration::from_secs(5);

/// Delay before presenting a token again, after too many wrong ones.
const AFTER_WRONG_TOKENS: Duration = Duration::from_secs(10);

/// Why a request failed. All but [`Refusal::OutcomeUnknown`] changed nothing and are not in the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// An increment whose result does not fit into the type.
    #[error("the increment would overflow: {before} + {by} does not fit into {}", ValueType::from(*.ty).name())]
    Overflow {
        /// The counter's type.
        ty: CounterType,
        /// Its current value, which does not change.
        before: i64,
        /// The increment.
        by: i64,
    },
    /// The entry's value would be larger than [`MAX_VALUE_BYTES`], or the operation's record too large for the log.
    #[error("this takes {0} bytes; a value has at most {MAX_VALUE_BYTES}")]
    TooLarge(usize),
    /// The response does not fit together with the other responses of the same request.
    #[error("the responses to this request are too large together; request this one separately")]
    ResponseTooLarge,
    /// The memory limit is reached. Deleting helps.
    #[error("the memory limit of {limit} bytes is reached ({used} in use); delete something or raise --max-memory")]
    Memory {
        /// Bytes in use.
        used: usize,
        /// The limit.
        limit: usize,
    },
    /// The memory for large requests is in use.
    #[error("too many large requests at the same time; try again later")]
    RequestMemory,
    /// The memory for large responses is in use.
    #[error("too many large responses at the same time; try again later")]
    ResponseMemory,
    /// The log has unwritten records up to its byte budget. Waiting helps.
    #[error("the log has {pending} bytes pending, its budget is {budget}; try again later")]
    LogBehind {
        /// Bytes that are not yet durable.
        pending: usize,
        /// The budget.
        budget: usize,
    },
    /// The log accepts no more records: the server is stopping, or the log has just failed.
    #[error(
        "the log accepts no writes now: {0}: this request was not carried out, but one sent before it without an answer may \
         have been"
    )]
    LogClosed(Arc<str>),
    /// The log cannot make anything durable at the moment. Waiting helps.
    #[error(
        "the log is down: this request was not carried out, but one sent before it without an answer may have been; \
         try again later"
    )]
    LogDown,
    /// The log will not recover in this process.
    #[error(
        "the log has failed: this request was not carried out, but one sent before it without an answer may have been; \
         kvs must be restarted"
    )]
    LogFailed,
    /// Another writer has taken over the log.
    #[error(
        "another kvs has taken over the log: this request was not carried out, but one sent before it without an answer \
         may have been; write to the other kvs"
    )]
    Fenced,
    /// The client has not said who it is, or with a token that is wrong, expired or revoked.
    #[error(
        "this needs a valid token of this server: over REST in the header Authorization: Bearer TOKEN, over frames in an \
         auth request"
    )]
    Unauthenticated,
    /// The client may not do this. The same whether the entry exists or not.
    #[error("this identity may not do that: its scopes, value types or key prefix do not include it")]
    Forbidden,
    /// Too many wrong tokens have come from the client's address.
    #[error("too many wrong tokens from this address; try again later")]
    TooManyAttempts,
    /// The idempotency key belongs to another request.
    #[error("this idempotency key was used for another request; use a new key for each request")]
    KeyReused,
    /// What the request has come to is too large to be kept for its idempotency key.
    #[error("what this request replies takes {0} bytes; with an idempotency key at most {MAX_OUTCOME_BYTES} are kept")]
    OutcomeTooLarge(usize),
    /// As many idempotency keys are kept as the server may keep. Waiting helps, or a request without a key.
    #[error("the server keeps as many idempotency keys as it may ({keys}, {bytes} bytes); try again later")]
    TooManyKeys {
        /// Keys that are kept.
        keys: usize,
        /// Bytes that they take.
        bytes: usize,
    },
    /// The write was applied, but the log has not confirmed it: it may become durable, or be lost.
    #[error("the log has not confirmed this write: it may or may not have happened; ask before repeating it")]
    OutcomeUnknown,
}

/// The effect of a request that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trace {
    /// None: it changed nothing and is not in the log.
    None,
    /// It may have been executed. Repeating it may count twice.
    Unknown,
}

impl Refusal {
    /// Every reason in one word, for metrics; [`Refusal::reason`] says which.
    pub const REASONS: [&'static str; 18] = [
        "overflow",
        "too_large",
        "response_too_large",
        "memory",
        "request_memory",
        "response_memory",
        "log_behind",
        "log_closed",
        "log_down",
        "log_failed",
        "fenced",
        "unauthenticated",
        "forbidden",
        "too_many_attempts",
        "outcome_unknown",
        "key_reused",
        "outcome_too_large",
        "too_many_keys",
    ];

    /// The number of its reason in [`Refusal::REASONS`].
    pub fn reason(&self) -> usize {
        match self {
            Self::Overflow { .. } => 0,
            Self::TooLarge(_) => 1,
            Self::ResponseTooLarge => 2,
            Self::Memory { .. } => 3,
            Self::RequestMemory => 4,
            Self::ResponseMemory => 5,
            Self::LogBehind { .. } => 6,
            Self::LogClosed(_) => 7,
            Self::LogDown => 8,
            Self::LogFailed => 9,
            Self::Fenced => 10,
            Self::Unauthenticated => 11,
            Self::Forbidden => 12,
            Self::TooManyAttempts => 13,
            Self::OutcomeUnknown => 14,
            Self::KeyReused => 15,
            Self::OutcomeTooLarge(_) => 16,
            Self::TooManyKeys { .. } => 17,
        }
    }

    /// Whether the request may have had an effect.
    pub fn trace(&self) -> Trace {
        match self {
            Self::OutcomeUnknown => Trace::Unknown,
            _ => Trace::None,
        }
    }

    /// When the same request may succeed; `None` if repeating it does not help or may do harm.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Overflow { .. }
            | Self::TooLarge(_)
            | Self::ResponseTooLarge
            | Self::Unauthenticated
            | Self::Forbidden
            | Self::KeyReused
            | Self::OutcomeTooLarge(_)
            | Self::OutcomeUnknown => None,
            Self::Memory { .. }
            | Self::RequestMemory
            | Self::ResponseMemory
            | Self::LogBehind { .. }
            | Self::LogClosed(_)
            | Self::LogDown
            | Self::TooManyKeys { .. } => Some(SOON),
            Self::LogFailed | Self::Fenced => Some(AFTER_A_RESTART),
            Self::TooManyAttempts => Some(AFTER_WRONG_TOKENS),
        }
    }
}
