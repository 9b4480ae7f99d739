//! The engine: typed entries in shards, executed under small locks, and the in-memory end of the log.
//!
//! Knows no socket, no HTTP, no SQL; never awaits, never reads a clock: callers pass the time in.
//!
//! ```text
//!   execute(op) ──hash──> shard (lock) ── plan: look up, compute, check limits   (may refuse: nothing changed)
//!                                      ── log:  LogBuffer::append, gives the lsn (may refuse: nothing changed)
//!                                      └─ commit: change the slot                (cannot fail)
//!
//!   lib.rs         Engine: choice of shard, execute, replay
//!   pipeline.rs    execute_batch: many operations with their cache misses overlapped
//!   shard.rs       one lock stripe: a table per value type, every operation's plan, log, commit
//!   table.rs       entries of one type: index + slots
//!   index.rs       hash index: a tag for each slot
//!   slots.rs       slots: fixed-size cells in chunks
//!   stored.rs      what a slot holds for each value type
//!   collection.rs  maps and sets
//!   meter.rs       the memory meter and its limit
//!   log.rs         LogBuffer: where records get their lsn and wait for the shipper
//! ```

mod collection;
mod index;
pub mod log;
mod meter;
mod pipeline;
mod shard;
mod slots;
mod stored;
mod sync;
mod table;

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use ahash::RandomState;
use crossbeam::utils::CachePadded;
use parking_lot::Mutex;
use proto::{Key, Lsn, Micros, Op, Record, Refusal, Reply, ValueType};

pub use log::LogBuffer;
pub use meter::Meter;
use shard::{Context, Shard};
use stored::Owned;

/// Default number of shards.
pub const DEFAULT_SHARDS: usize = 256;

/// Largest number of shards; the hash's bits that choose a shard must not overlap those that choose a tag.
pub const MAX_SHARDS: usize = 1 << 16;

/// Which operations go into the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum RecordMode {
    /// Those that changed something: what recovery needs.
    #[default]
    Writes,
    /// Every operation, reads and writes without effect too: a history of all requests.
    All,
}

/// How an engine is built.
#[derive(Debug, Default)]
pub struct Options {
    /// Number of shards, rounded up to a power of two; 0 means [`DEFAULT_SHARDS`].
    pub shards: usize,
    /// Writes are refused when entries would take more than this many bytes of memory.
    pub max_memory: Option<usize>,
    /// What is recorded.
    pub record: RecordMode,
    /// Seeds for the hash function, for repeatable tests. Unset, they are random, as they must be towards clients.
    pub hash_seeds: Option<[u64; 4]>,
}

/// An operation that was carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The answer.
    pub reply: Reply,
    /// A write's place in the log, which the answer waits for when the write must be durable; `None` for a read and for
    /// a write that was not recorded.
    pub lsn: Option<Lsn>,
}

/// What one operation came to.
pub type Executed = Result<Outcome, Refusal>;

/// All entries of a server. Shared by reference between threads; per key, operations are linearizable.
#[derive(Debug)]
pub struct Engine {
    shards: Box<[CachePadded<Mutex<Shard>>]>,
    /// Shift that leaves the hash bits that choose the shard.
    shard_shift: u32,
    env: Env,
    record: RecordMode,
    log: Option<Arc<LogBuffer>>,
}

/// What every table of an engine shares.
#[derive(Debug)]
pub(crate) struct Env {
    hasher: RandomState,
    meter: Meter,
}

impl Env {
    pub(crate) fn hash(&self, key: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(key);
        hasher.finish()
    }
}

impl Engine {
    /// An empty engine. Without a log, nothing is recorded until [`Engine::attach_log`].
    pub fn new(options: Options) -> Self {
        let shards = match options.shards {
            0 => DEFAULT_SHARDS,
            n => n.next_power_of_two().min(MAX_SHARDS),
        };
        let hasher = match options.hash_seeds {
            Some([a, b, c, d]) => RandomState::with_seeds(a, b, c, d),
            None => RandomState::new(),
        };
        Self {
            shards: (0..shards).map(|_| CachePadded::default()).collect(),
            shard_shift: u64::BITS - shards.trailing_zeros(),
            env: Env { hasher, meter: Meter::new(options.max_memory) },
            record: options.record,
            log: None,
        }
    }

