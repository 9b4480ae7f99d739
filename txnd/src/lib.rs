//! Where batches of records become durable.
//!
//! Everything that stores a log is a [`Sink`]: one contract, written down in `sink.rs` and checked by one conformance
//! suite, so that a writer does not care whether its batches end in a file, in memory, or on another machine.
//!
//! ```text
//!   shipper ── append(batch) ──> Sink ── durable() ──> lsn       sink.rs     the contract and its errors
//!   recovery <── read(from 1) ───┘                               intake.rs   which batch may come next: gaps, repeats, fences
//!                                                                memory.rs   in memory, with faults on request
//!                                                                segment/    append-only segmented files
//!                                                                postgres/   tables that can be queried with SQL
//!                                                                remote/     another machine's sink, by gRPC
//!
//!   RemoteSink ══ proto/txn/v1/txn.proto ══> service/ ──> Sink   service/    the gRPC service in front of any sink
//!          mutual TLS 1.3                                        tls/        who may connect; making certificates
//!                                                                wire.rs     the messages, and what they stand for
//!                                                                status.rs   errors as gRPC statuses, and back
//!                                                                limits.rs   every limit of the connection
//!                                                                meters.rs   what is counted
//!                                                                config.rs   flags and environment of the txnd program
//!                                                                health.rs   asking a server whether it serves
//!                                                                cli/        what the programs kvs and txnd have in common
//! ```

/// Batches that a writer may append beyond the durable lsn and must be able to send again.
pub const MAX_IN_FLIGHT: usize = 16;

pub mod cli;
pub mod config;
pub mod health;
mod intake;
pub mod limits;
pub mod memory;
pub mod meters;
pub mod postgres;
pub mod remote;
pub mod segment;
pub mod service;
mod sink;
mod status;
pub mod tls;
pub mod wire;

pub use memory::MemorySink;
pub use postgres::PostgresSink;
pub use remote::RemoteSink;
pub use segment::SegmentSink;
pub use sink::{Opened, Place, Sink, SinkError};
