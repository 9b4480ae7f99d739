//! Every limit of the connection between a writer and the service, each with its unit. Both sides set them, because the
//! library has none of its own. What a client must know of them is said in `txn.proto`.

use std::time::Duration;

use proto::limits::MAX_BATCH_BYTES;

/// Largest message, in bytes: a batch and the fields around it. It bounds what a length prefix can make a peer reserve.
pub const MAX_MESSAGE_BYTES: usize = MAX_BATCH_BYTES + (1 << 10);

const _: () = assert!(MAX_BATCH_BYTES == 68_158_528, "txn.proto says how long a batch can be");

/// Bytes that a peer may send on one stream before it is told that they were taken. It holds what is on the way over a link
/// of 1 Gbit/s and 30 ms, and three full batches; with HTTP/2's 64 KiB one batch would take 16 round trips.
pub const STREAM_WINDOW_BYTES: u32 = 4 << 20;

/// The same for all streams of a connection: while one stream is not read, another one still has room.
pub const CONNECTION_WINDOW_BYTES: u32 = 2 * STREAM_WINDOW_BYTES;

/// Streams that a peer may have open on one connection. A writer needs two; health checks need some.
pub const MAX_STREAMS: u32 = 16;

/// Largest header list of a call, in bytes; also bounds what a status can carry.
pub const MAX_HEADER_LIST_BYTES: u32 = 16 << 10;

/// Pause between two pings on a connection.
pub const PING_INTERVAL: Duration = Duration::from_secs(10);

/// Time within which a peer answers a ping; a peer that is stopped or cut off is noticed after both together.
pub const PONG_TIMEOUT: Duration = Duration::from_secs(5);

/// Time within which the service's name is resolved and its port connects.
pub const DIAL_TIMEOUT: Duration = Duration::from_secs(4);

/// Time within which TLS is agreed on after that.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// Time within which a connection is made. What takes too long within it is found, and named, before.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

const _: () = assert!(DIAL_TIMEOUT.as_secs() + HANDSHAKE_TIMEOUT.as_secs() < CONNECT_TIMEOUT.as_secs());

/// Time within which the service answers Open, a resume, a close, and sends the next batch of a read. It may have to repair or
/// to load much; that the peer is alive at all is what pings find out.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(300);

/// Time within which a client sends the first message of a stream.
pub const FIRST_MESSAGE_TIMEOUT: Duration = Duration::from_secs(10);

/// Time within which a reader takes the next batch; what it holds is needed for others.
pub const READER_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes of received batches that wait for the sink; a batch that is larger waits alone.
pub const QUEUE_BYTES: usize = 8 << 20;

/// Reads at a time. Each has a thread, and holds a segment in memory or a connection to PostgreSQL for each table; a further one waits.
pub const MAX_READS: usize = 4;

/// Time within which a read that waits for another one's end begins.
pub const READ_START_TIMEOUT: Duration = Duration::from_secs(30);

/// Batches that wait between a read and the connection.
pub const READ_AHEAD_BATCHES: usize = 2;

/// Calls that wait for the sink.
pub const QUEUED_CALLS: usize = 64;

/// Time within which what was received becomes durable when whoever could tell the service to stop is gone.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(10);
