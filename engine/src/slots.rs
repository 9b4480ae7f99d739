//! Slots: fixed-size cells, in chunks of one size, so that memory that one table gives up fits any other.

use compact_str::CompactString;
use proto::Text;

use crate::collection::{MapValue, SetValue};

/// Slots per chunk: 4 KiB of scalars, 8 KiB of others.
pub(crate) const CHUNK: usize = 128;

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
    fn is_free(&self) -> bool {
        self.key.is_empty()
    }

    /// Heap memory behind the key, in bytes.
    pub(crate) fn key_heap_bytes(key: &CompactString) -> usize {
        if key.is_heap_allocated() { key.capacity() } else { 0 }
    }
}

/// A chunked array of slots.
#[derive(Debug)]
pub(crate) struct Slots<V> {
    chunks: Box<[Box<[Slot<V>; CHUNK]>]>,
}

impl<V> Default for Slots<V> {
    fn default() -> Self {
        Self { chunks: Box::default() }
    }
}

impl<V: Default + Clone> Slots<V> {
    /// Free slots, a multiple of [`CHUNK`].
    pub(crate) fn new(count: usize) -> Self {
        let chunk = || {
            let slots = vec![Slot::default(); CHUNK].into_boxed_slice();
            slots.try_into().unwrap_or_else(|_| unreachable!("the slice has CHUNK slots"))
        };
        Self { chunks: std::iter::repeat_with(chunk).take(count / CHUNK).collect() }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.chunks.len() * CHUNK
    }

    /// Size of this many slots, in bytes.
    pub(crate) fn bytes(count: usize) -> usize {
        count * size_of::<Slot<V>>()
    }

    #[inline]
    pub(crate) fn get(&self, number: usize) -> &Slot<V> {
        &self.chunks[number / CHUNK][number % CHUNK]
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, number: usize) -> &mut Slot<V> {
        &mut self.chunks[number / CHUNK][number % CHUNK]
    }

    /// The used slots, in the order of memory.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Slot<V>> {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).filter(|slot| !slot.is_free())
    }

    /// Takes the used slots out, in the order of memory; a chunk's memory is given back when all of it has been read.
    pub(crate) fn into_used(self) -> impl Iterator<Item = Slot<V>> {
        let chunks = self.chunks.into_iter().map(|chunk| chunk as Box<[Slot<V>]>);
        chunks.flat_map(|chunk| chunk.into_iter()).filter(|slot| !slot.is_free())
    }
}
