//! Operations and their replies, independent of REST, frames and the log format.

use crate::counter::CounterType;
use crate::key::Key;
use crate::strings::Strings;
use crate::text::Text;
use crate::value::{Value, ValueRef, ValueType};

/// One validated request. `ty` and `key` identify the entry.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Op<'a> {
    /// Read a value.
    Get { ty: ValueType, key: Key<'a> },
    /// Store a value, replacing any earlier one of that type.
    Put { key: Key<'a>, value: ValueRef<'a> },
    /// Delete the entry of one type.
    Del { ty: ValueType, key: Key<'a> },
    /// Delete the key's entries of all types.
    DelAll { key: Key<'a> },
    /// Add 1 to an int or uint; a missing entry counts as 0.
    Incr { ty: CounterType, key: Key<'a> },
    /// Add `by` to an int or uint; a missing entry counts as 0.
    IncrBy { ty: CounterType, key: Key<'a>, by: i64 },
    /// Add members to a set; creates the set if there are members to add.
    SetAdd { key: Key<'a>, members: Strings<'a> },
    /// Remove members from a set; a set that becomes empty is kept.
    SetRem { key: Key<'a>, members: Strings<'a> },
    /// Check whether a set has a member.
    SetHas { key: Key<'a>, member: &'a str },
    /// Read one field of a map.
    MapGet { key: Key<'a>, field: &'a str },
    /// Store one field of a map; creates the map.
    MapSet { key: Key<'a>, field: &'a str, value: &'a str },
    /// Delete one field of a map; a map that becomes empty is kept.
    MapDel { key: Key<'a>, field: &'a str },
    /// Change only when an entry expires.
    Touch { ty: ValueType, key: Key<'a> },
    /// Delete an entry that has expired. Not a request of a client.
    Expire { ty: ValueType, key: Key<'a> },
    /// Note what a request with an idempotency key has come to. Not a request of a client, and about no entry: `key` is the
    /// idempotency key with the name of whose it is, `fingerprint` tells the request from others, `outcome` is an encoded
    /// [`RecordedOutcome`](crate::RecordedOutcome).
    Outcome { key: Key<'a>, fingerprint: &'a Fingerprint, outcome: &'a [u8] },
}

/// What tells a request from others: a hash of all that says what it does.
pub type Fingerprint = [u8; 16];

/// The kind of an operation. The number is its code in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum OpKind {
    Get = 1,
    Put = 2,
    Del = 3,
    DelAll = 4,
    Incr = 5,
    IncrBy = 6,
    SetAdd = 7,
    SetRem = 8,
    SetHas = 9,
    MapGet = 10,
    MapSet = 11,
    MapDel = 12,
    Touch = 13,
    Expire = 14,
    Outcome = 15,
}

impl OpKind {
    /// Every kind, in the order of its code.
    pub const ALL: [Self; 15] = [
        Self::Get,
        Self::Put,
        Self::Del,
        Self::DelAll,
        Self::Incr,
        Self::IncrBy,
        Self::SetAdd,
        Self::SetRem,
        Self::SetHas,
        Self::MapGet,
        Self::MapSet,
        Self::MapDel,
        Self::Touch,
        Self::Expire,
        Self::Outcome,
    ];

    /// The kind with this code in the log.
    #[inline]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code).checked_sub(1)?).copied()
    }

    /// The kind's name, as used in tables and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Put => "put",
            Self::Del => "del",
            Self::DelAll => "del-all",
            Self::Incr => "incr",
            Self::IncrBy => "incrby",
            Self::SetAdd => "set-add",
            Self::SetRem => "set-rem",
            Self::SetHas => "set-has",
            Self::MapGet => "map-get",
            Self::MapSet => "map-set",
            Self::MapDel => "map-del",
            Self::Touch => "touch",
            Self::Expire => "expire",
            Self::Outcome => "outcome",
        }
    }

    /// Whether operations of this kind can change an entry.
    pub fn writes(self) -> bool {
        !matches!(self, Self::Get | Self::SetHas | Self::MapGet | Self::Outcome)
    }

    /// Whether a request of this kind may say when the entry expires: one that has an effect whenever it succeeds, and leaves an
    /// entry. Of others it would depend on what was there whether it is said.
    pub fn takes_expiry(self) -> bool {
        matches!(self, Self::Put | Self::Incr | Self::IncrBy | Self::MapSet | Self::Touch)
    }

    /// Whether a record of this kind may say when something expires: the entry that it leaves, or the outcome.
    pub fn may_expire(self) -> bool {
        self.leaves_an_entry() || self == Self::Outcome
    }

    /// Whether an operation of this kind that has an effect leaves an entry.
    pub fn leaves_an_entry(self) -> bool {
        self.writes() && !matches!(self, Self::Del | Self::DelAll | Self::Expire)
    }
}

impl<'a> Op<'a> {
    /// The kind of this operation.
    pub fn kind(&self) -> OpKind {
        match self {
            Self::Get { .. } => OpKind::Get,
            Self::Put { .. } => OpKind::Put,
            Self::Del { .. } => OpKind::Del,
            Self::DelAll { .. } => OpKind::DelAll,
            Self::Incr { .. } => OpKind::Incr,
            Self::IncrBy { .. } => OpKind::IncrBy,
            Self::SetAdd { .. } => OpKind::SetAdd,
            Self::SetRem { .. } => OpKind::SetRem,
            Self::SetHas { .. } => OpKind::SetHas,
            Self::MapGet { .. } => OpKind::MapGet,
            Self::MapSet { .. } => OpKind::MapSet,
            Self::MapDel { .. } => OpKind::MapDel,
            Self::Touch { .. } => OpKind::Touch,
            Self::Expire { .. } => OpKind::Expire,
            Self::Outcome { .. } => OpKind::Outcome,
        }
    }

    /// The key of the operation.
    pub fn key(&self) -> Key<'a> {
        match *self {
            Self::Get { key, .. }
            | Self::Put { key, .. }
            | Self::Del { key, .. }
            | Self::DelAll { key }
            | Self::Incr { key, .. }
            | Self::IncrBy { key, .. }
            | Self::SetAdd { key, .. }
            | Self::SetRem { key, .. }
            | Self::SetHas { key, .. }
            | Self::MapGet { key, .. }
            | Self::MapSet { key, .. }
            | Self::MapDel { key, .. }
            | Self::Touch { key, .. }
            | Self::Expire { key, .. }
            | Self::Outcome { key, .. } => key,
        }
    }

    /// The value type of the operation; none for [`Op::DelAll`] and [`Op::Outcome`].
    pub fn value_type(&self) -> Option<ValueType> {
        match self {
            Self::Get { ty, .. } | Self::Del { ty, .. } | Self::Touch { ty, .. } | Self::Expire { ty, .. } => Some(*ty),
            Self::Incr { ty, .. } | Self::IncrBy { ty, .. } => Some((*ty).into()),
            Self::Put { value, .. } => Some(value.value_type()),
            Self::SetAdd { .. } | Self::SetRem { .. } | Self::SetHas { .. } => Some(ValueType::Set),
            Self::MapGet { .. } | Self::MapSet { .. } | Self::MapDel { .. } => Some(ValueType::Map),
            Self::DelAll { .. } | Self::Outcome { .. } => None,
        }
    }
}

/// The reply to an operation that was executed.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// To a put, map-set or touch: it is stored.
    Stored,
    /// To a get: the value. To an increment: the previous value.
    Value(Value),
    /// To a map-get of one field: its value.
    Field(Text),
    /// To a get, set-has, map-get or touch: the entry does not exist.
    NoEntry,
    /// To a map-get of one field: the map exists, but does not have the field.
    NoField,
    /// To a deletion: whether anything was deleted.
    Deleted(bool),
    /// To a set-add or set-rem: how many members were added or removed.
    Count(u32),
    /// To a set-has: whether the member is in the set.
    Has(bool),
}
