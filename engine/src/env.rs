//! State that all tables of an engine share.

use std::hash::{BuildHasher, Hasher};

use ahash::RandomState;

use crate::meter::Meter;

/// The hash function and the memory meter.
#[derive(Debug)]
pub(crate) struct Env {
    pub(crate) hasher: RandomState,
    pub(crate) meter: Meter,
}

impl Env {
    #[inline]
    pub(crate) fn hash(&self, key: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(key);
        hasher.finish()
    }
}
