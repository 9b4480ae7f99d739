//! The engine: typed entries in shards, executed under small locks, and the in-memory end of the log.
//!
//! Knows no socket, no HTTP, no SQL; never awaits, never reads a clock: callers pass the time in.
//!
//! ```text
//!   execute(op) ──hash──> shard (lock) ── plan: look up, compute, check limits   (may refuse: nothing changed)
//!                                      ── log:  LogBuffer::append, gives the lsn (may refuse: nothing changed)
//!                                      └─ commit: change the slot                (cannot fail)
//!
//!   pipeline.rs    execute_batch: many operations with their cache misses overlapped
//!   engine.rs      Engine: choice of shard, execute, replay
//!   shard.rs       one lock stripe: a table per value type, every operation's plan, log, commit
//!   call.rs        one operation on its way through a shard, and its outcome
//!   table.rs       entries of one type: index + slots
//!   index.rs       hash index: a tag for each slot
//!   slots.rs       slots: fixed-size cells in chunks; the stamp of an entry
//!   stored.rs      what a slot holds for each value type
//!   collection.rs  maps and sets
//!   log.rs         LogBuffer: where records get their lsn and wait for the shipper
//!   meter.rs       the memory meter and its limit
//!   env.rs         what every table shares
//!   prefetch.rs    asking the processor for memory before it is needed
//! ```

mod call;
mod collection;
mod engine;
mod env;
mod index;
mod log;
mod meter;
mod pipeline;
mod prefetch;
mod shard;
mod slots;
mod stored;
mod sync;
mod table;

pub use call::{Executed, Outcome, RecordMode};
pub use engine::{DEFAULT_SHARDS, Engine, MAX_SHARDS, Options};
pub use log::{LogBuffer, Wake};
pub use meter::Meter;
pub use slots::Stamp;
