//! Replies.

use super::changes::{ChangeItem, Changes, encode_change, encode_changes_head, end_step, set_place};
use super::error::{ErrorCode, ReplyError};
use super::opaque::{Cursor, Etag, TOKEN_BYTES, Token};
use super::page::{Page, ScannedEntry, encode_page_entry, encode_page_head};
use super::parts::{iterate, set_length, split_if, unpack_value, validate};
use crate::limits::MAX_VALUE_BYTES;
use crate::lsn::Micros;
use crate::op::Reply;
use crate::record::field;
use crate::text::check_text;
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
const TRANSACTED: u8 = 8;
const CONDITION: u8 = 9;
const BOUNDS: u8 = 10;
const PAGE: u8 = 11;
const CHANGES: u8 = 12;

/// Flag of the reply to a transaction: what an earlier request with the same idempotency key has come to.
const REPLAYED: u8 = 1;

// The result of a step.
const DONE_STATUS: usize = 0;
const DONE_TYPE: usize = 1;
const DONE_FLAGS: usize = 2;
const DONE_LENGTH: usize = 4;
const DONE_BYTES: usize = 8;

const EXISTED: u16 = 1;
const HAS_ETAG: u16 = 2;
const EXPIRES: u16 = 4;
const DONE_FLAGS_KNOWN: u16 = EXISTED | HAS_ETAG | EXPIRES;

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
    /// To a transaction: it was carried out.
    Transacted {
        /// Its place in the log, or what its reads are at least as new as.
        token: Token,
        /// Whether this is what an earlier request with the same idempotency key has come to, and this one has done nothing.
        replayed: bool,
        /// Of each step.
        results: StepResults<'a>,
    },
    /// To a transaction: a condition does not hold, and nothing was done.
    Condition {
        /// Number of the condition, from 0.
        number: u16,
        /// The entry, if there is one.
        found: Option<FoundEntry<'a>>,
    },
    /// To a transaction: an increment would lead beyond its bounds, and nothing was done.
    Bounds {
        /// Number of the step, from 0.
        number: u16,
        /// The counter's value.
        before: i64,
    },
    /// To a scan: a page of entries.
    Page(Page<'a>),
    /// To a request for changes.
    Changes(Changes<'a>),
    /// The request failed. It had no effect, unless the code says that its outcome is unknown.
    Refused {
        /// The reason, for a program.
        code: ErrorCode,
        /// The reason, for a person.
        message: &'a str,
    },
}

/// What has become of an entry that a step is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EntryFacts {
    /// Whether it was there before the step.
    pub existed: bool,
    /// Its state after the step, if it is there.
    pub etag: Option<Etag>,
    /// When it expires, in Unix microseconds; `None`: never.
    pub expires: Option<Micros>,
}

/// An entry that did not fulfil a condition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FoundEntry<'a> {
    /// Its state.
    pub etag: Etag,
    /// Its value, if it is small and may be told.
    pub value: Option<ValueRef<'a>>,
}

/// The result of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepResult<'a> {
    /// The reply to the operation.
    pub answer: Answer<'a>,
    /// What has become of the entry.
    pub facts: EntryFacts,
}

/// The results of the steps of a transaction, validated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepResults<'a>(&'a [u8]);

/// The replies to the items of a request, validated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answers<'a>(&'a [u8]);

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

