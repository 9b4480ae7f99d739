//! The changes after a place in the log.

use super::error::ReplyError;
use super::opaque::{ETAG_BYTES, Etag, TOKEN_BYTES, Token};
use super::parts::{iterate, set_length, split_if, unpack_value, validate};
use crate::key::Key;
use crate::lsn::Micros;
use crate::op::{Op, OpKind};
use crate::payload;
use crate::record::field;
use crate::strings::Strings;
use crate::value::{ValueRef, ValueType};

const ITEM_KIND: usize = 0;
const ITEM_TYPE: usize = 1;
const ITEM_KEY_LENGTH: usize = 2;
const ITEM_FLAGS: usize = 4;
const ITEM_RESERVED: usize = 6;
const ITEM_LENGTH: usize = 8;
const ITEM_TIME: usize = 12;
const ITEM_BYTES: usize = 20;

const ENDS_STEP: u16 = 1;
const HAS_ETAG: u16 = 2;
const EXPIRES: u16 = 4;
const HAS_CONTENT: u16 = 8;
const FLAGS_KNOWN: u16 = ENDS_STEP | HAS_ETAG | EXPIRES | HAS_CONTENT;

const CAUGHT_UP: u8 = 1;

/// A change of an entry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChangeItem<'a> {
    /// What was done. An increment is an incr, whatever it has added; a deletion of a whole key is a del for each type.
    pub kind: OpKind,
    /// The entry's type.
    pub ty: ValueType,
    /// Its key.
    pub key: Key<'a>,
    /// When it was done, in Unix microseconds.
    pub at: Micros,
    /// The entry's state after it, if there is one.
    pub etag: Option<Etag>,
    /// When the entry expires, in Unix microseconds; `None`: never.
    pub expires: Option<Micros>,
    /// What was changed, if values were wanted and there is something to tell.
    pub content: Option<ChangeContent<'a>>,
    /// The place after it, if it is the last change of its step; otherwise another one of the same step follows.
    pub step_end: Option<Token>,
}

