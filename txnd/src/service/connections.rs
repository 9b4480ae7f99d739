//! Serves each connection on a thread of its own. A client that reads much costs the processors much: encoding, encryption,
//! sending. Its thread can give way, while those of writers do not.

use std::future::pending;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_stream::{Stream, StreamExt};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tonic::transport::server::{Connected, Router};
use tracing::{debug, warn};

use crate::thread;
use crate::tls::Settle;

/// File descriptors of a connection: its socket, and those of its thread's runtime, which are two for epoll, one to wake it, one for
/// signals.
pub const CONNECTION_FILES: usize = 5;

/// A connection that was accepted.
pub trait Io: Settle + AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static {}

impl<T: Settle + AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static> Io for T {}

/// Serves `connections` with what [`server`](super::server) returned until `stop` completes, also when there are no more of them;
/// then lets those that there are come to their end. They break when the future is dropped. Must be called within a tokio runtime.
pub async fn serve<C: Io>(
    router: Router,
    connections: impl Stream<Item = io::Result<C>>,
    stop: impl Future<Output = ()>,
) {
    let (broken, ending, open) = (CancellationToken::new(), CancellationToken::new(), TaskTracker::new());
    let _break_at_drop = broken.clone().drop_guard();
    let accept = async {
        let mut connections = std::pin::pin!(connections);
        while let Some(accepted) = connections.next().await {
            let accepted = match accepted {
                Ok(accepted) => accepted,
                Err(e) => {
                    debug!(error = %e, "a connection was not accepted");
                    continue;
                }
            };
            let (router, ending, broken) = (router.clone(), ending.clone(), broken.clone());
            let work = move || async move {
                tokio::select! {
                    () = serve_one(router, accepted, ending) => {}
                    () = broken.cancelled() => {}
                }
            };
            let counted = open.token();
            if let Err(e) = thread::run("txnd-connection", work, move |()| drop(counted)) {
                warn!(error = %e, "a connection was refused: its thread cannot be started");
            }
        }
        pending().await
    };
    tokio::select! {
        () = accept => {}
        () = stop => {}
    }
    ending.cancel();
    open.close();
    open.wait().await;
}

/// Serves a connection to its end. Once it is `ending`, calls under way are completed, and there are no further ones.
async fn serve_one(router: Router, accepted: impl Io, ending: CancellationToken) {
    let io = match accepted.settle() {
        Ok(io) => io,
        Err(e) => return warn!(error = %e, "a connection was refused: it cannot be watched"),
    };
    let over = CancellationToken::new();
    let counted = Counted { io, _over: over.clone().drop_guard() };
    let connections = tokio_stream::once(Ok::<_, io::Error>(counted)).chain(tokio_stream::pending());
    let end = async {
        tokio::select! {
            () = over.cancelled() => {}
            () = ending.cancelled() => {}
        }
    };
    if let Err(e) = router.serve_with_incoming_shutdown(connections, end).await {
        debug!(error = %e, "a connection was not served");
    }
}

/// Tells when the library has dropped the connection: it waits for the next one then.
struct Counted<T> {
    io: T,
    _over: DropGuard,
}

impl<T: Connected> Connected for Counted<T> {
    type ConnectInfo = T::ConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.io.connect_info()
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Counted<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Counted<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
