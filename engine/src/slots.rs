//! Slots: fixed-size cells in chunks of one size for all types, so that memory freed by one table can be used by any other.
//!
//! ```text
//!   a slot with a short key                      a slot with a long key
//!   value                                        pointer to the key        8 bytes
//!   key                       22 bytes           value
//!   stamp                      5 bytes           stamp                     5 bytes
//!   length of the key + 1      1 byte            0                         1 byte
//! ```
//!
//! The compiler arranges the fields. The last byte tells which kind a slot is, because no length is stored as 0.

use std::num::NonZeroU8;

use arcstr::ArcStr;
use proto::{Key, Lsn, Text};

use crate::collection::{MapValue, SetValue};
use crate::index::GROUP;
use crate::meter::allocated;
use crate::prefetch::prefetch;

/// Size of a chunk of slots, in bytes; a little less is used if the size of a slot does not divide it.
pub(crate) const CHUNK_BYTES: usize = 4096;

/// Longest key that is stored in the slot itself, in bytes.
pub(crate) const INLINE_KEY_BYTES: usize = 22;

/// Heap bytes of a longer key besides its text: its length and its reference count.
const LONG_KEY_OVERHEAD_BYTES: usize = 2 * size_of::<usize>();

/// The low 40 bits of the lsn of an entry's last write. At a million writes a second they repeat after 12 days. So a
/// stamp tells two states of one entry apart, but it is not an lsn to read a log from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Stamp([u8; STAMP_BYTES]);

const STAMP_BYTES: usize = 5;
const STAMP_BITS: usize = 8 * STAMP_BYTES;

impl Stamp {
    /// The later of two stamps that are less than half of their range apart.
    pub(crate) fn later(self, other: Self) -> Self {
        const HALF: u64 = 1 << (STAMP_BITS - 1);
        let ahead = other.low_bits().wrapping_sub(self.low_bits()) % (1 << STAMP_BITS);
        if ahead < HALF { other } else { self }
    }

    /// How far it is behind this lsn, within the range of stamps.
    pub(crate) fn since(self, lsn: Lsn) -> u64 {
        self.low_bits().wrapping_sub(lsn) % (1 << STAMP_BITS)
    }

    /// The low 40 bits of the lsn.
    pub fn low_bits(self) -> u64 {
        let mut word = [0; size_of::<u64>()];
        word[..STAMP_BYTES].copy_from_slice(&self.0);
        u64::from_le_bytes(word)
    }
}

impl From<Lsn> for Stamp {
    fn from(lsn: Lsn) -> Self {
        let [a, b, c, d, e, ..] = lsn.to_le_bytes();
        Self([a, b, c, d, e])
    }
}

/// The cell of one entry. A slot whose key is empty is free: a valid key is never empty.
#[derive(Clone, Debug)]
pub(crate) enum Slot<V> {
    /// The key is stored in the slot.
    Short { len_plus_1: NonZeroU8, key: [u8; INLINE_KEY_BYTES], stamp: Stamp, value: V },
    /// The key is stored on the heap.
    Long { key: ArcStr, stamp: Stamp, value: V },
}

/// A slot has 32, 40 or 64 bytes: two scalars share a cache line, a longer value has one to itself.
const fn is_slot_size(bytes: usize) -> bool {
    matches!(bytes, 32 | 40 | 64)
}

const _: () = assert!(size_of::<Slot<i32>>() == 32, "two scalar slots share a cache line");
const _: () = assert!(size_of::<Slot<u32>>() == 32 && size_of::<Slot<f32>>() == 32);
const _: () = assert!(size_of::<Slot<i64>>() == 40, "numbers of 64 bits have a class of their own");
const _: () = assert!(size_of::<Slot<Text>>() == 64, "other slots are a cache line");
const _: () = assert!(size_of::<Slot<MapValue>>() == 64 && size_of::<Slot<SetValue>>() == 64);

