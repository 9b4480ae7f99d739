//! Reading a request's body within its limits.
//!
//! Whatever the answer will be, the body is received first: a client that is still sending could not read it. Only one that
//! asks before it sends (`Expect: 100-continue`) is told at once.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::body::{Body as _, Incoming};
use hyper::header::EXPECT;
use proto::Refusal;

use super::answer::Problem;
use crate::budget::Share;
use crate::config::UNCOUNTED_BYTES;
use crate::context::Shared;

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
        if length > UNCOUNTED_BYTES && !self.share.grow_to(length) {
            return Err(Refusal::RequestMemory.into());
        }
        self.whole.extend_from_slice(data);
        Ok(())
    }
}

/// Reads `incoming` to its end, or says why not.
pub(super) async fn read(shared: &Shared, headers: &HeaderMap, mut incoming: Incoming) -> Result<Body, Problem> {
    let limit = shared.config.max_body.as_u64() as usize;
    let mut problem = None;
    if incoming.size_hint().lower() > limit as u64 {
        problem = Some(Problem::BodyTooLarge { limit });
    }
    let mut body = Body { whole: BytesMut::new(), share: shared.request_memory.share() };
    while problem.is_none()
        && let Some(data) = next_data(&mut incoming).await?
    {
        problem = body.push(&data, limit).err();
    }
    match problem {
        None => Ok(body),
        Some(problem) => {
            drop(body);
            skip(headers, incoming).await;
            Err(problem)
        }
    }
}

/// Receives a body that is of no use.
pub(super) async fn skip(headers: &HeaderMap, mut incoming: Incoming) {
    let mut skipped = 0;
    while !headers.contains_key(EXPECT)
        && skipped < MAX_SKIPPED_BYTES
        && let Ok(Some(data)) = next_data(&mut incoming).await
    {
        skipped += data.len();
    }
}

async fn next_data(incoming: &mut Incoming) -> Result<Option<Bytes>, Problem> {
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|e| Problem::Malformed(format!("the body could not be read: {e}")))?;
        // Trailers mean nothing to us.
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}
