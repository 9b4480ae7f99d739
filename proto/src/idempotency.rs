//! Idempotency keys: what a client gives to a request that it may send again.

use crate::limits::MAX_IDEMPOTENCY_KEY_BYTES;

/// An idempotency key: 1 to [`MAX_IDEMPOTENCY_KEY_BYTES`] visible ASCII characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdempotencyKey<'a>(&'a str);

impl<'a> IdempotencyKey<'a> {
    /// The key of these bytes, if they are one.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        let is_key = (1..=MAX_IDEMPOTENCY_KEY_BYTES).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
        str::from_utf8(bytes).ok().filter(|_| is_key).map(Self)
    }

    /// The key as text.
    pub fn as_str(self) -> &'a str {
        self.0
    }
}
