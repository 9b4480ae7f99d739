//! Memory that all connections share for what is large: counted bytes with a limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A number of bytes that may be in use at a time.
#[derive(Debug)]
pub struct Budget {
    limit: usize,
    used: AtomicUsize,
}

/// A part of a budget, given back when dropped.
#[derive(Debug)]
pub struct Share {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    /// At most `limit` bytes.
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicUsize::new(0) })
    }

    /// A share that holds nothing yet.
    pub fn share(self: &Arc<Self>) -> Share {
        Share { budget: Arc::clone(self), bytes: 0 }
    }
}

impl Share {
    /// Bytes that this share holds.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Makes the share at least `bytes` large. Returns whether the budget had room for it; otherwise it stays as it was.
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

    /// Gives everything back.
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
