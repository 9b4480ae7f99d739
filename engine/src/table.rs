//! The entries of one value type in one shard.
//!
//! A table grows, and shrinks, in steps of bounded work, as in Redis
//! (<https://github.com/redis/redis/blob/7.2.0/src/dict.c>, `dictRehash`): it gets cells of another size, and each
//! insertion or removal moves one chunk of entries there, until the earlier cells are empty. Both are in the order of hashes, so a
//! chunk moves to neighbouring places, and its memory is given back at once.

use std::cell::Cell;
use std::sync::atomic::Ordering;

use proto::{Key, Lsn, Micros};

use crate::cells::Cells;
use crate::env::{Env, WHOLE};
use crate::expiry::{DEADLINE_BYTES, Deadlines, Facts};
use crate::index::{GROUP, Index};
use crate::prefetch::prefetch;
use crate::slots::{CHUNK_BYTES, Slot, SlotIndex, Slots, Stamp, key_heap_bytes};
use crate::stored::Stored;

/// Groups of slots that a walk visits at a time, with the shard locked: about a thousand slots.
const WALK_GROUPS: usize = 64;

/// Bytes of keys and of values' heap memory after which a walk pauses.
const WALK_BYTES: usize = 256 << 10;

/// Memory that an insertion may need for chunks while entries move, in bytes. A chunk of entries goes to at most three chunks of a
/// table that grows, and perhaps beyond the end of the last one; the new entry goes anywhere.
const MOVING_BYTES: usize = 5 * CHUNK_BYTES;

/// A table shrinks when it has this many slots for each entry.
const SPARSE: usize = 4;

/// What a lookup reads comes first, in two cache lines.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Table<V> {
    /// Where entries are added.
    now: Cells<V>,
    /// Where entries were added before; until all have moved.
    before: Option<Box<Leaving<V>>>,
    /// When entries expire.
    deadlines: Deadlines,
    /// Bytes of long keys, long values and deadlines.
    heap: usize,
    /// Number of writes without a log, the source of their stamps. Never decreases.
    unlogged_writes: u64,
}

/// Cells that entries move out of, chunk by chunk.
#[derive(Debug)]
struct Leaving<V> {
    cells: Cells<V>,
    /// How many chunks are empty.
    moved: usize,
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self { now: Cells::default(), before: None, deadlines: Deadlines::default(), heap: 0, unlogged_writes: 0 }
    }
}

impl<V: Stored> Leaving<V> {
    /// Whether an entry with this hash has not moved, most likely.
    #[inline]
    fn keeps(&self, hash: u64) -> bool {
        self.cells.index.home(hash) * GROUP >= self.moved * Slots::<V>::CHUNK
    }
}

impl<V: Stored> Table<V> {
    pub(crate) fn len(&self) -> usize {
        self.now.index.len() + self.before.as_ref().map_or(0, |before| before.cells.index.len())
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
        self.deadlines.is_due(found, at)
    }

    /// An entry that has expired at this time, and is still there.
    pub(crate) fn find_due(&self, hash: u64, key: Key<'_>, at: Micros) -> Option<SlotIndex> {
        let (found, _) = self.look_up_any(hash, key)?;
        self.deadlines.is_due(found, at).then_some(found)
    }

    /// The entry that is the first to have expired at this time.
    pub(crate) fn first_due(&self, at: Micros) -> Option<SlotIndex> {
        self.deadlines.first_due(at)
    }

