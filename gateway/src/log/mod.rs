//! The log, as a server uses it.
//!
//! ```text
//!   thread.rs     the thread that owns the sink: opens it, recovers from it, ships to it
//!   recovery.rs   rebuilding the engine's state from the log, with progress
//!   shipper.rs    batches from the log buffer to the sink; retries
//!   gate.rs       replies that wait for their lsn, one gate a worker
//!   status.rs     how the log is, as everybody else sees it
//! ```

pub(crate) mod gate;
mod recovery;
mod shipper;
pub(crate) mod status;
pub(crate) mod thread;
