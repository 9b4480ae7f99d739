//! The names of keys by their ids, for a reader: recently used names, within a budget of bytes, and the names that the
//! current rows need, regardless of the budget.
//!
//! Ids are assigned in sequence, so names are kept in chunks of neighbouring ids: a lookup touches a small table and one
//! cache line of a chunk.

use ahash::RandomState;
use compact_str::CompactString;
use hashbrown::HashMap;

use super::generations::{Generations, heap_bytes};
use super::tables::TYPES;

/// Names in a chunk. A missing name costs reading its whole chunk.
pub(super) const CHUNK_NAMES: i64 = 16;

/// The names of neighbouring ids. Empty, which no name is, where the database has none.
pub(super) type Chunk = [CompactString; CHUNK_NAMES as usize];

/// A chunk's number, which is its ids divided by [`CHUNK_NAMES`], and in the lowest bits the index of the type's table.
type ChunkId = i64;

const TYPE_BITS: u32 = 3;
const _: () = assert!(TYPES <= 1 << TYPE_BITS);

fn chunk_id(ty: usize, chunk: i64) -> ChunkId {
    chunk << TYPE_BITS | ty as i64
}

fn bytes_of(chunk: &Chunk) -> usize {
    heap_bytes(size_of::<Chunk>()) + chunk.iter().map(|name| heap_bytes(name.len())).sum::<usize>()
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct KeyNames {
    cache: Generations<ChunkId, Box<Chunk>>,
    /// Chunks that the current rows needed and the cache lacked.
    needed: HashMap<ChunkId, Box<Chunk>, RandomState>,
    /// For each type, the chunk up to which names were read in sequence. Ids are assigned in the order of first use, so
    /// the names that a reader lacks next are mostly the following ones.
    read_to: [i64; TYPES],
}

impl KeyNames {
    pub(super) fn new(budget: usize) -> Self {
        Self { cache: Generations::new(budget), needed: HashMap::default(), read_to: [0; TYPES] }
    }

    /// The key with this id, if it is known.
    pub(super) fn get(&self, ty: usize, id: i64) -> Option<&str> {
        let chunk_id = chunk_id(ty, id.div_euclid(CHUNK_NAMES));
        let chunk = self.cache.peek(&chunk_id).or_else(|| self.needed.get(&chunk_id))?;
        Some(chunk[id.rem_euclid(CHUNK_NAMES) as usize].as_str()).filter(|name| !name.is_empty())
    }

    /// The chunk up to which names were read in sequence.
    pub(super) fn read_to(&self, ty: usize) -> i64 {
        self.read_to[ty]
    }

    /// Adds a chunk. If the current rows need it, it stays until [`Self::release`], otherwise as long as there is
    /// space.
    pub(super) fn insert(&mut self, ty: usize, number: i64, chunk: Box<Chunk>, is_needed: bool) {
        self.read_to[ty] = self.read_to[ty].max(number + 1);
        let chunk_id = chunk_id(ty, number);
        if is_needed {
            self.needed.insert(chunk_id, chunk);
        } else {
            let bytes = bytes_of(&chunk);
            self.cache.insert(chunk_id, chunk, bytes);
        }
    }

    /// Ends the use of the current rows; their chunks move to the cache.
    pub(super) fn release(&mut self) {
        for (chunk_id, chunk) in self.needed.drain() {
            let bytes = bytes_of(&chunk);
            self.cache.insert(chunk_id, chunk, bytes);
        }
    }
}
