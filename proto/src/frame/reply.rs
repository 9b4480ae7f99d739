//! Replies.

use super::error::ErrorCode;
use crate::limits::MAX_VALUE_BYTES;
use crate::op::Reply;
use crate::packed::UnpackError;
use crate::payload::PayloadError;
use crate::record::field;
use crate::text::{TextError, check_text};
use crate::value::{ValueRef, ValueType};

const LENGTH: usize = 0;
const ID: usize = LENGTH + 4;
const STATUS: usize = ID + 4;
const TYPE: usize = STATUS + 1;
const RESERVED: usize = TYPE + 1;

/// Size of a reply's header, in bytes.
pub const REPLY_HEADER_BYTES: usize = RESERVED + 2;

const _: () = assert!(REPLY_HEADER_BYTES == 12);

/// Largest reply, in bytes: room for the largest value of an entry. It also limits the reply to a multi-get.
pub const MAX_REPLY_BYTES: usize = 64 << 20;

const _: () = assert!(MAX_REPLY_BYTES >= MAX_VALUE_BYTES + REPLY_HEADER_BYTES);

const ITEM_STATUS: usize = 0;
const ITEM_TYPE: usize = ITEM_STATUS + 1;
const ITEM_RESERVED: usize = ITEM_TYPE + 1;
const ITEM_LENGTH: usize = ITEM_RESERVED + 2;

/// Size of an item's header in a reply to a multi-get or multi-put, in bytes.
pub const REPLY_ITEM_HEADER_BYTES: usize = ITEM_LENGTH + 4;

// Statuses. The status of an error is its code.
const DONE: u8 = 0;
const VALUE: u8 = 1;
const NO_ENTRY: u8 = 2;
const NO_FIELD: u8 = 3;
const DELETED: u8 = 4;
const COUNT: u8 = 5;
const HAS: u8 = 6;
const MANY: u8 = 7;

/// A reply with the id of its request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReplyFrame<'a> {
    /// The id that the client gave to the request.
    pub id: u32,
    /// The result.
    pub answer: Answer<'a>,
}

