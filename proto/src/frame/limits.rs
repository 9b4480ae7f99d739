//! Limits of the protocol.

/// Maximum number of items in a multi-get or multi-put.
pub const MAX_MULTI_ITEMS: usize = 4096;
