//! Replies to be sent, within limits, and the LSNs that must be durable before they may be sent.

use proto::frame::{ErrorCode, encode_error};
use proto::{Lsn, Refusal};

use crate::config::FRAME_BUFFER_BYTES;
use crate::service::{ResponseMemory, Service};

/// Collects replies, to send them together.
#[derive(Debug)]
pub struct Output {
    bytes: Vec<u8>,
    memory: ResponseMemory,
    waiting: Vec<Waiting>,
}

/// A reply that must wait.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    /// The LSN that must be durable.
    lsn: Lsn,
    /// Offset of the reply in `bytes`.
    at: usize,
}

impl Output {
    /// Collects replies in `bytes`. What exceeds two buffers counts against `--response-memory`.
    pub fn new(bytes: Vec<u8>, service: &Service) -> Self {
        Self { bytes, memory: service.response_memory(2 * FRAME_BUFFER_BYTES), waiting: Vec::new() }
    }

    /// The replies.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The replies, to add to.
    pub(super) fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Whether the replies should be sent before more requests are executed.
    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= FRAME_BUFFER_BYTES
    }

    /// Reserves memory for `more` bytes of a reply.
    pub(super) fn admit(&mut self, more: usize) -> Result<(), Refusal> {
        self.memory.grow_to(self.bytes.len() + more)
    }

    /// Makes the reply at offset `at` wait until `lsn` is durable.
    pub(super) fn wait_for(&mut self, lsn: Lsn, at: usize) {
        match self.waiting.last_mut() {
            // Another item of the same multi request.
            Some(last) if last.at == at => last.lsn = last.lsn.max(lsn),
            _ => self.waiting.push(Waiting { lsn, at }),
        }
    }

    /// The LSN that must be durable before all replies may be sent, and the number of bytes before the first reply that
    /// waits.
    pub fn awaits(&self) -> Option<(Lsn, usize)> {
        let last = self.waiting.iter().map(|waiting| waiting.lsn).max()?;
        Some((last, self.waiting.first()?.at))
    }

    /// Replaces the replies that wait for an LSN after `durable`, the last durable one, with errors that say that the
    /// outcome is unknown. Returns how many there were.
    pub(super) fn give_up_waiting(&mut self, durable: Lsn) -> u64 {
        let message = Refusal::OutcomeUnknown.to_string();
        let replies = std::mem::take(&mut self.bytes);
        let (mut copied, mut unknown) = (0, 0);
        for waiting in self.waiting.drain(..).filter(|waiting| waiting.lsn > durable) {
            let word =
                |at: usize| replies.get(at..at + 4).and_then(|word| word.try_into().ok()).map_or(0, u32::from_le_bytes);
            let (length, id) = (word(waiting.at) as usize, word(waiting.at + 4));
            self.bytes.extend_from_slice(&replies[copied..waiting.at]);
            encode_error(&mut self.bytes, id, ErrorCode::OutcomeUnknown, &message);
            copied = waiting.at + length;
            unknown += 1;
        }
        self.bytes.extend_from_slice(&replies[copied..]);
        unknown
    }

    /// Removes the replies after they were sent.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.waiting.clear();
        if self.memory.bytes() > 0 {
            self.bytes = Vec::new();
            self.memory.release();
        }
    }

    /// The buffer, for reuse.
    pub(super) fn into_memory(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use engine::Engine;
    use proto::Reply;
    use proto::frame::{Answer, Frames, ReplyFrame, encode_reply};

    use super::*;
    use crate::budget::Budget;
    use crate::config::Durability;

    #[test]
    fn only_what_is_not_durable_becomes_an_error() {
        let engine = Arc::new(Engine::new(engine::Options::default()));
        let service = Service::without_log(engine, Durability::Sync, Budget::new(0));
        let mut output = Output::new(Vec::new(), &service);
        // Replies to reads, and to the writes with LSNs 5, 7 and 9.
        for (id, lsn) in [(1, None), (2, Some(5)), (3, None), (4, Some(7)), (5, Some(9)), (6, None)] {
            if let Some(lsn) = lsn {
                output.wait_for(lsn, output.bytes().len());
            }
            encode_reply(output.bytes_mut(), id, &Reply::Count(id));
        }
        assert_eq!(output.awaits(), Some((9, 16)));
        assert_eq!(output.give_up_waiting(5), 2);
        let refused = |frame| match ReplyFrame::decode(frame).expect("a reply") {
            ReplyFrame { id, answer: Answer::Refused { code, .. } } => (id, Some(code)),
            ReplyFrame { id, answer } => {
                assert_eq!(answer, Answer::Count(id));
                (id, None)
            }
        };
        let unknown = Some(ErrorCode::OutcomeUnknown);
        let expected = [(1, None), (2, None), (3, None), (4, unknown), (5, unknown), (6, None)];
        assert!(Frames::new(output.bytes()).map(refused).eq(expected));
    }
}
