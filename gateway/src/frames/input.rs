//! What was read, and the half of a frame that waits for the rest.
//!
//! A connection that waits holds nothing but the beginning of a frame, if there is one; the buffer that is read into belongs to
//! the worker. A frame that is larger than that buffer is read into memory of its own, which grows as the bytes come
//! in, whatever length the frame claims.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use proto::frame::RunDecoder;
use tokio_util::io::poll_read_buf;

use super::buffers::Buffers;
use crate::budget::Share;
use crate::config::{FRAME_BUFFER_BYTES, UNBUDGETED_BYTES};
use crate::connection::Watched;

/// A longer beginning of a frame is not copied to the next read's buffer: that buffer is kept for it.
const MAX_COPIED_BYTES: usize = FRAME_BUFFER_BYTES / 2;

/// The memory for large frames is used up by all connections together.
#[derive(Debug)]
pub(super) struct BudgetExhausted;

/// The receiving side of a connection.
pub(super) struct Input {
    /// The beginning of a frame.
    half: BytesMut,
    /// Whether what was read last is in memory of this connection's own, which the worker's other connections must not get: it
    /// may be large.
    is_own: bool,
    share: Share,
}

impl Input {
    pub(super) fn new(share: Share) -> Self {
        Self { half: BytesMut::new(), is_own: false, share }
    }

    /// Reads once. Returns what has not been answered yet, the half of a frame from before in front; `None` at the end.
    pub(super) fn poll_read(
        &mut self,
        stream: &mut Watched,
        buffers: &Buffers,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Option<BytesMut>>> {
        ready!(stream.poll_readable(cx))?;
        self.is_own = self.half.len() > MAX_COPIED_BYTES;
        let mut bytes = if self.is_own {
            std::mem::take(&mut self.half)
        } else {
            let mut bytes = buffers.input();
            bytes.extend_from_slice(&self.half);
            bytes
        };
        let read = poll_read_buf(Pin::new(stream), cx, &mut bytes);
        if let Poll::Ready(Ok(1..)) = read {
            return Poll::Ready(Ok(Some(bytes)));
        }
        match self.is_own {
            true => self.half = bytes,
            false => buffers.put_input(bytes),
        }
        read.map_ok(|_| None)
    }

    /// Keeps what is not a complete frame until more comes in.
    pub(super) fn keep(
        &mut self,
        bytes: BytesMut,
        decoder: RunDecoder,
        buffers: &Buffers,
    ) -> Result<(), BudgetExhausted> {
        if bytes.len() > MAX_COPIED_BYTES {
            self.half = with_room(bytes, decoder);
        } else {
            self.half = BytesMut::from(&bytes[..]);
            if !self.is_own {
                buffers.put_input(bytes);
            }
        }
        match self.half.capacity() {
            small if small <= UNBUDGETED_BYTES => {
                self.share.release();
                Ok(())
            }
            large if self.share.grow_to(large) => Ok(()),
            _ => Err(BudgetExhausted),
        }
    }

    /// Gives up the beginning of a frame and its share of the memory.
    pub(super) fn clear(&mut self) {
        self.half = BytesMut::new();
        self.share.release();
    }

    /// The number of the request that has begun to come in; 0 if that has not come yet.
    pub(super) fn id(&self) -> u32 {
        self.half.get(4..8).and_then(|id| id.try_into().ok()).map_or(0, u32::from_le_bytes)
    }
}

/// The beginning of a large frame, with room for more of it: for all that it claims, but at most as much as has come, so that
/// a claim alone costs nothing.
fn with_room(bytes: BytesMut, decoder: RunDecoder) -> BytesMut {
    if bytes.len() < bytes.capacity() {
        return bytes;
    }
    // The claim is longer than what is here, because no complete frame is left in it.
    let claimed = decoder.claimed(&bytes).ok().flatten().unwrap_or_default();
    let mut larger = BytesMut::with_capacity(claimed.min(2 * bytes.len()));
    larger.extend_from_slice(&bytes);
    larger
}
