//! Executes many operations at once, with their cache misses overlapped.
//!
//! A random access costs two cache misses, the tags and the slot (plus a third for a long text outside the slot). The
//! processor cannot start the second before the first has arrived. For a window of operations, all first misses are
//! started, then all second ones, then the operations run in order. The order of effects and replies is that of the
//! slice.

use std::ops::ControlFlow;

use arrayvec::ArrayVec;
use crossbeam::utils::CachePadded;
use parking_lot::{Mutex, MutexGuard};
use proto::{Batch, BatchError, Micros, Op, Operations, Reply, Value, ValueRef, ValueType};

use crate::call::{Call, Context, Executed, Outcome};
use crate::engine::{Engine, Replayed, replayed};
use crate::expiry::Expires;
use crate::prefetch::prefetch;
use crate::shard::Shard;

/// Number of operations whose cache misses are in flight together. A core has 10 to 16 line fill buffers.
const WINDOW: usize = 16;

/// Longest text, in bytes, that is stored or returned while the locks of a window are held.
const LIGHT_TEXT_BYTES: usize = 1024;

/// Number of records that are decoded at a time during recovery; few enough to stay in the first-level cache.
const DECODED: usize = 8 * WINDOW;

/// A share of all keys, by the bits of the hash that select the shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    number: u64,
    of: u64,
}

impl Share {
    /// All keys.
    pub const ALL: Self = Self { number: 0, of: 1 };

    /// So many shares of about the same size; each key is in one of them.
    pub fn all(shares: usize) -> impl Iterator<Item = Self> {
        (0..shares as u64).map(move |number| Self { number, of: shares as u64 })
    }

    #[inline]
    fn has(self, hash: impl FnOnce() -> u64) -> bool {
        self.of == 1 || ((hash() >> 32) * self.of) >> 32 == self.number
    }
}

