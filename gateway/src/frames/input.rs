//! Reads from a connection, and keeps an incomplete frame until the rest of it arrives.
//!
//! While a connection waits for input, it holds only the incomplete frame, if there is one; the read buffer belongs to
//! the worker. A frame larger than that buffer is read into memory of its own, which grows as bytes arrive, whatever
//! length the frame claims.

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

/// A longer incomplete frame is not copied into the buffer of the next read: the connection keeps the buffer that it is
/// in.
const MAX_COPIED_BYTES: usize = FRAME_BUFFER_BYTES / 2;

/// The memory that all connections share for large frames is used up.
#[derive(Debug)]
pub(super) struct BudgetExhausted;

/// The receiving side of a connection.
pub(super) struct Input {
    /// The incomplete frame.
    partial: BytesMut,
    /// Whether the last read went into memory that belongs to this connection. Such memory may be large and must not go
    /// to the worker's other connections.
    is_own: bool,
    share: Share,
}

impl Input {
    pub(super) fn new(share: Share) -> Self {
        Self { partial: BytesMut::new(), is_own: false, share }
    }

    /// Reads once. Returns the bytes that are not processed yet, beginning with the incomplete frame of earlier reads;
    /// `None` at the end of the stream.
    pub(super) fn poll_read(
        &mut self,
        stream: &mut Watched,
        buffers: &Buffers,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Option<BytesMut>>> {
        ready!(stream.poll_readable(cx))?;
        self.is_own = self.partial.len() > MAX_COPIED_BYTES;
        let mut bytes = if self.is_own {
            std::mem::take(&mut self.partial)
        } else {
            let mut bytes = buffers.input();
            bytes.extend_from_slice(&self.partial);
            bytes
        };
        let read = poll_read_buf(Pin::new(stream), cx, &mut bytes);
        if let Poll::Ready(Ok(1..)) = read {
            return Poll::Ready(Ok(Some(bytes)));
        }
        match self.is_own {
            true => self.partial = bytes,
            false => buffers.put_input(bytes),
        }
        read.map_ok(|_| None)
    }

    /// Keeps an incomplete frame until more bytes arrive.
    pub(super) fn keep(
        &mut self,
        bytes: BytesMut,
        decoder: RunDecoder,
        buffers: &Buffers,
    ) -> Result<(), BudgetExhausted> {
        if bytes.len() > MAX_COPIED_BYTES {
            self.partial = with_room(bytes, decoder);
        } else {
            self.partial = BytesMut::from(&bytes[..]);
            if !self.is_own {
                buffers.put_input(bytes);
            }
        }
        match self.partial.capacity() {
            small if small <= UNBUDGETED_BYTES => {
                self.share.release();
                Ok(())
            }
            large if self.share.grow_to(large) => Ok(()),
            _ => Err(BudgetExhausted),
        }
    }

    /// Drops the incomplete frame and releases its share of the memory.
    pub(super) fn clear(&mut self) {
        self.partial = BytesMut::new();
        self.share.release();
    }

    /// The id of the incomplete request; 0 if the id has not arrived yet.
    pub(super) fn id(&self) -> u32 {
        id_of(&self.partial)
    }
}

/// The id of a request; 0 if it has not arrived yet.
pub(super) fn id_of(frame: &[u8]) -> u32 {
    frame.get(4..8).and_then(|id| id.try_into().ok()).map_or(0, u32::from_le_bytes)
}

/// Makes room for more of a large incomplete frame: for the length that it claims, but at most for twice the bytes that
/// have arrived, so that a claim alone costs nothing.
fn with_room(bytes: BytesMut, decoder: RunDecoder) -> BytesMut {
    if bytes.len() < bytes.capacity() {
        return bytes;
    }
    // The claimed length exceeds `bytes`, because the frame is incomplete.
    let claimed = decoder.claimed(&bytes).ok().flatten().unwrap_or_default();
    let mut larger = BytesMut::with_capacity(claimed.min(2 * bytes.len()));
    larger.extend_from_slice(&bytes);
    larger
}
