//! Async client of KVS over the frame protocol, which `proto/frames.md` describes.
//!
//! ```no_run
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), client::Error> {
//! let client = client::Client::connect("localhost:8090").await?;
//! client.put_int("visits", 41).await?;
//! assert_eq!(client.incr_int("visits").await?, 41); // the previous value
//! assert_eq!(client.get_int("visits").await?, Some(42));
//! assert_eq!(client.get_str("visits").await?, None); // another type, another entry
//! client.durable().put_str("motto", "on disk when this returns").await?;
//! # Ok(()) }
//! ```
//!
//! `client/examples/quickstart.rs` shows every kind of operation, `client/examples/retry.rs` how to handle each kind of
//! error.
//!
//! # How it works
//!
//! A [`Client`] is cheap to clone. All clones share one connection, which a background task owns. Requests from all
//! tasks are encoded one after the other into one buffer. Requests that arrive during one write go out together in the
//! next. The server replies in request order. So the more requests are in flight, the less each one costs. They may
//! come from many tasks, or from one task that polls many futures together.
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
//! - **Nothing is executed twice.** A transaction whose outcome is unknown is sent again with its idempotency key, by which the server
//!   knows it ([`Options::resends`]); so is a single write of [`Client::once`]. Any other request that may have reached the server is never sent again. If the connection
//!   ends before its reply, it fails with [`Error::Unknown`]; if the server itself does not know the outcome, with
//!   [`Error::OutcomeUnknown`]. Requests that have not been sent wait for the next connection.
//! - **Every request ends.** Without a reply it fails after [`Options::request_timeout`] at the latest, whatever the
//!   server and the network do: with [`Error::NotSent`] if it was never sent and never will be, with
//!   [`Error::Timeout`] if it was sent.
//! - **It reconnects by itself**, with delays that double up to the maximum of [`Options::backoff`]. If retrying cannot
//!   help (wrong protocol version, wrong token), requests fail at once with [`Error::Connect`]; each new request makes
//!   another attempt.
//! - **It is bounded.** Beyond [`Options::max_outstanding`] requests or [`Options::max_outgoing_bytes`], a request
//!   waits until there is room.
//! - **Futures may be dropped** at any time, without affecting other requests.
//! - **Order**: if one task awaits each request before it sends the next, they are executed in that order. The
//!   exceptions are requests that failed with [`Error::Unknown`] or [`Error::Timeout`]: they may still be executed,
//!   even after later ones. Requests that are polled together have no order.
//!
//! # Files
//!
//! ```text
//!   limits.rs       every limit and timeout, with unit and default
//!   options.rs      where to connect, and the limits
//!   client.rs       Client: the handle; opening and closing
//!   entries.rs      get, put, del of each type; increments       ┐
//!   elements.rs     members of sets, fields of maps              ├ Client's operations
//!   multi.rs        many entries at once                         │
//!   transaction.rs  several operations together, on conditions   │
//!   once.rs         transactions that are carried out once       │
//!   scan.rs         listings                                     ┘
//!   feed.rs         every change from a place in the log on, over a connection of its own
//!   change.rs       a change
//!   error.rs        errors, grouped by what the caller should do
//!   invalid.rs      invalid arguments
//!   tls.rs          TLS with the server
//!   value.rs        values as callers see them, and packed
//!   results.rs      what transactions and listings come to
//!   reply.rs        owned replies
//!   pipeline.rs     state shared by handles and the background task: limits, replies, timeouts
//!   queue.rs        unsent and sent requests, in order: pure bookkeeping
//!   connection.rs   one connection, from the prefaces to its end
//!   supervisor.rs   the background task: connects and reconnects
//! ```

mod change;
mod client;
mod connection;
mod elements;
mod entries;
mod error;
mod feed;
mod invalid;
pub mod limits;
mod multi;
mod once;
mod options;
mod pipeline;
mod queue;
mod reply;
mod results;
mod scan;
mod supervisor;
mod tls;
mod transaction;
mod value;

pub use change::{Change, ChangeKind, FeedStep};
pub use client::Client;
pub use error::{ConnectError, Error, Lost, ProtocolError};
pub use feed::{Feed, Follow};
pub use invalid::InvalidInput;
pub use options::Options;
pub use proto::ValueType;
pub use proto::frame::ErrorCode;
pub use results::{Entry, Etag, NoRoom, Scanned, StepDone, StepReply, Token, Transacted};
pub use scan::{Pages, Scan};
pub use tls::{Tls, TlsError};
pub use transaction::{Condition, Expiry, Step, Transaction};
pub use value::Value;
