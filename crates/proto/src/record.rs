//! One operation as the log keeps it.
//!
//! Integers are little-endian. The layout is the same on the wire and on disk:
//!
//! ```text
//!   offset  bytes  field
//!        0      4  length of the whole record, these bytes included
//!        4      1  kind, the code of an OpKind
//!        5      1  value type, its code; 0 for DelAll
//!        6      2  key length
//!        8      4  time: signed microseconds from the batch's base time
//!       12      …  key
//!        …      …  payload, to the end of the record
//!
//!   kind             payload
//!   Get, Del         none
//!   Put              int, uint, float: 4 bytes; str: its bytes; map, set: the packed list
//!   DelAll           4 bytes: mask of the types that were deleted
//!   Incr             4 bytes: the resulting value
//!   IncrBy           8 bytes: the signed operand, then 4: the resulting value
//!   SetAdd, SetRem   packed list of the members in the request
//!   SetHas           the member's bytes
//!   MapGet, MapDel   the field's bytes
//!   MapSet           packed list: field, value
//! ```
//!
//! Counters keep their resulting value and everything else is absolute, so applying a record twice in a row leaves
//! the state of applying it once. A record's lsn is not stored: it is the batch's first lsn plus the record's index.

use crate::key::{Key, KeyError};
use crate::limits::MAX_RECORD_BYTES;
use crate::op::{Op, OpKind};
use crate::strings::{Strings, StringsError, packed_bytes};
use crate::text::{TextError, check_text};
use crate::value::{CounterType, ValueRef, ValueType};
use crate::{Lsn, Micros};

const LENGTH: usize = 0;
const KIND: usize = LENGTH + 4;
const TYPE: usize = KIND + 1;
const KEY_LENGTH: usize = TYPE + 1;
const TIME: usize = KEY_LENGTH + 2;
const KEY: usize = TIME + 4;

/// An operation with its place in the log, its time and its effect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Record<'a> {
    /// Position in the total order.
    pub lsn: Lsn,
    /// When it was executed.
    pub at: Micros,
    /// What was asked.
    pub op: Op<'a>,
    /// What came of it where the operation does not say so itself. Incr, IncrBy: the bits of the resulting value.
    /// DelAll: the mask of deleted types. Else 0.
    pub effect: u32,
}

