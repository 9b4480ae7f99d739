//! Lists of packed items in the order of their names: sorting, merging, and cutting into blocks.
//!
//! An item has `N` strings, the first of which is its name: a set's member, or a map's field and its value.

use std::borrow::Cow;
use std::iter::Peekable;
use std::sync::Arc;

use proto::{Strings, StringsBuf, packed_bytes};

/// Bytes of the length of a packed string.
const LENGTH_BYTES: usize = packed_bytes(0);

/// Heap bytes of the reference counts of an [`Arc`].
pub(crate) const COUNTS_BYTES: usize = 2 * size_of::<usize>();

/// Most bytes of a block with several items. With its reference counts a block has 1 KiB, a size class of the allocator.
pub(crate) const BLOCK_BYTES: usize = 1024 - COUNTS_BYTES;

/// An item in packed form.
#[derive(Clone, Copy)]
pub(crate) struct Item<'a> {
    pub(crate) name: &'a [u8],
    /// All of it.
    pub(crate) bytes: &'a [u8],
    /// Where it begins.
    at: usize,
}

/// What is to become of the item with this name.
pub(crate) struct ItemEdit<'a> {
    pub(crate) name: &'a [u8],
    /// The new item; `None` to remove it.
    pub(crate) item: Option<&'a [u8]>,
}

/// What was done to items.
#[derive(Clone, Copy, Default)]
pub(crate) struct Done {
    /// Items that were added or removed.
    pub(crate) count: u32,
    pub(crate) changed: bool,
}

/// The string that begins at `at`, and where it ends.
pub(crate) fn string_at(bytes: &[u8], at: usize) -> (&[u8], usize) {
    let begin = at + LENGTH_BYTES;
    let length = bytes[at..begin].try_into().map(u32::from_le_bytes).expect("so many bytes");
    let end = begin + length as usize;
    (&bytes[begin..end], end)
}

/// The items of a packed list.
pub(crate) fn items<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = Item<'_>> {
    let mut next = 0;
    std::iter::from_fn(move || {
        let at = next;
        if at == bytes.len() {
            return None;
        }
        let (name, mut end) = string_at(bytes, at);
        for _ in 1..N {
            end = string_at(bytes, end).1;
        }
        next = end;
        Some(Item { name, bytes: &bytes[at..end], at })
    })
}

/// The list with its items in order. Of several with the same name, the last counts.
pub(crate) fn in_order<const N: usize>(list: Strings<'_>) -> Cow<'_, [u8]> {
    let list = list.as_bytes();
    let mut before: Option<&[u8]> = None;
    if items::<N>(list).all(|item| before.replace(item.name).is_none_or(|before| before < item.name)) {
        return Cow::Borrowed(list);
    }
    let mut all: Vec<_> = items::<N>(list).collect();
    // Stable, so the last one of several stays last.
    all.sort_by(|a, b| a.name.cmp(b.name));
    let mut sorted = Vec::with_capacity(list.len());
    for (number, item) in all.iter().enumerate() {
        if all.get(number + 1).is_none_or(|next| next.name != item.name) {
            sorted.extend_from_slice(item.bytes);
        }
    }
    Cow::Owned(sorted)
}

/// A packed item.
pub(crate) fn packed_item<const N: usize>(strings: [&str; N]) -> StringsBuf {
    let mut item = StringsBuf::with_capacity(strings.iter().map(|string| packed_bytes(string.len())).sum());
    strings.into_iter().for_each(|string| item.push(string));
    item
}

/// A list in order, cut into blocks of about the same size.
pub(crate) fn cut<const N: usize>(list: &[u8]) -> Vec<Arc<[u8]>> {
    let target = list.len() / list.len().div_ceil(BLOCK_BYTES).max(1);
    let (mut blocks, mut begin) = (Vec::with_capacity(list.len() / BLOCK_BYTES + 1), 0);
    for item in items::<N>(list) {
        let filled = item.at - begin;
        if filled > 0 && (filled >= target || filled + item.bytes.len() > BLOCK_BYTES) {
            blocks.push(list[begin..item.at].into());
            begin = item.at;
        }
    }
    if begin < list.len() {
        blocks.push(list[begin..].into());
    }
    blocks
}

/// Appends to `out` the items of a block, with those changed that are wanted `below` a name.
pub(crate) fn merge<'w, const N: usize>(
    block: &[u8],
    wanted: &mut Peekable<impl Iterator<Item = ItemEdit<'w>>>,
    below: Option<&[u8]>,
    out: &mut Vec<u8>,
) -> Done {
    let (mut done, mut copied) = (Done::default(), 0);
    for item in items::<N>(block) {
        let end = item.at + item.bytes.len();
        while let Some(wanted) = wanted.next_if(|wanted| wanted.name <= item.name) {
            let is_there = wanted.name == item.name;
            if is_there || wanted.item.is_some() {
                out.extend_from_slice(&block[copied..item.at]);
                out.extend_from_slice(wanted.item.unwrap_or_default());
                copied = if is_there { end } else { item.at };
            }
            done.count += u32::from(is_there != wanted.item.is_some());
            done.changed |= if is_there { wanted.item != Some(item.bytes) } else { wanted.item.is_some() };
        }
        if wanted.peek().is_none_or(|wanted| below.is_some_and(|below| wanted.name >= below)) {
            break;
        }
    }
    out.extend_from_slice(&block[copied..]);
    while let Some(wanted) = wanted.next_if(|wanted| below.is_none_or(|below| wanted.name < below)) {
        out.extend_from_slice(wanted.item.unwrap_or_default());
        done.count += u32::from(wanted.item.is_some());
        done.changed |= wanted.item.is_some();
    }
    done
}
