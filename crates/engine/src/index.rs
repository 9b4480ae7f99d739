//! A hash index whose bucket is one cache line: twelve 8-bit tags and twelve 32-bit slot numbers.
//!
//! A lookup touches one line of the index and one slot, where a general hash table touches a control line, an index
//! line and the slot; and a bucket's address is known from the hash alone, so that it can be prefetched. Full buckets
//! pass entries on to the next one and count them, so that a lookup knows when to stop and deletions need no tombstones
//! (the scheme of Facebook's F14, <https://engineering.fb.com/2019/04/25/developer-tools/f14/>).

const ENTRIES: usize = 12;

/// Growth begins at this many entries per bucket on average; at 9 of 12 one lookup in twelve or so sees a second line.
const FULL: usize = 9;

#[derive(Clone, Debug)]
#[repr(C, align(64))]
struct Bucket {
    /// 0 where there is no entry.
    tags: [u8; ENTRIES],
    /// How many entries went on past this bucket because it was full.
    passed: u32,
    slots: [u32; ENTRIES],
}

const _: () = assert!(size_of::<Bucket>() == 64, "a bucket is one cache line");

const EMPTY: Bucket = Bucket { tags: [0; ENTRIES], passed: 0, slots: [0; ENTRIES] };

/// Where an entry lies in the index; valid until the index changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position {
    bucket: usize,
    entry: usize,
}

/// The index. The caller keeps the keys and hashes them.
#[derive(Debug, Default)]
pub(crate) struct Index {
    buckets: Vec<Bucket>,
    len: usize,
}

/// The tag of a hash: eight bits that choose neither shard nor bucket, never 0.
fn tag(hash: u64) -> u8 {
    ((hash >> 32) as u8).max(1)
}

impl Bucket {
    /// Entries with this tag, as a mask of bits 0, 1, 2, … Exact: an empty entry never matches.
    #[cfg(target_arch = "x86_64")]
    #[allow(unsafe_code)]
    #[inline]
    fn matches(&self, tag: u8) -> u16 {
        use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set_epi64x, _mm_set1_epi8};
        let (low, high) = self.tag_words();
        // SAFETY: these instructions belong to SSE2, which every x86-64 processor has; they work on values alone.
        let equal = unsafe {
            let tags = _mm_set_epi64x(high.cast_signed(), low.cast_signed());
            _mm_movemask_epi8(_mm_cmpeq_epi8(tags, _mm_set1_epi8(tag.cast_signed())))
        };
        equal as u16 & ((1 << ENTRIES) - 1)
    }

    /// The same without vector instructions.
    #[cfg(not(target_arch = "x86_64"))]
    fn matches(&self, tag: u8) -> u16 {
        (0..).zip(self.tags).fold(0, |mask, (entry, other)| mask | u16::from(other == tag) << entry)
    }

    /// The tags in two words, joined in registers: through memory, a load would wait until the stores before it are complete.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    fn tag_words(&self) -> (u64, u64) {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = self.tags;
        (u64::from_le_bytes([a, b, c, d, e, f, g, h]), u64::from(u32::from_le_bytes([i, j, k, l])))
    }
}

/// The first entry of a mask that is not empty.
#[inline]
fn first(matches: u16) -> usize {
    // The mask has ENTRIES bits; saying so saves a bounds check.
    (matches.trailing_zeros() as usize).min(ENTRIES - 1)
}

impl Index {
    pub(crate) fn with_room_for(len: usize) -> Self {
        Self { buckets: vec![EMPTY; Self::buckets_for(len)], len: 0 }
    }

