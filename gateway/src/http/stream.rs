//! The bytes of a connection, between hyper and the socket.
//!
//! hyper drops its stream when it is done. If a socket is dropped with unread input, the kernel resets the connection,
//! and the client may lose the last response. So the session owns the stream, and hyper gets a handle.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::targets::Targets;
use crate::connection::Watched;

/// The stream of a connection, and the targets seen on it.
pub(super) struct HttpStream {
    pub(super) watched: Watched,
    pub(super) targets: Targets,
}

/// A handle to a stream. Its shutdown only flushes, and leaves the socket open.
pub(super) struct Handle(Rc<RefCell<HttpStream>>);

impl HttpStream {
    pub(super) fn new(watched: Watched) -> Rc<RefCell<Self>> {
        Rc::new(RefCell::new(Self { watched, targets: Targets::default() }))
    }
}

impl Handle {
    pub(super) fn to(stream: &Rc<RefCell<HttpStream>>) -> Self {
        Self(Rc::clone(stream))
    }
}

impl AsyncRead for Handle {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let HttpStream { watched, targets } = &mut *self.0.borrow_mut();
        let before = buf.filled().len();
        ready!(Pin::new(watched).poll_read(cx, buf))?;
        targets.see(&buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Handle {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0.borrow_mut().watched).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0.borrow_mut().watched).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.borrow().watched.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0.borrow_mut().watched).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}
