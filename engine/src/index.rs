//! A hash index over slots: one byte, the tag, per slot. Tag n belongs to slot n.
//!
//! Sixteen tags form a group and are compared by one instruction, as in Swiss tables
//! (<https://abseil.io/about/design/swisstables>). Tags are stored apart from the slots. So the tags of a million
//! entries fit into the second-level cache, and a lookup waits for one cache line of memory, its slot. A full group
//! passes entries on to the next one and counts them. So a lookup knows when to stop, and deletions need no tombstones
//! (the scheme of Facebook's F14, <https://engineering.fb.com/2019/04/25/developer-tools/f14/>).
//!
//! Groups are in hash order, whatever their number. So moving entries from one index to a larger one reads and writes
//! memory sequentially.

use crate::prefetch::prefetch;

/// Number of tags, and slots, in a group.
pub(crate) const GROUP: usize = 16;

/// The index grows when groups have this many entries on average. At 14 of 16, about one lookup in fifteen sees a
/// second group, whose tags most likely are in the same cache line.
const FULL: usize = 14;

/// The tags of one group; 0 means no entry. An array of numbers, and no type of its own: the allocator knows memory that is zero
/// already, so a large index takes no time to make.
type Group = [u8; GROUP];

/// The index. The caller stores the keys in slots with the same numbers, and hashes them.
#[derive(Debug, Default)]
pub(crate) struct Index {
    groups: Box<[Group]>,
    /// Per group: how many entries were passed on because it was full.
    overflow: Box<[u32]>,
    len: usize,
}

/// The tag of a hash: eight bits that select neither shard nor group, never 0.
#[inline]
fn tag(hash: u64) -> u8 {
    ((hash >> 32) as u8).max(1)
}

/// Entries of a group with this tag, as a mask of bits 0, 1, 2, …
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
#[inline]
fn matches(group: &Group, tag: u8) -> Matches {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set_epi64x, _mm_set1_epi8};
    let tags = u128::from_le_bytes(*group);
    let (low, high) = (tags as u64, (tags >> 64) as u64);
    // SAFETY: these instructions are part of SSE2, which every x86-64 processor has, and operate on values only.
    let equal = unsafe {
        let tags = _mm_set_epi64x(high.cast_signed(), low.cast_signed());
        _mm_movemask_epi8(_mm_cmpeq_epi8(tags, _mm_set1_epi8(tag.cast_signed())))
    };
    Matches(equal as u16)
}

/// The same without SIMD instructions.
#[cfg(not(target_arch = "x86_64"))]
fn matches(group: &Group, tag: u8) -> Matches {
    Matches((0..).zip(*group).fold(0, |mask, (entry, other)| mask | u16::from(other == tag) << entry))
}

/// Entries of a group, lowest first.
struct Matches(u16);

impl Iterator for Matches {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let first = self.0.trailing_zeros() as usize;
        self.0 &= self.0.wrapping_sub(1);
        (first < GROUP).then_some(first)
    }
}

