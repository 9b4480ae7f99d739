//! Memory that the sessions of a worker use by turns: an idle connection holds none of it, and what is used stays in the caches.

use std::cell::RefCell;

use bytes::BytesMut;

use crate::config::FRAME_BUFFER_BYTES;

/// Buffers of each kind that are kept while nobody uses them.
const SPARE_BUFFERS: usize = 16;

/// The buffers of one worker.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    input: RefCell<Vec<BytesMut>>,
    output: RefCell<Vec<Vec<u8>>>,
}

impl Buffers {
    /// An empty buffer with room for [`FRAME_BUFFER_BYTES`].
    pub(super) fn input(&self) -> BytesMut {
        let mut bytes = self.input.borrow_mut().pop().unwrap_or_default();
        // Takes back the memory of the run that was split off, which is gone by now.
        bytes.reserve(FRAME_BUFFER_BYTES);
        bytes
    }

    pub(super) fn put_input(&self, mut bytes: BytesMut) {
        bytes.clear();
        keep(&mut self.input.borrow_mut(), bytes.capacity(), bytes);
    }

    /// An empty buffer.
    pub(super) fn output(&self) -> Vec<u8> {
        self.output.borrow_mut().pop().unwrap_or_default()
    }

    pub(super) fn put_output(&self, mut bytes: Vec<u8>) {
        bytes.clear();
        keep(&mut self.output.borrow_mut(), bytes.capacity(), bytes);
    }
}

fn keep<B>(spare: &mut Vec<B>, capacity: usize, buffer: B) {
    if spare.len() < SPARE_BUFFERS && capacity <= 4 * FRAME_BUFFER_BYTES {
        spare.push(buffer);
    }
}
