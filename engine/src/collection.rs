//! Maps and sets as slots store them: items in order, packed into blocks that are never changed.
//!
//! ```text
//!   up to 30 bytes    in the slot
//!   up to a block     one block on the heap
//!   more              blocks ──> [ant … bee] [cat … dog] [eel … fox] …
//! ```
//!
//! An item is a set's member, or a map's field and its value, packed as in [`proto::Strings`]; its name is the member or the field.
//! A block has at most [`BLOCK_BYTES`], or one item that is larger. A change makes new blocks in place of those it concerns.
//! So a large collection is taken out of the engine by incrementing a reference count, and whoever has it may take any
//! time to read it; and a change can be prepared beside the engine, and costs the engine no more than to put its blocks in place.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use proto::{Strings, StringsBuf, packed_bytes};

use crate::items::{BLOCK_BYTES, COUNTS_BYTES, Item, ItemEdit, cut, in_order, items, merge, string_at};
use crate::meter::allocated;

/// A map's fields and values.
pub(crate) type MapValue = Sorted<2>;

/// A set's members.
pub(crate) type SetValue = Sorted<1>;

/// Longest collection that is stored in the slot itself, in packed bytes.
const INLINE_BYTES: usize = 30;

/// A block that has become smaller than this is joined with the next one.
const SMALL_BLOCK_BYTES: usize = BLOCK_BYTES / 4;

/// Items of `N` strings each, in the order of their names, the first strings.
#[derive(Clone, Debug)]
pub(crate) struct Sorted<const N: usize>(Form);

#[derive(Clone, Debug)]
enum Form {
    Inline { len: u8, bytes: [u8; INLINE_BYTES] },
    One(Box<[u8]>),
    Many(Arc<Blocks>),
}

/// A large collection.
#[derive(Clone, Debug)]
pub(crate) struct Blocks {
    /// At least one; none is empty.
    blocks: Vec<Arc<[u8]>>,
    packed: usize,
    heap: usize,
}

/// A change of a collection that is prepared, and what the collection is after it.
#[derive(Debug)]
pub(crate) struct Edit<const N: usize> {
    new: New,
    packed: usize,
    heap: usize,
    count: u32,
    of: PhantomData<Sorted<N>>,
}

#[derive(Debug)]
enum New {
    Whole(Form),
    /// In ascending order; they do not overlap.
    Runs(Vec<NewRun>),
}

/// Blocks in place of others.
#[derive(Debug)]
struct NewRun {
    old: Range<usize>,
    new: Vec<Arc<[u8]>>,
}

impl Blocks {
    fn of(blocks: Vec<Arc<[u8]>>) -> Self {
        let packed = blocks.iter().map(|block| block.len()).sum();
        let heap = allocated(COUNTS_BYTES + size_of::<Self>()) + blocks.iter().map(Self::heap_of).sum::<usize>();
        Self { blocks, packed, heap }
    }

    /// Heap memory of a block and of the pointer to it, in bytes.
    fn heap_of(block: &Arc<[u8]>) -> usize {
        allocated(COUNTS_BYTES + block.len()) + size_of::<Arc<[u8]>>()
    }

    fn first_name(&self, block: usize) -> Option<&[u8]> {
        self.blocks.get(block).map(|block| string_at(block, 0).0)
    }

    /// The block, from `from` on, that has the item with this name if there is one.
    fn holding(&self, name: &[u8], from: usize) -> usize {
        let is_behind = |block: usize| self.first_name(block).is_none_or(|first| first > name);
        if is_behind(from + 1) {
            return from;
        }
        let behind = self.blocks[from + 1..].partition_point(|block| string_at(block, 0).0 <= name);
        from + behind
    }

    /// Packed size, in bytes.
    pub(crate) fn packed_bytes(&self) -> usize {
        self.packed
    }

    /// All items, packed.
    pub(crate) fn pack(&self) -> StringsBuf {
        let blocks: Vec<&[u8]> = self.blocks.iter().map(|block| &**block).collect();
        StringsBuf::of_valid(blocks.concat())
    }

