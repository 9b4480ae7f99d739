//! Invalid arguments of calls.

use std::time::Duration;

use proto::frame::MAX_TRANSACT_ITEMS;
use proto::limits::MAX_IDEMPOTENCY_KEY_BYTES;
use proto::{KeyError, TextError};

/// An invalid argument of a call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidInput {
    /// The key is invalid.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A text contains a NUL character.
    #[error("the {what} {error}")]
    Text {
        /// Which text: a value, a member, a field.
        what: &'static str,
        /// Where the NUL is.
        error: TextError,
    },
    /// A float is NaN or infinite.
    #[error("a float must be finite")]
    NotFinite,
    /// An entry cannot live for so long, or so short.
    #[error("an entry cannot live for {0:?}; expected 1 ms to 100 years")]
    Expiry(Duration),
    /// Operations of this kind cannot say when the entry expires.
    #[error("a {0} cannot say when the entry expires: add a touch")]
    NoExpiry(&'static str),
    /// A transaction has too many conditions or operations.
    #[error("a transaction has at most {MAX_TRANSACT_ITEMS} conditions, and as many operations")]
    TooManySteps,
    /// An idempotency key is invalid.
    #[error("an idempotency key has 1 to {MAX_IDEMPOTENCY_KEY_BYTES} visible ASCII characters")]
    IdempotencyKey,
    /// The request is larger than the server accepts.
    #[error("the request takes {bytes} bytes; the server takes at most {most}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The server's limit.
        most: usize,
    },
}
