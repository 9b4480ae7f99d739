//! Many operations at once, with their cache misses overlapped.
//!
//! A random access costs two misses, the index bucket and the slot, and the processor cannot start the second before the
//! first has arrived. Over a window of operations all first misses are started, then all second ones, then the
//! operations run in order. The order of effects and replies is that of the slice.

use std::ops::ControlFlow;

use proto::batch::BatchError;
use proto::{Batch, Micros, Op};

use crate::shard::Context;
use crate::{Engine, Executed, replayed};

/// Operations whose cache misses are in flight together. A core keeps 10 to 16 line fills outstanding.
const WINDOW: usize = 16;

/// Records that are decoded at a time during recovery; few enough to stay in the first-level cache.
const DECODED: usize = 8 * WINDOW;

/// Asks the processor to load the cache line at the start of `target`.
#[allow(unsafe_code)]
pub(crate) fn prefetch<T>(target: &T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch accesses no memory as far as the program can observe, and SSE is part of x86-64.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(target).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = target;
}

impl Engine {
    /// Carries out `ops` in order at the time `at` and tells `each` what each came to, in the same order. When `each` breaks
    /// off, the operations behind are not carried out. Returns how many were.
    pub fn execute_batch(&self, ops: &[Op<'_>], at: Micros, each: impl FnMut(Executed) -> ControlFlow<()>) -> usize {
        self.run_batch(ops, &self.context(at), each)
    }

    /// Applies a batch of the log during recovery, see [`Engine::replay`]. After an error the engine holds a part of the
    /// batch and is of no use.
    pub fn replay_batch(&self, batch: &Batch) -> Result<(), BatchError> {
        let context = self.replay_context();
        let mut ops = Vec::with_capacity(DECODED);
        let mut records = batch.records();
        loop {
            let mut decoded = 0;
            for record in records.by_ref().take(DECODED) {
                decoded += 1;
                ops.extend(replayed(&record?));
            }
            self.run_batch(&ops, &context, |_| ControlFlow::Continue(()));
            ops.clear();
            if decoded < DECODED {
                return Ok(());
            }
        }
    }

    fn run_batch(
        &self,
        ops: &[Op<'_>],
        context: &Context<'_>,
        mut each: impl FnMut(Executed) -> ControlFlow<()>,
    ) -> usize {
        let mut hashes = [0; WINDOW];
        let mut executed = 0;
        for window in ops.chunks(WINDOW) {
            for (hash, op) in hashes.iter_mut().zip(window) {
                *hash = self.hash(op.key());
                prefetch(self.shard(*hash));
            }
            // A shard that somebody else holds is skipped: a prefetch is not worth waiting for.
            for (hash, op) in hashes.iter().zip(window) {
                if let Some(mut shard) = self.shard(*hash).try_lock() {
                    shard.prefetch_index(*hash, op.value_type());
                }
            }
            for (hash, op) in hashes.iter().zip(window) {
                if let Some(mut shard) = self.shard(*hash).try_lock() {
                    shard.prefetch_slot(*hash, op.value_type());
                }
            }
            for (hash, op) in hashes.iter().zip(window) {
                executed += 1;
                if each(self.run(op, *hash, context)).is_break() {
                    return executed;
                }
            }
        }
        executed
    }
}
