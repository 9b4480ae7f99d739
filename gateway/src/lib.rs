//! The kvs program: REST and frames in front of the engine, the log behind it.
//!
//! ```text
//!   client ──> worker (one a core) ──> session (HTTP, frames) ──> service ──> engine ──> log buffer ──> shipper (own thread) ──> LogWriter
//!                  │                        └── a write that must be durable waits <── status <──┘
//!                  └─ reaper: cuts off clients that are too slow
//!
//!   server.rs      start and stop: recovery, then workers; the other way round at the end
//!   worker.rs      a pinned thread with its own runtime, listeners and sessions
//!   http/          HTTP/1.1: heads, bodies, responses; REST API v1
//!   frames/        the frame protocol: input, executor, output
//!   context.rs     what workers share, and what the sessions of one worker share
//!   service.rs     the front door: durability, refusals, the bound on responses, for every protocol
//!   listener.rs    binding, accepting, the limit of connections
//!   connection.rs  what a connection is doing, its deadlines, its end, and the reaper
//!   log/           the thread that owns the sink: recovery, shipping, who waits for it
//!   auth.rs        the token that clients must show
//!   budget.rs      memory that connections share for what is large
//!   clock.rs       the time of an operation and of a response
//!   health.rs      asking a server whether it answers
//!   config.rs      flags and environment, every limit of a running server
//! ```

mod auth;
pub mod budget;
mod clock;
pub mod config;
mod connection;
mod context;
pub mod frames;
pub mod health;
mod http;
mod listener;
mod log;
mod server;
pub mod service;
mod worker;

pub use listener::limit_connections;
pub use server::{Running, StartError, start, start_with};