    fn buckets_for(len: usize) -> usize {
        len.div_ceil(FULL).max(1)
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn bytes(&self) -> usize {
        self.buckets.len() * size_of::<Bucket>()
    }

    /// Whether an insertion needs a larger index first.
    pub(crate) fn is_full(&self) -> bool {
        self.len >= self.buckets.len() * FULL
    }

    /// How many entries the next larger index should have room for. The hash's first bits, which choose the shard, choose one of
    /// four steps, from 1.3 to 1.7: if all shards grew by the same step, they would all grow at nearly the same time. More than
    /// four would leave the allocator with memory of too many sizes.
    pub(crate) fn next_room(&self, hash: u64) -> usize {
        let more = 320 + (hash >> 62) as usize * 128;
        (self.len + self.len * more / 1024).max(FULL)
    }

    /// Bytes by which the next larger index is larger.
    pub(crate) fn growth_bytes(&self, hash: u64) -> usize {
        Self::buckets_for(self.next_room(hash)) * size_of::<Bucket>() - self.bytes()
    }

    fn home(&self, hash: u64) -> usize {
        // Maps 32 random bits onto 0..buckets without a division (Lemire, "Fast Random Integer Generation in an Interval").
        ((u64::from(hash as u32) * self.buckets.len() as u64) >> 32) as usize
    }

    fn next(&self, bucket: usize) -> usize {
        if bucket + 1 == self.buckets.len() { 0 } else { bucket + 1 }
    }

    /// Asks the processor for the bucket's cache line.
    pub(crate) fn prefetch(&self, hash: u64) {
        if let Some(bucket) = self.buckets.get(self.home(hash)) {
            crate::pipeline::prefetch(bucket);
        }
    }

    /// The first slot whose tag matches, without comparing keys: what to prefetch.
    pub(crate) fn likely(&self, hash: u64) -> Option<u32> {
        let bucket = self.buckets.get(self.home(hash))?;
        let matches = bucket.matches(tag(hash));
        (matches != 0).then(|| bucket.slots[first(matches)])
    }

    /// Finds the entry of `hash` whose slot `is_match`.
    #[inline]
    pub(crate) fn find(&self, hash: u64, mut is_match: impl FnMut(u32) -> bool) -> Option<(Position, u32)> {
        let home = self.home(hash);
        let mut at = home;
        loop {
            // Without buckets there is nothing to find.
            let bucket = self.buckets.get(at)?;
            let mut matches = bucket.matches(tag(hash));
            while matches != 0 {
                let entry = first(matches);
                if is_match(bucket.slots[entry]) {
                    return Some((Position { bucket: at, entry }, bucket.slots[entry]));
                }
                matches &= matches - 1;
            }
            if bucket.passed == 0 {
                return None;
            }
            at = self.next(at);
            if at == home {
                return None;
            }
        }
    }

    /// Adds an entry that is not there yet. The index must not be full.
    pub(crate) fn insert(&mut self, hash: u64, slot: u32) {
        debug_assert!(!self.is_full());
        let mut at = self.home(hash);
        loop {
            let bucket = &mut self.buckets[at];
            if let Some(entry) = bucket.tags.iter().position(|&tag| tag == 0) {
                bucket.tags[entry] = tag(hash);
                bucket.slots[entry] = slot;
                self.len += 1;
                return;
            }
            bucket.passed += 1;
            at = self.next(at);
        }
    }

    /// Removes the entry of `hash` at `position`.
    pub(crate) fn remove(&mut self, hash: u64, position: Position) {
        self.buckets[position.bucket].tags[position.entry] = 0;
        let mut at = self.home(hash);
        while at != position.bucket {
            self.buckets[at].passed -= 1;
            at = self.next(at);
        }
        self.len -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Keys are small numbers whose hash collides on purpose: few buckets, few tags.
    fn poor_hash(key: u32) -> u64 {
        (u64::from(key % 5) << 32) | u64::from((key % 7) << 29)
    }

    #[test]
    fn a_removed_entry_is_not_matched_behind_one_that_differs_from_it_in_the_lowest_bit() {
        let hash = 1 << 32; // Tag 1; an empty entry has tag 0.
        let mut index = Index::with_room_for(2);
        index.insert(hash, 1);
        index.insert(hash, 2);
        let (position, _) = index.find(hash, |slot| slot == 2).unwrap();
        index.remove(hash, position);
        assert!(index.find(hash, |slot| slot == 2).is_none());
        assert!(index.find(hash, |slot| slot == 1).is_some());
    }

    proptest! {
        #[test]
        fn behaves_like_hashbrown(ops in proptest::collection::vec((any::<bool>(), 0u32..120), 0..600)) {
            let mut index = Index::with_room_for(120);
            let mut oracle = hashbrown::HashSet::new();
            for (insert, key) in ops {
                let found = index.find(poor_hash(key), |slot| slot == key);
                prop_assert_eq!(found.is_some(), oracle.contains(&key));
                match (insert, found) {
                    (true, None) => {
                        index.insert(poor_hash(key), key);
                        oracle.insert(key);
                    }
                    (false, Some((position, _))) => {
                        index.remove(poor_hash(key), position);
                        oracle.remove(&key);
                    }
                    _ => {}
                }
                prop_assert_eq!(index.len(), oracle.len());
            }
            for key in 0..120 {
                prop_assert_eq!(index.find(poor_hash(key), |slot| slot == key).is_some(), oracle.contains(&key));
            }
        }
    }
}
