//! The kvs program: REST and frames in front of the engine, the log behind it.
//!
//! ```text
//!   client ──> worker (one a core) ──> session (HTTP, frames) ──> engine ──> log buffer ──> shipper (own thread) ──> Sink
//!                  │                        └── a write that must be durable waits <── status <──┘
//!                  └─ reaper: cuts off clients that are too slow
//!
//!   config.rs      flags and environment, every limit of a running server
//!   server.rs      start and stop: recovery, then workers; the other way round at the end
//!   recovery.rs    rebuilding the engine's state from the log, with progress
//!   shipper.rs     taking batches from the log buffer to the sink; retries; the log's status
//!   worker.rs      a pinned thread with its own runtime and listeners
//!   connection.rs  what a connection is doing, its deadlines, its end, and the reaper
//!   durability.rs  replies that wait for their lsn
//!   health.rs      asking a server whether it answers
//!   http/          HTTP/1.1: heads, bodies, responses; REST API v1
//!   frames/        the frame protocol: input, executor, output
//!   auth.rs        the token that clients must show
//!   budget.rs      memory that connections share for what is large
//!   clock.rs       the time of an operation and of a response
//! ```

mod auth;
pub mod budget;
mod clock;
pub mod config;
mod connection;
mod durability;
pub mod frames;
pub mod health;
mod http;
mod recovery;
pub mod server;
mod shipper;
mod worker;

pub use config::Config;
pub use server::{Running, StartError, start};
