//! A sink on another machine, reached through the service of `proto/txn/v1/txn.proto`.
//!
//! What may be appended is decided here, by the same rules as in every sink, so that a rejected batch is never sent. The
//! service checks it again. Batches are sent without waiting for a response. Every failure of the connection is
//! [`SinkError::Unavailable`](crate::SinkError::Unavailable): the writer resumes, which makes a new connection, and resends
//! what is not durable.
//!
//! ```text
//!   writer.rs       RemoteSink
//!   reader.rs       RemoteReader: reads the log back and verifies it to its end, over its own connections
//!   checkpoint.rs   a checkpoint on its way to the service
//!   connection.rs   one connection with its stream of batches and acknowledgements
//!   connect.rs      how connections are made, and their limits
//!   mutual_tls.rs   how kvs connects: TLS 1.3 with certificates on both sides
//! ```

mod checkpoint;
mod connect;
mod connection;
mod mutual_tls;
pub(crate) mod reader;
pub(crate) mod writer;

pub use connect::{Connect, endpoint};
pub use mutual_tls::MutualTls;
