//! The entries of one value type in one shard: an index over slots.

use compact_str::CompactString;
use proto::Key;

use crate::Env;
use crate::index::{Index, Position};
use crate::slab::{Slab, Slot};
use crate::stored::Stored;

/// An entry that was looked up; valid until the table changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    position: Position,
    slot: u32,
}

#[derive(Debug)]
pub(crate) struct Table<V> {
    index: Index,
    slots: Slab<V>,
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self { index: Index::default(), slots: Slab::default() }
    }
}

/// Heap memory that a slot will need for `key`, in bytes.
fn key_heap_bytes(key: Key<'_>) -> usize {
    // The least that a CompactString allocates (MIN_HEAP_SIZE in its heap.rs).
    const LEAST: usize = size_of::<CompactString>() + size_of::<usize>();
    match key.as_str().len() {
        len if len <= size_of::<CompactString>() => 0,
        len => len.max(LEAST),
    }
}

/// Whether two keys are equal. Short ones are compared as two words that may overlap, without a call.
#[inline]
fn same(a: &[u8], b: &[u8]) -> bool {
    const WORD: usize = size_of::<u64>();
    match (a.len(), a.first_chunk::<WORD>(), b.first_chunk::<WORD>(), a.last_chunk::<WORD>(), b.last_chunk::<WORD>()) {
        (length, _, _, _, _) if length != b.len() => false,
        (length, Some(a0), Some(b0), Some(a1), Some(b1)) if length <= 2 * WORD => a0 == b0 && a1 == b1,
        _ => a == b,
    }
}

impl<V: Stored> Table<V> {
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    #[inline]
    pub(crate) fn find(&self, hash: u64, key: Key<'_>) -> Option<Found> {
        let is_match = |slot| same(self.slots.get(slot).key.as_bytes(), key.as_bytes());
        self.index.find(hash, is_match).map(|(position, slot)| Found { position, slot })
    }

    pub(crate) fn value(&self, found: Found) -> &V {
        &self.slots.get(found.slot).value
    }

    #[inline]
    pub(crate) fn get(&self, hash: u64, key: Key<'_>) -> Option<&V> {
        self.find(hash, key).map(|found| self.value(found))
    }

    pub(crate) fn version(&self, hash: u64, key: Key<'_>) -> Option<u32> {
        self.find(hash, key).map(|found| self.slots.get(found.slot).version)
    }

    /// Whether the next insertion needs a larger index.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.index.is_full()
    }

    /// Bytes that the insertion of `key` would allocate, its value's heap memory not included.
    pub(crate) fn insertion_bytes(&self, hash: u64, key: Key<'_>) -> usize {
        let chunk = if self.slots.is_full() { Slab::<V>::CHUNK_BYTES } else { 0 };
        let index = if self.index.is_full() { self.index.growth_bytes(hash) } else { 0 };
        chunk + index + key_heap_bytes(key)
    }

    /// Adds an entry that is not there yet.
    pub(crate) fn insert(&mut self, hash: u64, key: Key<'_>, value: V, env: &Env) {
        let before = self.own_bytes();
        if self.index.is_full() {
            self.grow(hash, env);
        }
        let key = CompactString::from(key.as_str());
        let heap = Slot::<V>::key_heap_bytes(&key) + value.heap_bytes();
        let slot = self.slots.insert(Slot { key, value, version: 1 });
        self.index.insert(hash, slot);
        env.meter.replace(before, self.own_bytes() + heap);
    }

    /// Changes an entry's value.
    pub(crate) fn update<R>(&mut self, found: Found, env: &Env, change: impl FnOnce(&mut V) -> R) -> R {
        let slot = self.slots.get_mut(found.slot);
        let before = slot.value.heap_bytes();
        slot.version = slot.version.wrapping_add(1);
        let result = change(&mut slot.value);
        env.meter.replace(before, slot.value.heap_bytes());
        result
    }

    /// Takes an entry out. The last one takes the table's memory with it.
    pub(crate) fn remove(&mut self, hash: u64, found: Found, env: &Env) -> V {
        let before = self.own_bytes();
        self.index.remove(hash, found.position);
        let Slot { key, value, .. } = self.slots.remove(found.slot);
        if self.index.len() == 0 {
            *self = Self::default();
        }
        let heap = Slot::<V>::key_heap_bytes(&key) + value.heap_bytes();
        env.meter.replace(before + heap, self.own_bytes());
        value
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.slots.iter().map(|(_, slot)| (slot.key.as_str(), &slot.value))
    }

    pub(crate) fn prefetch_index(&self, hash: u64) {
        self.index.prefetch(hash);
    }

    pub(crate) fn prefetch_slot(&self, hash: u64) {
        if let Some(slot) = self.index.likely(hash) {
            crate::pipeline::prefetch(self.slots.get(slot));
        }
    }

    fn own_bytes(&self) -> usize {
        self.index.bytes() + self.slots.bytes()
    }

    /// Builds a larger index. It reads the slots in the order of memory, so the pause is bounded by bandwidth, not by one
    /// cache miss an entry.
    fn grow(&mut self, hash: u64, env: &Env) {
        let mut larger = Index::with_room_for(self.index.next_room(hash));
        for (number, slot) in self.slots.iter() {
            larger.insert(env.hash(slot.key.as_bytes()), number);
        }
        self.index = larger;
    }
}
