//! Requests for transactions: several operations that take effect together or not at all, on conditions.

use super::error::RequestError;
use super::limits::{MAX_ETAGS, MAX_TRANSACT_ITEMS};
use super::opaque::{ETAG_BYTES, Etag};
use super::rules::{check_members, check_value, kind_of};
use crate::idempotency::IdempotencyKey;
use crate::key::Key;
use crate::limits::MAX_TTL_MILLIS;
use crate::op::{Op, OpKind};
use crate::payload;
use crate::record::field;
use crate::value::ValueType;

const COUNTS_BYTES: usize = 4;

// A condition.
const CHECK_TYPE: usize = 0;
const CHECK_KIND: usize = 1;
const CHECK_KEY_LENGTH: usize = 2;
const CHECK_ETAGS: usize = 4;
const CHECK_RESERVED: usize = 6;
const CHECK_BYTES: usize = 8;

const PRESENT: u8 = 1;
const ABSENT: u8 = 2;
const ONE_OF: u8 = 3;
const NONE_OF: u8 = 4;

// A step.
const STEP_KIND: usize = 0;
const STEP_TYPE: usize = 1;
const STEP_KEY_LENGTH: usize = 2;
const STEP_FLAGS: usize = 4;
const STEP_RESERVED: usize = 6;
const STEP_PAYLOAD_LENGTH: usize = 8;
const STEP_BYTES: usize = 12;

const HAS_TTL: u16 = 1;
const NEVER_EXPIRES: u16 = 2;
const HAS_MIN: u16 = 4;
const HAS_MAX: u16 = 8;
const STEP_FLAGS_KNOWN: u16 = HAS_TTL | NEVER_EXPIRES | HAS_MIN | HAS_MAX;

/// When the entry of a step expires after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ttl {
    /// After this many milliseconds.
    After(u64),
    /// Never.
    Never,
}

/// What must be true of an entry before anything is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckKind<'a> {
    /// There is such an entry.
    Present,
    /// There is none.
    Absent,
    /// There is one, in one of these states.
    OneOf(&'a [Etag]),
    /// There is none, or in none of these states.
    NoneOf(&'a [Etag]),
}

/// A condition of an entry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CheckItem<'a> {
    /// Its type.
    pub ty: ValueType,
    /// Its key.
    pub key: Key<'a>,
    /// What must be true of it.
    pub kind: CheckKind<'a>,
}

/// An operation of a transaction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepItem<'a> {
    /// The operation.
    pub op: Op<'a>,
    /// When the entry expires after it; as usual, if nothing is said.
    pub ttl: Option<Ttl>,
    /// Of an increment: the smallest result.
    pub min: Option<i64>,
    /// Of an increment: the largest result.
    pub max: Option<i64>,
}

/// A transaction, validated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TransactItems<'a> {
    once: Option<IdempotencyKey<'a>>,
    payload: &'a [u8],
    /// Where the steps begin, in the payload.
    steps: u32,
}

impl<'a> From<Op<'a>> for StepItem<'a> {
    fn from(op: Op<'a>) -> Self {
        Self { op, ttl: None, min: None, max: None }
    }
}

/// `N` bytes, and what follows.
fn take<const N: usize>(bytes: &[u8], number: usize) -> Result<(&[u8; N], &[u8]), RequestError> {
    bytes.split_first_chunk().ok_or(RequestError::ItemLength(number))
}

fn decode_check(bytes: &[u8], number: usize) -> Result<(CheckItem<'_>, &[u8]), RequestError> {
    let (head, rest) = take::<CHECK_BYTES>(bytes, number)?;
    if field::<2>(head, CHECK_RESERVED) != [0, 0] {
        return Err(RequestError::Reserved);
    }
    let ty = ValueType::from_code(head[CHECK_TYPE]).ok_or(RequestError::Type(head[CHECK_TYPE]))?;
    let beyond = RequestError::ItemLength(number);
    let (key, rest) = rest.split_at_checked(u16::from_le_bytes(field(head, CHECK_KEY_LENGTH)).into()).ok_or(beyond)?;
    let count = usize::from(u16::from_le_bytes(field(head, CHECK_ETAGS)));
    if count > MAX_ETAGS {
        return Err(RequestError::Etags);
    }
    let (etags, rest) = rest.split_at_checked(count * ETAG_BYTES).ok_or(beyond)?;
    let (etags, _) = etags.as_chunks::<ETAG_BYTES>();
    let kind = match (head[CHECK_KIND], count) {
        (PRESENT, 0) => CheckKind::Present,
        (ABSENT, 0) => CheckKind::Absent,
        (ONE_OF, _) => CheckKind::OneOf(etags),
        (NONE_OF, _) => CheckKind::NoneOf(etags),
        (kind, _) => return Err(RequestError::Condition(kind)),
    };
    Ok((CheckItem { ty, key: Key::new(key)?, kind }, rest))
}