/// What was changed of an entry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ChangeContent<'a> {
    /// The whole value: of a put, and what an increment has come to.
    Value(ValueRef<'a>),
    /// A field of a map.
    Field {
        /// Its name.
        field: &'a str,
        /// Its value.
        value: &'a str,
    },
    /// A field of a map was deleted.
    NoField(&'a str),
    /// Members that a set has now.
    Added(Strings<'a>),
    /// Members that it no longer has.
    Removed(Strings<'a>),
}

/// Changes in the order of the log, validated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Changes<'a> {
    /// All changes up to this place were told.
    pub token: Token,
    /// Whether nothing more has happened yet.
    pub is_caught_up: bool,
    items: &'a [u8],
}

impl<'a> ChangeContent<'a> {
    /// What an operation has changed; `value` is what an increment has come to.
    pub fn of(op: &Op<'a>, value: Option<ValueRef<'a>>) -> Option<Self> {
        match (*op, value) {
            (Op::Put { value, .. }, _) | (_, Some(value)) => Some(Self::Value(value)),
            (Op::MapSet { field, value, .. }, _) => Some(Self::Field { field, value }),
            (Op::MapDel { field, .. }, _) => Some(Self::NoField(field)),
            (Op::SetAdd { members, .. }, _) => Some(Self::Added(members)),
            (Op::SetRem { members, .. }, _) => Some(Self::Removed(members)),
            _ => None,
        }
    }

    fn encode(&self, out: &mut Vec<u8>, key: Key<'_>) {
        match *self {
            Self::Value(value) => value.pack(out),
            Self::Field { field, value } => payload::encode(out, &Op::MapSet { key, field, value }),
            Self::NoField(field) => payload::encode(out, &Op::MapDel { key, field }),
            Self::Added(members) => payload::encode(out, &Op::SetAdd { key, members }),
            Self::Removed(members) => payload::encode(out, &Op::SetRem { key, members }),
        }
    }
}

/// Appends the head of changes; [`set_place`] fills it in.
pub(super) fn encode_changes_head(out: &mut Vec<u8>) {
    out.extend_from_slice(&[0; TOKEN_BYTES + 1]);
}

/// Fills in the head, at the beginning of `out`.
pub(super) fn set_place(out: &mut [u8], token: &Token, is_caught_up: bool) {
    out[..TOKEN_BYTES].copy_from_slice(token);
    out[TOKEN_BYTES] = if is_caught_up { CAUGHT_UP } else { 0 };
}

/// Appends a change.
pub(super) fn encode_change(out: &mut Vec<u8>, change: &ChangeItem<'_>) {
    let ChangeItem { kind, ty, key, at, etag, expires, content, step_end } = change;
    let start = out.len();
    let flag = |set: bool, flag: u16| if set { flag } else { 0 };
    let flags =
        flag(etag.is_some(), HAS_ETAG) | flag(expires.is_some(), EXPIRES) | flag(content.is_some(), HAS_CONTENT);
    out.extend_from_slice(&[*kind as u8, *ty as u8]);
    out.extend_from_slice(&(key.as_bytes().len() as u16).to_le_bytes());
    out.extend_from_slice(&flags.to_le_bytes());
    out.extend_from_slice(&[0; ITEM_TIME - ITEM_RESERVED]);
    out.extend_from_slice(&at.to_le_bytes());
    out.extend(etag.iter().flatten());
    out.extend(expires.map(Micros::to_le_bytes).into_iter().flatten());
    out.extend_from_slice(key.as_bytes());
    let payload = out.len();
    content.iter().for_each(|content| content.encode(out, *key));
    set_length(out, start + ITEM_LENGTH, payload);
    if let Some(place) = step_end {
        end_step(out, start, place);
    }
}

/// Says of the change that begins at `start` and ends `out` that it is the last one of its step, which ends at this place.
pub(super) fn end_step(out: &mut Vec<u8>, start: usize, place: &Token) {
    out[start + ITEM_FLAGS] |= ENDS_STEP as u8;
    out.extend_from_slice(place);
}

impl<'a> Changes<'a> {
    pub(super) fn decode(payload: &'a [u8]) -> Result<Self, ReplyError> {
        let (token, rest) = payload.split_first_chunk::<TOKEN_BYTES>().ok_or(ReplyError::Item)?;
        let (is_caught_up, items) = match rest.split_first() {
            Some((flags @ 0..=CAUGHT_UP, items)) => (*flags == CAUGHT_UP, items),
            _ => return Err(ReplyError::Reserved),
        };
        validate(items, decode_change)?;
        Ok(Self { token: *token, is_caught_up, items })
    }

    /// The changes.
    pub fn iter(self) -> impl Iterator<Item = ChangeItem<'a>> {
        iterate(self.items, decode_change)
    }
}

fn decode_change(bytes: &[u8]) -> Result<(ChangeItem<'_>, &[u8]), ReplyError> {
    let (head, rest) = bytes.split_first_chunk::<ITEM_BYTES>().ok_or(ReplyError::Item)?;
    let flags = u16::from_le_bytes(field(head, ITEM_FLAGS));
    if flags & !FLAGS_KNOWN != 0 || field::<2>(head, ITEM_RESERVED) != [0, 0] {
        return Err(ReplyError::Reserved);
    }
    let code = head[ITEM_TYPE];
    let ty = ValueType::from_code(code).ok_or(ReplyError::Type(code))?;
    let kind = OpKind::from_code(head[ITEM_KIND]).filter(|kind| kind.writes()).ok_or(ReplyError::Change)?;
    let (etag, rest) = split_if::<ETAG_BYTES>(rest, flags & HAS_ETAG != 0)?;
    let (expires, rest) = split_if(rest, flags & EXPIRES != 0)?;
    let (key, rest) =
        rest.split_at_checked(u16::from_le_bytes(field(head, ITEM_KEY_LENGTH)).into()).ok_or(ReplyError::Item)?;
    let key = Key::new(key).map_err(|_| ReplyError::Key)?;
    let length = u32::from_le_bytes(field(head, ITEM_LENGTH)) as usize;
    let (payload, rest) = rest.split_at_checked(length).ok_or(ReplyError::Item)?;
    let (step_end, rest) = split_if::<TOKEN_BYTES>(rest, flags & ENDS_STEP != 0)?;
    let content = match flags & HAS_CONTENT {
        0 if length > 0 => return Err(ReplyError::Item),
        0 => None,
        _ => Some(decode_content(kind, ty, key, payload)?),
    };
    let change = ChangeItem {
        kind,
        ty,
        key,
        at: Micros::from_le_bytes(field(head, ITEM_TIME)),
        etag,
        expires: expires.map(Micros::from_le_bytes),
        content,
        step_end,
    };
    Ok((change, rest))
}

fn decode_content<'a>(
    kind: OpKind,
    ty: ValueType,
    key: Key<'a>,
    payload: &'a [u8],
) -> Result<ChangeContent<'a>, ReplyError> {
    if matches!(kind, OpKind::Put | OpKind::Incr | OpKind::IncrBy) {
        return unpack_value(ty, payload, kind as u8).map(ChangeContent::Value);
    }
    let op = payload::decode(kind, ty as u8, key, payload)?;
    ChangeContent::of(&op, None).ok_or(ReplyError::Change)
}
