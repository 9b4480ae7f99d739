//! The client handle, and how its requests enter the pipeline.

use std::sync::Arc;

use proto::frame::{REQUEST_HEADER_BYTES, encode_ping, encode_request, request_bytes};
use proto::{Key, Op};
use tokio::sync::watch;

use crate::connection::Connection;
use crate::pipeline::Pipeline;
use crate::reply::Reply;
use crate::supervisor::supervise;
use crate::{Error, InvalidInput, Options};

/// A client of one server. Clones are cheap and share one connection, over which the requests of all tasks are
/// pipelined. See the [crate's documentation](crate).
///
/// Each method sends one request when its future is first polled, and waits for the reply. Dropping the future is safe
/// at any time: if the request has not been sent yet, it never is; if it has, its reply is discarded. Other requests
/// are not affected. Dropping the last clone closes the connection.
#[derive(Clone, Debug)]
pub struct Client {
    shared: Arc<Shared>,
    pub(crate) durable: bool,
    /// Whether single writes are carried out once.
    once: bool,
}

#[derive(Debug)]
struct Shared {
    pipeline: Arc<Pipeline>,
    /// The background task has the receiver. It stops on this signal, or when the sender is dropped.
    stop: watch::Sender<bool>,
}

impl Client {
    /// Connects to the server at `address`, such as `localhost:8090`, with default options. See [`Options::connect`].
    pub async fn connect(address: impl Into<String>) -> Result<Self, Error> {
        Options::new(address).connect().await
    }

    fn spawn(options: Options, connection: Option<Connection>) -> Self {
        let pipeline = Arc::new(Pipeline::new(options));
        if let Some(connection) = &connection {
            // Check this before the first request, so that none is made that is too large.
            pipeline.connected(connection.accepted);
        }
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(supervise(Arc::clone(&pipeline), connection, stopped));
        Self { shared: Arc::new(Shared { pipeline, stop }), durable: false, once: false }
    }

    /// A handle to the same connection whose writes complete only when they are on disk, whatever the server's
    /// durability setting.
    pub fn durable(&self) -> Self {
        Self { durable: true, ..self.clone() }
    }

    /// A handle to the same connection whose single writes (puts, increments and so on, but not multi-puts) have idempotency keys: if
    /// the outcome of one is unknown, it is sent again, and carried out once, like a transaction ([`Options::resends`]). It then is
    /// one for the server, too, which takes it about three times as much work as a single write.
    pub fn once(&self) -> Self {
        Self { once: true, ..self.clone() }
    }

    /// Closes the connection for all clones. Requests in flight still get their replies, for at most the request
    /// timeout; new ones fail with [`Error::Closed`]. Returns when the connection is closed.
    pub async fn close(&self) {
        self.shared.pipeline.drain().await;
        self.shared.stop.send_replace(true);
        self.shared.stop.closed().await;
    }

    /// Checks that the server responds.
    pub async fn ping(&self) -> Result<(), Error> {
        match self.pipeline().send(REQUEST_HEADER_BYTES, encode_ping).await?.reply().await? {
            Reply::Done => Ok(()),
            _ => Reply::unexpected("ping"),
        }
    }

    pub(crate) fn pipeline(&self) -> &Pipeline {
        &self.shared.pipeline
    }

    /// Sends one operation and waits for its reply.
    pub(crate) async fn run(&self, op: Op<'_>) -> Result<Reply, Error> {
        if self.once && op.kind().writes() {
            return self.run_once(op).await;
        }
        let durable = self.durable && op.kind().writes();
        let sent = self.pipeline().send(request_bytes(&op), |out, id| encode_request(out, id, durable, &op));
        sent.await?.reply().await
    }
}

impl Options {
    /// Connects, and returns when the server has accepted the connection.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`] if the first attempt fails. To wait for a server instead, use [`Options::start`]. Panics
    /// outside of a tokio runtime.
    pub async fn connect(self) -> Result<Client, Error> {
        let connection = Connection::open(&self).await?;
        Ok(Client::spawn(self, Some(connection)))
    }

    /// Returns a client immediately. It connects in the background and keeps trying; requests wait for the connection
    /// until they time out. Panics outside of a tokio runtime.
    pub fn start(self) -> Client {
        Client::spawn(self, None)
    }
}

/// Checks that a text is a valid key.
pub(crate) fn key(key: &str) -> Result<Key<'_>, InvalidInput> {
    Ok(Key::new(key.as_bytes())?)
}
