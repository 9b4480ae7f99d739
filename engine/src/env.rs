//! State that all tables of an engine share.

use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use ahash::RandomState;

use crate::meter::Meter;

/// Parts of one in which [`Env::growth`] is counted.
pub(crate) const WHOLE: usize = 1024;

/// Most that a table grows at once because more entries are expected, as a factor. If they then go to other tables, no more
/// than that is too large for its content.
const MAX_EXPECTED_GROWTH: usize = 4;

/// The hash function, the memory meter, what is expected, and what has expired.
#[derive(Debug)]
pub(crate) struct Env {
    hasher: RandomState,
    pub(crate) meter: Meter,
    /// By how much tables grow at least while the engine is being filled; see [`Env::expect`].
    growth: AtomicUsize,
    /// The shard at which the next sweep begins.
    pub(crate) sweep_from: AtomicUsize,
    /// Whether there has ever been an entry that expires.
    pub(crate) expires: AtomicBool,
    /// Entries that were removed because they had expired.
    pub(crate) expired: AtomicU64,
}

impl Env {
    pub(crate) fn new(hasher: RandomState, meter: Meter) -> Self {
        Self {
            hasher,
            meter,
            growth: AtomicUsize::new(0),
            sweep_from: AtomicUsize::new(0),
            expires: AtomicBool::new(false),
            expired: AtomicU64::new(0),
        }
    }

    /// Notes that the engine, with `done` entries, will have `total`. Nothing is expected after `expect(0, 0)`.
    pub(crate) fn expect(&self, done: u64, total: u64) {
        let more = total.saturating_sub(done) as f64 / done.max(1) as f64;
        let growth = more.min(MAX_EXPECTED_GROWTH as f64 - 1.0) * WHOLE as f64;
        self.growth.store(growth as usize, Ordering::Relaxed);
    }

    /// Growth that is expected, as a part of the present size, in units of 1 / [`WHOLE`].
    pub(crate) fn growth(&self) -> usize {
        self.growth.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn hash(&self, key: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(key);
        hasher.finish()
    }
}
