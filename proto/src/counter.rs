//! Value types that can be incremented, and results of operations that the operation itself does not contain.

use crate::packed::{Packed, Unpack, UnpackError};
use crate::value::{TypeSet, ValueRef, ValueType};

/// A value of a type that can be incremented.
pub trait Counter: Packed + Copy + Default + Into<i128> + TryFrom<i128> {
    /// The type of the value.
    const TYPE: CounterType;

    /// The value as the result of an increment.
    fn effect(self) -> Effect;

    /// The value after adding `by`, or `None` if the type cannot hold it. Computed in 128 bits, far more than any
    /// counter or operand needs.
    #[inline]
    fn plus(self, by: i64) -> Option<Self> {
        Self::try_from(self.into() + i128::from(by)).ok()
    }
}

/// Selects the rows of counters from the table.
macro_rules! counters {
    // A row of a counter is kept, any other is dropped.
    (@rest [$($kept:tt)*] $(#[$doc:meta])* (
        $code:literal, $variant:ident, $name:literal, $field:ident, $owned:ty, $borrowed:ty, $packed:ty,
        $size:ident, counter, $keys:literal, $transactions:literal
    ) $($rest:tt)*) => { counters! { @rest [$($kept)* ($variant, $owned)] $($rest)* } };
    (@rest [$($kept:tt)*] $(#[$doc:meta])* ($($other:tt)*) $($rest:tt)*) => { counters! { @rest [$($kept)*] $($rest)* } };
    (@rest [$(($variant:ident, $owned:ty))*]) => {
        /// A value type that can be incremented.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum CounterType {
            $(#[doc = concat!("See [`ValueType::", stringify!($variant), "`].")] $variant,)*
        }

        impl From<CounterType> for ValueType {
            fn from(ty: CounterType) -> Self {
                match ty {
                    $(CounterType::$variant => Self::$variant,)*
                }
            }
        }

        impl CounterType {
            /// The counter type for this value type, if it is one.
            pub fn of(ty: ValueType) -> Option<Self> {
                match ty {
                    $(ValueType::$variant => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// Size of a packed value of this type, in bytes.
            #[inline]
            pub(crate) fn packed_bytes(self) -> usize {
                match self {
                    $(Self::$variant => size_of::<$owned>(),)*
                }
            }

            /// Reads the result of an increment.
            #[inline]
            pub(crate) fn unpack_effect(self, bytes: &[u8]) -> Result<Effect, UnpackError> {
                Ok(match self {
                    $(Self::$variant => Effect::$variant(Unpack::unpack(bytes)?),)*
                })
            }
        }

        /// The result of an operation, where the operation itself does not say it.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub enum Effect {
            /// The operation says everything.
            #[default]
            None,
            $(
                #[doc = concat!("Of an increment: the resulting ", stringify!($owned), ".")]
                $variant($owned),
            )*
            /// Of a deletion of all types: the types that were present.
            Types(TypeSet),
        }

        impl Effect {
            /// The result of an increment.
            pub fn value(self) -> Option<ValueRef<'static>> {
                match self {
                    $(Self::$variant(value) => Some(ValueRef::$variant(value)),)*
                    Self::None | Self::Types(_) => None,
                }
            }

            /// The type of the counter whose result this is.
            #[inline]
            pub(crate) fn counter_type(self) -> Option<CounterType> {
                match self {
                    $(Self::$variant(_) => Some(CounterType::$variant),)*
                    Self::None | Self::Types(_) => None,
                }
            }

            /// Appends the effect in its packed form.
            #[inline]
            pub(crate) fn pack(self, out: &mut Vec<u8>) {
                match self {
                    Self::None => {}
                    $(Self::$variant(value) => value.pack(out),)*
                    Self::Types(types) => types.bits().pack(out),
                }
            }
        }

        $(impl Counter for $owned {
            const TYPE: CounterType = CounterType::$variant;

            #[inline]
            fn effect(self) -> Effect {
                Effect::$variant(self)
            }
        })*
    };
    ($($rows:tt)*) => { counters! { @rest [] $($rows)* } };
}
for_each_value_type!(counters);

/// Size of a packed [`TypeSet`], in bytes.
pub(crate) const TYPE_SET_BYTES: usize = size_of::<u32>();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_beyond_a_type_and_beyond_64_bits_are_none() {
        assert_eq!((i32::MAX - 1).plus(1), Some(i32::MAX));
        assert_eq!(i32::MAX.plus(1), None);
        assert_eq!(i32::MIN.plus(i64::MIN), None);
        assert_eq!(u32::MAX.plus(i64::MAX), None);
        assert_eq!(1_u32.plus(-1), Some(0));
        assert_eq!(0_u32.plus(-1), None);
        assert_eq!(u32::MAX.plus(-i64::from(u32::MAX)), Some(0));
    }
}
