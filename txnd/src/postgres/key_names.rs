//! The names of keys by their ids, for a reader: those that were used lately, within a budget of bytes, and those that the
//! rows at hand need, whatever the budget.
//!
//! Ids are given one after the other, so names are kept in chunks of neighbours: a lookup takes a small table and one line
//! of a chunk.

use ahash::RandomState;
use compact_str::CompactString;
use hashbrown::HashMap;

use super::generations::{Generations, heap_bytes};
use super::tables::TYPES;

/// Names in a chunk. A name that is missed costs reading those of its chunk.
pub(super) const CHUNK_NAMES: i64 = 16;

/// The names of neighbours; empty, which no name is, where the database has none.
pub(super) type Chunk = [CompactString; CHUNK_NAMES as usize];

/// A chunk's number, which is that of its ids divided by [`CHUNK_NAMES`], and in the lowest bits the place of the type's table.
type Location = i64;

const TYPE_BITS: u32 = 3;
const _: () = assert!(TYPES <= 1 << TYPE_BITS);

fn place(ty: usize, chunk: i64) -> Location {
    chunk << TYPE_BITS | ty as i64
}

fn bytes_of(chunk: &Chunk) -> usize {
    heap_bytes(size_of::<Chunk>()) + chunk.iter().map(|name| heap_bytes(name.len())).sum::<usize>()
}

/// See the module.
#[derive(Debug)]
pub(super) struct KeyNames {
    cache: Generations<Location, Box<Chunk>>,
    /// What the rows at hand lacked.
    needed: HashMap<Location, Box<Chunk>, RandomState>,
    /// Of each type, the chunk up to which names were read, in order. Ids are given in the order of first use, so those that a
    /// reader misses next are mostly the ones that follow.
    read_to: [i64; TYPES],
}

impl KeyNames {
    pub(super) fn new(budget: usize) -> Self {
        Self { cache: Generations::new(budget), needed: HashMap::default(), read_to: [0; TYPES] }
    }

    /// The key with this id, if it is known.
    pub(super) fn get(&self, ty: usize, id: i64) -> Option<&str> {
        let place = place(ty, id.div_euclid(CHUNK_NAMES));
        let chunk = self.cache.peek(&place).or_else(|| self.needed.get(&place))?;
        Some(chunk[id.rem_euclid(CHUNK_NAMES) as usize].as_str()).filter(|name| !name.is_empty())
    }

    /// Up to which chunk names were read in order.
    pub(super) fn read_to(&self, ty: usize) -> i64 {
        self.read_to[ty]
    }

    /// Adds a chunk. If the rows at hand need it, it stays until [`Self::release`], otherwise as long as there is room.
    pub(super) fn insert(&mut self, ty: usize, number: i64, chunk: Box<Chunk>, is_needed: bool) {
        self.read_to[ty] = self.read_to[ty].max(number + 1);
        let place = place(ty, number);
        if is_needed {
            self.needed.insert(place, chunk);
        } else {
            let bytes = bytes_of(&chunk);
            self.cache.insert(place, chunk, bytes);
        }
    }

    /// The rows at hand are done with.
    pub(super) fn release(&mut self) {
        for (place, chunk) in self.needed.drain() {
            let bytes = bytes_of(&chunk);
            self.cache.insert(place, chunk, bytes);
        }
    }
}
