//! All entries of a server: selects the shard, executes single operations, and reports totals.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ahash::RandomState;
use crossbeam::utils::CachePadded;
use parking_lot::Mutex;
use proto::{Key, Lsn, Micros, Op, Operations, Record, Refusal, Reply, Value, ValueType};

use crate::call::{Call, Context, Executed, RecordMode, Records, outcome};
use crate::env::Env;
use crate::expiry::{Expires, Facts};
use crate::log::LogBuffer;
use crate::meter::{Meter, Usage};
use crate::outcomes::{Once, OutcomeLimits, OutcomeUsage, Outcomes};
use crate::shard::Shard;
use crate::stored::Prepared;

/// Default number of shards.
pub const DEFAULT_SHARDS: usize = 256;

/// Maximum number of shards. The hash bits that select a shard must not overlap those that select a tag.
pub const MAX_SHARDS: usize = 1 << 16;

/// How often a large change of a set is prepared again because somebody has changed the set meanwhile. Then it is made with the
/// shard locked.
const PREPARED_AT_MOST: usize = 4;

/// Most entries that a sweep removes before it unlocks their shard.
const SWEPT_AT_ONCE: usize = 64;

/// Most entries that one call of [`Engine::sweep`] removes, or a few more.
const SWEPT_IN_A_CALL: usize = 10_000;

/// The settings of an engine.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Number of shards, rounded up to a power of two; 0 means [`DEFAULT_SHARDS`].
    pub shards: usize,
    /// Writes are rejected if entries would take more than this many bytes of memory.
    pub max_memory: Option<usize>,
    /// Which operations are recorded.
    pub record: RecordMode,
    /// Seeds of the hash function, for repeatable tests. Random by default, as they must be when clients are untrusted.
    pub hash_seeds: Option<[u64; 4]>,
    /// For how long idempotency keys are kept, and how many.
    pub outcomes: OutcomeLimits,
}

