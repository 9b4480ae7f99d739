//! The batches that have become durable lately, in memory, for those who follow.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use proto::{Batch, Lsn};

/// The batches. Nothing is kept while nobody follows.
#[derive(Debug)]
pub(crate) struct Tail {
    /// Most bytes that are kept.
    limit: usize,
    followers: AtomicUsize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// Each continues the one before.
    batches: VecDeque<Batch>,
    bytes: usize,
}

/// Counts a follower until it is dropped.
#[derive(Debug)]
pub(super) struct Following(Arc<Tail>);

impl Tail {
    /// Keeps at most `limit` bytes.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, followers: AtomicUsize::new(0), kept: Mutex::default() })
    }

    /// The next durable batch. It is copied, because its memory is that of a buffer, which is larger and used again.
    pub(crate) fn push(&self, batch: &Batch) {
        if self.followers() == 0 {
            return;
        }
        let batch = batch.copied();
        let mut kept = self.kept.lock();
        if kept.batches.back().is_some_and(|last| last.last_lsn() + 1 != batch.first_lsn()) {
            kept.clear();
        }
        kept.bytes += batch.as_bytes().len();
        kept.batches.push_back(batch);
        while kept.bytes > self.limit
            && let Some(oldest) = kept.batches.pop_front()
        {
            kept.bytes -= oldest.as_bytes().len();
        }
    }

    /// The batch with the record after `lsn`, if it is kept.
    pub(super) fn after(&self, lsn: Lsn) -> Option<Batch> {
        let kept = self.kept.lock();
        let index = kept.batches.partition_point(|batch| batch.last_lsn() <= lsn);
        kept.batches.get(index).filter(|batch| batch.first_lsn() <= lsn + 1).cloned()
    }

    /// Counts another follower: from now on batches are kept.
    pub(super) fn follow(self: &Arc<Self>) -> Following {
        self.followers.fetch_add(1, Ordering::Relaxed);
        Following(Arc::clone(self))
    }

    /// How many follow.
    pub(crate) fn followers(&self) -> usize {
        self.followers.load(Ordering::Relaxed)
    }

    /// Bytes that are kept.
    pub(crate) fn bytes(&self) -> usize {
        self.kept.lock().bytes
    }
}

impl Kept {
    fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        if self.0.followers.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.kept.lock().clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use proto::{BatchBuffer, Chain, Effect, Key, Op, ValueType};

    use super::*;

    fn batches(count: usize) -> Vec<Batch> {
        let mut chain = Chain::start(7);
        let op = Op::Del { ty: ValueType::Int, key: Key::new(b"key").unwrap() };
        let mut next = || {
            let mut buffer = BatchBuffer::new(chain.lsn + 1, Vec::new());
            for _ in 0..2 {
                buffer.push(&op, Effect::None, 0).expect("one time");
            }
            let batch = buffer.seal(&chain, 1, 0);
            chain = chain.after(&batch);
            batch
        };
        (0..count).map(|_| next()).collect()
    }

    fn first(found: Option<Batch>) -> Option<Lsn> {
        found.map(|batch| batch.first_lsn())
    }

    #[test]
    fn batches_are_found_by_the_record_after_a_place_until_newer_ones_need_their_memory() {
        let batches = batches(4);
        let tail = Tail::new(3 * batches[0].as_bytes().len());
        tail.push(&batches[0]);
        assert_eq!((tail.bytes(), first(tail.after(0))), (0, None), "nobody follows");
        let following = tail.follow();
        batches.iter().for_each(|batch| tail.push(batch));
        assert_eq!(first(tail.after(1)), None, "dropped");
        assert_eq!([2, 3, 4, 7].map(|lsn| first(tail.after(lsn))), [Some(3), Some(3), Some(5), Some(7)]);
        assert_eq!(first(tail.after(8)), None, "the end");
        drop(following);
        assert_eq!(tail.bytes(), 0);
    }

    #[test]
    fn a_hole_is_never_bridged() {
        let batches = batches(3);
        let tail = Tail::new(1 << 20);
        let _following = tail.follow();
        tail.push(&batches[0]);
        tail.push(&batches[2]);
        assert_eq!([0, 2, 4].map(|lsn| first(tail.after(lsn))), [None, None, Some(5)]);
    }
}