    /// The change that makes the items what is wanted.
    fn edit<'w, const N: usize>(&self, wanted: impl Iterator<Item = ItemEdit<'w>>) -> Edit<N> {
        let mut wanted = wanted.peekable();
        let (mut runs, mut next, mut count) = (Vec::new(), 0, 0);
        let (mut packed, mut heap) = (self.packed, self.heap);
        while let Some(first) = wanted.peek() {
            let begin = self.holding(first.name, next);
            let (mut list, mut changed) = (Vec::new(), false);
            next = begin;
            loop {
                let block = &self.blocks[next];
                next += 1;
                list.reserve(block.len());
                let done = merge::<N>(block, &mut wanted, self.first_name(next), &mut list);
                count += done.count;
                changed |= done.changed;
                if !changed || list.len() >= SMALL_BLOCK_BYTES || next == self.blocks.len() {
                    break;
                }
            }
            if changed {
                let (old, new) = (begin..next, cut::<N>(&list));
                let old_blocks = &self.blocks[old.clone()];
                packed = packed + list.len() - old_blocks.iter().map(|block| block.len()).sum::<usize>();
                heap += new.iter().map(Self::heap_of).sum::<usize>();
                heap -= old_blocks.iter().map(Self::heap_of).sum::<usize>();
                runs.push(NewRun { old, new });
            }
            next = next.min(self.blocks.len() - 1);
        }
        if packed > SMALL_BLOCK_BYTES {
            return Edit { new: New::Runs(runs), packed, heap, count, of: PhantomData };
        }
        let mut small = self.clone();
        small.replace(runs, packed, heap);
        Edit::whole(Form::of::<N>(Cow::Owned(small.blocks.concat())), count)
    }

    fn replace(&mut self, runs: Vec<NewRun>, packed: usize, heap: usize) {
        (self.packed, self.heap) = (packed, heap);
        match <[NewRun; 1]>::try_from(runs) {
            Ok([NewRun { old, new }]) => drop(self.blocks.splice(old, new)),
            Err(runs) => {
                let more: usize = runs.iter().map(|run| run.new.len()).sum();
                let mut blocks = Vec::with_capacity(self.blocks.len() + more);
                let mut before = std::mem::take(&mut self.blocks).into_iter();
                let mut taken = 0;
                for NewRun { old, new } in runs {
                    blocks.extend(before.by_ref().take(old.start - taken));
                    before.by_ref().take(old.len()).for_each(drop);
                    blocks.extend(new);
                    taken = old.end;
                }
                blocks.extend(before);
                self.blocks = blocks;
            }
        }
    }
}

impl Form {
    fn packed_bytes(&self) -> usize {
        match self {
            Self::Inline { len, .. } => usize::from(*len),
            Self::One(block) => block.len(),
            Self::Many(blocks) => blocks.packed,
        }
    }

    /// Of a list in order.
    fn of<const N: usize>(list: Cow<'_, [u8]>) -> Self {
        match list.len() {
            len @ ..=INLINE_BYTES => {
                let mut bytes = [0; INLINE_BYTES];
                bytes[..len].copy_from_slice(&list);
                Self::Inline { len: len as u8, bytes }
            }
            ..=BLOCK_BYTES => Self::One(list.into_owned().into_boxed_slice()),
            _ => Self::Many(Arc::new(Blocks::of(cut::<N>(&list)))),
        }
    }

    fn heap_bytes(&self) -> usize {
        match self {
            Self::Inline { .. } => 0,
            Self::One(block) => allocated(block.len()),
            Self::Many(blocks) => blocks.heap,
        }
    }
}

impl<const N: usize> Default for Sorted<N> {
    fn default() -> Self {
        Self(Form::Inline { len: 0, bytes: [0; INLINE_BYTES] })
    }
}

impl<const N: usize> From<Strings<'_>> for Sorted<N> {
    fn from(list: Strings<'_>) -> Self {
        Self(Form::of::<N>(in_order::<N>(list)))
    }
}

impl<const N: usize> Sorted<N> {
    /// All items, if they are in one block.
    fn small(&self) -> Option<&[u8]> {
        match &self.0 {
            Form::Inline { len, bytes } => Some(&bytes[..usize::from(*len)]),
            Form::One(block) => Some(block),
            Form::Many(_) => None,
        }
    }

    /// The blocks of a large collection, shared.
    pub(crate) fn shared(&self) -> Option<Arc<Blocks>> {
        match &self.0 {
            Form::Many(blocks) => Some(Arc::clone(blocks)),
            _ => None,
        }
    }

    /// Packed size, in bytes.
    pub(crate) fn packed_bytes(&self) -> usize {
        self.0.packed_bytes()
    }

