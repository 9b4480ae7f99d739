//! Reading a request's body within its limits.
//!
//! Whatever the response will be, the body is received first: a client that is still sending could not read it. Only one that
//! asks before it sends (`Expect: 100-continue`) is told at once.

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

/// Most bytes of a body that are received only to be dropped; a connection whose client sends more is closed.
const MAX_SKIPPED_BYTES: usize = 64 << 20;

/// A whole body, and its share of the memory for bodies.
pub(super) struct Body {
    whole: BytesMut,
    share: Share,
}

impl Body {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.whole
    }

    fn push(&mut self, data: &Bytes, limit: usize) -> Result<(), Problem> {
        let length = self.whole.len() + data.len();
        if length > limit {
            return Err(Problem::BodyTooLarge { limit });
        }
        if length > UNBUDGETED_BYTES && !self.share.grow_to(length) {
            return Err(Refusal::RequestMemory.into());
        }
        self.whole.extend_from_slice(data);
        Ok(())
    }
}

/// A body that comes in.
pub(super) struct IncomingBody<'a> {
    incoming: Incoming,
    /// Knows when the client is too slow.
    activity: &'a Activity,
    /// Whether the client waits for a word before it sends the body.
    is_asked_for: bool,
}

impl<'a> IncomingBody<'a> {
    pub(super) fn new(incoming: Incoming, activity: &'a Activity, is_asked_for: bool) -> Self {
        if !incoming.is_end_stream() {
            activity.transferring();
        }
        Self { incoming, activity, is_asked_for }
    }

    /// Reads it to its end, or says why not.
    pub(super) async fn read(mut self, limit: usize, budget: &Arc<Budget>) -> Result<Body, Problem> {
        let mut body = Body { whole: BytesMut::new(), share: budget.share() };
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
            // The client has been asked for the rest.
            self.is_asked_for = false;
            body.push(&data, limit)?;
        }
        Ok(())
    }

    /// Receives what is left of it, to no use. It is left where it is if the client waits for a word, sends too much, too slowly or
    /// what is no body.
    pub(super) async fn skip(mut self) {
        let mut skipped = 0;
        while !self.is_asked_for
            && skipped < MAX_SKIPPED_BYTES
            && let Ok(Some(data)) = self.next_data().await
        {
            skipped += data.len();
        }
    }

    /// Some more of the body; `None` at its end.
    async fn next_data(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            let frame = poll_fn(|cx| match Pin::new(&mut self.incoming).poll_frame(cx) {
                Poll::Pending => self.activity.poll_too_slow(cx).map(|()| Err(Problem::TooSlow)),
                Poll::Ready(frame) => Poll::Ready(Ok(frame)),
            });
            let Some(frame) = frame.await? else { return Ok(None) };
            let frame = frame.map_err(|e| BadMessage(format!("the body could not be read: {e}")))?;
            // Trailers mean nothing to us.
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
    }
}
