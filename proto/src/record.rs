//! One operation as the log keeps it.
//!
//! Integers are little-endian. The layout is the same on the wire and on disk:
//!
//! ```text
//!   offset  bytes  field
//!        0      4  length of the whole record, including this field
//!        4      1  kind, the code of an OpKind; version 2: if bit 7 is set, an options block follows the key
//!        5      1  value type, its code; 0 for DelAll
//!        6      2  key length
//!        8      4  time: signed microseconds relative to the batch's base time
//!       12      …  key
//!        …      …  version 2: options block, if bit 7 of the kind is set; see options.rs
//!        …      …  payload, and effect, to the end of the record
//!
//!   after the payload, the effect, for some kinds:
//!   DelAll           4 bytes: the set of the deleted types
//!   Incr, IncrBy     the resulting value, in its packed form
//! ```
//!
//! A record without options is the same in both versions. The batch says which version its records have.
//!
//! The payload is that of the operation, see `payload.rs`. A counter's record contains the resulting value, and all
//! other records are absolute; the options of a write say when the entry expires after it, if it does. So applying a record twice in a row has the same result as applying it once. A record's
//! lsn is not stored: it is the batch's first lsn plus the record's index.

use crate::counter::{CounterType, Effect, TYPE_SET_BYTES};
use crate::key::{Key, KeyError};
use crate::limits::{MAX_KEY_BYTES, MAX_OPTIONS_BYTES, MAX_RECORD_BYTES, MAX_VALUE_BYTES};
use crate::lsn::{Lsn, Micros};
use crate::op::{Op, OpKind};
use crate::options::{self, OptionsError, RecordOptions};
use crate::packed::Unpack;
use crate::payload::{self, PayloadError};
use crate::value::{TypeSet, ValueType};

/// The first version whose records may have options.
const VERSION_WITH_OPTIONS: u16 = 2;

/// The bit of the kind that says that an options block follows the key.
const HAS_OPTIONS: u8 = 1 << 7;

const LENGTH: usize = 0;
const KIND: usize = LENGTH + 4;
const TYPE: usize = KIND + 1;
const KEY_LENGTH: usize = TYPE + 1;
const TIME: usize = KEY_LENGTH + 2;
const KEY: usize = TIME + 4;

// The largest record sets a field: it has two texts, each with its length.
const _: () = assert!(KEY + MAX_KEY_BYTES + 2 + MAX_OPTIONS_BYTES + 2 * (4 + MAX_VALUE_BYTES) <= MAX_RECORD_BYTES);

/// An operation with its position in the log, its time and its effect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Record<'a> {
    /// Position in the total order.
    pub lsn: Lsn,
    /// When it was executed.
    pub at: Micros,
    /// The request.
    pub op: Op<'a>,
    /// The result, where the operation itself does not say it: of Incr, IncrBy and DelAll.
    pub effect: Effect,
    /// What else the record says.
    pub options: RecordOptions,
}

/// What can be told of a record without decoding it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHead<'a> {
    /// Position in the total order.
    pub lsn: Lsn,
    /// What kind of operation it is of; `None` if it is of none that is known.
    pub kind: Option<OpKind>,
    /// The value type; `None` if it is of a whole key.
    pub ty: Option<ValueType>,
    /// The key, as it is stored.
    pub key: &'a [u8],
    /// How many records of its group follow; see [`RecordOptions::following`].
    pub following: u16,
    /// Size of the record, in bytes.
    pub bytes: usize,
}

