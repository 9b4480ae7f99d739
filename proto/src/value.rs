//! The six value types and their values.

use crate::strings::{Strings, StringsBuf};
use crate::text::Text;

/// A value type. The identity of an entry is (value type, key). The number is the type's code in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum ValueType {
    /// Signed 32-bit integer.
    Int = 1,
    /// Unsigned 32-bit integer.
    Uint = 2,
    /// Finite 32-bit IEEE 754 number.
    Float = 3,
    /// UTF-8 text without NUL.
    Str = 4,
    /// Text to text.
    Map = 5,
    /// Texts without order or repetition.
    Set = 6,
}

impl ValueType {
    /// Every type, in the order of its code.
    pub const ALL: [Self; 6] = [Self::Int, Self::Uint, Self::Float, Self::Str, Self::Map, Self::Set];

    /// The type with this code in the log.
    #[inline]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code).checked_sub(1)?).copied()
    }

    /// The type's name, as it stands in paths, tables and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Float => "float",
            Self::Str => "str",
            Self::Map => "map",
            Self::Set => "set",
        }
    }

    /// The type's bit in a mask of types.
    pub fn bit(self) -> u32 {
        1 << (self as u8)
    }
}

/// A value type that can be incremented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CounterType {
    /// See [`ValueType::Int`].
    Int,
    /// See [`ValueType::Uint`].
    Uint,
}

impl From<CounterType> for ValueType {
    fn from(ty: CounterType) -> Self {
        match ty {
            CounterType::Int => Self::Int,
            CounterType::Uint => Self::Uint,
        }
    }
}

impl CounterType {
    /// The counter of this value type, if it is one.
    pub fn of(ty: ValueType) -> Option<Self> {
        match ty {
            ValueType::Int => Some(Self::Int),
            ValueType::Uint => Some(Self::Uint),
            ValueType::Float | ValueType::Str | ValueType::Map | ValueType::Set => None,
        }
    }
}

/// A borrowed value, as an operation carries it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ValueRef<'a> {
    /// See [`ValueType::Int`].
    Int(i32),
    /// See [`ValueType::Uint`].
    Uint(u32),
    /// Finite; see [`ValueType::Float`].
    Float(f32),
    /// Without NUL.
    Str(&'a str),
    /// Fields and values by turns; each field once.
    Map(Strings<'a>),
    /// The members, each once.
    Set(Strings<'a>),
}

/// An owned value, as a reply carries it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// See [`ValueType::Int`].
    Int(i32),
    /// See [`ValueType::Uint`].
    Uint(u32),
    /// See [`ValueType::Float`].
    Float(f32),
    /// See [`ValueType::Str`].
    Str(Text),
    /// Fields and values by turns, sorted by field.
    Map(StringsBuf),
    /// The members, sorted.
    Set(StringsBuf),
}

impl ValueRef<'_> {
    /// The value's type.
    pub fn value_type(&self) -> ValueType {
        match self {
            Self::Int(_) => ValueType::Int,
            Self::Uint(_) => ValueType::Uint,
            Self::Float(_) => ValueType::Float,
            Self::Str(_) => ValueType::Str,
            Self::Map(_) => ValueType::Map,
            Self::Set(_) => ValueType::Set,
        }
    }

    /// Size of the value's packed form, in bytes.
    pub fn packed_bytes(&self) -> usize {
        match self {
            Self::Int(_) | Self::Uint(_) | Self::Float(_) => 4,
            Self::Str(text) => text.len(),
            Self::Map(list) | Self::Set(list) => list.as_bytes().len(),
        }
    }
}

impl Value {
    /// The value's type.
    pub fn value_type(&self) -> ValueType {
        match self {
            Self::Int(_) => ValueType::Int,
            Self::Uint(_) => ValueType::Uint,
            Self::Float(_) => ValueType::Float,
            Self::Str(_) => ValueType::Str,
            Self::Map(_) => ValueType::Map,
            Self::Set(_) => ValueType::Set,
        }
    }

    /// The value, borrowed.
    pub fn as_value_ref(&self) -> ValueRef<'_> {
        match self {
            Self::Int(v) => ValueRef::Int(*v),
            Self::Uint(v) => ValueRef::Uint(*v),
            Self::Float(v) => ValueRef::Float(*v),
            Self::Str(text) => ValueRef::Str(text.as_str()),
            Self::Map(list) => ValueRef::Map(list.as_strings()),
            Self::Set(list) => ValueRef::Set(list.as_strings()),
        }
    }
}

impl From<ValueRef<'_>> for Value {
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