    /// From here on operations are recorded in `log`. Called once, after recovery and before serving.
    pub fn attach_log(&mut self, log: Arc<LogBuffer>) {
        self.log = Some(log);
    }

    /// Carries out `op` at the time `at`, or refuses it and leaves no trace.
    pub fn execute(&self, op: &Op<'_>, at: Micros) -> Executed {
        self.run(op, self.hash(op.key()), &self.context(at))
    }

    /// Applies a record of the log during recovery: no limits, nothing recorded. Records must come in order of their
    /// lsn; applying a run of records again leaves the same state.
    pub fn replay(&self, record: &Record<'_>) {
        if let Some(op) = replayed(record) {
            // Without a log and limits nothing is left that could refuse.
            let _ = self.run(&op, self.hash(op.key()), &self.replay_context());
        }
    }

    /// The lsn of the last record of any operation; 0 without a log. A write that found nothing to do and is not recorded
    /// itself rests on an earlier one, which is durable when this is.
    pub fn last_lsn(&self) -> Lsn {
        self.log.as_ref().map_or(0, |log| log.last_lsn())
    }

    /// Number of entries of all types.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many times the entry has been written since it was created (wraps around), or `None` if there is none.
    pub fn version(&self, ty: ValueType, key: Key<'_>) -> Option<u32> {
        let hash = self.hash(key);
        self.shard(hash).lock().version(hash, ty, key)
    }

    /// The memory meter.
    pub fn meter(&self) -> &Meter {
        &self.env.meter
    }

    /// Every entry, by type and key in no particular order, through `visit`. Each shard is locked while it is visited.
    pub fn for_each(&self, mut visit: impl FnMut(ValueType, &str, proto::Value)) {
        for shard in &self.shards {
            shard.lock().for_each(&mut visit);
        }
    }

    fn hash(&self, key: Key<'_>) -> u64 {
        self.env.hash(key.as_bytes())
    }

    fn shard_number(&self, hash: u64) -> usize {
        // A shift by 64 bits (one shard) is not defined for `>>`, hence the checked form.
        hash.checked_shr(self.shard_shift).unwrap_or(0) as usize
    }

    fn shard(&self, hash: u64) -> &Mutex<Shard> {
        &self.shards[self.shard_number(hash)]
    }

    fn context(&self, at: Micros) -> Context<'_> {
        Context { env: &self.env, log: self.log.as_deref(), record: self.record, limited: true, at }
    }

    fn replay_context(&self) -> Context<'_> {
        Context { env: &self.env, log: None, record: RecordMode::Writes, limited: false, at: 0 }
    }

    #[inline]
    fn run(&self, op: &Op<'_>, hash: u64, context: &Context<'_>) -> Executed {
        match *op {
            Op::Get { ty, key } => self.shard(hash).lock().get(op, hash, ty, key, context),
            _ => self.run_other(op, hash, context),
        }
    }

    /// Carries out what is not a get.
    fn run_other(&self, op: &Op<'_>, hash: u64, context: &Context<'_>) -> Executed {
        // Memory of long values is allocated before the lock is taken and freed after it is released.
        let fresh = match op {
            Op::Put { value, .. } => Some(Owned::from(*value)),
            _ => None,
        };
        let mut garbage = Vec::new();
        let executed = self.shard(hash).lock().execute(op, hash, fresh, &mut garbage, context);
        drop(garbage);
        executed
    }
}

/// The operation whose execution has the record's effect, if it has one: a counter's record says what the result was.
fn replayed<'a>(record: &Record<'a>) -> Option<Op<'a>> {
    let op = match record.op {
        Op::Incr { key, .. } | Op::IncrBy { key, .. } => Op::Put { key, value: record.effect.value()? },
        op => op,
    };
    op.kind().writes().then_some(op)
}
