//! What came of a request, owned: it leaves the buffer of the connection for the task that asked.

use proto::frame::{Answer, ErrorCode};

use crate::{Error, ProtocolError};

/// What came of a request that was carried out.
#[derive(Debug)]
pub(crate) enum Reply {
    Done,
    Value(proto::Value),
    NoEntry,
    NoField,
    Deleted(bool),
    Count(u32),
    Has(bool),
    /// One for each item of a multi-get or multi-put.
    Many(Vec<Result<Reply, Error>>),
}

impl Reply {
    /// Copies an answer out of the frame.
    pub(crate) fn of(answer: Answer<'_>) -> Result<Self, Error> {
        Ok(match answer {
            Answer::Done => Self::Done,
            Answer::Value(value) => Self::Value(value.into()),
            Answer::NoEntry => Self::NoEntry,
            Answer::NoField => Self::NoField,
            Answer::Deleted(yes) => Self::Deleted(yes),
            Answer::Count(count) => Self::Count(count),
            Answer::Has(yes) => Self::Has(yes),
            Answer::Many(answers) => Self::Many(answers.iter().map(Self::of).collect()),
            Answer::Refused { code: ErrorCode::OutcomeUnknown, message } => {
                return Err(Error::Unconfirmed { message: message.into() });
            }
            Answer::Refused { code, message } => return Err(Error::Refused { code, message: message.into() }),
        })
    }

    /// The error for a reply that does not go with a `request`.
    pub(crate) fn unfit<T>(request: &'static str) -> Result<T, Error> {
        Err(Error::Protocol(ProtocolError::Unfit(request)))
    }
}
