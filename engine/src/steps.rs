//! What a transaction consists of, and what it comes to.

use proto::{Key, Lsn, Op, Refusal, Reply, Value, ValueType};

use crate::expiry::{Expires, Facts};
use crate::slots::Stamp;

/// What must be true of an entry before anything is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition<'a> {
    /// There is such an entry.
    Present,
    /// There is none.
    Absent,
    /// There is one, and its stamp is one of these.
    OneOf(&'a [Stamp]),
    /// There is none, or its stamp is none of these.
    NoneOf(&'a [Stamp]),
}

/// A condition of an entry.
#[derive(Clone, Copy, Debug)]
pub struct Check<'a> {
    /// The entry's type.
    pub ty: ValueType,
    /// Its key.
    pub key: Key<'a>,
    /// What must be true of it.
    pub condition: Condition<'a>,
}

/// The smallest and the largest value that an increment may lead to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The smallest, if there is one.
    pub min: Option<i64>,
    /// The largest, if there is one.
    pub max: Option<i64>,
}

/// An operation of a transaction.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The operation.
    pub op: Op<'a>,
    /// Of an increment.
    pub bounds: Bounds,
    /// When the entry expires after it, of kinds that take it ([`proto::OpKind::takes_expiry`]). For others add a touch.
    pub expires: Expires,
}

/// An entry as it was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The stamp of its last write.
    pub stamp: Stamp,
    /// Its value.
    pub value: Value,
}

/// A step that was carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct StepDone {
    /// The reply.
    pub reply: Reply,
    /// The stamp of the entry before it, if there was one. `None` for [`Op::DelAll`].
    pub before: Option<Stamp>,
    /// What is known of the entry after it, if there is one.
    pub after: Option<Facts>,
}

/// A transaction that was carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct Transacted {
    /// Its steps, in their order.
    pub steps: Vec<StepDone>,
    /// The lsn of the record of its last write, if there is one.
    pub lsn: Option<Lsn>,
    /// The last lsn when it was carried out: what its reads are at least as new as.
    pub as_of: Lsn,
    /// Whether it is what an earlier request with the same idempotency key has come to, and nothing was done now.
    pub replayed: bool,
}

impl Transacted {
    /// Its place in the log. That of reads alone is durable, if the log is as far as `durable`: a crash does not take it back.
    pub fn place(&self, durable: Lsn) -> Lsn {
        self.lsn.unwrap_or(self.as_of.min(durable))
    }

    /// Bytes of the values in its replies.
    pub fn reply_bytes(&self) -> usize {
        self.steps.iter().map(|step| reply_bytes(&step.reply)).sum()
    }
}

/// Bytes of the values in a reply.
pub(crate) fn reply_bytes(reply: &Reply) -> usize {
    match reply {
        Reply::Value(value) => value.as_value_ref().packed_bytes(),
        Reply::Field(text) => text.as_bytes().len(),
        _ => 0,
    }
}

/// Why nothing was done.
#[derive(Clone, Debug, PartialEq)]
pub enum NotTransacted {
    /// The check with this number failed. With what was there.
    Condition {
        /// Number of the check, from 0.
        check: usize,
        /// The entry, if there is one.
        found: Option<Found>,
    },
    /// The increment that is the step with this number would lead beyond its bounds.
    Bounds {
        /// Number of the step, from 0.
        step: usize,
        /// The counter's value, which does not change.
        before: i64,
    },
    /// The step with this number was refused; or all together, if there is no number.
    Refused {
        /// Number of the step, from 0.
        step: Option<usize>,
        /// Why.
        refusal: Refusal,
    },
}

impl Condition<'_> {
    pub(crate) fn holds(self, stamp: Option<Stamp>) -> bool {
        match self {
            Self::Present => stamp.is_some(),
            Self::Absent => stamp.is_none(),
            Self::OneOf(stamps) => stamp.is_some_and(|stamp| stamps.contains(&stamp)),
            Self::NoneOf(stamps) => stamp.is_none_or(|stamp| !stamps.contains(&stamp)),
        }
    }
}

impl Bounds {
    pub(crate) fn allow(self, before: i64, by: i64) -> bool {
        // A counter has 32 bits, so this is exact wherever the sum fits into one.
        let after = before.saturating_add(by);
        self.min.is_none_or(|min| min <= after) && self.max.is_none_or(|max| after <= max)
    }
}

impl<'a> From<Op<'a>> for Step<'a> {
    fn from(op: Op<'a>) -> Self {
        Self { op, bounds: Bounds::default(), expires: Expires::AsUsual }
    }
}
