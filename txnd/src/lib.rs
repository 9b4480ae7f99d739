//! Where batches of records become durable.
//!
//! Everything that stores a log implements [`LogWriter`]: one contract, documented in `sink.rs` and checked by one
//! conformance suite. A writer does not care whether its batches end up in a file, in memory, or on another machine.
//!
//! ```text
//!   shipper ──── append(batch) ────> LogWriter ── durable() ──> lsn
//!                                        │
//!                                     reader()
//!                                        ▼
//!   recovery <── read(1..=n) ─────── LogReader
//!
//!   RemoteSink ══ proto/txn/v1/txn.proto ══> service/ ──> LogWriter
//!              mutual TLS 1.3
//!
//!   sink.rs        the contract of both halves, and its errors
//!   checkpoint.rs  the state at a point of the log, and its form
//!   terms.rs       where the terms of a log begin
//!   validator.rs   which batch may come next: gaps, repeats, fences
//!   in_flight.rs   what was appended and is not durable yet
//!   pace.rs        pauses that keep work in the background to a rate
//!   disk.rs        batches in files, and errors of disks
//!   thread.rs      a thread with its own runtime, for the owner of a sink
//!   segment/       append-only segmented files
//!   postgres/      tables that can be queried with SQL
//!   backup/        copies of a log that are verified and restored
//!   remote/        a sink on another machine, over gRPC
//!   service/       the gRPC service in front of any sink
//!   tls/           who may connect; making certificates
//!   wire.rs        the messages, and their domain types
//!   status.rs      errors as gRPC statuses, and back
//!   limits.rs      every limit of the connection
//!   meters.rs      what the txnd program counts
//!   operator.rs    what its operator is told
//!   config.rs      flags and environment of the txnd program
//!   health.rs      asks a server whether it is serving
//!   cli/           what the programs kvs and txnd share
//! ```

/// Batches that a writer may append beyond the durable lsn. The writer must be able to send them again.
pub const MAX_IN_FLIGHT: usize = 16;

/// How often an idle writer checks that its term is still the latest.
pub const TERM_CHECK_INTERVAL: std::time::Duration = std::time::Duration::from_secs(1);

pub mod backup;
mod checkpoint;
pub mod cli;
pub mod config;
mod disk;
pub mod health;
mod in_flight;
pub mod limits;
mod lock;
mod meters;
pub mod operator;
pub mod pace;
mod postgres;
pub mod remote;
mod segment;
pub mod service;
mod sink;
mod status;
mod terms;
pub mod thread;
pub mod tls;
mod validator;
pub mod wire;

pub use checkpoint::{Checkpoint, CheckpointSealer, Retention};
pub use in_flight::InFlight;
pub use postgres::{PostgresReader, PostgresSink};
pub use remote::reader::RemoteReader;
pub use remote::writer::RemoteSink;
pub use segment::reader::SegmentReader;
pub use segment::{DEFAULT_SEGMENT_BYTES, MAX_SEGMENT_BYTES, MIN_SEGMENT_BYTES, SegmentSink};
pub use sink::{Bounds, CheckpointWriter, Location, LogReader, LogWriter, NoCheckpoints, SinkError, Term, VisitError};
pub use terms::{TermStart, Terms};
pub use validator::{Admission, AppendValidator};