/// All entries of a server. Shared by reference between threads; per key, operations are linearizable.
#[derive(Debug)]
pub struct Engine {
    pub(crate) shards: Box<[CachePadded<Mutex<Shard>>]>,
    /// Shift that leaves the hash bits that select the shard.
    shard_shift: u32,
    env: Env,
    record: RecordMode,
    log: Option<Arc<LogBuffer>>,
    outcomes: Outcomes,
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
            env: Env::new(hasher, Meter::new(options.max_memory)),
            record: options.record,
            log: None,
            outcomes: Outcomes::new(options.outcomes),
        }
    }

    /// Records operations in `log` from now on. Call it once, after recovery and before serving.
    pub fn attach_log(&mut self, log: Arc<LogBuffer>) {
        self.log = Some(log);
    }

    /// Executes `op` at the time `at`. If it fails, nothing has changed.
    pub fn execute(&self, op: &Op<'_>, at: Micros) -> Executed {
        self.run(op, self.hash(op.key()), None, &self.context(at))
    }

    /// Applies a record of the log during recovery: without limits and without recording. Records must be applied in
    /// lsn order. Applying a run of records again leaves the same state.
    pub fn replay(&self, record: &Record<'_>) {
        if let Op::Outcome { key, .. } = record.op {
            self.recover_outcome(record, self.hash(key));
        } else if let Some((op, replayed)) = replayed(record) {
            // Only the log and the limits can reject an operation, and there are none here.
            let _ = self.run(&op, self.hash(op.key()), Some(replayed), &self.replay_context());
        }
    }

    /// Keeps the outcome that a record is about, whose key has this hash.
    pub(crate) fn recover_outcome(&self, record: &Record<'_>, hash: u64) {
        if let Op::Outcome { key, fingerprint, outcome } = record.op {
            let stamp = record.options.stamp.unwrap_or(record.lsn).into();
            let facts = Facts { stamp, expires: record.options.expires };
            self.outcomes.recover(hash, &Once { key, fingerprint }, outcome, facts, record.at);
        }
    }

    /// Says, while the engine is filled, that it has `done` entries of `total`, so that tables grow in fewer steps.
    /// [`Engine::fit`] ends that.
    pub fn expect(&self, done: u64, total: u64) {
        self.env.expect(done, total);
    }

    /// After the engine was filled: makes tables that have become much too large for their entries smaller.
    pub fn fit(&self) {
        self.env.expect(0, 0);
        self.shards.iter().for_each(|shard| shard.lock().fit(&self.env));
    }

    /// The lsn of the last record; 0 without a log. A write that changed nothing, and is not recorded itself, depends
    /// on an earlier write. That one is durable when this lsn is durable.
    pub fn last_lsn(&self) -> Lsn {
        self.log.as_ref().map_or(0, |log| log.last_lsn())
    }

    /// Number of entries of all types.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    /// What the entries of each value type use, in the order of [`ValueType::ALL`]. Locks one shard after the other.
    pub fn usage(&self) -> [Usage; ValueType::ALL.len()] {
        let mut usage = Default::default();
        self.shards.iter().for_each(|shard| shard.lock().add_usage(&mut usage));
        usage
    }

    /// Whether the engine is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is known of an entry besides its value, also of one that has expired and is still there. Its stamp increases with
    /// each write of the entry, even across its deletion, a restart and a recovery. With a log it is derived from the write's
    /// lsn, without one it counts writes.
    pub fn facts(&self, ty: ValueType, key: Key<'_>) -> Option<Facts> {
        let hash = self.hash(key);
        self.shard(hash).lock().facts(hash, ty, key, Micros::MIN)
    }

    /// Whether there is a map or set of at least so many packed bytes. Only for large sizes: it knows nothing of small ones.
    pub fn has_collection_of(&self, ty: ValueType, key: Key<'_>, bytes: usize) -> bool {
        let hash = self.hash(key);
        let blocks = self.shard(hash).lock().shared(ty, hash, key, Micros::MIN);
        blocks.is_some_and(|blocks| blocks.packed_bytes() >= bytes)
    }

    /// Forgets idempotency keys that have expired by `at`; removes entries that have, and records that. Locks a shard for a few of its entries at a time. Ends
    /// early while the log has so much to do that writers might be refused, and after some thousand entries. The next call goes
    /// on from there. Returns whether there may be more to remove at once.
    pub fn sweep(&self, at: Micros) -> Result<bool, Refusal> {
        self.outcomes.forget(at);
        if !self.env.expires.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let (context, shards, mut total) = (self.context(at), self.shards.len(), 0);
        let begin = self.env.sweep_from.load(Ordering::Relaxed);
        for number in (begin..begin + shards).map(|number| number % shards) {
            loop {
                let is_busy = self.log.as_ref().is_some_and(|log| log.is_busy());
                if is_busy || total >= SWEPT_IN_A_CALL {
                    self.env.sweep_from.store(number, Ordering::Relaxed);
                    return Ok(!is_busy);
                }
                let mut dropped = Vec::new();
                let swept = self.shards[number].lock().sweep(SWEPT_AT_ONCE, &context, &mut dropped)?;
                total += swept;
                if swept < SWEPT_AT_ONCE {
                    break;
                }
            }
        }
        Ok(false)
    }

    /// How many entries were removed because they had expired.
    pub fn expired(&self) -> u64 {
        self.env.expired.load(Ordering::Relaxed)
    }

    /// How many idempotency keys are kept, and how often they were of use.
    pub fn outcome_usage(&self) -> OutcomeUsage {
        self.outcomes.usage()
    }

    pub(crate) fn outcomes(&self) -> &Outcomes {
        &self.outcomes
    }

    /// The memory meter.
    pub fn meter(&self) -> &Meter {
        &self.env.meter
    }

    /// Calls `visit` for every entry, also one that has expired, with its type and key, in no particular order. Each shard is locked while it is
    /// visited.
    pub fn for_each(&self, mut visit: impl FnMut(ValueType, &str, proto::Value)) {
        for shard in &self.shards {
            shard.lock().for_each(&mut visit);
        }
    }

    pub(crate) fn log(&self) -> Option<&LogBuffer> {
        self.log.as_deref()
    }

    pub(crate) fn record_mode(&self) -> RecordMode {
        self.record
    }

    pub(crate) fn env(&self) -> &Env {
        &self.env
    }

    #[inline]
    pub(crate) fn hash(&self, key: Key<'_>) -> u64 {
        self.env.hash(key.as_bytes())
    }

    #[inline]
    pub(crate) fn shard_number(&self, hash: u64) -> usize {
        // A shift by 64 bits (one shard) is not defined for `>>`, hence the checked version.
        hash.checked_shr(self.shard_shift).unwrap_or(0) as usize
    }

    #[inline]
    pub(crate) fn shard(&self, hash: u64) -> &Mutex<Shard> {
        &self.shards[self.shard_number(hash)]
    }

    fn records(&self) -> Records<'_> {
        self.log.as_deref().map_or(Records::Nowhere, Records::Log)
    }

    pub(crate) fn context(&self, at: Micros) -> Context<'_> {
        Context { env: &self.env, records: self.records(), record: self.record, limited: true, at }
    }

    /// Of reads that are not requests, and not recorded.
    pub(crate) fn quiet_context(&self, at: Micros) -> Context<'_> {
        Context { at, ..self.replay_context() }
    }

    /// Of operations that are what the log says: nothing has expired unless it says so.
    pub(crate) fn replay_context(&self) -> Context<'_> {
        Context {
            env: &self.env,
            records: Records::Nowhere,
            record: RecordMode::Writes,
            limited: false,
            at: Micros::MIN,
        }
    }

    #[inline]
    pub(crate) fn run(&self, op: &Op<'_>, hash: u64, replayed: Option<Replayed>, context: &Context<'_>) -> Executed {
        match *op {
            Op::Get { ty, .. } if ty.operations() != Operations::Collection => {
                self.shard(hash).lock().get(op, ty, hash, context)
            }
            Op::Get { ty, .. } => self.get_collection(op, ty, hash, context),
            _ => self.run_other(op, hash, replayed, context),
        }
    }

    /// Executes any operation other than a get.
    fn run_other(&self, op: &Op<'_>, hash: u64, replayed: Option<Replayed>, context: &Context<'_>) -> Executed {
        // Memory of long values is allocated before the lock is taken and freed after it is released.
        let mut prepared = self.prepared(op, hash, context.at);
        let mut dropped = Vec::new();
        let expires = replayed.map_or(Expires::AsUsual, |replayed| replayed.expires);
        let replayed = replayed.map(|replayed| replayed.lsn);
        let mut shard = self.shard(hash).lock();
        for _ in 1..PREPARED_AT_MOST {
            let Some(unfit @ Prepared::Members(_)) = &mut prepared else { break };
            if shard.fits(unfit, hash, op.key(), context.at) {
                break;
            }
            drop(shard);
            self.prepare(unfit, op, hash, context.at);
            shard = self.shard(hash).lock();
        }
        let mut call = Call { op, hash, context, prepared, dropped: &mut dropped, expires, replayed };
        let executed = shard.execute(&mut call);
        drop(shard);
        drop(dropped);
        executed
    }

    /// What can be done for an operation with its shard unlocked.
    pub(crate) fn prepared<'o>(&self, op: &Op<'o>, hash: u64, at: Micros) -> Option<Prepared<'o>> {
        let mut prepared = Prepared::of(op)?;
        self.prepare(&mut prepared, op, hash, at);
        Some(prepared)
    }

    /// Prepares a change of the set that is there now.
    fn prepare(&self, prepared: &mut Prepared<'_>, op: &Op<'_>, hash: u64, at: Micros) {
        if let Prepared::Members(members) = prepared {
            let set = self.shard(hash).lock().set(hash, op.key(), at);
            members.prepare(set.unwrap_or_default());
        }
    }

    /// Executes a get of a map or set. A large one is packed with its shard unlocked.
    fn get_collection(&self, op: &Op<'_>, ty: ValueType, hash: u64, context: &Context<'_>) -> Executed {
        let shard = self.shard(hash).lock();
        let Some(blocks) = shard.shared(ty, hash, op.key(), context.at) else {
            return shard.get(op, ty, hash, context);
        };
        context.log_read(op);
        drop(shard);
        let value = if ty == ValueType::Map { Value::Map(blocks.pack()) } else { Value::Set(blocks.pack()) };
        outcome(Reply::Value(value), None)
    }
}

/// What the log says of an operation that is replayed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replayed {
    /// The lsn of the write, which for the record of a checkpoint is the stamp.
    pub(crate) lsn: Lsn,
    /// When the entry expires after it.
    pub(crate) expires: Expires,
}

/// The operation that reproduces the record's effect, if it has one: a counter's record contains the result.
#[inline]
pub(crate) fn replayed<'a>(record: &Record<'a>) -> Option<(Op<'a>, Replayed)> {
    let op = match record.op {
        Op::Incr { key, .. } | Op::IncrBy { key, .. } => Op::Put { key, value: record.effect.value()? },
        op => op,
    };
    let lsn = record.options.stamp.unwrap_or(record.lsn);
    op.kind().writes().then(|| (op, Replayed { lsn, expires: record.options.expires.into() }))
}
