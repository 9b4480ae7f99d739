//! The cells of a table: an index, and the slots that it is over.

use std::ops::Range;

use proto::Key;

use crate::env::Env;
use crate::index::{GROUP, Index};
use crate::slots::{Slot, SlotIndex, Slots};

/// The bits of a hash that select the group.
const LOW_BITS: u64 = u32::MAX as u64;

/// Room for a fixed number of entries.
#[derive(Debug)]
pub(crate) struct Cells<V> {
    pub(crate) index: Index,
    slots: Slots<V>,
    /// Tells the slots of two cells of one table apart; see [`SlotIndex`].
    side: bool,
}

impl<V> Default for Cells<V> {
    fn default() -> Self {
        Self { index: Index::default(), slots: Slots::default(), side: false }
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

impl<V: Default + Clone> Cells<V> {
    /// Empty cells with this many slots, a multiple of [`Slots::CHUNK`].
    pub(crate) fn new(slots: usize, side: bool) -> Self {
        Self { index: Index::with_capacity(slots), slots: Slots::new(slots), side }
    }

    /// Number of slots.
    pub(crate) fn count(&self) -> usize {
        self.slots.count()
    }

    /// Memory of cells without chunks, in bytes.
    pub(crate) fn bytes_for(slots: usize) -> usize {
        Index::bytes_for(slots) + Slots::<V>::bytes_for(slots)
    }

    /// Memory, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        Self::bytes_for(self.count()) + self.slots.chunk_bytes()
    }

    /// Whether an insertion may need another chunk.
    pub(crate) fn lacks_chunks(&self) -> bool {
        self.slots.lacks_chunks()
    }

    pub(crate) fn is_on(&self, side: bool) -> bool {
        self.side == side
    }

    /// Empty cells of another size, on the other side.
    pub(crate) fn beside(&self, slots: usize) -> Self {
        Self::new(slots, !self.side)
    }

    #[inline]
    pub(crate) fn get(&self, found: SlotIndex) -> &Slot<V> {
        self.slots.get(found.number()).expect("an entry that was found has a slot")
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, found: SlotIndex) -> &mut Slot<V> {
        self.slots.get_mut(found.number()).expect("an entry that was found has a slot")
    }

    #[inline(always)]
    pub(crate) fn find(&self, hash: u64, key: Key<'_>) -> Option<(SlotIndex, &Slot<V>)> {
        self.index.find(hash, |number| {
            let slot = self.slots.get(number)?;
            key_eq(slot.key_bytes(), key.as_bytes()).then(|| (SlotIndex::new(number, self.side), slot))
        })
    }

    /// Prefetches the cache lines with the tags of the hash and with the pointer to its slots.
    #[inline]
    pub(crate) fn prefetch(&self, hash: u64) {
        self.index.prefetch(hash);
        self.slots.prefetch_pointer(self.index.home(hash) * GROUP);
    }

    /// The slot, without comparing keys, that the hash most likely leads to.
    #[inline]
    pub(crate) fn first_match(&self, hash: u64) -> Option<&Slot<V>> {
        self.slots.get(self.index.first_match(hash)?)
    }

    /// Adds an entry that is not here. There must be room.
    pub(crate) fn insert(&mut self, hash: u64, slot: Slot<V>) -> SlotIndex {
        let number = self.index.insert(hash);
        self.slots.put(number, slot);
        SlotIndex::new(number, self.side)
    }

    pub(crate) fn remove(&mut self, hash: u64, found: SlotIndex) -> Slot<V> {
        self.index.remove(hash, found.number());
        std::mem::take(self.get_mut(found))
    }

    /// Takes the entries out of a chunk, and frees it. Passes each with its hash to `moved`.
    pub(crate) fn take_chunk(&mut self, chunk: usize, env: &Env, mut moved: impl FnMut(u64, SlotIndex, Slot<V>)) {
        let slots = self.slots.take_chunk(chunk).into_iter().flatten();
        let numbers = chunk * Slots::<V>::CHUNK..;
        for (number, slot) in numbers.zip(slots).filter(|(_, slot)| !slot.is_free()) {
            let hash = env.hash(slot.key_bytes());
            self.index.remove(hash, number);
            moved(hash, SlotIndex::new(number, self.side), slot);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Slot<V>> {
        self.slots.iter()
    }

    /// Visits the entries whose hashes are in the range, by their low 32 bits, group by group.
    pub(crate) fn visit(&self, hashes: &Range<u64>, env: &Env, visit: &mut impl FnMut(SlotIndex, &Slot<V>)) {
        if self.count() == 0 || hashes.is_empty() {
            return;
        }
        for group in self.index.home(hashes.start)..=self.index.home(hashes.end - 1) {
            for number in self.index.slots_from(group) {
                let found = SlotIndex::new(number, self.side);
                let slot = self.get(found);
                let hash = env.hash(slot.key_bytes());
                if self.index.home(hash) == group && hashes.contains(&(hash & LOW_BITS)) {
                    visit(found, slot);
                }
            }
        }
    }
}
