//! Every limit of the connection between a writer and the service, with its unit. Both sides set them, because the
//! library has no limits of its own. `txn.proto` says what a client must know about them.

use std::time::Duration;

use proto::limits::MAX_BATCH_BYTES;

/// Largest message, in bytes: a batch and the fields around it. Limits what a length prefix can make a peer allocate.
pub const MAX_MESSAGE_BYTES: usize = MAX_BATCH_BYTES + (1 << 10);

const _: () = assert!(MAX_BATCH_BYTES == 68_158_528, "txn.proto says how long a batch can be");

/// Bytes that a peer may send on one stream before it is told that they were consumed. Enough for what is in transit on
/// a link of 1 Gbit/s and 30 ms, and for three full batches; with HTTP/2's 64 KiB one batch would take 16 round trips.
pub const STREAM_WINDOW_BYTES: u32 = 4 << 20;

/// The same for all streams of a connection: while one stream is not read, another one still has room.
pub const CONNECTION_WINDOW_BYTES: u32 = 2 * STREAM_WINDOW_BYTES;

/// Streams that a peer may have open on one connection. A writer needs two; health checks need a few.
pub const MAX_STREAMS: u32 = 16;

/// Largest header list of a call, in bytes. Also limits what a status can carry.
pub const MAX_HEADER_LIST_BYTES: u32 = 16 << 10;

/// Interval between two pings on a connection.
pub const PING_INTERVAL: Duration = Duration::from_secs(10);

/// Time for a peer to answer a ping. A stopped or disconnected peer is noticed after this and [`PING_INTERVAL`]
/// together.
pub const PONG_TIMEOUT: Duration = Duration::from_secs(5);

/// Time to resolve the service's name and connect to its port.
pub const DIAL_TIMEOUT: Duration = Duration::from_secs(4);

/// Time for the TLS handshake after that.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// Time to make a connection. The shorter timeouts above expire first, and say what took too long.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

const _: () = assert!(DIAL_TIMEOUT.as_secs() + HANDSHAKE_TIMEOUT.as_secs() < CONNECT_TIMEOUT.as_secs());

/// Time for the service to respond to Open, a resume or a close, and to send the next batch of a read. It may have to
/// repair or to load a lot; whether the peer is alive at all is what pings detect. The service ends a call that has no
/// response by then.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(300);

/// Time for a client to send the first message of a stream.
pub const FIRST_MESSAGE_TIMEOUT: Duration = Duration::from_secs(10);

/// Time for a reader to take the next batch; others need its resources.
pub const READER_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes of received batches that may wait for the sink. A larger batch waits alone.
pub const QUEUE_BYTES: usize = 8 << 20;

/// Concurrent reads. Each has a thread, and holds a part of a segment in memory or a connection to PostgreSQL for each table.
/// Further reads wait.
pub const MAX_READS: usize = 4;

/// Time that a read may wait for another one to end.
pub const READ_START_TIMEOUT: Duration = Duration::from_secs(30);

/// Batches buffered between a read and the connection.
pub const READ_AHEAD_BATCHES: usize = 2;

/// Batches of a checkpoint that may wait to be stored.
pub const CHECKPOINT_QUEUE_BATCHES: usize = 2;

/// Calls that may wait for the sink.
pub const QUEUED_CALLS: usize = 64;

/// Time for received batches to become durable when every handle that could stop the service is gone.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(10);