impl<V: Default> Default for Slot<V> {
    fn default() -> Self {
        const { assert!(is_slot_size(size_of::<Self>()), "a new type's slot is of one of the three sizes") };
        Self::Short {
            len_plus_1: NonZeroU8::MIN,
            key: [0; INLINE_KEY_BYTES],
            stamp: Stamp::default(),
            value: V::default(),
        }
    }
}

impl<V> Slot<V> {
    pub(crate) fn new(key: Key<'_>, value: V, stamp: Stamp) -> Self {
        let bytes = key.as_bytes();
        match u8::try_from(bytes.len() + 1).ok().and_then(NonZeroU8::new) {
            Some(len_plus_1) if bytes.len() <= INLINE_KEY_BYTES => {
                let mut key = [0; INLINE_KEY_BYTES];
                key[..bytes.len()].copy_from_slice(bytes);
                Self::Short { len_plus_1, key, stamp, value }
            }
            _ => Self::Long { key: key.as_str().into(), stamp, value },
        }
    }

    /// The key's bytes, valid UTF-8.
    #[inline(always)]
    pub(crate) fn key_bytes(&self) -> &[u8] {
        match self {
            Self::Short { len_plus_1, key, .. } => &key[..usize::from(len_plus_1.get() - 1)],
            Self::Long { key, .. } => key.as_bytes(),
        }
    }

    pub(crate) fn key(&self) -> &str {
        self.as_key().as_str()
    }

    pub(crate) fn as_key(&self) -> Key<'_> {
        Key::new(self.key_bytes()).expect("a slot's key is made from a Key")
    }

    #[inline(always)]
    pub(crate) fn value(&self) -> &V {
        match self {
            Self::Short { value, .. } | Self::Long { value, .. } => value,
        }
    }

    pub(crate) fn into_value(self) -> V {
        match self {
            Self::Short { value, .. } | Self::Long { value, .. } => value,
        }
    }

    pub(crate) fn stamp(&self) -> Stamp {
        match self {
            Self::Short { stamp, .. } | Self::Long { stamp, .. } => *stamp,
        }
    }

    /// The value, for the write with this stamp to change.
    #[inline]
    pub(crate) fn write(&mut self, new: Stamp) -> &mut V {
        match self {
            Self::Short { stamp, value, .. } | Self::Long { stamp, value, .. } => {
                *stamp = new;
                value
            }
        }
    }

    #[inline]
    pub(crate) fn is_free(&self) -> bool {
        matches!(self, Self::Short { len_plus_1: NonZeroU8::MIN, .. })
    }

    /// Heap memory of the key, in bytes.
    pub(crate) fn key_heap_bytes(&self) -> usize {
        key_heap_bytes(self.key_bytes().len())
    }
}

/// Heap memory that a slot needs for a key of this length, in bytes.
pub(crate) fn key_heap_bytes(len: usize) -> usize {
    if len <= INLINE_KEY_BYTES { 0 } else { allocated(LONG_KEY_OVERHEAD_BYTES + len) }
}

/// The slot of an entry: its number, and in the highest bit on which side it is while a table moves its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SlotIndex(u32);

impl SlotIndex {
    const SIDE: u32 = 1 << 31;

    #[inline]
    pub(crate) fn new(number: usize, side: bool) -> Self {
        debug_assert!(number < Self::SIDE as usize);
        Self(number as u32 | if side { Self::SIDE } else { 0 })
    }

    #[inline]
    pub(crate) fn number(self) -> usize {
        (self.0 & !Self::SIDE) as usize
    }

    #[inline]
    pub(crate) fn side(self) -> bool {
        self.0 & Self::SIDE != 0
    }
}

/// A chunked array of slots. A chunk is allocated when it is first used.
#[derive(Debug)]
pub(crate) struct Slots<V> {
    chunks: Box<[Option<Chunk<V>>]>,
    /// How many chunks are allocated.
    allocated: usize,
}

type Chunk<V> = Box<[Slot<V>]>;

impl<V> Default for Slots<V> {
    fn default() -> Self {
        Self { chunks: Box::default(), allocated: 0 }
    }
}

