//! Owned replies: they leave the connection's buffer for the caller's task.

use proto::frame::{Answer, Changes, Cursor, REPLY_HEADER_BYTES, ReplyError};

use crate::change::{Change, FeedStep};
use crate::results::{Etag, NoRoom, Scanned, StepDone, StepReply, Token, Transacted, time_of};
use crate::{Error, ProtocolError, Value};

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
    Transacted(Transacted),
    Condition {
        number: u16,
        etag: Option<Etag>,
        value: Option<Value>,
    },
    Bounds {
        number: u16,
        before: i64,
    },
    Page {
        next: Option<Cursor>,
        entries: Vec<Scanned>,
    },
    Changes {
        token: Token,
        is_caught_up: bool,
        steps: Vec<FeedStep>,
    },
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
            Answer::Transacted { token, replayed, results } => {
                let steps = results.iter().map(|step| StepDone {
                    result: step_reply(step.answer),
                    existed: step.facts.existed,
                    etag: step.facts.etag.map(Etag),
                    expires: step.facts.expires.map(time_of),
                });
                Self::Transacted(Transacted { token: Token(token), replayed, steps: steps.collect() })
            }
            Answer::Condition { number, found } => Self::Condition {
                number,
                etag: found.map(|found| Etag(found.etag)),
                value: found.and_then(|found| found.value).map(value),
            },
            Answer::Bounds { number, before } => Self::Bounds { number, before },
            Answer::Page(page) => {
                let entries = page.entries().map(|entry| Scanned {
                    ty: entry.ty,
                    key: entry.key.as_str().to_owned(),
                    etag: Etag(entry.etag),
                    expires: entry.expires.map(time_of),
                    value: entry.value.map(value),
                });
                Self::Page { next: page.next, entries: entries.collect() }
            }
            Answer::Changes(changes) => Self::Changes {
                token: Token(changes.token),
                is_caught_up: changes.is_caught_up,
                steps: steps_of(changes),
            },
            Answer::Refused { code, message } => return Err(Error::from_reply(code, message)),
        })
    }

    /// The error for a reply that does not match a `request`.
    pub(crate) fn unexpected<T>(request: &'static str) -> Result<T, Error> {
        Err(Error::Protocol(ProtocolError::Unexpected(request)))
    }
}

fn value(packed: proto::ValueRef<'_>) -> Value {
    proto::Value::from(packed).into()
}

/// The changes of each step.
fn steps_of(changes: Changes<'_>) -> Vec<FeedStep> {
    let (mut steps, mut step) = (Vec::new(), Vec::new());
    for item in changes.iter() {
        step.push(Change::of(&item));
        if let Some(place) = item.step_end {
            steps.push(FeedStep { changes: std::mem::take(&mut step), token: Token(place) });
        }
    }
    steps
}

fn step_reply(answer: Answer<'_>) -> Result<StepReply, NoRoom> {
    Ok(match answer {
        Answer::Done => StepReply::Stored,
        Answer::Value(packed) => StepReply::Value(value(packed)),
        Answer::NoEntry => StepReply::NoEntry,
        Answer::NoField => StepReply::NoField,
        Answer::Deleted(yes) => StepReply::Deleted(yes),
        Answer::Count(count) => StepReply::Count(count),
        Answer::Has(yes) => StepReply::Has(yes),
        Answer::Refused { message, .. } => return Err(NoRoom(message.into())),
        // Not reached: a result of a step is none of these.
        Answer::Many(_)
        | Answer::Transacted { .. }
        | Answer::Condition { .. }
        | Answer::Bounds { .. }
        | Answer::Page(_)
        | Answer::Changes(_) => return Err(NoRoom("an answer of another kind".into())),
    })
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
