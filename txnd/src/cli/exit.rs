//! Exit codes besides 0 (stopped gracefully) and 2 (wrong usage).

/// The log failed, or did not become durable before the program ended.
pub const FAILED: u8 = 1;
/// What the flags name is unusable.
pub const USAGE: u8 = 2;
/// Cannot listen on an address.
pub const CANNOT_LISTEN: u8 = 3;
/// The log cannot be opened.
pub const CANNOT_OPEN_LOG: u8 = 4;
/// The log is damaged.
pub const LOG_DAMAGED: u8 = 5;
/// Another writer has taken over the log.
pub const FENCED: u8 = 6;
