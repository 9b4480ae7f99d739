//! What transactions and listings come to.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proto::{Micros, ValueType};

use crate::value::Value;

/// The state of an entry: each write gives it another one, also one that stores the same value. Its bytes mean something to the
/// server only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Etag(pub proto::frame::Etag);

/// A place in the log: of a write, or what reads are at least as new as. Its bytes mean something to the server only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token(pub proto::frame::Token);

/// A transaction that was carried out.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Transacted {
    /// Its place in the log, or what its reads are at least as new as.
    pub token: Token,
    /// Whether the server had carried it out before, when it came with the same idempotency key.
    pub replayed: bool,
    /// What each operation has come to, in their order.
    pub steps: Vec<StepDone>,
}

/// What an operation of a transaction has come to.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StepDone {
    /// Its result. An error: the operation was carried out, but there was no room for its result.
    pub result: Result<StepReply, NoRoom>,
    /// Whether the entry was there before.
    pub existed: bool,
    /// The state of the entry after it, if it is there.
    pub etag: Option<Etag>,
    /// When the entry expires; `None`: never.
    pub expires: Option<SystemTime>,
}

/// The result of an operation of a transaction.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum StepReply {
    /// It is stored.
    Stored,
    /// The value; of an increment, the one before it.
    Value(Value),
    /// There is no such entry.
    NoEntry,
    /// There is the map, but not the field.
    NoField,
    /// Whether anything was deleted.
    Deleted(bool),
    /// How many members were added or removed.
    Count(u32),
    /// Whether the set has the member.
    Has(bool),
}

/// The server had no room for a result; why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no room for the result: {0}")]
pub struct NoRoom(pub Box<str>);

/// Microseconds since 1970 as a time.
pub(crate) fn time_of(at: Micros) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(at.max(0).cast_unsigned())
}

/// An entry with what is known of it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Entry {
    /// Its value.
    pub value: Value,
    /// Its state.
    pub etag: Etag,
    /// When it expires; `None`: never.
    pub expires: Option<SystemTime>,
}

/// An entry of a listing.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Scanned {
    /// Its type.
    pub ty: ValueType,
    /// Its key.
    pub key: String,
    /// Its state.
    pub etag: Etag,
    /// When it expires; `None`: never.
    pub expires: Option<SystemTime>,
    /// Its value, if it was wanted.
    pub value: Option<Value>,
}
