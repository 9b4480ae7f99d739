//! Another machine's sink, reached through the service of `proto/txn/v1/txn.proto`.
//!
//! What may be appended is decided here, by the same rules as in every sink, so that a batch that is refused never travels;
//! the service decides once more. Batches are sent without waiting for a response. Whatever happens to the connection is
//! [`SinkError::Unavailable`](crate::SinkError::Unavailable): the writer resumes, which makes a new connection, and sends again what
//! is not durable.
//!
//! ```text
//!   writer.rs       RemoteSink
//!   reader.rs       RemoteReader: the log as it comes back, checked to its end, over connections of its own
//!   connection.rs   one connection with its stream of batches and acknowledgements
//!   connect.rs      how connections are made, and their limits
//!   mutual_tls.rs   how kvs connects: TLS 1.3 with certificates on both sides
//! ```

mod connect;
mod connection;
mod mutual_tls;
pub(crate) mod reader;
pub(crate) mod writer;

pub use connect::{Connect, endpoint};
pub use mutual_tls::MutualTls;
