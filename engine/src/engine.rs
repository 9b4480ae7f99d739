//! All entries of a server: the choice of the shard, one operation at a time, what is asked about the whole.

use std::sync::Arc;

use ahash::RandomState;
use crossbeam::utils::CachePadded;
use parking_lot::Mutex;
use proto::{Key, Lsn, Micros, Op, Record, ValueType};

use crate::call::{Call, Context, Executed, RecordMode};
use crate::env::Env;
use crate::log::LogBuffer;
use crate::meter::Meter;
use crate::shard::Shard;
use crate::slots::Stamp;
use crate::stored::Owned;

/// Default number of shards.
pub const DEFAULT_SHARDS: usize = 256;

/// Largest number of shards; the hash's bits that choose a shard must not overlap those that choose a tag.
pub const MAX_SHARDS: usize = 1 << 16;

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

/// All entries of a server. Shared by reference between threads; per key, operations are linearizable.
#[derive(Debug)]
pub struct Engine {
    pub(crate) shards: Box<[CachePadded<Mutex<Shard>>]>,
    /// Shift that leaves the hash bits that choose the shard.
    shard_shift: u32,
    env: Env,
    record: RecordMode,
    log: Option<Arc<LogBuffer>>,
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
        self.run(op, self.hash(op.key()), None, &self.context(at))
    }

    /// Applies a record of the log during recovery: no limits, nothing recorded. Records must come in order of their
    /// lsn; applying a run of records again leaves the same state.
    pub fn replay(&self, record: &Record<'_>) {
        if let Some(op) = replayed(record) {
            // Without a log and limits nothing is left that could refuse.
            let _ = self.run(&op, self.hash(op.key()), Some(record.lsn), &self.replay_context());
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

    /// The stamp of the entry's last write, or `None` if there is no entry. It grows with each write of an entry, also
    /// over its deletion, a restart, and a recovery. Without a log it is a count of writes, with one it is from the write's lsn.
    pub fn stamp(&self, ty: ValueType, key: Key<'_>) -> Option<Stamp> {
        let hash = self.hash(key);
        self.shard(hash).lock().stamp(hash, ty, key)
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

    #[inline]
    pub(crate) fn hash(&self, key: Key<'_>) -> u64 {
        self.env.hash(key.as_bytes())
    }

    #[inline]
    pub(crate) fn shard_number(&self, hash: u64) -> usize {
        // A shift by 64 bits (one shard) is not defined for `>>`, hence the checked form.
        hash.checked_shr(self.shard_shift).unwrap_or(0) as usize
    }

    #[inline]
    pub(crate) fn shard(&self, hash: u64) -> &Mutex<Shard> {
        &self.shards[self.shard_number(hash)]
    }

    pub(crate) fn context(&self, at: Micros) -> Context<'_> {
        Context { env: &self.env, log: self.log.as_deref(), record: self.record, limited: true, at }
    }

    pub(crate) fn replay_context(&self) -> Context<'_> {
        Context { env: &self.env, log: None, record: RecordMode::Writes, limited: false, at: 0 }
    }

    #[inline]
    pub(crate) fn run(&self, op: &Op<'_>, hash: u64, replayed: Option<Lsn>, context: &Context<'_>) -> Executed {
        match *op {
            Op::Get { ty, .. } => self.shard(hash).lock().get(op, ty, hash, context),
            _ => self.run_other(op, hash, replayed, context),
        }
    }

    /// Carries out what is not a get.
    fn run_other(&self, op: &Op<'_>, hash: u64, replayed: Option<Lsn>, context: &Context<'_>) -> Executed {
        // Memory of long values is allocated before the lock is taken and freed after it is released.
        let prebuilt = match op {
            Op::Put { value, .. } => Some(Owned::from(*value)),
            _ => None,
        };
        let mut dropped = Vec::new();
        let call = Call { op, hash, context, prebuilt, dropped: &mut dropped, replayed };
        let executed = self.shard(hash).lock().execute(call);
        drop(dropped);
        executed
    }
}

/// The operation whose execution has the record's effect, if it has one: a counter's record says what the result was.
pub(crate) fn replayed<'a>(record: &Record<'a>) -> Option<Op<'a>> {
    let op = match record.op {
        Op::Incr { key, .. } | Op::IncrBy { key, .. } => Op::Put { key, value: record.effect.value()? },
        op => op,
    };
    op.kind().writes().then_some(op)
}