impl Engine {
    /// Executes `ops` in order at the time `at` and passes each outcome to `each`, in the same order. If `each` breaks,
    /// the operations after it are not executed. Returns how many were executed.
    pub fn execute_batch(&self, ops: &[Op<'_>], at: Micros, each: impl FnMut(&Executed) -> ControlFlow<()>) -> usize {
        self.run_batch(ops, &[], &self.context(at), each)
    }

    /// Applies a batch of the log during recovery, see [`Engine::replay`]. After an error the engine contains a part of
    /// the batch and must not be used.
    pub fn replay_batch(&self, batch: &Batch) -> Result<(), BatchError> {
        self.replay_share(batch, Share::ALL)
    }

    /// Applies those records of a batch whose keys are in `share`. Threads that each replay all batches, with a share of
    /// their own, leave the same state as one that replays everything, and hardly ever meet at a lock.
    pub fn replay_share(&self, batch: &Batch, share: Share) -> Result<(), BatchError> {
        let context = self.replay_context();
        let (mut ops, mut all) = (Vec::with_capacity(DECODED), Vec::with_capacity(DECODED));
        let mut records = batch.records();
        loop {
            let mut decoded = 0;
            for record in records.by_ref().take(DECODED) {
                decoded += 1;
                let record = record?;
                if let Op::Outcome { key, .. } = record.op {
                    let hash = self.hash(key);
                    if share.has(|| hash) {
                        self.recover_outcome(&record, hash);
                    }
                } else if let Some((op, replayed)) = replayed(&record)
                    && share.has(|| self.hash(op.key()))
                {
                    ops.push(op);
                    all.push(replayed);
                }
            }
            self.run_batch(&ops, &all, &context, |_| ControlFlow::Continue(()));
            ops.clear();
            all.clear();
            if decoded < DECODED {
                return Ok(());
            }
        }
    }

    /// `replayed` is empty unless operations are replayed.
    fn run_batch(
        &self,
        ops: &[Op<'_>],
        replayed: &[Replayed],
        context: &Context<'_>,
        mut each: impl FnMut(&Executed) -> ControlFlow<()>,
    ) -> usize {
        let mut executed = 0;
        for window in ops.chunks(WINDOW) {
            let replayed = replayed.get(executed..).unwrap_or_default();
            match self.run_window(window, replayed, context, &mut each) {
                ControlFlow::Continue(()) => executed += window.len(),
                ControlFlow::Break(some) => return executed + some,
            }
        }
        executed
    }

    /// Executes at most [`WINDOW`] operations. If `each` breaks, returns the number executed.
    fn run_window(
        &self,
        ops: &[Op<'_>],
        replayed: &[Replayed],
        context: &Context<'_>,
        each: &mut impl FnMut(&Executed) -> ControlFlow<()>,
    ) -> ControlFlow<usize> {
        let mut dropped = Vec::new();
        let mut hashes = [0; WINDOW];
        for (hash, op) in hashes.iter_mut().zip(ops) {
            *hash = self.hash(op.key());
            prefetch(self.shard(*hash));
        }
        let mut guards = ShardGuards::new();
        for (at, (hash, op)) in hashes.iter().zip(ops).enumerate() {
            if let Some(shard) = guards.lock(at, self.shard_number(*hash), &self.shards) {
                shard.prefetch_index(*hash, op.value_type());
            }
        }
        for (at, (hash, op)) in hashes.iter().zip(ops).enumerate() {
            if let Some(shard) = guards.get(at) {
                shard.prefetch_slot(*hash, op.value_type());
            }
        }
        for (at, (hash, op)) in hashes.iter().zip(ops).enumerate() {
            if let (Some(ValueType::Str), Some(shard)) = (op.value_type(), guards.get(at)) {
                shard.prefetch_text(*hash);
            }
        }
        for (at, (hash, op)) in hashes.iter().zip(ops).enumerate() {
            // Each arm constructs the outcome in place: it is large, and moving it costs time.
            let one = match (guards.get(at).filter(|_| is_light(op)), *op) {
                (Some(shard), Op::Get { ty, .. }) => shard.get(op, ty, *hash, context),
                (Some(shard), _) => {
                    let replayed = replayed.get(at);
                    shard.execute(&mut Call {
                        op,
                        hash: *hash,
                        context,
                        prepared: None,
                        dropped: &mut dropped,
                        expires: replayed.map_or(Expires::AsUsual, |replayed| replayed.expires),
                        replayed: replayed.map(|replayed| replayed.lsn),
                    })
                }
                _ => {
                    // Hold no locks while waiting for one, or during long work.
                    guards.release();
                    self.run(op, *hash, replayed.get(at).copied(), context)
                }
            };
            if is_long(&one) {
                guards.release();
            }
            if each(&one).is_break() {
                return ControlFlow::Break(at + 1);
            }
        }
        ControlFlow::Continue(())
    }
}

/// Whether the reply takes time to copy: other threads must not wait for that.
#[inline]
fn is_long(executed: &Executed) -> bool {
    matches!(executed, Ok(Outcome { reply: Reply::Value(Value::Str(text)), .. }) if text.as_bytes().len() > LIGHT_TEXT_BYTES)
}

/// Whether the operation is so short that others may wait for a whole window of such operations: it allocates and
/// copies no more than [`LIGHT_TEXT_BYTES`].
#[inline]
fn is_light(op: &Op<'_>) -> bool {
    match op {
        Op::Get { ty, .. } | Op::Del { ty, .. } => ty.operations() != Operations::Collection,
        Op::Put { value: ValueRef::Str(text), .. } => text.len() <= LIGHT_TEXT_BYTES,
        Op::Put { value, .. } => value.value_type().operations() != Operations::Collection,
        Op::Incr { .. } | Op::IncrBy { .. } => true,
        _ => false,
    }
}

/// The locks of a window's shards. They are taken without waiting, so two threads cannot wait for each other. A shard
/// locked by another thread is skipped: a prefetch is not worth waiting for.
struct ShardGuards<'e> {
    guards: ArrayVec<MutexGuard<'e, Shard>, WINDOW>,
    /// The shard of each guard.
    shards: [u32; WINDOW],
    /// The guard of each operation's shard, or [`NOBODY`].
    owners: [u8; WINDOW],
}

/// Larger than any guard's number.
const NOBODY: u8 = u8::MAX;

impl<'e> ShardGuards<'e> {
    fn new() -> Self {
        Self { guards: ArrayVec::new(), shards: [0; WINDOW], owners: [NOBODY; WINDOW] }
    }

    /// Locks the shard of the operation at `at`, unless another thread holds it.
    #[inline]
    fn lock(&mut self, at: usize, number: usize, shards: &'e [CachePadded<Mutex<Shard>>]) -> Option<&mut Shard> {
        let held = self.guards.len();
        let owner = match shards[number].try_lock() {
            Some(guard) => {
                self.shards[held] = number as u32;
                self.guards.push(guard);
                held
            }
            // This window itself may hold it.
            None => self.shards[..held].iter().position(|&earlier| earlier == number as u32)?,
        };
        self.owners[at] = owner as u8;
        self.guards.get_mut(owner).map(|guard| &mut **guard)
    }

    /// The shard of the operation at `at`, if it is held.
    #[inline]
    fn get(&mut self, at: usize) -> Option<&mut Shard> {
        self.guards.get_mut(usize::from(self.owners[at])).map(|guard| &mut **guard)
    }

    fn release(&mut self) {
        self.guards.clear();
    }
}