/// The kind of operation that a step may be.
fn step_kind(code: u8) -> Option<OpKind> {
    kind_of(code).or_else(|| OpKind::from_code(code).filter(|kind| *kind == OpKind::Touch))
}

fn decode_step(bytes: &[u8], number: usize) -> Result<(StepItem<'_>, &[u8]), RequestError> {
    let (head, mut rest) = take::<STEP_BYTES>(bytes, number)?;
    let flags = u16::from_le_bytes(field(head, STEP_FLAGS));
    let kind = step_kind(head[STEP_KIND]).ok_or(RequestError::Opcode(head[STEP_KIND]))?;
    let expiry = flags & (HAS_TTL | NEVER_EXPIRES);
    let is_misused = flags & !STEP_FLAGS_KNOWN != 0
        || expiry == HAS_TTL | NEVER_EXPIRES
        || (expiry != 0 && !kind.takes_expiry())
        || (expiry == 0 && kind == OpKind::Touch)
        || (flags & (HAS_MIN | HAS_MAX) != 0 && !matches!(kind, OpKind::Incr | OpKind::IncrBy));
    if is_misused {
        return Err(RequestError::StepFlags(flags));
    }
    if field::<2>(head, STEP_RESERVED) != [0, 0] {
        return Err(RequestError::Reserved);
    }
    let mut word = |flag: u16| match flags & flag {
        0 => Ok::<_, RequestError>(None),
        _ => {
            let (word, behind) = take::<8>(rest, number)?;
            rest = behind;
            Ok(Some(u64::from_le_bytes(*word)))
        }
    };
    let ttl = match expiry {
        NEVER_EXPIRES => Some(Ttl::Never),
        _ => match word(HAS_TTL)? {
            Some(millis) if !(1..=MAX_TTL_MILLIS).contains(&millis) => return Err(RequestError::Ttl(millis)),
            millis => millis.map(Ttl::After),
        },
    };
    let (min, max) = (word(HAS_MIN)?.map(u64::cast_signed), word(HAS_MAX)?.map(u64::cast_signed));
    let beyond = RequestError::ItemLength(number);
    let (key, rest) = rest.split_at_checked(u16::from_le_bytes(field(head, STEP_KEY_LENGTH)).into()).ok_or(beyond)?;
    let (payload, rest) =
        rest.split_at_checked(u32::from_le_bytes(field(head, STEP_PAYLOAD_LENGTH)) as usize).ok_or(beyond)?;
    let op = payload::decode(kind, head[STEP_TYPE], Key::new(key)?, payload)?;
    match &op {
        Op::Put { value, .. } => check_value(value)?,
        op => check_members(op)?,
    }
    Ok((StepItem { op, ttl, min, max }, rest))
}

impl<'a> TransactItems<'a> {
    /// Reads a payload, and the idempotency key, which is empty if there is none.
    pub(super) fn decode(key: &'a [u8], payload: &'a [u8]) -> Result<Self, RequestError> {
        let once = match key {
            [] => None,
            key => Some(IdempotencyKey::new(key).ok_or(RequestError::IdempotencyKey)?),
        };
        let (counts, items) = take::<COUNTS_BYTES>(payload, 0)?;
        let [checks, steps] = counts_of(counts);
        if checks > MAX_TRANSACT_ITEMS || steps > MAX_TRANSACT_ITEMS {
            return Err(RequestError::TransactItems);
        }
        let mut rest = items;
        for number in 0..checks {
            (_, rest) = decode_check(rest, number)?;
        }
        let begin = payload.len() - rest.len();
        for number in 0..steps {
            (_, rest) = decode_step(rest, checks + number)?;
        }
        if !rest.is_empty() {
            return Err(RequestError::ItemLength(checks + steps));
        }
        Ok(Self { once, payload, steps: begin as u32 })
    }

    /// The numbers of conditions and steps, and the bytes after them.
    fn parts(self) -> ([usize; 2], &'a [u8]) {
        let (counts, items) = self.payload.split_first_chunk().expect("the payload was decoded");
        (counts_of(counts), items)
    }