/// Appends the result of a step, or why its reply is missing.
fn encode_step_result(out: &mut Vec<u8>, reply: Result<&Reply, (ErrorCode, &str)>, facts: &EntryFacts) {
    let start = out.len();
    let (code, ty) = match reply {
        Ok(reply) => status(reply),
        Err((code, _)) => (code as u8, 0),
    };
    let flag = |set: bool, flag: u16| if set { flag } else { 0 };
    let flags =
        flag(facts.existed, EXISTED) | flag(facts.etag.is_some(), HAS_ETAG) | flag(facts.expires.is_some(), EXPIRES);
    out.extend_from_slice(&[code, ty]);
    out.extend_from_slice(&flags.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend(facts.etag.into_iter().flatten());
    out.extend(facts.expires.map(Micros::to_le_bytes).into_iter().flatten());
    let payload = out.len();
    match reply {
        Ok(reply) => encode_payload(out, reply),
        Err((_, message)) => out.extend_from_slice(message.as_bytes()),
    }
    set_length(out, start + DONE_LENGTH, payload);
}

/// A reply to a transaction that was carried out, being written.
#[derive(Debug)]
pub struct TransactReply {
    start: usize,
}

impl TransactReply {
    /// Appends the header, the place in the log, and whether an earlier request has done it.
    pub fn begin(out: &mut Vec<u8>, id: u32, token: &Token, replayed: bool) -> Self {
        let start = begin(out, id, TRANSACTED, 0);
        out.extend_from_slice(token);
        out.push(if replayed { REPLAYED } else { 0 });
        Self { start }
    }

    /// Appends the result of the next step; the reason, if there is no room for its reply.
    pub fn push(&mut self, out: &mut Vec<u8>, reply: Result<&Reply, (ErrorCode, &str)>, facts: &EntryFacts) {
        encode_step_result(out, reply, facts);
    }

    /// Fills in the header. Every step must have a result.
    pub fn finish(self, out: &mut [u8]) {
        set_length(out, self.start + LENGTH, self.start);
    }
}

/// Appends the reply to a transaction whose condition with this number does not hold.
pub fn encode_condition(out: &mut Vec<u8>, id: u32, number: u16, found: Option<&FoundEntry<'_>>) {
    let value = found.and_then(|found| found.value);
    let start = begin(out, id, CONDITION, value.map_or(0, |value| value.value_type() as u8));
    out.extend_from_slice(&number.to_le_bytes());
    out.extend_from_slice(&[u8::from(found.is_some()), 0]);
    found.iter().for_each(|found| out.extend_from_slice(&found.etag));
    value.iter().for_each(|value| value.pack(out));
    set_length(out, start + LENGTH, start);
}

/// Appends the reply to a transaction whose step with this number would lead a counter beyond its bounds.
pub fn encode_bounds(out: &mut Vec<u8>, id: u32, number: u16, before: i64) {
    let start = begin(out, id, BOUNDS, 0);
    out.extend_from_slice(&number.to_le_bytes());
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&before.to_le_bytes());
    set_length(out, start + LENGTH, start);
}

/// Appends a page of entries.
pub fn encode_page<'e>(
    out: &mut Vec<u8>,
    id: u32,
    next: Option<Cursor>,
    entries: impl IntoIterator<Item = ScannedEntry<'e>>,
) {
    let start = begin(out, id, PAGE, 0);
    encode_page_head(out, next);
    entries.into_iter().for_each(|entry| encode_page_entry(out, &entry));
    set_length(out, start + LENGTH, start);
}

/// A reply with changes that is being written.
#[derive(Debug)]
pub struct ChangesReply {
    start: usize,
    /// Where the last change begins.
    last: usize,
}

impl ChangesReply {
    /// Appends the header.
    pub fn begin(out: &mut Vec<u8>, id: u32) -> Self {
        let start = begin(out, id, CHANGES, 0);
        encode_changes_head(out);
        Self { start, last: out.len() }
    }

    /// Appends a change.
    pub fn push(&mut self, out: &mut Vec<u8>, change: &ChangeItem<'_>) {
        self.last = out.len();
        encode_change(out, change);
    }

    /// The last change ends its step at this place.
    pub fn end_step(&self, out: &mut Vec<u8>, place: &Token) {
        end_step(out, self.last, place);
    }

    /// Fills in the header: all changes up to the place were told.
    pub fn finish(self, out: &mut [u8], token: &Token, is_caught_up: bool) {
        set_place(&mut out[self.start + REPLY_HEADER_BYTES..], token, is_caught_up);
        set_length(out, self.start + LENGTH, self.start);
    }
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
            TRANSACTED if head[TYPE] == 0 => decode_transacted(payload)?,
            CONDITION => decode_condition(head[TYPE], payload)?,
            BOUNDS if head[TYPE] == 0 => decode_bounds(payload)?,
            PAGE if head[TYPE] == 0 => Answer::Page(Page::decode(payload)?),
            CHANGES if head[TYPE] == 0 => Answer::Changes(Changes::decode(payload)?),
            status => decode_answer(status, head[TYPE], payload)?,
        };
        Ok(Self { id: u32::from_le_bytes(field(head, ID)), answer })
    }
}

