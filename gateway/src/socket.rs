//! A client's socket: plain TCP, over epoll or a ring, or TLS; and why a session on it must end.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use txnd::tls::ServerStream;

use crate::ring::{HELD_BYTES, RingStream};

/// The connection to a client.
pub(crate) enum Socket {
    Plain(TcpStream),
    Ring(RingStream),
    /// Over epoll. On the heap: the state of TLS is large, and most connections are plain.
    Tls(Box<ServerStream<TcpStream>>),
}

impl Socket {
    /// The TCP connection.
    pub(crate) fn tcp(&self) -> SockRef<'_> {
        match self {
            Self::Plain(stream) => SockRef::from(stream),
            Self::Ring(stream) => SockRef::from(stream.tcp()),
            Self::Tls(stream) => SockRef::from(stream.get_ref().0),
        }
    }

    /// Maximum number of bytes that were written and that the kernel does not have yet, although nobody waits for that.
    pub(crate) fn held_bytes(&self) -> usize {
        match self {
            Self::Plain(_) | Self::Tls(_) => 0,
            Self::Ring(_) => HELD_BYTES,
        }
    }

    /// Whether parts that are written together are joined anyway.
    pub(crate) fn joins(&self) -> bool {
        matches!(self, Self::Ring(_))
    }

    /// Waits until there may be something to read.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => stream.poll_read_ready(cx),
            Self::Ring(stream) => stream.poll_readable(cx),
            // Something may have been decrypted already.
            Self::Tls(_) => Poll::Ready(Ok(())),
        }
    }
}

/// Calls a method of the stream inside.
macro_rules! inside {
    ($socket:expr, $stream:ident => $call:expr) => {
        match $socket.get_mut() {
            Socket::Plain(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            Socket::Ring(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            Socket::Tls(stream) => {
                let $stream = Pin::new(&mut **stream);
                $call
            }
        }
    };
}

impl AsyncRead for Socket {
    #[inline]
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        inside!(self, stream => stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for Socket {
    #[inline]
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        inside!(self, stream => stream.poll_write(cx, buf))
    }

    #[inline]
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        inside!(self, stream => stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    #[inline]
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        inside!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        inside!(self, stream => stream.poll_shutdown(cx))
    }
}

/// Tells a session to end: the server is stopping, or the client must show its certificate again.
#[derive(Clone)]
pub(crate) struct Stop {
    server: watch::Receiver<bool>,
    certificate: Option<CancellationToken>,
}

impl Stop {
    /// Of a session that ends with the server.
    pub(crate) fn of_server(server: watch::Receiver<bool>) -> Self {
        Self { server, certificate: None }
    }

    /// Also ends when `certificate` is cancelled.
    pub(crate) fn or(self, certificate: CancellationToken) -> Self {
        Self { certificate: Some(certificate), ..self }
    }

    /// Waits until the session must end.
    pub(crate) async fn wait(&mut self) {
        let server = self.server.wait_for(|stop| *stop);
        match &self.certificate {
            None => drop(server.await),
            Some(certificate) => tokio::select! {
                _ = server => {}
                () = certificate.cancelled() => {}
            },
        }
    }
}