    /// Whether nothing has changed since `earlier` was taken from here.
    pub(crate) fn is(&self, earlier: &Self) -> bool {
        match (&self.0, &earlier.0) {
            (Form::Many(now), Form::Many(then)) => Arc::ptr_eq(now, then),
            _ => self.small().is_some() && self.small() == earlier.small(),
        }
    }

    fn find(&self, name: &str) -> Option<Item<'_>> {
        let name = name.as_bytes();
        let block = match &self.0 {
            Form::Many(blocks) => &blocks.blocks[blocks.holding(name, 0)],
            _ => self.small().unwrap_or_default(),
        };
        items::<N>(block).find(|item| item.name >= name).filter(|item| item.name == name)
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }

    pub(crate) fn pack(&self) -> StringsBuf {
        match &self.0 {
            Form::Many(blocks) => blocks.pack(),
            _ => StringsBuf::of_valid(self.small().unwrap_or_default().to_vec()),
        }
    }

    fn edit<'w>(&self, wanted: impl Iterator<Item = ItemEdit<'w>>, bytes: usize) -> Edit<N> {
        match &self.0 {
            Form::Many(blocks) => blocks.edit(wanted),
            _ => {
                let block = self.small().unwrap_or_default();
                let mut list = Vec::with_capacity(block.len() + bytes);
                let done = merge::<N>(block, &mut wanted.peekable(), None, &mut list);
                Edit::whole(Form::of::<N>(Cow::Owned(list)), done.count)
            }
        }
    }

    /// The change that adds the items of a packed list in order, or replaces those with the same names.
    pub(crate) fn putting(&self, list: &[u8]) -> Edit<N> {
        self.edit(items::<N>(list).map(|item| ItemEdit { name: item.name, item: Some(item.bytes) }), list.len())
    }

    /// The change that removes the items with the names of a packed list in order.
    pub(crate) fn removing(&self, names: &[u8]) -> Edit<N> {
        self.edit(items::<1>(names).map(|item| ItemEdit { name: item.name, item: None }), 0)
    }

    /// Carries out a change that was prepared from what is here. Returns what it leaves, to be freed.
    pub(crate) fn apply(&mut self, edit: Edit<N>) -> Self {
        match edit.new {
            New::Whole(form) => Self(std::mem::replace(&mut self.0, form)),
            New::Runs(runs) => {
                if let Form::Many(blocks) = &mut self.0 {
                    Arc::make_mut(blocks).replace(runs, edit.packed, edit.heap);
                }
                Self::default()
            }
        }
    }
}

impl MapValue {
    /// The value of a field.
    pub(crate) fn get(&self, field: &str) -> Option<&str> {
        let item = self.find(field)?;
        let (value, _) = string_at(item.bytes, packed_bytes(item.name.len()));
        Some(std::str::from_utf8(value).expect("items are made from Strings"))
    }
}

impl SetValue {
    pub(crate) fn contains(&self, member: &str) -> bool {
        self.find(member).is_some()
    }
}

impl<const N: usize> Edit<N> {
    fn whole(form: Form, count: u32) -> Self {
        Self { packed: form.packed_bytes(), heap: form.heap_bytes(), new: New::Whole(form), count, of: PhantomData }
    }

    /// Number of items that it adds or removes.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Packed size of the collection after it.
    pub(crate) fn packed_bytes(&self) -> usize {
        self.packed
    }

    /// Heap memory of the collection after it, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.heap
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::items::packed_item;