impl<V: Default + Clone> Slots<V> {
    /// Slots in a chunk: whole groups of the index.
    pub(crate) const CHUNK: usize = CHUNK_BYTES / size_of::<Slot<V>>() / GROUP * GROUP;

    /// Free slots, a multiple of [`Slots::CHUNK`].
    pub(crate) fn new(count: usize) -> Self {
        Self { chunks: vec![None; count / Self::CHUNK].into(), allocated: 0 }
    }

    /// The number of slots.
    pub(crate) fn count(&self) -> usize {
        self.chunks.len() * Self::CHUNK
    }

    /// Memory of this many slots besides their chunks, in bytes.
    pub(crate) fn bytes_for(count: usize) -> usize {
        count / Self::CHUNK * size_of::<Option<Chunk<V>>>()
    }

    /// Memory of the chunks, in bytes.
    pub(crate) fn chunk_bytes(&self) -> usize {
        self.allocated * CHUNK_BYTES
    }

    pub(crate) fn lacks_chunks(&self) -> bool {
        self.allocated < self.chunks.len()
    }

    /// A slot, if its chunk is allocated.
    #[inline]
    pub(crate) fn get(&self, number: usize) -> Option<&Slot<V>> {
        self.chunks.get(number / Self::CHUNK)?.as_ref()?.get(number % Self::CHUNK)
    }

    /// Prefetches the cache line with the pointer to a slot's chunk.
    #[inline]
    pub(crate) fn prefetch_pointer(&self, number: usize) {
        if let Some(chunk) = self.chunks.get(number / Self::CHUNK) {
            prefetch(chunk);
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, number: usize) -> Option<&mut Slot<V>> {
        self.chunks.get_mut(number / Self::CHUNK)?.as_mut()?.get_mut(number % Self::CHUNK)
    }

    /// Stores a slot.
    #[inline]
    pub(crate) fn put(&mut self, number: usize, slot: Slot<V>) {
        let chunk = self.chunks[number / Self::CHUNK].get_or_insert_with(|| {
            self.allocated += 1;
            vec![Slot::default(); Self::CHUNK].into()
        });
        chunk[number % Self::CHUNK] = slot;
    }

    /// Takes a chunk out, if it is allocated.
    pub(crate) fn take_chunk(&mut self, chunk: usize) -> Option<Box<[Slot<V>]>> {
        let taken = self.chunks[chunk].take();
        self.allocated -= usize::from(taken.is_some());
        taken
    }

    /// The used slots, in memory order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Slot<V>> {
        self.chunks.iter().flatten().flat_map(|chunk| chunk.iter()).filter(|slot| !slot.is_free())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_every_length_come_back() {
        for length in 1..=proto::limits::MAX_KEY_BYTES {
            let text = "k".repeat(length);
            let slot = Slot::new(Key::new(text.as_bytes()).unwrap(), 7_i32, Stamp::from(9));
            assert_eq!((slot.key(), *slot.value(), slot.stamp().low_bits()), (text.as_str(), 7, 9));
            assert!(!slot.is_free());
            assert_eq!(matches!(slot, Slot::Short { .. }), slot.key_heap_bytes() == 0);
        }
        assert!(Slot::<i32>::default().is_free());
    }

    #[test]
    fn the_later_stamp_is_found_across_the_end_of_the_range() {
        for (earlier, later) in
            [(0, 1), (7, 7), (0xFF_FFFF_FFFF, 0x100_0000_0000), (0xFF_FFFF_FF00, 0x100_0000_0100_u64)]
        {
            let [earlier, later] = [earlier, later].map(Stamp::from);
            assert_eq!((earlier.later(later), later.later(earlier)), (later, later));
        }
    }

    #[test]
    fn stamps_keep_forty_bits() {
        for lsn in [0, 1, 0xFF_FFFF_FFFF, 0x100_0000_0000, u64::MAX] {
            assert_eq!(Stamp::from(lsn).low_bits(), lsn & 0xFF_FFFF_FFFF);
        }
    }
}
