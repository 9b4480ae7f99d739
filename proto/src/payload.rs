//! The payload of an operation, that is, everything except its key, as bytes. Log records and request frames share it.
//!
//! Integers are little-endian.
//!
//! ```text
//!   kind                       payload
//!   Get, Del, DelAll, Incr,    none
//!   Touch, Expire
//!   Put                        the packed value (see packed.rs)
//!                              int, uint, float: 4 bytes; str: its bytes; map, set: the packed list (see strings.rs)
//!   IncrBy                     8 bytes: the signed operand
//!   SetAdd, SetRem             packed list of the members in the request
//!   SetHas                     the member's bytes
//!   MapGet, MapDel             the field's bytes
//!   MapSet                     packed list: field, value
//!   Outcome                    16 bytes: the fingerprint of the request; then what it has come to (see outcome.rs)
//! ```

use crate::counter::CounterType;
use crate::key::Key;
use crate::op::{Fingerprint, Op, OpKind};
use crate::outcome::{OutcomeError, RecordedOutcome};
use crate::packed::UnpackError;
use crate::strings::{Strings, StringsError, packed_bytes};
use crate::text::{TextError, check_text};
use crate::value::{ValueRef, ValueType};

/// Why bytes are not a valid payload of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum PayloadError {
    #[error("value type code {ty} is not allowed with the operation {}", .kind.name())]
    Type { kind: OpKind, ty: u8 },
    #[error("the payload of {} has the wrong size", .0.name())]
    Size(OpKind),
    #[error("the payload {0}")]
    Text(#[from] TextError),
    #[error(transparent)]
    Strings(#[from] StringsError),
    #[error(transparent)]
    Outcome(#[from] OutcomeError),
}

/// Size of the payload of `op`, in bytes.
pub(crate) fn bytes(op: &Op<'_>) -> usize {
    match op {
        Op::Get { .. }
        | Op::Del { .. }
        | Op::DelAll { .. }
        | Op::Incr { .. }
        | Op::Touch { .. }
        | Op::Expire { .. } => 0,
        Op::Put { value, .. } => value.packed_bytes(),
        Op::IncrBy { .. } => 8,
        Op::SetAdd { members, .. } | Op::SetRem { members, .. } => members.as_bytes().len(),
        Op::SetHas { member, .. } => member.len(),
        Op::MapGet { field, .. } | Op::MapDel { field, .. } => field.len(),
        Op::MapSet { field, value, .. } => packed_bytes(field.len()) + packed_bytes(value.len()),
        Op::Outcome { outcome, .. } => size_of::<Fingerprint>() + outcome.len(),
    }
}

/// Appends the payload of `op`.
pub(crate) fn encode(out: &mut Vec<u8>, op: &Op<'_>) {
    match op {
        Op::Get { .. }
        | Op::Del { .. }
        | Op::DelAll { .. }
        | Op::Incr { .. }
        | Op::Touch { .. }
        | Op::Expire { .. } => {}
        Op::Put { value, .. } => value.pack(out),
        Op::IncrBy { by, .. } => out.extend_from_slice(&by.to_le_bytes()),
        Op::SetAdd { members, .. } | Op::SetRem { members, .. } => out.extend_from_slice(members.as_bytes()),
        Op::SetHas { member, .. } => out.extend_from_slice(member.as_bytes()),
        Op::Outcome { fingerprint, outcome, .. } => {
            out.extend_from_slice(*fingerprint);
            out.extend_from_slice(outcome);
        }
        Op::MapGet { field, .. } | Op::MapDel { field, .. } => out.extend_from_slice(field.as_bytes()),
        Op::MapSet { field, value, .. } => {
            for item in [field, value] {
                out.extend_from_slice(&(item.len() as u32).to_le_bytes());
                out.extend_from_slice(item.as_bytes());
            }
        }
    }
}

/// Decodes an operation from its kind, value type (its code, 0 for none), key and payload.
#[inline]
pub(crate) fn decode<'a>(kind: OpKind, ty: u8, key: Key<'a>, payload: &'a [u8]) -> Result<Op<'a>, PayloadError> {
    // Fast path for the most frequent requests.
    match (kind, ValueType::from_code(ty)) {
        (OpKind::Get, Some(ty)) if payload.is_empty() => Ok(Op::Get { ty, key }),
        (OpKind::Put, Some(ty)) => Ok(Op::Put { key, value: decode_value(ty, payload)? }),
        _ => decode_other(kind, ty, key, payload),
    }
}

/// Decodes the value of a put.
#[inline(always)]
pub(crate) fn decode_value(ty: ValueType, payload: &[u8]) -> Result<ValueRef<'_>, PayloadError> {
    ValueRef::unpack(ty, payload).map_err(|e| match e {
        UnpackError::Size => PayloadError::Size(OpKind::Put),
        UnpackError::Text(error) => error.into(),
        UnpackError::Strings(error) => error.into(),
    })
}

/// Decodes anything that is not a valid get or put.
fn decode_other<'a>(kind: OpKind, ty: u8, key: Key<'a>, payload: &'a [u8]) -> Result<Op<'a>, PayloadError> {
    let wrong_type = PayloadError::Type { kind, ty };
    let wrong_size = PayloadError::Size(kind);
    let typed = || ValueType::from_code(ty).ok_or(wrong_type);
    let counter = || CounterType::of(typed()?).ok_or(wrong_type);
    let of_type = |expected: ValueType| if ty == expected as u8 { Ok(()) } else { Err(wrong_type) };
    let empty = || if payload.is_empty() { Ok(()) } else { Err(wrong_size) };
    Ok(match kind {
        OpKind::Get => {
            empty()?;
            return Err(wrong_type);
        }
        OpKind::Put => return Err(wrong_type),
        OpKind::Del | OpKind::Touch | OpKind::Expire => {
            empty()?;
            let ty = typed()?;
            match kind {
                OpKind::Del => Op::Del { ty, key },
                OpKind::Touch => Op::Touch { ty, key },
                _ => Op::Expire { ty, key },
            }
        }
        OpKind::DelAll if ty == 0 => {
            empty()?;
            Op::DelAll { key }
        }
        OpKind::Outcome if ty == 0 => {
            let (fingerprint, outcome) = payload.split_first_chunk().ok_or(wrong_size)?;
            RecordedOutcome::decode(outcome)?;
            Op::Outcome { key, fingerprint, outcome }
        }
        OpKind::DelAll | OpKind::Outcome => return Err(wrong_type),
        OpKind::Incr => {
            empty()?;
            Op::Incr { ty: counter()?, key }
        }
        OpKind::IncrBy => {
            let by = payload.try_into().map(i64::from_le_bytes).map_err(|_| wrong_size)?;
            Op::IncrBy { ty: counter()?, key, by }
        }
        OpKind::SetAdd | OpKind::SetRem | OpKind::SetHas => {
            of_type(ValueType::Set)?;
            match kind {
                OpKind::SetAdd => Op::SetAdd { key, members: Strings::decode(payload)? },
                OpKind::SetRem => Op::SetRem { key, members: Strings::decode(payload)? },
                _ => Op::SetHas { key, member: check_text(payload)? },
            }
        }
        OpKind::MapGet | OpKind::MapDel | OpKind::MapSet => {
            of_type(ValueType::Map)?;
            match kind {
                OpKind::MapGet => Op::MapGet { key, field: check_text(payload)? },
                OpKind::MapDel => Op::MapDel { key, field: check_text(payload)? },
                _ => {
                    let mut items = Strings::decode(payload)?.iter();
                    match (items.next(), items.next(), items.next()) {
                        (Some(field), Some(value), None) => Op::MapSet { key, field, value },
                        _ => return Err(wrong_size),
                    }
                }
            }
        }
    })
}
