//! Slots: fixed-size cells with stable numbers, in chunks so that growth never moves one.

use compact_str::CompactString;
use proto::Text;

use crate::collection::{MapValue, SetValue};

/// Slots per chunk.
const CHUNK: usize = 128;

/// The cell of one entry. A slot whose key is empty is free, as no key is empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slot<V> {
    /// Inline up to 24 bytes.
    pub(crate) key: CompactString,
    pub(crate) value: V,
    /// Number of writes since the entry was created.
    pub(crate) version: u32,
}

const _: () = assert!(size_of::<Slot<i32>>() == 32, "two scalar slots share a cache line");
const _: () = assert!(size_of::<Slot<u32>>() == 32);
const _: () = assert!(size_of::<Slot<f32>>() == 32);
const _: () = assert!(size_of::<Slot<Text>>() == 64, "other slots are a cache line");
const _: () = assert!(size_of::<Slot<MapValue>>() == 64);
const _: () = assert!(size_of::<Slot<SetValue>>() == 64);

impl<V> Slot<V> {
    pub(crate) fn is_free(&self) -> bool {
        self.key.is_empty()
    }

    /// Heap memory behind the key, in bytes.
    pub(crate) fn key_heap_bytes(key: &CompactString) -> usize {
        if key.is_heap_allocated() { key.capacity() } else { 0 }
    }
}

/// A chunked array of slots and the list of those to use again.
#[derive(Debug)]
pub(crate) struct Slab<V> {
    chunks: Vec<Box<[Slot<V>; CHUNK]>>,
    /// Slots from here on have never been used.
    fresh: u32,
    free: Vec<u32>,
}

impl<V> Default for Slab<V> {
    fn default() -> Self {
        Self { chunks: Vec::new(), fresh: 0, free: Vec::new() }
    }
}

impl<V: Default + Clone> Slab<V> {
    pub(crate) const CHUNK_BYTES: usize = CHUNK * size_of::<Slot<V>>();

    pub(crate) fn bytes(&self) -> usize {
        self.chunks.len() * Self::CHUNK_BYTES
    }

    /// Whether the next insertion allocates a chunk.
    pub(crate) fn is_full(&self) -> bool {
        self.free.is_empty() && self.fresh as usize == self.chunks.len() * CHUNK
    }

    pub(crate) fn get(&self, number: u32) -> &Slot<V> {
        &self.chunks[number as usize / CHUNK][number as usize % CHUNK]
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> &mut Slot<V> {
        &mut self.chunks[number as usize / CHUNK][number as usize % CHUNK]
    }

    /// Stores `slot` and returns its number.
    pub(crate) fn insert(&mut self, slot: Slot<V>) -> u32 {
        let number = self.free.pop().unwrap_or_else(|| {
            if self.fresh as usize == self.chunks.len() * CHUNK {
                let chunk = vec![Slot::default(); CHUNK].into_boxed_slice();
                self.chunks.push(chunk.try_into().unwrap_or_else(|_| unreachable!("the slice has CHUNK slots")));
            }
            self.fresh += 1;
            self.fresh - 1
        });
        *self.get_mut(number) = slot;
        number
    }

    /// Takes the slot out and frees its number.
    pub(crate) fn remove(&mut self, number: u32) -> Slot<V> {
        self.free.push(number);
        std::mem::take(self.get_mut(number))
    }

    /// The used slots with their numbers, in the order of memory.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Slot<V>)> {
        (0..).zip(self.chunks.iter().flat_map(|chunk| chunk.iter())).filter(|(_, slot)| !slot.is_free())
    }
}
