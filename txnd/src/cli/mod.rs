//! What the programs kvs and txnd have in common at their command line.
//!
//! ```text
//!   flags.rs         how flags are read: addresses, sizes, times
//!   exit.rs          exit codes
//!   tracing.rs       diagnostics on standard error
//!   signals.rs       signals that ask a program to stop, or to reload
//!   files.rs         the limit of open files
//!   start_retry.rs   waiting for a log that cannot be reached yet
//! ```

pub mod exit;
pub mod files;
pub mod flags;
pub mod signals;
pub mod start_retry;
pub mod tracing;
