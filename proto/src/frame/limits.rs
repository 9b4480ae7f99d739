//! Limits of the protocol.

/// Maximum number of items in a multi-get or multi-put.
pub const MAX_MULTI_ITEMS: usize = 4096;

/// Maximum number of conditions, and of steps, of a transaction.
pub const MAX_TRANSACT_ITEMS: usize = 1000;

/// Maximum number of states in a condition.
pub const MAX_ETAGS: usize = 100;

/// Longest time that a request for changes may wait for the first one, in milliseconds.
pub const MAX_FOLLOW_WAIT_MILLIS: u16 = 30_000;

/// Maximum number of entries that a scan may ask for.
pub const MAX_SCAN_ENTRIES: usize = 1000;
