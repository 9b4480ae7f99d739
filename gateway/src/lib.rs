//! The kvs server: serves REST and the frame protocol on top of the engine, and ships the engine's records to the log.
//!
//! ```text
//!   client ──> worker ──> session ──> service ──> engine ──> log buffer ──> shipper ──> LogWriter
//!                 │                      ▲                                     │
//!                 │                      └── status: durable writes wait ──────┘
//!                 └─ reaper: closes connections whose client is too slow
//!
//!   One worker per core, each with its own sessions (HTTP or frames). The shipper has a thread of its own.
//!
//!   server.rs      startup and shutdown: recovery, then workers; the reverse at the end
//!   worker.rs      a pinned thread with its own runtime, listeners and sessions
//!   helper.rs      a thread beside each worker, for requests that take long
//!   http/          HTTP/1.1: heads, bodies, responses; REST API v1
//!   frames/        the frame protocol: input, executor, output
//!   context.rs     state shared by all workers, and state shared by the sessions of one worker
//!   service.rs     the entry point of every protocol: permission, durability, refusals, the memory limit for responses
//!   listing.rs     pages of entries
//!   once.rs        idempotency keys: whose they are, and which request each belongs to
//!   token.rs       opaque tokens: states of entries, places in the log and in a listing
//!   protocol.rs    the two protocols that clients speak
//!   listener.rs    binding, accepting, the connection limit
//!   socket.rs      a client's socket, plain or TLS
//!   ring/          I/O with clients over io_uring
//!   rarely.rs      a future that is polled only when it was woken itself
//!   connection.rs  the state of a connection, its deadlines, closing it, and the reaper
//!   log/           the thread that owns the sink: recovery, shipping, and the replies that wait for it
//!   feed/          every change of entries, told to those who follow
//!   access/        who may do what: identities, tokens, scopes
//!   meters.rs      what a worker counts
//!   request_id.rs  ids of requests
//!   access_log/    a line for each request, written by a thread of its own
//!   budget.rs      a memory limit shared by all connections, for large bodies, frames and responses
//!   clock.rs       timestamps of operations, dates of responses
//!   admin/         what the operator's listener and the supervisor are told: liveness, readiness, metrics
//!   sweeper.rs     removes entries that have expired
//!   pulse.rs       whether a worker still runs its tasks
//!   lifecycle.rs   how far the server is between its start and its end
//!   health.rs      the health check of a running server
//!   simulation/    the log in a simulated deployment, whose network, programs and storage fail under a seed (test)
//!   tools/         the commands that look at logs, copy them, back them up and restore them
//!   config.rs      flags, environment variables, and every limit of a running server
//! ```

pub mod access;
mod access_log;
mod admin;
pub mod budget;
mod clock;
pub mod config;
mod connection;
mod context;
mod feed;
pub mod frames;
pub mod health;
mod helper;
mod http;
mod lifecycle;
mod listener;
mod listing;
mod log;
mod meters;
mod once;
mod protocol;
mod pulse;
mod rarely;
mod request_id;
mod ring;
mod server;
pub mod service;
#[cfg(test)]
mod simulation;
mod socket;
mod sweeper;
mod token;
pub mod tools;
mod worker;

pub use listener::limit_connections;
pub use server::{Running, StartError, start, start_with};
