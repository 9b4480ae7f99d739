//! The content of a slot for each value type.

use std::borrow::Cow;
use std::sync::Arc;

use proto::{Op, Strings, Text, Value, ValueRef};

use crate::collection::{Blocks, Edit, MapValue, SetValue};
use crate::items::{COUNTS_BYTES, in_order};
use crate::meter::allocated;
use crate::prefetch::prefetch;

/// A value in the form that its slot stores.
pub(crate) trait Stored: Clone + Default {
    /// The value for a reply.
    fn to_value(&self) -> Value;

    /// Heap memory behind the value, in bytes.
    fn heap_bytes(&self) -> usize {
        0
    }

    /// What a large collection consists of, to be read beside the engine.
    fn shared(&self) -> Option<Arc<Blocks>> {
        None
    }

    /// Prefetches the heap memory behind the value.
    #[inline]
    fn prefetch(&self) {}

    /// The value, taken out of a slot, if it has heap memory to be freed.
    fn into_owned(self) -> Option<Owned> {
        None
    }
}

/// The content of a slot for the types of variable size. A number is stored as it is.
pub(crate) mod slot {
    pub(crate) type Str = proto::Text;
    pub(crate) type Map = crate::collection::MapValue;
    pub(crate) type Set = crate::collection::SetValue;

    macro_rules! number {
        (fixed, $variant:ident, $number:ty) => {
            pub(crate) type $variant = $number;

            impl super::Stored for $number {
                fn to_value(&self) -> proto::Value {
                    proto::Value::$variant(*self)
                }
            }
        };
        (variable, $variant:ident, $other:ty) => {};
    }

    macro_rules! numbers {
        ($($(#[$doc:meta])* (
            $code:literal, $variant:ident, $name:literal, $field:ident, $owned:ty, $borrowed:ty, $packed:ty,
            $size:ident, $operations:ident, $keys:literal, $transactions:literal
        ))*) => {
            $(number!($size, $variant, $owned);)*
        };
    }
    proto::for_each_value_type!(numbers);
}

/// A value on the heap before it enters a slot or after it has left one: built before the lock is taken, dropped after its
/// release.
#[derive(Debug)]
pub(crate) enum Owned {
    Str(slot::Str),
    Map(slot::Map),
    Set(slot::Set),
}

/// Members, in packed bytes, that are added or removed with the set's shard locked. With more, the change is prepared before.
const LIGHT_MEMBERS_BYTES: usize = 4 << 10;

/// What is done for an operation before the shard is locked.
#[derive(Debug)]
pub(crate) enum Prepared<'a> {
    /// The value of a put.
    Value(Owned),
    /// A change of a set.
    Members(PreparedMembers<'a>),
}

/// Members that are to be added to a set, or removed.
#[derive(Debug)]
pub(crate) struct PreparedMembers<'a> {
    in_order: Cow<'a, [u8]>,
    adds: bool,
    /// The set that the change was prepared from, and the change.
    prepared: Option<(slot::Set, Edit<1>)>,
}

impl<'a> Prepared<'a> {
    /// What can be done for the operation without looking at the entry.
    #[inline]
    pub(crate) fn of(op: &Op<'a>) -> Option<Self> {
        match *op {
            Op::Put { value: ValueRef::Str(text), .. } => Some(Self::Value(Owned::Str(text.into()))),
            Op::Put { value: ValueRef::Map(pairs), .. } => Some(Self::Value(Owned::Map(pairs.into()))),
            Op::Put { value: ValueRef::Set(members), .. } => Some(Self::Value(Owned::Set(members.into()))),
            Op::SetAdd { members, .. } => PreparedMembers::of(members, true).map(Self::Members),
            Op::SetRem { members, .. } => PreparedMembers::of(members, false).map(Self::Members),
            _ => None,
        }
    }
}

impl<'a> PreparedMembers<'a> {
    /// `None` if they are so few that there is nothing to prepare.
    fn of(members: Strings<'a>, adds: bool) -> Option<Self> {
        let many = members.as_bytes().len() > LIGHT_MEMBERS_BYTES;
        many.then(|| Self { in_order: in_order::<1>(members), adds, prepared: None })
    }

    /// Prepares the change of a set, which was taken out of the engine.
    pub(crate) fn prepare(&mut self, set: slot::Set) {
        let edit = edit_members(&set, &self.in_order, self.adds);
        self.prepared = Some((set, edit));
    }

    /// Whether the change was prepared from a set that is still as it was.
    pub(crate) fn fits(&self, set: &slot::Set) -> bool {
        self.prepared.as_ref().is_some_and(|(before, _)| set.is(before))
    }

    /// The change of this set.
    pub(crate) fn into_edit(self, set: &slot::Set) -> Edit<1> {
        match self.prepared {
            Some((before, edit)) if set.is(&before) => edit,
            _ => edit_members(set, &self.in_order, self.adds),
        }
    }
}

/// The change of a set that adds or removes members, a packed list in order.
pub(crate) fn edit_members(set: &slot::Set, in_order: &[u8], adds: bool) -> Edit<1> {
    if adds { set.putting(in_order) } else { set.removing(in_order) }
}

impl Stored for Text {
    fn prefetch(&self) {
        match self {
            Self::Inline { .. } => {}
            Self::Copied(text) => prefetch(&**text),
            Self::Shared(text) => prefetch(&**text),
        }
    }

    fn to_value(&self) -> Value {
        Value::Str(self.clone())
    }

    fn heap_bytes(&self) -> usize {
        match self {
            Self::Inline { .. } => 0,
            Self::Copied(text) => allocated(text.len()),
            Self::Shared(text) => allocated(COUNTS_BYTES + text.len()),
        }
    }

    fn into_owned(self) -> Option<Owned> {
        (self.heap_bytes() > 0).then_some(Owned::Str(self))
    }
}

impl Stored for MapValue {
    fn shared(&self) -> Option<Arc<Blocks>> {
        self.shared()
    }

    fn to_value(&self) -> Value {
        Value::Map(self.pack())
    }

    fn heap_bytes(&self) -> usize {
        self.heap_bytes()
    }

    fn into_owned(self) -> Option<Owned> {
        (self.heap_bytes() > 0).then_some(Owned::Map(self))
    }
}

impl Stored for SetValue {
    fn shared(&self) -> Option<Arc<Blocks>> {
        self.shared()
    }

    fn to_value(&self) -> Value {
        Value::Set(self.pack())
    }

    fn heap_bytes(&self) -> usize {
        self.heap_bytes()
    }

    fn into_owned(self) -> Option<Owned> {
        (self.heap_bytes() > 0).then_some(Owned::Set(self))
    }
}
