//! How a client behaves: the address, and every limit with its unit and default.

use std::time::Duration;

use tokio::sync::Semaphore;

use crate::{Client, Error};

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
pub const DEFAULT_MAX_SILENCE: Duration = Duration::from_secs(30);

/// How often a ping is sent. Well below the server's idle timeout (5 minutes), so that it does not close a connection
/// at the very moment at which a request is sent.
pub const DEFAULT_KEEP_ALIVE: Duration = Duration::from_secs(60);

/// How long to wait before connecting is tried again for the first time; doubled each further time.
pub const DEFAULT_FIRST_BACKOFF: Duration = Duration::from_millis(50);

/// The longest wait before connecting is tried again.
pub const DEFAULT_MAX_BACKOFF: Duration = Duration::from_secs(2);

/// The shortest time between two pings.
pub const LEAST_KEEP_ALIVE: Duration = Duration::from_millis(10);

/// Largest reply that is accepted, in bytes: servers keep to it.
pub const MAX_REPLY_BYTES: usize = proto::frame::MAX_REPLY_BYTES;

/// The largest limit on requests or bytes that can be set: what a semaphore holds and takes at a time.
const MOST_PERMITS: usize = match Semaphore::MAX_PERMITS < u32::MAX as usize {
    true => Semaphore::MAX_PERMITS,
    false => u32::MAX as usize,
};

/// The longest time that can be set; longer ones are cut to it, so that no sum of times overflows.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Where to connect, and how a [`Client`] behaves. Made with [`Options::new`], used up by [`Options::connect`] or
/// [`Options::start`].
///
/// ```no_run
/// # async fn example() -> Result<(), client::Error> {
/// use std::time::Duration;
///
/// let client = client::Options::new("kvs.example:8090")
///     .token("a secret")
///     .request_timeout(Duration::from_secs(2))
///     .connect()
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Options {
    pub(crate) address: String,
    pub(crate) token: Option<String>,
    pub(crate) request_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) max_outstanding: usize,
    pub(crate) max_outgoing_bytes: usize,
    pub(crate) max_silence: Duration,
    pub(crate) keep_alive: Duration,
    pub(crate) first_backoff: Duration,
    pub(crate) max_backoff: Duration,
}

impl Options {
    /// Defaults for a server at `address`, a name or IP address with a port such as `localhost:8090`. A name is looked up anew
    /// for each connection.
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            token: None,
            request_timeout: DEFAULT_REQUEST_TIMEOUT,
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
            max_outstanding: DEFAULT_MAX_OUTSTANDING,
            max_outgoing_bytes: DEFAULT_MAX_OUTGOING_BYTES,
            max_silence: DEFAULT_MAX_SILENCE,
            keep_alive: DEFAULT_KEEP_ALIVE,
            first_backoff: DEFAULT_FIRST_BACKOFF,
            max_backoff: DEFAULT_MAX_BACKOFF,
        }
    }

    /// The token to show to a server that asks for one. It is sent as it is, so the network must be trusted.
    pub fn token(self, token: impl Into<String>) -> Self {
        Self { token: Some(token.into()), ..self }
    }

    /// How long a request may take from the call to its end, waiting for a connection and for room included
    /// ([`DEFAULT_REQUEST_TIMEOUT`]).
    pub fn request_timeout(self, timeout: Duration) -> Self {
        Self { request_timeout: timeout.min(LONGEST), ..self }
    }

    /// How long connecting may take, up to the server's welcome ([`DEFAULT_CONNECT_TIMEOUT`]).
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        Self { connect_timeout: timeout.min(LONGEST), ..self }
    }

    /// Most requests that may wait for their replies at a time, at least 1 ([`DEFAULT_MAX_OUTSTANDING`]). A further one
    /// waits until there is room.
    pub fn max_outstanding(self, requests: usize) -> Self {
        Self { max_outstanding: requests.clamp(1, MOST_PERMITS), ..self }
    }

    /// Most bytes of requests that may wait to be written, at least 1 ([`DEFAULT_MAX_OUTGOING_BYTES`]). A further request
    /// waits until there is room; one that alone is larger waits until nothing else is there.
    pub fn max_outgoing_bytes(self, bytes: usize) -> Self {
        Self { max_outgoing_bytes: bytes.clamp(1, MOST_PERMITS), ..self }
    }

    /// How long the server may say nothing while requests wait for replies ([`DEFAULT_MAX_SILENCE`]). Then the connection
    /// is taken for dead and replaced by a new one.
    pub fn max_silence(self, silence: Duration) -> Self {
        Self { max_silence: silence.min(LONGEST), ..self }
    }

    /// How often a ping is sent ([`DEFAULT_KEEP_ALIVE`]), so that a dead connection is noticed and a quiet one stays. At
    /// least [`LEAST_KEEP_ALIVE`].
    pub fn keep_alive(self, interval: Duration) -> Self {
        Self { keep_alive: interval.clamp(LEAST_KEEP_ALIVE, LONGEST), ..self }
    }

    /// The waits before connecting is tried again: the first, and the longest ([`DEFAULT_FIRST_BACKOFF`],
    /// [`DEFAULT_MAX_BACKOFF`]). They double from one to the other, and are cut short at random by up to a half, so that
    /// many clients do not come back at once.
    pub fn backoff(self, first: Duration, longest: Duration) -> Self {
        Self { first_backoff: first.min(LONGEST), max_backoff: longest.max(first).min(LONGEST), ..self }
    }

    /// Connects, and returns when the server has said welcome.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`] if the first attempt fails; a caller who wants to wait for a server uses [`Options::start`]. Panics
    /// outside of a tokio runtime.
    pub async fn connect(self) -> Result<Client, Error> {
        Client::with_connection(self).await
    }

    /// Returns a client at once, which connects on its own and keeps trying; requests wait for the connection until
    /// they time out. Panics outside of a tokio runtime.
    pub fn start(self) -> Client {
        Client::unconnected(self)
    }
}

impl std::fmt::Debug for Options {
    /// Everything but the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("address", &self.address)
            .field("token", &self.token.as_ref().map(|_| "..."))
            .field("request_timeout", &self.request_timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("max_outstanding", &self.max_outstanding)
            .field("max_outgoing_bytes", &self.max_outgoing_bytes)
            .field("max_silence", &self.max_silence)
            .field("keep_alive", &self.keep_alive)
            .field("backoff", &(self.first_backoff..=self.max_backoff))
            .finish()
    }
}