fn decode_transacted(payload: &[u8]) -> Result<Answer<'_>, ReplyError> {
    let (token, rest) = payload.split_first_chunk::<TOKEN_BYTES>().ok_or(ReplyError::Size(TRANSACTED))?;
    match rest.split_first() {
        Some((&flags @ (0 | REPLAYED), items)) => {
            let (replayed, results) = (flags == REPLAYED, StepResults::decode(items)?);
            Ok(Answer::Transacted { token: *token, replayed, results })
        }
        _ => Err(ReplyError::Reserved),
    }
}

fn decode_condition(ty: u8, payload: &[u8]) -> Result<Answer<'_>, ReplyError> {
    let (head, rest) = payload.split_first_chunk::<4>().ok_or(ReplyError::Size(CONDITION))?;
    let [a, b, is_there @ 0..=1, 0] = *head else { return Err(ReplyError::Reserved) };
    let (etag, rest) = split_if(rest, is_there == 1)?;
    let value = match ty {
        0 if rest.is_empty() => None,
        0 => return Err(ReplyError::Size(CONDITION)),
        code => {
            let ty = ValueType::from_code(code).ok_or(ReplyError::Type(code))?;
            Some(unpack_value(ty, rest, CONDITION)?)
        }
    };
    let found = etag.map(|etag| FoundEntry { etag, value });
    if found.is_none() && value.is_some() {
        return Err(ReplyError::Size(CONDITION));
    }
    Ok(Answer::Condition { number: u16::from_le_bytes([a, b]), found })
}

fn decode_bounds(payload: &[u8]) -> Result<Answer<'_>, ReplyError> {
    let bytes: &[u8; 12] = payload.try_into().map_err(|_| ReplyError::Size(BOUNDS))?;
    match field::<2>(bytes, 2) {
        [0, 0] => Ok(Answer::Bounds {
            number: u16::from_le_bytes(field(bytes, 0)),
            before: i64::from_le_bytes(field(bytes, 4)),
        }),
        _ => Err(ReplyError::Reserved),
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
            unpack_value(ty, payload, status).map(Answer::Value)
        }
        NO_ENTRY => empty(Answer::NoEntry),
        NO_FIELD => empty(Answer::NoField),
        DELETED => Ok(Answer::Deleted(truth()?)),
        COUNT => Ok(Answer::Count(payload.try_into().map(u32::from_le_bytes).map_err(|_| wrong_size)?)),
        HAS => Ok(Answer::Has(truth()?)),
        MANY | TRANSACTED | CONDITION | BOUNDS | PAGE | CHANGES => Err(ReplyError::Nested),
        other => {
            let code = ErrorCode::from_code(other).ok_or(ReplyError::Status(other))?;
            Ok(Answer::Refused { code, message: check_text(payload)? })
        }
    }
}

impl<'a> Answers<'a> {
    fn decode(items: &'a [u8]) -> Result<Self, ReplyError> {
        validate(items, decode_item)?;
        Ok(Self(items))
    }

    /// The replies, in the order of the request's items.
    pub fn iter(self) -> impl Iterator<Item = Answer<'a>> {
        iterate(self.0, decode_item)
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

impl<'a> StepResults<'a> {
    pub(super) fn decode(items: &'a [u8]) -> Result<Self, ReplyError> {
        validate(items, decode_step_result)?;
        Ok(Self(items))
    }

    /// The results, in the order of the steps.
    pub fn iter(self) -> impl Iterator<Item = StepResult<'a>> {
        iterate(self.0, decode_step_result)
    }
}

fn decode_step_result(bytes: &[u8]) -> Result<(StepResult<'_>, &[u8]), ReplyError> {
    let (head, rest) = bytes.split_first_chunk::<DONE_BYTES>().ok_or(ReplyError::Item)?;
    let flags = u16::from_le_bytes(field(head, DONE_FLAGS));
    if flags & !DONE_FLAGS_KNOWN != 0 {
        return Err(ReplyError::Reserved);
    }
    let (etag, rest) = split_if(rest, flags & HAS_ETAG != 0)?;
    let (expires, rest) = split_if(rest, flags & EXPIRES != 0)?;
    let length = u32::from_le_bytes(field(head, DONE_LENGTH)) as usize;
    let (payload, rest) = rest.split_at_checked(length).ok_or(ReplyError::Item)?;
    let answer = decode_answer(head[DONE_STATUS], head[DONE_TYPE], payload)?;
    let facts = EntryFacts { existed: flags & EXISTED != 0, etag, expires: expires.map(Micros::from_le_bytes) };
    Ok((StepResult { answer, facts }, rest))
}
