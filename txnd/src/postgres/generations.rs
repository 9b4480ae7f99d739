//! A cache with a budget in bytes, in two generations. When the young generation has used up half of the budget, it becomes
//! the old one, and the previous old one is dropped. An entry that is used in the old generation moves to the young one. So a
//! dropped entry has not been used for at least half of the budget, and no order has to be maintained.

use std::hash::Hash;

use ahash::RandomState;
use compact_str::CompactString;
use hashbrown::{Equivalent, HashMap};

/// Bytes of a text that a [`CompactString`] stores inline.
const INLINE_BYTES: usize = size_of::<CompactString>();

/// Allocator overhead of a text, in bytes, approximately.
const ALLOCATION_BYTES: usize = 16;

/// Heap bytes of a text of this length.
pub(super) fn heap_bytes(length: usize) -> usize {
    if length > INLINE_BYTES { length + ALLOCATION_BYTES } else { 0 }
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Generations<K, V> {
    young: Generation<K, V>,
    old: Generation<K, V>,
    /// Bytes of both generations together.
    budget: usize,
    dropped: bool,
}

#[derive(Debug)]
struct Generation<K, V> {
    entries: HashMap<K, V, RandomState>,
    /// Heap bytes of the entries' texts.
    text_bytes: usize,
}

impl<K, V> Default for Generation<K, V> {
    fn default() -> Self {
        Self { entries: HashMap::default(), text_bytes: 0 }
    }
}

impl<K: Eq + Hash, V> Generation<K, V> {
    fn bytes(&self) -> usize {
        self.entries.allocation_size() + self.text_bytes
    }

    /// Bytes after one more entry, which may make the table grow to twice its size.
    fn bytes_with(&self, text: usize) -> usize {
        let growth = if self.entries.len() == self.entries.capacity() { self.entries.allocation_size() } else { 0 };
        self.bytes() + growth + text
    }
}

impl<K: Eq + Hash, V> Generations<K, V> {
    pub(super) fn new(budget: usize) -> Self {
        Self { young: Generation::default(), old: Generation::default(), budget, dropped: false }
    }

    /// Adds an entry whose text takes `text` bytes.
    pub(super) fn insert(&mut self, key: K, value: V, text: usize) {
        if self.young.bytes_with(text) > self.budget / 2 {
            self.dropped |= !self.old.entries.is_empty();
            self.old = std::mem::take(&mut self.young);
        }
        self.young.text_bytes += text;
        self.young.entries.insert(key, value);
    }

    /// Looks up an entry without moving it.
    pub(super) fn peek<Q: Hash + Equivalent<K>>(&self, key: &Q) -> Option<&V> {
        self.young.entries.get(key).or_else(|| self.old.entries.get(key))
    }

    /// Keeps only the entries that `keep` accepts, and counts as if the others had never been added.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&K, &V) -> bool, text: impl Fn(&K, &V) -> usize) {
        for generation in [&mut self.young, &mut self.old] {
            generation.entries.retain(|key, value| keep(key, value));
            generation.text_bytes = generation.entries.iter().map(|(key, value)| text(key, value)).sum();
        }
    }

    /// Whether anything was dropped for lack of space.
    pub(super) fn has_dropped(&self) -> bool {
        self.dropped
    }

    pub(super) fn bytes(&self) -> usize {
        self.young.bytes() + self.old.bytes()
    }
}

impl<K: Eq + Hash, V: Copy> Generations<K, V> {
    /// The value of `key`, whose text takes `text` bytes.
    pub(super) fn get<Q: Hash + Equivalent<K>>(&mut self, key: &Q, text: usize) -> Option<V> {
        if let Some(value) = self.young.entries.get(key) {
            return Some(*value);
        }
        let (key, value) = self.old.entries.remove_entry(key)?;
        self.old.text_bytes -= text;
        self.insert(key, value, text);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: usize = 64 << 10;

    fn filled(count: i64) -> Generations<i64, i64> {
        let mut cache = Generations::new(BUDGET);
        (0..count).for_each(|n| {
            cache.insert(n, n, 100);
            assert!(cache.bytes() <= BUDGET, "{} bytes after {n}", cache.bytes());
        });
        cache
    }

    #[test]
    fn it_stays_within_its_budget_and_keeps_the_latest() {
        let mut cache = filled(10_000);
        assert!(cache.has_dropped());
        assert_eq!((cache.get(&0, 100), cache.get(&9_999, 100)), (None, Some(9_999)));
    }

    #[test]
    fn nothing_goes_before_there_is_need() {
        let mut cache = filled(100);
        assert!(!cache.has_dropped());
        assert!((0..100).all(|n| cache.get(&n, 100) == Some(n)));
    }

    #[test]
    fn what_is_used_stays() {
        let mut cache = filled(1);
        for n in 1..10_000 {
            cache.insert(n, n, 100);
            assert_eq!(cache.get(&0, 100), Some(0), "after {n}");
        }
        cache.retain(|key, _| *key == 0, |_, _| 100);
        assert_eq!((cache.peek(&0), cache.peek(&9_999)), (Some(&0), None));
    }
}
