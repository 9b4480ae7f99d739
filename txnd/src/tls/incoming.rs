//! The accept loop and its limits; one accepted connection.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, Sleep, sleep, timeout, timeout_at};
use tokio_rustls::server::TlsStream;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;
use tracing::{debug, warn};

use super::acceptor::{Acceptor, Peer};
use super::refusal::{Reason, Refusal};
use super::reload::watch;
use super::socket::prepare;
use crate::meters;

/// A handshake younger than this is not aborted to make room for another.
const HANDSHAKE_GRACE: Duration = Duration::from_secs(1);

/// Pause after an error of the listener, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Limits on the resources of clients.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Time for a handshake, and again for the client's first bytes after it. A client that only holds a slot would
    /// keep others out.
    pub handshake_time: Duration,
    /// Concurrent handshakes. Above this number, the oldest one that has taken longer than a second is aborted, so that
    /// silent unknown clients cannot keep a writer out.
    pub handshakes: usize,
    /// Concurrent connections, after their handshakes. Further ones are refused.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { handshake_time: Duration::from_secs(10), handshakes: 64, connections: 256 }
    }
}

/// A client's connection after its handshake.
///
/// Reads and writes fail once the server's certificates have been replaced: the client must present its certificate
/// again.
#[derive(Debug)]
pub struct Connection {
    stream: TlsStream<TcpStream>,
    peer: Peer,
    over: CancellationToken,
    /// Wakes the reader when `over` is cancelled.
    ended: Pin<Box<WaitForCancellationFutureOwned>>,
    /// The deadline for the client's first bytes, until they arrive.
    too_late: Option<Pin<Box<Sleep>>>,
    _open: Open,
}

/// Counts a connection for as long as it exists.
#[derive(Debug)]
struct Open {
    _permit: OwnedSemaphorePermit,
}

/// Accepts connections and performs their handshakes, until `shutdown` or until the stream is dropped. Watches the
/// certificates for as long. Yields no errors: they are logged and counted.
pub fn incoming(
    listener: TcpListener,
    acceptor: Arc<Acceptor>,
    limits: Limits,
    shutdown: CancellationToken,
) -> impl Stream<Item = io::Result<Connection>> + Send + Unpin + 'static {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let closed = sender.clone();
        let loops = async {
            tokio::join!(watch(&*acceptor), accept_loop(listener, &acceptor, limits, sender));
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = closed.closed() => {}
            () = loops => {}
        }
    });
    ReceiverStream::new(receiver)
}

async fn accept_loop(
    listener: TcpListener,
    acceptor: &Arc<Acceptor>,
    limits: Limits,
    sender: mpsc::Sender<io::Result<Connection>>,
) {
    let connections = Arc::new(Semaphore::new(limits.connections));
    let mut handshakes = Handshakes::default();
    loop {
        handshakes.make_room(limits.handshakes).await;
        let (stream, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(e) if is_of_one_connection(&e) => continue,
            Err(e) => {
                warn!(error = %e, "cannot accept connections; retrying in {ACCEPT_PAUSE:?}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (acceptor, connections, sender) = (Arc::clone(acceptor), Arc::clone(&connections), sender.clone());
        handshakes.spawn(address, async move {
            match handshake(stream, address, &acceptor, limits, connections).await {
                // If nothing takes it, the server is stopping.
                Ok(connection) => drop(sender.send(Ok(connection)).await),
                Err(refusal) => refuse(address, &refusal),
            }
        });
    }
}

/// Handshakes in progress, the oldest first.
#[derive(Default)]
struct Handshakes {
    tasks: JoinSet<()>,
    oldest: VecDeque<(Instant, SocketAddr, AbortHandle)>,
}

impl Handshakes {
    fn spawn(&mut self, address: SocketAddr, handshake: impl Future<Output = ()> + Send + 'static) {
        self.oldest.push_back((Instant::now(), address, self.tasks.spawn(handshake)));
    }

    /// Returns when there are fewer than `limit`.
    async fn make_room(&mut self, limit: usize) {
        while self.tasks.try_join_next().is_some() {}
        while self.tasks.len() >= limit.max(1) {
            self.oldest.retain(|(_, _, task)| !task.is_finished());
            let Some((since, address, task)) = self.oldest.front() else { break };
            if timeout_at(*since + HANDSHAKE_GRACE, self.tasks.join_next()).await.is_ok() {
                continue;
            }
            if !task.is_finished() {
                let sentence = "its handshake was the slowest of too many at once".into();
                refuse(*address, &Refusal::new(Reason::TooMany, sentence));
            }
            task.abort();
            self.oldest.pop_front();
            self.tasks.join_next().await;
        }
        self.oldest.retain(|(_, _, task)| !task.is_finished());
    }
}

async fn handshake(
    stream: TcpStream,
    address: SocketAddr,
    acceptor: &Acceptor,
    limits: Limits,
    connections: Arc<Semaphore>,
) -> Result<Connection, Refusal> {
    let started = Instant::now();
    if let Err(e) = prepare(&stream) {
        return Err(Refusal::new(Reason::HungUp, format!("its socket cannot be configured: {e}")));
    }
    let accepted = timeout(limits.handshake_time, acceptor.accept(stream, address)).await;
    let (stream, peer, over) = accepted.unwrap_or_else(|_| {
        let sentence = format!("it did not complete the handshake within {:?}", limits.handshake_time);
        Err(Refusal::new(Reason::Timeout, sentence))
    })?;
    let permit = connections.try_acquire_owned().map_err(|_| {
        let sentence = format!("{} connections are open, more are not allowed", limits.connections);
        Refusal::new(Reason::TooMany, sentence)
    })?;
    meters::handshake(started.elapsed());
    debug!(peer = %address, name = peer.name, "connection accepted");
    let ended = Box::pin(over.clone().cancelled_owned());
    let too_late = Some(Box::pin(sleep(limits.handshake_time)));
    Ok(Connection { stream, peer, over, ended, too_late, _open: Open::new(permit) })
}

fn refuse(address: SocketAddr, refusal: &Refusal) {
    let reason = refusal.reason.label();
    meters::connection_refused(reason);
    match refusal.reason {
        // A port scan, or a supervisor's probe.
        Reason::HungUp => debug!(peer = %address, reason, "a connection was abandoned: {refusal}"),
        _ => warn!(peer = %address, reason, "a connection was refused: {refusal}"),
    }
}

/// Whether an error of `accept` concerns the connection and not the listener.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

impl Open {
    fn new(permit: OwnedSemaphorePermit) -> Self {
        meters::connection_opened();
        Self { _permit: permit }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        meters::connection_closed();
    }
}

impl Connection {
    /// The client at the other end.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Whether the client has missed the deadline for its first bytes. The library waits for them without a timeout.
    fn is_silent(&mut self, cx: &mut Context<'_>) -> bool {
        self.too_late.as_mut().is_some_and(|too_late| too_late.as_mut().poll(cx).is_ready())
    }
}

fn over() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the server's certificates were replaced; connect again")
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.ended.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(over()));
        }
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if read.is_ready() {
            self.too_late = None;
        } else if self.is_silent(cx) {
            let refusal = Refusal::new(Reason::Timeout, "it has said nothing since its handshake".into());
            refuse(self.peer.address, &refusal);
            self.too_late = None;
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, refusal)));
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.over.is_cancelled() {
            return Poll::Ready(Err(over()));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.over.is_cancelled() {
            return Poll::Ready(Err(over()));
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.over.is_cancelled() {
            return Poll::Ready(Err(over()));
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
