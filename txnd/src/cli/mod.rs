//! The command-line code that the programs kvs and txnd share.
//!
//! ```text
//!   flags.rs         how flags are read: addresses, sizes, times
//!   exit.rs          exit codes
//!   certs.rs         the command that makes certificates
//!   tracing.rs       the log on standard error
//!   host_names.rs    host names, as clients send them
//!   operator.rs      the operator's listener: health, readiness, metrics
//!   supervisor.rs    what systemd is told: ready, status, watchdog, stopping
//!   process.rs       metrics of the process
//!   figures.rs       the metrics that both programs have, under the same names
//!   sheet.rs         writes metrics
//!   disk_space.rs    how much room there is on a disk
//!   signals.rs       signals that ask a program to stop, or to reload
//!   files.rs         the limits of open files, and of their size
//!   start_retry.rs   waits for a log that cannot be reached yet
//! ```

pub mod certs;
pub mod disk_space;
pub mod exit;
pub mod figures;
pub mod files;
pub mod flags;
pub mod host_names;
pub mod operator;
pub mod process;
pub mod sheet;
pub mod signals;
pub mod start_retry;
pub mod supervisor;
pub mod tracing;
