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
//!        …      …  payload, and effect, to the end of the record
//!
//!   behind the payload of some kinds, 4 bytes with the effect:
//!   DelAll           the mask of the types that were deleted
//!   Incr, IncrBy     the resulting value
//! ```
//!
//! The payload is that of the operation, see `payload.rs`. Counters keep their resulting value and everything else is
//! absolute, so applying a record twice in a row leaves the state of applying it once. A record's lsn is not stored: it is the batch's first lsn plus the record's index.

use crate::key::{Key, KeyError};
use crate::limits::MAX_RECORD_BYTES;
use crate::op::{Op, OpKind};
use crate::payload::{self, PayloadError};
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
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Payload(#[from] PayloadError),
}

/// Bytes of the effect at the end of a record, for the kinds that have one.
fn effect_bytes(kind: OpKind) -> usize {
    match kind {
        OpKind::DelAll | OpKind::Incr | OpKind::IncrBy => 4,
        _ => 0,
    }
}

/// Bytes that the record of `op` takes in the log.
pub fn encoded_bytes(op: &Op<'_>) -> usize {
    KEY + op.key().as_bytes().len() + payload::bytes(op) + effect_bytes(op.kind())
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
    payload::encode(out, op);
    out.extend_from_slice(&effect.to_le_bytes()[..effect_bytes(op.kind())]);
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
    let effect_at = record.len() - effect_bytes(kind);
    let payload = record.get(key_end..effect_at).ok_or(PayloadError::Size(kind))?;
    let effect = record[effect_at..].try_into().map_or(0, u32::from_le_bytes);
    let op = payload::decode(kind, head[TYPE], key, payload)?;
    let at = base.saturating_add(i64::from(i32::from_le_bytes(field(head, TIME))));
    Ok((Record { lsn, at, op, effect }, rest))
}

/// `N` bytes of `bytes` from `at`, which the caller knows to be there.
pub(crate) fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    *bytes[at..].first_chunk().expect("the caller has checked the length")
}
