//! The in-memory end of the log: assigns lsns to records and holds them until they are shipped.
//!
//! ```text
//!   append (under the shard's lock) ─> open buffer ─ full ─> closed buffers ─> take (shipper) ─> … ─> release
//!                                      └──────────── pending bytes: at most the budget ────────────┘
//! ```
//!
//! There is one lock. It is taken inside the shard's lock, never the other way round. Records are encoded directly into
//! the buffer in their final form. [`LogBuffer::take`] hands over the whole buffer and replaces it with a recycled one.

use std::collections::VecDeque;
use std::sync::Arc;

use proto::limits::{BATCH_TARGET_BYTES, MAX_RECORD_BYTES};
use proto::options::RecordOptions;
use proto::{BatchBuffer, Effect, Lsn, Micros, Op, Refusal, record_bytes};

use crate::sync::Mutex;

/// Number of used buffers kept for reuse.
const SPARE_BUFFERS: usize = 4;

/// Sweeps of expired entries leave it alone when it is full beyond this part of its budget.
const BUSY_PART: usize = 4;

/// Most records of a run.
const MAX_RUN: usize = u16::MAX as usize;

/// A record that is to be appended.
#[derive(Clone, Copy, Debug)]
pub struct NewRecord<'r> {
    /// The operation.
    pub op: &'r Op<'r>,
    /// What it comes to, where it does not say that itself.
    pub effect: Effect,
    /// When its entry expires after it.
    pub expires: Option<Micros>,
}

impl NewRecord<'_> {
    /// Its options, if so many records of its run follow it.
    #[inline]
    fn options(&self, following: usize) -> RecordOptions {
        let following = u16::try_from(following).expect("a run has at most MAX_RUN records");
        RecordOptions { expires: self.expires, stamp: None, following }
    }
}

/// Called when the first record arrives after there was nothing to take.
pub type Wake = Box<dyn Fn() + Send + Sync>;

/// The buffer. See the module's documentation.
pub struct LogBuffer {
    state: Mutex<State>,
    budget: usize,
    wake: Wake,
}

#[derive(Debug)]
struct State {
    open: BatchBuffer,
    closed: VecDeque<BatchBuffer>,
    spare: Vec<Vec<u8>>,
    /// Bytes of records that were appended and not released.
    pending: usize,
    /// Why the log accepts no more records.
    refuses: Option<Arc<str>>,
    unrecorded_reads: u64,
}

impl LogBuffer {
    /// An empty buffer; its first record gets `next_lsn`. `budget` limits the bytes of records between append and
    /// release. A single record that is larger is accepted when nothing else is pending.
    pub fn new(next_lsn: Lsn, budget: usize, wake: Wake) -> Self {
        let state = State {
            open: BatchBuffer::new(next_lsn, Vec::new()),
            closed: VecDeque::new(),
            spare: Vec::new(),
            pending: 0,
            refuses: None,
            unrecorded_reads: 0,
        };
        Self { state: Mutex::new(state), budget, wake }
    }

    /// Appends a record and returns its lsn, or rejects it. The caller holds the lock of the operation's shard and
    /// applies the operation before it releases that lock.
    pub fn append(&self, record: &NewRecord<'_>, at: Micros) -> Result<Lsn, Refusal> {
        self.append_run(std::slice::from_ref(record), at)
    }

    /// The same for several records, which get lsns in a row and are sealed in the same batch: the log has all of them or
    /// none. Returns the first one's lsn. There must be at least one.
    pub fn append_run(&self, run: &[NewRecord<'_>], at: Micros) -> Result<Lsn, Refusal> {
        // The last one's number of those that follow is 0.
        let numbered = || run.iter().enumerate().map(|(number, record)| (record, run.len() - 1 - number));
        if run.len() > MAX_RUN {
            return Err(Refusal::TooLarge(run.len()));
        }
        let bytes =
            numbered().map(|(record, following)| record_bytes(record.op) + record.options(following).bytes()).sum();
        if bytes > MAX_RECORD_BYTES {
            return Err(Refusal::TooLarge(bytes));
        }
        let mut state = self.state.lock();
        if let Some(why) = &state.refuses {
            return Err(Refusal::LogClosed(Arc::clone(why)));
        }
        if state.pending > 0 && state.pending + bytes > self.budget {
            return Err(Refusal::LogBehind { pending: state.pending, budget: self.budget });
        }
        let was_idle = state.open.is_empty() && state.closed.is_empty();
        // A batch can be that much larger than its target: no run is split.
        if state.open.body_bytes() >= BATCH_TARGET_BYTES || !state.open.takes(at) {
            state.close_buffer();
        }
        let first = state.open.next_lsn();
        for (record, following) in numbered() {
            let pushed = state.open.push_with(record.op, record.effect, &record.options(following), at);
            pushed.expect("the buffer takes records of this time");
        }
        state.pending += bytes;
        drop(state);
        if was_idle {
            (self.wake)();
        }
        Ok(first)
    }

    /// Appends the record of a read. If the record is rejected, counts it.
    pub fn append_read(&self, op: &Op<'_>, at: Micros) {
        if self.append(&NewRecord { op, effect: Effect::None, expires: None }, at).is_err() {
            self.state.lock().unrecorded_reads += 1;
        }
    }

    /// The oldest records that have not been taken, in order. If there are none, returns `None`, and the next append
    /// calls the waker.
    pub fn take(&self) -> Option<BatchBuffer> {
        let mut state = self.state.lock();
        if state.closed.is_empty() && !state.open.is_empty() {
            state.close_buffer();
        }
        state.closed.pop_front()
    }

    /// Returns the budget and the memory of records that are durable.
    pub fn release(&self, bytes: usize, memory: Option<Vec<u8>>) {
        let mut state = self.state.lock();
        state.pending -= bytes;
        if let Some(memory) = memory
            && memory.capacity() <= 2 * BATCH_TARGET_BYTES
            && state.spare.len() < SPARE_BUFFERS
        {
            state.spare.push(memory);
        }
    }

    /// Rejects every append from now on. Records already appended can still be taken. The first reason is kept.
    pub fn close(&self, why: &str) {
        self.state.lock().refuses.get_or_insert_with(|| why.into());
    }

    /// Bytes of records that were appended and not released.
    pub fn pending(&self) -> usize {
        self.state.lock().pending
    }

    /// Whether so much is pending that what can wait should.
    pub(crate) fn is_busy(&self) -> bool {
        self.pending() > self.budget / BUSY_PART
    }

    /// The last record's lsn.
    pub fn last_lsn(&self) -> Lsn {
        self.next_lsn() - 1
    }

    /// The lsn of the next record.
    pub fn next_lsn(&self) -> Lsn {
        self.state.lock().open.next_lsn()
    }

    /// Number of reads that could not be recorded.
    pub fn unrecorded_reads(&self) -> u64 {
        self.state.lock().unrecorded_reads
    }
}

impl State {
    fn close_buffer(&mut self) {
        let next = BatchBuffer::new(self.open.next_lsn(), self.spare.pop().unwrap_or_default());
        let full = std::mem::replace(&mut self.open, next);
        self.closed.push_back(full);
    }
}

impl std::fmt::Debug for LogBuffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogBuffer").field("budget", &self.budget).field("state", &self.state).finish_non_exhaustive()
    }
}
