//! Limits of the protocol.

/// Most items of a multi-get or multi-put.
pub const MAX_MULTI_ITEMS: usize = 4096;
