//! Every limit and timeout of a client, with its unit and default. [`Options`](crate::Options) changes them.

use std::time::Duration;

/// How long a request may take, including waiting for a connection and for room.
pub const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How long connecting may take: name lookup, TCP, prefaces and authentication together.
pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Maximum number of requests waiting for replies.
pub const DEFAULT_MAX_OUTSTANDING: usize = 16_384;

/// Maximum number of request bytes waiting to be written to the connection.
pub const DEFAULT_MAX_OUTGOING_BYTES: usize = 16 << 20;

/// How long the server may send nothing while requests wait for replies. After that the client drops the connection. It
/// is longer than the request timeout, because replacing the connection loses all outstanding replies.
pub const DEFAULT_SILENCE_TIMEOUT: Duration = Duration::from_secs(30);

/// Interval between pings. Well below the server's idle timeout (5 minutes), so that the server does not close a
/// connection at the very moment a request is sent.
pub const DEFAULT_KEEP_ALIVE: Duration = Duration::from_secs(60);

/// Delay before the first reconnection attempt; doubled for each further one.
pub const DEFAULT_FIRST_BACKOFF: Duration = Duration::from_millis(50);

/// Maximum delay before a reconnection attempt.
pub const DEFAULT_MAX_BACKOFF: Duration = Duration::from_secs(2);

/// How often a transaction whose outcome is unknown is sent again.
pub const DEFAULT_RESENDS: u32 = 5;

/// Pause before that.
pub const RESEND_PAUSE: Duration = Duration::from_millis(20);

/// Minimum interval between pings.
pub const MIN_KEEP_ALIVE: Duration = Duration::from_millis(10);

/// Largest reply that is accepted, in bytes; servers send nothing larger.
pub const MAX_REPLY_BYTES: usize = proto::frame::MAX_REPLY_BYTES;
