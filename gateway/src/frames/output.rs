//! Replies on their way out, within limits.

use crate::budget::Share;
use crate::config::FRAME_BUFFER_BYTES;

/// Replies that are collected to be sent together.
#[derive(Debug)]
pub struct Output {
    bytes: Vec<u8>,
    share: Share,
}

impl Output {
    /// Collects in `bytes`; what goes beyond two buffers counts against `share`.
    pub fn new(bytes: Vec<u8>, share: Share) -> Self {
        Self { bytes, share }
    }

    /// The replies.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The replies, to add to.
    pub(super) fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Whether what is here should be sent before anything more is carried out.
    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= FRAME_BUFFER_BYTES
    }

    /// Whether there is room for `more` bytes of an answer.
    pub(super) fn admit(&mut self, more: usize) -> bool {
        let total = self.bytes.len() + more;
        total <= 2 * FRAME_BUFFER_BYTES || self.share.grow_to(total)
    }

    /// Forgets the replies, which have been sent.
    pub fn clear(&mut self) {
        self.bytes.clear();
        if self.share.bytes() > 0 {
            self.bytes = Vec::new();
            self.share.release();
        }
    }

    /// The memory, to be used again.
    pub(super) fn into_memory(self) -> Vec<u8> {
        self.bytes
    }
}
