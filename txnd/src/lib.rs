//! Where batches of records become durable.
//!
//! Everything that stores a log is a [`LogWriter`]: one contract, written down in `sink.rs` and checked by one conformance
//! suite, so that a writer does not care whether its batches end in a file, in memory, or on another machine.
//!
//! ```text
//!   shipper ── append(batch) ──> LogWriter ── durable() ──> lsn       sink.rs       the contract of both halves, and its errors
//!                                 │                              validator.rs   which batch may come next: gaps, repeats, fences
//!                              reader()                          in_flight.rs  what was appended and is not durable
//!                                 ▼                              thread.rs     a thread with a runtime, for what owns a sink
//!   recovery <── read(1..=n) ── LogReader                        segment/      append-only segmented files
//!                                                                postgres/     tables that can be queried with SQL
//!                                                                remote/       another machine's sink, by gRPC
//!
//!   RemoteSink ══ proto/txn/v1/txn.proto ══> service/ ──> LogWriter   service/      the gRPC service in front of any sink
//!          mutual TLS 1.3                                        tls/          who may connect; making certificates
//!                                                                wire.rs       the messages, and what they stand for
//!                                                                status.rs     errors as gRPC statuses, and back
//!                                                                limits.rs     every limit of the connection
//!                                                                meters.rs     what is counted
//!                                                                config.rs     flags and environment of the txnd program
//!                                                                health.rs     asking a server whether it serves
//!                                                                cli/          what the programs kvs and txnd have in common
//! ```

/// Batches that a writer may append beyond the durable lsn and must be able to send again.
pub const MAX_IN_FLIGHT: usize = 16;

/// How often a writer that has nothing to write asks whether its term is still the latest.
pub const TERM_CHECK_INTERVAL: std::time::Duration = std::time::Duration::from_secs(1);

pub mod cli;
pub mod config;
pub mod health;
mod in_flight;
pub mod limits;
pub mod meters;
mod postgres;
pub mod remote;
mod segment;
pub mod service;
mod sink;
mod status;
pub mod thread;
pub mod tls;
mod validator;
pub mod wire;

pub use in_flight::InFlight;
pub use postgres::{PostgresReader, PostgresSink};
pub use remote::reader::RemoteReader;
pub use remote::writer::RemoteSink;
pub use segment::reader::SegmentReader;
pub use segment::{DEFAULT_SEGMENT_BYTES, MAX_SEGMENT_BYTES, MIN_SEGMENT_BYTES, SegmentSink};
pub use sink::{Bounds, Location, LogReader, LogWriter, SinkError, Term};
pub use validator::{Admission, AppendValidator};
