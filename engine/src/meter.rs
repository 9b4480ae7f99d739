//! Memory use of the entries, and its limit.

use std::sync::atomic::{AtomicUsize, Ordering};

use proto::Refusal;

/// The part of the limit that writes leave free, so that tables can shrink after deletions: moving entries to a smaller table
/// needs the memory of its index first.
const SHRINKING: usize = 64;

/// Counts the bytes of slots, tags, long keys, long values and deadlines, as the allocator rounds them up.
#[derive(Debug)]
pub struct Meter {
    used: AtomicUsize,
    limit: usize,
}

/// What the entries of a value type use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Number of entries.
    pub entries: usize,
    /// Number of those that will expire.
    pub expiring: usize,
    /// Bytes of their slots, tags, long keys, long values and deadlines.
    pub bytes: usize,
}

/// Memory of an allocation, in bytes: sizes have four classes for each power of two, as in mimalloc
/// (<https://github.com/microsoft/mimalloc/blob/v2.2.4/src/page-queue.c#L59>, `mi_bin`).
pub(crate) fn allocated(bytes: usize) -> usize {
    const WORD: usize = size_of::<usize>();
    let words = bytes.div_ceil(WORD);
    match words {
        0 => 0,
        1..=8 => words.next_multiple_of(2) * WORD,
        _ => words.next_multiple_of(1 << ((words - 1).ilog2() - 2)) * WORD,
    }
}

impl Meter {
    pub(crate) fn new(limit: Option<usize>) -> Self {
        Self { used: AtomicUsize::new(0), limit: limit.unwrap_or(usize::MAX) }
    }

    /// Bytes in use.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// The limit, if there is one.
    pub fn limit(&self) -> Option<usize> {
        (self.limit != usize::MAX).then_some(self.limit)
    }

    /// Fails if `more` bytes would exceed the limit, less what tables need to shrink. Concurrent writers may overshoot it by what each of them adds.
    pub(crate) fn admit(&self, more: usize) -> Result<(), Refusal> {
        // What needs no memory never fails, so deletions work even beyond the limit: they free slots.
        if more == 0 || self.limit == usize::MAX {
            return Ok(());
        }
        let used = self.used();
        match used.saturating_add(more) > self.limit - self.limit / SHRINKING {
            true => Err(Refusal::Memory { used, limit: self.limit }),
            false => Ok(()),
        }
    }

    /// Whether so many bytes are free below the limit.
    pub(crate) fn has_room(&self, more: usize) -> bool {
        self.used().saturating_add(more) <= self.limit
    }

    /// Replaces `before` bytes with `after`.
    pub(crate) fn replace(&self, before: usize, after: usize) {
        // Most writes change nothing here. They must not touch a cache line that all threads share.
        if after > before {
            self.used.fetch_add(after - before, Ordering::Relaxed);
        } else if before > after {
            self.used.fetch_sub(before - after, Ordering::Relaxed);
        }
    }
}
