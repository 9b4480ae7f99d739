//! The bytes of one value, the same in log records and in frames. Integers and floats are little-endian.

use crate::strings::{Pairs, Strings, StringsBuf, StringsError};
use crate::text::{Text, TextError, check_text};

/// A value that has a packed form.
pub trait Packed {
    /// Size of every packed value of the type, in bytes; `None` if it varies.
    const FIXED_BYTES: Option<usize> = None;

    /// The packed form.
    fn packed(&self) -> impl AsRef<[u8]>;

    /// Size of the packed form, in bytes.
    #[inline]
    fn packed_bytes(&self) -> usize {
        Self::FIXED_BYTES.unwrap_or_else(|| self.packed().as_ref().len())
    }

    /// Appends the packed form.
    #[inline]
    fn pack(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.packed().as_ref());
    }
}

/// A value that can be read from its packed form. It may borrow from it.
pub trait Unpack<'a>: Packed + Sized {
    /// Reads the packed form, all of `bytes`.
    fn unpack(bytes: &'a [u8]) -> Result<Self, UnpackError>;
}

/// Why bytes are not a valid packed value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum UnpackError {
    #[error("the value has the wrong size")]
    Size,
    #[error("the value {0}")]
    Text(#[from] TextError),
    #[error(transparent)]
    Strings(#[from] StringsError),
}

/// Packs and unpacks the types whose packed values all have the same size: numbers, by their bytes.
macro_rules! number {
    (fixed, $number:ty) => {
        impl Packed for $number {
            const FIXED_BYTES: Option<usize> = Some(size_of::<Self>());

            #[inline]
            fn packed(&self) -> impl AsRef<[u8]> {
                self.to_le_bytes()
            }
        }

        impl Unpack<'_> for $number {
            #[inline]
            fn unpack(bytes: &[u8]) -> Result<Self, UnpackError> {
                bytes.try_into().map(Self::from_le_bytes).map_err(|_| UnpackError::Size)
            }
        }
    };
    (variable, $other:ty) => {};
}

macro_rules! numbers {
    ($($(#[$doc:meta])* (
        $code:literal, $variant:ident, $name:literal, $field:ident, $owned:ty, $borrowed:ty, $packed:ty,
        $size:ident, $operations:ident, $keys:literal, $transactions:literal
    ))*) => {
        $(number!($size, $owned);)*
    };
}
for_each_value_type!(numbers);

impl Packed for &str {
    #[inline]
    fn packed(&self) -> impl AsRef<[u8]> {
        self.as_bytes()
    }
}

impl<'a> Unpack<'a> for &'a str {
    #[inline]
    fn unpack(bytes: &'a [u8]) -> Result<Self, UnpackError> {
        Ok(check_text(bytes)?)
    }
}

impl Packed for Text {
    #[inline]
    fn packed(&self) -> impl AsRef<[u8]> {
        self.as_bytes()
    }
}

impl Packed for Strings<'_> {
    #[inline]
    fn packed(&self) -> impl AsRef<[u8]> {
        self.as_bytes()
    }
}

impl<'a> Unpack<'a> for Strings<'a> {
    #[inline]
    fn unpack(bytes: &'a [u8]) -> Result<Self, UnpackError> {
        Ok(Self::decode(bytes)?)
    }
}

impl Packed for Pairs<'_> {
    #[inline]
    fn packed(&self) -> impl AsRef<[u8]> {
        Strings::from(*self).as_bytes()
    }
}

impl<'a> Unpack<'a> for Pairs<'a> {
    #[inline]
    fn unpack(bytes: &'a [u8]) -> Result<Self, UnpackError> {
        Ok(Self::decode(bytes)?)
    }
}

impl Packed for StringsBuf {
    #[inline]
    fn packed(&self) -> impl AsRef<[u8]> {
        self.as_strings().as_bytes()
    }
}
