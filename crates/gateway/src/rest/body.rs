//! Reading a request's body within its limits.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::body::{Body as _, Incoming};
use hyper::header::EXPECT;

use super::answer::Problem;
use crate::server::Shared;

/// Bodies up to this many bytes do not count against `--max-bodies`: the limit of connections bounds them.
const UNCOUNTED_BYTES: usize = 16 << 10;

/// A client that sends a body over the limit is listened to for this many times the limit, so that it is ready to read
/// the answer; then the connection is closed.
const DRAIN_FACTOR: usize = 4;

/// A whole body, and its share of the memory for bodies.
#[derive(Default)]
pub(super) struct Body<'s> {
    bytes: Bytes,
    _share: Option<Share<'s>>,
}

impl Body<'_> {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Bytes that count against `--max-bodies` for as long as this lives.
struct Share<'s> {
    used: &'s AtomicUsize,
    bytes: usize,
}

impl Share<'_> {
    fn grow(&mut self, more: usize, limit: usize) -> Result<(), Problem> {
        self.bytes += more;
        match self.used.fetch_add(more, Ordering::Relaxed) + more > limit {
            true => Err(Problem::Busy("too many large request bodies at a time; try again later")),
            false => Ok(()),
        }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Reads `incoming` to its end, or says why not.
pub(super) async fn read<'s>(
    shared: &'s Shared,
    headers: &HeaderMap,
    mut incoming: Incoming,
) -> Result<Body<'s>, Problem> {
    let limit = shared.config.max_body.as_u64() as usize;
    let too_large = Problem::BodyTooLarge { limit };
    let announced = incoming.size_hint().exact();
    if announced.is_some_and(|announced| announced > limit as u64) {
        // A client that asks before it sends is told at once; any other is sending already.
        if !headers.contains_key(EXPECT) {
            drain(incoming, limit).await;
        }
        return Err(too_large);
    }
    let mut share = Share { used: &shared.bodies, bytes: 0 };
    let mut whole = BytesMut::new();
    while let Some(data) = next_data(&mut incoming).await? {
        let length = whole.len() + data.len();
        if length > limit {
            drop((whole, share));
            drain(incoming, limit).await;
            return Err(too_large);
        }
        if length > UNCOUNTED_BYTES {
            share.grow(length - share.bytes, shared.config.max_bodies.as_u64() as usize)?;
        }
        if whole.is_empty() && incoming.is_end_stream() {
            return Ok(Body { bytes: data, _share: Some(share) });
        }
        whole.extend_from_slice(&data);
    }
    Ok(Body { bytes: whole.freeze(), _share: Some(share) })
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

async fn drain(mut incoming: Incoming, limit: usize) {
    let mut drained = 0;
    while drained < limit.saturating_mul(DRAIN_FACTOR) {
        match next_data(&mut incoming).await {
            Ok(Some(data)) => drained += data.len(),
            Ok(None) | Err(_) => return,
        }
    }
}
