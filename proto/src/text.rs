//! Text values: UTF-8 without NUL. PostgreSQL's TEXT cannot store NUL, and the log must fit into every sink.

use std::sync::Arc;

/// Longest text stored inside a [`Text`] itself, in bytes.
pub const INLINE_TEXT_BYTES: usize = 30;

/// Longest text that is copied rather than shared, in bytes. A shared one takes 16 bytes more.
const COPIED_TEXT_BYTES: usize = 1024;

/// Why bytes are not a valid text value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum TextError {
    #[error("is not valid UTF-8 (no character starts at byte {0})")]
    NotUtf8(usize),
    #[error("holds a NUL character at byte {0}; text without NUL is expected")]
    Nul(usize),
}

/// Checks that `bytes` are UTF-8 without NUL.
pub fn check_text(bytes: &[u8]) -> Result<&str, TextError> {
    let text = std::str::from_utf8(bytes).map_err(|e| TextError::NotUtf8(e.valid_up_to()))?;
    match memchr::memchr(0, bytes) {
        Some(at) => Err(TextError::Nul(at)),
        None => Ok(text),
    }
}

/// Whether `bytes` are ASCII without NUL, as nearly all keys are. Faster than checking for UTF-8.
#[inline]
pub(crate) fn is_plain(bytes: &[u8]) -> bool {
    const LOW: u64 = u64::MAX / 0xFF;
    const HIGH: u64 = LOW << 7;
    // Nonzero if any byte is 0 or above 0x7F: only then does subtracting 1 from every byte borrow, or is a high bit
    // set.
    let odd = |word: u64| (word.wrapping_sub(LOW) | word) & HIGH;
    let (words, rest) = bytes.as_chunks::<8>();
    let mut found = words.iter().fold(0, |found, word| found | odd(u64::from_le_bytes(*word)));
    for byte in rest {
        found |= u64::from(!(1..=0x7F).contains(byte));
    }
    found == 0
}

/// A stored text. A reader takes a short one out of the engine as a copy, and a long one by incrementing a reference count.
#[derive(Clone, Debug)]
pub enum Text {
    /// Up to [`INLINE_TEXT_BYTES`] bytes.
    Inline {
        /// How many of `bytes` are used.
        len: u8,
        /// The text, then zeros.
        bytes: [u8; INLINE_TEXT_BYTES],
    },
    /// Up to a kibibyte.
    Copied(Box<str>),
    /// Anything longer.
    Shared(Arc<str>),
}

impl Text {
    /// The text's bytes, valid UTF-8 without NUL.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Self::Copied(text) => text.as_bytes(),
            Self::Shared(text) => text.as_bytes(),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Inline { .. } => std::str::from_utf8(self.as_bytes()).expect("a Text is made from a str"),
            Self::Copied(text) => text,
            Self::Shared(text) => text,
        }
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::Inline { len: 0, bytes: [0; INLINE_TEXT_BYTES] }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        match text.len() {
            ..=INLINE_TEXT_BYTES => {
                let mut bytes = [0; INLINE_TEXT_BYTES];
                bytes[..text.len()].copy_from_slice(text.as_bytes());
                Self::Inline { len: text.len() as u8, bytes }
            }
            len if len <= COPIED_TEXT_BYTES => Self::Copied(text.into()),
            _ => Self::Shared(text.into()),
        }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

const _: () = assert!(size_of::<Text>() == 32, "a text must leave room for key and version in a 64-byte slot");