/// The result of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer<'a> {
    /// To a put, map-set, ping or auth: done.
    Done,
    /// To a get: the value. To an increment: the previous value. To a map-get: the field's value, a str.
    Value(ValueRef<'a>),
    /// The entry does not exist.
    NoEntry,
    /// The map exists, but does not have the field.
    NoField,
    /// Whether anything was deleted.
    Deleted(bool),
    /// How many members were added or removed.
    Count(u32),
    /// Whether the member is in the set.
    Has(bool),
    /// To a multi-get or multi-put: a reply for each item.
    Many(Answers<'a>),
    /// The request failed. It had no effect, unless the code says that its outcome is unknown.
    Refused {
        /// The reason, for a program.
        code: ErrorCode,
        /// The reason, for a person.
        message: &'a str,
    },
}

/// The replies to the items of a request, validated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answers<'a>(&'a [u8]);

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
    #[error("a reply: {0}")]
    Payload(#[from] PayloadError),
}

impl From<TextError> for ReplyError {
    fn from(error: TextError) -> Self {
        Self::Payload(error.into())
    }
}

/// Appends the reply to an operation that was executed.
pub fn encode_reply(out: &mut Vec<u8>, id: u32, reply: &Reply) {
    let (status, ty) = status(reply);
    let start = begin(out, id, status, ty);
    encode_payload(out, reply);
    set_length(out, start + LENGTH, start);
}

/// Appends the reply to a ping or an auth.
pub fn encode_done(out: &mut Vec<u8>, id: u32) {
    encode_reply(out, id, &Reply::Stored);
}

/// Appends a reply that says why the request failed.
pub fn encode_error(out: &mut Vec<u8>, id: u32, code: ErrorCode, message: &str) {
    let start = begin(out, id, code as u8, 0);
    out.extend_from_slice(message.as_bytes());
    set_length(out, start + LENGTH, start);
}

/// Appends a header whose length [`set_length`] fills in; returns its position.
fn begin(out: &mut Vec<u8>, id: u32, status: u8, ty: u8) -> usize {
    let start = out.len();
    let mut head = [0; REPLY_HEADER_BYTES];
    head[ID..STATUS].copy_from_slice(&id.to_le_bytes());
    head[STATUS] = status;
    head[TYPE] = ty;
    out.extend_from_slice(&head);
    start
}

/// A reply to a multi-get or multi-put that is being written.
#[derive(Debug)]
pub struct ManyReplies {
    start: usize,
}

impl ManyReplies {
    /// Appends the header.
    pub fn begin(out: &mut Vec<u8>, id: u32) -> Self {
        Self { start: begin(out, id, MANY, 0) }
    }

    /// Bytes of the reply so far.
    pub fn bytes(&self, out: &[u8]) -> usize {
        out.len() - self.start
    }

    /// Appends the reply to the next item.
    pub fn push(&mut self, out: &mut Vec<u8>, reply: &Reply) {
        let start = out.len();
        let (status, ty) = status(reply);
        out.extend_from_slice(&[status, ty, 0, 0, 0, 0, 0, 0]);
        encode_payload(out, reply);
        set_length(out, start + ITEM_LENGTH, start + REPLY_ITEM_HEADER_BYTES);
    }

    /// Appends the reason why the next item failed.
    pub fn push_error(&mut self, out: &mut Vec<u8>, code: ErrorCode, message: &str) {
        let start = out.len();
        out.extend_from_slice(&[code as u8, 0, 0, 0, 0, 0, 0, 0]);
        out.extend_from_slice(message.as_bytes());
        set_length(out, start + ITEM_LENGTH, start + REPLY_ITEM_HEADER_BYTES);
    }

    /// Fills in the header. Every item must have a reply.
    pub fn finish(self, out: &mut [u8]) {
        set_length(out, self.start + LENGTH, self.start);
    }
}

/// Writes the number of bytes between `from` and the end of `out` at the position `at`.
fn set_length(out: &mut [u8], at: usize, from: usize) {
    let length = (out.len() - from) as u32;
    out[at..at + 4].copy_from_slice(&length.to_le_bytes());
}

fn status(reply: &Reply) -> (u8, u8) {
    match reply {
        Reply::Stored => (DONE, 0),
        Reply::Value(value) => (VALUE, value.value_type() as u8),
        Reply::Field(_) => (VALUE, ValueType::Str as u8),
        Reply::NoEntry => (NO_ENTRY, 0),
        Reply::NoField => (NO_FIELD, 0),
        Reply::Deleted(_) => (DELETED, 0),
        Reply::Count(_) => (COUNT, 0),
        Reply::Has(_) => (HAS, 0),
    }
}

/// Size of the payload of a reply, in bytes.
pub fn payload_bytes(reply: &Reply) -> usize {
    match reply {
        Reply::Stored | Reply::NoEntry | Reply::NoField => 0,
        Reply::Value(value) => value.packed_bytes(),
        Reply::Field(text) => text.as_bytes().len(),
        Reply::Deleted(_) | Reply::Has(_) => 1,
        Reply::Count(_) => 4,
    }
}

fn encode_payload(out: &mut Vec<u8>, reply: &Reply) {
    match reply {
        Reply::Stored | Reply::NoEntry | Reply::NoField => {}
        Reply::Value(value) => value.pack(out),
        Reply::Field(text) => out.extend_from_slice(text.as_bytes()),
        Reply::Deleted(yes) | Reply::Has(yes) => out.push(u8::from(*yes)),
        Reply::Count(count) => out.extend_from_slice(&count.to_le_bytes()),
    }
}

impl<'a> ReplyFrame<'a> {
    /// Decodes a frame, as a [`super::Run`] yields it.
    pub fn decode(frame: &'a [u8]) -> Result<Self, ReplyError> {
        let (head, payload) = frame.split_first_chunk::<REPLY_HEADER_BYTES>().ok_or(ReplyError::Header)?;
        if field::<2>(head, RESERVED) != [0, 0] {
            return Err(ReplyError::Reserved);
        }
        let answer = match head[STATUS] {
            MANY if head[TYPE] == 0 => Answer::Many(Answers::decode(payload)?),
            status => decode_answer(status, head[TYPE], payload)?,
        };
        Ok(Self { id: u32::from_le_bytes(field(head, ID)), answer })
    }
}

fn decode_answer(status: u8, ty: u8, payload: &[u8]) -> Result<Answer<'_>, ReplyError> {
    let wrong_size = ReplyError::Size(status);
    if ty != 0 && status != VALUE {
        return Err(ReplyError::Type(ty));
    }
    let truth = || match payload {
        [0] => Ok(false),
        [1] => Ok(true),
        _ => Err(wrong_size),
    };
    let empty = |answer| if payload.is_empty() { Ok(answer) } else { Err(wrong_size) };
    match status {
        DONE => empty(Answer::Done),
        VALUE => {
            let ty = ValueType::from_code(ty).ok_or(ReplyError::Type(ty))?;
            match ValueRef::unpack(ty, payload) {
                Ok(value) => Ok(Answer::Value(value)),
                Err(UnpackError::Size) => Err(wrong_size),
                Err(UnpackError::Text(error)) => Err(PayloadError::from(error).into()),
                Err(UnpackError::Strings(error)) => Err(PayloadError::from(error).into()),
            }
        }
        NO_ENTRY => empty(Answer::NoEntry),
        NO_FIELD => empty(Answer::NoField),
        DELETED => Ok(Answer::Deleted(truth()?)),
        COUNT => Ok(Answer::Count(payload.try_into().map(u32::from_le_bytes).map_err(|_| wrong_size)?)),
        HAS => Ok(Answer::Has(truth()?)),
        MANY => Err(ReplyError::Nested),
        other => {
            let code = ErrorCode::from_code(other).ok_or(ReplyError::Status(other))?;
            Ok(Answer::Refused { code, message: check_text(payload)? })
        }
    }
}

impl<'a> Answers<'a> {
    fn decode(items: &'a [u8]) -> Result<Self, ReplyError> {
        let mut rest = items;
        while !rest.is_empty() {
            (_, rest) = decode_item(rest)?;
        }
        Ok(Self(items))
    }

    /// The replies, in the order of the request's items.
    pub fn iter(self) -> impl Iterator<Item = Answer<'a>> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (answer, behind) = (!rest.is_empty()).then(|| decode_item(rest).ok()).flatten()?;
            rest = behind;
            Some(answer)
        })
    }
}

fn decode_item(rest: &[u8]) -> Result<(Answer<'_>, &[u8]), ReplyError> {
    let (head, rest) = rest.split_first_chunk::<REPLY_ITEM_HEADER_BYTES>().ok_or(ReplyError::Item)?;
    if field::<2>(head, ITEM_RESERVED) != [0, 0] {
        return Err(ReplyError::Reserved);
    }
    let length = u32::from_le_bytes(field(head, ITEM_LENGTH)) as usize;
    let (payload, rest) = rest.split_at_checked(length).ok_or(ReplyError::Item)?;
    Ok((decode_answer(head[ITEM_STATUS], head[ITEM_TYPE], payload)?, rest))
}
