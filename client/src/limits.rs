//! Every limit and time of a client, with its unit and default. [`Options`](crate::Options) changes them.

use std::time::Duration;

/// How long a request may take, waiting for a connection and for room included.
pub const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How long connecting may take: name lookup, TCP, prefaces and authentication together.
pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Most requests that may wait for their replies at a time.
pub const DEFAULT_MAX_OUTSTANDING: usize = 16_384;

/// Most bytes of requests that may wait to be written to the connection.
pub const DEFAULT_MAX_OUTGOING_BYTES: usize = 16 << 20;

/// How long the server may say nothing while requests wait for replies, before the connection is given up. Longer than
/// the time after which requests time out, because a new connection costs everybody's outstanding replies.
pub const DEFAULT_SILENCE_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a ping is sent. Well below the server's idle timeout (5 minutes), so that it does not close a connection
/// at the very moment at which a request is sent.
pub const DEFAULT_KEEP_ALIVE: Duration = Duration::from_secs(60);

/// How long to wait before connecting is tried again for the first time; doubled each further time.
pub const DEFAULT_FIRST_BACKOFF: Duration = Duration::from_millis(50);

/// The longest wait before connecting is tried again.
pub const DEFAULT_MAX_BACKOFF: Duration = Duration::from_secs(2);

/// The shortest time between two pings.
pub const MIN_KEEP_ALIVE: Duration = Duration::from_millis(10);

/// Largest reply that is accepted, in bytes: servers keep to it.
pub const MAX_REPLY_BYTES: usize = proto::frame::MAX_REPLY_BYTES;
