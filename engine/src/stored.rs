//! What a slot stores for each value type.

use proto::{Text, Value, ValueRef};

use crate::collection::{MapValue, SetValue};
use crate::prefetch::prefetch;

/// A value in the form that its slot stores.
pub(crate) trait Stored: Clone + Default {
    /// The value for a reply.
    fn to_value(&self) -> Value;

    /// Heap memory of the value, in bytes.
    fn heap_bytes(&self) -> usize {
        0
    }

    /// Prefetches the value's heap memory.
    #[inline]
    fn prefetch(&self) {}

    /// The value, removed from its slot.
    fn into_owned(self) -> Owned;
}

/// What a slot stores for each value type.
pub(crate) mod slot {
    pub(crate) type Int = i32;
    pub(crate) type Uint = u32;
    pub(crate) type Float = f32;
    pub(crate) type Str = proto::Text;
    pub(crate) type Map = crate::collection::MapValue;
    pub(crate) type Set = crate::collection::SetValue;
}

macro_rules! owned {
    ($($(#[$doc:meta])* (
        $code:literal, $variant:ident, $name:literal, $field:ident, $owned:ty, $borrowed:ty, $packed:ty,
        $size:ident, $operations:ident, $keys:literal, $transactions:literal
    ))*) => {
        /// A value that is about to enter a slot or has left one: built before the lock is taken, dropped after it is
        /// released.
        #[derive(Debug)]
        pub(crate) enum Owned {
            $($variant(slot::$variant),)*
        }

        impl From<ValueRef<'_>> for Owned {
            fn from(value: ValueRef<'_>) -> Self {
                match value {
                    $(ValueRef::$variant(value) => Self::$variant(value.into()),)*
                }
            }
        }
    };
}
proto::for_each_value_type!(owned);

macro_rules! scalar {
    ($scalar:ty, $variant:ident) => {
        impl Stored for $scalar {
            fn to_value(&self) -> Value {
                Value::$variant(*self)
            }

            fn into_owned(self) -> Owned {
                Owned::$variant(self)
            }
        }
    };
}

scalar!(i32, Int);
scalar!(u32, Uint);
scalar!(f32, Float);

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

    fn into_owned(self) -> Owned {
        Owned::Str(self)
    }
}

impl Stored for MapValue {
    fn to_value(&self) -> Value {
        Value::Map(self.pack())
    }

    fn heap_bytes(&self) -> usize {
        self.heap_bytes()
    }

    fn into_owned(self) -> Owned {
        Owned::Map(self)
    }
}

impl Stored for SetValue {
    fn to_value(&self) -> Value {
        Value::Set(self.pack())
    }

    fn heap_bytes(&self) -> usize {
        self.heap_bytes()
    }

    fn into_owned(self) -> Owned {
        Owned::Set(self)
    }
}
