//! A memory limit that all connections share for large bodies, frames and responses.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A limit on the number of bytes that are in use at a time.
#[derive(Debug)]
pub struct Budget {
    limit: usize,
    used: AtomicUsize,
}

/// A part of a budget, released when dropped.
#[derive(Debug)]
pub struct Share {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    /// A budget of `limit` bytes.
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicUsize::new(0) })
    }

    /// Bytes that are in use.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// An empty share.
    pub fn share(self: &Arc<Self>) -> Share {
        Share { budget: Arc::clone(self), bytes: 0 }
    }
}

impl Share {
    /// Bytes that this share holds.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Grows the share to at least `bytes`. Returns whether the budget had room for that; if not, the share does not
    /// change.
    #[must_use]
    pub fn grow_to(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        if more == 0 {
            return true;
        }
        let used = self.budget.used.fetch_add(more, Ordering::Relaxed).saturating_add(more);
        if used > self.budget.limit {
            self.budget.used.fetch_sub(more, Ordering::Relaxed);
            return false;
        }
        self.bytes = bytes;
        true
    }

    /// Releases everything.
    pub fn release(&mut self) {
        if self.bytes > 0 {
            self.budget.used.fetch_sub(std::mem::take(&mut self.bytes), Ordering::Relaxed);
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_bounded_together_and_come_back() {
        let budget = Budget::new(100);
        let (mut a, mut b) = (budget.share(), budget.share());
        assert!(a.grow_to(60) && b.grow_to(40));
        assert!(!b.grow_to(41) && b.bytes() == 40);
        assert!(a.grow_to(10), "a share does not shrink");
        drop(a);
        assert!(b.grow_to(100));
        b.release();
        assert!(budget.share().grow_to(100));
    }
}
