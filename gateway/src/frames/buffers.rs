//! Buffers shared by the sessions of a worker. An idle connection holds none, and the few buffers in use stay in the
//! caches.

use std::cell::RefCell;

use bytes::BytesMut;

use crate::config::FRAME_BUFFER_BYTES;

/// Maximum number of unused buffers of each kind that are kept.
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
        // Reclaims the memory of the run of frames that was split off, which has been dropped by now.
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
