//! The content of a slot for each value type.

use proto::{Op, Text, Value, ValueRef};

use crate::collection::{MapValue, SetValue};
use crate::prefetch::prefetch;

/// A value in the form that its slot stores.
pub(crate) trait Stored: Clone + Default {
    /// The value for a reply.
    fn to_value(&self) -> Value;

    /// Heap memory behind the value, in bytes.
    fn heap_bytes(&self) -> usize {
        0
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

impl Owned {
    /// The value of a put; `None` for other operations, and if it needs nothing from the heap.
    #[inline]
    pub(crate) fn prebuilt(op: &Op<'_>) -> Option<Self> {
        let Op::Put { value, .. } = *op else { return None };
        match value {
            ValueRef::Str(text) => Some(Self::Str(text.into())),
            ValueRef::Map(pairs) => Some(Self::Map(pairs.into())),
            ValueRef::Set(members) => Some(Self::Set(members.into())),
            _ => None,
        }
    }
}

impl Stored for Text {
    fn prefetch(&self) {
        if let Self::Shared(text) = self {
            prefetch(&**text);
        }
    }

    fn to_value(&self) -> Value {
        Value::Str(self.clone())
    }

    fn heap_bytes(&self) -> usize {
        self.heap_bytes()
    }

    fn into_owned(self) -> Option<Owned> {
        (self.heap_bytes() > 0).then_some(Owned::Str(self))
    }
}

impl Stored for MapValue {
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