    pub(crate) fn key(&self, found: SlotIndex) -> Key<'_> {
        self.slot(found).as_key()
    }

    /// When the entry expires.
    #[inline]
    pub(crate) fn expires(&self, found: SlotIndex) -> Option<Micros> {
        self.deadlines.get(found)
    }

    #[inline]
    pub(crate) fn value(&self, found: SlotIndex) -> &V {
        self.slot(found).value()
    }

    #[inline(always)]
    pub(crate) fn get(&self, hash: u64, key: Key<'_>, at: Micros) -> Option<&V> {
        self.look_up(hash, key, at).map(|(_, slot)| slot.value())
    }

    #[inline(always)]
    fn look_up(&self, hash: u64, key: Key<'_>, at: Micros) -> Option<(SlotIndex, &Slot<V>)> {
        match self.look_up_any(hash, key) {
            Some((found, _)) if self.deadlines.is_due(found, at) => None,
            found => found,
        }
    }

    /// The same, whether the entry has expired or not.
    #[inline(always)]
    fn look_up_any(&self, hash: u64, key: Key<'_>) -> Option<(SlotIndex, &Slot<V>)> {
        match &self.before {
            None => self.now.find(hash, key),
            Some(before) => self.look_up_moving(before, hash, key),
        }
    }

    fn look_up_moving<'t>(
        &'t self,
        before: &'t Leaving<V>,
        hash: u64,
        key: Key<'_>,
    ) -> Option<(SlotIndex, &'t Slot<V>)> {
        let (first, second) = if before.keeps(hash) { (&before.cells, &self.now) } else { (&self.now, &before.cells) };
        first.find(hash, key).or_else(|| second.find(hash, key))
    }

    /// The cells in which an entry with this hash is, most likely.
    #[inline]
    fn likely(&self, hash: u64) -> &Cells<V> {
        match &self.before {
            Some(before) if before.keeps(hash) => &before.cells,
            _ => &self.now,
        }
    }

    #[inline]
    fn slot(&self, found: SlotIndex) -> &Slot<V> {
        match &self.before {
            Some(before) if before.cells.is_on(found.side()) => before.cells.get(found),
            _ => self.now.get(found),
        }
    }

    #[inline]
    fn slot_mut(&mut self, found: SlotIndex) -> &mut Slot<V> {
        self.cells_of(found).get_mut(found)
    }

    #[inline]
    fn cells_of(&mut self, found: SlotIndex) -> &mut Cells<V> {
        match &mut self.before {
            Some(before) if before.cells.is_on(found.side()) => &mut before.cells,
            _ => &mut self.now,
        }
    }

    pub(crate) fn facts(&self, hash: u64, key: Key<'_>, at: Micros) -> Option<Facts> {
        let (found, slot) = self.look_up(hash, key, at)?;
        Some(Facts { stamp: slot.stamp(), expires: self.expires(found) })
    }

    /// Gives the entry, if there is one, this stamp.
    pub(crate) fn restamp(&mut self, hash: u64, key: Key<'_>, stamp: Stamp) {
        if let Some(found) = self.find_any(hash, key) {
            self.slot_mut(found).write(stamp);
        }
    }

    /// Makes these true of the entry, if there is one.
    pub(crate) fn restore(&mut self, hash: u64, key: Key<'_>, facts: Facts, env: &Env) {
        if let Some(found) = self.find_any(hash, key) {
            self.slot_mut(found).write(facts.stamp);
            self.set_deadline(found, facts.expires, env);
        }
    }

    #[inline]
    fn set_deadline(&mut self, slot: SlotIndex, expires: Option<Micros>, env: &Env) {
        if expires.is_some() || !self.deadlines.is_empty() {
            self.change_deadline(slot, expires, env);
        }
    }

    #[cold]
    fn change_deadline(&mut self, slot: SlotIndex, expires: Option<Micros>, env: &Env) {
        let had_one = self.deadlines.set(slot, expires);
        // All cores read this line.
        if !env.expires.load(Ordering::Relaxed) {
            env.expires.store(true, Ordering::Relaxed);
        }
        let [before, after] = [had_one, expires.is_some()].map(|some| if some { DEADLINE_BYTES } else { 0 });
        self.heap = self.heap + after - before;
        env.meter.replace(before, after);
    }

    /// Most bytes that inserting `key` would allocate, without the value's heap memory.
    pub(crate) fn insertion_bytes(&self, hash: u64, key: Key<'_>, env: &Env) -> usize {
        let growth = match (self.now.index.is_full(), &self.before) {
            (true, None) if self.now.count() == 0 => Cells::<V>::bytes_for(Slots::<V>::CHUNK) + CHUNK_BYTES,
            (true, _) => Cells::<V>::bytes_for(self.larger(hash, env)) + MOVING_BYTES,
            (false, Some(_)) => MOVING_BYTES,
            (false, None) if self.now.lacks_chunks() => CHUNK_BYTES,
            (false, None) => 0,
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
        if self.now.index.is_full() {
            self.finish(env);
            self.begin(self.larger(hash, env));
        }
        self.step(env);
        let stamp = self.next_stamp(lsn);
        let slot = Slot::new(key, value, stamp);
        let heap = slot.key_heap_bytes() + slot.value().heap_bytes();
        let added = self.now.insert(hash, slot);
        self.heap += heap;
        env.meter.replace(before, self.own_bytes() + heap);
        self.set_deadline(added, expires, env);
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
            stamp = self.slot(found).stamp().later(stamp);
        }
        let value = self.slot_mut(found).write(stamp);
        let before = value.heap_bytes();
        let result = change(value);
        let after = value.heap_bytes();
        self.heap = self.heap + after - before;
        env.meter.replace(before, after);
        self.set_deadline(found, expires, env);
        result
    }

    /// Removes an entry. Removing the last one frees the table's memory.
    pub(crate) fn remove(&mut self, hash: u64, found: SlotIndex, env: &Env) -> V {
        self.set_deadline(found, None, env);
        let before = self.own_bytes();
        let slot = self.cells_of(found).remove(hash, found);
        let heap = slot.key_heap_bytes() + slot.value().heap_bytes();
        self.heap -= heap;
        if self.len() == 0 {
            (self.now, self.before) = Default::default();
        }
        env.meter.replace(before + heap, self.own_bytes());
        self.shrink(env);
        slot.into_value()
    }

    /// Begins to move the entries to fewer cells if there are far too many, and goes on with a move that was begun; if there is
    /// memory to do so.
    fn shrink(&mut self, env: &Env) {
        let smaller = self.fitting(self.len() / 2);
        let is_sparse = self.len() * SPARSE < self.now.count() && smaller < self.now.count();
        let needed = match &self.before {
            Some(_) => MOVING_BYTES,
            None if is_sparse => Cells::<V>::bytes_for(smaller) + MOVING_BYTES,
            None => return,
        };
        if env.meter.has_room(needed) {
            let bytes = self.own_bytes();
            if self.before.is_none() {
                self.begin(smaller);
            }
            self.step(env);
            env.meter.replace(bytes, self.own_bytes());
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        let before = self.before.iter().flat_map(|before| before.cells.iter());
        self.now.iter().chain(before).map(|slot| (slot.key(), slot.value()))
    }

    /// Passes a run of entries to `visit`, in the order of the groups of their hashes: those whose hashes are at least
    /// `from` in their low 32 bits, up to [`WALK_GROUPS`] or [`WALK_BYTES`]. Returns where the next run begins. Another size
    /// changes the groups, but not the hashes.
    pub(crate) fn walk(&self, from: u64, env: &Env, visit: &mut impl FnMut(Key<'_>, &V, Facts)) -> Option<u64> {
        let (index, bytes) = (&self.now.index, Cell::new(0));
        let mut visit = |found: SlotIndex, slot: &Slot<V>| {
            bytes.set(bytes.get() + slot.key_bytes().len() + slot.value().heap_bytes());
            let facts = Facts { stamp: slot.stamp(), expires: self.deadlines.get(found) };
            visit(slot.as_key(), slot.value(), facts);
        };
        let first = if index.groups() == 0 { 0 } else { index.home(from) };
        for group in first..index.groups() {
            let begin = index.first_hash(group).max(from);
            if group == first + WALK_GROUPS || bytes.get() >= WALK_BYTES {
                return Some(begin);
            }
            let hashes = begin..index.first_hash(group + 1);
            self.now.visit(&hashes, env, &mut visit);
            if let Some(before) = &self.before {
                before.cells.visit(&hashes, env, &mut visit);
            }
        }
        None
    }

    #[inline]
    pub(crate) fn prefetch_index(&self, hash: u64) {
        self.likely(hash).prefetch(hash);
    }

    #[inline]
    pub(crate) fn prefetch_slot(&self, hash: u64) {
        if let Some(slot) = self.likely(hash).first_match(hash) {
            prefetch(slot);
        }
    }

    /// Prefetches the heap memory of a value whose slot is already in the cache.
    #[inline]
    pub(crate) fn prefetch_value(&self, hash: u64) {
        if let Some(slot) = self.likely(hash).first_match(hash) {
            slot.value().prefetch();
        }
    }

    fn own_bytes(&self) -> usize {
        self.now.bytes() + self.before.as_ref().map_or(0, |before| before.cells.bytes())
    }

    /// The number of slots after the next growth. The first bits of the hash, which select the shard, select one of 128
    /// growth factors from 1.125 to 1.25. If all shards used the same factor, they would all be nearly empty, and nearly full, at
    /// the same time. While the engine is filled they are larger, and as different.
    fn larger(&self, hash: u64, env: &Env) -> usize {
        let slots = self.now.count();
        let more = env.growth().max(128) + (hash >> 57) as usize;
        (slots + slots * more / WHOLE).next_multiple_of(Slots::<V>::CHUNK).max(slots + Slots::<V>::CHUNK)
    }

    /// The number of slots that are enough for the entries and so many more.
    fn fitting(&self, more: usize) -> usize {
        Index::slots_for(self.len() + more).next_multiple_of(Slots::<V>::CHUNK)
    }

    /// Gives memory back if the table has become larger than by growing without expectations.
    pub(crate) fn fit(&mut self, env: &Env) {
        let before = self.own_bytes();
        // Some room is left: the next insertion should not have to move anything.
        let needed = self.fitting(self.len() / 8);
        self.finish(env);
        if self.now.count() > needed + needed / 2 {
            self.begin(needed);
            self.finish(env);
        }
        env.meter.replace(before, self.own_bytes());
    }

    /// Begins to move all entries to cells of another size.
    fn begin(&mut self, slots: usize) {
        let cells = self.now.beside(slots);
        let cells = std::mem::replace(&mut self.now, cells);
        self.before = (cells.index.len() > 0).then(|| Box::new(Leaving { cells, moved: 0 }));
    }

    /// Moves the entries of one chunk, if any have to. Returns whether more have to.
    fn step(&mut self, env: &Env) -> bool {
        let Some(before) = &mut self.before else { return false };
        before.cells.take_chunk(before.moved, env, |hash, from, slot| {
            let to = self.now.insert(hash, slot);
            self.deadlines.follow(from, to);
        });
        before.moved += 1;
        if before.cells.index.len() == 0 {
            self.before = None;
        }
        self.before.is_some()
    }

    /// Moves all entries that have to.
    fn finish(&mut self, env: &Env) {
        while self.step(env) {}
    }
}
