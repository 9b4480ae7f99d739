//! Reads a request's body within its limits.
//!
//! The body is received before any response is sent, even an error: a client that is still sending might not read the
//! response. Only a client that asks before it sends (`Expect: 100-continue`) gets an error at once.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use hyper::body::{Body as _, Incoming};
use proto::Refusal;

use super::problem::{BadMessage, Problem};
use crate::budget::{Budget, Share};
use crate::config::UNBUDGETED_BYTES;
use crate::connection::Activity;

/// Maximum number of bytes of a body that are received and discarded. If the client sends more, the connection is
/// closed.
const MAX_SKIPPED_BYTES: usize = 64 << 20;

/// Data of at least so many bytes is kept as it has come. Less is collected, so that many small parts take no more memory than
/// a few large ones.
const PART_BYTES: usize = 16 << 10;

/// Small parts are collected up to this size.
const COLLECTED_BYTES: usize = 64 << 10;

/// A complete body, and its share of `--request-memory`. A large one is in parts, which whoever needs all of it puts together.
pub(super) struct Body {
    parts: Vec<Bytes>,
    /// Behind the parts.
    collected: BytesMut,
    length: usize,
    share: Share,
}

/// All of a body, and its share of `--request-memory`.
pub(super) struct WholeBody {
    bytes: Bytes,
    _share: Share,
}

impl Body {
    pub(super) fn len(&self) -> usize {
        self.length
    }

    fn push(&mut self, data: Bytes, limit: usize) -> Result<(), Problem> {
        let length = self.length + data.len();
        if length > limit {
            return Err(Problem::BodyTooLarge { limit });
        }
        if length > UNBUDGETED_BYTES && !self.share.grow_to(length) {
            return Err(Refusal::RequestMemory.into());
        }
        // Most bodies come at once.
        if self.length == 0 || data.len() >= PART_BYTES {
            self.end_part();
            self.parts.push(data);
        } else {
            self.collected.extend_from_slice(&data);
            if self.collected.len() >= COLLECTED_BYTES {
                self.end_part();
            }
        }
        self.length = length;
        Ok(())
    }

    fn end_part(&mut self) {
        if !self.collected.is_empty() {
            self.parts.push(self.collected.split().freeze());
        }
    }

    /// Puts the parts together.
    pub(super) fn whole(mut self) -> WholeBody {
        self.end_part();
        let bytes = match <[Bytes; 1]>::try_from(self.parts) {
            Ok([bytes]) => bytes,
            Err(parts) => parts.concat().into(),
        };
        WholeBody { bytes, _share: self.share }
    }
}

impl WholeBody {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A body that is being received.
pub(super) struct IncomingBody<'a> {
    incoming: Incoming,
    /// Reports when the client is too slow.
    activity: &'a Activity,
    /// Whether the client waits for `100 Continue` before it sends the body.
    expects_continue: bool,
}

impl<'a> IncomingBody<'a> {
    pub(super) fn new(incoming: Incoming, activity: &'a Activity, expects_continue: bool) -> Self {
        if !incoming.is_end_stream() {
            activity.transferring();
        }
        Self { incoming, activity, expects_continue }
    }

    /// Reads the body to its end. After an error the rest of it has been skipped where possible.
    pub(super) async fn read(mut self, limit: usize, budget: &Arc<Budget>) -> Result<Body, Problem> {
        let mut body = Body { parts: Vec::new(), collected: BytesMut::new(), length: 0, share: budget.share() };
        match self.read_into(&mut body, limit).await {
            Ok(()) => Ok(body),
            Err(problem) => {
                drop(body);
                if !matches!(problem, Problem::TooSlow) {
                    self.skip().await;
                }
                Err(problem)
            }
        }
    }

    async fn read_into(&mut self, body: &mut Body, limit: usize) -> Result<(), Problem> {
        if self.incoming.size_hint().lower() > limit as u64 {
            return Err(Problem::BodyTooLarge { limit });
        }
        while let Some(data) = self.next_data().await? {
            // hyper has sent `100 Continue`: the rest will come without waiting.
            self.expects_continue = false;
            body.push(data, limit)?;
        }
        Ok(())
    }

    /// Receives and discards the rest of the body. Stops if the client waits for `100 Continue`, or sends too much, too
    /// slowly or an invalid body.
    pub(super) async fn skip(mut self) {
        let mut skipped = 0;
        while !self.incoming.is_end_stream()
            && !self.expects_continue
            && skipped < MAX_SKIPPED_BYTES
            && let Ok(Some(data)) = self.next_data().await
        {
            skipped += data.len();
        }
    }

    /// The next part of the body; `None` at its end.
    async fn next_data(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            let frame = poll_fn(|cx| match Pin::new(&mut self.incoming).poll_frame(cx) {
                Poll::Pending => self.activity.poll_too_slow(cx).map(|()| Err(Problem::TooSlow)),
                Poll::Ready(frame) => Poll::Ready(Ok(frame)),
            });
            let Some(frame) = frame.await? else { return Ok(None) };
            let frame = frame.map_err(|e| BadMessage(format!("the body could not be read: {e}")))?;
            // Trailers are ignored.
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
    }
}
