//! The entries of one value type in one shard: an index over slots.

use std::sync::atomic::Ordering;

use proto::{Key, Lsn, Micros};

use crate::env::{Env, WHOLE};
use crate::expiry::{DEADLINE_BYTES, Deadlines, Facts};
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
    /// When entries expire.
    deadlines: Deadlines,
    /// Bytes of long keys, long values and deadlines.
    heap: usize,
    /// Number of writes without a log, the source of their stamps. Never decreases.
    unlogged_writes: u64,
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self {
            index: Index::default(),
            slots: Slots::default(),
            deadlines: Deadlines::default(),
            heap: 0,
            unlogged_writes: 0,
        }
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

    /// Number of entries that will expire.
    pub(crate) fn expiring(&self) -> usize {
        self.deadlines.len()
    }

    /// An entry that has not expired at this time.
    #[inline(always)]
    pub(crate) fn find(&self, hash: u64, key: Key<'_>, at: Micros) -> Option<SlotIndex> {
        self.look_up(hash, key, at).map(|(found, _)| found)
    }

    /// An entry, whether it has expired or not.
    #[inline(always)]
    pub(crate) fn find_any(&self, hash: u64, key: Key<'_>) -> Option<SlotIndex> {
        self.look_up_any(hash, key).map(|(found, _)| found)
    }

    /// Whether the entry has expired at this time.
    #[inline(always)]
    pub(crate) fn is_due(&self, found: SlotIndex, at: Micros) -> bool {
        self.deadlines.is_due(found.0, at)
    }

    /// An entry that has expired at this time, and is still there.
    pub(crate) fn find_due(&self, hash: u64, key: Key<'_>, at: Micros) -> Option<SlotIndex> {
        let (found, _) = self.look_up_any(hash, key)?;
        self.deadlines.is_due(found.0, at).then_some(found)
    }

    /// The entry that is the first to have expired at this time.
    pub(crate) fn first_due(&self, at: Micros) -> Option<SlotIndex> {
        self.deadlines.first_due(at).map(SlotIndex)
    }

    pub(crate) fn key(&self, found: SlotIndex) -> Key<'_> {
        self.slots.get(found.0).as_key()
    }

    /// When the entry expires.
    #[inline]
    pub(crate) fn expires(&self, found: SlotIndex) -> Option<Micros> {
        self.deadlines.get(found.0)
    }

    #[inline]
    pub(crate) fn value(&self, found: SlotIndex) -> &V {
        self.slots.get(found.0).value()
    }

    #[inline(always)]
    pub(crate) fn get(&self, hash: u64, key: Key<'_>, at: Micros) -> Option<&V> {
        self.look_up(hash, key, at).map(|(_, slot)| slot.value())
    }

    #[inline(always)]
    fn look_up(&self, hash: u64, key: Key<'_>, at: Micros) -> Option<(SlotIndex, &Slot<V>)> {
        match self.look_up_any(hash, key) {
            Some((found, _)) if self.deadlines.is_due(found.0, at) => None,
            found => found,
        }
    }

    /// The same, whether the entry has expired or not.
    #[inline(always)]
    fn look_up_any(&self, hash: u64, key: Key<'_>) -> Option<(SlotIndex, &Slot<V>)> {
        self.index.find(hash, |number| {
            let slot = self.slots.get(number);
            key_eq(slot.key_bytes(), key.as_bytes()).then_some((SlotIndex(number), slot))
        })
    }

    pub(crate) fn facts(&self, hash: u64, key: Key<'_>, at: Micros) -> Option<Facts> {
        let (found, slot) = self.look_up(hash, key, at)?;
        Some(Facts { stamp: slot.stamp(), expires: self.expires(found) })
    }

    /// Gives the entry, if there is one, this stamp.
    pub(crate) fn restamp(&mut self, hash: u64, key: Key<'_>, stamp: Stamp) {
        if let Some((SlotIndex(number), _)) = self.look_up_any(hash, key) {
            self.slots.get_mut(number).write(stamp);
        }
    }

    /// Makes these true of the entry, if there is one.
    pub(crate) fn restore(&mut self, hash: u64, key: Key<'_>, facts: Facts, env: &Env) {
        if let Some((SlotIndex(number), _)) = self.look_up_any(hash, key) {
            self.slots.get_mut(number).write(facts.stamp);
            self.set_deadline(number, facts.expires, env);
        }
    }

    #[inline]
    fn set_deadline(&mut self, slot: usize, expires: Option<Micros>, env: &Env) {
        if expires.is_some() || !self.deadlines.is_empty() {
            self.change_deadline(slot, expires, env);
        }
    }

    #[cold]
    fn change_deadline(&mut self, slot: usize, expires: Option<Micros>, env: &Env) {
        let had_one = self.deadlines.set(slot, expires);
        // All cores read this line.
        if !env.expires.load(Ordering::Relaxed) {
            env.expires.store(true, Ordering::Relaxed);
        }
        let [before, after] = [had_one, expires.is_some()].map(|some| if some { DEADLINE_BYTES } else { 0 });
        self.heap = self.heap + after - before;
        env.meter.replace(before, after);
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
    pub(crate) fn insert(
        &mut self,
        hash: u64,
        key: Key<'_>,
        value: V,
        lsn: Option<Lsn>,
        expires: Option<Micros>,
        env: &Env,
    ) {
        let before = self.own_bytes();
        if self.is_full() {
            self.resize(self.larger(hash, env), env);
        }
        let stamp = self.next_stamp(lsn);
        let slot = Slot::new(key, value, stamp);
        let heap = slot.key_heap_bytes() + slot.value().heap_bytes();
        let number = self.index.insert(hash);
        *self.slots.get_mut(number) = slot;
        self.heap += heap;
        env.meter.replace(before, self.own_bytes() + heap);
        self.set_deadline(number, expires, env);
    }

    /// Changes an entry's value, for the write with this lsn. If it is replayed over a newer state, the entry keeps the
    /// newer stamp.
    #[inline]
    pub(crate) fn update<R>(
        &mut self,
        found: SlotIndex,
        lsn: Option<Lsn>,
        expires: Option<Micros>,
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
        self.set_deadline(found.0, expires, env);
        result
    }

    /// Removes an entry. Removing the last one frees the table's memory.
    pub(crate) fn remove(&mut self, hash: u64, found: SlotIndex, env: &Env) -> V {
        self.set_deadline(found.0, None, env);
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
    pub(crate) fn walk(&self, from: u64, env: &Env, visit: &mut impl FnMut(Key<'_>, &V, Facts)) -> Option<u64> {
        let (groups, mut bytes) = (self.index.groups(), 0);
        let first = if groups == 0 { 0 } else { self.index.home(from) };
        for group in first..groups {
            if group == first + WALK_GROUPS || bytes >= WALK_BYTES {
                return Some(self.index.first_hash(group));
            }
            for (number, slot) in self.index.slots_from(group).map(|number| (number, self.slots.get(number))) {
                let hash = env.hash(slot.key_bytes());
                if self.index.home(hash) == group && hash & LOW_BITS >= from {
                    bytes += slot.key_bytes().len() + slot.value().heap_bytes();
                    let facts = Facts { stamp: slot.stamp(), expires: self.deadlines.get(number) };
                    visit(slot.as_key(), slot.value(), facts);
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
        let deadlines = std::mem::take(&mut self.deadlines);
        let mut moves = Vec::with_capacity(deadlines.len());
        for (from, slot) in std::mem::replace(&mut self.slots, Slots::new(slots)).into_used() {
            let number = self.index.insert(env.hash(slot.key_bytes()));
            *self.slots.get_mut(number) = slot;
            if deadlines.get(from).is_some() {
                moves.push((from, number));
            }
        }
        self.deadlines = deadlines.moved(moves.into_iter());
    }
}
