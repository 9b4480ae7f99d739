//! Async client of KVS over the frame protocol, which `proto/frames.md` describes.
//!
//! ```no_run
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), client::Error> {
//! let client = client::Client::connect("localhost:8090").await?;
//! client.put_int("visits", 41).await?;
//! assert_eq!(client.incr_int("visits").await?, 41); // the value before
//! assert_eq!(client.get_int("visits").await?, Some(42));
//! assert_eq!(client.get_str("visits").await?, None); // another type, another entry
//! client.durable().put_str("motto", "on disk when this returns").await?;
//! # Ok(()) }
//! ```
//!
//! `client/examples/quickstart.rs` shows every kind of operation, `client/examples/retry.rs` what to do about each kind
//! of error.
//!
//! # How it works
//!
//! A [`Client`] is cheap to clone. All clones share one connection, which a background task owns. Requests of all tasks
//! are encoded behind each other into one buffer; whatever has come up while the last ones were written goes out in one
//! write. The server replies in the order of the requests. So the more tasks ask at a time, the less each request
//! costs; one task gets the same by polling many futures together.
//!
//! ```text
//!   task ─ get_int ─┐   limits        encode          write                       read
//!   task ─ put_str ─┼─> requests ──> unsent ─────> sent (ids in order) ═> kvs ═> run of replies ─┐
//!   task ─ ping ────┘   and bytes       │ <─ not written when the connection ended │             │
//!          <──────── reply, or an error that says whether it may have been done ───┴─────────────┘
//! ```
//!
//! # What a caller can rely on
//!
//! - **Nothing is done twice.** A request that may have reached the server is never sent again. If the connection ends
//!   before its reply, it fails with [`Error::Unknown`]; if the server itself does not know the outcome, with
//!   [`Error::OutcomeUnknown`]. Requests that were not sent yet wait for the next connection.
//! - **Everything ends.** After [`Options::request_timeout`] a request has failed, whatever the server and the network
//!   do: with [`Error::NotSent`] if it never went out and never will, with [`Error::Timeout`] if it did.
//! - **It reconnects by itself**, with pauses that double up to [`Options::backoff`]'s longest. If that is hopeless
//!   (another version, a wrong token), requests fail at once with [`Error::Connect`]; each new one makes another
//!   attempt.
//! - **It is bounded.** Beyond [`Options::max_outstanding`] requests or [`Options::max_outgoing_bytes`] a request waits
//!   until there is room.
//! - **Futures may be dropped** at any time, without consequences for other requests.
//! - **The order** of the requests of one task that awaits each is the order in which they are carried out, but for
//!   those that failed with [`Error::Unknown`] or [`Error::Timeout`]: such a request may still be carried out, even
//!   after later ones. Requests that are polled together have no order.
//!
//! # Files
//!
//! ```text
//!   limits.rs       every limit and time, with unit and default
//!   options.rs      where to connect, which limits
//!   client.rs       Client: the handle; opening and closing
//!   entries.rs      get, put, del of each type; increments       ┐
//!   elements.rs     members of sets, fields of maps              ├ Client's operations
//!   multi.rs        many entries at once                         ┘
//!   error.rs        what can go wrong, by what to do about it
//!   value.rs        values as callers see them, and packed
//!   reply.rs        what came of a request, owned
//!   pipeline.rs     what handles and background task share: limits, replies, timeouts
//!   queue.rs        requests unsent and sent, in order: pure bookkeeping
//!   connection.rs   one connection, from the prefaces to its end
//!   supervisor.rs   the background task: connects, and connects again
//! ```

mod client;
mod connection;
mod elements;
mod entries;
mod error;
pub mod limits;
mod multi;
mod options;
mod pipeline;
mod queue;
mod reply;
mod supervisor;
mod value;

pub use client::Client;
pub use error::{ConnectError, Error, InvalidInput, Lost, ProtocolError};
pub use options::Options;
pub use proto::ValueType;
pub use proto::frame::ErrorCode;
pub use value::Value;