    fn packed<'s>(strings: impl IntoIterator<Item = &'s str>) -> StringsBuf {
        strings.into_iter().collect()
    }

    /// What must be true of every collection.
    fn check<const N: usize>(collection: &Sorted<N>) {
        let Form::Many(blocks) = &collection.0 else { return };
        assert!(blocks.blocks.iter().all(|block| !block.is_empty()));
        for block in &blocks.blocks {
            assert!(block.len() <= BLOCK_BYTES || items::<N>(block).count() == 1, "{} bytes", block.len());
        }
        let again = Blocks::of(blocks.blocks.clone());
        assert_eq!((again.packed, again.heap), (blocks.packed, blocks.heap));
        assert!(blocks.packed > SMALL_BLOCK_BYTES);
        // Two neighbours that are both small would be one.
        let small = |block: &Arc<[u8]>| block.len() < SMALL_BLOCK_BYTES;
        let many = blocks.blocks.windows(2).filter(|pair| pair.iter().all(small)).count();
        assert!(many <= blocks.blocks.len() / 2, "{many} small neighbours of {}", blocks.blocks.len());
    }

    /// Short names that often meet, and now and then a long one.
    fn name() -> impl Strategy<Value = String> {
        prop_oneof![8 => "[a-d]{1,4}", 1 => "[a-d]{40,400}"]
    }

    proptest! {
        #[test]
        fn maps_are_those_of_the_standard_library(
            steps in vec((any::<bool>(), vec((name(), prop_oneof![9 => "[x-z]{0,12}", 1 => "[x-z]{900,3000}"]), 1..40)), 1..40)
        ) {
            let (mut map, mut oracle) = (MapValue::default(), BTreeMap::new());
            for (puts, items) in steps {
                let (edit, count) = if puts {
                    let list = packed(items.iter().flat_map(|(field, value)| [&**field, value]));
                    let edit = map.putting(&in_order::<2>(list.as_strings()));
                    let fresh = oracle.len();
                    oracle.extend(items.iter().cloned());
                    (edit, oracle.len() - fresh)
                } else {
                    let names = packed(items.iter().map(|(field, _)| &**field));
                    let edit = map.removing(&in_order::<1>(names.as_strings()));
                    let there = oracle.len();
                    items.iter().for_each(|(field, _)| drop(oracle.remove(field)));
                    (edit, there - oracle.len())
                };
                prop_assert_eq!(edit.count() as usize, count);
                let after = (edit.packed_bytes(), edit.heap_bytes());
                map.apply(edit);
                prop_assert_eq!(after, (map.pack().as_strings().as_bytes().len(), map.heap_bytes()));
                check(&map);
                let expected = packed(oracle.iter().flat_map(|(field, value)| [&**field, value]));
                prop_assert_eq!(map.pack(), expected.clone());
                prop_assert!(MapValue::from(expected.as_strings()).pack() == expected);
                for (field, _) in &items {
                    prop_assert_eq!(map.get(field), oracle.get(field).map(|value| &**value));
                }
            }
        }

        #[test]
        fn what_was_taken_out_stays_as_it_was(first in vec(name(), 200..400), then in vec(name(), 1..100)) {
            let [first, then] = [&first, &then].map(|names| packed(names.iter().map(|name| &**name)));
            let mut set = SetValue::from(first.as_strings());
            let (taken, before) = (set.clone(), set.pack());
            set.apply(set.removing(&in_order::<1>(then.as_strings())));
            set.apply(set.putting(&in_order::<1>(then.as_strings())));
            prop_assert_eq!(taken.pack(), before);
            check(&set);
        }
    }

    #[test]
    fn members_that_are_there_change_nothing() {
        let names: Vec<String> = (0..1000).map(|number| format!("member {number:04}")).collect();
        let list = packed(names.iter().map(|name| &**name));
        let mut set = SetValue::from(list.as_strings());
        let taken = set.clone();
        let edit = set.putting(list.as_strings().as_bytes());
        assert_eq!((edit.count(), edit.packed_bytes()), (0, list.as_strings().as_bytes().len()));
        set.apply(edit);
        // Not even a block is another one; the list of blocks was shared, so it was copied.
        let [now, then] = [&set, &taken].map(|set| set.shared().expect("it is large").blocks.clone());
        assert!(now.iter().zip(&then).all(|(now, then)| Arc::ptr_eq(now, then)));
    }

    #[test]
    fn a_change_makes_a_block_and_leaves_the_others() {
        let names: Vec<String> = (0..1000).map(|number| format!("member {number:04}")).collect();
        let mut set = SetValue::from(packed(names.iter().map(|name| &**name)).as_strings());
        let taken = set.shared().expect("it is large");
        set.apply(set.putting(packed_item(["member 0500 and a half"]).as_strings().as_bytes()));
        let now = set.shared().expect("it is large");
        let kept = now.blocks.iter().filter(|block| taken.blocks.iter().any(|old| Arc::ptr_eq(old, block))).count();
        assert_eq!(kept, taken.blocks.len() - 1);
    }

    #[test]
    fn sizes_are_those_of_the_allocator() {
        for (bytes, class) in
            [(0, 0), (1, 16), (16, 16), (17, 32), (64, 64), (65, 80), (81, 96), (129, 160), (1024, 1024), (1025, 1280)]
        {
            assert_eq!(allocated(bytes), class, "{bytes}");
        }
    }
}
