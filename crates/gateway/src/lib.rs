//! The kvs program: REST in front of the engine, the log behind it.
//!
//! ```text
//!   client ──> worker (one a core) ──> REST session ──> engine ──> log buffer ──> shipper (own thread) ──> Sink
//!                  │                        └── a write that must be durable waits <── status <──┘
//!                  └─ reaper: cuts off clients that are too slow
//!
//!   config.rs      flags and environment, every limit of a running server
//!   server.rs      start and stop: recovery, then workers; the other way round at the end
//!   recovery.rs    rebuilding the engine's state from the log, with progress
//!   shipper.rs     taking batches from the log buffer to the sink; retries; the log's status
//!   worker.rs      a pinned thread with its own runtime and listener
//!   connection.rs  one client's connection, its deadlines, and the reaper
//!   durability.rs  replies that wait for their lsn
//!   health.rs      asking a server whether it answers
//!   rest/          REST v1: route, body, operation, answer
//! ```

pub mod config;
mod connection;
mod durability;
pub mod health;
mod recovery;
mod rest;
pub mod server;
mod shipper;
mod worker;

pub use config::Config;
pub use server::{Running, StartError, start};
