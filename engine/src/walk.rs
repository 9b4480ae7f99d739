//! A walk over all entries while other threads read and write them. A checkpoint is made of it.
//!
//! The walk goes through shards, value types and hashes. It copies a run of entries with the shard locked, then unlocks it.
//! Growing tables move entries, but in the order of their hashes. So an entry that exists during the whole walk is visited
//! exactly once; one that is created or deleted meanwhile is visited or not. Each is visited as it is at that moment. One that
//! has expired, and is still there, is visited, too: it is removed when the log says so.
//!
//! **Recovery from a walk.** Let B be [`Engine::last_lsn`] when the walk begins. Every operation up to B is in it: the
//! record of an operation gets its lsn under the lock of the shard, and the walk takes that lock later. An operation after B
//! may be in it or not. Records say what the state is after them and not how it changes. So replaying all of those after B
//! leads to the state after the last of them, provided that it replays at least those that the walk may have seen.

use proto::{Key, Lsn, Value, ValueType};

use crate::engine::Engine;
use crate::expiry::Facts;
use crate::outcomes::Once;

/// A walk over the entries of an engine.
#[derive(Debug)]
pub struct Walk<'e> {
    engine: &'e Engine,
    begin: Lsn,
    shard: usize,
    /// Index in [`ValueType::ALL`].
    ty: usize,
    /// The hash at which the next run begins.
    from: u64,
    /// The stripe of outcomes that comes next.
    stripe: usize,
}

impl Engine {
    /// Begins a walk over all entries.
    pub fn walk(&self) -> Walk<'_> {
        Walk { engine: self, begin: self.last_lsn(), shard: 0, ty: 0, from: 0, stripe: 0 }
    }
}

impl Walk<'_> {
    /// The last lsn when the walk began. The effects of all records up to it are in the walk.
    pub fn begin(&self) -> Lsn {
        self.begin
    }

    /// Passes the next run of entries to `visit`, with the shard locked: about a thousand entries or 256 KiB, and at least
    /// one entry where there is one. Returns false after the last run.
    pub fn next(&mut self, visit: &mut impl FnMut(Key<'_>, Value, Facts)) -> bool {
        let Some(shard) = self.engine.shards.get(self.shard) else { return false };
        let next = shard.lock().walk(ValueType::ALL[self.ty], self.from, self.engine.env(), visit);
        self.from = next.unwrap_or_default();
        if next.is_none() {
            self.ty += 1;
        }
        if self.ty == ValueType::ALL.len() {
            (self.shard, self.ty) = (self.shard + 1, 0);
        }
        true
    }
    /// Passes some of the outcomes that are kept for idempotency keys to `visit`, encoded, with the stamp of their record and until
    /// when they are kept. Returns false after the last ones. What is said of entries and records holds of them, too.
    pub fn next_outcomes(&mut self, visit: &mut impl FnMut(Once<'_>, &[u8], Facts)) -> bool {
        self.stripe += 1;
        self.engine.outcomes().visit(self.stripe - 1, visit)
    }
}
