//! The gRPC service in front of any [`LogWriter`](crate::LogWriter); see `proto/txn/v1/txn.proto` for its contract.
//!
//! ```text
//!   connection ── tonic ── server.rs      the calls: who may make them, what they return
//!                           │   ├──────── reading.rs   reads, each on its own thread, through a LogReader
//!                           │   └──────── checkpointing.rs   the checkpoint that a writer sends, on a thread of its own
//!                          stream.rs      one stream of a writer: its batches are checked here, on the server's threads
//!                           │  ▲
//!              batches, calls  durable lsn
//!                           ▼  │
//!                          actor.rs       one thread that owns the sink: terms, group commit
//!                          state.rs       what that thread tells everybody: term, health, failure
//! ```
//!
//! The sink has its own thread because a file sink blocks in `fdatasync` and a sink's futures need not be `Send`. Memory is
//! bounded by [`limits`](crate::limits): received batches wait within a budget of bytes, then in the connection's window.

mod actor;
mod checkpointing;
mod reading;
mod server;
mod state;
mod stream;

pub use actor::LogThread;
pub use server::{Calls, TransactionService, calls, server};
pub use state::LogCheck;