impl Index {
    /// An empty index for this many slots, which must be a multiple of [`GROUP`].
    pub(crate) fn with_capacity(slots: usize) -> Self {
        let groups = slots / GROUP;
        Self { groups: vec![[0; GROUP]; groups].into(), overflow: vec![0; groups].into(), len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Size of an index over this many slots, in bytes.
    pub(crate) fn bytes_for(slots: usize) -> usize {
        slots / GROUP * (size_of::<Group>() + size_of::<u32>())
    }

    /// Slots with which an index has room for this many entries.
    pub(crate) fn slots_for(entries: usize) -> usize {
        entries.div_ceil(FULL) * GROUP
    }

    /// Whether a larger index is needed before the next insertion.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.len >= self.groups.len() * FULL
    }

    /// The group that an entry with this hash belongs to.
    #[inline]
    pub(crate) fn home(&self, hash: u64) -> usize {
        // Maps 32 random bits onto 0..groups, keeping their order and without a division (Lemire, "Fast Random Integer
        // Generation in an Interval").
        ((u64::from(hash as u32) * self.groups.len() as u64) >> 32) as usize
    }

    fn next(&self, group: usize) -> usize {
        if group + 1 == self.groups.len() { 0 } else { group + 1 }
    }

    /// Number of groups.
    pub(crate) fn groups(&self) -> usize {
        self.groups.len()
    }

    /// The lowest 32 bits of a hash that belong to `group`, one of the index, or to a later one.
    pub(crate) fn first_hash(&self, group: usize) -> u64 {
        ((group as u64) << 32).div_ceil(self.groups.len() as u64)
    }

    /// The slots in use of a group and of those that it has passed entries on to. They hold all of its entries, and some
    /// of other groups.
    pub(crate) fn slots_from(&self, group: usize) -> impl Iterator<Item = usize> {
        let passed_on = |&group: &usize| (self.overflow[group] > 0).then(|| self.next(group));
        let groups = std::iter::successors(Some(group), passed_on).enumerate();
        let groups = groups.take_while(move |(passed, at)| *passed == 0 || *at != group).map(|(_, at)| at);
        groups.flat_map(|group| {
            let used = self.groups[group].into_iter().enumerate().filter(|(_, tag)| *tag != 0);
            used.map(move |(entry, _)| group * GROUP + entry)
        })
    }

    /// Prefetches the cache line with the tags.
    #[inline]
    pub(crate) fn prefetch(&self, hash: u64) {
        if let Some(group) = self.groups.get(self.home(hash)) {
            prefetch(group);
        }
    }

    /// The first slot whose tag matches, without comparing keys: the one to prefetch.
    #[inline]
    pub(crate) fn first_match(&self, hash: u64) -> Option<usize> {
        let home = self.home(hash);
        let entry = matches(self.groups.get(home)?, tag(hash)).next()?;
        Some(home * GROUP + entry)
    }

    /// Calls `visit` for each slot that may belong to `hash`, until it returns something.
    #[inline(always)]
    pub(crate) fn find<R>(&self, hash: u64, mut visit: impl FnMut(usize) -> Option<R>) -> Option<R> {
        let home = self.home(hash);
        // An index without groups is empty.
        for entry in matches(self.groups.get(home)?, tag(hash)) {
            if let found @ Some(_) = visit(home * GROUP + entry) {
                return found;
            }
        }
        match self.overflow[home] {
            0 => None,
            _ => self.find_overflowed(home, tag(hash), visit),
        }
    }

    /// Continues after `home`, for entries that were passed on.
    #[cold]
    fn find_overflowed<R>(&self, home: usize, tag: u8, mut visit: impl FnMut(usize) -> Option<R>) -> Option<R> {
        let mut group = self.next(home);
        while group != home {
            let mut slots = matches(&self.groups[group], tag).map(|entry| group * GROUP + entry);
            if let found @ Some(_) = slots.find_map(&mut visit) {
                return found;
            }
            if self.overflow[group] == 0 {
                return None;
            }
            group = self.next(group);
        }
        None
    }

    /// Adds an entry that is not in the index; returns its slot. The index must not be full.
    pub(crate) fn insert(&mut self, hash: u64) -> usize {
        debug_assert!(!self.is_full());
        let mut group = self.home(hash);
        loop {
            if let Some(entry) = matches(&self.groups[group], 0).next() {
                self.groups[group][entry] = tag(hash);
                self.len += 1;
                return group * GROUP + entry;
            }
            self.overflow[group] += 1;
            group = self.next(group);
        }
    }

    /// Removes the entry of `hash` at `slot`.
    pub(crate) fn remove(&mut self, hash: u64, slot: usize) {
        self.groups[slot / GROUP][slot % GROUP] = 0;
        let mut group = self.home(hash);
        while group != slot / GROUP {
            self.overflow[group] -= 1;
            group = self.next(group);
        }
        self.len -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Room for 112 entries.
    const SLOTS: usize = 8 * GROUP;

    /// Keys are small numbers whose hashes collide on purpose: few groups, few tags.
    fn poor_hash(key: u32) -> u64 {
        (u64::from(key % 5) << 32) | u64::from((key % 7) << 29)
    }

    proptest! {
        #[test]
        fn behaves_like_hashbrown(ops in proptest::collection::vec((any::<bool>(), 0u32..112), 0..600)) {
            let mut index = Index::with_capacity(SLOTS);
            let mut slots = [None; SLOTS];
            let mut oracle = hashbrown::HashSet::new();
            for (insert, key) in ops {
                let found = index.find(poor_hash(key), |slot| (slots[slot] == Some(key)).then_some(slot));
                prop_assert_eq!(found.is_some(), oracle.contains(&key));
                match (insert, found) {
                    (true, None) => {
                        let slot = index.insert(poor_hash(key));
                        prop_assert_eq!(slots[slot].replace(key), None);
                        oracle.insert(key);
                    }
                    (false, Some(slot)) => {
                        index.remove(poor_hash(key), slot);
                        slots[slot] = None;
                        oracle.remove(&key);
                    }
                    _ => {}
                }
                prop_assert_eq!(index.len(), oracle.len());
            }
            for key in 0..112 {
                let found = index.find(poor_hash(key), |slot| (slots[slot] == Some(key)).then_some(slot));
                prop_assert_eq!(found.is_some(), oracle.contains(&key));
            }
        }
    }
}
