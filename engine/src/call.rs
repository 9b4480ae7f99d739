//! The execution of one operation in a shard, and its outcome.

use std::cell::Cell;

use proto::limits::MAX_VALUE_BYTES;
use proto::{Effect, Key, Lsn, Micros, Op, Refusal, Reply, TypeSet};

use crate::env::Env;
use crate::expiry::Expires;
use crate::log::{LogBuffer, NewRecord};
use crate::stored::{Owned, Prepared, Stored};

/// Which operations are recorded in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum RecordMode {
    /// Only operations that changed something: what recovery needs.
    #[default]
    Writes,
    /// Every operation, including reads and writes without effect: a history of all requests.
    All,
}

/// An operation that was executed.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The reply.
    pub reply: Reply,
    /// The lsn of a write's record. The response to a durable write waits for it. `None` for a read, and for a write
    /// that was not recorded.
    pub lsn: Option<Lsn>,
}

/// The outcome of one operation.
pub type Executed = Result<Outcome, Refusal>;

#[inline]
pub(crate) fn outcome(reply: Reply, lsn: Option<Lsn>) -> Executed {
    Ok(Outcome { reply, lsn })
}

/// Where the record of an operation goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Records<'e> {
    Nowhere,
    Log(&'e LogBuffer),
    /// It is noted, and appended with those of the other steps of a transaction.
    Noted(&'e Noted),
}

/// What a record says besides its operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NotedRecord {
    pub(crate) effect: Effect,
    pub(crate) expires: Option<Micros>,
}

/// A record that is not in the log yet.
#[derive(Debug)]
pub(crate) struct Noted {
    /// The lsn that the next one gets if nobody else appends anything before.
    expected: Cell<Lsn>,
    latest: Cell<Option<(Lsn, NotedRecord)>>,
}

impl Noted {
    pub(crate) fn new(first: Lsn) -> Self {
        Self { expected: Cell::new(first), latest: Cell::new(None) }
    }

    /// Notes a record, and returns the lsn that it is expected to get.
    fn note(&self, effect: Effect, expires: Option<Micros>) -> Lsn {
        let lsn = self.expected.get();
        self.latest.set(Some((lsn, NotedRecord { effect, expires })));
        self.expected.set(lsn + 1);
        lsn
    }

    /// The record that was noted since the last call, if one was: its expected lsn, and what it says.
    pub(crate) fn take(&self) -> Option<(Lsn, NotedRecord)> {
        self.latest.take()
    }
}

/// The context of an operation besides the shard; the same for a whole batch.
#[derive(Debug)]
pub(crate) struct Context<'e> {
    pub(crate) env: &'e Env,
    pub(crate) records: Records<'e>,
    pub(crate) record: RecordMode,
    /// Whether limits apply. They do not during replay.
    pub(crate) limited: bool,
    pub(crate) at: Micros,
}

impl Context<'_> {
    /// Records a read, if everything is recorded. Reads continue while the log accepts no writes; the log counts the
    /// reads it could not record.
    #[inline]
    pub(crate) fn log_read(&self, op: &Op<'_>) {
        if self.record == RecordMode::All {
            match self.records {
                Records::Log(log) => log.append_read(op, self.at),
                Records::Noted(noted) => {
                    noted.note(Effect::None, None);
                }
                Records::Nowhere => {}
            }
        }
    }

    /// Records a write that has an effect; its entry expires then. It can no longer fail after this.
    #[inline(always)]
    pub(crate) fn record(&self, op: &Op<'_>, effect: Effect, expires: Option<Micros>) -> Result<Option<Lsn>, Refusal> {
        match self.records {
            Records::Log(log) => log.append(&NewRecord { op, effect, expires }, self.at).map(Some),
            Records::Noted(noted) => Ok(Some(noted.note(effect, expires))),
            Records::Nowhere => Ok(None),
        }
    }
}

/// One operation that is executed in a shard.
pub(crate) struct Call<'c, 'o> {
    pub(crate) op: &'c Op<'o>,
    pub(crate) hash: u64,
    pub(crate) context: &'c Context<'c>,
    /// What was done for it outside the lock.
    pub(crate) prepared: Option<Prepared<'o>>,
    /// Values removed from the shard, to be freed outside the lock.
    pub(crate) dropped: &'c mut Vec<Owned>,
    /// When the entry expires after it.
    pub(crate) expires: Expires,
    /// The log's lsn of a replayed operation.
    pub(crate) replayed: Option<Lsn>,
}

impl<'o> Call<'_, 'o> {
    #[inline]
    pub(crate) fn key(&self) -> Key<'o> {
        self.op.key()
    }

    /// Fails if the memory limit does not allow `more` bytes.
    pub(crate) fn admit(&self, more: usize) -> Result<(), Refusal> {
        if self.context.limited { self.context.env.meter.admit(more) } else { Ok(()) }
    }

    /// Fails if a value would be too large. Values in the log are not checked: they were within the limit when they
    /// were written.
    pub(crate) fn check_size(&self, packed: usize) -> Result<(), Refusal> {
        if self.context.limited && packed > MAX_VALUE_BYTES { Err(Refusal::TooLarge(packed)) } else { Ok(()) }
    }

    /// When the entry expires after the write, if it expired at `before`.
    #[inline]
    pub(crate) fn expires_after(&self, before: Option<Micros>) -> Option<Micros> {
        match self.expires {
            Expires::AsUsual if matches!(self.op, Op::Put { .. }) => None,
            Expires::AsUsual => before,
            // Whether it has an effect depends on what was there, and so would its deadline.
            _ if self.replayed.is_none() && !self.op.kind().takes_expiry() => before,
            Expires::Never => None,
            Expires::At(deadline) => Some(deadline.max(self.context.at + 1)),
        }
    }

    /// Records a write that has an effect; its entry expires then. It can no longer fail after this.
    #[inline]
    pub(crate) fn record(&self, effect: Effect, expires: Option<Micros>) -> Result<Option<Lsn>, Refusal> {
        match self.replayed {
            None => self.context.record(self.op, effect, expires),
            replayed => Ok(replayed),
        }
    }

    /// The outcome of a write that changes nothing, of an entry that expires then; recorded if everything is recorded.
    pub(crate) fn idle(&self, reply: Reply, expires: Option<Micros>) -> Executed {
        if self.context.record == RecordMode::Writes {
            return outcome(reply, None);
        }
        let effect = match self.op {
            Op::DelAll { .. } => Effect::Types(TypeSet::EMPTY),
            _ => Effect::None,
        };
        outcome(reply, self.record(effect, expires)?)
    }

    /// Keeps a value's heap memory, if it has any, to be freed outside the lock.
    pub(crate) fn discard<V: Stored>(&mut self, value: V) {
        if let Some(value) = value.into_owned() {
            self.dropped.push(value);
        }
    }
}
