//! Value types and values, generated from the table in `types.rs`.

use crate::packed::{Packed, Unpack, UnpackError};
use crate::strings::{Strings, StringsBuf};
use crate::text::Text;

/// The operations of a type besides put, get and del.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operations {
    /// Increments.
    Counter,
    /// None.
    Scalar,
    /// Operations on its elements.
    Collection,
}

/// An owned value as its borrowed form.
trait Lend {
    type Lent<'a>
    where
        Self: 'a;

    fn lend(&self) -> Self::Lent<'_>;
}

macro_rules! lend_number {
    (fixed, $number:ty) => {
        impl Lend for $number {
            type Lent<'a> = Self;

            #[inline]
            fn lend(&self) -> Self {
                *self
            }
        }
    };
    (variable, $other:ty) => {};
}

impl Lend for Text {
    type Lent<'a> = &'a str;

    fn lend(&self) -> &str {
        self.as_str()
    }
}

impl Lend for StringsBuf {
    type Lent<'a> = Strings<'a>;

    fn lend(&self) -> Strings<'_> {
        self.as_strings()
    }
}

macro_rules! operations {
    (counter) => {
        Operations::Counter
    };
    (scalar) => {
        Operations::Scalar
    };
    (collection) => {
        Operations::Collection
    };
}

macro_rules! counter_value {
    (counter, $value:ident) => {
        Some(i64::from(*$value))
    };
    ($other:ident, $value:ident) => {{
        let _ = $value;
        None
    }};
}

macro_rules! is_fixed {
    (fixed) => {
        true
    };
    (variable) => {
        false
    };
}

macro_rules! values {
    ($($(#[$doc:meta])* (
        $code:literal, $variant:ident, $name:literal, $field:ident, $owned:ty, $borrowed:ty, $packed:ty,
        $size:ident, $operations:ident, $keys:literal, $transactions:literal
    ))*) => {
        /// A value type. An entry is identified by (value type, key). The number is the type's code in log and frames.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum ValueType {
            $($(#[$doc])* $variant = $code,)*
        }

        impl ValueType {
            /// Every type, in the order of its code.
            pub const ALL: [Self; [$($code),*].len()] = [$(Self::$variant),*];

            /// The type's name, as used in paths, tables and messages.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The operations of the type besides put, get and del.
            pub const fn operations(self) -> Operations {
                match self {
                    $(Self::$variant => operations!($operations),)*
                }
            }
        }

        $(lend_number!($size, $owned);)*

        $(const _: () = assert!(
            <$owned as Packed>::FIXED_BYTES.is_some() == is_fixed!($size),
            concat!("the table of value types says whether a packed ", $name, " has a fixed size")
        );)*

        /// A borrowed value, as an operation contains it.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum ValueRef<'a> {
            $($(#[$doc])* $variant($borrowed),)*
        }

        impl<'a> ValueRef<'a> {
            /// The value's type.
            pub fn value_type(&self) -> ValueType {
                match self {
                    $(Self::$variant(_) => ValueType::$variant,)*
                }
            }

            /// Size of the value's packed form, in bytes.
            #[inline]
            pub fn packed_bytes(&self) -> usize {
                match self {
                    $(Self::$variant(value) => value.packed_bytes(),)*
                }
            }

            /// Appends the value in its packed form.
            #[inline]
            pub fn pack(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$variant(value) => value.pack(out),)*
                }
            }

            /// Decodes a value of type `ty` from its packed form, which must be all of `bytes`.
            #[inline]
            pub fn unpack(ty: ValueType, bytes: &'a [u8]) -> Result<Self, UnpackError> {
                Ok(match ty {
                    $(ValueType::$variant => Self::$variant(<$packed as Unpack<'a>>::unpack(bytes)?.into()),)*
                })
            }
        }

        /// An owned value, as a reply contains it.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Value {
            $($(#[$doc])* $variant($owned),)*
        }

        impl Value {
            /// The value's type.
            pub fn value_type(&self) -> ValueType {
                match self {
                    $(Self::$variant(_) => ValueType::$variant,)*
                }
            }

            /// The value, borrowed.
            pub fn as_value_ref(&self) -> ValueRef<'_> {
                match self {
                    $(Self::$variant(value) => ValueRef::$variant(value.lend()),)*
                }
            }

            /// The number, if it is a counter's.
            pub fn counter(&self) -> Option<i64> {
                match self {
                    $(Self::$variant(value) => counter_value!($operations, value),)*
                }
            }

            /// Size of the value's packed form, in bytes.
            pub fn packed_bytes(&self) -> usize {
                match self {
                    $(Self::$variant(value) => value.packed_bytes(),)*
                }
            }

            /// Appends the value in its packed form.
            pub fn pack(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$variant(value) => value.pack(out),)*
                }
            }
        }

        impl From<ValueRef<'_>> for Value {
            fn from(value: ValueRef<'_>) -> Self {
                match value {
                    $(ValueRef::$variant(value) => Self::$variant(value.into()),)*
                }
            }
        }
    };
}
for_each_value_type!(values);

const _: () = {
    let mut index = 0;
    while index < ValueType::ALL.len() {
        assert!(ValueType::ALL[index] as usize == index + 1, "codes go from 1 without holes");
        index += 1;
    }
};

impl ValueType {
    /// The type with this code in log and frames.
    #[inline]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code).checked_sub(1)?).copied()
    }

    /// The type of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ty| ty.name() == name)
    }
}

/// A set of value types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TypeSet(u32);

impl TypeSet {
    /// No type.
    pub const EMPTY: Self = Self(0);

    /// Adds a type.
    pub fn insert(&mut self, ty: ValueType) {
        self.0 |= Self::bit(ty);
    }

    /// Whether the set has this type.
    pub fn contains(self, ty: ValueType) -> bool {
        self.0 & Self::bit(ty) != 0
    }

    /// Whether the set is empty.
    pub fn is_empty(self) -> bool {
        self == Self::EMPTY
    }

    /// The types, in the order of their codes.
    pub fn iter(self) -> impl Iterator<Item = ValueType> {
        ValueType::ALL.into_iter().filter(move |ty| self.contains(*ty))
    }

    /// The set as the log stores it: bit n stands for the type with code n.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// The set with these bits; `None` if a bit belongs to no type.
    pub fn from_bits(bits: u32) -> Option<Self> {
        let known: Self = ValueType::ALL.into_iter().collect();
        (bits & !known.0 == 0).then_some(Self(bits))
    }

    const fn bit(ty: ValueType) -> u32 {
        1 << (ty as u8)
    }
}

impl FromIterator<ValueType> for TypeSet {
    fn from_iter<I: IntoIterator<Item = ValueType>>(types: I) -> Self {
        types.into_iter().fold(Self::EMPTY, |set, ty| Self(set.0 | Self::bit(ty)))
    }
}
