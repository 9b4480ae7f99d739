//! Keys: a key and a value type together identify an entry.

use crate::limits::MAX_KEY_BYTES;
use crate::text::{TextError, check_text, is_plain};

/// A valid key: 1 to [`MAX_KEY_BYTES`] bytes of UTF-8 without NUL. Compared byte by byte, never normalised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key<'a>(&'a [u8]);

/// Why bytes are not a valid key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum KeyError {
    #[error("the key is empty; expected 1 to {MAX_KEY_BYTES} bytes")]
    Empty,
    #[error("the key has {0} bytes; expected 1 to {MAX_KEY_BYTES}")]
    TooLong(usize),
    #[error("the key {0}")]
    Text(#[from] TextError),
}

impl<'a> Key<'a> {
    /// Checks `bytes` and borrows them as a key.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Result<Self, KeyError> {
        match bytes.len() {
            0 => Err(KeyError::Empty),
            1..=MAX_KEY_BYTES => {
                if !is_plain(bytes) {
                    check_text(bytes)?;
                }
                Ok(Self(bytes))
            }
            long => Err(KeyError::TooLong(long)),
        }
    }

    /// The key as text.
    pub fn as_str(self) -> &'a str {
        std::str::from_utf8(self.0).expect("a Key is checked when it is made")
    }

    /// The key as bytes.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

impl std::fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
