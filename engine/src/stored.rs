//! What a slot holds for each value type.

use proto::{Text, Value, ValueRef};

use crate::collection::{MapValue, SetValue};

/// A value in the form in which its slot keeps it.
pub(crate) trait Stored: Clone + Default {
    /// The value for a reply.
    fn to_value(&self) -> Value;

    /// Heap memory behind the value, in bytes.
    fn heap_bytes(&self) -> usize {
        0
    }

    /// Asks the processor for the heap memory behind the value.
    #[inline]
    fn prefetch(&self) {}

    /// The value on its way out of a slot.
    fn into_owned(self) -> Owned;
}

/// A value that can do arithmetic.
pub(crate) trait Counter: Stored + proto::Counter + Into<i64> {}

/// A value on its way into a slot or out of it, built before the lock is taken and dropped after it is released.
#[derive(Debug)]
pub(crate) enum Owned {
    Int(i32),
    Uint(u32),
    Float(f32),
    Str(Text),
    Map(MapValue),
    Set(SetValue),
}

impl From<ValueRef<'_>> for Owned {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Int(v) => Self::Int(v),
            ValueRef::Uint(v) => Self::Uint(v),
            ValueRef::Float(v) => Self::Float(v),
            ValueRef::Str(text) => Self::Str(text.into()),
            ValueRef::Map(list) => Self::Map(list.into()),
            ValueRef::Set(list) => Self::Set(list.into()),
        }
    }
}

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

impl Counter for i32 {}
impl Counter for u32 {}

impl Stored for Text {
    fn prefetch(&self) {
        if let Self::Shared(text) = self {
            crate::pipeline::prefetch(&**text);
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