/// Why bytes are not a record. Behind a valid checksum this means a defect or a newer writer, never a torn write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum RecordError {
    #[error("a record claims {0} bytes, which the batch does not have")]
    Length(usize),
    #[error("unknown operation code {0}")]
    Kind(u8),
    #[error("value type code {ty} does not go with operation {kind:?}")]
    Type { kind: OpKind, ty: u8 },
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("the payload {0}")]
    Text(#[from] TextError),
    #[error(transparent)]
    Strings(#[from] StringsError),
    #[error("the payload of {0:?} has the wrong size")]
    Payload(OpKind),
}

/// Bytes that the record of `op` takes in the log.
pub fn encoded_bytes(op: &Op<'_>) -> usize {
    let payload = match op {
        Op::Get { .. } | Op::Del { .. } => 0,
        Op::Put { value, .. } => value.packed_bytes(),
        Op::DelAll { .. } | Op::Incr { .. } => 4,
        Op::IncrBy { .. } => 12,
        Op::SetAdd { members, .. } | Op::SetRem { members, .. } => members.as_bytes().len(),
        Op::SetHas { member, .. } => member.len(),
        Op::MapGet { field, .. } | Op::MapDel { field, .. } => field.len(),
        Op::MapSet { field, value, .. } => packed_bytes(field.len()) + packed_bytes(value.len()),
    };
    KEY + op.key().as_bytes().len() + payload
}

/// Appends the record of `op` to `out`; `delta` is its time relative to the batch's base time.
pub(crate) fn encode(out: &mut Vec<u8>, op: &Op<'_>, effect: u32, delta: i32) {
    let length = encoded_bytes(op);
    debug_assert!(length <= MAX_RECORD_BYTES);
    let start = out.len();
    out.reserve(length);
    out.extend_from_slice(&(length as u32).to_le_bytes());
    out.push(op.kind() as u8);
    out.push(op.value_type().map_or(0, |ty| ty as u8));
    let key = op.key().as_bytes();
    out.extend_from_slice(&(key.len() as u16).to_le_bytes());
    out.extend_from_slice(&delta.to_le_bytes());
    out.extend_from_slice(key);
    match op {
        Op::Get { .. } | Op::Del { .. } => {}
        Op::Put { value, .. } => match value {
            ValueRef::Int(v) => out.extend_from_slice(&v.to_le_bytes()),
            ValueRef::Uint(v) => out.extend_from_slice(&v.to_le_bytes()),
            ValueRef::Float(v) => out.extend_from_slice(&v.to_le_bytes()),
            ValueRef::Str(text) => out.extend_from_slice(text.as_bytes()),
            ValueRef::Map(list) | ValueRef::Set(list) => out.extend_from_slice(list.as_bytes()),
        },
        Op::DelAll { .. } | Op::Incr { .. } => out.extend_from_slice(&effect.to_le_bytes()),
        Op::IncrBy { by, .. } => {
            out.extend_from_slice(&by.to_le_bytes());
            out.extend_from_slice(&effect.to_le_bytes());
        }
        Op::SetAdd { members, .. } | Op::SetRem { members, .. } => out.extend_from_slice(members.as_bytes()),
        Op::SetHas { member, .. } => out.extend_from_slice(member.as_bytes()),
        Op::MapGet { field, .. } | Op::MapDel { field, .. } => out.extend_from_slice(field.as_bytes()),
        Op::MapSet { field, value, .. } => {
            for item in [field, value] {
                out.extend_from_slice(&(item.len() as u32).to_le_bytes());
                out.extend_from_slice(item.as_bytes());
            }
        }
    }
    debug_assert_eq!(out.len() - start, length);
}

/// Reads the record at the start of `bytes`; returns it with what follows it.
pub(crate) fn decode(bytes: &[u8], lsn: Lsn, base: Micros) -> Result<(Record<'_>, &[u8]), RecordError> {
    let head: &[u8; KEY] = bytes.first_chunk().ok_or(RecordError::Length(bytes.len()))?;
    let length = u32::from_le_bytes(field(head, LENGTH)) as usize;
    if !(KEY..=MAX_RECORD_BYTES).contains(&length) || length > bytes.len() {
        return Err(RecordError::Length(length));
    }
    let (record, rest) = bytes.split_at(length);
    let kind = OpKind::from_code(head[KIND]).ok_or(RecordError::Kind(head[KIND]))?;
    let key_end = KEY + usize::from(u16::from_le_bytes(field(head, KEY_LENGTH)));
    let key = Key::new(record.get(KEY..key_end).ok_or(RecordError::Length(key_end))?)?;
    let payload = &record[key_end..];

    let wrong_type = RecordError::Type { kind, ty: head[TYPE] };
    let ty = match (kind, head[TYPE]) {
        (OpKind::DelAll, 0) => None,
        (OpKind::DelAll, _) => return Err(wrong_type),
        (_, code) => Some(ValueType::from_code(code).ok_or(wrong_type)?),
    };
    let (op, effect) = decode_op(kind, ty, key, payload)?;
    if op.value_type() != ty {
        return Err(wrong_type);
    }
    let at = base.saturating_add(i64::from(i32::from_le_bytes(field(head, TIME))));
    Ok((Record { lsn, at, op, effect }, rest))
}

fn decode_op<'a>(
    kind: OpKind,
    ty: Option<ValueType>,
    key: Key<'a>,
    payload: &'a [u8],
) -> Result<(Op<'a>, u32), RecordError> {
    let wrong_size = RecordError::Payload(kind);
    let word = |at: usize, size: usize| match payload.len() == size {
        true => Ok(u32::from_le_bytes(field(payload, at))),
        false => Err(wrong_size),
    };
    let counter = ty.and_then(CounterType::of).ok_or(RecordError::Type { kind, ty: ty.map_or(0, |ty| ty as u8) });
    let typed = ty.ok_or(RecordError::Type { kind, ty: 0 });
    Ok(match kind {
        OpKind::Get if payload.is_empty() => (Op::Get { ty: typed?, key }, 0),
        OpKind::Del if payload.is_empty() => (Op::Del { ty: typed?, key }, 0),
        OpKind::Get | OpKind::Del => return Err(wrong_size),
        OpKind::Put => {
            let value = match typed? {
                ValueType::Int => ValueRef::Int(word(0, 4)?.cast_signed()),
                ValueType::Uint => ValueRef::Uint(word(0, 4)?),
                ValueType::Float => ValueRef::Float(f32::from_bits(word(0, 4)?)),
                ValueType::Str => ValueRef::Str(check_text(payload)?),
                ValueType::Map => ValueRef::Map(Strings::decode_pairs(payload)?),
                ValueType::Set => ValueRef::Set(Strings::decode(payload)?),
            };
            (Op::Put { key, value }, 0)
        }
        OpKind::DelAll => (Op::DelAll { key }, word(0, 4)?),
        OpKind::Incr => (Op::Incr { ty: counter?, key }, word(0, 4)?),
        OpKind::IncrBy => {
            let effect = word(8, 12)?;
            (Op::IncrBy { ty: counter?, key, by: i64::from_le_bytes(field(payload, 0)) }, effect)
        }
        OpKind::SetAdd => (Op::SetAdd { key, members: Strings::decode(payload)? }, 0),
        OpKind::SetRem => (Op::SetRem { key, members: Strings::decode(payload)? }, 0),
        OpKind::SetHas => (Op::SetHas { key, member: check_text(payload)? }, 0),
        OpKind::MapGet => (Op::MapGet { key, field: check_text(payload)? }, 0),
        OpKind::MapDel => (Op::MapDel { key, field: check_text(payload)? }, 0),
        OpKind::MapSet => {
            let mut items = Strings::decode(payload)?.iter();
            match (items.next(), items.next(), items.next()) {
                (Some(field), Some(value), None) => (Op::MapSet { key, field, value }, 0),
                _ => return Err(wrong_size),
            }
        }
    })
}

/// `N` bytes of `bytes` from `at`, which the caller knows to be there.
pub(crate) fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    *bytes[at..].first_chunk().expect("the caller has checked the length")
}
