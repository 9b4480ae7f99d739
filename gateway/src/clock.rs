//! The time of an operation, as the log records it.

use std::time::{SystemTime, UNIX_EPOCH};

use proto::Micros;

/// Now, in microseconds since the Unix epoch.
pub(crate) fn now() -> Micros {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64)
}
