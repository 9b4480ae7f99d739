//! Owned replies: they leave the connection's buffer for the caller's task.

use proto::frame::{Answer, REPLY_HEADER_BYTES, ReplyError};

use crate::{Error, ProtocolError};

/// The result of a request that was executed.
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
    /// Copies a reply out of the frame.
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
            Answer::Refused { code, message } => return Err(Error::from_reply(code, message)),
        })
    }

    /// The error for a reply that does not match a `request`.
    pub(crate) fn unexpected<T>(request: &'static str) -> Result<T, Error> {
        Err(Error::Protocol(ProtocolError::Unexpected(request)))
    }
}

/// Statuses from here on are errors (`proto/frames.md`).
const FIRST_ERROR: u8 = 0x80;

/// The id of the request and its error, if the only problem of a reply is an error code that this client does not know:
/// a newer server may send one. The frame's length is valid, so the connection can continue.
pub(crate) fn unknown_error(frame: &[u8], problem: ReplyError) -> Option<(u32, Error)> {
    let ReplyError::Status(code @ FIRST_ERROR..) = problem else { return None };
    let (head, payload) = frame.split_first_chunk::<REPLY_HEADER_BYTES>()?;
    let [_, _, _, _, id @ .., status, _, _, _] = *head;
    let message = match status == code {
        true => String::from_utf8_lossy(payload).into(),
        false => "the reply to one of several items".into(),
    };
    Some((u32::from_le_bytes(id), Error::OutcomeUnknown { code, message }))
}
