//! The server's side of the log.
//!
//! ```text
//!   thread.rs     the thread that owns the sink: opens it, recovers from it, ships to it
//!   loader.rs     fills an engine on all cores
//!   recovery.rs   rebuilds the engine's state from the log, and reports progress
//!   shipper.rs    ships batches from the log buffer to the sink, and retries
//!   checkpointer.rs  when checkpoints are written, so that the next start need not read the whole log
//!   state_writer.rs  the state as a checkpoint
//!   gate.rs       replies that wait until their LSN is durable; one gate per worker
//!   meters.rs     what is measured of the log, the last start and the checkpoints
//!   status.rs     the status of the log, as the rest of the server sees it
//! ```

pub(crate) mod checkpointer;
pub(crate) mod gate;
pub(crate) mod loader;
pub(crate) mod meters;
pub(crate) mod recovery;
mod shipper;
pub(crate) mod state_writer;
pub(crate) mod status;
pub(crate) mod thread;