/// Why bytes are not a valid record. If the checksum is valid, this means a defect or a newer writer, never a torn
/// write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum RecordError {
    #[error("a record claims {0} bytes, more than the batch has")]
    Length(usize),
    #[error("unknown operation code {0}")]
    Kind(u8),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Options(#[from] OptionsError),
    #[error(transparent)]
    Payload(#[from] PayloadError),
    #[error("the deleted types {0:#b} are not all known")]
    Types(u32),
}

/// Size of the effect at the end of the record of `op`, in bytes.
#[inline]
fn effect_bytes(op: &Op<'_>) -> usize {
    match op {
        Op::DelAll { .. } => TYPE_SET_BYTES,
        Op::Incr { ty, .. } | Op::IncrBy { ty, .. } => ty.packed_bytes(),
        _ => 0,
    }
}

/// Whether `effect` can be an effect of `op`.
#[inline]
fn is_effect_of(op: &Op<'_>, effect: Effect) -> bool {
    match effect {
        Effect::None => effect_bytes(op) == 0,
        Effect::Types(_) => matches!(op, Op::DelAll { .. }),
        result => match op {
            Op::Incr { ty, .. } | Op::IncrBy { ty, .. } => result.counter_type() == Some(*ty),
            _ => false,
        },
    }
}

/// Size of the record of `op` in the log without options, in bytes.
#[inline]
pub fn record_bytes(op: &Op<'_>) -> usize {
    KEY + op.key().as_bytes().len() + payload::bytes(op) + effect_bytes(op)
}

/// Appends the record of `op` to `out`; `delta` is its time relative to the batch's base time. Panics if `effect`
/// cannot be an effect of `op`: such a record could not be read.
#[inline]
pub(crate) fn encode(out: &mut Vec<u8>, op: &Op<'_>, effect: Effect, options: &RecordOptions, delta: i32) {
    assert!(is_effect_of(op, effect), "{effect:?} is no effect of {}", op.kind().name());
    let options_bytes = options.bytes();
    let length = record_bytes(op) + options_bytes;
    debug_assert!(length <= MAX_RECORD_BYTES);
    let start = out.len();
    out.reserve(length);
    let key = op.key().as_bytes();
    let mut head = [0; KEY];
    head[LENGTH..KIND].copy_from_slice(&(length as u32).to_le_bytes());
    head[KIND] = op.kind() as u8 | if options_bytes > 0 { HAS_OPTIONS } else { 0 };
    head[TYPE] = op.value_type().map_or(0, |ty| ty as u8);
    head[KEY_LENGTH..TIME].copy_from_slice(&(key.len() as u16).to_le_bytes());
    head[TIME..KEY].copy_from_slice(&delta.to_le_bytes());
    out.extend_from_slice(&head);
    out.extend_from_slice(key);
    if options_bytes > 0 {
        options.encode(out);
    }
    payload::encode(out, op);
    effect.pack(out);
    debug_assert_eq!(out.len() - start, length);
}

/// The head of the record at the start of `bytes`; `None` if there is none.
#[inline]
pub(crate) fn peek(bytes: &[u8], version: u16, lsn: Lsn) -> Option<RecordHead<'_>> {
    let head: &[u8; KEY] = bytes.first_chunk()?;
    let length = u32::from_le_bytes(field(head, LENGTH)) as usize;
    let key_end = KEY + usize::from(u16::from_le_bytes(field(head, KEY_LENGTH)));
    let key = bytes.get(..length)?.get(KEY..key_end)?;
    let (mut kind, mut following) = (head[KIND], 0);
    if kind & HAS_OPTIONS != 0 && version >= VERSION_WITH_OPTIONS {
        kind &= !HAS_OPTIONS;
        following = options::decode(&bytes[key_end..length]).map_or(0, |(options, _)| options.following);
    }
    let (kind, ty) = (OpKind::from_code(kind), ValueType::from_code(head[TYPE]));
    Some(RecordHead { lsn, kind, ty, key, following, bytes: length })
}

/// Decodes the record of this version at the start of `bytes`; returns it with the rest.
#[inline]
pub(crate) fn decode(bytes: &[u8], version: u16, lsn: Lsn, base: Micros) -> Result<(Record<'_>, &[u8]), RecordError> {
    let head: &[u8; KEY] = bytes.first_chunk().ok_or(RecordError::Length(bytes.len()))?;
    let length = u32::from_le_bytes(field(head, LENGTH)) as usize;
    if !(KEY..=MAX_RECORD_BYTES).contains(&length) || length > bytes.len() {
        return Err(RecordError::Length(length));
    }
    let (record, rest) = bytes.split_at(length);
    let key_end = KEY + usize::from(u16::from_le_bytes(field(head, KEY_LENGTH)));
    let (mut code, key, mut body) = (head[KIND], record.get(KEY..key_end), record.get(key_end..).unwrap_or_default());
    let has_options = code & HAS_OPTIONS != 0 && version >= VERSION_WITH_OPTIONS;
    if has_options {
        code &= !HAS_OPTIONS;
    }
    let kind = OpKind::from_code(code).ok_or(RecordError::Kind(head[KIND]))?;
    let key = Key::new(key.ok_or(RecordError::Length(key_end))?)?;
    let mut options = RecordOptions::default();
    if has_options {
        (options, body) = options::decode(body)?;
        if options.expires.is_some() && !kind.may_expire() {
            return Err(OptionsError::NothingExpires.into());
        }
    }
    let effect = split_effect(kind, head[TYPE], &mut body)?;
    let op = payload::decode(kind, head[TYPE], key, body)?;
    let at = base.saturating_add(i64::from(i32::from_le_bytes(field(head, TIME))));
    Ok((Record { lsn, at, op, effect, options }, rest))
}

/// Splits the effect off the end of `body`, if records of this kind and type have one.
#[inline]
fn split_effect(kind: OpKind, ty: u8, body: &mut &[u8]) -> Result<Effect, RecordError> {
    let counter = match kind {
        OpKind::DelAll => None,
        OpKind::Incr | OpKind::IncrBy => {
            let wrong_type = PayloadError::Type { kind, ty };
            Some(ValueType::from_code(ty).and_then(CounterType::of).ok_or(wrong_type)?)
        }
        _ => return Ok(Effect::None),
    };
    let wrong_size = PayloadError::Size(kind);
    let effect_bytes = counter.map_or(TYPE_SET_BYTES, CounterType::packed_bytes);
    let (payload, effect) = body.len().checked_sub(effect_bytes).map(|at| body.split_at(at)).ok_or(wrong_size)?;
    *body = payload;
    match counter {
        Some(counter) => Ok(counter.unpack_effect(effect).map_err(|_| wrong_size)?),
        None => {
            let bits = u32::unpack(effect).map_err(|_| wrong_size)?;
            TypeSet::from_bits(bits).map(Effect::Types).ok_or(RecordError::Types(bits))
        }
    }
}

/// `N` bytes of `bytes` from `at`. The caller has checked the length.
pub(crate) fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    *bytes[at..].first_chunk().expect("the caller has checked the length")
}