    /// The idempotency key, if the client has given one.
    pub fn once(self) -> Option<IdempotencyKey<'a>> {
        self.once
    }

    /// All that it does, as bytes.
    pub fn payload(self) -> &'a [u8] {
        self.payload
    }

    /// The conditions, in order.
    pub fn checks(self) -> impl Iterator<Item = CheckItem<'a>> {
        let (counts, items) = self.parts();
        each(counts[0], items, decode_check)
    }

    /// The steps, in order.
    pub fn steps(self) -> impl Iterator<Item = StepItem<'a>> {
        let (counts, _) = self.parts();
        each(counts[1], &self.payload[self.steps as usize..], decode_step)
    }

    /// Whether any of the steps is a write.
    pub fn writes(self) -> bool {
        self.steps().any(|step| step.op.kind().writes())
    }
}

fn counts_of(counts: &[u8; COUNTS_BYTES]) -> [usize; 2] {
    [0, 2].map(|at| usize::from(u16::from_le_bytes(field(counts, at))))
}

/// Items that were validated.
fn each<'a, T>(
    count: usize,
    bytes: &'a [u8],
    decode: impl Fn(&'a [u8], usize) -> Result<(T, &'a [u8]), RequestError>,
) -> impl Iterator<Item = T> {
    let mut rest = bytes;
    (0..count).map_while(move |number| {
        let (item, behind) = decode(rest, number).ok()?;
        rest = behind;
        Some(item)
    })
}

fn check_bytes(check: &CheckItem<'_>) -> usize {
    CHECK_BYTES + check.key.as_bytes().len() + etags_of(check.kind).len() * ETAG_BYTES
}

fn step_bytes(step: &StepItem<'_>) -> usize {
    let words = usize::from(matches!(step.ttl, Some(Ttl::After(_))))
        + usize::from(step.min.is_some())
        + usize::from(step.max.is_some());
    STEP_BYTES + 8 * words + step.op.key().as_bytes().len() + payload::bytes(&step.op)
}

fn etags_of(kind: CheckKind<'_>) -> &[Etag] {
    match kind {
        CheckKind::Present | CheckKind::Absent => &[],
        CheckKind::OneOf(etags) | CheckKind::NoneOf(etags) => etags,
    }
}

/// Size of the payload of a transaction, in bytes.
pub(super) fn payload_bytes(checks: &[CheckItem<'_>], steps: &[StepItem<'_>]) -> usize {
    COUNTS_BYTES + checks.iter().map(check_bytes).sum::<usize>() + steps.iter().map(step_bytes).sum::<usize>()
}

/// Appends the payload of a transaction.
pub(super) fn encode_items(out: &mut Vec<u8>, checks: &[CheckItem<'_>], steps: &[StepItem<'_>]) {
    out.extend_from_slice(&(checks.len() as u16).to_le_bytes());
    out.extend_from_slice(&(steps.len() as u16).to_le_bytes());
    for CheckItem { ty, key, kind } in checks {
        let (code, etags) = match *kind {
            CheckKind::Present => (PRESENT, &[][..]),
            CheckKind::Absent => (ABSENT, &[][..]),
            CheckKind::OneOf(etags) => (ONE_OF, etags),
            CheckKind::NoneOf(etags) => (NONE_OF, etags),
        };
        out.extend_from_slice(&[*ty as u8, code]);
        out.extend_from_slice(&(key.as_bytes().len() as u16).to_le_bytes());
        out.extend_from_slice(&(etags.len() as u16).to_le_bytes());
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(etags.as_flattened());
    }
    for StepItem { op, ttl, min, max } in steps {
        let key = op.key().as_bytes();
        let flag = |set: bool, flag: u16| if set { flag } else { 0 };
        let expiry = match ttl {
            None => 0,
            Some(Ttl::After(_)) => HAS_TTL,
            Some(Ttl::Never) => NEVER_EXPIRES,
        };
        let flags = expiry | flag(min.is_some(), HAS_MIN) | flag(max.is_some(), HAS_MAX);
        out.extend_from_slice(&[op.kind() as u8, op.value_type().map_or(0, |ty| ty as u8)]);
        out.extend_from_slice(&(key.len() as u16).to_le_bytes());
        out.extend_from_slice(&flags.to_le_bytes());
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&(payload::bytes(op) as u32).to_le_bytes());
        if let Some(Ttl::After(millis)) = ttl {
            out.extend_from_slice(&millis.to_le_bytes());
        }
        for bound in [min, max].into_iter().flatten() {
            out.extend_from_slice(&bound.to_le_bytes());
        }
        out.extend_from_slice(key);
        payload::encode(out, op);
    }
}
