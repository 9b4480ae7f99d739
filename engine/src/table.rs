//! The entries of one value type in one shard: an index over slots.

use proto::{Key, Lsn};

use crate::env::{Env, WHOLE};
use crate::index::Index;
use crate::prefetch::prefetch;
use crate::slots::{CHUNK, Slot, Slots, Stamp, key_heap_bytes};
use crate::stored::Stored;

/// Groups of slots that a walk visits at a time, with the shard locked: about a thousand slots.
const WALK_GROUPS: usize = 64;

/// Bytes of keys and of values' heap memory after which a walk pauses.
const WALK_BYTES: usize = 256 << 10;

/// The bits of a hash that select the group.
const LOW_BITS: u64 = u32::MAX as u64;

/// The slot of an entry that was looked up. Valid until the table changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SlotIndex(usize);

#[derive(Debug)]
pub(crate) struct Table<V> {
    index: Index,
    slots: Slots<V>,
    /// Bytes of long keys and long values.
    heap: usize,
    /// Number of writes without a log, the source of their stamps. Never decreases.
    unlogged_writes: u64,
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self { index: Index::default(), slots: Slots::default(), heap: 0, unlogged_writes: 0 }
    }
}

/// Whether two keys are equal. Short ones are compared as two words that may overlap, without a function call.
#[inline]
fn key_eq(a: &[u8], b: &[u8]) -> bool {
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

    /// Bytes in use, as the meter counts them.
    pub(crate) fn bytes(&self) -> usize {
        self.own_bytes() + self.heap
    }

    #[inline(always)]
    pub(crate) fn find(&self, hash: u64, key: Key<'_>) -> Option<SlotIndex> {
        self.look_up(hash, key).map(|(found, _)| found)
    }

    #[inline]
    pub(crate) fn value(&self, found: SlotIndex) -> &V {
        self.slots.get(found.0).value()
    }

    #[inline(always)]
    pub(crate) fn get(&self, hash: u64, key: Key<'_>) -> Option<&V> {
        self.look_up(hash, key).map(|(_, slot)| slot.value())
    }

    #[inline(always)]
    fn look_up(&self, hash: u64, key: Key<'_>) -> Option<(SlotIndex, &Slot<V>)> {
        self.index.find(hash, |number| {
            let slot = self.slots.get(number);
            key_eq(slot.key_bytes(), key.as_bytes()).then_some((SlotIndex(number), slot))
        })
    }

    pub(crate) fn stamp(&self, hash: u64, key: Key<'_>) -> Option<Stamp> {
        self.look_up(hash, key).map(|(_, slot)| slot.stamp())
    }

    /// Gives the entry, if there is one, this stamp.
    pub(crate) fn restamp(&mut self, hash: u64, key: Key<'_>, stamp: Stamp) {
        if let Some(SlotIndex(number)) = self.find(hash, key) {
            self.slots.get_mut(number).write(stamp);
        }
    }

    /// Whether the next insertion needs a larger table.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.index.is_full()
    }

    /// Bytes that inserting `key` would allocate, without the value's heap memory.
    pub(crate) fn insertion_bytes(&self, hash: u64, key: Key<'_>, env: &Env) -> usize {
        let growth = match self.is_full() {
            true => Self::bytes_of(self.larger(hash, env)) - self.own_bytes(),
            false => 0,
        };
        growth + key_heap_bytes(key.as_bytes().len())
    }

    /// The stamp of a write: from its lsn or, without a log, the next number.
    #[inline]
    fn next_stamp(&mut self, lsn: Option<Lsn>) -> Stamp {
        lsn.unwrap_or_else(|| {
            self.unlogged_writes += 1;
            self.unlogged_writes
        })
        .into()
    }

    /// Adds an entry that is not in the table, for the write with this lsn.
    pub(crate) fn insert(&mut self, hash: u64, key: Key<'_>, value: V, lsn: Option<Lsn>, env: &Env) {
        let before = self.own_bytes();
        if self.is_full() {
            self.resize(self.larger(hash, env), env);
        }
        let stamp = self.next_stamp(lsn);
        let slot = Slot::new(key, value, stamp);
        let heap = slot.key_heap_bytes() + slot.value().heap_bytes();
        *self.slots.get_mut(self.index.insert(hash)) = slot;
        self.heap += heap;
        env.meter.replace(before, self.own_bytes() + heap);
    }

    /// Changes an entry's value, for the write with this lsn. If it is replayed over a newer state, the entry keeps the
    /// newer stamp.
    #[inline]
    pub(crate) fn update<R>(
        &mut self,
        found: SlotIndex,
        lsn: Option<Lsn>,
        replayed: bool,
        env: &Env,
        change: impl FnOnce(&mut V) -> R,
    ) -> R {
        let mut stamp = self.next_stamp(lsn);
        if replayed {
            stamp = self.slots.get(found.0).stamp().later(stamp);
        }
        let value = self.slots.get_mut(found.0).write(stamp);
        let before = value.heap_bytes();
        let result = change(value);
        let after = value.heap_bytes();
        self.heap = self.heap + after - before;
        env.meter.replace(before, after);
        result
    }

    /// Removes an entry. Removing the last one frees the table's memory.
    pub(crate) fn remove(&mut self, hash: u64, found: SlotIndex, env: &Env) -> V {
        let before = self.own_bytes();
        self.index.remove(hash, found.0);
        let slot = std::mem::take(self.slots.get_mut(found.0));
        if self.index.len() == 0 {
            (self.index, self.slots) = Default::default();
        }
        let heap = slot.key_heap_bytes() + slot.value().heap_bytes();
        self.heap -= heap;
        env.meter.replace(before + heap, self.own_bytes());
        slot.into_value()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.slots.iter().map(|slot| (slot.key(), slot.value()))
    }

    /// Passes a run of entries to `visit`, in the order of the groups of their hashes: those whose hashes are at least
    /// `from` in their low 32 bits, up to [`WALK_GROUPS`] or [`WALK_BYTES`]. Returns where the next run begins. Growth
    /// changes the groups, but not the hashes.
    pub(crate) fn walk(&self, from: u64, env: &Env, visit: &mut impl FnMut(Key<'_>, &V, Stamp)) -> Option<u64> {
        let (groups, mut bytes) = (self.index.groups(), 0);
        let first = if groups == 0 { 0 } else { self.index.home(from) };
        for group in first..groups {
            if group == first + WALK_GROUPS || bytes >= WALK_BYTES {
                return Some(self.index.first_hash(group));
            }
            for slot in self.index.slots_from(group).map(|number| self.slots.get(number)) {
                let hash = env.hash(slot.key_bytes());
                if self.index.home(hash) == group && hash & LOW_BITS >= from {
                    bytes += slot.key_bytes().len() + slot.value().heap_bytes();
                    visit(slot.as_key(), slot.value(), slot.stamp());
                }
            }
        }
        None
    }

    #[inline]
    pub(crate) fn prefetch_index(&self, hash: u64) {
        self.index.prefetch(hash);
    }

    #[inline]
    pub(crate) fn prefetch_slot(&self, hash: u64) {
        if let Some(slot) = self.index.first_match(hash) {
            prefetch(self.slots.get(slot));
        }
    }

    /// Prefetches the heap memory of a value whose slot is already in the cache.
    #[inline]
    pub(crate) fn prefetch_value(&self, hash: u64) {
        if let Some(slot) = self.index.first_match(hash) {
            self.slots.get(slot).value().prefetch();
        }
    }

    fn own_bytes(&self) -> usize {
        Self::bytes_of(self.slots.count())
    }

    /// Size of a table with this many slots, in bytes.
    fn bytes_of(slots: usize) -> usize {
        Index::bytes_for(slots) + Slots::<V>::bytes(slots)
    }

    /// The number of slots after the next growth. The first bits of the hash, which select the shard, select one of 128
    /// growth factors from 1.2 to 1.45. If all shards used the same factor, they would all grow at nearly the same
    /// time. While the engine is filled they are larger, and as different.
    fn larger(&self, hash: u64, env: &Env) -> usize {
        let slots = self.slots.count();
        let more = env.growth().max(205) + (hash >> 57) as usize * 2;
        (slots + slots * more / WHOLE).next_multiple_of(CHUNK).max(slots + CHUNK)
    }

    /// Gives memory back if the table has become larger than by growing without expectations.
    pub(crate) fn fit(&mut self, env: &Env) {
        let before = self.own_bytes();
        // Some room is left: the next insertion should not have to move everything.
        let needed = Index::slots_for(self.len() + self.len() / 8).next_multiple_of(CHUNK);
        if self.slots.count() > needed + needed / 2 {
            self.resize(needed, env);
            env.meter.replace(before, self.own_bytes());
        }
    }

    /// Moves all entries to a table of another size. It reads and writes sequentially, so the pause is bounded by memory
    /// bandwidth, not by one cache miss per entry.
    fn resize(&mut self, slots: usize, env: &Env) {
        self.index = Index::with_capacity(slots);
        for slot in std::mem::replace(&mut self.slots, Slots::new(slots)).into_used() {
            let number = self.index.insert(env.hash(slot.key_bytes()));
            *self.slots.get_mut(number) = slot;
        }
    }
}
