//! Packed lists of strings: the only form in which sets, maps and their elements pass between crates and are stored in
//! the log.
//!
//! ```text
//!   item := length u32 little-endian, then that many bytes of UTF-8 without NUL
//!   list := item*                      set: the members      map: field, value, field, value, ...
//! ```

use crate::text::{TextError, check_text};

const LENGTH_BYTES: usize = 4;

/// A borrowed, validated packed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strings<'a>(&'a [u8]);

/// A borrowed, validated packed list of field and value pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pairs<'a>(Strings<'a>);

/// An owned packed list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StringsBuf(Vec<u8>);

/// Why bytes are not a valid packed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum StringsError {
    #[error("packed list: the item at byte {0} extends past the end")]
    Truncated(usize),
    #[error("packed list: the item at byte {at} {error}")]
    Text { at: usize, error: TextError },
    #[error("packed list: a map needs an even number of items, found {0}")]
    Odd(usize),
}

impl<'a> Strings<'a> {
    /// The empty list.
    pub const EMPTY: Self = Self(&[]);

    /// Validates `bytes` as a list.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, StringsError> {
        Self::validate(bytes).map(|_| Self(bytes))
    }

    fn validate(bytes: &[u8]) -> Result<usize, StringsError> {
        let (mut at, mut items) = (0, 0);
        while at < bytes.len() {
            let (item, next) = item_at(bytes, at).ok_or(StringsError::Truncated(at))?;
            check_text(item).map_err(|error| StringsError::Text { at, error })?;
            (at, items) = (next, items + 1);
        }
        Ok(items)
    }

    /// The items in order.
    pub fn iter(self) -> impl Iterator<Item = &'a str> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let (item, next) = item_at(self.0, at)?;
            at = next;
            Some(std::str::from_utf8(item).expect("a Strings is validated when it is made"))
        })
    }

    /// The items in pairs, as a map's fields and values.
    pub fn pairs(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let mut items = self.iter();
        std::iter::from_fn(move || Some((items.next()?, items.next()?)))
    }

    /// The packed form.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

impl<'a> Pairs<'a> {
    /// Validates `bytes` as a list of field and value pairs.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, StringsError> {
        match Strings::validate(bytes)? {
            items if items % 2 == 1 => Err(StringsError::Odd(items)),
            _ => Ok(Self(Strings(bytes))),
        }
    }
}

impl<'a> From<Pairs<'a>> for Strings<'a> {
    fn from(Pairs(list): Pairs<'a>) -> Self {
        list
    }
}

fn item_at(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let length = bytes.get(at..)?.first_chunk::<LENGTH_BYTES>()?;
    let start = at + LENGTH_BYTES;
    let end = start.checked_add(u32::from_le_bytes(*length) as usize)?;
    Some((bytes.get(start..end)?, end))
}

impl StringsBuf {
    /// An empty list with room for `bytes` packed bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// A list of these bytes, which were part of a valid list, or of several.
    pub fn of_valid(bytes: Vec<u8>) -> Self {
        debug_assert!(Strings::decode(&bytes).is_ok());
        Self(bytes)
    }

    /// Appends one item. The text must not contain NUL; every caller has checked that at its boundary.
    pub fn push(&mut self, item: &str) {
        debug_assert!(!item.contains('\0'));
        self.0.extend_from_slice(&(item.len() as u32).to_le_bytes());
        self.0.extend_from_slice(item.as_bytes());
    }

    /// The list, borrowed.
    pub fn as_strings(&self) -> Strings<'_> {
        Strings(&self.0)
    }
}

impl From<Strings<'_>> for StringsBuf {
    fn from(list: Strings<'_>) -> Self {
        Self(list.as_bytes().to_vec())
    }
}

impl<'s> FromIterator<&'s str> for StringsBuf {
    fn from_iter<I: IntoIterator<Item = &'s str>>(items: I) -> Self {
        let mut list = Self::default();
        items.into_iter().for_each(|item| list.push(item));
        list
    }
}

/// Packed size of an item of `len` bytes.
pub const fn packed_bytes(len: usize) -> usize {
    LENGTH_BYTES + len
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_packed_comes_back(items in proptest::collection::vec("[^\0]{0,20}", 0..20)) {
            let list: StringsBuf = items.iter().map(String::as_str).collect();
            let back = Strings::decode(list.as_strings().as_bytes()).unwrap();
            prop_assert_eq!(back.iter().collect::<Vec<_>>(), items);
        }

        #[test]
        fn arbitrary_bytes_are_refused_or_read_to_the_end(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(list) = Strings::decode(&bytes) {
                let total: usize = list.iter().map(|item| packed_bytes(item.len())).sum();
                prop_assert_eq!(total, bytes.len());
            }
        }
    }

    #[test]
    fn bad_lists_are_refused() {
        assert_eq!(Strings::decode(&[1, 0, 0]), Err(StringsError::Truncated(0)));
        assert_eq!(Strings::decode(&[255, 255, 255, 255, 0]), Err(StringsError::Truncated(0)));
        assert!(matches!(Strings::decode(&[1, 0, 0, 0, 0]), Err(StringsError::Text { .. })));
        assert_eq!(Pairs::decode(&[0, 0, 0, 0]), Err(StringsError::Odd(1)));
    }
}
