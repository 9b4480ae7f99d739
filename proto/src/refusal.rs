//! Everything that a request can be told instead of success: the one list, from which REST, frames and logs take theirs.

use std::sync::Arc;
use std::time::Duration;

use crate::counter::CounterType;
use crate::limits::MAX_VALUE_BYTES;
use crate::value::ValueType;

/// Pause after which a request that met a limit or a log that is down may be repeated.
const SOON: Duration = Duration::from_secs(1);

/// Pause after which a request may be repeated that needs another server in this one's place.
const AFTER_A_RESTART: Duration = Duration::from_secs(5);

/// Why a request did not succeed. All but [`Refusal::OutcomeUnknown`] changed nothing and are not in the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// An increment whose result the type cannot hold.
    #[error("the increment would overflow: {before} + {by} does not fit into {}", ValueType::from(*.ty).name())]
    Overflow {
        /// The counter's type.
        ty: CounterType,
        /// Its present value, which stays.
        before: i64,
        /// What should have been added.
        by: i64,
    },
    /// The entry's value would be larger than [`MAX_VALUE_BYTES`], or the operation's record too large for the log.
    #[error("this takes {0} bytes; a value has at most {MAX_VALUE_BYTES}")]
    TooLarge(usize),
    /// The response does not fit beside the others of the same request.
    #[error("the responses to this request are too large together; ask for this one alone")]
    ResponseTooLarge,
    /// The engine is at its memory limit. Deleting helps.
    #[error("the memory limit of {limit} bytes is reached ({used} in use); delete something or raise --max-memory")]
    Memory {
        /// Bytes in use.
        used: usize,
        /// The limit.
        limit: usize,
    },
    /// The memory for large requests is in use.
    #[error("too many large requests at a time; try again later")]
    RequestMemory,
    /// The memory for large responses is in use.
    #[error("too many large responses at a time; try again later")]
    ResponseMemory,
    /// The log lags behind by its whole byte budget. Waiting helps.
    #[error("the log is behind by {pending} bytes, its budget is {budget}; try again later")]
    LogBehind {
        /// Bytes that are not yet durable.
        pending: usize,
        /// The budget.
        budget: usize,
    },
    /// The log takes no more records: the server is stopping, or the log failed a moment ago.
    #[error("the log takes no writes now: {0}")]
    LogClosed(Arc<str>),
    /// The log cannot make anything durable for now. Waiting helps.
    #[error(
        "the log is down: this request was not carried out, but one sent before it without an answer may have been; \
         try again later"
    )]
    LogDown,
    /// The log will not come back in this process.
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
    /// The write was applied, and the log has not confirmed it: it may become durable, or be lost.
    #[error("the log has not confirmed this write: it may or may not have happened; ask before repeating it")]
    OutcomeUnknown,
}

/// What a request that did not succeed has left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trace {
    /// Nothing: it changed nothing and is not in the log.
    None,
    /// It may have been carried out. Repeating it may count twice.
    Unknown,
}

impl Refusal {
    /// What the request has left behind.
    pub fn trace(&self) -> Trace {
        match self {
            Self::OutcomeUnknown => Trace::Unknown,
            _ => Trace::None,
        }
    }

    /// When the same request may succeed; `None` if repeating it does not help, or may do harm.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Overflow { .. } | Self::TooLarge(_) | Self::ResponseTooLarge | Self::OutcomeUnknown => None,
            Self::Memory { .. }
            | Self::RequestMemory
            | Self::ResponseMemory
            | Self::LogBehind { .. }
            | Self::LogClosed(_)
            | Self::LogDown => Some(SOON),
            Self::LogFailed | Self::Fenced => Some(AFTER_A_RESTART),
        }
    }
}
