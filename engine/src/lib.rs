//! The engine: typed entries in shards, operations on them under one lock per shard, and the in-memory end of the log.
//!
//! It has no sockets, no HTTP and no SQL. It never awaits and never reads a clock: callers pass the time in.
//!
//! ```text
//!   execute(op) ──hash──> shard (lock) ─┬─ plan:   look up, compute, check limits       (may refuse: nothing changed)
//!                                       ├─ log:    LogBuffer::append, assigns the lsn   (may refuse: nothing changed)
//!                                       └─ commit: change the slot                      (cannot fail)
//!
//!   pipeline.rs    execute_batch, replay_batch: many operations with overlapped cache misses
//!   engine.rs      Engine: choice of shard, execute, replay
//!   transaction.rs several operations that take effect together or not at all, on conditions
//!   steps.rs       what a transaction consists of, and what it comes to
//!   outcomes.rs    what requests with idempotency keys have come to
//!   shard.rs       one lock stripe: a table per value type; plan, log and commit of every operation
//!   listing.rs     entries slice by slice, from any place on
//!   walk.rs        Walk: all entries, run by run, while other threads go on
//!   call.rs        the execution of one operation in a shard, and its outcome
//!   table.rs       entries of one type, and how a table grows and shrinks
//!   cells.rs       room for a number of entries: index + slots
//!   index.rs       hash index: one tag per slot
//!   slots.rs       slots: fixed-size cells in chunks; the stamp of an entry
//!   stored.rs      what a slot holds for each value type
//!   collection.rs  maps and sets: shared blocks of items
//!   items.rs       lists of packed items: sorting, merging, cutting into blocks
//!   log.rs         LogBuffer: assigns lsns and holds records for the shipper
//!   expiry.rs      when entries expire
//!   meter.rs       the memory meter and its limit
//!   env.rs         state shared by all tables: hash function, memory meter, expected growth
//!   prefetch.rs    hardware prefetch of memory before it is needed
//! ```

mod call;
mod cells;
mod collection;
mod engine;
mod env;
mod expiry;
mod index;
mod items;
mod listing;
mod log;
mod meter;
mod outcomes;
mod pipeline;
mod prefetch;
mod shard;
mod slots;
mod steps;
mod stored;
mod sync;
mod table;
mod transaction;
mod walk;

pub use call::{Executed, Outcome, RecordMode};
pub use engine::{DEFAULT_SHARDS, Engine, MAX_SHARDS, Options};
pub use expiry::{Expires, Facts};
pub use listing::{Listed, Place, Slice, Wanted};
pub use log::{LogBuffer, NewRecord, Wake};
pub use meter::{Meter, Usage};
pub use outcomes::{Once, OutcomeLimits, OutcomeUsage};
pub use pipeline::Share;
pub use slots::Stamp;
pub use steps::{Bounds, Check, Condition, Found, NotTransacted, Step, StepDone, Transacted};
pub use transaction::{MAX_REPLIES_BYTES, MAX_UNDO_BYTES};
pub use walk::Walk;
