//! The names of keys by their ids, for a reader: those that were used lately, within a budget of bytes, and those that the
//! rows at hand need, whatever the budget.

use ahash::RandomState;
use compact_str::CompactString;
use hashbrown::HashMap;

use super::generations::{Generations, heap_bytes};
use super::tables::TYPES;

/// The id of a key, and the place of its type's table in the lowest bits.
type Id = i64;

fn id_of(ty: usize, id: i64) -> Id {
    id << TYPE_BITS | ty as i64
}

const TYPE_BITS: u32 = 3;
const _: () = assert!(TYPES <= 1 << TYPE_BITS);

/// See the module.
#[derive(Debug)]
pub(super) struct KeyNames {
    cache: Generations<Id, CompactString>,
    /// What the rows at hand lacked.
    needed: HashMap<Id, CompactString, RandomState>,
    /// Of each type, the highest id that was taken over. Ids are given in the order of first use, so those that a reader misses
    /// next are mostly the ones that follow.
    highest: [i64; TYPES],
}

impl KeyNames {
    pub(super) fn new(budget: usize) -> Self {
        Self { cache: Generations::new(budget), needed: HashMap::default(), highest: [0; TYPES] }
    }

    /// The key with this id, if it is known.
    pub(super) fn get(&self, ty: usize, id: i64) -> Option<&str> {
        let id = id_of(ty, id);
        self.cache.peek(&id).or_else(|| self.needed.get(&id)).map(CompactString::as_str)
    }

    /// Adds a key, which stays as long as there is room.
    pub(super) fn insert(&mut self, ty: usize, id: i64, name: &str) {
        self.highest[ty] = self.highest[ty].max(id);
        self.cache.insert(id_of(ty, id), name.into(), heap_bytes(name.len()));
    }

    /// Adds a key that the rows at hand need; it stays until [`Self::release`].
    pub(super) fn hold(&mut self, ty: usize, id: i64, name: &str) {
        self.highest[ty] = self.highest[ty].max(id);
        self.needed.insert(id_of(ty, id), name.into());
    }

    /// The rows at hand are done with.
    pub(super) fn release(&mut self) {
        for (id, name) in self.needed.drain() {
            let bytes = heap_bytes(name.len());
            self.cache.insert(id, name, bytes);
        }
    }

    pub(super) fn highest(&self, ty: usize) -> i64 {
        self.highest[ty]
    }
}
