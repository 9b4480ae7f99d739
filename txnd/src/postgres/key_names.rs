//! The names of keys by their ids, for a reader: those that were used lately, within a budget of bytes.

use super::generations::Generations;
use super::tables::TYPES;

/// See the module.
#[derive(Debug)]
pub(super) struct KeyNames {
    names: Generations<(usize, i64), Box<str>>,
    /// Of each type, the highest id that was taken over. Ids are given in the order of first use, so those that a reader misses
    /// next are mostly the ones that follow.
    highest: [i64; TYPES],
}

impl KeyNames {
    pub(super) fn new(budget: usize) -> Self {
        Self { names: Generations::new(budget), highest: [0; TYPES] }
    }

    /// The key with this id, if it is known.
    pub(super) fn get(&self, ty: usize, id: i64) -> Option<&str> {
        self.names.peek(&(ty, id)).map(|name| &**name)
    }

    pub(super) fn insert(&mut self, ty: usize, id: i64, name: &str) {
        self.highest[ty] = self.highest[ty].max(id);
        self.names.insert((ty, id), name.into(), name.len());
    }

    pub(super) fn highest(&self, ty: usize) -> i64 {
        self.highest[ty]
    }
}
