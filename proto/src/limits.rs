//! Every limit of the data model and of the log's byte layout, each with its unit.
//!
//! This file imports nothing from the crate, so every other file can use it.
//!
//! The limits of a running server (connections, deadlines, bodies) are configuration and are defined in the gateway.

/// Longest key, in bytes of UTF-8.
pub const MAX_KEY_BYTES: usize = 512;

/// Largest value of one entry, in bytes of its packed form (a list item takes 4 bytes more than its text). It bounds
/// maps and sets that grow one element at a time.
pub const MAX_VALUE_BYTES: usize = 32 << 20;

/// Largest record of the log, in bytes. An element operation has a field and a value, hence the factor 2.
pub const MAX_RECORD_BYTES: usize = 2 * MAX_VALUE_BYTES + 1024;

/// Maximum size of a record's options, in bytes.
pub const MAX_OPTIONS_BYTES: usize = 256;

/// Largest lsn that a log may begin with or name: tables keep an lsn in 63 bits. No log gets there by counting.
pub const MAX_LSN: u64 = i64::MAX as u64;

/// Size of a batch's header, in bytes.
pub const BATCH_HEADER_BYTES: usize = 64;

/// A batch is closed once it contains this many bytes. The record that crosses the limit is still part of it.
pub const BATCH_TARGET_BYTES: usize = 1 << 20;

/// Largest sealed batch, in bytes. A header that claims more is rejected before anything is read or reserved for it.
pub const MAX_BATCH_BYTES: usize = BATCH_TARGET_BYTES + MAX_RECORD_BYTES + BATCH_HEADER_BYTES;

/// Largest outcome that is kept for an idempotency key, in bytes of its encoded form. That of the largest batch has a quarter of it, if
/// it reads nothing.
pub const MAX_OUTCOME_BYTES: usize = 1 << 20;

/// Longest idempotency key, in visible ASCII characters.
pub const MAX_IDEMPOTENCY_KEY_BYTES: usize = 64;

/// Longest time that a client may give an entry to live, in milliseconds: 100 years.
pub const MAX_TTL_MILLIS: u64 = 36_500 * 86_400_000;

const _: () = assert!(MAX_KEY_BYTES <= u16::MAX as usize, "a record stores the key length in 16 bits");
const _: () = assert!(MAX_BATCH_BYTES <= u32::MAX as usize, "a batch stores its length in 32 bits");
