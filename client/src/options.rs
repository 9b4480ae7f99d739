//! Where to connect, and the behaviour of a client.

use std::time::Duration;

use tokio::sync::Semaphore;

use crate::Tls;
use crate::limits::{
    DEFAULT_CONNECT_TIMEOUT, DEFAULT_FIRST_BACKOFF, DEFAULT_KEEP_ALIVE, DEFAULT_MAX_BACKOFF,
    DEFAULT_MAX_OUTGOING_BYTES, DEFAULT_MAX_OUTSTANDING, DEFAULT_REQUEST_TIMEOUT, DEFAULT_RESENDS,
    DEFAULT_SILENCE_TIMEOUT, MIN_KEEP_ALIVE,
};

/// The largest settable limit on requests or bytes: what a semaphore can hold and acquire at once.
const MAX_PERMITS: usize = match Semaphore::MAX_PERMITS < u32::MAX as usize {
    true => Semaphore::MAX_PERMITS,
    false => u32::MAX as usize,
};

/// The longest settable time; longer ones are cut to it, so that no sum of times overflows.
const MAX_DURATION: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Where to connect, and the behaviour of a [`Client`](crate::Client). Created by [`Options::new`], consumed by
/// [`Options::connect`] or [`Options::start`].
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
    pub(crate) tls: Option<Tls>,
    pub(crate) request_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) max_outstanding: usize,
    pub(crate) max_outgoing_bytes: usize,
    pub(crate) silence_timeout: Duration,
    pub(crate) keep_alive: Duration,
    pub(crate) first_backoff: Duration,
    pub(crate) max_backoff: Duration,
    pub(crate) resends: u32,
}

impl Options {
    /// Defaults for a server at `address`, a name or IP address with a port such as `localhost:8090`. A name is
    /// resolved again for each connection.
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            token: None,
            tls: None,
            request_timeout: DEFAULT_REQUEST_TIMEOUT,
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
            max_outstanding: DEFAULT_MAX_OUTSTANDING,
            max_outgoing_bytes: DEFAULT_MAX_OUTGOING_BYTES,
            silence_timeout: DEFAULT_SILENCE_TIMEOUT,
            keep_alive: DEFAULT_KEEP_ALIVE,
            first_backoff: DEFAULT_FIRST_BACKOFF,
            max_backoff: DEFAULT_MAX_BACKOFF,
            resends: DEFAULT_RESENDS,
        }
    }

    /// How often a transaction whose outcome is unknown is sent again ([`DEFAULT_RESENDS`]), within the request timeout. So that it is
    /// carried out once all the same, each transaction that writes has an idempotency key, which the server keeps for a while. 0:
    /// never, and none has a key unless it was given one. One that reads more than about 1 MiB gets along
    /// without, and so do all while the server keeps as many keys as it may.
    ///
    /// Single operations have no keys: they are sent as they are, which costs the server less. [`Client::once`](crate::Client::once) is
    /// for those.
    pub fn resends(self, times: u32) -> Self {
        Self { resends: times, ..self }
    }

    /// TLS with the server. Without it everything is sent unencrypted, so the network must be trusted.
    pub fn tls(self, tls: Tls) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// The token that says who the client is.
    pub fn token(self, token: impl Into<String>) -> Self {
        Self { token: Some(token.into()), ..self }
    }

    /// How long a request may take in total, including waiting for a connection and for room
    /// ([`DEFAULT_REQUEST_TIMEOUT`]).
    pub fn request_timeout(self, timeout: Duration) -> Self {
        Self { request_timeout: timeout.min(MAX_DURATION), ..self }
    }

    /// How long connecting may take, until the server has accepted ([`DEFAULT_CONNECT_TIMEOUT`]).
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        Self { connect_timeout: timeout.min(MAX_DURATION), ..self }
    }

    /// Maximum number of requests waiting for replies, at least 1 ([`DEFAULT_MAX_OUTSTANDING`]). A further request
    /// waits until there is room.
    pub fn max_outstanding(self, requests: usize) -> Self {
        Self { max_outstanding: requests.clamp(1, MAX_PERMITS), ..self }
    }

    /// Maximum number of request bytes waiting to be written, at least 1 ([`DEFAULT_MAX_OUTGOING_BYTES`]). A further
    /// request waits until there is room; one that alone is larger waits until nothing else is waiting.
    pub fn max_outgoing_bytes(self, bytes: usize) -> Self {
        Self { max_outgoing_bytes: bytes.clamp(1, MAX_PERMITS), ..self }
    }

    /// How long the server may send nothing while requests wait for replies ([`DEFAULT_SILENCE_TIMEOUT`]). After that
    /// the connection is considered dead and replaced.
    pub fn silence_timeout(self, silence: Duration) -> Self {
        Self { silence_timeout: silence.min(MAX_DURATION), ..self }
    }

    /// Interval between pings ([`DEFAULT_KEEP_ALIVE`]), which detect a dead connection and keep an idle one open. At
    /// least [`MIN_KEEP_ALIVE`].
    pub fn keep_alive(self, interval: Duration) -> Self {
        Self { keep_alive: interval.clamp(MIN_KEEP_ALIVE, MAX_DURATION), ..self }
    }

    /// The delays before reconnection attempts: the first and the maximum ([`DEFAULT_FIRST_BACKOFF`],
    /// [`DEFAULT_MAX_BACKOFF`]). The delay doubles from one to the other, and is shortened at random by up to a half,
    /// so that many clients do not come back at the same moment.
    pub fn backoff(self, first: Duration, longest: Duration) -> Self {
        Self { first_backoff: first.min(MAX_DURATION), max_backoff: longest.max(first).min(MAX_DURATION), ..self }
    }
}

impl std::fmt::Debug for Options {
    /// Everything except the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("address", &self.address)
            .field("token", &self.token.as_ref().map(|_| "..."))
            .field("tls", &self.tls.is_some())
            .field("request_timeout", &self.request_timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("max_outstanding", &self.max_outstanding)
            .field("max_outgoing_bytes", &self.max_outgoing_bytes)
            .field("silence_timeout", &self.silence_timeout)
            .field("keep_alive", &self.keep_alive)
            .field("backoff", &(self.first_backoff..=self.max_backoff))
            .field("resends", &self.resends)
            .finish()
    }
}
