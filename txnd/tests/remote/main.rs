//! The remote sink, and the gRPC service in front of a sink.
//!
//! The fault model: connections are cut at any byte, in either direction, or fall silent; the service is stopped and started
//! again; its storage fails as the memory sink can; peers send what they should not.
//!
//! ```text
//!   hosted.rs      a service in this process, on a thread of its own; how it is reached
//!   proxy.rs       a connection that is cut or falls silent
//!   raw.rs         a client that sends messages as it likes
//!   delivery.rs    nothing is lost or doubled, whatever happens to connection, service and storage
//!   refusals.rs    what a writer may not send, and streams that take over
//!   reading.rs     a log that comes back cut or wrong is refused; a reader that stalls holds nobody up
//!   checkpoints.rs a checkpoint that is cut off, replaced, or not what it should be
//!   takeover.rs    a log that somebody else takes over while its writer is idle
//! ```

mod checkpoints;
#[path = "../conformance/mod.rs"]
mod conformance;
mod delivery;
mod hosted;
mod proxy;
mod raw;
mod reading;
mod refusals;
mod takeover;
#[path = "../writer/mod.rs"]
mod writer;

use conformance::{Storage, sink_conformance};
use hosted::{Hosted, PlainTcp};
use testkit::memory::MemoryLog;
use txnd::{RemoteReader, RemoteSink};

impl Storage for Hosted {
    type LogWriter = RemoteSink<PlainTcp>;

    fn sink(&self) -> Self::LogWriter {
        self.service.sink()
    }

    fn reader(&self) -> RemoteReader<PlainTcp> {
        self.service.reader()
    }
}

/// A service over PostgreSQL, which keeps records instead of batches.
struct HostedTables(Hosted);

impl Storage for HostedTables {
    type LogWriter = RemoteSink<PlainTcp>;

    const KEEPS_BATCHES: bool = false;

    fn sink(&self) -> Self::LogWriter {
        self.0.sink()
    }

    fn reader(&self) -> RemoteReader<PlainTcp> {
        self.0.reader()
    }
}

sink_conformance!(remote_over_memory, Hosted::memory(&MemoryLog::default()));
sink_conformance!(remote_over_segments, Hosted::segments(), checkpoints);
sink_conformance!(remote_over_postgres, HostedTables(Hosted::postgres()), checkpoints);
