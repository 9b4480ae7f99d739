//! The bytes of one connection: what came in and has not been used, and what is to go out.
//!
//! One rule keeps both directions going: before anything is waited for, what is to go out is sent.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::AsyncWriteExt;
use tokio_util::io::poll_read_buf;

use crate::connection::{Activity, Watched};

/// Bytes that are read at a time: most requests have less.
const READ_BYTES: usize = 4 << 10;

/// The same for a body.
const BODY_READ_BYTES: usize = 64 << 10;

/// Responses that are collected are sent when they have this many bytes, at the latest.
const OUTPUT_BYTES: usize = 16 << 10;

/// A body of at most this many bytes is copied behind its head, to be sent together with other responses.
const COPIED_BYTES: usize = 1024;

/// Why nothing more comes in.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoInput {
    #[error("the client has sent its last byte")]
    End,
    #[error("the client sends too slowly")]
    TooSlow,
    #[error(transparent)]
    Failed(#[from] io::Error),
}

pub(super) struct HttpStream {
    pub(super) stream: Watched,
    /// What came in and has not been used.
    pub(super) input: BytesMut,
    /// What is to go out.
    pub(super) output: Vec<u8>,
    activity: Rc<Activity>,
    /// Whether `input` has grown for a body.
    is_large: bool,
}

impl HttpStream {
    pub(super) fn new(stream: Watched, activity: Rc<Activity>) -> Self {
        Self { stream, input: BytesMut::new(), output: Vec::new(), activity, is_large: false }
    }

    /// Sends what is to go out, then waits for more of a body.
    pub(super) async fn fill_body(&mut self) -> Result<(), NoInput> {
        self.flush().await?;
        self.read(BODY_READ_BYTES, std::future::pending::<()>()).await.map(|_| ())
    }

    /// The same between two requests, or within a head, if `until` is not complete before. Returns whether there is more.
    pub(super) async fn fill_until(&mut self, until: impl Future) -> Result<bool, NoInput> {
        self.flush().await?;
        if self.is_large && self.input.is_empty() {
            self.is_large = false;
            self.input = BytesMut::new();
        }
        self.read(READ_BYTES, until).await
    }

    async fn read(&mut self, bytes: usize, until: impl Future) -> Result<bool, NoInput> {
        let mut until = std::pin::pin!(until);
        let is_body = bytes > READ_BYTES;
        let Self { stream, input, activity, is_large, .. } = self;
        poll_fn(|cx| {
            let mut read = |cx: &mut _| {
                // A connection that waits for its first request needs no memory for it.
                ready!(stream.poll_readable(cx))?;
                input.reserve(bytes);
                *is_large |= is_body;
                poll_read_buf(Pin::new(&mut *stream), cx, input)
            };
            match read(cx) {
                Poll::Ready(Ok(0)) => Poll::Ready(Err(NoInput::End)),
                Poll::Ready(Ok(_)) => Poll::Ready(Ok(true)),
                Poll::Ready(Err(e)) => Poll::Ready(Err(e.into())),
                Poll::Pending if is_body => activity.poll_too_slow(cx).map(|()| Err(NoInput::TooSlow)),
                Poll::Pending => until.as_mut().poll(cx).map(|_| Ok(false)),
            }
        })
        .await
    }

    /// Sends what is to go out.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        if !self.output.is_empty() {
            self.stream.write_all(&self.output).await?;
            self.output.clear();
        }
        Ok(())
    }

    /// Adds a body to what is to go out. A large one is sent at once, without being copied.
    pub(super) async fn push_body(&mut self, body: &[u8]) -> io::Result<()> {
        if body.len() <= COPIED_BYTES {
            self.output.extend_from_slice(body);
            if self.output.len() >= OUTPUT_BYTES {
                self.flush().await?;
            }
        } else {
            self.stream.write_all_buf(&mut self.output.chain(body)).await?;
            self.output.clear();
        }
        Ok(())
    }
}
