//! One operation on its way through a shard, and what comes of it.

use proto::limits::MAX_VALUE_BYTES;
use proto::{Effect, Key, Lsn, Micros, Op, Refusal, Reply, TypeSet, ValueRef};

use crate::env::Env;
use crate::log::LogBuffer;
use crate::stored::{Owned, Stored};

/// Which operations go into the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum RecordMode {
    /// Those that changed something: what recovery needs.
    #[default]
    Writes,
    /// Every operation, reads and writes without effect too: a history of all requests.
    All,
}

/// An operation that was carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The reply.
    pub reply: Reply,
    /// A write's place in the log, which the response waits for when the write must be durable; `None` for a read and for
    /// a write that was not recorded.
    pub lsn: Option<Lsn>,
}

/// What one operation came to.
pub type Executed = Result<Outcome, Refusal>;

#[inline]
pub(crate) fn outcome(reply: Reply, lsn: Option<Lsn>) -> Executed {
    Ok(Outcome { reply, lsn })
}

/// What operations need besides the shard; the same for a whole batch.
#[derive(Debug)]
pub(crate) struct Context<'e> {
    pub(crate) env: &'e Env,
    pub(crate) log: Option<&'e LogBuffer>,
    pub(crate) record: RecordMode,
    /// Whether limits apply: not during replay.
    pub(crate) limited: bool,
    pub(crate) at: Micros,
}

impl Context<'_> {
    /// Records a read, if everything is recorded. Reads go on while the log takes nothing; the log counts what it missed.
    #[inline]
    pub(crate) fn log_read(&self, op: &Op<'_>) {
        if let (RecordMode::All, Some(log)) = (self.record, self.log) {
            log.append_read(op, self.at);
        }
    }
}

/// One operation that is carried out in a shard.
pub(crate) struct Call<'c, 'o> {
    pub(crate) op: &'c Op<'o>,
    pub(crate) hash: u64,
    pub(crate) context: &'c Context<'c>,
    /// The value of a put, if it was built outside of the lock.
    pub(crate) prebuilt: Option<Owned>,
    /// Values that go out of the shard, to be freed outside of the lock.
    pub(crate) dropped: &'c mut Vec<Owned>,
    /// The lsn that a replayed operation has in the log.
    pub(crate) replayed: Option<Lsn>,
}

impl<'o> Call<'_, 'o> {
    #[inline]
    pub(crate) fn key(&self) -> Key<'o> {
        self.op.key()
    }

    /// Refuses if the memory limit does not leave `more` bytes.
    pub(crate) fn admit(&self, more: usize) -> Result<(), Refusal> {
        if self.context.limited { self.context.env.meter.admit(more) } else { Ok(()) }
    }

    /// Refuses if a value would be too large. What is in the log was not, by the limit of its time.
    pub(crate) fn check_size(&self, packed: usize) -> Result<(), Refusal> {
        if self.context.limited && packed > MAX_VALUE_BYTES { Err(Refusal::TooLarge(packed)) } else { Ok(()) }
    }

    /// The value of a put, if it is not too large.
    pub(crate) fn value(&mut self, value: ValueRef<'_>) -> Result<Owned, Refusal> {
        self.check_size(value.packed_bytes())?;
        Ok(self.prebuilt.take().unwrap_or_else(|| value.into()))
    }

    /// Records a write that has an effect. From here on it cannot be refused any more.
    pub(crate) fn record(&self, effect: Effect) -> Result<Option<Lsn>, Refusal> {
        match self.context.log {
            Some(log) => log.append(self.op, effect, self.context.at).map(Some),
            None => Ok(self.replayed),
        }
    }

    /// The outcome of a write that changes nothing; it is recorded if everything is.
    pub(crate) fn idle(&self, reply: Reply) -> Executed {
        let (RecordMode::All, Some(log)) = (self.context.record, self.context.log) else {
            return outcome(reply, None);
        };
        let effect = match self.op {
            Op::DelAll { .. } => Effect::Types(TypeSet::EMPTY),
            _ => Effect::None,
        };
        outcome(reply, Some(log.append(self.op, effect, self.context.at)?))
    }

    /// Leaves a value's memory to be freed outside of the lock, if it has any.
    pub(crate) fn discard<V: Stored>(&mut self, value: V) {
        if value.heap_bytes() > 0 {
            self.dropped.push(value.into_owned());
        }
    }
}
